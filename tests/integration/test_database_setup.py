"""How databases are opened: durable, private, and the same whatever the server or the user's shell prefers."""

import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import NullPool, create_engine, make_url, text
from sqlalchemy.exc import DBAPIError

from marketing_cli.database import engine as engines
from marketing_cli.database.engine import make_engine, safe_journal_mode
from marketing_cli.database.migration import migrate
from marketing_cli.errors import DatabaseUnavailable, MmsgError
from marketing_cli.models import Event, SendRequest
from support.databases import only_postgresql, only_sqlite
from support.deciding import make_rule
from support.events import make_event, write_events
from support.processing import open_store
from support.program import Program

WRITE = text("UPDATE alembic_version SET version_num = version_num")


def pragma(url: str, name: str, *, writes: bool) -> Any:
    """A setting as a connection of ours has it."""
    engine = make_engine(url, writes=writes)
    with engine.connect() as connection:
        value = connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
    engine.dispose()
    return value


@pytest.mark.parametrize(
    ("version", "mode"),
    [
        ((3, 7, 0), "truncate"),
        ((3, 37, 2), "truncate"),
        ((3, 40, 1), "truncate"),
        ((3, 44, 5), "truncate"),
        ((3, 44, 6), "wal"),
        ((3, 44, 7), "wal"),
        ((3, 45, 0), "truncate"),
        ((3, 45, 6), "truncate"),
        ((3, 46, 9), "truncate"),
        ((3, 50, 6), "truncate"),
        ((3, 50, 7), "wal"),
        ((3, 50, 8), "wal"),
        ((3, 51, 0), "truncate"),
        ((3, 51, 2), "truncate"),
        ((3, 51, 3), "wal"),
        ((3, 52, 0), "wal"),
        ((4, 0, 0), "wal"),
    ],
)
def test_wal_only_where_it_is_safe(version: tuple[int, int, int], mode: str) -> None:
    """In the versions that are free of the WAL-reset bug, and later ones."""
    assert safe_journal_mode(version) == mode


@only_sqlite
@pytest.mark.parametrize("mode", ["wal", "truncate"])
def test_a_writer_sets_what_a_power_cut_needs(database_url: str, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The journal that is safe here, full synchronisation, and foreign keys."""
    assert pragma(database_url, "journal_mode", writes=True) == safe_journal_mode(sqlite3.sqlite_version_info)
    monkeypatch.setattr(engines, "safe_journal_mode", lambda: mode)
    assert pragma(database_url, "journal_mode", writes=True) == mode
    assert pragma(database_url, "synchronous", writes=True) == 2
    assert pragma(database_url, "foreign_keys", writes=True) == 1


@only_sqlite
def test_settings_that_do_not_take_are_an_error(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are read back: a promise that the file system does not keep is not made."""
    monkeypatch.setattr(engines, "safe_journal_mode", lambda: "no_such_mode")
    with pytest.raises(MmsgError, match="did not accept journal mode"), open_store(database_url) as store:
        store.rows(Event)


@only_sqlite
def test_a_reader_changes_nothing(database_url: str) -> None:
    """Not the journal, which is for writers to set, and no row."""
    before = pragma(database_url, "journal_mode", writes=True)
    other = "wal" if before == "truncate" else "truncate"
    raw = sqlite3.connect(make_url(database_url).database or "")
    raw.execute(f"PRAGMA journal_mode = {other}")
    raw.close()
    persistent = "wal" if other == "wal" else "delete"
    assert pragma(database_url, "journal_mode", writes=False) == persistent
    assert pragma(database_url, "query_only", writes=False) == 1


def test_a_reader_cannot_write(database_url: str) -> None:
    """On either database."""
    engine = make_engine(database_url, writes=False)
    with engine.connect() as connection, pytest.raises(DBAPIError, match=r"read.?only"):
        connection.execute(WRITE)
    engine.dispose()


@pytest.fixture
def no_umask() -> Iterator[None]:
    """Nothing is taken from the modes of new files."""
    before = os.umask(0)
    yield
    os.umask(before)


@only_sqlite
@pytest.mark.parametrize("mode", ["wal", "truncate"])
@pytest.mark.usefixtures("no_umask")
def test_files_are_their_owners_alone(empty_database_url: str, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database and what SQLite puts beside it while it is written, whatever the shell's umask."""
    monkeypatch.setattr(engines, "safe_journal_mode", lambda: mode)
    migrate(empty_database_url)
    path = Path(make_url(empty_database_url).database or "")
    seen: dict[str, int] = {}
    with open_store(empty_database_url) as store:

        def look(*_: object) -> None:
            seen.update({file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.glob(f"{path.name}*")})

        store.run().batch(make_event(), before_commit=look)
    assert len(seen) >= 2
    assert set(seen.values()) == {0o600}


@only_sqlite
def test_the_mode_of_an_existing_file_is_left_alone(empty_database_url: str) -> None:
    """Whoever shares a database with a group has said so."""
    path = Path(make_url(empty_database_url).database or "")
    path.touch(mode=0o660)
    path.chmod(0o660)
    migrate(empty_database_url)
    assert stat.S_IMODE(path.stat().st_mode) == 0o660


EXTREMES = ["1970-01-01T00:00:00Z", "1969-12-31T23:00:00-01:00", "9999-12-31T23:59:59.999999Z"]


@only_postgresql
@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("TimeZone", "Asia/Kathmandu"),
        ("TimeZone", "America/Los_Angeles"),
        ("TimeZone", "Pacific/Kiritimati"),
        ("DateStyle", "German, DMY"),
        ("DateStyle", "SQL, MDY"),
        ("default_transaction_isolation", "serializable"),
        ("synchronous_commit", "off"),
        ("standard_conforming_strings", "off"),
        ("bytea_output", "escape"),
    ],
)
def test_the_servers_own_settings_do_not_matter(database_url: str, setting: str, value: str) -> None:
    """Every moment that can be stored can be read back, the same, and commits are durable."""
    administrator = create_engine(database_url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with administrator.connect() as connection:
        connection.exec_driver_sql(f"ALTER DATABASE \"{make_url(database_url).database}\" SET {setting} = '{value}'")
    events = [
        make_event(event_id=f"e{number}", user_id=f"u_{number}", event_timestamp=moment, properties={"x": "a\\b'c"})
        for number, moment in enumerate(EXTREMES)
    ]
    with open_store(database_url) as store:
        run = store.run(make_rule(name="r", on="signup_completed", limit="once_ever"))
        run.batch(*events)
        run.batch(*(event | {"event_id": f"again{number}"} for number, event in enumerate(events)))
        moments = [row.event_timestamp.isoformat() for row in store.rows(Event)[:3]]
        assert moments == ["1970-01-01T00:00:00+00:00", "1970-01-01T00:00:00+00:00", "9999-12-31T23:59:59.999999+00:00"]
        assert [row.properties for row in store.rows(Event)[:3]] == [{"x": "a\\b'c"}] * 3
        assert len(store.rows(SendRequest)) == 3
        assert run.batch(*events).duplicates == 3
        with store.transactions() as session:
            assert session.scalar(text("SHOW synchronous_commit")) == "on"
            assert session.scalar(text("SHOW transaction_isolation")) == "read committed"


@only_postgresql
def test_connecting_asks_the_server_for_nothing(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a session is to be like is said in each transaction: a pooler refuses it, or mixes it up, any earlier."""
    asked: list[dict[str, Any]] = []
    connect = engines._connect_to_utf8  # noqa: SLF001 - watched, not changed

    def watched(*told: Any) -> Any:
        asked.append(dict(told[-1]))
        return connect(*told)

    monkeypatch.setattr(engines, "_connect_to_utf8", watched)
    engine = make_engine(database_url, writes=True)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT 1").scalar_one() == 1
    engine.dispose()
    (named,) = asked
    of_the_driver = {
        "prepare_threshold",
        "keepalives",
        "keepalives_idle",
        "connect_timeout",
        "client_encoding",
        "context",
    }
    assert named.keys() - {"host", "port", "user", "password", "dbname"} == of_the_driver
    assert (named["prepare_threshold"], named["client_encoding"]) == (None, "UTF8")


@only_postgresql
def test_nothing_is_left_set_for_the_next_client(database_url: str) -> None:
    """Behind a pooler the connection goes on to somebody else: what a transaction sets ends with it."""
    names = ("TimeZone", "DateStyle", "lock_timeout", "synchronous_commit", "idle_in_transaction_session_timeout")
    with open_store(database_url, busy_timeout=1.5) as store:
        with store.transactions() as session:
            session.execute(text("SELECT 1"))
            raw: Any = session.connection().connection.driver_connection
            assert raw.execute("SHOW lock_timeout").fetchone() == ("1500ms",)
        plain = store.engine.raw_connection()
        ours = [plain.driver_connection.execute(f"SHOW {name}").fetchone() for name in names]  # type: ignore[union-attr]
        plain.close()
    fresh = create_engine(database_url, poolclass=NullPool)
    with fresh.connect() as connection:
        assert [tuple(connection.exec_driver_sql(f"SHOW {name}").one()) for name in names] == ours


@only_postgresql
@pytest.mark.parametrize(("writes", "mode"), [(True, "sequential"), (False, None)])
def test_writers_ask_citus_to_write_in_turn(database_url: str, writes: bool, mode: str | None) -> None:
    """In each transaction and no longer; a server without Citus takes the name for one of nobody's."""
    asked = "SELECT nullif(current_setting('citus.multi_shard_modify_mode', true), '')"
    engine = make_engine(database_url, writes=writes)
    with engine.connect() as connection:
        for _ in range(2):
            with connection.begin():
                assert connection.exec_driver_sql(asked).scalar_one() == mode
            raw: Any = connection.connection.driver_connection
            assert raw.execute(asked).fetchone() == (None,)
            raw.rollback()
    engine.dispose()


@only_postgresql
@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_database_of_another_encoding_is_refused(database_url: str, encoding: str) -> None:
    """It could not hold every text: told before anything is stored, with what to do."""
    admin = create_engine(database_url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    name = f"{make_url(database_url).database}_{encoding.lower()}"
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name} ENCODING '{encoding}' TEMPLATE template0 LOCALE 'C'")
    try:
        with pytest.raises(DatabaseUnavailable, match=f"{name} is encoded as {encoding}.*ENCODING 'UTF8'"):
            migrate(make_url(database_url).set(database=name).render_as_string(hide_password=False))
    finally:
        with admin.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")


@only_postgresql
@pytest.mark.usefixtures("database_url")
@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_the_clients_own_encoding_does_not_matter(mmsg: Program, tmp_path: Path, encoding: str) -> None:
    """Whatever the shell says, text goes in and comes back as it is."""
    event = make_event(event_id="é😀", user_id="ζ")
    done = mmsg("ingest", write_events(tmp_path / "a.ndjson", event), env={"PGCLIENTENCODING": encoding})
    assert done.exit_code == 0, done.stderr
    shown = mmsg("audit", "é😀", "--json", env={"PGCLIENTENCODING": encoding})
    assert shown.json()["event"]["user_id"] == "ζ"


BROKEN_OFF = """
import sys
from contextlib import closing
from sqlalchemy import text
from marketing_cli.database.engine import make_engine

def interrupted(_):
    raise KeyboardInterrupt

try:
    with make_engine(sys.argv[1], writes=False).connect() as connection:
        connection.connection.dbapi_connection.text_factory = interrupted
        with closing(connection.execute(text("SELECT 'a'"))) as rows:
            list(rows)
except KeyboardInterrupt:
    print("interrupted")
"""


@only_sqlite
def test_a_reading_that_is_broken_off_prints_no_traceback(database_url: str) -> None:
    """SQLAlchemy closes the connection, then finds that it cannot close its cursor, and would tell everybody."""
    done = subprocess.run([sys.executable, "-c", BROKEN_OFF, database_url], check=True, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("interrupted\n", "")
