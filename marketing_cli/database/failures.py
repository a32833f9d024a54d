"""What a database's failure means to the person who ran the command: never the driver's text, which may hold data."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from marketing_cli.database.engine import is_busy
from marketing_cli.errors import DatabaseUnavailable, MmsgError

DATABASE_ERRORS = (SQLAlchemyError, sqlite3.Error)
"""What `explain` takes."""

DAMAGED = "the database file is damaged. Restore a backup, then run the same command again."

_LOCK_NOT_AVAILABLE = "55P03"
_SQLITE_MEANINGS = {
    sqlite3.SQLITE_FULL: "the disk is full. Make room and run the same command again.",
    sqlite3.SQLITE_CORRUPT: DAMAGED,
    sqlite3.SQLITE_NOTADB: "the file is not an SQLite database. Check DATABASE_URL.",
    sqlite3.SQLITE_READONLY: "the database cannot be written to. Check the permissions of the file and its folder.",
    sqlite3.SQLITE_CANTOPEN: "the database file cannot be opened. Check the permissions of the file and its folder.",
    sqlite3.SQLITE_IOERR: "the disk reported an error. Check it, then run the same command again.",
}
_CONNECTION_CLASSES = {"08", "28", "3D", "53", "57"}
_INSUFFICIENT_PRIVILEGE = "42501"
_SQLSTATE_CLASSES = {
    "0A": "it does not support what was asked of it",
    "22": "a value does not fit its column",
    "23": "a row contradicts what is stored",
    "25": "the transaction is in a state that does not allow this, such as on a server that only reads",
    "40": "it gave the transaction up",
    "42": "a table, column or type is not as this program expects, or exists already",
    "54": "a limit of the server was exceeded",
    "55": "something is in use, or not ready",
    "58": "the server's system reported an error",
    "XX": "the server reported an internal error",
}
_UNAVAILABLE = {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}


@contextmanager
def failures_explained(*, connecting: bool = False, under_way: bool = False) -> Iterator[None]:
    """Turn what the database reports inside the block into a MmsgError.

    With `connecting`, what comes of the connection or the server as a whole is a DatabaseUnavailable. `under_way` is
    what the error says of itself.

    SQLite's own errors are among it: they come unwrapped where SQLAlchemy is not asked, as for a COMMIT.
    """
    try:
        yield
    except PoolTimeout:
        failure: MmsgError = DatabaseUnavailable("no connection to the database became free in time.")
        failure.under_way = under_way
        raise failure from None
    except DATABASE_ERRORS as error:
        failure = explain(error, connecting=connecting)
        failure.under_way = under_way
        raise failure from error


def explain(error: SQLAlchemyError | sqlite3.Error, *, connecting: bool = False) -> MmsgError:
    """The failure in words, with the exit code it deserves."""
    original = error if isinstance(error, sqlite3.Error) else getattr(error, "orig", None)
    if is_busy(error) or getattr(original, "sqlstate", None) == _LOCK_NOT_AVAILABLE:
        return DatabaseUnavailable(
            "the database stayed busy: another run holds it. Run the same command again later;"
            " `ingest` and `migrate` wait longer with --busy-timeout."
        )
    if isinstance(original, sqlite3.Error):
        return _explain_sqlite(original)
    name = type(original or error).__name__
    state = getattr(original, "sqlstate", None)
    code = f"{name}, SQLSTATE {state}" if state else name
    if state == _INSUFFICIENT_PRIVILEGE:
        return MmsgError(
            f"the database's user lacks a privilege that this needs ({code}). Have it granted, or name another user"
            " in DATABASE_URL."
        )
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    refused = connecting and (not state or state[:2] in _CONNECTION_CLASSES)
    if lost and not connecting:
        # A COMMIT whose answer was lost may have taken effect.
        return DatabaseUnavailable(
            f"the connection to the database was lost ({code}). Check that the server runs, and run the same command"
            " again: the batch in hand may be stored or not, and nothing is stored twice."
        )
    if refused or lost:
        return DatabaseUnavailable(
            f"the connection to the database cannot be made ({code}). Check that the server runs, and DATABASE_URL."
        )
    meaning = _SQLSTATE_CLASSES.get((state or "")[:2])
    why = f"{meaning} ({code})" if meaning else f"({code})"
    done = "Nothing was changed." if connecting else "Nothing of the batch in hand was stored."
    return MmsgError(f"the database reported a failure{':' if meaning else ''} {why}. {done}")


def _explain_sqlite(original: sqlite3.Error) -> MmsgError:
    code = getattr(original, "sqlite_errorcode", 0) & 0xFF
    # The driver's own complaints have no code.
    name = getattr(original, "sqlite_errorname", type(original).__name__)
    meaning = _SQLITE_MEANINGS.get(code, f"the database reported a failure ({name}).")
    return DatabaseUnavailable(meaning) if code in _UNAVAILABLE else MmsgError(meaning)
