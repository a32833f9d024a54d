"""A batch that PostgreSQL gives up as a whole is decided again, and the summary says how often that happened."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, NullPool, create_engine, make_url, text
from sqlalchemy.orm import Session, sessionmaker

from marketing_cli.database.engine import make_engine
from marketing_cli.domain.slots import slot_of
from marketing_cli.models import Event, SendRequest
from marketing_cli.services import retrying
from support.databases import only_postgresql
from support.deciding import make_rule
from support.events import make_event, write_events
from support.ingesting import ingest, query, run_here, wait_until
from support.processing import Store
from support.program import Program

pytestmark = [only_postgresql, pytest.mark.faults]  # slow

LOW, HIGH = sorted((slot_of("u_1"), slot_of("alice@example.com")))
LOCK = text("SELECT pg_advisory_xact_lock(:slot)")
WAITING = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
FAILED = 1

FAILING = """
CREATE SEQUENCE failures;
CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF nextval('failures') <= {times} THEN
    RAISE EXCEPTION 'could not commit transaction for shard 102008 on any active node' USING ERRCODE = '{state}';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER fails AFTER INSERT ON events {when} FOR EACH ROW EXECUTE FUNCTION fail();
"""
"""What a transaction rolls back, a sequence keeps: so many transactions fail, at COMMIT if `when` says so."""
AT_COMMIT = "DEFERRABLE INITIALLY DEFERRED"


@contextmanager
def session_of_somebody(url: str) -> Iterator[Connection]:
    """A session that is not the program's."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        yield connection


def fail(url: str, state: str, times: int, when: str = AT_COMMIT) -> None:
    """Make so many transactions that insert events fail."""
    with session_of_somebody(url) as session, session.begin():
        session.exec_driver_sql(FAILING.format(state=state, times=times, when=when))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Events of two users, which ask for a message each."""
    events = [make_event(event_id=f"evt_{user}", user_id=user) for user in ("u_1", "alice@example.com")]
    return write_events(tmp_path / "events.ndjson", *events)


def test_a_deadlock_is_tried_again(mmsg: Program, database_url: str, path: Path) -> None:
    """Somebody takes the same locks the other way round, and the server ends the run's transaction."""
    with session_of_somebody(database_url) as other:
        # The one whose time is up first is ended: that is the run, and not before it waits for this session.
        name = make_url(database_url).database
        other.exec_driver_sql(f"ALTER DATABASE \"{name}\" SET deadlock_timeout = '2s'")
        other.commit()
        other.exec_driver_sql("SET LOCAL deadlock_timeout = '60s'")
        other.execute(LOCK, {"slot": HIGH})
        with mmsg.start("ingest", "--json", path) as process:
            wait_until(lambda: query(database_url, WAITING) == [(1,)])
            other.execute(LOCK, {"slot": LOW})
            other.rollback()
            stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 0, stderr
    report = json.loads(stdout)
    assert (report["retried_batches"], report["totals"]["new"], report["totals"]["send_requests"]) == (1, 2, 2)
    assert b"note: batches that the database refused and that were decided again: 1\n" in stderr
    assert query(database_url, "SELECT count(*) FROM send_requests") == [(2,)]


def test_a_serialization_failure_is_tried_again(database_url: str) -> None:
    """In a transaction that looks at one snapshot, a row that somebody changes meanwhile cannot be changed."""
    attempts: list[int] = []
    retries: list[int] = []
    engine = make_engine(database_url, writes=True)
    snapshots = engine.execution_options(isolation_level="REPEATABLE READ")
    try:
        store = Store(engine, sessionmaker(snapshots, expire_on_commit=False).begin)
        run = store.run(make_rule("A", name="a", on="signup_completed", limit="once_ever"))
        run.service._on_retry = lambda: retries.append(1)  # noqa: SLF001 - what a run hands over

        def change(session: Session, _: object) -> None:
            attempts.append(1)
            if len(attempts) == 1:
                with session_of_somebody(database_url) as other, other.begin():
                    other.exec_driver_sql("UPDATE runs SET program_version = 'another'")
            session.execute(text("UPDATE runs SET lines = 1"))

        outcome = run.batch(make_event(), before_commit=change)
        assert (len(attempts), len(retries), len(outcome.new)) == (2, 1, 1)
        assert (len(store.rows(Event)), len(store.rows(SendRequest))) == (1, 1)
    finally:
        engine.dispose()


@pytest.mark.parametrize("state", ["XX000", "40001", "40P01"])
def test_a_failure_to_commit_is_tried_again(database_url: str, path: Path, state: str) -> None:
    """As a distributed database reports it: nothing was stored, so all of the batch is decided again."""
    fail(database_url, state, 2)
    done = run_here("ingest", "--json", path, url=database_url)
    report: dict[str, Any] = done.json()
    assert (report["status"], report["retried_batches"]) == ("ok", 2)
    assert (report["totals"]["lines"], report["totals"]["new"], report["totals"]["send_requests"]) == (2, 2, 2)
    assert "note: batches that the database refused and that were decided again: 2\n" in done.stderr
    assert query(database_url, "SELECT lines, new, send_requests FROM runs") == [(2, 2, 2)]
    assert query(database_url, "SELECT count(*) FROM send_requests") == [(2,)]
    again = ingest(database_url, path)
    assert (again["totals"]["duplicate"], again["totals"]["send_requests"], again["retried_batches"]) == (2, 0, 0)


def test_it_is_given_up_after_five_times(database_url: str, path: Path) -> None:
    """Then nothing of the batch is stored, and the same command does it later."""
    fail(database_url, "XX000", retrying.ATTEMPTS)
    report = ingest(database_url, path, exit_code=FAILED)
    assert (report["status"], report["retried_batches"]) == ("failed", retrying.ATTEMPTS - 1)
    assert report["error"].startswith("the database refused a batch 5 times")
    assert query(database_url, "SELECT count(*) FROM events") == [(0,)]
    assert ingest(database_url, path)["totals"]["send_requests"] == 2


def test_an_internal_error_before_commit_is_not(database_url: str, path: Path) -> None:
    """It says nothing about other nodes: it is a fault of the server, and would be one again."""
    fail(database_url, "XX000", 1, when="")
    report = ingest(database_url, path, exit_code=FAILED)
    assert (report["status"], report["retried_batches"]) == ("failed", 0)
    assert "internal error" in report["error"]
    assert query(database_url, "SELECT count(*) FROM events") == [(0,)]
