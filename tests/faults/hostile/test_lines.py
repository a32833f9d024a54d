"""Each hostile line alone and in the middle of a thousand good ones; then all that is stored, read by everything."""

import json
from collections import Counter
from pathlib import Path

import pytest

from faults.hostile.bench import Bench, Held, Kept, hidden_in, is_as_received, open_bench
from faults.hostile.cases import BLANK, KIB, STORED, Case
from faults.hostile.corpus import CASES
from marketing_cli.domain.lines import RejectReason
from support.events import make_event
from support.ingesting import run_here

GOOD = [
    json.dumps(make_event(event_id=f"good_{n}", user_id=f"u_{n % 50}", event_type="page_viewed", properties={"n": n}))
    for n in range(1000)
]
FIRST_HALF, SECOND_HALF = ("".join(f"{line}\n" for line in lines).encode() for lines in (GOOD[:500], GOOD[500:]))
KEPT_OF_A_LONG_LINE = 64 * KIB
NUMBERED = [pytest.param(case, id=f"{number}-{case.name[:40]!a}") for number, case in enumerate(CASES)]


def ended_as(outcome: str, raw: bytes, line: int, found: Held) -> bool:
    """Whether the line is an event, a reject or neither, as it should be, and there is no other reject."""
    event = found.by_line.get(line)
    if outcome == BLANK:
        return event is None and not found.rejects
    if outcome == STORED:
        return event is not None and is_as_received(event, raw) and not found.rejects
    (kept,) = found.rejects
    whole = raw[:KEPT_OF_A_LONG_LINE] if outcome == "line_too_long" else raw
    return event is None and kept == Kept(line, outcome, whole, len(raw))


@pytest.mark.parametrize("case", NUMBERED)
def test_a_hostile_line(case: Case, bench: Bench, tmp_path: Path) -> None:
    """It ends as it should and spoils no other line."""
    path = tmp_path / "events.ndjson"
    raw = case.raw.removesuffix(b"\r")
    path.write_bytes(case.raw + b"\n")
    bench.ingest(path)
    assert ended_as(case.outcome_alone, raw if case.raw_alone is None else case.raw_alone, 1, bench.held())
    bench.empty()
    path.write_bytes(FIRST_HALF + case.raw + b"\n" + SECOND_HALF)
    report = bench.ingest(path)
    found = bench.held(uninteresting="good_%")
    assert ended_as(case.outcome, raw, 501, found)
    assert found.others == 1000
    assert (report.inputs[0].state, report.totals.lines) == ("done", 1001)


def test_the_corpus_is_large_and_has_every_reason() -> None:
    """At least 150 lines; each reason that one line can have."""
    reasons = Counter(case.outcome for case in CASES)
    assert len(CASES) >= 150
    assert len({case.raw for case in CASES}) == len(CASES)
    assert set(RejectReason) - set(reasons) == {RejectReason.TRUNCATED_TAIL, RejectReason.CONFLICTING_DUPLICATE}


OUTPUTS = ("table", "json", "ndjson", "csv")
LISTS = ("sends", "suppressions", "rejects", "runs")


def test_whatever_is_stored_can_be_read_by_every_command(database_url: str, tmp_path: Path) -> None:
    """No value that is let in stops a command that reads the table, on any database."""
    lines = []
    for number, case in enumerate(CASES):
        raw = case.raw
        if case.outcome == STORED:
            event = json.loads(raw)
            user = f"reader_{number % 7}" if event["user_id"] == "u_hostile" else event["user_id"]
            key = event["event_id"] if event.get("event_id") not in (None, "evt_hostile") else f"evt_{number}"
            event |= {"event_id": key, "user_id": user}
            if case.name.startswith(("text", "number", "projections")):
                event |= {"event_type": "payment_failed"}
                event.setdefault("properties", {})
                event["properties"] = {
                    "attempt_number": 3,
                    "failure_reason": "INSUFFICIENT_FUNDS",
                    **event["properties"],
                }
            raw = json.dumps(event).encode()
        lines.append(raw)
    path = tmp_path / "events.ndjson"
    path.write_bytes(b"\n".join(lines) + b"\n")
    with open_bench(database_url) as bench:
        report = bench.ingest(path)
        users = {facts.user_id for facts in bench.held().events.values()}
    stored = sum(case.outcome == STORED for case in CASES)
    assert report.totals.new >= stored - 10
    assert report.totals.send_requests > 40
    assert report.totals.suppressions > 5
    for command in LISTS:
        for output in OUTPUTS:
            done = run_here(command, "--limit", "0", "--output", output, url=database_url)
            assert done.exit_code == 0
            assert not hidden_in(done.stdout, "\r\n")
    for user in users:
        done = run_here("audit", f"--user={user}", "--json", url=database_url)
        assert done.exit_code == 0
        assert done.json()["user_id"] == user
        assert not hidden_in(run_here("audit", f"--user={user}", url=database_url).stdout)
