"""A backup taken in the middle of history: restored, and fed the rest, it comes to the state it would have come to."""

import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

import pytest
from sqlalchemy import make_url

from marketing_cli.schemas.doctor import CheckState
from marketing_cli.services.doctor import run_doctor
from support.databases import Databases, SqliteDatabases, only_postgresql, only_sqlite
from support.events import make_event, write_events
from support.ingesting import decisions, generated_file, ingest, query
from support.postgres_server import PACKAGE

pytestmark = pytest.mark.faults
"""They take their time."""

FILES = 5
TAKEN_AFTER = 2
Take = Callable[[Path, Path], None]


def vacuum_into(source: Path, copy: Path) -> None:
    """As the README says, with the umask of a careful person."""
    with closing(sqlite3.connect(source)) as connection:
        connection.execute("VACUUM INTO ?", (str(copy),))
    copy.chmod(0o600)


def backup_api(source: Path, copy: Path) -> None:
    """What `.backup` of the command line shell does."""
    with closing(sqlite3.connect(source)) as connection, closing(sqlite3.connect(copy)) as target:
        connection.backup(target)
    copy.chmod(0o600)


def file_of(url: str) -> Path:
    """The file of a SQLite database."""
    return Path(make_url(url).database or "")


@pytest.fixture
def exports(tmp_path: Path) -> list[Path]:
    """Files of events that share users, so that later ones meet the limits that earlier ones used up."""
    whole = generated_file(tmp_path / "whole.ndjson", 300).read_text().splitlines(keepends=True)
    paths = [tmp_path / f"export_{number}.ndjson" for number in range(FILES)]
    for number, path in enumerate(paths):
        path.write_text("".join(whole[number::FILES]))
    return paths


def state(url: str) -> dict[str, list[tuple[object, ...]]]:
    """Every event, and what was decided: without numbers of runs and moments of deciding."""
    events = "SELECT id, event_key, user_id, event_type, line FROM events ORDER BY id"
    return {"events": query(url, events), **decisions(url)}


def expect_the_same(restored: str, exports: list[Path], straight: str) -> None:
    """Reads the remaining files into the restored database, and all into another; both come out alike and sound."""
    for path in exports[TAKEN_AFTER:]:
        ingest(restored, path)
    for path in exports:
        ingest(straight, path)
    assert state(restored) == state(straight)
    assert len(state(restored)["events"]) == 300
    report = run_doctor(restored, None)
    assert {c.check for c in report.checks if c.state is CheckState.WRONG} <= {"power_cut"}


@only_sqlite
@pytest.mark.parametrize("take", [vacuum_into, backup_api])
def test_a_sqlite_backup_goes_on_where_it_was_taken(
    make_database: Callable[[], str], databases: Databases, exports: list[Path], take: Take
) -> None:
    """Numbers are not used again either: AUTOINCREMENT's memory is in the copy."""
    live, straight = make_database(), make_database()
    for number, path in enumerate(exports):
        if number == TAKEN_AFTER:
            taken = databases.create()
            take(file_of(live), file_of(taken))
        ingest(live, path)
    expect_the_same(taken, exports, straight)


@only_sqlite
def test_a_backup_may_be_taken_while_a_run_writes(
    make_database: Callable[[], str], databases: Databases, exports: list[Path]
) -> None:
    """It holds what was committed, and nothing of the batch in hand."""
    live, taken = make_database(), databases.create()
    ingest(live, exports[0])
    before = state(live)
    with closing(sqlite3.connect(file_of(live), isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("UPDATE events SET user_id = 'half done'")
        vacuum_into(file_of(live), file_of(taken))
        writer.execute("ROLLBACK")
    assert state(taken) == before


@only_postgresql
def test_a_postgresql_backup_goes_on_where_it_was_taken(
    make_database: Callable[[], str], databases: Databases, exports: list[Path], tmp_path: Path
) -> None:
    """`pg_dump`, then `psql` into an empty database."""
    live, straight = make_database(), make_database()
    dump = tmp_path / "dump.sql"
    for number, path in enumerate(exports):
        if number == TAKEN_AFTER:
            taken = databases.create()
            dumped(live, dump)
            filled(taken, dump)
        ingest(live, path)
    expect_the_same(taken, exports, straight)


def program(name: str) -> str:
    """A program that comes with PostgreSQL: of the server that the tests start, else one that is installed."""
    spec = find_spec(PACKAGE)
    own = [Path(folder) for folder in (spec.submodule_search_locations or [] if spec else [])]
    found = max((file for folder in own for file in folder.glob(f"pginstall*/bin/{name}")), default=None)
    if path := found or shutil.which(name):
        return str(path)
    pytest.skip(f"{name} is not installed")


def at(url: str) -> str:
    """The URL as PostgreSQL's own programs take it."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def dumped(url: str, target: Path) -> None:
    """Runs `pg_dump`; skips the test where there is none that knows this server."""
    command = [program("pg_dump"), "--no-owner", "--file", str(target), at(url)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if "server version mismatch" in done.stderr:
        pytest.skip("pg_dump is older than the server")
    assert done.returncode == 0, done.stderr


def filled(url: str, dump: Path) -> None:
    """Runs `psql` over a dump."""
    command = [program("psql"), "-q", "-X", "-v", "ON_ERROR_STOP=1", "-d", at(url), "-f", str(dump)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


@only_sqlite
def test_requests_that_were_handed_on_since_the_backup_are_not_handed_on_again(
    make_database: Callable[[], str], databases: Databases, tmp_path: Path
) -> None:
    """Read with --backfill first, the files since the backup use up their limits, and later ones find them used up."""
    live, taken = make_database(), databases.create()
    first, since, later = (
        write_events(tmp_path / f"{name}.ndjson", make_event(event_id=name, user_id=user))
        for name, user in (("first", "u_1"), ("since", "u_2"), ("later", "u_2"))
    )
    ingest(live, first)
    vacuum_into(file_of(live), file_of(taken))
    handed_on = ingest(live, since)["totals"]["send_requests"]
    assert handed_on == 1
    shutil.copy(file_of(taken), careless := file_of(SqliteDatabases(tmp_path).create()))
    ingest(f"sqlite:///{careless}", since)
    ingest(taken, since, "--backfill")
    for url, expected in ((f"sqlite:///{careless}", "requested"), (taken, "historical")):
        assert ingest(url, later)["totals"]["suppressions"] == 1
        assert query(url, "SELECT status FROM send_requests WHERE user_id = 'u_2'") == [(expected,)]
