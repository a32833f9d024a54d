"""Disks that can fail: a file system of its own for a test, whose power can be cut or whose room can run out."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from faults.builds import power_off

TOOLS = ("mkfs.ext4", "mount", "umount", "truncate", "sync", "chattr")
ATTEMPTS = 50


@dataclass(frozen=True)
class Disk:
    """A file system of its own, mounted at `root`."""

    root: Path
    image: Path | None = None

    def cut_power(self) -> None:
        """All that was not synchronised is gone, as after pulling the plug."""
        power_off(self.root)

    def start_again(self) -> None:
        """Mount it again, as the machine does when the power is back."""
        unmount(self.root)
        self.mount()

    def mount(self) -> None:
        """Mount the image."""
        _run("mount", "-o", "loop", self.image or "", self.root)

    def remount(self, options: str) -> None:
        """Change how it is mounted, such as `ro` or `size=9m`."""
        _run("mount", "-o", f"remount,{options}", self.root)

    def synchronise(self) -> None:
        """Everything so far has reached the disk."""
        _run("sync", "-f", self.root)


@contextmanager
def ext4(folder: Path) -> Iterator[Disk]:
    """An empty ext4 disk, gone when the block ends."""
    root, image = folder / "disk", folder / "disk.img"
    root.mkdir(parents=True)
    _run("truncate", "-s", "16M", image)
    _run("mkfs.ext4", "-q", "-F", image)
    disk = Disk(root, image)
    disk.mount()
    try:
        yield disk
    finally:
        unmount(root)
        image.unlink()


@contextmanager
def tmpfs(folder: Path, size: int) -> Iterator[Disk]:
    """A disk with room for so many bytes, gone when the block ends."""
    root = folder / "disk"
    root.mkdir(parents=True)
    _run("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", root)
    try:
        yield Disk(root)
    finally:
        unmount(root)


def unmount(root: Path) -> None:
    """Unmount it, waiting for what still lets go of it; in the end even if something holds it."""
    for _ in range(ATTEMPTS):
        if subprocess.run(["umount", root], capture_output=True, check=False).returncode == 0:
            return
        time.sleep(0.1)
    _run("umount", "--lazy", root)


@cache
def problem() -> str | None:
    """Why this machine has no such disks."""
    if os.geteuid() != 0:
        return "only root may mount disks, so no disk could be made to fail"
    if missing := [tool for tool in TOOLS if shutil.which(tool) is None]:
        return f"{', '.join(missing)} not found, so no disk could be made to fail"
    try:
        with tempfile.TemporaryDirectory() as folder, ext4(Path(folder)) as disk:
            (disk.root / "file").touch()
            disk.cut_power()
            disk.start_again()
    except (OSError, subprocess.CalledProcessError) as error:
        return f"no disk can be mounted here ({type(error).__name__}), so none could be made to fail"
    return None


def _run(*command: str | Path) -> None:
    subprocess.run(command, check=True, capture_output=True)
