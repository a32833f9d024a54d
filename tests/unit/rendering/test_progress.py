"""Progress is one line on a terminal, and nothing anywhere else."""

from collections.abc import Iterator
from typing import Any

import pytest

from marketing_cli.rendering import EventsBar, ProgressBar, human_bytes
from marketing_cli.rendering.events_bar import events_line
from marketing_cli.rendering.progress import Progress, progress_line

PROGRAM = """
import itertools
from marketing_cli.rendering import ProgressBar, Streams
clock = itertools.count(step=0.5)
streams = Streams.create()
with ProgressBar(1000, streams, name="a\\x1bb.ndjson", clock=lambda: next(clock)) as bar:
    for position in (250, 500, 1000):
        bar.update(position, position // 10)
    streams.note("A warning in between.")
"""


def ticking(*times: float) -> Iterator[float]:
    """A clock that shows these times, one after the other."""
    return iter(times)


@pytest.mark.parametrize(
    ("progress", "columns", "expected"),
    [
        (
            Progress("a.ndjson", 250, 1000, 50, 10.0),
            120,
            "a.ndjson  #####---------------  25%  250 B of 1.0 kB  50 lines  5 lines/s  30 s left",
        ),
        (Progress("", 3_200_000, None, 12_345, 10.0), 120, "3.2 MB  12,345 lines  1,234 lines/s"),
        (Progress("-", 0, None, 0, 0.0), 120, "-  0 B  0 lines"),
        (Progress("grown", 2000, 1000, 1, 0.5), 120, f"grown  {'#' * 20} 100%  2.0 kB of 1.0 kB  1 lines  2 lines/s"),
        (Progress("empty", 0, 0, 0, 2.0), 120, "empty  0 B  0 lines  0 lines/s"),
        (Progress("a long name.ndjson", 5, None, 1, 0.0), 21, "a long   5 B  1 lines"),
        (Progress("name", 250, 1000, 50, 10.0), 12, "#####-------"),
        (
            Progress("late", 1, 10_000, 50, 20.0),
            120,
            f"late  {'-' * 20}   0%  1 B of 10.0 kB  50 lines  2 lines/s  2 d 7 h left",
        ),
    ],
)
def test_what_the_line_says(progress: Progress, columns: int, expected: str) -> None:
    """Share, bytes, lines, pace and time left, as far as they are known and fit."""
    assert progress_line(progress, columns, symbols=False) == expected


def test_the_bar_in_symbols() -> None:
    """A terminal that can show it gets a drawn bar."""
    assert progress_line(Progress("", 1, 2, 1, 0.5), 99, symbols=True).startswith("━" * 10 + "─" * 10 + "  50%")


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (35_000_000, "35.0 MB"),
        (2_900_000_000, "2.9 GB"),
        (10**16, "10,000.0 TB"),
    ],
)
def test_sizes(size: int, expected: str) -> None:
    """Sizes are in units of 1000."""
    assert human_bytes(size) == expected


def test_it_is_drawn_ten_times_a_second_at_most(printed: Any) -> None:
    """Updates in between cost nothing on the screen, and the line is gone at the end."""
    prints = printed(terminal=True)
    times = ticking(0.0, 0.0, 0.05, 0.1, 0.15, 0.2)
    with ProgressBar(1000, prints.streams, name="f", clock=lambda: next(times)) as bar:
        for position in (100, 200, 300, 400):
            bar.update(position, 1)
    drawn = [line for line in prints.err.split("\r") if line.strip()]
    assert [line.split("%")[0][-3:] for line in drawn] == [" 20", " 40"]
    assert prints.err.endswith("\r")
    assert prints.err.rstrip("\r").endswith(" ")
    assert prints.out == ""


@pytest.mark.parametrize(
    "options", [{"terminal": False}, {"terminal": True, "quiet": True}], ids=["not a terminal", "quiet"]
)
def test_otherwise_it_does_nothing(options: dict[str, bool], printed: Any) -> None:
    """Logs and cron mails never see a bar."""
    prints = printed(**options)
    times = ticking(0.0, 0.0, 1.0, 2.0, 3.0)
    with ProgressBar(10, prints.streams, clock=lambda: next(times)) as bar:
        bar.update(5, 5)
    assert (prints.out, prints.err) == ("", "")


@pytest.mark.parametrize(
    ("done", "total", "seconds", "expected"),
    [
        (0, 4_000_000, 0.0, "--------------------   0%  0 of 4,000,000 events"),
        (1_000_000, 4_000_000, 0.9, "#####---------------  25%  1,000,000 of 4,000,000 events  1,111,111 events/s"),
        (
            1_000_000,
            4_000_000,
            20.0,
            "#####---------------  25%  1,000,000 of 4,000,000 events  50,000 events/s  1 m left",
        ),
        (0, 0, 0.5, "#################### 100%  0 of 0 events  0 events/s"),
    ],
)
def test_what_the_line_says_of_a_long_reading(done: int, total: int, seconds: float, expected: str) -> None:
    """Share, events, pace and time left, as far as they are known."""
    assert events_line(done, total, seconds, symbols=False) == expected


def test_a_long_reading_is_drawn_ten_times_a_second_at_most(printed: Any) -> None:
    """What ends soon shows nothing; at the end the line is gone."""
    prints = printed(terminal=True)
    times = ticking(0.0, 0.0, 0.05, 0.1, 0.15)
    with EventsBar(prints.streams, clock=lambda: next(times)) as advance:
        for done in (25, 50, 75):
            advance(done, 100)
    drawn = [line for line in prints.err.split("\r") if line.strip()]
    assert [line.split("%")[0][-3:] for line in drawn] == [" 50"]
    assert prints.err.endswith(" \r")
    assert prints.out == ""


@pytest.mark.parametrize("options", [{"terminal": False}, {"terminal": True, "quiet": True}])
def test_elsewhere_a_long_reading_says_nothing(options: dict[str, bool], printed: Any) -> None:
    """As with an ingest."""
    prints = printed(**options)
    times = ticking(0.0, 0.0, 1.0)
    with EventsBar(prints.streams, clock=lambda: next(times)) as advance:
        advance(5, 10)
    assert (prints.out, prints.err) == ("", "")


def test_a_smaller_line_leaves_nothing_behind(printed: Any) -> None:
    """What the longer line showed is overwritten; an ordinary line starts at the margin."""
    prints = printed(terminal=True)
    prints.streams.status("a long status")
    prints.streams.status("short")
    prints.streams.note("note")
    assert prints.err == f"\ra long status\rshort{' ' * 8}\r{' ' * 5}\rnote\n"


def test_on_a_real_terminal(run_on_terminal: Any) -> None:
    """The line stays on its row, names are harmless, and other messages take its place."""
    seen = run_on_terminal(PROGRAM, on=("stderr",))
    assert "\n" not in seen.split("A warning in between.")[0]
    assert "a\\u001bb.ndjson" in seen
    assert " 50%" in seen
    assert "100%" in seen
    assert "\x1b" not in seen
    assert max(map(len, seen.replace("\n", "\r").split("\r"))) < 100


@pytest.mark.parametrize("env", [{}, {"FORCE_COLOR": "1", "TTY_COMPATIBLE": "1"}])
def test_on_a_pipe(env: dict[str, str], run_program: Any) -> None:
    """A redirected standard error gets the messages only, whatever the environment says."""
    assert run_program(PROGRAM, env).stderr == b"A warning in between.\n"
