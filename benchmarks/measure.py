"""Runs programs, each as a fresh process, and measures what they took, their own children included."""

import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_LOOK_EVERY = 0.02
_PAGE = resource.getpagesize()
_MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True)
class Measured:
    """What one run took: wall and processor seconds, the most memory it held in bytes, and its standard output."""

    wall: float
    cpu: float
    peak: int
    output: bytes


def run(
    command: Sequence[str | Path], environment: Mapping[str, str], folder: Path, *, watch_memory: bool = False
) -> Measured:
    """Run a command to its end; it must succeed, or everything ends here with its exit code.

    The peak is what the system says of its largest process. With `watch_memory` its processes are also added up while
    it runs, which takes a little of the processor: not for runs whose time counts.
    """
    started = time.perf_counter()
    with subprocess.Popen(command, env=environment, cwd=folder, stdout=subprocess.PIPE) as process:
        watch = _Watch(process.pid) if watch_memory else None
        output = process.stdout.read() if process.stdout else b""
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"exit code {process.returncode}: {' '.join(map(str, command))}")
    # Before the program began, the child was this process: what is said of it is at least this process's own peak,
    # so nothing here may read a file into memory.
    peak = max(used.ru_maxrss * _MAXRSS_UNIT, watch.stop() if watch else 0)
    return Measured(wall, used.ru_utime + used.ru_stime, peak, output)


class _Watch(threading.Thread):
    """Looks again and again at how much memory a process and its descendants hold together."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid = pid
        self._peak = 0
        self._ended = threading.Event()
        self.start()

    def run(self) -> None:
        """Look until told to stop."""
        while not self._ended.wait(_LOOK_EVERY):
            self._peak = max(self._peak, sum(map(_resident, _family(self._pid))))

    def stop(self) -> int:
        """Stop; the most that was seen, in bytes. 0 where there is no /proc."""
        self._ended.set()
        self.join()
        return self._peak


def _family(pid: int) -> Iterator[int]:
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found = children.read_text().split()
        except OSError:  # it has just ended
            continue
        for child in found:
            yield from _family(int(child))


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0
