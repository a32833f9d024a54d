"""The benchmarks still work: every row is measured, the floor writes what mmsg wrote. How fast is not tested."""

import re
import resource
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

import pytest

from benchmarks import table
from benchmarks.__main__ import GROUPS
from benchmarks.floor import Filled, new_database, replay
from benchmarks.make_events import KINDS, events
from benchmarks.measure import Measured, run
from benchmarks.sizes import LONG, SHORT, Sizes
from benchmarks.table import Bar, Row
from benchmarks.workspace import Workspace, table_counts, url_of
from marketing_cli.services.batching import DEFAULT_BATCH_SIZE
from support.ingesting import run_here
from support.postgres_server import PACKAGE
from support.program import ROOT

pytestmark = pytest.mark.faults  # slow

TINY = Sizes(
    events=200,
    rounds=1,
    part=100,
    parts=2,
    user_part=100,
    user_parts=2,
    memory=200,
    few_memory=100,
    history=200,
    few_history=100,
    starts=1,
    audits=1,
)
README = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
MEBIBYTE = 1 << 20


class Here(Workspace):
    """Runs mmsg inside this process: all but its start, which would take most of the time."""

    def mmsg(self, database: Path | str, *words: str | Path, watch_memory: bool = False) -> Measured:
        """Says how long it took, and for memory a number that is none. What runs at once is a process after all."""
        if threading.current_thread() is not threading.main_thread():
            return super().mmsg(database, *words, watch_memory=watch_memory)
        started = time.perf_counter()
        done = run_here(*words, url=url_of(database))
        assert done.exit_code == 0, done.stderr
        return Measured(time.perf_counter() - started, 0.1, int(watch_memory), done.stdout.encode())


@pytest.fixture
def space(tmp_path: Path) -> Workspace:
    """A folder of its own to measure in."""
    (tmp_path / "space").mkdir()
    return Here(tmp_path / "space")


@pytest.mark.parametrize(
    ("group", "count"),
    [
        ("startup", 2),
        ("ingest", 12),
        ("growth", 4 + 2 * 2 + 1),
        ("user", 1),
        ("memory", 4),
        ("history", 8),
        ("postgres", 5),
    ],
)
def test_every_row_is_measured(space: Workspace, group: str, count: int) -> None:
    """Each has a number; only what needs a tool that is not installed may be left out, and says so."""
    rows = list(GROUPS[group](space, TINY))
    assert len(rows) == count
    if group != "postgres" or find_spec(PACKAGE):
        assert {row.what for row in rows if not row.samples} <= {"ingest: wall time / sqlite-utils insert"}
    assert all("pip install" in row.missing for row in rows if not row.samples)
    assert all(not row.full for row in rows if row.bar) or group == "startup"
    assert {path.stem for path in space.folder.iterdir()} <= {"migrated", "rows", "rules"}


def test_all_groups_are_tried_above() -> None:
    """A new group is added to the cases, and to what the documentation says of the long form."""
    (mark,) = (mark for mark in test_every_row_is_measured.pytestmark if mark.name == "parametrize")  # type: ignore[attr-defined]
    assert {group for group, _ in mark.args[1]} == set(GROUPS)
    assert set(re.findall(r"--long --only (\w+)", README)) == set(GROUPS)


def test_the_command_prints_a_table(tmp_path: Path) -> None:
    """As `make bench` starts it."""
    options = ["--only", "startup", "--starts", "1", "--folder", str(tmp_path / "bench")]
    command = [sys.executable, "-m", "benchmarks", *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True)
    assert re.search(r"^mmsg --help .* \d\.\d\d .*≤ 1\.3 .*(met|NOT MET)", done.stdout, re.MULTILINE)
    assert f"batches of {DEFAULT_BATCH_SIZE:,} lines" in done.stdout
    assert list((tmp_path / "bench").iterdir()) == []


@pytest.mark.parametrize(
    ("row", "printed"),
    [
        (Row("a", [3.0, 1.0, 2.0], Bar(2.0, 1.5)), "a 2.00 1.00 - 3.00 ≤ 2 ≤ 1.5 met"),
        (Row("a", [2.01], Bar(2.0)), "a 2.01 ≤ 2 NOT MET"),
        (Row("a", [2.0], Bar(2.0), full=False), "a 2.00 ≤ 2 met*"),
        (Row("a", [0.8], Bar(0.8, at_least=True), "big"), "a 0.80 ≥ 0.8 met big"),
        (Row("a", [0.79], Bar(0.8, at_least=True)), "a 0.79 ≥ 0.8 NOT MET"),
        (Row("a", [12345.6]), "a 12,346"),
        (Row("a", [], Bar(1.0), missing="no tool"), "a - ≤ 1 not measured no tool"),
    ],
)
def test_a_row_is_printed_with_its_bar(row: Row, printed: str) -> None:
    """The median, the spread, the bar, the aim and whether the bar is met."""
    assert list(table.lines([row]))[1].split() == printed.split()


def test_only_a_small_measurement_is_called_a_hint() -> None:
    """The long form meets all that bars ask for."""
    sizes = ("events", "rounds", "part", "parts", "user_part", "user_parts", "memory")
    assert all(LONG.as_long(name) for name in sizes)
    assert not any(SHORT.as_long(name) for name in sizes if getattr(SHORT, name) != getattr(LONG, name))


def rows_of(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """All rows of a database."""
    with closing(sqlite3.connect(path)) as connection:
        return {name: connection.execute(f'SELECT * FROM "{name}"').fetchall() for name in table_counts(path)}  # noqa: S608


@pytest.mark.parametrize("told", [False, True])
def test_the_floor_writes_the_very_same_rows(space: Workspace, told: bool) -> None:
    """In batches and file by file, whether or not it is told which rows are whose."""
    database, parts = space.database("filled"), space.parts("events", [70, 50])
    counts = []
    for part in parts:
        space.ingest(database, part)
        counts.append(table_counts(database))
    copy = space.folder / "copy.db"
    with closing(Filled(database)) as filled, closing(new_database(copy, filled)) as target:
        seconds = replay(filled, target, parts, 16, counts if told else None)
    assert rows_of(copy) == rows_of(database)
    assert counts[-1]["events"] == 120
    assert 0 < sum(seconds.files) == pytest.approx(seconds.wall)
    assert 0 < sum(seconds.cpu_files) == pytest.approx(seconds.cpu)


def test_events_are_of_the_mix_that_is_documented() -> None:
    """Types, size, and the same again for the same numbers."""
    some = list(events(4000, 800, 30, 7))
    for event_type, percent in KINDS.items():
        assert sum(event["event_type"] == event_type for event in some) == pytest.approx(40 * percent, rel=0.15)
    assert list(events(10, 2, 30, 7)) == list(events(10, 2, 30, 7)) != list(events(10, 2, 30, 8))


HOLDS = """\
import sys, time
held = bytearray(int(sys.argv[1]))
held[::4096] = b"1" * len(held[::4096])
time.sleep(0.2)
sum(range(3_000_000))
"""


def test_a_process_is_measured_with_its_children(tmp_path: Path) -> None:
    """Wall and processor seconds, and memory, are not only the first process's."""
    # More than this process ever held: what a child is said to have held begins with that.
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 + 40 * MEBIBYTE
    start = "import subprocess, sys; subprocess.run([sys.executable, '-c', *sys.argv[1:]]); print('done')"
    measured = run([sys.executable, "-c", start, HOLDS, str(held)], {}, tmp_path, watch_memory=True)
    assert measured.output == b"done\n"
    assert measured.wall > 0.2
    assert measured.cpu > 0.04
    assert measured.peak > held


def test_a_program_that_fails_is_not_measured(tmp_path: Path) -> None:
    """It ends with what was run and its exit code."""
    with pytest.raises(SystemExit, match=r"exit code 7: .*sys\.exit"):
        run([sys.executable, "-c", "import sys; sys.exit(7)"], {}, tmp_path)
