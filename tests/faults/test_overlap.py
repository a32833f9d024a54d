"""Several runs at once."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from faults.judge import differences, state_of
from faults.scene import OK, MakeScene, Scene
from faults.sizes import size
from faults.story import BATCH, Story, expected


def at_once(scenes: list[Scene]) -> list[int]:
    """The exit codes of runs that start together."""
    with ThreadPoolExecutor(len(scenes)) as pool:
        return [outcome.exit_code for outcome in pool.map(Scene.ingest, scenes)]


@pytest.mark.parametrize("runs", [2, 4, 8])
def test_over_the_same_file(make_scene: MakeScene, story: Story, journal: str, runs: int) -> None:
    """Each event is new to one run and a duplicate to the others, and no message is requested twice."""
    for number in range(size(3, 50)):
        scene = make_scene(number, story, builds=(journal,))
        assert at_once([scene] * runs) == [OK] * runs
        assert scene.problems() == []
        assert differences(state_of(scene.database), expected([story])) == []


@pytest.mark.parametrize("runs", [2, 4, 8])
def test_over_overlapping_files(make_scene: MakeScene, tmp_path: Path, story: Story, journal: str, runs: int) -> None:
    """Each run reads another stretch, half of it the next one's: caps and late facts hold across them."""
    parts = list(slices(story, tmp_path, runs))
    for number in range(size(3, 50)):
        scene = make_scene(number, *parts, builds=(journal,))
        assert at_once([replace(scene, stories=(part,)) for part in parts]) == [OK] * runs
        assert scene.problems() == []
        assert differences(state_of(scene.database), expected([story])) == []


def slices(story: Story, folder: Path, number: int) -> list[Story]:
    """Overlapping stretches of whole batches that together are all of the file."""
    batches = len(story.lines) // BATCH
    step = max(1, batches // number)
    starts = [min(place * step, batches - step) for place in range(number)]
    ends = [*(min(start + 2 * step, batches) for start in starts[:-1]), batches]
    return [
        Story.write(folder / f"part_{place}.ndjson", story.lines[start * BATCH : end * BATCH])
        for place, (start, end) in enumerate(zip(starts, ends, strict=True))
    ]
