"""`mmsg ingest --shard`: however many share the work, one after the other or at once, it comes to the same."""

import gzip
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from marketing_cli.domain.slots import Shard
from marketing_cli.services.sandbox import open_sandbox
from support.events import make_event
from support.ingesting import COUNTS, assert_balanced, generated_events, ingest, run_here
from support.program import Program
from support.told_rows import told_rows

pytestmark = pytest.mark.faults  # slow

PARTIAL = 3
Report = dict[str, Any]


def story() -> Iterator[str]:
    """Lines of every kind: facts that come late, duplicates, conflicts, refused lines with and without a user."""
    events = list(generated_events(400))
    rng = random.Random(11)  # noqa: S311 - examples, and no secrets
    for place, event in enumerate(events):
        yield json.dumps(event)
        if place % 9 == 0:
            yield json.dumps(rng.choice(events[: place + 1]))
        if place % 13 == 0:
            yield json.dumps(rng.choice(events[: place + 1]) | {"event_type": f"changed_{place}"})
        if place % 17 == 0:
            yield json.dumps(event | {"event_id": f"naive_{place}", "event_timestamp": "2025-10-01T10:00:00"})
        if place % 19 == 0:
            yield from ("", "no JSON at all", '{"user_id": "u_1", "cut', json.dumps(make_event(user_id=None)))
    for user in range(30):
        late = {"user_id": user, "event_timestamp": "2025-11-01T12:00:00Z", "event_type": "link_bank_success"}
        yield json.dumps(make_event(**late, event_id=f"link_{user}"))
    for user in range(30):  # of the same users, as text
        yield json.dumps(make_event(user_id=str(user), event_id=f"signup_{user}"))
        yield json.dumps(make_event(user_id=f"{user}", event_id=None, event_type="payment_failed"))
        yield f'{{"user_id": "u_{user}", "user_id": {user}, "a": NaN}}'


@pytest.fixture
def inputs(tmp_path: Path) -> list[Path]:
    """The story cut into inputs of each kind, with stretches that are in two of them; the last ends in mid-line."""
    lines = list(story())
    third = len(lines) // 3
    paths = [tmp_path / name for name in ("a.ndjson", "b.ndjson.gz", "c.json", "d.ndjson")]
    paths[0].write_text("\n".join(lines[: third + 50]) + "\n")
    paths[1].write_bytes(gzip.compress("\n".join(lines[third : 2 * third]).encode() + b"\n"))
    elements = [line for line in lines[2 * third - 50 :] if line.endswith("}")]
    paths[2].write_text(f"[{', '.join(elements)}]")
    paths[3].write_text("\n".join(lines[::7]) + '\n{"user_id": "u_2", "event_id')
    return paths


def sums(reports: list[Report]) -> Report:
    """What the shards booked in all, but for the lines, which each of them read, and what it skipped of them."""
    names = [name for name in reports[0]["totals"] if name not in {"lines", "skipped"}]
    reasons = {name for report in reports for name in report["rejects_by_reason"]}
    return {
        "totals": {name: sum(report["totals"][name] for report in reports) for name in names},
        "reasons": {name: sum(report["rejects_by_reason"].get(name, 0) for report in reports) for name in reasons},
        "not_comparable": sum(report["not_comparable"] for report in reports),
        "unknown_types": sum(report["unknown_types"] for report in reports),
    }


def digest(url: str) -> Any:
    """The digest and its parts."""
    return run_here("digest", "--json", url=url).json()


def assert_same(url: str, reports: list[Report], alone: str, report: Report) -> None:
    """Rows, books, digest and verdict are what one process comes to."""
    assert told_rows(url) == told_rows(alone)
    assert sums(reports) == sums([report])
    for shard in reports:
        assert_balanced(shard)
        assert [[books[name] for name in ("path", "state", "lines")] for books in shard["inputs"]] == [
            [books[name] for name in ("path", "state", "lines")] for books in report["inputs"]
        ]
    kept = [[books["lines"] - books["skipped"] for books in shard["inputs"]] for shard in reports]
    assert [sum(of_input) for of_input in zip(*kept, strict=True)] == [books["lines"] for books in report["inputs"]]
    assert digest(url) == digest(alone)
    assert run_here("verify", "--all", url=url).exit_code == 0
    checks = {check["check"]: check for check in run_here("doctor", "--json", url=url).json()["checks"]}
    assert {name: checks[name]["state"] for name in ("books", "limits", "decisions")} == dict.fromkeys(
        ("books", "limits", "decisions"), "ok"
    )


@pytest.mark.parametrize("count", [1, 2, 3, 4])
@pytest.mark.faults
def test_shards_one_after_the_other_come_to_what_one_process_does(
    database_url: str, make_database: Callable[[], str], inputs: list[Path], count: int
) -> None:
    """In whatever order the shards run: keys, decisions, reasons and rejects, row by row."""
    alone = make_database()
    report = ingest(alone, *inputs, "--batch-size", "40", exit_code=PARTIAL)
    order = random.Random(count).sample(range(count), count)  # noqa: S311 - examples, and no secrets
    reports = [
        ingest(database_url, *inputs, "--shard", f"{index}/{count}", "--batch-size", "25", exit_code=PARTIAL)
        for index in order
    ]
    assert [shard["shard"] for shard in reports] == [f"{index}/{count}" for index in order]
    assert_same(database_url, reports, alone, report)
    again = ingest(database_url, *inputs, exit_code=PARTIAL)
    assert (again["shard"], again["totals"]["new"], again["totals"]["send_requests"]) == (None, 0, 0)


@pytest.mark.parametrize("count", [2, *(pytest.param(count, marks=pytest.mark.faults) for count in (1, 3, 4))])
def test_shards_at_once_come_to_what_one_process_does(
    mmsg: Program, database_url: str, make_database: Callable[[], str], inputs: list[Path], count: int
) -> None:
    """As real processes that start together, on one database."""
    alone = make_database()
    report = ingest(alone, *inputs, exit_code=PARTIAL)
    processes = [
        mmsg.start("ingest", "--json", "--batch-size", "15", "--shard", f"{index}/{count}", *inputs)
        for index in range(count)
    ]
    reports = []
    for process in processes:
        with process:
            stdout, stderr = process.communicate(timeout=120)
            assert process.returncode == PARTIAL, stderr
            reports.append(json.loads(stdout))
    assert_same(database_url, reports, alone, report)


def test_what_only_the_first_shard_keeps(database_url: str, inputs: list[Path]) -> None:
    """Blank lines, and lines whose user nobody can read, a cut-off tail included; all of it is in the story."""
    reports = [ingest(database_url, *inputs, "--shard", f"{index}/2", exit_code=PARTIAL) for index in range(2)]
    assert [report["totals"]["blank"] > 0 for report in reports] == [True, False]
    assert ["truncated_tail" in report["rejects_by_reason"] for report in reports] == [True, False]
    for report in reports:
        assert {"conflicting_duplicate", "naive_timestamp", "not_finite"} <= report["rejects_by_reason"].keys()
        assert min(report["totals"][name] for name in COUNTS if name != "blank") > 0
    rows = told_rows(database_url)
    assert not any(row["user_id"] for row in rows["rejects"] if row["reason"] == "bad_json")
    assert {row["count"] > 1 for row in rows["rejects"]} == {True, False}
    late = [row for row in rows["send_requests"] if row["caused_by_event_id"] != row["event_id"]]
    assert len(late) == len({row["user_id"] for row in late}) >= 30


def test_a_dry_run_of_a_shard_holds_up_no_other(database_url: str, inputs: list[Path], tmp_path: Path) -> None:
    """Its report is what the shard would do; on PostgreSQL it locks its own slots alone."""
    empty = tmp_path / "empty.ndjson"
    empty.touch()
    ingest(database_url, empty)  # so that the rules are stored
    with open_sandbox(database_url, slots=Shard(1, 2).slots):
        dry = ingest(database_url, *inputs, "--shard", "0/2", "--dry-run", "--busy-timeout", "1", exit_code=PARTIAL)
        real = ingest(database_url, *inputs, "--shard", "0/2", "--busy-timeout", "1", exit_code=PARTIAL)
    assert (dry["run_id"], dry["dry_run"], dry["shard"]) == (None, True, "0/2")
    for name in ("inputs", "totals", "rejects_by_reason", "not_comparable", "unknown_types"):
        assert dry[name] == real[name]
