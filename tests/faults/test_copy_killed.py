"""A copy killed at random moments, as a process; and one beside runs that store."""

import random
import time
from pathlib import Path

import pytest

from support.copying import assert_same, copy, refused
from support.events import write_events
from support.ingesting import generated_events, ingest, query, run_here
from support.program import Program
from support.verifying import verify

MOST_COPIES = 3
"""While a run is at work."""


@pytest.fixture
def filled(source_and_target: list[str], tmp_path: Path) -> list[str]:
    """Some thousand events, and an empty database."""
    ingest(source_and_target[0], write_events(tmp_path / "many.ndjson", *generated_events(15_000)))
    return source_and_target


def test_killed_at_random_moments_it_goes_on(mmsg: Program, filled: list[str], tmp_path: Path) -> None:
    """Ten times; then the copy is the same, verify reproduces it, and the old file requests nothing."""
    source, target = filled
    rng = random.Random(7)  # noqa: S311 - so that it can be repeated
    for _ in range(10):
        with mmsg.start("copy", "--to", target, database_url=source) as running:
            time.sleep(rng.uniform(0.4, 1.6))
            running.kill()
    assert copy(source, target)["status"] == "copied"
    assert_same(source, target)
    assert verify(target).exit_code == 0
    report = ingest(target, tmp_path / "many.ndjson")
    assert (report["totals"]["duplicate"], report["totals"]["send_requests"]) == (15_000, 0)


def test_beside_runs_that_store(mmsg: Program, filled: list[str], tmp_path: Path) -> None:
    """A run goes on storing and refusing, and does not wait in vain; each copy balances, the last is whole."""
    source, target = filled
    path = write_events(tmp_path / "more.ndjson", *generated_events(3_000, seed=8))
    with path.open("ab") as more:
        more.write(refused(*range(200)))
    options = ["--batch-size", "100", "--busy-timeout", "10"]
    with mmsg.start("ingest", path, *options, database_url=source) as running:
        copies = 0
        while running.poll() is None:
            assert copy(source, target)["status"] == "copied"
            assert verify(target).exit_code == 0
            copies += 1
        assert running.wait() == 3
    assert copies > 0
    copy(source, target)
    assert_same(source, target)
    assert query(target, "SELECT count(*) FROM runs WHERE status = 'running'") == [(0,)]
    checks = run_here("doctor", "--json", url=target).json()["checks"]
    assert {found["check"] for found in checks if found["state"] == "wrong"} <= {"power_cut"}  # the tests' server
