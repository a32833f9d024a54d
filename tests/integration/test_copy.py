"""A whole history in another database: the same rows, the same decisions, and no number drawn twice."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from marketing_cli.database.half_copied import HALF_COPIED
from marketing_cli.repositories import copy_reading, copy_writing
from marketing_cli.repositories.copy_parts import Part
from marketing_cli.repositories.copy_reading import Whole
from support.copying import (
    assert_same,
    copy,
    copy_here,
    delete_event,
    fill_oddly,
    highest,
    only_sqlite_to_sqlite,
    revision,
)
from support.events import make_event, write_events
from support.ingesting import generated_events, ingest, query, run_here
from support.plans import plan, scans, statements
from support.verifying import tamper, verify

FAILED = {"failure_reason": "INSUFFICIENT_FUNDS", "attempt_number": 3}


@pytest.fixture
def filled(source_and_target: list[str], tmp_path: Path) -> list[str]:
    """A history with everything in it, and an empty database."""
    fill_oddly(source_and_target[0], tmp_path)
    return source_and_target


def test_everything_is_copied(filled: list[str]) -> None:
    """Every row of every table, to the microsecond and the byte; what deleted events left and counts of rejects too."""
    source, target = filled
    report = copy(source, target)
    assert_same(source, target)
    assert revision(target) == revision(source)
    if target.startswith("sqlite"):  # as CURRENT_TIMESTAMP writes it there, since texts are compared
        assert query(target, "SELECT count(*) FROM events WHERE created_at LIKE '%.000000'") == [(0,)]
        assert query(target, "SELECT count(*) FROM events WHERE event_timestamp NOT LIKE '%.______'") == [(0,)]
    assert report["digests"]["source"] == report["digests"]["target"]
    tables = {table["table"]: table for table in report["tables"]}
    assert query(source, "SELECT count(*) FROM rejects WHERE count > 1") > [(0,)]
    assert query(source, "SELECT count(*) FROM send_requests WHERE event_id IS NULL") > [(0,)]
    for name, table in tables.items():
        ((rows,),) = query(source, f"SELECT count(*) FROM {name}")  # noqa: S608
        assert table == {"table": name, "copied": rows, "rows": rows, "rows_there": rows}


def test_the_copy_is_as_good_as_the_original(filled: list[str], tmp_path: Path) -> None:
    """Verify reproduces it all, doctor finds nothing wrong, lists say the same, and old files request nothing."""
    source, target = filled
    # A suppression was deleted to leave a number out, which the books rightly miss.
    tamper(source, "UPDATE runs SET suppressions = (SELECT count(*) FROM suppressions WHERE run_id = runs.id)")
    before = [verify(source).model_dump(), *lists(source)]
    copy(source, target)
    assert [verify(target).model_dump(), *lists(target)] == before
    assert run_here("doctor", "--json", url=target).exit_code == run_here("doctor", "--json", url=source).exit_code
    for name in ("story", "archive", "late_0", "late_1", "late_2", "late_3"):
        report = ingest(target, tmp_path / f"{name}.ndjson")
        gone = 1 if name == "late_0" else 0  # late_2 was deleted, and its request still uses up its limit
        assert report["totals"]["new"] == gone
        assert report["totals"]["send_requests"] == 0


def lists(url: str) -> list[Any]:
    """What lists say, within the limits of a moment that the database set, too."""
    moment = "2026-01-02T03:04:05.678901Z"
    commands = [
        ("sends", "--limit", "0", "--json"),
        ("suppressions", "--limit", "0", "--json"),
        ("rejects", "--limit", "0", "--json"),
        ("runs", "--limit", "0", "--json"),
        ("sends", "--until", moment, "--json"),
        ("sends", "--since", moment, "--json"),
        ("digest", "--json"),
    ]
    return [run_here(*command, url=url).json() for command in commands]


def test_new_numbers_are_beyond_the_old_ones(filled: list[str], tmp_path: Path) -> None:
    """Also beyond those whose rows were deleted: suppressions and senders may still name them."""
    source, target = filled
    used = highest(source)
    tamper(source, "DELETE FROM suppressions", f"DELETE FROM send_requests WHERE id = {used['send_requests']}")  # noqa: S608
    delete_event(source, "odd_2")
    left = highest(source)
    copy(source, target)
    assert highest(target) == left
    events = [
        make_event(event_id=f"n{number}", event_type="payment_failed", user_id="u_new", properties=FAILED)
        for number in range(2)
    ]
    ingest(target, write_events(tmp_path / "new.ndjson", *events))
    (tmp_path / "bad.ndjson").write_text("broken anew\n")
    ingest(target, tmp_path / "bad.ndjson", exit_code=3)
    for name in ("events", "suppressions", "send_requests", "rejects", "runs", "run_inputs"):
        ((first,),) = query(target, f"SELECT min(id) FROM {name} WHERE id > {left[name]}")  # noqa: S608
        assert first > used[name], name


def test_there_and_back_again(filled: list[str], tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """A copy of the copy is the original; so is one in small pieces."""
    source, target = filled
    copy(source, target)
    request.getfixturevalue("monkeypatch").setattr(copy_reading, "MOST_ROWS", 2)
    back = f"sqlite:///{tmp_path}/back.db"
    run_here("migrate", url=back)
    copy(target, back)
    assert_same(source, back)


def test_more_is_added_later(filled: list[str], tmp_path: Path) -> None:
    """The same command again copies what has come since, and counts it alone; with nothing new it copies nothing."""
    source, target = filled
    copy(source, target)
    ingest(source, write_events(tmp_path / "more.ndjson", *generated_events(50)))
    ingest(source, tmp_path / "broken.ndjson", exit_code=3)  # counted in the rows that keep these lines already
    report = copy(source, target)
    assert_same(source, target)
    copied = {table["table"]: table["copied"] for table in report["tables"]}
    assert (copied["events"], copied["runs"], copied["rejects"], copied["rules_versions"]) == (50, 2, 0, 0)
    assert {table["copied"] for table in copy(source, target)["tables"]} == {0}


def test_an_empty_history_can_be_copied(source_and_target: list[str]) -> None:
    """It has a digest too."""
    assert {table["rows"] for table in copy(*source_and_target)["tables"]} == {0}


def test_large_rows_go_in_small_batches(
    source_and_target: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many rows there are, a batch ends once it has so many bytes."""
    source, target = source_and_target
    events = [make_event(event_id=f"e{number}", properties={"text": "x" * 9_000}) for number in range(20)]
    ingest(source, write_events(tmp_path / "large.ndjson", *events))
    monkeypatch.setattr(copy_reading, "MOST_BYTES", 30_000)
    sizes: list[int] = []
    insert = copy_writing.insert_whole

    def noting(session: Session, part: Part, rows: Whole) -> None:
        sizes.extend([len(rows.tables[0])] if part.name == "events" else [])
        insert(session, part, rows)

    monkeypatch.setattr("marketing_cli.services.copying.insert_whole", noting)
    copy(source, target)
    assert sizes == [4, 4, 4, 4, 4]
    assert_same(source, target)


def test_a_piece_costs_the_same_wherever_it_is(filled: list[str]) -> None:
    """No table is read as a whole, nor from its first row on: each is entered by its numbers, children too."""
    source, target = filled
    with statements() as asked:
        copy(source, target)
    rows = [(statement, values) for statement, values in asked if "LEFT OUTER JOIN user_traits" in statement]
    assert rows
    steps = plan(source, rows)
    assert scans(steps) == []
    if source.startswith("postgresql"):
        conditions = [step for step in steps if step.startswith("Index Cond: ((event_id >=")]
        assert len(conditions) >= 2 * len(rows)
    else:
        assert sum("USING INTEGER PRIMARY KEY (rowid=?)" in step for step in steps) == 2 * len(rows)


def test_gaps_are_filled(filled: list[str]) -> None:
    """A batch that was not committed yet when larger numbers were copied is copied the next time."""
    source, target = filled
    copy(source, target)
    ((row,),) = query(source, "SELECT id FROM events WHERE event_key = 'late_4'")
    rows = dict.fromkeys(("send_requests", "suppressions", "event_properties", "user_traits"), "event_id")
    tamper(target, *(f"DELETE FROM {name} WHERE {key} = {row}" for name, key in (rows | {"events": "id"}).items()))  # noqa: S608
    report = copy(source, target)
    assert {table["copied"] for table in report["tables"] if table["table"] == "events"} == {1}
    assert_same(source, target)


@only_sqlite_to_sqlite
def test_a_value_that_cannot_be_read_is_named(filled: list[str]) -> None:
    """It is the row of the source, and the copy can go on once it is mended."""
    source, target = filled
    tamper(source, "UPDATE event_properties SET attempt_number = 'many' WHERE event_id = 3")
    done = copy_here(source, target, "--json")
    assert done.exit_code == 1
    assert "event_properties.attempt_number of row 3 (event evt_3)" in done.json()["error"]["message"]
    tamper(source, "UPDATE event_properties SET attempt_number = 3 WHERE event_id = 3")
    copy(source, target)
    assert_same(source, target)


@pytest.mark.parametrize("direction", [("sqlite", "postgresql")], indirect=True)
def test_a_text_that_is_no_json_is_named(filled: list[str]) -> None:
    """PostgreSQL refuses it, and the row is found where it came from."""
    source, target = filled
    tamper(source, "UPDATE events SET properties = '{' WHERE id = 3")
    done = copy_here(source, target)
    assert (done.exit_code, "events.properties of row 3 (event evt_3)" in done.stderr) == (1, True)
    assert run_here("runs", url=target).stderr == f"mmsg: the database is half copied: {HALF_COPIED}\n"
