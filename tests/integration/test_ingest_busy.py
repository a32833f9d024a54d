"""A database that is held by others, or goes away, while a run wants to write."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import NullPool, create_engine, make_url

from marketing_cli.services.ingest import IngestOptions
from marketing_cli.services.ingest_run import IngestRequest, run_ingest
from marketing_cli.services.stopping import NeverStop
from support.databases import only_postgresql, only_sqlite
from support.events import make_event, write_events
from support.ingesting import everybody_locked, generated_file, ingest, query, run_here

BUSY = "the database stayed busy"


def run(url: str, path: Path, after_first_batch: Callable[[], object], *, busy_timeout: float = 0.2) -> Any:
    """Ingests in batches of 10 lines, and does something once the first batch is stored; gives the report."""
    first = iter([after_first_batch])

    def progress(_reader: object, _lines: int) -> None:
        for action in first:
            action()

    request = IngestRequest([str(path)], url, busy_timeout=busy_timeout)
    return run_ingest(request, IngestOptions(batch_size=10), NeverStop(), progress)


@pytest.mark.parametrize("busy_timeout", ["0", "0.2"])
def test_a_run_that_cannot_begin_is_a_start_up_failure(database_url: str, tmp_path: Path, busy_timeout: str) -> None:
    """Nothing is printed on standard output, and the sentence says what to do."""
    path = write_events(tmp_path / "events.ndjson", make_event())
    with table_locked(database_url, "runs"):
        done = run_here("ingest", "--json", path, "--busy-timeout", busy_timeout, url=database_url)
    assert (done.exit_code, done.stdout) == (14, "")
    assert BUSY in done.stderr
    assert "--busy-timeout" in done.stderr
    assert query(database_url, "SELECT count(*) FROM runs") == [(0,)]


@contextmanager
def table_locked(url: str, table: str) -> Iterator[None]:
    """Nobody writes to this table: on SQLite, to none."""
    if make_url(url).get_backend_name() == "sqlite":
        with everybody_locked(url):
            yield
        return
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        quoted = connection.dialect.identifier_preparer.quote(table)
        connection.exec_driver_sql(f"LOCK TABLE {quoted} IN SHARE MODE")
        yield
        connection.rollback()


def test_a_run_that_is_held_up_in_the_middle_has_failed(database_url: str, tmp_path: Path) -> None:
    """The batches before stay; the report says how far it came; the next run completes it."""
    path = generated_file(tmp_path / "events.ndjson", 30)
    with ExitStack() as locks:
        report = run(database_url, path, lambda: locks.enter_context(everybody_locked(database_url)))
    assert (report.status, report.exit_code) == ("failed", 14)
    assert BUSY in report.error
    assert (report.inputs[0].state, report.totals.lines, report.totals.new) == ("stopped", 10, 10)
    assert query(database_url, "SELECT count(*) FROM events") == [(10,)]
    # On SQLite the lock that stopped the batch stops the ledger too, as if the run had been killed.
    ledger = ("failed", 14) if make_url(database_url).get_backend_name() == "postgresql" else ("running", None)
    assert query(database_url, "SELECT status, exit_code FROM runs") == [ledger]
    assert ingest(database_url, path)["totals"]["new"] == 20


def test_a_lock_that_is_given_back_in_time_is_only_waited_for(database_url: str, tmp_path: Path) -> None:
    """The time-out is for others that do not finish."""
    path = generated_file(tmp_path / "events.ndjson", 30)
    with ExitStack() as locks:
        releasing = threading.Timer(0.4, locks.close)

        def hold() -> None:
            locks.enter_context(everybody_locked(database_url))
            releasing.start()

        report = run(database_url, path, hold, busy_timeout=20)
        releasing.join()
    assert (report.status, report.totals.new) == ("ok", 30)


def test_a_run_whose_end_cannot_be_entered_has_failed(database_url: str, tmp_path: Path) -> None:
    """All lines are stored and the ledger says `running`: the exit code says that something is wrong."""
    path = generated_file(tmp_path / "events.ndjson", 10)
    with ExitStack() as locks:
        report = run(database_url, path, lambda: locks.enter_context(table_locked(database_url, "runs")))
    assert (report.status, report.exit_code, report.totals.new) == ("failed", 14, 10)
    assert query(database_url, "SELECT status FROM runs") == [("running",)]


@only_sqlite
def test_a_reader_can_hold_up_a_commit(database_url: str, tmp_path: Path) -> None:
    """A rollback journal waits for readers: past the time-out that is 14 too, and the batch is not stored."""
    path = generated_file(tmp_path / "events.ndjson", 30)
    engine = create_engine(database_url, poolclass=NullPool)
    with engine.connect() as reader:
        if reader.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal":
            pytest.skip("readers and writers do not meet in WAL mode")

        def read() -> None:
            reader.connection.dbapi_connection.execute("BEGIN").execute("SELECT * FROM events").fetchone()  # type: ignore[union-attr]

        report = run(database_url, path, read)
    assert (report.status, report.exit_code, report.totals.new) == ("failed", 14, 10)
    assert BUSY in report.error
    assert query(database_url, "SELECT count(*) FROM events") == [(10,)]
    assert ingest(database_url, path)["totals"]["new"] == 20


@only_sqlite
def test_a_full_disk_is_told(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last whole batch stays; once there is room the next run completes it."""
    path = generated_file(tmp_path / "events.ndjson", 2000)
    from marketing_cli.database import engine

    set_up = engine._set_up_sqlite  # noqa: SLF001

    def on_a_small_disk(connection: Any, *args: Any, **options: Any) -> None:
        set_up(connection, *args, **options)
        connection.execute("PRAGMA max_page_count = 80")

    monkeypatch.setattr(engine, "_set_up_sqlite", on_a_small_disk)
    report = ingest(database_url, path, "--batch-size", "100", exit_code=1)
    assert "the disk is full" in report["error"]
    assert 0 < report["totals"]["new"] < 2000
    monkeypatch.undo()
    assert ingest(database_url, path)["totals"]["new"] == 2000 - report["totals"]["new"]


@only_postgresql
def test_a_server_that_goes_away_is_14(database_url: str, tmp_path: Path) -> None:
    """A connection that is cut in mid-run: the batches before stay, and the ledger learns of it if it can."""
    path = generated_file(tmp_path / "events.ndjson", 30)

    def cut() -> None:
        others = "datname = current_database() AND pid <> pg_backend_pid()"
        query(database_url, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")  # noqa: S608

    report = run(database_url, path, cut)
    assert (report.status, report.exit_code, report.totals.new) == ("failed", 14, 10)
    assert "the connection to the database was lost" in report.error
    assert query(database_url, "SELECT status FROM runs") == [("failed",)]
    assert ingest(database_url, path)["totals"]["new"] == 20
