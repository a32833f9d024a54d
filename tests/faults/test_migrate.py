"""`mmsg migrate` killed midway, several at once, and as one of eight first starts."""

import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from faults.fork_server import ForkServer
from faults.judge import differences, state_of
from faults.scene import KILLED, OK, Scene, chosen
from faults.sizes import size, sweep
from faults.story import Story, expected
from marketing_cli.database.migration import REVISIONS

NewScene = Callable[..., Scene]
NEWEST = REVISIONS[-1]


@pytest.fixture
def new_scene(server: ForkServer, tmp_path: Path) -> NewScene:
    """Makes scenes without a database."""
    return lambda name, *stories, builds=(): Scene.make(server, tmp_path / str(name), None, *stories, builds=builds)


def schema(database: Path) -> list[tuple[str, ...]]:
    """All that a database's schema is made of, and how it is doing."""
    with closing(sqlite3.connect(database)) as connection:
        found = connection.execute("SELECT type, name, sql FROM sqlite_schema ORDER BY type, name").fetchall()
        version = connection.execute("SELECT version_num FROM alembic_version").fetchall()
        return [*found, *version, *connection.execute("PRAGMA integrity_check").fetchall()]


@pytest.mark.usefixtures("strace")
def test_killed_at_the_kth_system_call(new_scene: NewScene, journal: str, template: Path) -> None:
    """At whichever call it is killed, running it again makes the same schema."""
    points = new_scene("count", builds=(journal,)).points(KILLED, run=Scene.migrate)

    def ordeal(place: int) -> list[str]:
        scene = new_scene(place, builds=(journal,))
        scene.struck_at(points[place], run=Scene.migrate)
        again = scene.migrate()
        if again.exit_code != OK:
            return [f"the second migration ended with {again.exit_code}: {again.stderr}"]
        return [str(part) for part in schema(scene.database) if part not in schema(template)]

    points = chosen(points, 6)
    assert {points[place]: found for place, found in sweep(range(len(points)), ordeal).items()} == {}


@pytest.mark.parametrize("runs", [2, 8])
def test_several_at_once(new_scene: NewScene, template: Path, runs: int) -> None:
    """Where there was no database all succeed; one says that it made the schema, the others that it was there."""
    for number in range(size(3, 50)):
        scene = new_scene(number)
        with ThreadPoolExecutor(runs) as pool:
            outcomes = list(pool.map(Scene.migrate, [scene] * runs))
        assert {outcome.exit_code for outcome in outcomes} == {OK}, outcomes
        said = sorted(outcome.stderr for outcome in outcomes)
        assert said == [*[f"schema {NEWEST} → {NEWEST}\n"] * (runs - 1), f"schema none → {NEWEST}\n"]
        assert schema(scene.database) == schema(template)


def test_eight_first_starts_at_once(new_scene: NewScene, story: Story) -> None:
    """Eight times `migrate` and then `ingest` of the same file at once: each event is new to one of them."""

    def first_start(scene: Scene, _number: int) -> list[int]:
        return [scene.migrate().exit_code, scene.ingest().exit_code]

    for number in range(size(3, 50)):
        scene = new_scene(number, story)
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(partial(first_start, scene), range(8))) == [[OK, OK]] * 8
        assert scene.problems() == []
        assert differences(state_of(scene.database), expected([story])) == []
