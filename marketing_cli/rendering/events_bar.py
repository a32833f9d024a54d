"""How far a long reading of stored events has come, on one line of a terminal."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Self

from marketing_cli.domain.texts import human_duration
from marketing_cli.rendering.progress import SECONDS_BETWEEN, SECONDS_TO_SETTLE, bar
from marketing_cli.rendering.streams import Streams


class EventsBar:
    """Shows it on standard error while that is a terminal; does nothing at all elsewhere, or when quiet.

    A context manager, which gives what is to be called; the line is taken away at the end.
    """

    def __init__(self, streams: Streams, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Draw on these streams; `clock` in seconds."""
        self._streams = streams
        self._clock = clock
        self._active = streams.is_err_terminal and not streams.quiet
        self._started = self._drawn = clock()

    def __enter__(self) -> Self:
        """Start the clock."""
        self._started = self._drawn = self._clock()
        return self

    def __exit__(self, *_: object) -> None:
        """Take the line away."""
        if self._active:
            self._streams.status("")

    def __call__(self, done: int, total: int) -> None:
        """Say that so many events of so many were read. The screen changes ten times a second at most."""
        if not self._active:
            return
        now = self._clock()
        if now - self._drawn >= SECONDS_BETWEEN:
            self._drawn = now
            symbols = self._streams.stderr.has_unicode
            self._streams.status(events_line(done, total, now - self._started, symbols=symbols))


def events_line(done: int, total: int, seconds: float, *, symbols: bool) -> str:
    """What the line says after so many seconds: share, events, pace, and the time left once it can be told."""
    share = min(1.0, done / total) if total else 1.0
    facts = [f"{bar(share, symbols=symbols)} {int(100 * share):3d}%", f"{done:,} of {total:,} events"]
    if seconds > 0:
        facts.append(f"{int(done / seconds):,} events/s")
    if share and seconds >= SECONDS_TO_SETTLE:
        facts.append(f"{human_duration(timedelta(seconds=int(seconds * (1 - share) / share)))} left")
    return "  ".join(facts)
