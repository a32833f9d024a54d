"""Statistics: the same counts as the lists and audits of each row, in any slices and for any period."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from marketing_cli.schemas.list_queries import Period
from marketing_cli.services import reading, stats_looks
from marketing_cli.services.stats import collect_stats
from marketing_cli.services.stats_books import DECIDED_AGAIN
from support.counted import fill_counted
from support.deciding import make_rule, prior, rules_text
from support.events import write_events
from support.ingesting import generated_events, generated_file, ingest, query, run_here
from support.listing import change, fill, listed, set_times

OTHER_RULES = rules_text(
    make_rule("A", name="welcome_email", on="signup_completed", when=[prior("payment_failed", "2h")], limit="none"),
    make_rule("B", name="nudge", on="link_bank_success", when=[prior("signup_completed", "1h")], limit="once_ever"),
)


def audited(url: str) -> Counter[tuple[str, str, str | None]]:
    """What did not match, as (rule, template, code), by auditing each event."""
    found: Counter[tuple[str, str, str | None]] = Counter()
    for (row,) in query(url, "SELECT id FROM events"):
        done = run_here("audit", "--row", str(row), "--json", url=url)
        for decision in done.json()["decisions"]:
            if decision["outcome"] == "not_matched":
                found[decision["rule"], decision["template"], decision["reason_code"]] += 1
    return found


@pytest.mark.faults
def test_non_matches_are_what_audit_says_of_each_event(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also after late facts and a change of rules, and however it is cut into slices."""
    events = list(generated_events(80))
    (tmp_path / "other.yaml").write_text(OTHER_RULES)
    ingest(database_url, write_events(tmp_path / "late.ndjson", *reversed(events[:40])))
    ingest(database_url, write_events(tmp_path / "rest.ndjson", *events[40:]), "--rules", tmp_path / "other.yaml")
    whole = collect_stats(database_url, Period())
    counts: Counter[tuple[str, str, str | None]] = Counter()
    for row in whole.not_matched:
        counts[row.rule, row.template, row.reason_code] += row.count
    assert counts == audited(database_url)
    assert whole.totals.not_matched == sum(counts.values()) > 0
    assert whole.totals.requested == len(listed(database_url, "sends", "--limit", "0"))
    assert whole.totals.suppressed == len(listed(database_url, "suppressions", "--limit", "0"))
    monkeypatch.setattr(reading, "_FIRST_ROWS", 3)
    monkeypatch.setattr(reading, "_MOST_ROWS", 3)
    for rows, at_once, time in ((3, 1, 0.1), (1_000, 2, -1.0), (1, 400, -1.0)):
        monkeypatch.setattr(stats_looks, "_FIRST_ROWS", rows)
        monkeypatch.setattr(stats_looks, "_FEWEST", at_once)
        monkeypatch.setattr(reading, "_SLOW", time)
        assert collect_stats(database_url, Period()) == whole


@pytest.fixture
def counted(database_url: str, tmp_path: Path) -> str:
    """The history that was counted by hand."""
    fill_counted(database_url, tmp_path)
    return database_url


def stats(url: str, *options: str) -> Any:
    """What `mmsg stats --json` gives."""
    done = run_here("stats", "--json", *options, url=url)
    assert done.exit_code == 0, done.stderr
    return done.json()


def books(*numbers: int) -> dict[str, int]:
    """The books of runs."""
    return dict(zip(("runs", "lines", "new", "duplicate", "rejected", "blank", "skipped"), numbers, strict=True))


def cell(day: str, template: str, requested: int, suppressed: int, not_matched: int) -> dict[str, Any]:
    """What became of a template on a day."""
    return {
        "day": day, "template": template, "requested": requested, "historical": 0, "suppressed": suppressed,
        "not_matched": not_matched,
    }  # fmt: skip


ON_1, ON_2 = "2025-11-01", "2025-11-02"
FAILED = {
    ("b", "B", "prior_event start within 1h", "prior_event_outside_window"): {ON_1: 1, ON_2: 2},
    ("a", "A", "properties.n gte 3", "condition_false"): {ON_2: 2},
    ("b", "B", "prior_event start within 1h", "prior_event_missing"): {ON_2: 2},
    ("a", "A", 'properties.code equals "X"', "value_not_comparable"): {ON_2: 1},
    ("a", "A", "properties.n gte 3", "value_not_comparable"): {ON_2: 1},
}


def test_every_figure_is_that_of_a_count_by_hand(counted: str) -> None:
    """The whole JSON value, pinned: runs, each outcome by template and day, reasons, conditions, rejects, types."""
    assert list(stats(counted, "--by-event-day").items()) == [
        ("since", None),
        ("until", None),
        ("days", "event"),
        (
            "totals",
            books(2, 33, 13, 14, 4, 2, 0)
            | {"events": 13, "requested": 4, "historical": 0, "suppressed": 2, "not_matched": 9},
        ),
        (
            "by_day",
            [
                cell(ON_2, "A", 0, 0, 4),
                cell(ON_2, "B", 0, 0, 4),
                cell(ON_2, "C", 1, 1, 0),
                cell(ON_1, "A", 1, 1, 0),
                cell(ON_1, "B", 1, 0, 1),
                cell(ON_1, "C", 1, 0, 0),
            ],
        ),
        (
            "runs_by_day",
            [
                {"day": "2025-12-02"} | books(1, 17, 1, 13, 2, 1, 0),
                {"day": "2025-12-01"} | books(1, 16, 12, 1, 2, 1, 0),
            ],
        ),
        (
            "suppressions",
            [
                {"count": 1, "days": {ON_1: 1}, "template": "A", "reason_code": "daily_cap_reached"},
                {"count": 1, "days": {ON_2: 1}, "template": "C", "reason_code": "already_sent_once_ever"},
            ],
        ),
        (
            "not_matched",
            [
                {
                    "count": sum(days.values()), "days": days, "rule": rule, "template": template,
                    "condition": condition, "reason_code": code,
                }
                for (rule, template, condition, code), days in FAILED.items()
            ],
        ),
        (
            "not_comparable",
            [
                {"count": 1, "days": {ON_2: 1}, "rule": "a", "template": "A", "condition": condition}
                for condition in ('properties.code equals "X"', "properties.n gte 3")
            ],
        ),
        (
            "rejects",
            [
                {"reason": "bad_json", "lines": 1, "times": 2, "days": {"2025-12-01": 1}},
                {"reason": "missing_field", "lines": 1, "times": 2, "days": {"2025-12-01": 1}},
            ],
        ),
        ("rejects_unassigned", 0),
        (
            "types_without_rule",
            [
                {"count": 2, "days": {ON_1: 1, ON_2: 1}, "event_type": "seen", "waited_for": False},
                {"count": 1, "days": {ON_2: 1}, "event_type": "first", "waited_for": True},
            ],
        ),
        ("notes", [DECIDED_AGAIN]),
    ]  # fmt: skip


def test_days_are_those_of_storing_and_deciding(counted: str) -> None:
    """Unless those of the events are asked for; the counts stay what they are."""
    found, by_event = stats(counted), stats(counted, "--by-event-day")
    assert found["days"] == "decision"
    assert found["by_day"] == [
        cell("2025-12-02", "A", 0, 0, 1),
        cell("2025-12-02", "B", 0, 0, 1),
        cell("2025-12-01", "A", 1, 1, 3),
        cell("2025-12-01", "B", 1, 0, 4),
        cell("2025-12-01", "C", 2, 1, 0),
    ]
    for name in ("totals", "rejects", "runs_by_day", "notes"):
        assert found[name] == by_event[name]
    for name in ("suppressions", "not_matched", "not_comparable", "types_without_rule"):
        assert [row | {"days": {}} for row in found[name]] == [row | {"days": {}} for row in by_event[name]]


def test_since_leaves_out_what_came_before(counted: str) -> None:
    """Of the second run its one event and two looks, and the lines that were kept before and refused again."""
    found = stats(counted, "--since", "2025-12-02T00:00:00Z")
    assert found["since"] == "2025-12-02T00:00:00Z"
    assert found["totals"] == books(1, 17, 1, 13, 2, 1, 0) | {
        "events": 1, "requested": 0, "historical": 0, "suppressed": 0, "not_matched": 2,
    }  # fmt: skip
    assert [(row["rule"], row["reason_code"], row["count"]) for row in found["not_matched"]] == [
        ("a", "condition_false", 1),
        ("b", "prior_event_outside_window", 1),
    ]
    assert found["suppressions"] == found["types_without_rule"] == found["not_comparable"] == []
    before = stats(counted, "--until", "2025-12-02T00:00:00Z")
    for part, day in ((before, "2025-12-01"), (found, "2025-12-02")):
        assert part["rejects"] == [
            {"reason": reason, "lines": 1, "times": 1, "days": {day: 1}} for reason in ("bad_json", "missing_field")
        ]
    both = {name: before["totals"][name] + found["totals"][name] for name in before["totals"]}
    assert both == stats(counted)["totals"]


NO_USER = '{"event_type": "pay", "event_timestamp": "2025-11-01T10:00:00Z"}'
RUNS_REFUSE = [["broken", NO_USER], ["broken"], ["broken", "broken", NO_USER], ["broken"], [NO_USER]]
"""The lines of five runs, one a day."""


@pytest.mark.parametrize(
    ("days", "times", "unassigned"),
    [
        ((1, 6), {"bad_json": 5, "missing_field": 3}, 0),
        ((2, 6), {"bad_json": 4, "missing_field": 2}, 0),
        ((1, 5), {"bad_json": 5, "missing_field": 2}, 0),
        ((3, 6), {"bad_json": 1, "missing_field": 1}, 3),  # 5 - 1 of bad_json would do, too
        ((4, 6), {"bad_json": 1, "missing_field": 1}, 0),
        ((2, 3), {}, 1),  # either of both
        ((5, 6), {"missing_field": 1}, 0),
        ((6, 7), {}, 0),
    ],
)
def test_refused_lines_add_up_with_the_books_of_the_runs(
    database_url: str, tmp_path: Path, days: tuple[int, int], times: dict[str, int], unassigned: int
) -> None:
    """However often the same line came before and after; what no reason can be told for is counted apart."""
    fraction = ".000000" if database_url.startswith("sqlite") else "+00"
    for run, lines in enumerate(RUNS_REFUSE, start=1):
        (tmp_path / f"{run}.ndjson").write_text("\n".join(lines) + "\n")
        ingest(database_url, tmp_path / f"{run}.ndjson", exit_code=3)
        change(database_url, f"UPDATE runs SET started_at = '2025-12-0{run} 10:00:00{fraction}' WHERE id = {run}")  # noqa: S608
    since, until = (f"2025-12-0{day}T00:00:00Z" for day in days)
    found = stats(database_url, "--since", since, "--until", until)
    assert {row["reason"]: row["times"] for row in found["rejects"]} == times
    assert found["rejects_unassigned"] == unassigned
    assert sum(times.values()) + unassigned == found["totals"]["rejected"]
    assert len(found["notes"]) == bool(unassigned)


def test_it_counts_what_the_runs_told(database_url: str, tmp_path: Path) -> None:
    """Values that could not be compared, requests, suppressions, rejects: as in the reports of `ingest`."""
    reports = fill_counted(database_url, tmp_path)
    found = stats(database_url)
    told = sum(report["not_comparable"] for report in reports)
    assert sum(row["count"] for row in found["not_comparable"]) == told == 2
    for name, key in (("requested", "send_requests"), ("suppressed", "suppressions"), ("duplicate", "duplicate")):
        assert found["totals"][name] == sum(report["totals"][key] for report in reports)
    times = {row["reason"]: row["times"] for row in found["rejects"]}
    assert times == dict.fromkeys(reports[0]["rejects_by_reason"], 2)


def test_rules_that_cannot_be_read_are_noted(counted: str) -> None:
    """What was decided is counted; what they did not match cannot be."""
    change(counted, "UPDATE rules_versions SET text = 'version: 9'")
    found = stats(counted)
    assert found["totals"]["events"] == 13
    assert (found["totals"]["requested"], found["totals"]["not_matched"]) == (4, 0)
    assert found["notes"] == [
        "13 events came under rules that this program cannot read: what did not match there is not counted."
    ]


def test_a_decision_that_was_deleted_is_no_condition_that_failed(counted: str) -> None:
    """It counts as not matched, without a condition and without a code."""
    change(counted, "DELETE FROM suppressions WHERE template_name = 'C'")
    (row,) = [row for row in stats(counted)["not_matched"] if row["rule"] == "c"]
    assert (row["condition"], row["reason_code"], row["count"]) == (None, None, 1)


def test_what_is_stored_meanwhile_is_left_out(counted: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Later runs, events, decisions and rejects, however many slices there are."""
    before, once = stats(counted), reading.Reading.once

    def look_and_ingest(reader: reading.Reading, look: Callable[[Session], Any]) -> Any:
        found = once(reader, look)
        path = generated_file(tmp_path / "more.ndjson", 50)
        path.write_text(path.read_text() + "broken\n")
        ingest(counted, path, exit_code=3)
        return found

    monkeypatch.setattr(reading.Reading, "once", look_and_ingest)
    monkeypatch.setattr(reading, "_FIRST_ROWS", 3)
    monkeypatch.setattr(stats_looks, "_FIRST_ROWS", 3)
    assert collect_stats(counted, Period()).model_dump(mode="json") == before
    monkeypatch.undo()
    assert stats(counted)["totals"]["events"] == 13 + 50


def test_a_period_is_that_of_storing_and_deciding(database_url: str, tmp_path: Path) -> None:
    """From `since`, included, to `until`, not included; rows outside of it count nowhere."""
    fill(database_url, tmp_path)
    set_times(database_url, "events", "created_at", *[f"2025-12-0{day} 10:00:00" for day in range(1, 6)])
    set_times(database_url, "send_requests", "decided_at", *[f"2025-12-0{day} 10:00:00" for day in range(1, 5)])
    set_times(database_url, "suppressions", "decided_at", "2025-12-01 10:00:00", "2025-12-04 10:00:00")
    options = ("--since", "2025-12-02T10:00:00Z", "--until", "2025-12-04T10:00:00Z")
    totals = run_here("stats", *options, "--json", url=database_url).json()["totals"]
    assert (totals["events"], totals["requested"], totals["suppressed"], totals["runs"]) == (2, 2, 0, 0)


def test_nothing_to_count_is_0(database_url: str) -> None:
    """Tables say so, no chart is drawn, and quiet prints nothing."""
    done = run_here("stats", url=database_url)
    assert done.exit_code == 0
    assert "By template:\n  none\n" in done.stdout
    assert "┤" not in done.stdout
    assert run_here("stats", "--quiet", url=database_url).stdout == ""
    assert run_here("stats", "--since", "yesterday", url=database_url).exit_code == 2
