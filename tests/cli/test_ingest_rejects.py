"""Lines kept aside: each once, as it came, with its reason."""

import json
from pathlib import Path
from typing import Any

import pytest

from support.events import make_event, ndjson, write_events
from support.ingesting import ingest, query

BYTES = [
    (b"broken", "bad_json"),
    (b'  {"a": 1  ', "bad_json"),
    (b'{"user_id": "caf\xe9"}', "bad_utf8"),
    (b"\x00\x01\x02\xff", "bad_utf8"),
    (b'{"user_id": "a\\u0000b"}', "nul_in_text"),
    ("{“user_id”}".encode(), "bad_json"),
    (b"[1, 2]", "not_an_object"),
]


@pytest.mark.parametrize(("raw", "reason"), BYTES, ids=[repr(raw) for raw, _ in BYTES])
def test_the_bytes_are_kept_as_they_came(database_url: str, tmp_path: Path, raw: bytes, reason: str) -> None:
    """White space, bytes that are no text, all of it; only the line end is not part of the line."""
    path = tmp_path / "events.ndjson"
    path.write_bytes(b"\n" + raw + b"\r\n" + ndjson(make_event()).encode())
    ingest(database_url, path, "--format", "ndjson", exit_code=3)
    ((found, length, *rest),) = query(database_url, "SELECT raw, raw_length, path, line, reason, count FROM rejects")
    assert (bytes(found), length) == (raw, len(raw))
    assert rest == [str(path), 2, reason, 1]


@pytest.mark.parametrize("batch_size", ["1", "100"])
def test_the_same_bytes_refused_again_are_counted(database_url: str, tmp_path: Path, batch_size: str) -> None:
    """In one file, in another and in a later run: kept once, with the first place, the count and the last run."""
    first, second = tmp_path / "a.ndjson", tmp_path / "b.ndjson"
    first.write_text("broken\nworse\nbroken\n")
    second.write_text("\nbroken\n")
    ingest(database_url, first, second, "--batch-size", batch_size, exit_code=3)
    ingest(database_url, second, exit_code=3)
    kept = query(database_url, "SELECT path, line, count, run_id, last_run_id FROM rejects ORDER BY line")
    assert kept == [(str(first), 1, 4, 1, 2), (str(first), 2, 1, 1, 1)]


def test_the_same_bytes_for_another_reason_are_kept_beside(database_url: str, tmp_path: Path) -> None:
    """A line too long today can be broken once the limit is raised."""
    path = tmp_path / "events.ndjson"
    path.write_text('{"event_id": "no end\n')
    ingest(database_url, path, "--max-line-bytes", "10", exit_code=3)
    ingest(database_url, path, exit_code=3)
    assert query(database_url, "SELECT reason, count FROM rejects ORDER BY 1") == [
        ("bad_json", 1),
        ("line_too_long", 1),
    ]


CHANGES: dict[str, dict[str, Any]] = {
    "properties": {"properties": {"amount": 2}},
    "user_traits": {"user_traits": {}},
    "event_type": {"event_type": "payment_failed"},
    "event_timestamp": {"event_timestamp": "2025-11-01T10:00:01Z"},
}


@pytest.mark.parametrize("together", [True, False], ids=["in one batch", "in a later run"])
@pytest.mark.parametrize("field", CHANGES)
def test_a_conflict_names_what_differs_and_the_first_stays(
    database_url: str, tmp_path: Path, field: str, together: bool
) -> None:
    """The second content is kept aside with the event's ids; nothing is decided by it."""
    events = make_event(), make_event(**CHANGES[field])
    paths = [write_events(tmp_path / f"{place}.ndjson", event) for place, event in enumerate(events)]
    for batch in [[*paths]] if together else [[paths[0]], [paths[1]]]:
        ingest(database_url, *batch, exit_code=0 if batch == paths[:1] else 3)
    ((reason, detail, *ids),) = query(
        database_url, "SELECT reason, detail, user_id, event_type, event_key FROM rejects"
    )
    assert reason == "conflicting_duplicate"
    assert [name for name in CHANGES if name in detail] == [field]
    assert ids == ["u_1", events[1]["event_type"], "evt_1"]
    assert query(database_url, "SELECT event_type FROM events") == [("signup_completed",)]
    assert query(database_url, "SELECT count(*) FROM send_requests") == [(1,)]


def test_what_is_not_content_makes_no_conflict(database_url: str, tmp_path: Path) -> None:
    """A redelivery may say when it was received; the same moment and number may be written otherwise."""
    first = make_event(properties={"amount": 1.0}, receivedAt="10:00")
    again = make_event(properties={"amount": 1}, receivedAt="11:00", event_timestamp="2025-11-01T12:00:00+02:00")
    report = ingest(database_url, write_events(tmp_path / "events.ndjson", first, again))
    assert (report["totals"]["new"], report["totals"]["duplicate"]) == (1, 1)


def test_a_rejected_line_does_not_use_up_its_key(database_url: str, tmp_path: Path) -> None:
    """Mended, it is a new event; in the same file or in a later one."""
    bad = make_event(event_timestamp="yesterday")
    report = ingest(database_url, write_events(tmp_path / "events.ndjson", bad, make_event()), exit_code=3)
    assert (report["totals"]["new"], report["rejects_by_reason"]) == (1, {"bad_value": 1})


def test_a_conflicting_line_can_come_again_and_again(database_url: str, tmp_path: Path) -> None:
    """It never becomes the event, in whatever batch it comes."""
    events = make_event(), make_event(properties={"n": 1}), make_event(properties={"n": 2}), make_event()
    path = write_events(tmp_path / "events.ndjson", *events)
    for batch_size in ("1", "2", "10"):
        ingest(database_url, path, "--batch-size", batch_size, exit_code=3)
    assert query(database_url, "SELECT properties FROM events")[0][0] in ("{}", {})
    assert query(database_url, "SELECT line, count FROM rejects ORDER BY line") == [(2, 3), (3, 3)]


def test_another_users_event_may_have_the_same_id(database_url: str, tmp_path: Path) -> None:
    """An event is its key and its user."""
    events = make_event(), make_event(user_id="u_2", properties={"other": True})
    assert ingest(database_url, write_events(tmp_path / "events.ndjson", *events))["totals"]["new"] == 2


def test_a_very_long_line_is_kept_in_part(database_url: str, tmp_path: Path) -> None:
    """Of what is over the limit the first 64 KiB and the true length are kept, and it is still one line by itself."""
    lines = [json.dumps(make_event(padding="x" * (2 << 20), n=number)) for number in (1, 2)]
    path = tmp_path / "events.ndjson"
    path.write_text("\n".join(lines) + "\n" + lines[0] + "\n")
    ingest(database_url, path, exit_code=3)
    kept = query(database_url, "SELECT length(raw), raw_length, count FROM rejects ORDER BY line")
    assert kept == [(64 * 1024, len(lines[0]), 2), (64 * 1024, len(lines[1]), 1)]
