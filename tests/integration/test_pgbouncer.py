"""Behind the real PgBouncer in transaction mode: each transaction may get another session of the server."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, NullPool, create_engine, text
from typer.main import get_command

from marketing_cli.cli.app import app
from support.databases import only_postgresql
from support.events import make_event, write_events
from support.ingesting import contents, decisions, everybody_locked, generated_file, ingest, query, run_here, wait_until
from support.pgbouncer import NoPgBouncer, PgBouncer, running_pgbouncer
from support.program import ROOT, Program
from support.told_rows import told_rows

pytestmark = [only_postgresql, pytest.mark.faults]  # slow

PARTIAL, UNAVAILABLE = 3, 14
SAMPLES = ROOT / "sample_events"
RULES = ROOT / "marketing_cli" / "rules" / "default.yaml"

ASKING = [
    "migrate --check",
    "audit evt_kim_2",
    "audit --row 1",
    "audit --user u_kim",
    "audit --user u_kim --template BANK_LINK_NUDGE_SMS",
    "sends",
    "sends --summary",
    "suppressions",
    "suppressions --summary --by-event-day",
    "rejects",
    "rejects --output raw",
    "runs",
    "stats",
    "digest",
    "verify --all",
    "verify --user u_kim",
    f"backtest --rules {RULES}",
    "rules history",
    "rules show",
    f"rules check {RULES}",
    f"rules lint {RULES}",
    f"rules test {RULES.with_name('default.tests.yaml')}",
    "doctor",
    "doctor --full",
]
"""Commands that only read: with and without PgBouncer they print the same."""


def made(postgres_url: str, pool_size: int, patience: int = 60) -> Iterator[PgBouncer]:
    """A PgBouncer in front of the tests' server; the test is skipped where there is none."""
    try:
        with running_pgbouncer(postgres_url, pool_size=pool_size, patience=patience) as started:
            yield started
    except NoPgBouncer as reason:
        pytest.skip(f"PgBouncer is NOT tested: {reason}")


@pytest.fixture(scope="module")
def pair(postgres_url: str) -> Iterator[PgBouncer]:
    """With two sessions for each database."""
    yield from made(postgres_url, 2)


@pytest.fixture(scope="module")
def single(postgres_url: str) -> Iterator[PgBouncer]:
    """With one session for each database: whoever needed two at once would wait for himself."""
    yield from made(postgres_url, 1, patience=20)


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    """A session of somebody else."""
    engine = create_engine(url, poolclass=NullPool, connect_args={"prepare_threshold": None})
    with engine.connect() as connection:
        yield connection


def test_every_command_works(empty_database_url: str, single: PgBouncer) -> None:
    """On one session of the server, and prints what it prints without PgBouncer."""
    direct, way = empty_database_url, single.way_to(empty_database_url)
    assert run_here("migrate", "--check", url=way).exit_code == 10
    assert run_here("migrate", url=way).exit_code == 0
    dry = run_here("ingest", "--json", "--dry-run", SAMPLES, url=way)
    assert query(direct, "SELECT count(*) FROM events") == [(0,)]
    done = run_here("ingest", "--json", SAMPLES, url=way)
    assert (dry.exit_code, done.exit_code) == (PARTIAL, PARTIAL)
    assert dry.json()["totals"] == done.json()["totals"]
    tried = {command.split()[0] for command in ASKING} | {"ingest", "copy"}  # copied below
    assert tried >= set(get_command(app).commands)  # type: ignore[attr-defined]
    for command in ASKING:
        assert run_here(*command.split(), url=way) == run_here(*command.split(), url=direct), command


def test_a_history_is_copied_through_it(database_url: str, make_database: Callable[[], str], single: PgBouncer) -> None:
    """From one database to another, each with one session of the server."""
    ingest(database_url, SAMPLES, exit_code=PARTIAL)
    copy = make_database()
    done = run_here("copy", "--to", single.way_to(copy), url=single.way_to(database_url))
    assert done.exit_code == 0, done.stderr
    assert contents(copy) == contents(database_url)


def test_it_stores_what_it_stores_without(
    database_url: str, make_database: Callable[[], str], single: PgBouncer, tmp_path: Path
) -> None:
    """Row by row: COPY, numbers drawn from sequences, late facts, rejects."""
    path = generated_file(tmp_path / "events.ndjson", 2000)
    path.write_text(path.read_text() + "broken\n" + path.read_text()[:9000])
    way, alone = single.way_to(database_url), make_database()
    for options in (["--batch-size", "100"], []):
        reports = [ingest(url, path, *options, exit_code=PARTIAL) for url in (way, alone)]
        assert reports[0]["totals"] == reports[1]["totals"]
    assert told_rows(database_url) == told_rows(alone)


SETTINGS = (
    *("lock_timeout", "idle_in_transaction_session_timeout", "statement_timeout", "synchronous_commit"),
    *("transaction_read_only", "default_transaction_read_only", "default_transaction_isolation"),
    *("TimeZone", "DateStyle", "client_encoding", "search_path", "application_name"),
)
LEFT_BEHIND = text(
    "SELECT pg_backend_pid(), (SELECT count(*) FROM pg_prepared_statements),"
    " (SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory'),"
    " (SELECT count(*) FROM pg_class WHERE relpersistence = 't'), (SELECT count(*) FROM pg_cursors WHERE is_holdable),"
    " (SELECT count(*) FROM pg_listening_channels())"
)


def left_behind(url: str) -> list[Any]:
    """What the next client finds in the session of the server that it gets."""
    with connected(url) as session:
        values = [session.exec_driver_sql(f"SHOW {name}").scalar_one() for name in SETTINGS]
        return [*values, *session.execute(LEFT_BEHIND).one()]


def test_nothing_is_left_for_the_next_client(database_url: str, single: PgBouncer, tmp_path: Path) -> None:
    """Not a setting, not a prepared statement, not a lock: all of it ends with the transaction."""
    way = single.way_to(database_url)
    before = left_behind(way)
    path = generated_file(tmp_path / "events.ndjson", 500)
    commands: list[list[str | Path]] = [
        ["migrate"],
        ["ingest", path, "--dry-run", "--busy-timeout", "7"],
        ["ingest", path, "--batch-size", "20", "--busy-timeout", "7"],
        ["verify", "--all"],
        ["sends", "--limit", "0"],
        ["doctor"],
    ]
    for command in commands:
        run_here(*command, url=way)
        assert left_behind(way) == before, command


@pytest.mark.faults
def test_shards_at_once_share_a_small_pool(
    mmsg: Program, database_url: str, make_database: Callable[[], str], pair: PgBouncer, tmp_path: Path
) -> None:
    """Four processes on two sessions come to what one comes to without PgBouncer."""
    path = generated_file(tmp_path / "events.ndjson", 1500)
    alone, way = make_database(), pair.way_to(database_url)
    ingest(alone, path)

    def shard(index: int) -> int:
        options = ("--shard", f"{index}/4", "--batch-size", "20")
        return mmsg("ingest", path, *options, database_url=way).exit_code

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(shard, range(4))) == [0] * 4
    assert told_rows(database_url) == told_rows(alone)


@pytest.mark.faults
def test_runs_that_overlap_share_a_small_pool(
    mmsg: Program, database_url: str, make_database: Callable[[], str], pair: PgBouncer, tmp_path: Path
) -> None:
    """Three over the same file: they wait for each other's users, and for a session, and nobody for ever."""
    path = generated_file(tmp_path / "events.ndjson", 600)
    alone, way = make_database(), pair.way_to(database_url)
    ingest(alone, path)

    def one(_: int) -> Any:
        done = mmsg("ingest", "--json", path, "--batch-size", "15", database_url=way)
        assert done.exit_code == 0, done.stderr
        return done.json()["totals"]["new"]

    with ThreadPoolExecutor(3) as pool:
        assert sum(pool.map(one, range(3))) == 600
    windows = [sorted((row[1], row[3], row[4]) for row in decisions(url)["requests"]) for url in (database_url, alone)]
    assert windows[0] == windows[1]


def test_a_run_that_is_killed_in_a_batch_leaves_no_session_in_it(
    mmsg: Program, database_url: str, single: PgBouncer, tmp_path: Path
) -> None:
    """PgBouncer ends the transaction of a client that is gone: the next run gets a session, and completes."""
    path = write_events(tmp_path / "events.ndjson", make_event())
    way = single.way_to(database_url)
    with everybody_locked(database_url), mmsg.start("ingest", path, database_url=way) as process:
        waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        wait_until(lambda: query(database_url, waiting) == [(1,)])
        process.kill()
    report = json.loads(mmsg("ingest", "--json", path, database_url=way).stdout)
    assert (report["totals"]["new"], report["totals"]["send_requests"]) == (1, 1)


def test_no_session_in_time_is_14(database_url: str, postgres_url: str, tmp_path: Path) -> None:
    """The pooler gives up before anything is read: try again later."""
    path = write_events(tmp_path / "events.ndjson", make_event())
    for impatient in made(postgres_url, 1, patience=1):
        way = impatient.way_to(database_url)
        with connected(way) as other:
            other.execute(text("SELECT 1"))
            done = run_here("ingest", path, url=way)
        assert (done.exit_code, done.stdout) == (UNAVAILABLE, ""), done.stderr
        assert query(database_url, "SELECT count(*) FROM runs") == [(0,)]
        ingest(way, path)
