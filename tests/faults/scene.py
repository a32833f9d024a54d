"""A database, the files that are read into it, and the program at work on both."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import TypeAlias

from faults import builds
from faults.fork_server import Forked, ForkServer
from faults.judge import (
    Acked,
    Database,
    differences,
    digest_differs,
    judge,
    not_reproduced,
    read_acked,
    state_of,
    statuses,
)
from faults.sizes import spread
from faults.story import BATCH, Story, expected
from support.program import Outcome, Program

PATIENCE_SECONDS = 60.0
OK = 0
FAILED = 1
UNAVAILABLE = 14

KILLED = "signal=SIGKILL:when={}"
"""The fault of a `Point` that ends the program."""

RUNS = count(1)
"""Numbers for the files that runs write to."""

CALLS = ("pwrite64", "fdatasync", "fsync", "ftruncate", "unlink", "openat")
"""The system calls by which SQLite changes its files."""


@dataclass(frozen=True)
class Point:
    """The k-th system call of a kind on the database's files, and what happens there, `{}` standing for the k."""

    call: str
    number: int
    fault: str

    @property
    def injection(self) -> str:
        """The fault as strace takes it."""
        return f"inject={self.call}:{self.fault.format(self.number)}"


@dataclass(frozen=True)
class Run:
    """The program at work. Its output goes to files, so that nobody need read it for it to go on."""

    process: subprocess.Popen[bytes] | Forked
    out: Path
    err: Path

    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.process.poll() is not None

    def outcome(self) -> Outcome:
        """Wait for its end."""
        code = self.process.wait(PATIENCE_SECONDS)
        return Outcome(code, self.out.read_text(), self.err.read_text())

    def signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        with suppress(ProcessLookupError):
            if not self.is_over():
                os.kill(self.process.pid, number)

    def kill(self) -> None:
        """SIGKILL for the process and its own children, such as the program under strace."""
        with suppress(ProcessLookupError):
            if not self.is_over():
                os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(PATIENCE_SECONDS)

    def goes_on_until(self, condition: Callable[[], bool]) -> bool:
        """Waits until the condition holds; false when the program ended before it did."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            if self.is_over():
                return condition()
            assert time.monotonic() < deadline, "the program takes too long"
            time.sleep(0.001)
        return True


@dataclass(frozen=True)
class Scene:
    """A database in a folder, into which the same build of the program reads the same files again and again.

    `home` holds the database, and may lie on a disk that fails; `folder` holds what is noted about it.
    """

    server: ForkServer
    folder: Path
    home: Path
    stories: tuple[Story, ...]
    builds: tuple[str, ...] = ()
    options: tuple[str, ...] = ()

    @classmethod
    def make(
        cls,
        server: ForkServer,
        folder: Path,
        template: Path | None,
        *stories: Story,
        builds: Sequence[str] = (),
        home: Path | None = None,
    ) -> "Scene":
        """A scene in a folder of its own, on a copy of a database, or without one yet."""
        folder.mkdir(parents=True)
        scene = cls(server, folder, home or folder, stories, tuple(builds))
        if template:
            shutil.copy(template, scene.database)
            scene.database.chmod(0o600)
        return scene

    @property
    def database(self) -> Path:
        """The database's file."""
        return self.home / "t.db"

    @property
    def url(self) -> str:
        """The database's URL."""
        return f"sqlite:///{self.database}"

    @property
    def judged(self) -> Database:
        """What the judge looks at."""
        return self.database

    @property
    def program(self) -> Program:
        """The program on this database."""
        return Program(self.folder, self.url)

    @property
    def ledger(self) -> Path:
        """The outside ledger."""
        return self.folder / "acked"

    def acked(self) -> list[Acked]:
        """What the program has acknowledged so far."""
        return read_acked(self.ledger) if self.ledger.exists() else []

    def but(self, *changes: str, options: Sequence[str] = ()) -> "Scene":
        """The same scene, played by another build or with other options."""
        return replace(self, builds=(*self.builds, *changes), options=(*self.options, *options))

    @contextmanager
    def ingesting(self, *, prefix: Sequence[str] = ()) -> Iterator[Run]:
        """The program while it reads the files; it is killed if the block ends before it does."""
        files = [str(story.path) for story in self.stories]
        options = ["--batch-size", str(BATCH), "--rejects-ok", *self.options]
        with self._running(["ingest", *files, *options], prefix) as run:
            yield run

    @contextmanager
    def _running(self, arguments: Sequence[str], prefix: Sequence[str]) -> Iterator[Run]:
        run = self._start([*self.builds, "--", *arguments], prefix)
        try:
            yield run
        finally:
            run.kill()

    def _start(self, arguments: Sequence[str], prefix: Sequence[str]) -> Run:
        """Forked from the server, or started anew where another program must come first."""
        number = next(RUNS)
        out, err = self.folder / f"{number}.out", self.folder / f"{number}.err"
        env = self.program.environment()
        if not prefix:
            forked = self.server.fork(arguments, env=env, cwd=self.folder, out=out, err=err, ledger=self.ledger)
            return Run(forked, out, err)
        with self.ledger.open("ab") as ledger, out.open("wb") as stdout, err.open("wb") as stderr:
            process = subprocess.Popen(
                [*prefix, sys.executable, builds.__file__, *arguments],
                env=env | {"MMSG_TEST_ACK_FD": str(ledger.fileno())},
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                pass_fds=[ledger.fileno()],
                start_new_session=True,
            )
        return Run(process, out, err)

    def ingest(self, *, prefix: Sequence[str] = ()) -> Outcome:
        """One run to its end."""
        with self.ingesting(prefix=prefix) as run:
            return run.outcome()

    def migrate(self, *, prefix: Sequence[str] = ()) -> Outcome:
        """One migration to its end."""
        with self._running(["migrate"], prefix) as run:
            return run.outcome()

    def problems(self) -> list[str]:
        """What is wrong with the database as it stands."""
        return judge(self.judged, self.stories, self.acked())

    def problems_of_a_finished_run(self) -> list[str]:
        """What is wrong with the database, given that the program said that it is done with everything."""
        found = differences(state_of(self.judged), expected(self.stories))
        return found if statuses(self.judged)[-1:] == ["ok"] else [*found, "its run does not stand as ok"]

    def aftermath(self) -> list[str]:
        """What is wrong now, and after the same command was run once more, undisturbed."""
        found = self.problems()
        again = self.ingest()
        if again.exit_code != OK:
            found.append(f"the same command again ended with {again.exit_code}: {again.stderr}")
        found += self.problems() + differences(state_of(self.judged), expected(self.stories))
        return found + digest_differs(self.judged, self.stories) + not_reproduced(self.judged)

    def traced(self, *, inject: Sequence[str] = ()) -> list[str]:
        """The prefix that runs the program under strace, watching the calls on the database's files."""
        paths = [option for end in ("", "-journal", "-wal", "-shm") for option in ("-P", f"{self.database}{end}")]
        faults = [option for fault in inject for option in ("-e", fault)]
        return ["strace", "-f", "-qq", "-o", str(self.trace), *paths, "-e", f"trace={','.join(CALLS)}", *faults]

    @property
    def trace(self) -> Path:
        """Where strace writes."""
        return self.folder / "trace"

    def calls(self) -> list[tuple[str, int]]:
        """The calls that strace saw, each with its number among those of its kind."""
        seen: dict[str, int] = {}
        found = []
        for call in re.findall(r"^\d+\s+(\w+)\(", self.trace.read_text(), re.MULTILINE):
            seen[call] = seen.get(call, 0) + 1
            found.append((call, seen[call]))
        return found

    def points(self, fault: str, run: Callable[..., Outcome] | None = None) -> list[Point]:
        """Every system call by which an undisturbed run changes the database's files, each with this fault."""
        assert (run or Scene.ingest)(self, prefix=self.traced()).exit_code == OK
        found = [Point(call, number, fault) for call, number in self.calls()]
        assert {point.call for point in found} >= {"openat", "pwrite64", "fdatasync"}
        return found

    def was_struck(self) -> bool:
        """Whether the fault that strace was to cause did happen."""
        text = self.trace.read_text()
        return "(INJECTED)" in text or "killed by SIGKILL" in text

    def struck_at(self, point: Point, run: Callable[..., Outcome] | None = None) -> Outcome:
        """One run with a fault at this point."""
        outcome = (run or Scene.ingest)(self, prefix=self.traced(inject=[point.injection]))
        assert self.was_struck(), f"nothing happened at {point}"
        return outcome


MakeScene: TypeAlias = Callable[..., Scene]
"""What the fixture `make_scene` gives."""


def chosen(points: Sequence[Point], sample: int) -> list[Point]:
    """All points, or that many of them, half of these not plain writes, of which there are by far the most."""
    rare = [point for point in points if point.call != "pwrite64"]
    plain = [point for point in points if point.call == "pwrite64"]
    return spread(rare, sample // 2) + spread(plain, sample - sample // 2)
