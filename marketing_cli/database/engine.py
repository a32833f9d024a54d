"""Engines for SQLite and PostgreSQL, set up so that a returned COMMIT survives a power cut."""

import logging
import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import quote

import orjson
from sqlalchemy import Connection, Engine, StaticPool, create_engine, event, func, select
from sqlalchemy.engine import URL, Dialect, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection

from marketing_cli.database.same_file import OpenedFile
from marketing_cli.database.sqlite_file import require_file
from marketing_cli.errors import DatabaseUnavailable, MmsgError

DEFAULT_BUSY_TIMEOUT = 60.0
"""Seconds to wait for another writer."""

# Python's driver asks every value but numbers and text, at some expense, how it wants to be stored. As it is.
sqlite3.register_adapter(bytes, bytes)
sqlite3.register_adapter(type(None), dict[None, None]().get)

# What fails while something else ends a connection, such as Ctrl-C, it would print with a traceback.
logging.getLogger("sqlalchemy").addHandler(logging.NullHandler())

_FIXED_IN = ((3, 51, 3), (3, 50, 7), (3, 44, 6))
_FULL = 2
_FIRST_WAIT, _LONGEST_WAIT = 0.001, 0.1
_LAST_WAIT = 1.0
_READER_WAIT = 10.0
_ENCODING = "UTF8"


Hurried: TypeAlias = Callable[[], bool]
"""Asked while waiting for a lock: whether it is not worth waiting for much longer."""


def make_engine(
    url: str, *, writes: bool, busy_timeout: float = DEFAULT_BUSY_TIMEOUT, hurried: Hurried = lambda: False
) -> Engine:
    """An engine whose transactions take their locks at once (`writes`) or never write.

    Once `hurried`, a SQLite transaction that has not begun waits for a second at most, as if its time were up then.
    Raises DatabaseMissing when a SQLite file does not exist: looking must not create one; DatabaseUnavailable when
    that cannot be found out, or when the path leads to anything but a plain file.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return _sqlite_engine(parsed, writes=writes, waiting=_Waiting(busy_timeout, hurried))
    return _postgresql_engine(parsed, writes=writes, busy_timeout=busy_timeout)


def _json_text(value: object) -> str:
    return orjson.dumps(value).decode()


def sqlite_path(url: str | URL) -> Path | None:
    """The file of a SQLite URL; None for another database."""
    parsed = make_url(url)
    return Path(parsed.database or "") if parsed.get_backend_name() == "sqlite" else None


def prepare_file(url: str) -> None:
    """Create an empty SQLite file that only its owner can read, unless it exists."""
    path = sqlite_path(url)
    if path is None:
        return
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        return
    except OSError as error:
        raise DatabaseUnavailable(
            f"cannot create the database file {path}: {error.strerror}. Check the folder, or set DATABASE_URL."
        ) from None


def safe_journal_mode(version: tuple[int, int, int] = sqlite3.sqlite_version_info) -> str:
    """WAL where the engine is free of the WAL-reset bug (sqlite.org/wal.html), else the TRUNCATE rollback journal."""
    newest = version >= _FIXED_IN[0]
    patched = any(version[:2] == fixed[:2] and version >= fixed for fixed in _FIXED_IN)
    return "wal" if newest or patched else "truncate"


def wait_until_free(attempt: Callable[[], object], busy_timeout: float) -> None:
    """Try until nobody holds a lock on SQLite's file that the attempt needs, or the time is up."""
    _Waiting(busy_timeout).until_free(attempt)


def _sqlite_engine(url: URL, *, writes: bool, waiting: "_Waiting") -> Engine:
    path = Path(url.database or "")
    require_file(path)

    def connect() -> sqlite3.Connection:
        # mode=rw never creates a file; isolation_level=None leaves BEGIN to us, or reads would be outside it.
        where = f"file:{quote(str(path.absolute()))}?mode=rw"
        wait = 0.0 if writes else min(waiting.seconds, _READER_WAIT)
        return sqlite3.connect(where, uri=True, isolation_level=None, timeout=wait, check_same_thread=False)

    engine = create_engine(
        url, creator=connect, hide_parameters=True, json_serializer=_json_text, json_deserializer=orjson.loads
    )
    event.listen(engine, "connect", lambda connection, _: _set_up_sqlite(connection, waiting, writes=writes))
    event.listen(engine, "begin", lambda connection: waiting.execute(connection, "IMMEDIATE" if writes else "DEFERRED"))
    if writes:
        file = OpenedFile(path)
        event.listen(engine, "begin", lambda _: file.check())
        event.listen(engine, "commit", waiting.commit)
        event.listen(engine, "commit", lambda _: file.check())
    return engine


def engine_on(connection: sqlite3.Connection) -> Engine:
    """An engine on this one SQLite connection, which nobody else uses and whose `isolation_level` is None."""
    engine = create_engine(
        "sqlite://",
        creator=lambda: connection,
        poolclass=StaticPool,
        hide_parameters=True,
        json_serializer=_json_text,
        json_deserializer=orjson.loads,
    )
    event.listen(engine, "connect", lambda raw, _: raw.execute("PRAGMA foreign_keys = ON"))
    event.listen(engine, "begin", lambda begun: begun.exec_driver_sql("BEGIN"))
    return engine


class _Waiting:
    """Wait for SQLite's locks in small steps, so that a signal is seen while waiting."""

    def __init__(self, seconds: float, hurried: Hurried = lambda: False) -> None:
        self.seconds = seconds
        self._hurried = hurried

    def execute(self, connection: Connection, kind: str) -> None:
        """Begin a transaction, waiting for the lock; not for long once hurried, since nothing is lost yet."""
        self.until_free(lambda: connection.exec_driver_sql(f"BEGIN {kind}"), self._hurried)

    def commit(self, connection: Connection) -> None:
        """Commit ahead of the driver: a reader can make COMMIT wait, and it may be tried again."""
        raw: Any = connection.connection.dbapi_connection
        self.until_free(lambda: raw.execute("COMMIT") if raw.in_transaction else None)

    def until_free(self, attempt: Callable[[], object], hurried: Hurried = lambda: False) -> Any:  # noqa: ANN401
        """Try until it works or the time is up; any other error passes at once."""
        deadline = time.monotonic() + self.seconds
        wait = _FIRST_WAIT
        while True:
            try:
                return attempt()
            except Exception as error:
                if hurried():
                    deadline = min(deadline, time.monotonic() + _LAST_WAIT)
                if not is_busy(error) or time.monotonic() + wait > deadline:
                    raise
            time.sleep(wait)
            wait = min(wait * 2, _LONGEST_WAIT)


def is_busy(error: BaseException) -> bool:
    """True when SQLite says that somebody else holds a lock."""
    original = getattr(error, "orig", error)
    code = getattr(original, "sqlite_errorcode", None)
    return isinstance(original, sqlite3.OperationalError) and code is not None and code & 0xFF in {5, 6}


def _set_up_sqlite(connection: Any, waiting: _Waiting, *, writes: bool) -> None:  # noqa: ANN401 - a DBAPI connection
    connection.execute("PRAGMA foreign_keys = ON")
    if not writes:
        connection.execute("PRAGMA query_only = ON")
        return
    mode = safe_journal_mode()
    found = waiting.until_free(lambda: connection.execute(f"PRAGMA journal_mode = {mode}").fetchone()[0])
    connection.execute("PRAGMA synchronous = FULL")
    # A batch must find room, or its pages are written and fetched again before its COMMIT.
    connection.execute("PRAGMA cache_size = -28672")  # in KiB
    if str(found).lower() != mode or connection.execute("PRAGMA synchronous").fetchone()[0] != _FULL:
        raise MmsgError(f"SQLite did not accept journal mode {mode} with full synchronisation; nothing was written.")


def _postgresql_engine(url: URL, *, writes: bool, busy_timeout: float) -> Engine:
    # Generic plans made while the tables were empty cost several times the speed; PgBouncer wants none either.
    connect_args: dict[str, Any] = {
        "prepare_threshold": None,
        "keepalives": 1,
        "keepalives_idle": 30,
        "connect_timeout": 10,
    }
    # Whatever PGCLIENTENCODING, the role's settings or the URL say.
    connect_args["client_encoding"] = _ENCODING
    # Positional parameters: what bulk inserts hand over.
    # Whatever the server prefers: a transaction that has waited for its locks must see what it waited for.
    engine = create_engine(
        url,
        connect_args=connect_args,
        hide_parameters=True,
        isolation_level="READ COMMITTED",
        json_serializer=_json_text,
        json_deserializer=orjson.loads,
        paramstyle="format",
    )
    milliseconds = max(1, round(busy_timeout * 1000))
    # SET LOCAL, in each transaction: behind a pooler a plain SET would leak to the next client.
    settings = {"lock_timeout": f"{milliseconds}ms", "idle_in_transaction_session_timeout": "300s"}
    # Moments come as text: in another zone the last hours of 9999 are a year that cannot be read.
    settings |= {"TimeZone": "UTC", "DateStyle": "ISO"}
    settings |= {"synchronous_commit": "on"} if writes else {"transaction_read_only": "on"}
    if writes:
        # Citus writes to a table of every node after distributed ones only so; to others the name says nothing.
        settings["citus.multi_shard_modify_mode"] = "sequential"
    statement = select(*(func.set_config(name, value, True) for name, value in settings.items()))  # noqa: FBT003
    event.listen(engine, "do_connect", _connect_to_utf8)
    event.listen(engine, "begin", lambda connection: connection.execute(statement))
    return engine


def _connect_to_utf8(dialect: Dialect, _record: object, args: list[Any], kwargs: dict[str, Any]) -> DBAPIConnection:
    """Connect. Raises DatabaseUnavailable when the database cannot hold every text that an event may hold."""
    connection: Any = dialect.connect(*args, **kwargs)
    # The server tells by itself; a pooler may not.
    encoding = connection.info.parameter_status("server_encoding")
    if encoding not in {None, _ENCODING}:
        name = connection.info.dbname
        connection.close()
        raise DatabaseUnavailable(
            f"the database {name} is encoded as {encoding}, in which not every text can be stored. Create one with"
            f" ENCODING '{_ENCODING}' TEMPLATE template0, and name it in DATABASE_URL."
        )
    return connection  # type: ignore[no-any-return]
