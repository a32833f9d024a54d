"""Somebody else holds the database."""

import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from faults.scene import OK, UNAVAILABLE, MakeScene, Scene
from faults.story import Story

PATIENT_FOR = ("--busy-timeout", "0.3")


@contextmanager
def holding(database: Path, *statements: str) -> Iterator[None]:
    """Another program in the middle of a transaction."""
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement).fetchone()
        yield


HOLDERS = {
    "a writer": ("BEGIN IMMEDIATE",),
    "a writer alone": ("BEGIN EXCLUSIVE",),
    "a reader": ("BEGIN", "SELECT * FROM events"),
}


def assert_gives_up(scene: Scene) -> None:
    """A run waits for as long as it was told to, then says who is in its way, and has acknowledged nothing."""
    before = len(scene.acked())
    outcome = scene.but(options=PATIENT_FOR).ingest()
    assert (outcome.exit_code, "stayed busy" in outcome.stderr) == (UNAVAILABLE, True), outcome
    assert len(scene.acked()) == before


@pytest.mark.parametrize("holder", HOLDERS)
def test_locked_past_the_time_out(make_scene: MakeScene, story: Story, holder: str) -> None:
    """It gives up, and completes once the lock is gone. A reader is in the way of a COMMIT only."""
    scene = make_scene("scene", story)
    with holding(scene.database, *HOLDERS[holder]):
        assert_gives_up(scene)
    assert scene.aftermath() == []


def test_with_a_write_ahead_log_a_reader_is_in_nobodys_way(make_scene: MakeScene, story: Story) -> None:
    """There a run does not have to wait for who only reads."""
    scene = make_scene("scene", story, builds=("journal=wal",))
    assert scene.ingest().exit_code == OK
    with holding(scene.database, *HOLDERS["a reader"]):
        assert scene.but(options=PATIENT_FOR).ingest().exit_code == OK
    assert scene.aftermath() == []


def test_a_stopped_run_holds_the_lock(make_scene: MakeScene, story: Story, journal: str) -> None:
    """A run that was stopped in a transaction is in the way until it is killed; then it has left nothing behind."""
    scene = make_scene("scene", story, builds=(journal,))
    flag = scene.folder / "paused"
    with scene.but(f"pause={flag}").ingesting() as stopped:
        stopped.goes_on_until(flag.exists)
        stopped.signal(signal.SIGSTOP)
        assert_gives_up(scene)
        stopped.kill()
    assert scene.aftermath() == []


def test_a_run_waits_for_another(make_scene: MakeScene, story: Story, journal: str) -> None:
    """Within the time-out a lock is only waited for."""
    scene = make_scene("scene", story, builds=(journal,))
    flag = scene.folder / "paused"
    with scene.but(f"pause={flag}").ingesting() as first:
        first.goes_on_until(flag.exists)
        with scene.ingesting() as second:
            flag.unlink()
            assert [first.outcome().exit_code, second.outcome().exit_code] == [OK, OK]
    assert scene.aftermath() == []
