"""What `mmsg ingest` does with a database before it writes, and what it says of one that it cannot use."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url, text

from marketing_cli.database import engine as engines
from marketing_cli.database.damage import refuse_damaged
from marketing_cli.services.ingest import IngestOptions, IngestService
from marketing_cli.services.rules_files import load_rules
from marketing_cli.services.sandbox import open_sandbox
from marketing_cli.sources.discovery import find_inputs
from support.databases import only_postgresql, only_sqlite
from support.events import make_event, write_events
from support.ingesting import query, run_here
from support.processing import open_store


def execute(url: str, *statements: str) -> None:
    """Runs statements on a PostgreSQL database, each by itself."""
    from sqlalchemy import NullPool, create_engine

    engine = create_engine(url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))


@only_sqlite
@pytest.mark.parametrize("mode", ["wal", "truncate"])
def test_a_database_of_somebody_else_is_left_as_it_is(
    empty_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    """Whose it is, is looked at before anything is set in it."""
    monkeypatch.setattr(engines, "safe_journal_mode", lambda: mode)
    path = Path(make_url(empty_database_url).database or "")
    other = sqlite3.connect(path)
    other.execute(f"PRAGMA journal_mode = {'delete' if mode == 'wal' else 'wal'}")
    other.execute("CREATE TABLE theirs (id INTEGER)")
    other.commit()
    other.close()
    before = path.read_bytes()
    done = run_here("ingest", write_events(tmp_path / "a.ndjson", make_event()), url=empty_database_url)
    assert (done.exit_code, path.read_bytes()) == (10, before)


@only_sqlite
def test_looking_over_the_file_does_not_keep_a_writer_out(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another run goes on meanwhile."""
    met = []

    def meanwhile(engine: Any) -> None:
        with engine.connect() as connection, connection.begin():
            connection.execute(text("SELECT count(*) FROM events"))
            other = sqlite3.connect(make_url(database_url).database or "", isolation_level=None, timeout=0)
            other.execute("BEGIN IMMEDIATE")
            other.close()
            met.append(connection.exec_driver_sql("PRAGMA query_only").scalar_one())
        refuse_damaged(engine)

    monkeypatch.setattr("marketing_cli.database.sessions.refuse_damaged", meanwhile)
    done = run_here("ingest", write_events(tmp_path / "a.ndjson", make_event()), url=database_url)
    assert (done.exit_code, met) == (0, [1])


@pytest.mark.parametrize("command", [["ingest", "EVENTS"], ["sends"]])
def test_a_path_that_cannot_be_reached_is_14(tmp_path: Path, command: list[str]) -> None:
    """Whether the file is there cannot be found out, as in a folder of somebody else: that names the path."""
    url = f"sqlite:///{tmp_path}/{'long' * 99}.db"
    events = str(write_events(tmp_path / "a.ndjson", make_event()))
    done = run_here(*(events if word == "EVENTS" else word for word in command), url=url)
    assert (done.exit_code, done.stdout) == (14, "")
    assert url.removeprefix("sqlite:///") in done.stderr
    assert "unexpected" not in done.stderr


@only_postgresql
def test_a_table_that_is_in_the_way_is_no_matter_of_the_connection(empty_database_url: str) -> None:
    """The server answers; what it says is told in words, with its SQLSTATE."""
    execute(empty_database_url, "CREATE TABLE events (id integer)")
    done = run_here("migrate", url=empty_database_url)
    assert done.exit_code == 1
    assert "exists already" in done.stderr
    assert "42P07" in done.stderr
    assert "connection" not in done.stderr


@only_postgresql
@pytest.mark.parametrize("command", ["ingest", "dry run", "sends"])
def test_a_user_without_privileges_is_told_so(database_url: str, tmp_path: Path, command: str) -> None:
    """It can connect, so that it is not 14."""
    name = make_url(database_url).database
    role = f"nobody_{name}"
    execute(database_url, f'CREATE ROLE "{role}" LOGIN', f"ALTER DATABASE \"{name}\" SET role = '{role}'")
    events = str(write_events(tmp_path / "a.ndjson", make_event()))
    args = {"ingest": ["ingest", events], "dry run": ["ingest", events, "--dry-run"], "sends": ["sends"]}[command]
    try:
        done = run_here(*args, url=database_url)
    finally:
        execute(database_url, "SET role = none", f'ALTER DATABASE "{name}" RESET role', f'DROP ROLE "{role}"')
    assert done.exit_code == 1
    assert "lacks a privilege" in done.stderr
    assert "42501" in done.stderr


@only_postgresql
def test_a_dry_run_may_wait_for_its_input(database_url: str) -> None:
    """Its one transaction lasts as long as it does, and is not ended for being idle."""
    with open_sandbox(database_url) as transactions, transactions() as session:
        assert session.scalar(text("SHOW idle_in_transaction_session_timeout")) == "0"


def test_a_batch_is_in_the_books_even_if_telling_it_fails(database_url: str, tmp_path: Path) -> None:
    """It is stored, so that report and ledger agree on it."""

    def refuse(*_: object) -> None:
        raise OSError(32, "nobody listens")

    paths = [str(write_events(tmp_path / "a.ndjson", make_event(), make_event(event_id="b")))]
    with open_store(database_url) as store:
        service = IngestService(store.transactions, load_rules(None), IngestOptions(), acknowledge=refuse)
        report = service.run(find_inputs(paths))
    assert (report.status, report.totals.new) == ("failed", 2)
    assert query(database_url, "SELECT status, lines, new FROM runs") == [("failed", 2, 2)]
