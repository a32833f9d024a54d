"""The clock is wrong, jumps, or is put forward: what is decided depends on the events' own time alone."""

import json
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path

import pytest

from faults.judge import COUNTS, differences, state_of
from faults.scene import OK, UNAVAILABLE, MakeScene, Scene
from faults.sizes import size, sweep
from faults.story import Story, expected
from faults.test_locks import holding
from support.ingesting import query
from support.program import Outcome

ZONES = ("America/New_York", "Pacific/Apia", "Asia/Kathmandu", "Europe/Lisbon")
CLOCKS = (
    ("America/New_York", "-1d"),
    ("Europe/Lisbon", "+10y"),
    ("Asia/Kathmandu", "@2024-02-29 23:59:59"),
    ("America/New_York", "@2025-03-09 01:59:59"),
    ("America/New_York", "@2025-11-02 01:59:59"),
    ("Europe/Lisbon", "@2025-03-30 00:59:59"),
    ("Europe/Lisbon", "@2025-10-26 01:59:59"),
    ("Pacific/Apia", "@2011-12-29 23:59:59"),
)
"""The last second of 29 February; clocks about to be put forward or back; a zone about to skip a day; and others."""
JUMPS = ("-1d", "+10y", "-10y", "+2d")
DECISIONS = {
    "requests": "SELECT e.event_key, e.user_id, d.rule_name, d.template_name, d.channel, d.dedup_window, d.status,"
    " d.reason FROM send_requests d JOIN events e ON e.id = d.event_id ORDER BY 1, 2, 3",
    "suppressions": "SELECT e.event_key, e.user_id, d.rule_name, d.template_name, d.dedup_window, d.reason,"
    " d.reason_code, d.suppression_reason, b.event_key FROM suppressions d JOIN events e ON e.id = d.event_id"
    " JOIN send_requests r ON r.id = d.blocking_request_id JOIN events b ON b.id = r.event_id ORDER BY 1, 2, 3",
    "rejects": "SELECT raw, reason, detail, line, count FROM rejects ORDER BY line",
    "books": f"SELECT status, {', '.join(COUNTS)}, send_requests, suppressions FROM runs",  # noqa: S608
}
NOW = datetime.now(UTC)
AROUND_TODAY = {str((NOW + timedelta(days=days)).date()) for days in (0, 1)}
DAYS = "SELECT DISTINCT date(created_at) FROM events"


@pytest.fixture(scope="session")
def libfaketime() -> str:
    """The library that lies about the time; skips the test where it is missing."""
    spec = find_spec("libfaketime")
    places = spec.submodule_search_locations if spec else None
    found = next(Path(places[0]).rglob("libfaketime.so.1"), None) if places else None
    if found is None:
        pytest.skip("the package libfaketime is not installed, so no clock could be set")
    return str(found)


def under(library: str, *settings: str) -> list[str]:
    """The prefix that runs a program by another clock. Only the wall clock: no clock's setting moves the other."""
    return ["env", f"LD_PRELOAD={library}", "FAKETIME_DONT_FAKE_MONOTONIC=1", *settings]


def decided(scene: Scene) -> dict[str, list[tuple[object, ...]]]:
    """What was requested, suppressed and refused, and why, with the books."""
    return {name: query(f"sqlite:///{scene.database}", statement) for name, statement in DECISIONS.items()}


def run_by_the_clock(scene: Scene, library: str, number: int) -> Outcome:
    """One run by a clock that is wrong in the number's own way; every other one jumps while it runs."""
    way = number // 2
    if number % 2 == 0:
        zone, clock = CLOCKS[way % len(CLOCKS)]
        return scene.ingest(prefix=under(library, f"TZ={zone}", f"FAKETIME={clock}"))
    setting = scene.folder / "clock"
    set_clock(setting, "+0")
    zone = ZONES[way % len(ZONES)]
    prefix = under(library, f"TZ={zone}", "FAKETIME_NO_CACHE=1", f"FAKETIME_TIMESTAMP_FILE={setting}")
    with scene.ingesting(prefix=prefix) as run:
        for jump in range(way, way + 1000):
            told = len(scene.acked())
            if run.is_over() or not run.goes_on_until(lambda told=told: len(scene.acked()) > told):  # type: ignore[misc]
                break
            set_clock(setting, JUMPS[jump % len(JUMPS)])
        return run.outcome()


def set_clock(setting: Path, clock: str) -> None:
    """Put the clock somewhere else, at once."""
    new = setting.with_suffix(".new")
    new.write_text(f"{clock}\n")
    new.rename(setting)


def ordeal_of(make_scene: MakeScene, story: Story, library: str, *builds: str) -> Callable[[int], list[str]]:
    """A run by a wrong clock, compared with one that was left alone."""
    calm = make_scene("calm", story)
    assert calm.ingest().exit_code == OK
    wanted = decided(calm)

    def ordeal(number: int) -> list[str]:
        scene = make_scene(number, story, builds=builds)
        outcome = run_by_the_clock(scene, library, number)
        found = decided(scene)
        problems = [f"other {name} than by the right clock" for name in DECISIONS if found[name] != wanted[name]]
        days = {day for (day,) in query(f"sqlite:///{scene.database}", DAYS)}
        if days <= AROUND_TODAY:
            problems.append("the clock was right")
        problems += [] if outcome.exit_code == OK else [f"ended with {outcome.exit_code}: {outcome.stderr}"]
        return problems + scene.problems() + differences(state_of(scene.database), expected([story]))

    return ordeal


def test_a_wrong_clock_decides_nothing(make_scene: MakeScene, story: Story, libfaketime: str) -> None:
    """Set back, put forward, jumping while a run is at work, on a leap day, when clocks change: the same decisions."""
    assert sweep(range(size(8, 40)), ordeal_of(make_scene, story, libfaketime)) == {}


def test_a_build_that_decides_by_the_clock_is_caught(make_scene: MakeScene, story: Story, libfaketime: str) -> None:
    """The same ordeal finds what is wrong with it, so it would find it in the program."""
    caught = sweep(range(2), ordeal_of(make_scene, story, libfaketime, "by-the-clock"))
    assert all("other requests than by the right clock" in problems for problems in caught.values())
    assert len(caught) == 2


def test_waiting_for_a_lock_is_not_a_matter_of_the_clock(make_scene: MakeScene, story: Story, libfaketime: str) -> None:
    """A run gives up after as many seconds as it was told to, wherever the clock jumps while it waits."""
    scene = make_scene("scene", story).but(options=("--busy-timeout", "2"))
    setting = scene.folder / "clock"
    set_clock(setting, "+0")
    prefix = under(libfaketime, "FAKETIME_NO_CACHE=1", f"FAKETIME_TIMESTAMP_FILE={setting}")
    with holding(scene.database, "BEGIN IMMEDIATE"), scene.ingesting(prefix=prefix) as run:
        started = time.monotonic()
        for place in range(1000):
            if run.is_over():
                break
            set_clock(setting, ("-1d", "+10y")[place % 2])
            time.sleep(0.05)
        outcome, waited = run.outcome(), time.monotonic() - started
    assert (outcome.exit_code, "stayed busy" in outcome.stderr) == (UNAVAILABLE, True), outcome
    assert 2 <= waited < 30
    assert scene.aftermath() == []


@pytest.mark.parametrize(
    ("clock", "warning"),
    [
        ("+0", ""),
        ("+8d", "for events over 7 days old: 1;"),
        ("+10y", "for events over 7 days old: 1;"),
        ("-2d", "timestamps over 24 h in the future: 1;"),
    ],
)
def test_warnings_go_by_the_clock(
    make_scene: MakeScene, tmp_path: Path, libfaketime: str, clock: str, warning: str
) -> None:
    """How old an event is, is asked of the clock, and changes what is said, not what is decided."""
    moment = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    event = {"event_id": "e", "user_id": "u", "event_type": "signup_completed", "event_timestamp": moment}
    line = json.dumps(event | {"user_traits": {"marketing_opt_in": True}}).encode()
    scene = make_scene("scene", Story.write(tmp_path / "one.ndjson", [line]))
    outcome = scene.ingest(prefix=under(libfaketime, f"FAKETIME={clock}"))
    assert outcome.exit_code == OK
    assert warning in outcome.stderr
    assert bool(re.search("7 days old|in the future", outcome.stderr)) == bool(warning)
    assert scene.problems() == []
