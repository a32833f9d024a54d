"""How far reading has come, on one line of a terminal."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from marketing_cli.domain.texts import human_duration
from marketing_cli.rendering.safe_text import clip, display_width, safe
from marketing_cli.rendering.streams import Streams

SECONDS_BETWEEN = 0.1
_BAR_WIDTH = 20
# Before this the pace is a guess.
SECONDS_TO_SETTLE = 1.0
_KILO = 1000


@dataclass(frozen=True, slots=True)
class Progress:
    """How far reading has come: `position` of `total` bytes (None: unknown) and `lines`, after `seconds`.

    Without `in_bytes` only the share of the total is shown. `counted` is what the lines are called.
    """

    name: str
    position: int
    total: int | None
    lines: int
    seconds: float
    in_bytes: bool = True
    counted: str = "lines"

    @property
    def share(self) -> float | None:
        """The part of the bytes that is read, 0 to 1; None where the total is unknown."""
        if not self.total:
            return None
        return min(1.0, self.position / self.total)

    @property
    def seconds_left(self) -> float | None:
        """How long it takes to the end at the pace so far; None while that cannot be said."""
        if not self.share or self.seconds < SECONDS_TO_SETTLE:
            return None
        return self.seconds * (1 - self.share) / self.share


class ProgressBar:
    """Shows progress on standard error while it is a terminal; does nothing at all elsewhere, or when quiet.

    A context manager: the line is taken away at the end.
    """

    def __init__(  # noqa: PLR0913 - each has its default
        self,
        total: int | None,
        streams: Streams,
        *,
        name: str = "",
        rows: bool = False,
        quiet: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`total` in bytes, None if unknown; `name` is the file's; `clock` in seconds.

        With `rows` these are counted instead of lines, and `total` is in some unit that is not shown.
        """
        self._total = total
        self._rows = rows
        self._streams = streams
        self._name = safe(name)
        self._clock = clock
        self._active = streams.is_err_terminal and not (quiet or streams.quiet)
        self._started = self._drawn = clock()

    def __enter__(self) -> Self:
        """Start the clock."""
        self._started = self._drawn = self._clock()
        return self

    def __exit__(self, *_: object) -> None:
        """Take the line away."""
        if self._active:
            self._streams.status("")

    def update(self, position: int, lines: int) -> None:
        """Say that `position` bytes and `lines` lines are read. The screen changes ten times a second at most."""
        if not self._active:
            return
        now = self._clock()
        if now - self._drawn < SECONDS_BETWEEN:
            return
        self._drawn = now
        unit = "rows" if self._rows else "lines"
        seconds = now - self._started
        progress = Progress(self._name, position, self._total, lines, seconds, not self._rows, unit)
        outlet = self._streams.stderr
        self._streams.status(progress_line(progress, outlet.columns - 1, symbols=outlet.has_unicode))


def progress_line(progress: Progress, columns: int, *, symbols: bool) -> str:
    """`progress` in at most `columns` columns; what matters least is cut first: the end of the name."""
    facts = "  ".join(_facts(progress, symbols=symbols))
    name = clip(progress.name, max(0, columns - display_width(facts) - 2))
    return clip(f"{name}  {facts}" if name else facts, columns)


def human_bytes(size: int) -> str:
    """`size` in bytes for people, in units of 1000: `999 B`, `1.2 kB`, `35.0 MB`."""
    if size < _KILO:
        return f"{size} B"
    amount, units = size / _KILO, ["kB", "MB", "GB", "TB"]
    while amount >= _KILO and len(units) > 1:
        amount /= _KILO
        del units[0]
    return f"{amount:,.1f} {units[0]}"


def _facts(progress: Progress, *, symbols: bool) -> list[str]:
    facts = []
    if progress.share is None:
        facts.append(human_bytes(progress.position))
    else:
        facts.append(f"{bar(progress.share, symbols=symbols)} {int(100 * progress.share):3d}%")
        if progress.in_bytes:
            facts.append(f"{human_bytes(progress.position)} of {human_bytes(progress.total or 0)}")
    facts.append(f"{progress.lines:,} {progress.counted}")
    if progress.seconds > 0:
        facts.append(f"{int(progress.lines / progress.seconds):,} {progress.counted}/s")
    if progress.seconds_left is not None:
        facts.append(f"{human_duration(timedelta(seconds=int(progress.seconds_left)))} left")
    return facts


def bar(share: float, *, symbols: bool) -> str:
    """A share of 0 to 1 as a bar."""
    done, rest = ("━", "─") if symbols else ("#", "-")
    filled = int(share * _BAR_WIDTH)
    return done * filled + rest * (_BAR_WIDTH - filled)
