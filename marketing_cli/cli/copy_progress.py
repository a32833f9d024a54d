"""Progress of a copy on a terminal: one bar for all of it."""

from types import TracebackType
from typing import Self

from marketing_cli.rendering import ProgressBar, Streams


class CopyProgressBar:
    """Call it with the numbers that were passed, how many there are, and the rows that were copied."""

    def __init__(self, streams: Streams) -> None:
        """Draw on these streams, if they are a terminal."""
        self._streams = streams
        self._bar: ProgressBar | None = None

    def __enter__(self) -> Self:
        """Nothing is drawn before something is copied."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the bar off the screen."""
        if self._bar is not None:
            self._bar.__exit__(kind, error, trace)

    def __call__(self, passed: int, total: int, rows: int) -> None:
        """Show how far it came."""
        if self._bar is None:
            self._bar = ProgressBar(total, self._streams, name="copy", rows=True, quiet=self._streams.quiet)
            self._bar.__enter__()
        self._bar.update(passed, rows)
