"""Progress of an ingest run on a terminal: one bar for each input."""

from types import TracebackType
from typing import Protocol, Self

from marketing_cli.rendering import ProgressBar, Streams


class Reading(Protocol):
    """The input in hand, as far as progress needs it."""

    @property
    def path(self) -> str:
        """Its name."""

    @property
    def size(self) -> int | None:
        """Bytes in all, if known."""

    @property
    def position(self) -> int:
        """Bytes read."""


class IngestProgress:
    """Call it with the input in hand and its number of stored lines."""

    def __init__(self, streams: Streams) -> None:
        """Draw on these streams, if they are a terminal."""
        self._streams = streams
        self._reading: Reading | None = None
        self._bar: ProgressBar | None = None

    def __enter__(self) -> Self:
        """Nothing is drawn before the first input is read."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the last bar off the screen."""
        if self._bar is not None:
            self._bar.__exit__(kind, error, trace)

    def __call__(self, reader: Reading, lines: int) -> None:
        """Show how far the input was read."""
        if self._bar is None or self._reading is not reader:
            self.__exit__(None, None, None)
            self._reading = reader
            self._bar = ProgressBar(reader.size, self._streams, name=reader.path, quiet=self._streams.quiet)
            self._bar.__enter__()
        self._bar.update(reader.position, lines)
