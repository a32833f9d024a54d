"""`mmsg ingest --dry-run`: what would happen, without any of it happening."""

import signal
import sqlite3
import stat
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import NullPool, create_engine, make_url, text

from marketing_cli.services.sandbox import open_sandbox
from support.databases import only_postgresql, only_sqlite
from support.events import make_event, ndjson, write_events
from support.ingesting import (
    SLOTS,
    contents,
    decisions,
    everybody_locked,
    generated_file,
    ingest,
    query,
    run_here,
    wait_until,
)
from support.program import Program

DIFFERENT = ("run_id", "dry_run", "started_at", "finished_at")

STORED = ndjson(
    make_event(event_id="known"),
    make_event(
        event_id="waiting", event_type="link_bank_success", user_id="u_late", event_timestamp="2025-11-01T12:00Z"
    ),
    make_event(event_id="capped", event_type="payment_failed", properties={"failure_reason": "INSUFFICIENT_FUNDS"}),
)
STORY = (
    ndjson(
        make_event(event_id="known"),
        make_event(event_id="known", properties={"changed": True}),
        make_event(event_id="late", user_id="u_late"),
        make_event(event_id="second_signup"),
        make_event(event_id="again", event_type="payment_failed", properties={"failure_reason": "INSUFFICIENT_FUNDS"}),
        make_event(event_id="alert", event_type="payment_failed", properties={"attempt_number": 3}),
    )
    + "broken\n\nknown to be broken\n"
)


def same(report: dict[str, Any]) -> dict[str, Any]:
    """A report without what differs between a dry run and a real one."""
    return {name: value for name, value in report.items() if name not in DIFFERENT}


@pytest.fixture
def story(database_url: str, tmp_path: Path) -> Path:
    """A file with something of everything, for a database that knows some of it already."""
    before, path = tmp_path / "before.ndjson", tmp_path / "story.ndjson"
    before.write_text(STORED.replace("T12:00Z", "T12:00:00Z") + "known to be broken\n")
    ingest(database_url, before, exit_code=3)
    path.write_text(STORY)
    return path


CASES: list[tuple[list[str], int]] = [
    ([], 3),
    (["--batch-size", "1"], 3),
    (["--batch-size", "3"], 3),
    (["--backfill", "--rejects-ok"], 0),
    (["--known-rejects-ok", "--max-errors", "1"], 5),
    (["--strict", "--batch-size", "2"], 5),
]


@pytest.mark.parametrize(("options", "exit_code"), CASES, ids=str)
def test_a_dry_run_reports_what_the_real_run_then_does(
    database_url: str, story: Path, options: list[str], exit_code: int
) -> None:
    """Duplicates, conflicts, known and unknown rejects, caps, late facts; and the database stays as it was."""
    before, files = contents(database_url), files_of(database_url)
    dry = ingest(database_url, story, "--dry-run", *options, exit_code=exit_code)
    assert (dry["dry_run"], dry["run_id"]) == (True, None)
    assert contents(database_url) == before
    assert files_of(database_url) == files
    real = ingest(database_url, story, *options, exit_code=exit_code)
    assert same(dry) == same(real)


def files_of(url: str) -> dict[str, bytes]:
    """The files of a SQLite database, and whatever lies beside them; nothing for another database."""
    if make_url(url).get_backend_name() != "sqlite":
        return {}
    return {path.name: path.read_bytes() for path in Path(make_url(url).database or "").parent.iterdir()}


def test_the_story_tells_something(database_url: str, story: Path) -> None:
    """The dry run above has a late fact, a suppression and each kind of line to get wrong."""
    totals = ingest(database_url, story, exit_code=3)["totals"]
    assert totals == {"lines": 9, "new": 4, "duplicate": 1, "rejected": 3, "blank": 1, "skipped": 0} | {
        "send_requests": 3,
        "suppressions": 2,
    }
    assert "BANK_LINK_NUDGE_SMS" in {row[3] for row in decisions(database_url)["requests"]}


def test_a_dry_run_can_be_repeated(database_url: str, tmp_path: Path) -> None:
    """Nothing is left of the first for the second to find."""
    path = generated_file(tmp_path / "events.ndjson", 200)
    first, second = (ingest(database_url, path, "--dry-run", "--batch-size", "50") for _ in range(2))
    assert same(first) == same(second)
    assert first["totals"]["new"] == 200


def test_a_dry_run_says_so(database_url: str, tmp_path: Path) -> None:
    """The summary names no run, since there is none to look up."""
    path = tmp_path / "events.ndjson"
    path.write_text(STORY)
    done = run_here("ingest", path, "--dry-run", url=database_url)
    assert done.exit_code == 3
    assert "dry run, nothing was stored: partial" in done.stderr
    assert "mmsg rejects" not in done.stderr


@only_sqlite
def test_other_runs_go_on_during_a_dry_run(database_url: str, story: Path) -> None:
    """It works on a private copy, and needs no writer's lock."""
    with everybody_locked(database_url):
        ingest(database_url, story, "--dry-run", "--busy-timeout", "0", exit_code=3)
    with open_sandbox(database_url):
        ingest(database_url, story, "--busy-timeout", "0", exit_code=3)


def open_copies(process: str | int = "self") -> list[tuple[str, int]]:
    """The temporary files that a process has open for SQLite: where each is, and its mode."""
    found = []
    for link in Path(f"/proc/{process}/fd").iterdir():
        with suppress(OSError):
            found.append((str(link.readlink()), stat.S_IMODE(link.stat().st_mode)))
    return [(name, mode) for name, mode in found if "etilqs_" in name]


@pytest.fixture
def large(database_url: str, tmp_path: Path) -> str:
    """The URL of a database of which SQLite does not keep a copy in memory."""
    events = [make_event(event_id=f"evt_{number}", properties={"text": "x" * 10_000}) for number in range(500)]
    ingest(database_url, write_events(tmp_path / "large.ndjson", *events))
    return database_url


@only_sqlite
def test_the_private_copy_has_no_name(large: str) -> None:
    """Nobody else can open it."""
    with open_sandbox(large):
        ((name, mode),) = open_copies()
        assert (name.endswith(" (deleted)"), mode) == (True, 0o600)
    assert open_copies() == []


@only_sqlite
@pytest.mark.parametrize(
    "signals", [[signal.SIGKILL], [signal.SIGTERM, signal.SIGTERM], [signal.SIGINT, signal.SIGHUP]]
)
def test_nothing_stays_of_the_private_copy(
    mmsg: Program, large: str, tmp_path: Path, signals: list[signal.Signals]
) -> None:
    """However suddenly the run ends."""
    (tmp_path / "temporary").mkdir()
    environment = {"TMPDIR": str(tmp_path / "temporary")}
    with mmsg.start("ingest", "--dry-run", "-", database_url=large, env=environment) as process:
        # SQLite makes the file and takes its name away: a kill just between the two leaves an empty file.
        wait_until(lambda: any(name.endswith(" (deleted)") for name, _ in open_copies(process.pid)))
        assert str(tmp_path / "temporary") in open_copies(process.pid)[0][0]
        for number in signals:
            process.send_signal(number)
        process.communicate(timeout=30)
    assert list((tmp_path / "temporary").iterdir()) == []


@only_postgresql
def test_a_dry_run_holds_every_users_lock_to_its_end(database_url: str) -> None:
    """Taken batch by batch, the locks could wait in a circle with those of another run."""
    held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted"
    with open_sandbox(database_url) as transactions:
        assert query(database_url, held) == [(SLOTS,)]
        with transactions() as session:
            session.execute(text("SELECT 1"))
        assert query(database_url, held) == [(SLOTS,)]
    assert query(database_url, held) == [(0,)]


LOCKS = [
    ("sqlite", "BEGIN EXCLUSIVE"),
    ("postgresql", "SELECT pg_advisory_xact_lock(7)"),
    ("postgresql", "LOCK TABLE runs IN ACCESS EXCLUSIVE MODE"),
]


@pytest.mark.parametrize(("database_kind", "lock"), LOCKS, indirect=["database_kind"])
def test_a_dry_run_does_not_wait_for_ever(database_url: str, story: Path, lock: str) -> None:
    """A database that stays busy past the time-out is unavailable, for a dry run too."""
    engine = create_engine(database_url, poolclass=NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql(lock)
        done = run_here("ingest", story, "--json", "--dry-run", "--busy-timeout", "0.2", url=database_url)
        connection.rollback()
    assert (done.exit_code, done.stdout) == (14, "")
    assert "stayed busy" in done.stderr


@only_sqlite
def test_a_copy_that_cannot_be_made_is_explained(
    database_url: str, story: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No room for it, or a file that is damaged further in: one sentence, and no traceback."""
    monkeypatch.setattr("marketing_cli.services.sandbox._copy", copy_to_a_full_disk)
    done = run_here("ingest", story, "--json", "--dry-run", url=database_url)
    assert (done.exit_code, done.json()["error"]["code"]) == (1, "failed")
    assert done.stderr.count("\n") == 1
    assert "TMPDIR" in done.stderr
    monkeypatch.undo()
    path = Path(make_url(database_url).database or "")
    path.write_bytes(path.read_bytes()[:4096] + b"\xff" * 4096)
    done = run_here("ingest", story, "--json", "--dry-run", url=database_url)
    assert (done.exit_code, done.json()["error"]["code"]) == (1, "failed")
    assert "damaged" in done.stderr


def copy_to_a_full_disk(path: Path, copy: sqlite3.Connection, _busy_timeout: float) -> None:
    """Copies to a disk that has room for two pages."""
    copy.execute("PRAGMA max_page_count = 2")
    with closing(sqlite3.connect(path)) as source:
        copy.executescript("\n".join(source.iterdump()))
