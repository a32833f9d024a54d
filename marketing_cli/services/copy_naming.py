"""Which of the two databases of a copy a failure is about."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy.exc import DataError

from marketing_cli.database.failures import failures_explained
from marketing_cli.errors import (
    DatabaseAhead,
    DatabaseBehind,
    DatabaseMissing,
    DatabaseUnavailable,
    MmsgError,
    UnreadableValue,
)

FROM: Final = "the database to copy from (DATABASE_URL): "
TO: Final = "the database to copy to (--to): "
_MIGRATE: Final = " `mmsg migrate` takes this one when DATABASE_URL is set to it."
_OF_DATABASES: Final = {MmsgError, DatabaseMissing, DatabaseBehind, DatabaseAhead, DatabaseUnavailable}


@contextmanager
def told_of(which: str) -> Iterator[None]:
    """Say in errors that it is this database, unless they say already which one it is."""
    try:
        yield
    except MmsgError as error:
        if type(error) not in _OF_DATABASES or str(error).startswith((FROM, TO)):
            raise
        migrate = _MIGRATE if which == TO and isinstance(error, DatabaseMissing | DatabaseBehind) else ""
        told = type(error)(f"{which}{error}{migrate}")
        told.under_way = error.under_way
        raise told from error


@contextmanager
def reading_it() -> Iterator[None]:
    """What the database to copy from reports, while the other one is open too.

    Raises UnreadableValue, which does not say where, for what is no value of its column.
    """
    with told_of(FROM), failures_explained(under_way=True):
        try:
            yield
        except DataError as error:
            raise UnreadableValue from error
