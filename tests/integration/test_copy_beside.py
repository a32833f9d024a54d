"""A copy that is killed, and one of a database at work: what stands at one moment is copied, and nobody waits."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from marketing_cli.repositories import copy_reading
from marketing_cli.repositories.copy_moment import moment_of_now
from marketing_cli.services.reading import Reading
from support.copying import (
    across,
    assert_same,
    copy,
    copy_here,
    copy_killed,
    exactly,
    fill_oddly,
    only_sqlite_to_sqlite,
    refused,
)
from support.events import write_events
from support.ingesting import generated_events, ingest, query, run_here
from support.listing import fill
from support.processing import open_store
from support.verifying import verify

pytestmark = pytest.mark.faults  # slow


@only_sqlite_to_sqlite
def test_killed_after_any_batch_it_goes_on(
    source_and_target: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever it stops, and however often; the mark goes with the last batch, not before."""
    source, target = source_and_target
    fill(source, tmp_path)
    monkeypatch.setattr(copy_reading, "MOST_ROWS", 2)
    attempts = 0
    while not copy_killed(source, target, batches=attempts):
        assert run_here("runs", url=target).exit_code == 14
        attempts += 1
    assert attempts > 20
    assert_same(source, target)
    assert run_here("runs", url=target).exit_code == 0


@across
def test_killed_at_some_batches_it_goes_on(
    source_and_target: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From SQLite to PostgreSQL and back, with everything in it."""
    source, target = source_and_target
    fill_oddly(source, tmp_path)
    monkeypatch.setattr(copy_reading, "MOST_ROWS", 5)
    for batches in (1, 5, 9, 14):
        assert not copy_killed(source, target, batches=batches)
    copy(source, target)
    assert_same(source, target)


@pytest.fixture
def at_work(source_and_target: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """Between the looks of a copy, runs store events and refuse lines, some of them again; the copy begins slowly."""
    source, _ = source_and_target
    fill_oddly(source, tmp_path)
    piece = Reading.piece
    looks: list[str] = []

    def look_and_ingest(self: Reading, look: Callable[..., Any]) -> Any:
        found = piece(self, look)
        looks.append("")
        if len(looks) % 2 == 0:
            path = write_events(tmp_path / "beside.ndjson", *generated_events(5, seed=len(looks)))
            ingest(source, path)
        if len(looks) % 7 == 0 and len(looks) < 30:
            (tmp_path / "refused.ndjson").write_bytes(refused(1, len(looks)))
            ingest(source, tmp_path / "refused.ndjson", tmp_path / "broken.ndjson", exit_code=3)
        return found

    monkeypatch.setattr(Reading, "piece", look_and_ingest)
    monkeypatch.setattr(copy_reading, "MOST_ROWS", 4)
    return lambda: looks


def test_what_runs_store_meanwhile_is_left_out(
    source_and_target: list[str], at_work: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The copy balances like any history, counts of refused lines too; the same command brings over the rest."""
    source, target = source_and_target
    copy(source, target)
    assert len(at_work()) > 10
    assert query(target, "SELECT count(*) FROM events") < query(source, "SELECT count(*) FROM events")
    assert books(target) == []
    differences = verify(target).differences
    assert [found.about for found in differences] == [found.about for found in verify(source).differences]
    monkeypatch.undo()
    copy(source, target)
    assert_same(source, target)


def books(url: str) -> list[Any]:
    """What of the books of runs, and of the lines they refused, does not add up; the story lost a suppression."""
    lines = query(url, "SELECT id FROM runs WHERE lines <> new + duplicate + rejected + blank + skipped")
    events = query(
        url,
        "SELECT r.id FROM runs r WHERE r.new <> (SELECT count(*) FROM events e WHERE e.run_id = r.id)"
        " + (SELECT count(*) FROM send_requests s WHERE s.run_id = r.id AND s.event_id IS NULL)",
    )
    ((booked,),) = query(url, "SELECT sum(rejected) FROM runs")
    ((kept,),) = query(url, "SELECT sum(count) FROM rejects")
    return [*lines, *events, *([] if booked == kept else [(booked, kept)])]


def test_a_run_at_work_is_copied_as_it_stood(source_and_target: list[str]) -> None:
    """With a warning, since it may go on; the same command brings over its end and what it stored until then."""
    source, target = source_and_target
    with open_store(source) as store:
        run = store.run()
        run.batch(*generated_events(3))
        report = copy(source, target)
        assert "runs that had not ended when the copy began: 1;" in report["warnings"][0]
        assert query(target, "SELECT status FROM runs") == [("running",)]
        run.batch(*generated_events(3, seed=8))
        with store.transactions() as session:
            session.connection().exec_driver_sql("UPDATE runs SET status = 'ok', exit_code = 0, lines = 6, new = 6")
            session.connection().exec_driver_sql("UPDATE run_inputs SET state = 'done', lines = 6, new = 6")
    assert copy(source, target)["warnings"] == []
    assert_same(source, target)


@only_sqlite_to_sqlite
def test_a_source_that_is_never_quiet_is_given_up(
    source_and_target: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where each look at refused lines finds other ones, the copy ends in words, and can go on."""
    source, target = source_and_target
    fill(source, tmp_path)
    once = Reading.once

    def look_and_refuse(self: Reading, look: Callable[..., Any]) -> Any:
        found = once(self, look)
        if look is moment_of_now:
            (tmp_path / "refused.ndjson").write_bytes(refused(7))
            run_here("ingest", tmp_path / "refused.ndjson", url=source)
        return found

    monkeypatch.setattr(Reading, "once", look_and_refuse)
    done = copy_here(source, target, "--json")
    assert (done.exit_code, done.json()["error"]["code"]) == (14, "db_unavailable")
    assert "runs at work refuse lines faster" in done.stderr
    monkeypatch.undo()
    copy(source, target)
    assert_same(source, target)


@only_sqlite_to_sqlite
def test_looks_at_a_source_are_short(source_and_target: list[str], tmp_path: Path) -> None:
    """A reader makes a writer's COMMIT wait on a rollback journal: for a fifth of a second at most."""
    source, target = source_and_target
    ingest(source, write_events(tmp_path / "many.ndjson", *generated_events(20_000)))
    took: list[float] = []
    piece = Reading.piece

    def timed(self: Reading, look: Callable[..., Any]) -> Any:
        def timing(session: Any, is_up: Any) -> Any:
            began = time.process_time()  # not the time that other processes took
            found = look(session, is_up)
            took.append(time.process_time() - began)
            return found

        return piece(self, timing)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Reading, "piece", timed)
        copy(source, target)
    assert len(took) > 5
    assert max(took) < 0.2
    assert exactly(source) == exactly(target)
