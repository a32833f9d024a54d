"""Open a database that is ready to use, and hand out its transactions."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TypeAlias

from sqlalchemy.orm import Session, sessionmaker

from marketing_cli.database.damage import refuse_damaged
from marketing_cli.database.engine import DEFAULT_BUSY_TIMEOUT, make_engine
from marketing_cli.database.failures import failures_explained
from marketing_cli.database.migration import require_newest_schema

Transactions: TypeAlias = Callable[[], AbstractContextManager[Session]]
"""Begins a transaction that commits when its block ends well, and rolls back otherwise."""


@contextmanager
def open_database(
    url: str, *, writes: bool = False, busy_timeout: float = DEFAULT_BUSY_TIMEOUT
) -> Iterator[Transactions]:
    """The transactions of a migrated database; it is closed when the block ends.

    Raises DatabaseUnavailable, DatabaseMissing, DatabaseAhead or DatabaseBehind before the block, or MmsgError for a
    damaged one that is to be written to; and turns what the database reports inside the block into a MmsgError.
    """
    engine = make_engine(url, writes=writes, busy_timeout=busy_timeout)
    try:
        with failures_explained(connecting=True):
            require_newest_schema(engine)
            if writes:
                refuse_damaged(engine)
        with failures_explained():
            yield sessionmaker(engine, expire_on_commit=False).begin
    finally:
        engine.dispose()
