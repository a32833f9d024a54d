"""The options of `mmsg ingest`: when to stop, what counts, how input is read."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from support.databases import only_sqlite
from support.events import make_event, ndjson, write_events
from support.ingesting import decisions, ingest, query, run_here, server_warnings

BAD = "broken\n"


def good(*numbers: int) -> str:
    """Lines of good events."""
    return ndjson(*(make_event(event_id=f"evt_{number}", user_id=f"u_{number}") for number in numbers))


def write(path: Path, text: str) -> Path:
    """A file with this text."""
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("options", "exit_code", "state", "lines"),
    [
        (["--max-errors", "1"], 5, "stopped", 10),
        (["--max-errors", "2"], 5, "stopped", 15),  # the last batch was full: whether more follows was not looked at
        (["--max-errors", "3"], 3, "done", 15),
        (["--strict"], 5, "stopped", 5),
        (["--strict", "--max-errors", "10"], 5, "stopped", 5),
        (["--strict", "--rejects-ok"], 5, "stopped", 5),
        (["--max-errors", "19.9%"], 5, "done", 15),
        (["--max-errors", "20%"], 3, "done", 15),
        (["--max-errors", "20%", "--rejects-ok"], 0, "done", 15),
        (["--max-errors", "0%"], 5, "done", 15),
        (["--max-errors", "100%"], 3, "done", 15),
    ],
    ids=str,
)
@only_sqlite
def test_too_many_rejects_stop_a_run_at_the_end_of_a_batch(  # noqa: PLR0913, PLR0917 - a row of the table
    database_url: str, tmp_path: Path, options: list[str], exit_code: int, state: str, lines: int
) -> None:
    """The batch is stored like any other; a share is looked at from 1,000 lines on, or at the end."""
    one_in_five = "".join(good(*range(start, start + 4)) + BAD.replace("o", str(start)) for start in (0, 4, 8))
    path = write(tmp_path / "events.ndjson", one_in_five)
    report = ingest(database_url, path, "--batch-size", "5", *options, exit_code=exit_code)
    assert report["status"] == {0: "ok", 3: "partial", 5: "aborted"}[exit_code]
    assert (report["inputs"][0]["state"], report["totals"]["lines"]) == (state, lines)
    assert query(database_url, "SELECT count(*) FROM events") == [(lines * 4 // 5,)]
    assert query(database_url, "SELECT count(*) FROM rejects") == [(lines // 5,)]
    assert query(database_url, "SELECT status, exit_code FROM runs") == [(report["status"], exit_code)]
    assert (report["error"] is None) is (exit_code != 5)


def test_what_was_only_read_ahead_does_not_count(database_url: str, tmp_path: Path) -> None:
    """The rest of a file is read while a batch is committed: a run that stops there has not come to the file's end."""
    path = write(tmp_path / "events.ndjson", good(1) + BAD + good(2))
    report = ingest(database_url, path, "--batch-size", "2", "--strict", exit_code=5)
    assert (report["inputs"][0]["state"], report["totals"]["lines"]) == ("stopped", 2)
    assert query(database_url, "SELECT state, lines FROM run_inputs") == [("stopped", 2)]
    assert query(database_url, "SELECT count(*) FROM events") == [(1,)]


@pytest.mark.parametrize(("bad_first", "lines"), [(True, 1000), (False, 1200)])
def test_a_share_is_looked_at_from_1000_lines_on(
    database_url: str, tmp_path: Path, bad_first: bool, lines: int
) -> None:
    """A bad beginning does not stop a run at once, nor does a long good one hide the rest."""
    text = BAD * 20 + "\n" * 1180 if bad_first else "\n" * 1180 + BAD * 20
    path = write(tmp_path / "events.ndjson", text)
    report = ingest(database_url, path, "--batch-size", "200", "--max-errors", "1.5%", exit_code=5)
    assert report["totals"]["lines"] == lines


def test_inputs_after_the_stop_are_not_read(database_url: str, tmp_path: Path) -> None:
    """The budget is the run's, not a file's; what comes after is listed as not read."""
    paths = [write(tmp_path / f"{name}.ndjson", f"{name}\n{name}{name}\n") for name in "abc"]
    report = ingest(database_url, *paths, "--max-errors", "2", exit_code=5)
    assert [(books["state"], books["lines"]) for books in report["inputs"]] == [
        ("done", 2),
        ("done", 2),
        ("not_read", 0),
    ]
    assert report["inputs"][2]["format"] is None
    assert "4 of 4 lines" in report["error"]


KNOWN = [
    ([], BAD, 3),
    (["--known-rejects-ok"], BAD, 0),
    (["--known-rejects-ok", "--strict"], BAD, 0),
    (["--known-rejects-ok"], f"{BAD}worse\n", 3),
    (["--known-rejects-ok", "--strict"], f"{BAD}worse\n", 5),
    (["--known-rejects-ok", "--max-errors", "1"], f"{BAD}worse\n", 3),
    (["--known-rejects-ok", "--max-errors", "1"], f"{BAD}worse\nworst\n", 5),
    (["--known-rejects-ok", "--max-errors", "50%"], f"{BAD}worse\n", 3),
    (["--known-rejects-ok", "--max-errors", "49%"], f"{BAD}worse\n", 5),
]


@pytest.mark.parametrize(("options", "text", "exit_code"), KNOWN, ids=str)
def test_known_rejects_can_be_fine(
    database_url: str, tmp_path: Path, options: list[str], text: str, exit_code: int
) -> None:
    """Only lines that were not kept before count, for the exit code and for the budget; all are in the books."""
    ingest(database_url, write(tmp_path / "old.ndjson", BAD), exit_code=3)
    report = ingest(database_url, write(tmp_path / "new.ndjson", text), *options, exit_code=exit_code)
    assert report["totals"]["rejected"] == text.count("\n")


@only_sqlite
def test_files_are_read_in_the_order_given_and_directories_by_name(database_url: str, tmp_path: Path) -> None:
    """Other names in a directory, and directories in it, are left alone."""
    folder = tmp_path / "folder"
    (folder / "inner.json").mkdir(parents=True)
    for name in ("b.ndjson", "a.jsonl", "c.json", "d.txt", "B.json"):
        write(folder / name, "")
    last = write(tmp_path / "0.json", "")
    report = ingest(database_url, folder, last)
    assert [Path(books["path"]).name for books in report["inputs"]] == [
        "B.json",
        "a.jsonl",
        "b.ndjson",
        "c.json",
        "0.json",
    ]


def test_standard_input_is_an_input_among_others(database_url: str, tmp_path: Path) -> None:
    """`-` is read once, in its place."""
    path = write(tmp_path / "events.ndjson", good(1))
    report = ingest(database_url, path, "-", "-", stdin=good(1, 2).encode())
    assert [(books["path"], books["new"], books["duplicate"]) for books in report["inputs"]] == [
        (str(path), 1, 0),
        ("-", 1, 1),
    ]


FORMATS = [
    ("ndjson", good(1, 2), "new 2"),
    ("array", json.dumps([make_event()]), "new 1"),
    ("object", json.dumps(make_event(), indent=1), "new 1"),
    ("auto", json.dumps(make_event(), indent=1), "new 1"),
    ("NDJSON", good(1), "new 1"),
    ("ndjson", json.dumps([make_event()]) + "\n", "rejected 1"),
    ("object", good(1, 2), "rejected 1"),
]


@only_sqlite
@pytest.mark.parametrize(("name", "text", "books"), FORMATS)
def test_the_format_can_be_forced(database_url: str, tmp_path: Path, name: str, text: str, books: str) -> None:
    """What does not fit the format is rejected, not guessed at."""
    path = write(tmp_path / "events.json", text)
    report = ingest(database_url, path, "--format", name, exit_code=3 if "rejected" in books else 0)
    assert [f"{key} {report['totals'][key]}" for key in ("new", "rejected") if report["totals"][key]] == [books]
    assert name == "auto" or report["inputs"][0]["format"] == name.lower()


@pytest.mark.parametrize(
    ("moment", "stored"),
    [
        ("2025-07-01T12:00:00", "11:00"),
        ("2025-12-01T12:00:00", "12:00"),
        ("2025-10-26T01:30:00", "00:30"),
        ("2025-03-30T01:30:00", None),
        ("2025-07-01T12:00:00+05:00", "07:00"),
    ],
    ids=["summer", "winter", "ambiguous: the earlier", "does not exist", "has an offset"],
)
def test_timestamps_without_an_offset_can_be_read_in_a_zone(
    database_url: str, tmp_path: Path, moment: str, stored: str | None
) -> None:
    """The clock of Lisbon, with its hour that comes twice and the one that never comes."""
    path = write_events(tmp_path / "events.ndjson", make_event(event_timestamp=moment))
    ingest(database_url, path, "--assume-timezone", "Europe/Lisbon", exit_code=0 if stored else 3)
    found = query(database_url, "SELECT event_timestamp FROM events")
    assert [utc_time(row[0]) for row in found] == ([stored] if stored else [])


def utc_time(moment: Any) -> str:
    """A stored moment's hours and minutes: SQLite gives text in UTC, PostgreSQL a moment in the session's zone."""
    return moment[11:16] if isinstance(moment, str) else moment.astimezone(UTC).strftime("%H:%M")


@only_sqlite
def test_a_timestamp_without_an_offset_is_rejected_otherwise(database_url: str, tmp_path: Path) -> None:
    """Nobody guesses a zone."""
    path = write_events(tmp_path / "events.ndjson", make_event(event_timestamp="2025-07-01T12:00:00"))
    assert ingest(database_url, path, exit_code=3)["rejects_by_reason"] == {"naive_timestamp": 1}


def test_long_lines_are_rejected_alone(database_url: str, tmp_path: Path) -> None:
    """The lines around them are stored; the limit can be raised."""
    path = write(tmp_path / "events.ndjson", good(1) + ndjson(make_event(event_id="long", padding="x" * 900)) + good(2))
    report = ingest(database_url, path, "--max-line-bytes", "500", exit_code=3)
    assert (report["totals"]["new"], report["rejects_by_reason"]) == (2, {"line_too_long": 1})
    assert ingest(database_url, path, "--max-line-bytes", "2000")["totals"]["new"] == 1


def test_a_file_that_grows_is_read_again(database_url: str, tmp_path: Path) -> None:
    """A last line that is not whole is kept aside; once it is whole it is stored, and what was kept stays."""
    whole = good(1, 2, 3)
    path = write(tmp_path / "growing.ndjson", whole[:-30])
    report = ingest(database_url, path, exit_code=3)
    assert (report["totals"]["new"], report["rejects_by_reason"]) == (2, {"truncated_tail": 1})
    write(path, whole)
    report = ingest(database_url, path)
    assert (report["totals"]["new"], report["totals"]["duplicate"]) == (1, 2)
    assert query(database_url, "SELECT reason, count FROM rejects") == [("truncated_tail", 1)]


@only_sqlite
def test_the_last_line_needs_no_line_end(database_url: str, tmp_path: Path) -> None:
    """A whole event is taken as it is."""
    assert ingest(database_url, write(tmp_path / "events.ndjson", good(1).strip()))["totals"]["new"] == 1


def test_an_archive_uses_up_limits_and_is_never_handed_on(database_url: str, tmp_path: Path) -> None:
    """`--backfill` decides as always, marks what it requests, and gives no warning about old events."""
    archive = write_events(tmp_path / "archive.ndjson", make_event(event_id="old"))
    report = ingest(database_url, archive, "--backfill")
    assert (report["backfill"], report["totals"]["send_requests"]) == (True, 1)
    assert report["warnings"] == server_warnings(database_url)
    assert [row[-1] for row in decisions(database_url)["requests"]] == ["historical"]
    assert query(database_url, "SELECT count(*) FROM runs WHERE backfill") == [(1,)]
    again = write_events(tmp_path / "again.ndjson", make_event(event_id="second_signup"))
    report = ingest(database_url, again)
    assert (report["totals"]["send_requests"], report["totals"]["suppressions"]) == (0, 1)


NOW = datetime.now(UTC)
WARNINGS = [
    (timedelta(days=-8), "signup_completed", "over 7 days old"),
    (timedelta(days=-8), "payment_initiated", None),
    (timedelta(days=-6), "signup_completed", None),
    (timedelta(hours=23), "signup_completed", None),
    (timedelta(hours=25), "signup_completed", "in the future"),
    (timedelta(hours=25), "payment_initiated", "in the future"),
]


@pytest.mark.parametrize(("ago", "event_type", "warning"), WARNINGS)
@only_sqlite
def test_moments_that_look_wrong_are_warned_of(
    database_url: str, tmp_path: Path, ago: timedelta, event_type: str, warning: str | None
) -> None:
    """Messages for events over 7 days old, and events over 24 h ahead of the clock; not of anything else."""
    event = make_event(event_type=event_type, event_timestamp=(NOW + ago).isoformat())
    done = run_here("ingest", write_events(tmp_path / "events.ndjson", event), "--json", url=database_url)
    assert done.exit_code == 0
    assert len(done.json()["warnings"]) == (1 if warning else 0)
    assert warning is None or (warning in done.json()["warnings"][0] and "warning: " in done.stderr)
