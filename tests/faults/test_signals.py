"""Asked to stop by a signal: the batch in hand is finished, and the end is told; a second signal does not wait."""

import random
import signal
import time

import pytest

from faults.judge import statuses
from faults.scene import OK, MakeScene
from faults.sizes import size, sweep
from faults.story import Story

AT_SIGNAL = 128
SIGNALS = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP]
BATCHES = 15


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_a_signal_ends_the_run_at_the_edge_of_a_batch(
    make_scene: MakeScene, story: Story, number: signal.Signals
) -> None:
    """The exit code says which signal it was, the summary what is stored; the same command completes."""

    def ordeal(seed: int) -> list[str]:
        rng = random.Random(seed)  # noqa: S311 - so that a round can be repeated
        scene = make_scene(seed, story)
        with scene.ingesting() as run:
            batches = rng.randrange(1, BATCHES - 2)
            run.goes_on_until(lambda: len(scene.acked()) >= batches)
            time.sleep(rng.uniform(0, 0.02))
            run.signal(number)
            outcome = run.outcome()
        # On a slow machine the run may be done before the signal comes; then it says so.
        done = outcome.exit_code == OK and len(scene.acked()) == BATCHES
        found = [] if done or outcome.exit_code == AT_SIGNAL + number else [f"ended with {outcome.exit_code}"]
        if statuses(scene.database) != ["ok" if done else "interrupted"]:
            found.append(f"the run stands as {statuses(scene.database)}")
        if story.path.name not in outcome.stderr or "run 1:" not in outcome.stderr or "Traceback" in outcome.stderr:
            found.append(f"said: {outcome.stderr}")
        return found + scene.aftermath()

    assert sweep(range(size(10, 60)), ordeal) == {}


def test_a_signal_before_the_first_batch(make_scene: MakeScene, story: Story) -> None:
    """However early it comes, nothing is half there and nobody sees the program's insides."""

    def ordeal(seed: int) -> list[str]:
        rng = random.Random(seed)  # noqa: S311 - so that a round can be repeated
        scene = make_scene(seed, story)
        number = SIGNALS[seed % len(SIGNALS)]
        with scene.ingesting() as run:
            # From when the run is entered in the ledger.
            run.goes_on_until(scene.database.with_name("t.db-journal").exists)
            time.sleep(rng.uniform(0, 0.02))
            run.signal(number)
            outcome = run.outcome()
        found = [] if outcome.exit_code in {OK, AT_SIGNAL + number, -number} else [f"ended with {outcome.exit_code}"]
        if "Traceback" in outcome.stderr:
            found.append(f"said: {outcome.stderr}")
        return found + scene.aftermath()

    assert sweep(range(size(9, 60)), ordeal) == {}


def test_a_second_signal_stops_at_once(make_scene: MakeScene, story: Story) -> None:
    """It does not wait for the batch in hand, of which nothing stays."""

    def ordeal(seed: int) -> list[str]:
        scene = make_scene(seed, story)
        flag = scene.folder / "paused"
        first, second = random.Random(seed).choices(SIGNALS, k=2)  # noqa: S311
        with scene.but(f"pause={flag}").ingesting() as run:
            run.goes_on_until(flag.exists)
            run.signal(first)
            heard = run.goes_on_until(lambda: "a second signal stops at once" in run.err.read_text())
            time.sleep(0.05)
            found = [] if heard and not run.is_over() else ["did not finish the batch in hand"]
            run.signal(second)
            outcome = run.outcome()
        if outcome.exit_code != AT_SIGNAL + second or "second signal" not in outcome.stderr:
            found.append(f"ended with {outcome.exit_code}: {outcome.stderr}")
        if scene.acked():
            found.append("acknowledged a batch that it left")
        return found + scene.aftermath()

    assert sweep(range(size(10, 60)), ordeal) == {}
