"""The power fails: what was acknowledged must have reached the disk."""

from pathlib import Path

import pytest

from faults.disks import ext4
from faults.scene import KILLED, MakeScene, chosen
from faults.sizes import FULL, size, sweep
from faults.story import Story

BATCHES = 15

pytestmark = pytest.mark.usefixtures("mounts")


def cut_right_after_commit(make_scene: MakeScene, folder: Path, story: Story, build: str, after: int) -> list[str]:
    """What is wrong when the power fails right after so many batches were acknowledged."""
    with ext4(folder / f"{after}.mount") as disk:
        scene = make_scene(after, story, builds=(build,), home=disk.root)
        disk.synchronise()
        scene.but(f"power-cut={after}:{disk.root}").ingest()
        disk.start_again()
        assert len(scene.acked()) == after
        return scene.aftermath()


@pytest.mark.parametrize("build", ["journal=truncate", "journal=wal"])
def test_right_after_commit(make_scene: MakeScene, tmp_path: Path, story: Story, build: str) -> None:
    """A batch that was acknowledged survives, however soon the power fails after it."""
    after = range(1, BATCHES + 1) if FULL else range(1, BATCHES, 5)
    assert sweep(after, lambda n: cut_right_after_commit(make_scene, tmp_path, story, build, n)) == {}


def test_a_build_with_an_unsafe_journal_is_caught(make_scene: MakeScene, tmp_path: Path, story: Story) -> None:
    """With the engine's own default journal the last acknowledged batch is lost each time, and that is noticed."""
    after = range(1, 1 + size(2, BATCHES))
    found = sweep(after, lambda n: cut_right_after_commit(make_scene, tmp_path, story, "journal=delete", n))
    assert list(found) == list(after)
    assert all(any("acknowledged, but" in problem for problem in problems) for problems in found.values())


@pytest.mark.usefixtures("strace")
@pytest.mark.parametrize("build", ["journal=truncate", "journal=wal"])
def test_at_the_kth_system_call(make_scene: MakeScene, tmp_path: Path, short_story: Story, build: str) -> None:
    """At whichever call the power fails, the disk holds what was acknowledged and nothing by halves."""
    points = chosen(make_scene("count", short_story, builds=(build,)).points(KILLED), 4)

    def ordeal(place: int) -> list[str]:
        with ext4(tmp_path / f"{place}.mount") as disk:
            scene = make_scene(place, short_story, builds=(build,), home=disk.root)
            disk.synchronise()
            scene.struck_at(points[place])
            disk.cut_power()
            disk.start_again()
            return scene.aftermath()

    assert {points[place]: found for place, found in sweep(range(len(points)), ordeal).items()} == {}
