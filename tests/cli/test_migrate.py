"""`mmsg migrate`: set-up, again and again, at once, and from SQL on paper."""

import signal
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import NullPool, create_engine, inspect, make_url, text

from marketing_cli.database.migration import REVISIONS
from support.databases import only_postgresql, only_sqlite
from support.events import make_event, write_events
from support.ingesting import everybody_locked, has_open, ingest, query, run_here, server_warnings, wait_until
from support.program import Program

NEWEST = REVISIONS[-1]


def schema_of(url: str) -> dict[str, object]:
    """Everything that makes up a schema: tables, columns, keys, indexes; and the revision it says it is."""
    engine = create_engine(url, poolclass=NullPool)
    look = inspect(engine)
    parts = ("columns", "pk_constraint", "foreign_keys", "unique_constraints", "indexes", "check_constraints")
    found: dict[str, object] = {
        f"{table}.{part}": repr(getattr(look, f"get_{part}")(table))
        for table in look.get_table_names()
        for part in parts
    }
    return found | {"revision": query(url, "SELECT version_num FROM alembic_version")}


def test_the_database_is_brought_from_nothing_to_the_newest(empty_database_url: str) -> None:
    """From and to are said on standard error; a second time there is nothing to do, and that is fine."""
    warned = "".join(f"warning: {warning}\n" for warning in server_warnings(empty_database_url))
    first = run_here("migrate", url=empty_database_url)
    assert (first.exit_code, first.stdout, first.stderr) == (0, "", f"schema none → {NEWEST}\n{warned}")
    second = run_here("migrate", url=empty_database_url)
    assert (second.exit_code, second.stdout, second.stderr) == (0, "", f"schema {NEWEST} → {NEWEST}\n{warned}")
    assert run_here("migrate", "--check", url=empty_database_url).exit_code == 0


def test_what_is_stored_survives(database_url: str, tmp_path: Path) -> None:
    """Migrating a database that is in use loses nothing."""
    path = write_events(tmp_path / "events.ndjson", make_event())
    ingest(database_url, path)
    assert run_here("migrate", url=database_url).exit_code == 0
    assert ingest(database_url, path)["totals"]["duplicate"] == 1


def test_quiet_is_silent(empty_database_url: str) -> None:
    """On success; otherwise one line."""
    done = run_here("migrate", "--quiet", url=empty_database_url)
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "")
    done = run_here("--quiet", "migrate", "--check", url="postgresql://127.0.0.1:1/nothing")
    assert (done.exit_code, done.stderr.count("\n")) == (14, 1)


def test_a_check_changes_nothing(empty_database_url: str) -> None:
    """Not even by looking: where there was no database there still is none."""
    assert run_here("migrate", "--check", url=empty_database_url).exit_code == 10
    if empty_database_url.startswith("sqlite"):
        assert not Path(make_url(empty_database_url).database or "").exists()
    assert run_here("migrate", url=empty_database_url).exit_code == 0
    assert run_here("migrate", "--check", url=empty_database_url).exit_code == 0


def test_a_newer_database_is_left_alone(database_url: str) -> None:
    """A newer program has migrated it: 13, and nothing is changed."""
    engine = create_engine(database_url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'from_the_future'"))
    before = schema_of(database_url)
    for args in (["migrate"], ["migrate", "--check"]):
        done = run_here(*args, url=database_url)
        assert (done.exit_code, done.stdout) == (13, "")
        assert "newer" in done.stderr
    assert schema_of(database_url) == before


def test_the_sql_makes_the_same_schema(empty_database_url: str, database_url: str) -> None:
    """For a database that somebody else administers: run as it is, by the database's own means."""
    done = run_here("migrate", "--sql", url=empty_database_url)
    assert (done.exit_code, done.stderr) == (0, "")
    if empty_database_url.startswith("sqlite"):
        with sqlite3.connect(make_url(empty_database_url).database or "") as connection:
            connection.executescript(done.stdout)
        connection.close()
    else:
        engine = create_engine(empty_database_url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        with engine.connect() as connected:
            connected.exec_driver_sql(done.stdout.replace("%", "%%"))
    assert schema_of(empty_database_url) == schema_of(database_url)
    assert run_here("migrate", "--check", url=empty_database_url).exit_code == 0


def test_the_sql_is_printed_without_a_database(tmp_path: Path) -> None:
    """Nobody connects, and no file is made."""
    assert "CREATE TABLE events" in run_here("migrate", "--sql", url="postgresql://127.0.0.1:1/nothing").stdout
    assert "CREATE TABLE events" in run_here("migrate", "--sql", url=f"sqlite:///{tmp_path}/new.db").stdout
    assert not list(tmp_path.iterdir())


def test_two_at_once_do_not_disturb_each_other(mmsg: Program, empty_database_url: str, database_url: str) -> None:
    """Three, to be sure: all end well, one says that it made the schema, and the others that it was there."""
    processes = [mmsg.start("migrate", database_url=empty_database_url) for _ in range(3)]
    said = []
    for process in processes:
        with process:
            _, stderr = process.communicate(timeout=60)
            assert process.returncode == 0, stderr
            said.append(stderr.decode().partition("warning: ")[0])
    assert sorted(said) == [*[f"schema {NEWEST} → {NEWEST}\n"] * 2, f"schema none → {NEWEST}\n"]
    assert schema_of(empty_database_url) == schema_of(database_url)


BAD_PLACES: dict[str, Callable[[Path], Path]] = {
    "a directory": lambda folder: folder,
    "no folder": lambda folder: folder / "nowhere" / "messaging.db",
    "a file as folder": lambda folder: folder / "text" / "messaging.db",
    "no database": lambda folder: folder / "text",
    "not writable": lambda _folder: Path("/proc/messaging.db"),
}


@pytest.mark.parametrize("place", BAD_PLACES)
@pytest.mark.parametrize("check", [False, True])
def test_a_place_where_no_database_can_be_is_told(tmp_path: Path, place: str, check: bool) -> None:
    """One sentence with what to look at; what is there is left as it is."""
    (tmp_path / "text").write_text("not a database, " * 99)
    done = run_here("migrate", *["--check"] * check, url=f"sqlite:///{BAD_PLACES[place](tmp_path)}")
    assert done.exit_code == (10 if check and place in {"no folder", "a file as folder", "not writable"} else 14)
    assert (done.stdout, done.stderr.count("\n")) == ("", 1)
    assert "Check" in done.stderr or "migrate" in done.stderr
    assert (tmp_path / "text").read_text() == "not a database, " * 99
    assert [path.name for path in tmp_path.iterdir()] == ["text"]


def test_an_unreachable_server_is_14() -> None:
    """Told without the driver's own words."""
    done = run_here("migrate", url="postgresql://somebody:sesame@127.0.0.1:1/nothing")
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (14, "", 1)
    assert "sesame" not in done.stderr


@only_postgresql
def test_a_database_that_does_not_exist_is_14(empty_database_url: str) -> None:
    """Only an administrator makes PostgreSQL databases."""
    url = make_url(empty_database_url).set(database="nowhere").render_as_string(hide_password=False)
    for args in (["migrate"], ["migrate", "--check"]):
        assert run_here(*args, url=url).exit_code == 14


@only_sqlite
def test_the_file_is_private(empty_database_url: str) -> None:
    """Whatever the umask says."""
    run_here("migrate", url=empty_database_url)
    assert stat.S_IMODE(Path(make_url(empty_database_url).database or "").stat().st_mode) == 0o600


def test_a_path_may_hold_any_characters(tmp_path: Path) -> None:
    """Spaces, umlauts, signs that mean something in a URL elsewhere."""
    path = tmp_path / "a b#c&d=é;'\".db"
    assert run_here("migrate", url=f"sqlite:///{path}").exit_code == 0
    assert run_here("migrate", "--check", url=f"sqlite:///{path}").exit_code == 0
    assert {found.name.removesuffix("-journal") for found in tmp_path.iterdir()} == {path.name}
    events = write_events(tmp_path / "events.ndjson", make_event())
    assert ingest(f"sqlite:///{path}", events, "--dry-run")["totals"]["new"] == 1


@only_sqlite
@pytest.mark.parametrize("locale", [{"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}, {"LC_ALL": "C"}])
@pytest.mark.usefixtures("empty_database_url")
def test_the_arrow_needs_no_locale(mmsg: Program, locale: dict[str, str]) -> None:
    """Where the terminal knows only ASCII, an arrow is drawn in ASCII."""
    done = mmsg("migrate", env=locale)
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr in {f"schema none -> {NEWEST}\n", f"schema none → {NEWEST}\n"}
    assert locale.get("PYTHONUTF8") is None or "->" in done.stderr


@only_sqlite
def test_a_busy_database_is_14(database_url: str) -> None:
    """After the time-out, which the sentence says how to change."""
    with everybody_locked(database_url):
        done = run_here("migrate", "--busy-timeout", "0.1", url=database_url)
    assert (done.exit_code, done.stdout) == (14, "")
    assert "busy" in done.stderr
    assert "--busy-timeout" in done.stderr


@only_sqlite
def test_ctrl_c_ends_the_wait(mmsg: Program, database_url: str) -> None:
    """Without a traceback, with the exit code of the signal."""
    path = Path(make_url(database_url).database or "")
    with everybody_locked(database_url), mmsg.start("migrate") as process:
        wait_until(lambda: has_open(process, path))
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=30)
    assert (process.returncode, stdout, stderr) == (130, b"", b"")
