"""The program killed, or let down by its disk, while it stores batches."""

import random
import time

import pytest

from faults.scene import FAILED, KILLED, OK, UNAVAILABLE, MakeScene, Point, Scene, chosen
from faults.sizes import FULL, size, sweep
from faults.story import Story

FAULTS = {
    "killed": KILLED,
    "the disk fails once": "error=EIO:when={}",
    "the disk fails for good": "error=EIO:when={}+",
    "the disk is full": "error=ENOSPC:when={}",
}
DONE_OR_EXPLAINED = {OK, FAILED, UNAVAILABLE}


def test_killed_at_random_moments(make_scene: MakeScene, story: Story, journal: str) -> None:
    """Whenever it is killed, what it acknowledged is there, nothing is half there, and the same command completes."""

    def ordeal(seed: int) -> list[str]:
        rng = random.Random(seed)  # noqa: S311 - so that a round can be repeated
        scene = make_scene(seed, story, builds=(journal,))
        with scene.ingesting() as run:
            batches = rng.randrange(15)
            run.goes_on_until(lambda: len(scene.acked()) >= batches)
            time.sleep(rng.uniform(0, 0.1 if batches == 0 else 0.02))
            run.kill()
        return scene.aftermath()

    # Both journals share the rounds; each gets at least half.
    assert sweep(range(size(13, 250)), ordeal) == {}


@pytest.mark.usefixtures("strace")
@pytest.mark.parametrize("fault", FAULTS)
def test_failing_at_the_kth_system_call(make_scene: MakeScene, short_story: Story, journal: str, fault: str) -> None:
    """At whichever call on its files it is struck: no lie, nothing lost or half there, and it can be run again."""
    found = make_scene("count", short_story, builds=(journal,)).points(FAULTS[fault])

    def ordeal(point: Point) -> list[str]:
        scene = make_scene(f"{point.call}-{point.number}", short_story, builds=(journal,))
        outcome = scene.struck_at(point)
        return lies(scene, outcome.exit_code, outcome.stderr) + scene.aftermath()

    assert sweep(chosen(found, 8), ordeal) == {}


def lies(scene: Scene, exit_code: int, stderr: str) -> list[str]:
    """What the program said that is not so, or did not say in words."""
    found = []
    if exit_code == OK and (missing := scene.problems_of_a_finished_run()):
        found += [f"ended with 0, yet {problem}" for problem in missing]
    if exit_code >= 0 and exit_code not in DONE_OR_EXPLAINED:
        found.append(f"ended with {exit_code}: {stderr}")
    if "unexpected" in stderr or "Traceback" in stderr:
        found.append(f"was at a loss for words: {stderr}")
    return found


@pytest.mark.usefixtures("strace")
def test_a_build_that_commits_events_and_requests_apart_is_caught(make_scene: MakeScene, short_story: Story) -> None:
    """The same ordeal as above finds what is wrong with it, so it would find it in the program."""
    found = make_scene("count", short_story, builds=("apart",)).points(KILLED)

    def ordeal(point: Point) -> list[str]:
        scene = make_scene(f"{point.call}-{point.number}", short_story, builds=("apart",))
        scene.struck_at(point)
        return scene.aftermath()

    caught = sweep(chosen(found, 12), ordeal)
    assert any("matched, but not decided" in problem for problems in caught.values() for problem in problems)
    if FULL:
        assert len(caught) > len(found) / 10
