"""`mmsg ingest --json`: the shape that programs rely on, and books that balance."""

import json
from pathlib import Path

import pytest

from support.events import make_event, ndjson, write_events
from support.ingesting import COUNTS, generated_file, ingest, named, run_here

REPORT = {
    "run_id",
    "status",
    "exit_code",
    "dry_run",
    "backfill",
    "shard",
    "started_at",
    "finished_at",
    "inputs",
    "totals",
    "rejects_by_reason",
    "not_comparable",
    "unknown_types",
    "retried_batches",
    "warnings",
    "rules",
    "error",
}


def test_the_report_has_these_keys_and_values(database_url: str, tmp_path: Path) -> None:
    """Fields may be added to the shape, never renamed: a new one is added here too."""
    path = write_events(tmp_path / "events.ndjson", make_event())
    report = ingest(database_url, path)
    assert set(report) == REPORT
    books = {"lines": 1, "new": 1, "duplicate": 0, "rejected": 0, "blank": 0, "skipped": 0}
    assert report["inputs"] == [
        {"path": str(path), "format": "ndjson", "compression": "none", "state": "done"} | books,
    ]
    assert report["totals"] == books | {"send_requests": 1, "suppressions": 0}
    assert set(report["rules"]) == {"source", "sha256"}
    assert (report["rules"]["source"], len(report["rules"]["sha256"])) == ("shipped", 64)
    assert (report["status"], report["dry_run"], report["backfill"], report["error"]) == ("ok", False, False, None)
    assert report["run_id"] == 1
    assert report["started_at"].endswith("Z")
    assert report["started_at"] <= report["finished_at"]


def test_each_line_ends_in_one_of_the_books(database_url: str, tmp_path: Path) -> None:
    """New, duplicate, rejected, blank: per input and in total, with the reasons and what was decided."""
    first = write_events(tmp_path / "a.ndjson", make_event(), make_event(), make_event(properties={"changed": 1}))
    second = tmp_path / "b.json"
    second.write_text(f"\n \n{ndjson(make_event(event_id='evt_2'), make_event())}{{nonsense}}\n")
    report = ingest(database_url, first, second, exit_code=3)
    assert [{name: books[name] for name in COUNTS} for books in report["inputs"]] == [
        {"lines": 3, "new": 1, "duplicate": 1, "rejected": 1, "blank": 0, "skipped": 0},
        {"lines": 5, "new": 1, "duplicate": 1, "rejected": 1, "blank": 2, "skipped": 0},
    ]
    assert report["rejects_by_reason"] == {"bad_json": 1, "conflicting_duplicate": 1}
    assert (report["totals"]["send_requests"], report["totals"]["suppressions"]) == (1, 1)
    assert report["status"] == "partial"


@pytest.mark.parametrize(
    ("event", "counted"),
    [
        (make_event(event_type="payment_failed", properties={"attempt_number": "many"}), "not_comparable"),
        (make_event(event_type="coffee_ordered"), "unknown_types"),
    ],
)
def test_what_the_rules_could_not_use_is_counted(
    database_url: str, tmp_path: Path, event: object, counted: str
) -> None:
    """A value that no rule can compare, and a type that no rule is on, are no errors but can be seen."""
    path = tmp_path / "events.ndjson"
    path.write_text(json.dumps(event))
    report = ingest(database_url, path)
    assert {name: report[name] for name in ("not_comparable", "unknown_types")} == {
        "not_comparable": 0,
        "unknown_types": 0,
        counted: 1,
    }


@pytest.mark.parametrize("batch_size", [1, 7, 1000])
def test_batches_do_not_change_the_report(database_url: str, tmp_path: Path, batch_size: int) -> None:
    """How many lines share a transaction is nobody's business."""
    path = generated_file(tmp_path / "events.ndjson", 20)
    path.write_text(path.read_text() + "broken\n\nbroken\n")
    report = ingest(database_url, path, path, "--batch-size", str(batch_size), exit_code=3)
    assert [books["new"] for books in report["inputs"]] == [20, 0]
    assert report["totals"]["duplicate"] == 20
    assert report["totals"]["blank"] == 2
    assert report["rejects_by_reason"] == {"bad_json": 4}


def test_standard_output_carries_the_report_and_nothing_else(database_url: str, tmp_path: Path) -> None:
    """The summary goes to standard error, with or without the report."""
    path = write_events(tmp_path / "events.ndjson", make_event())
    summary = run_here("ingest", path, url=database_url)
    assert (summary.stdout, summary.exit_code) == ("", 0)
    assert "1 line: 1 new" in summary.stderr
    report = run_here("ingest", path, "--json", url=database_url)
    assert report.json()["totals"]["duplicate"] == 1
    assert "1 duplicate" in report.stderr


def test_the_ledger_agrees_with_the_report(database_url: str, tmp_path: Path) -> None:
    """What a run said is what it stored about itself."""
    path = generated_file(tmp_path / "events.ndjson", 30)
    path.write_text(path.read_text() + "broken\n")
    report = ingest(database_url, path, "--batch-size", "10", exit_code=3)
    (run,) = named(database_url, "SELECT * FROM runs")
    (books,) = named(database_url, "SELECT * FROM run_inputs")
    assert (run["status"], run["exit_code"], run["finished_at"] is None) == ("partial", 3, False)
    assert {name: run[name] for name in report["totals"]} == report["totals"]
    assert {name: books[name] for name in report["inputs"][0]} == report["inputs"][0]
