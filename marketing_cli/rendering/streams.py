"""Standard output and standard error: who is reading, and writing that never fails a command."""

import errno
import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import Self, TextIO

from marketing_cli.rendering.safe_text import clip, display_width, safe_lines

_DEFAULT_COLUMNS = 80


class Outlet:
    """One text stream. Writing to it never raises for what is wrong with the stream; `failure` says what was."""

    def __init__(self, stream: TextIO | None, *, no_color: bool = False) -> None:
        """`stream` is None where the process was started without it."""
        self._stream = stream
        self.is_terminal = _is_terminal(stream)
        self.color = self.is_terminal and not no_color
        self.encoding = (stream and stream.encoding) or "utf-8"
        self.failure: Exception | None = None

    @property
    def columns(self) -> int:
        """The terminal's width now; 80 where it does not say."""
        if self._stream is not None:
            with suppress(OSError, ValueError):
                return os.get_terminal_size(self._stream.fileno()).columns or _DEFAULT_COLUMNS
        return _DEFAULT_COLUMNS

    @property
    def has_unicode(self) -> bool:
        """Whether symbols beyond ASCII can be written."""
        return self.encoding.lower().startswith("utf")

    def write(self, chunks: Iterable[str]) -> None:
        r"""Write all of `chunks`, or up to the first that cannot be written. What the encoding lacks becomes `\x..`."""
        for chunk in chunks:
            if self._stream is None or self.failure is not None:
                return
            self._attempt(self._stream, chunk)
        self.flush()

    def write_bytes(self, data: bytes) -> None:
        """Write `data` as it is."""
        self.flush()
        if self._stream is None or self.failure is not None:
            return
        try:
            self._stream.buffer.write(data)
        except (OSError, ValueError) as error:
            self._give_up(self._stream, error)
        self.flush()

    def flush(self) -> None:
        """Hand what is buffered to the system, so that a failure shows now and not when the process ends."""
        if self._stream is None or self.failure is not None:
            return
        try:
            self._stream.flush()
        except (OSError, ValueError) as error:
            self._give_up(self._stream, error)

    def _attempt(self, stream: TextIO, chunk: str) -> None:
        try:
            try:
                stream.write(chunk)
            except UnicodeEncodeError:
                stream.write(chunk.encode(self.encoding, "backslashreplace").decode(self.encoding))
        except (OSError, ValueError) as error:
            self._give_up(stream, error)

    def _give_up(self, stream: TextIO, error: Exception) -> None:
        self.failure = error
        # Python flushes once more as it ends, and a failure there changes the exit code: let that go nowhere.
        with suppress(OSError, ValueError):
            descriptor = stream.fileno()
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, descriptor)
            os.close(nowhere)


class Streams:
    """Where a command prints. Made once per command.

    `quiet` silences notes and progress. Colour and terminal are decided per stream, by `isatty` alone; `no_color`
    takes the colour away. Printing never raises and never changes the exit code, whatever became of the reader.
    """

    def __init__(
        self, stdout: TextIO | None, stderr: TextIO | None, *, quiet: bool = False, no_color: bool = False
    ) -> None:
        """See `create`."""
        self.stdout = Outlet(stdout, no_color=no_color)
        self.stderr = Outlet(stderr, no_color=no_color)
        self.quiet = quiet
        self._status_width = 0
        self._told_failure = False

    @classmethod
    def create(cls, *, quiet: bool = False, no_color: bool = False) -> Self:
        """The streams of this process, as they are now."""
        return cls(sys.stdout, sys.stderr, quiet=quiet, no_color=no_color)

    @property
    def is_out_terminal(self) -> bool:
        """Whether standard output is a terminal."""
        return self.stdout.is_terminal

    @property
    def is_err_terminal(self) -> bool:
        """Whether standard error is a terminal."""
        return self.stderr.is_terminal

    def out(self, text: str, end: str = "\n") -> None:
        """Print `text` to standard output as it is: what came with the data must be made safe before."""
        self.out_all([text, end])

    def out_all(self, chunks: Iterable[str]) -> None:
        """Print `chunks` to standard output one after the other, nothing between them; stop where a reader has gone."""
        self.status("")
        self.stdout.write(chunks)
        self._tell_failure()

    def out_bytes(self, data: bytes) -> None:
        """Print `data` to standard output byte by byte."""
        self.status("")
        self.stdout.write_bytes(data)
        self._tell_failure()

    def err(self, text: str) -> None:
        """Print `text` to standard error, made safe line by line, also when quiet: for errors."""
        self.status("")
        self.stderr.write([safe_lines(text), "\n"])

    def note(self, text: str) -> None:
        """Print `text` to standard error, made safe line by line, unless quiet: for summaries, warnings and hints."""
        if not self.quiet:
            self.err(text)

    def status(self, text: str) -> None:
        """Show `text`, which must be safe, in place of the status before it; an empty text clears it.

        Only where standard error is a terminal. Anything else printed takes the status away.
        """
        if not (self.is_err_terminal and (text or self._status_width)):
            return
        text = clip(text, self.stderr.columns - 1)
        width = display_width(text)
        # Blanks and carriage returns rather than escape codes: nothing to undo if the process is killed here.
        blanks = " " * max(0, min(self._status_width, self.stderr.columns - 1) - width)
        self.stderr.write(["\r", text, blanks, "" if text else "\r"])
        self._status_width = width

    def _tell_failure(self) -> None:
        failure = self.stdout.failure
        # A reader that closed its pipe has what it wanted; a full disk is worth a word.
        if isinstance(failure, OSError) and failure.errno != errno.EPIPE and not self._told_failure:
            self._told_failure = True
            self.note(f"Standard output could not be written to the end: {failure.strerror}.")


def flush_standard_streams() -> None:
    """Flush both streams of this process without ever failing; the last thing a program does."""
    Outlet(sys.stdout).flush()
    Outlet(sys.stderr).flush()


def _is_terminal(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed
        return False
