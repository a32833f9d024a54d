"""PostgreSQL fails, restarts or answers too late: what was acknowledged stays, and the same command completes."""

import random
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, NullPool, create_engine, make_url, text

from faults.fork_server import ForkServer
from faults.judge import Database
from faults.postgres_proxy import proxy
from faults.postgres_server_alone import ServerAlone, kill_process, server_alone
from faults.scene import OK, UNAVAILABLE, Run, Scene
from faults.sizes import size
from faults.story import BATCH, Story
from support.databases import PostgresDatabases, migrated
from support.ingesting import query

BATCHES = 15
AT_SIGNAL = 128
BACKENDS = text("SELECT pid FROM pg_stat_activity WHERE datname = :name AND pid <> pg_backend_pid()")


@dataclass(frozen=True)
class ServerScene(Scene):
    """A scene whose database is on a server; the program may reach it by another way than the judge."""

    direct: str = ""
    way: str = ""

    @property
    def url(self) -> str:
        """The URL that the program is given."""
        return self.way or self.direct

    @property
    def judged(self) -> Database:
        """The judge asks the server itself."""
        return self.direct


MakeServerScene = Callable[..., ServerScene]


@pytest.fixture(scope="module")
def alone(postgres_url: str) -> Iterator[ServerAlone]:
    """A server that may be hurt. Where the shared one cannot be started, neither can this."""
    assert postgres_url
    with server_alone() as started:
        yield started


@pytest.fixture
def make_server_scene(server: ForkServer, alone: ServerAlone, tmp_path: Path) -> Iterator[MakeServerScene]:
    """Makes scenes, each on a migrated database of its own."""
    databases = PostgresDatabases(alone.url)

    def make(name: object, *stories: Story, builds: tuple[str, ...] = ()) -> ServerScene:
        folder = tmp_path / str(name)
        folder.mkdir()
        return ServerScene(server, folder, folder, stories, builds, direct=migrated(databases))

    yield make
    databases.drop_all()


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    """A session of somebody else."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        yield connection


def name_of(scene: ServerScene) -> str | None:
    """The database's name on its server."""
    return make_url(scene.direct).database


def reaches(run: Run, scene: Scene, batches: int) -> None:
    """Wait until the run has stored so many batches, and a little longer."""
    assert run.goes_on_until(lambda: len(scene.acked()) >= batches)
    time.sleep(random.uniform(0, 0.02))  # noqa: S311 - any moment will do


@pytest.mark.parametrize("after", [False, True], ids=["before it took effect", "after it took effect"])
def test_the_answer_to_commit_is_lost(
    make_server_scene: MakeServerScene, alone: ServerAlone, story: Story, after: bool
) -> None:
    """Whether a batch whose COMMIT was not answered is stored or not: nothing is lost, and nothing is there twice."""
    for number in range(size(2, 20)):
        # The first COMMIT ends the look at the schema, the second enters the run in the ledger; then come the batches'.
        cut_at = random.Random(number).randrange(3, BATCHES + 3)  # noqa: S311 - so that a round can be repeated
        scene = make_server_scene(f"{number}-{after}", story)
        with proxy(alone.socket, cut_at=cut_at, after=after) as between:
            way = make_url(scene.direct).set(host="127.0.0.1", port=between.port, query={})
            outcome = replace(scene, way=way.render_as_string()).ingest()
            assert between.was_cut.wait(10), f"there was no COMMIT number {cut_at}"
        assert outcome.exit_code == UNAVAILABLE, outcome
        assert len(scene.acked()) == cut_at - 3
        assert query(scene.direct, "SELECT lines FROM run_inputs") == [((cut_at - 3 + after) * BATCH,)]
        assert scene.aftermath() == [], cut_at


@pytest.mark.parametrize("how", ["terminated", "killed"])
def test_the_backend_ends(make_server_scene: MakeServerScene, alone: ServerAlone, story: Story, how: str) -> None:
    """An administrator ends the session, or its process dies and the server starts itself anew."""
    for number in range(size(1, 20)):
        scene = make_server_scene(number, story)
        with scene.ingesting() as run:
            reaches(run, scene, number % (BATCHES - 3) + 1)
            with connected(alone.url) as admin:
                pids = admin.execute(BACKENDS, {"name": name_of(scene)}).scalars().all()
                if how == "terminated":
                    admin.execute(
                        text("SELECT pg_terminate_backend(pid) FROM unnest(:pids) AS pid"), {"pids": list(pids)}
                    )
            assert len(pids) == 1
            if how == "killed":
                for pid in pids:
                    kill_process(pid)
            outcome = run.outcome()
        until_it_answers(alone)
        assert (outcome.exit_code, "run the same command again" in outcome.stderr) == (UNAVAILABLE, True), outcome
        assert scene.aftermath() == []


def test_the_server_stops_at_once(make_server_scene: MakeServerScene, alone: ServerAlone, story: Story) -> None:
    """Stopped as by a power cut, and started again: what was acknowledged is there."""
    for number in range(size(1, 20)):
        scene = make_server_scene(number, story)
        with scene.ingesting() as run:
            reaches(run, scene, number % (BATCHES - 3) + 1)
            alone.stop_at_once()
            outcome = run.outcome()
            alone.start()
        assert outcome.exit_code == UNAVAILABLE, outcome
        assert scene.aftermath() == []


def until_it_answers(alone: ServerAlone) -> None:
    """Wait until the server takes connections again."""
    deadline = time.monotonic() + 30
    while True:
        try:
            with connected(alone.url) as session:
                session.execute(text("SELECT 1"))
                return
        except Exception:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def test_killed_at_random_moments(make_server_scene: MakeServerScene, story: Story) -> None:
    """The program is killed, and the server rolls back what it had not committed."""
    for number in range(size(3, 100)):
        rng = random.Random(number)  # noqa: S311 - so that a round can be repeated
        scene = make_server_scene(number, story)
        with scene.ingesting() as run:
            reaches(run, scene, rng.randrange(BATCHES))
            run.kill()
        assert scene.aftermath() == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda number: number.name)
def test_a_signal_ends_the_run_at_the_edge_of_a_batch(
    make_server_scene: MakeServerScene, story: Story, number: signal.Signals
) -> None:
    """The exit code says which signal it was, and the same command completes."""
    for turn in range(size(1, 20)):
        scene = make_server_scene(turn, story)
        with scene.ingesting() as run:
            reaches(run, scene, random.Random(turn).randrange(1, BATCHES - 3))  # noqa: S311 - as above
            run.signal(number)
            outcome = run.outcome()
        assert outcome.exit_code in {OK, AT_SIGNAL + number}, outcome
        assert scene.aftermath() == []


@pytest.mark.parametrize("runs", [2, 4, 8])
def test_over_the_same_file(make_server_scene: MakeServerScene, story: Story, runs: int) -> None:
    """Each event is new to one run and a duplicate to the others, and no message is requested twice."""
    for number in range(size(1, 20)):
        scene = make_server_scene(number, story)
        assert at_once(scene, [story] * runs) == [OK] * runs
        assert scene.problems() == []
        assert scene.problems_of_a_finished_run() == []


GHOSTS = {
    "the users": "SELECT count(pg_advisory_xact_lock(slot)) FROM generate_series(0, 255) AS slot",
    "the events": "LOCK TABLE events IN ACCESS EXCLUSIVE MODE",
}


@pytest.mark.parametrize("what", GHOSTS)
def test_a_ghost_holds_locks(make_server_scene: MakeServerScene, story: Story, what: str) -> None:
    """A session whose client is gone holds what the run needs: the run says so in time, and completes later."""
    for number in range(size(1, 20)):
        scene = make_server_scene(number, story)
        with connected(scene.direct) as ghost:
            ghost.execute(text(GHOSTS[what]))
            started = time.monotonic()
            outcome = replace(scene, options=("--busy-timeout", "1")).ingest()
            assert time.monotonic() - started < 20
            assert (outcome.exit_code, scene.acked()) == (UNAVAILABLE, []), outcome
            assert "busy" in outcome.stderr, outcome.stderr
        assert scene.aftermath() == []


def test_a_run_does_not_become_a_ghost(make_server_scene: MakeServerScene, story: Story) -> None:
    """A run stopped in mid-transaction holds its locks for five minutes at most: the server was told."""
    scene = make_server_scene("scene", story)
    flag = scene.folder / "paused"
    asked = text("SELECT state FROM pg_stat_activity WHERE datname = :name AND pid <> pg_backend_pid()")
    with scene.but(f"pause={flag}").ingesting() as run, connected(scene.direct) as other:
        assert run.goes_on_until(flag.exists)
        assert other.execute(asked, {"name": name_of(scene)}).scalars().all() == ["idle in transaction"]
        settings = flag.with_suffix(".settings").read_text()
    assert settings == "lock_timeout=1min idle_in_transaction_session_timeout=5min"
    assert scene.aftermath() == []


def test_four_workers_race_for_limits(make_server_scene: MakeServerScene, tmp_path: Path) -> None:
    """Of 100 users nobody gets a message too many, and nobody none."""
    for number in range(size(1, 20)):
        parts = [Story.write(tmp_path / f"{number}-{worker}.ndjson", failures(worker, number)) for worker in range(4)]
        scene = make_server_scene(number, *parts)
        assert at_once(scene, parts) == [OK] * 4
        assert scene.problems() == []
        assert scene.problems_of_a_finished_run() == []


def failures(worker: int, seed: int) -> list[bytes]:
    """200 failed payments of 100 users on one day: half of them this worker's own, half of them everybody's."""
    own = [failure(f"w{worker}-{user}", user) for user in range(100)]
    shared = [failure(f"all-{user}", user) for user in range(100)]
    return random.Random(f"{worker} {seed}").sample(own + shared, 200)  # noqa: S311 - the same lines each time


def failure(key: str, user: int) -> bytes:
    """A payment that failed for lack of funds."""
    return line(
        key, f"u_{user}", "payment_failed", f"2025-11-01T{user % 24:02}:00:00Z", failure_reason="INSUFFICIENT_FUNDS"
    )


def line(key: str, user: str, event_type: str, when: str, **properties: str) -> bytes:
    """An event as a line."""
    traits = '{"marketing_opt_in":true}'
    values = ",".join(f'"{name}":"{value}"' for name, value in properties.items())
    return (
        f'{{"event_id":"{key}","user_id":"{user}","event_type":"{event_type}","event_timestamp":"{when}",'
        f'"properties":{{{values}}},"user_traits":{traits}}}'
    ).encode()


def test_signups_and_bank_links_at_once(make_server_scene: MakeServerScene, tmp_path: Path) -> None:
    """One run brings the signups of 3,000 users, another at the same time their bank links: no nudge is missed."""
    for number in range(size(1, 20)):
        parts = signups_and_links(tmp_path, number, users=3000)
        scene = make_server_scene(number, *parts)
        assert at_once(scene, parts) == [OK, OK]
        assert scene.problems() == []
        assert scene.problems_of_a_finished_run() == []


def test_a_build_without_locks_is_caught(make_server_scene: MakeServerScene, tmp_path: Path) -> None:
    """Without the locks of the users, links stored while their signups are not yet committed miss the nudge."""
    signups, links = parts = signups_and_links(tmp_path, 0, users=100, shuffled=False)
    scene = make_server_scene("scene", *parts, builds=("no-locks",))
    flag = scene.folder / "paused"
    with replace(scene.but(f"pause={flag}"), stories=(signups,)).ingesting() as run:
        assert run.goes_on_until(flag.exists)
        assert replace(scene, stories=(links,)).ingest().exit_code == OK
        flag.unlink()
        assert run.outcome().exit_code == OK
    found = scene.problems()
    assert len([problem for problem in found if "matched, but not decided" in problem and "nudge" in problem]) == BATCH


def test_a_build_that_commits_events_and_requests_apart_is_caught(
    make_server_scene: MakeServerScene, story: Story
) -> None:
    """Killed in between, it leaves events without their decisions, and the judge sees it."""
    scene = make_server_scene("scene", story)
    flag = scene.folder / "paused"
    with replace(scene, builds=(f"pause={flag}", "apart")).ingesting() as run:
        assert run.goes_on_until(flag.exists)
        run.kill()
    assert any("matched, but not decided" in problem for problem in scene.problems())


def signups_and_links(folder: Path, seed: int, *, users: int, shuffled: bool = True) -> list[Story]:
    """A file of signups and a file of the same users' bank links two hours later."""
    names = [f"u_{number}" for number in range(users)]
    others = random.Random(seed).sample(names, users) if shuffled else names  # noqa: S311 - the same lines each time
    signups = [line(f"s-{name}", name, "signup_completed", "2025-11-01T10:00:00Z") for name in names]
    links = [line(f"l-{name}", name, "link_bank_success", "2025-11-01T12:00:00Z") for name in others]
    return [
        Story.write(folder / f"signups-{seed}-{users}.ndjson", signups),
        Story.write(folder / f"links-{seed}-{users}.ndjson", links),
    ]


def at_once(scene: Any, parts: list[Story]) -> list[int]:
    """The exit codes of runs that start together, each on a file of its own."""
    with ThreadPoolExecutor(len(parts)) as pool:
        runs = [pool.submit(replace(scene, stories=(part,)).ingest) for part in parts]
        return [run.result().exit_code for run in runs]
