"""A full or read-only disk, folder or file: nothing is half there, and once it is mended the same command completes."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from subprocess import run

import pytest

from faults.disks import Disk, ext4, tmpfs
from faults.scene import FAILED, OK, UNAVAILABLE, MakeScene
from faults.sizes import size, spread, sweep
from faults.story import Story

FULL_DISK = "the disk is full"


def pages(database: Path) -> int:
    """The size of a database in pages."""
    with closing(sqlite3.connect(database)) as connection:
        found: int = connection.execute("PRAGMA page_count").fetchone()[0]
        return found


def test_room_for_so_many_pages(make_scene: MakeScene, story: Story, template: Path, journal: str) -> None:
    """At whichever page the disk is full, the run says so."""
    undisturbed = make_scene("undisturbed", story, builds=(journal,))
    assert undisturbed.ingest().exit_code == OK

    def ordeal(most: int) -> list[str]:
        scene = make_scene(most, story, builds=(journal,))
        outcome = scene.but(f"pages={most}").ingest()
        explained = outcome.exit_code == FAILED and FULL_DISK in outcome.stderr
        return [*([] if explained else [f"{outcome.exit_code}: {outcome.stderr}"]), *scene.aftermath()]

    limits = range(pages(template), pages(undisturbed.database))
    assert len(limits) > 10
    assert sweep(spread(limits, 5), ordeal) == {}


@pytest.mark.usefixtures("mounts")
def test_a_small_disk(make_scene: MakeScene, tmp_path: Path, story: Story, template: Path) -> None:
    """A disk that has no more room, then is made larger."""
    for extra in spread(range(40, 141, 25), size(1, 5) + 1)[: size(1, 5)]:
        with tmpfs(tmp_path / f"{extra}.mount", template.stat().st_size + extra * 1024) as disk:
            scene = make_scene(extra, story, home=disk.root)
            outcome = scene.ingest()
            assert (outcome.exit_code, FULL_DISK in outcome.stderr) == (FAILED, True), outcome
            disk.remount("size=9m")
            assert scene.aftermath() == []


def test_a_limit_to_the_size_of_files(make_scene: MakeScene, story: Story, template: Path) -> None:
    """A quota shows as an error of the disk."""
    scene = make_scene("scene", story)
    blocks = template.stat().st_size // 512 + 60
    outcome = scene.ingest(prefix=["sh", "-c", f'ulimit -f {blocks}; exec "$@"', "sh"])
    assert (outcome.exit_code, "the disk" in outcome.stderr) == (FAILED, True), outcome
    assert scene.aftermath() == []


@contextmanager
def immutable(path: Path) -> Iterator[None]:
    """A file or folder that even root cannot change."""
    run(["chattr", "+i", path], check=True)
    try:
        yield
    finally:
        run(["chattr", "-i", path], check=True)


@contextmanager
def read_only(disk: Disk) -> Iterator[None]:
    """A disk mounted for reading only."""
    disk.remount("ro")
    try:
        yield
    finally:
        disk.remount("rw")


CLOSED: dict[str, Callable[[Disk], object]] = {
    "file": lambda disk: immutable(disk.root / "t.db"),
    "folder": lambda disk: immutable(disk.root),
    "disk": read_only,
}


@pytest.mark.usefixtures("mounts")
@pytest.mark.parametrize("what", CLOSED)
def test_read_only(make_scene: MakeScene, tmp_path: Path, story: Story, journal: str, what: str) -> None:
    """What cannot be written to is named, and nothing is acknowledged."""
    with ext4(tmp_path / "mount") as disk:
        scene = make_scene("scene", story, builds=(journal,), home=disk.root)
        with CLOSED[what](disk):  # type: ignore[attr-defined]
            outcome = scene.ingest()
        assert (outcome.exit_code, "Check the permissions" in outcome.stderr) == (UNAVAILABLE, True), outcome
        assert scene.acked() == []
        assert scene.aftermath() == []
