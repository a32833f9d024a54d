"""Runs that overlap in time and in what they read."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import make_url

from support.ingesting import (
    assert_balanced,
    decisions,
    everybody_locked,
    generated_events,
    has_open,
    ingest,
    query,
    wait_until,
)
from support.program import Program

pytestmark = pytest.mark.faults  # slow

EVENTS = 600


def write(path: Path, events: list[dict[str, object]]) -> Path:
    """The events as NDJSON."""
    path.write_text("".join(json.dumps(event) + "\n" for event in events))
    return path


def outcome(url: str) -> tuple[list[object], list[object]]:
    """What must not depend on who came first: requests per user, template and window; the (event, rule) matches."""
    both = decisions(url)
    windows = sorted((row[1], row[3], row[4]) for row in both["requests"] if not row[4].startswith("event:"))
    matches = sorted((row[0], row[1], row[2]) for rows in both.values() for row in rows)
    return [*windows], [*matches]


def is_at_the_database(process: subprocess.Popen[bytes], url: str) -> bool:
    """Whether the process has got as far as to wait for the database, or for another run there."""
    path = make_url(url).database if url.startswith("sqlite") else None
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    return has_open(process, Path(path)) if path else query(url, waiting) == [(2,)]


KINDS = [
    ("sqlite", "the same file"),
    ("sqlite", "the same events backwards"),
    ("postgresql", "the same file"),
    ("postgresql", "overlapping files"),
]


@pytest.mark.parametrize(("database_kind", "kind"), KINDS, indirect=["database_kind"])
def test_runs_at_once_store_each_event_once(
    mmsg: Program, database_url: str, make_database: Callable[[], str], tmp_path: Path, kind: str
) -> None:
    """What is new to one run is a duplicate to the other; messages are what one run alone would request."""
    events = list(generated_events(EVENTS))
    third = EVENTS // 3
    parts = {
        "the same file": (events, events),
        "the same events backwards": (events, events[::-1]),
        "overlapping files": (events[: 2 * third], events[third:]),
    }
    paths = [write(tmp_path / f"{place}.ndjson", part) for place, part in enumerate(parts[kind])]
    with everybody_locked(database_url):
        processes = [mmsg.start("ingest", "--json", "--batch-size", "15", path) for path in paths]
        wait_until(lambda: all(is_at_the_database(process, database_url) for process in processes))
    reports = []
    for process in processes:
        with process:
            stdout, stderr = process.communicate(timeout=60)
            assert process.returncode == 0, stderr
            reports.append(json.loads(stdout))
    for report in reports:
        assert_balanced(report)
    assert sum(report["totals"]["new"] for report in reports) == EVENTS
    assert query(database_url, "SELECT count(*) FROM events") == [(EVENTS,)]
    alone = make_database()
    ingest(alone, write(tmp_path / "all.ndjson", events))
    assert outcome(database_url) == outcome(alone)
    made = sum(report["totals"][name] for report in reports for name in ("send_requests", "suppressions"))
    assert made == len(outcome(alone)[1])
