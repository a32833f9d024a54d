"""Transactions that leave no trace: what a dry run works in."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import sessionmaker

from marketing_cli.database.engine import DEFAULT_BUSY_TIMEOUT, engine_on, make_engine, sqlite_path
from marketing_cli.database.failures import failures_explained
from marketing_cli.database.layouts import note_spread
from marketing_cli.database.migration import require_newest_schema
from marketing_cli.database.sessions import Transactions, look_over
from marketing_cli.domain.slots import EVERYBODY
from marketing_cli.errors import MmsgError
from marketing_cli.repositories.locks import lock_slots

_NO_ROOM = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}


@contextmanager
def open_sandbox(
    url: str, *, busy_timeout: float = DEFAULT_BUSY_TIMEOUT, slots: Sequence[int] = EVERYBODY.slots
) -> Iterator[Transactions]:
    """Transactions on the database as it stands, all undone when the block ends.

    SQLite: on a private copy, so that other runs go on. PostgreSQL: savepoints in one transaction, which holds the
    lock of every user of these slots from the start (taking them batch by batch could wait in a circle with another).
    """
    path = sqlite_path(url)
    opened = _in_one_transaction(url, busy_timeout, slots) if path is None else _on_a_copy(url, path, busy_timeout)
    with opened as transactions:
        yield transactions


@contextmanager
def _on_a_copy(url: str, path: Path, busy_timeout: float) -> Iterator[Transactions]:
    look_over(url, busy_timeout)
    # Without a name it is a temporary file that SQLite unlinks as soon as it is open: however the run ends, nothing
    # of it stays, and nobody else can open it.
    with closing(sqlite3.connect("", isolation_level=None, check_same_thread=False)) as copy:
        with _copying_explained():
            _copy(path, copy, busy_timeout)
        engine = engine_on(copy)
        with failures_explained():
            yield sessionmaker(engine, expire_on_commit=False).begin
        engine.dispose()


def _copy(path: Path, copy: sqlite3.Connection, busy_timeout: float) -> None:
    where = f"{path.absolute().as_uri()}?mode=rw"
    with closing(sqlite3.connect(where, uri=True, timeout=busy_timeout, isolation_level=None)) as source:
        # Locked by reading, within the time-out: the copying itself would wait for another's lock without an end.
        source.execute("BEGIN")
        source.execute("SELECT count(*) FROM sqlite_master").fetchone()
        source.backup(copy)


@contextmanager
def _copying_explained() -> Iterator[None]:
    try:
        with failures_explained(connecting=True):
            yield
    except MmsgError as error:
        if getattr(error.__cause__, "sqlite_errorcode", 0) & 0xFF not in _NO_ROOM:
            raise
        raise MmsgError(
            "a dry run works on a private copy of the database, and there is no room for one. Make room for it, or"
            " point TMPDIR at a folder that has room."
        ) from error


@contextmanager
def _in_one_transaction(url: str, busy_timeout: float, slots: Sequence[int]) -> Iterator[Transactions]:
    engine = make_engine(url, writes=True, busy_timeout=busy_timeout)
    try:
        with failures_explained(connecting=True):
            require_newest_schema(engine)
            note_spread(engine)
        with failures_explained(), engine.connect() as connection, connection.begin() as whole:
            # It lasts as long as the run, and waits with it for slow input.
            connection.execute(select(func.set_config("idle_in_transaction_session_timeout", "0", True)))  # noqa: FBT003
            savepoints = sessionmaker(connection, join_transaction_mode="create_savepoint", expire_on_commit=False)
            with savepoints.begin() as session:  # committed, since a savepoint that is undone gives its locks back
                lock_slots(session, slots)
            try:
                yield savepoints.begin
            finally:
                whole.rollback()
    finally:
        engine.dispose()
