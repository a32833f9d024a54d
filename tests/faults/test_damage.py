"""A damaged database, or one that goes away while it is written to: never a word of success."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from faults.fork_server import ForkServer
from faults.judge import differences, state_of
from faults.scene import OK, UNAVAILABLE, MakeScene, Scene
from faults.sizes import spread, sweep
from faults.story import Story, expected

DB_MISSING = 10
PAGE = 4096
SUCCESS = " ok, "


@pytest.fixture(scope="module")
def filled(server: ForkServer, tmp_path_factory: pytest.TempPathFactory, template: Path, story: Story) -> Path:
    """A database in which the file is stored."""
    scene = Scene.make(server, tmp_path_factory.mktemp("filled") / "scene", template, story)
    assert scene.ingest().exit_code == OK
    return scene.database


def says_no_success(scene: Scene, content: bytes) -> list[str]:
    """What is wrong with a run on a database of this content."""
    scene.database.write_bytes(content)
    outcome = scene.ingest()
    found = [f"ended with 0: {outcome.stderr}"] if outcome.exit_code == OK else []
    if SUCCESS in outcome.stderr or "unexpected" in outcome.stderr:
        found.append(f"ended with {outcome.exit_code}, and said: {outcome.stderr}")
    return found + ["acknowledged a batch"] * bool(scene.acked())


def test_a_zeroed_page(make_scene: MakeScene, story: Story, filled: Path) -> None:
    """Whichever page it is, also when all lines are duplicates and the page would not be read."""
    whole = filled.read_bytes()

    def ordeal(page: int) -> list[str]:
        return says_no_success(make_scene(page, story), whole[: page * PAGE] + bytes(PAGE) + whole[(page + 1) * PAGE :])

    assert sweep(spread(range(len(whole) // PAGE), 10), ordeal) == {}


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "half a file": lambda whole: whole[: len(whole) // 2],
    "half a page missing": lambda whole: whole[: -PAGE // 2],
    "another kind of file": lambda whole: b"not a database at all" + whole[21:],
    "noise": lambda whole: whole[:PAGE] + bytes((7 * n) % 256 for n in range(len(whole) - PAGE)),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file(make_scene: MakeScene, story: Story, filled: Path, damage: str) -> None:
    """It is found before anything is written."""
    assert says_no_success(make_scene("scene", story), DAMAGES[damage](filled.read_bytes())) == []


def assert_noticed(scene: Scene, build: str, batches: int) -> None:
    """The run ends where its database went away, and acknowledges nothing from there on."""
    outcome = scene.but(build).ingest()
    assert (outcome.exit_code, "deleted or replaced" in outcome.stderr) == (UNAVAILABLE, True), outcome
    assert SUCCESS not in outcome.stderr
    assert len(scene.acked()) == batches


@pytest.mark.parametrize("batches", [1, 7, 15])
def test_deleted_while_running(make_scene: MakeScene, story: Story, journal: str, batches: int) -> None:
    """Between two batches, or after the last."""
    scene = make_scene("scene", story, builds=(journal,))
    assert_noticed(scene, f"lose={batches}:{scene.database}", batches)
    assert scene.ingest().exit_code == DB_MISSING


def test_deleted_inside_a_transaction(make_scene: MakeScene, story: Story, journal: str) -> None:
    """What was committed into nowhere is not acknowledged."""
    scene = make_scene("scene", story, builds=(journal,))
    assert_noticed(scene, f"lose-inside={scene.database}", 0)
    assert scene.ingest().exit_code == DB_MISSING


@pytest.mark.parametrize("batches", [1, 7, 15])
def test_replaced_while_running(
    make_scene: MakeScene, story: Story, template: Path, journal: str, batches: int
) -> None:
    """The database in its place takes nothing from this run, and all from the next."""
    scene = make_scene("scene", story, builds=(journal,))
    other = shutil.copy(template, scene.folder / "other.db")
    assert_noticed(scene, f"swap={batches}:{scene.database}:{other}", batches)
    for left in scene.home.glob("t.db-*"):
        left.unlink()
    assert scene.ingest().exit_code == OK
    assert differences(state_of(scene.database), expected([story])) == []
