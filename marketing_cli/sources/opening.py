"""Opens regular files and standard input without ever waiting for a writer, and counts the bytes read."""

import io
import os
import select
import stat
import sys
from collections.abc import Iterator
from typing import BinaryIO, Protocol

CHUNK_BYTES = 64 * 1024

_KINDS = {
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class CannotRead(Exception):
    """An input cannot be read at all. The text says why and what to do, and stands well after the input's path."""


class RawFile(Protocol):
    """What is needed of an open file; `read` may answer None when it is non-blocking and has nothing yet."""

    def fileno(self) -> int: ...  # noqa: D102
    def read(self, size: int, /) -> bytes | None: ...  # noqa: D102
    def seek(self, offset: int, /) -> int: ...  # noqa: D102
    def close(self) -> None: ...  # noqa: D102


class ByteFile:
    """An open file read in order. `position` counts the bytes read; `size` is None where it cannot be known."""

    def __init__(self, raw: RawFile, *, size: int | None = None, owned: bool = True) -> None:
        """Wrap an open file; `close` closes it only when it is `owned`."""
        self._raw = raw
        self._owned = owned
        self.size = size
        self.position = 0

    def read(self, size: int) -> bytes:
        """Return the next bytes, at most `size`, as soon as there are some; b"" at the end. Raises OSError."""
        data = self._raw.read(size)
        while data is None:  # A non-blocking standard input that has nothing to give yet: not its end.
            select.select([self._raw], [], [])
            data = self._raw.read(size)
        self.position += len(data)
        return data

    def chunks(self, size: int = CHUNK_BYTES) -> Iterator[bytes]:
        """Yield what is left in pieces of at most `size` bytes. Raises OSError."""
        while chunk := self.read(size):
            yield chunk

    def rewind(self) -> None:
        """Go back to the first byte; only regular files can. Raises OSError."""
        self._raw.seek(0)
        self.position = 0

    def close(self) -> None:
        """Close the file, unless it belongs to somebody else."""
        if self._owned:
            self._raw.close()


def open_regular(name: str) -> ByteFile:
    """Open a regular file. Raises CannotRead for all else, and does not wait for the writer of a named pipe."""
    try:
        _require_regular(os.stat(name))  # noqa: PTH116 -- the name stays as it was typed
        raw = io.FileIO(os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY))
    except (OSError, ValueError) as error:
        raise CannotRead(problem_of(error)) from error
    try:
        # Asked again of what was opened: the name may belong to something else by now.
        status = os.fstat(raw.fileno())
        _require_regular(status)
    except BaseException:
        raw.close()
        raise
    return ByteFile(raw, size=status.st_size)


def open_stdin(stdin: BinaryIO | None = None) -> ByteFile:
    """Return standard input, or the stream given in its place. Raises CannotRead when it is closed."""
    stream = stdin or getattr(sys.stdin, "buffer", None)
    if stream is None or stream.closed:
        raise CannotRead("standard input is closed; pipe something in")
    # Read below its buffer: lines are handed on as they arrive, and "nothing yet" is told from the end.
    return ByteFile(getattr(stream, "raw", stream), owned=False)


def problem_of(error: OSError | ValueError) -> str:
    """Say in plain words why the system would not open or read something."""
    if isinstance(error, FileNotFoundError):
        return "there is no such file or directory; check the path"
    if isinstance(error, PermissionError):
        return "you have no permission to read it; change its mode or its owner"
    reason = error.strerror if isinstance(error, OSError) else None
    return f"it cannot be read ({reason or 'the path is not valid'})"


def _require_regular(status: os.stat_result) -> None:
    kind = stat.S_IFMT(status.st_mode)
    if kind != stat.S_IFREG:
        what = _KINDS.get(kind, "a special file")
        raise CannotRead(
            f"it is {what}, and only regular files, directories and `-` can be read; pipe its content into `-`"
        )
