"""Open a database that is ready to use, and hand out its transactions."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TypeAlias

from sqlalchemy.orm import Session, sessionmaker

from marketing_cli.database.damage import refuse_damaged
from marketing_cli.database.engine import (
    DEFAULT_BUSY_TIMEOUT,
    Hurried,
    make_engine,
    sqlite_path,
    wait_until_free,
)
from marketing_cli.database.failures import DATABASE_ERRORS, failures_explained
from marketing_cli.database.layouts import note_spread
from marketing_cli.database.migration import require_newest_schema
from marketing_cli.database.stored_values import named
from marketing_cli.errors import MmsgError, UnreadableValue

Transactions: TypeAlias = Callable[[], AbstractContextManager[Session]]
"""Begins a transaction that commits when its block ends well, and rolls back otherwise."""


@contextmanager
def open_database(
    url: str,
    *,
    writes: bool = False,
    busy_timeout: float = DEFAULT_BUSY_TIMEOUT,
    hurried: Hurried = lambda: False,
    to_copy: bool = False,
) -> Iterator[Transactions]:
    """The transactions of a migrated database; it is closed when the block ends. For `hurried` see `make_engine`.

    A half-copied database is opened only `to_copy` into it; what is said here of the others goes for it then.

    Raises DatabaseUnavailable, DatabaseMissing, DatabaseAhead or DatabaseBehind before the block, or MmsgError for a
    damaged one that is to be written to; and turns what the database reports inside the block into a MmsgError.
    """
    if writes and sqlite_path(url) is not None:
        look_over(url, busy_timeout, to_copy=to_copy)
    engine = make_engine(url, writes=writes, busy_timeout=busy_timeout, hurried=hurried)
    try:
        with failures_explained(connecting=True):
            require_newest_schema(engine, to_copy=to_copy)
            note_spread(engine)
        # A run that stores has a report of its own for what happens once it is under way.
        transactions = sessionmaker(engine, expire_on_commit=False).begin
        with failures_explained(under_way=not writes):
            if writes:
                yield transactions
            else:
                with _values_named(transactions):
                    yield transactions
    finally:
        engine.dispose()


@contextmanager
def _values_named(transactions: Transactions) -> Iterator[None]:
    """Turn a failure over a value that cannot be read, wherever it came up, into one that names its row."""
    try:
        yield
    except Exception as error:
        if isinstance(error, MmsgError) and not (isinstance(error, UnreadableValue) and not error.place):
            raise
        try:
            failure = named(transactions)
        except DATABASE_ERRORS:  # then it is the first failure that tells
            failure = None
        if failure is None:
            raise
        failure.under_way = True
        raise failure from error


def look_over(url: str, busy_timeout: float, *, to_copy: bool = False) -> None:
    """Look at a SQLite file as a reader, since a writer sets the journal, also of others' files.

    Raises what `open_database` raises before its block, unless the file is ours and sound.
    """
    engine = make_engine(url, writes=False, busy_timeout=0)

    def look() -> None:
        require_newest_schema(engine, to_copy=to_copy)
        refuse_damaged(engine)

    try:
        with failures_explained(connecting=True):
            # Waited for here, in steps: a reader's own waiting cannot be interrupted.
            wait_until_free(look, busy_timeout)
    finally:
        engine.dispose()
