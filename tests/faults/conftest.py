"""Fault tests: marked as such, and loud about what this machine does not allow."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url

from faults import disks
from faults.fork_server import ForkServer, fork_server
from faults.scene import MakeScene, Scene
from faults.story import BATCH, Story, make_lines

SKIPPED: dict[str, int] = {}
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks everything in this folder: faults are tried when they are asked for."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.faults)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Counts what was skipped, by reason."""
    if report.skipped and "faults" in report.keywords and isinstance(report.longrepr, tuple):
        reason = report.longrepr[2].removeprefix("Skipped: ")
        SKIPPED[reason] = SKIPPED.get(reason, 0) + 1


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says it where nobody can miss it when faults could not be caused."""
    if SKIPPED:
        terminalreporter.section("Some faults were NOT tried", red=True, bold=True)
        for reason, times in SKIPPED.items():
            terminalreporter.line(f"{times} tests: {reason}")


@pytest.fixture(scope="session")
def template(migrated_sqlite: str) -> Path:
    """A migrated database, to be copied."""
    return Path(make_url(migrated_sqlite).database or "")


@pytest.fixture(scope="session")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """300 lines: 15 batches."""
    return Story.write(tmp_path_factory.mktemp("story") / "events.ndjson", make_lines(15 * BATCH))


@pytest.fixture(scope="session")
def short_story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """60 lines, 3 batches: few enough to fail at each system call in turn."""
    return Story.write(tmp_path_factory.mktemp("short") / "events.ndjson", make_lines(3 * BATCH))


@pytest.fixture
def make_scene(server: ForkServer, tmp_path: Path, template: Path) -> MakeScene:
    """Makes scenes on migrated databases, in folders of their own; see `Scene.make`."""

    def make(name: object, *stories: Story, builds: tuple[str, ...] = (), home: Path | None = None) -> Scene:
        return Scene.make(server, tmp_path / str(name), template, *stories, builds=builds, home=home)

    return make


@pytest.fixture(scope="session")
def server() -> Iterator[ForkServer]:
    """What forks the program for each run."""
    with fork_server() as server:
        yield server


@pytest.fixture(params=["truncate", "wal"])
def journal(request: pytest.FixtureRequest) -> str:
    """The build for each of the journal modes that the program uses."""
    return f"journal={request.param}"


@pytest.fixture(scope="session")
def strace() -> None:
    """Skips the test where strace is missing or may not trace."""
    if reason := tracing_problem():
        pytest.skip(reason)


@pytest.fixture(scope="session")
def mounts() -> None:
    """Skips the test where no disk can be mounted."""
    if reason := disks.problem():
        pytest.skip(reason)


def tracing_problem() -> str | None:
    """Why system calls cannot be made to fail here."""
    if shutil.which("strace") is None:
        return "strace is not installed, so no system call could be made to fail"
    command = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "inject=fsync:error=EIO", "true"]
    done = subprocess.run(command, capture_output=True, check=False)
    return None if done.returncode == 0 else "strace may not trace here, so no system call could be made to fail"
