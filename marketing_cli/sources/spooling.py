"""Keeps a private copy of a stream that has to be read twice."""

import tempfile
from collections.abc import Iterable
from typing import IO

from marketing_cli.sources.opening import ByteFile, CannotRead


def spool(chunks: Iterable[bytes]) -> ByteFile:
    """Copy a stream into a temporary file that has no name and only this process can read.

    Raises CannotRead when the copy cannot be written, OSError when the stream cannot be read.
    """
    try:
        copy = tempfile.TemporaryFile()  # noqa: SIM115 -- closed with the ByteFile that is returned
    except OSError as error:
        raise _no_room(error) from error
    try:
        size = sum(_write(copy, chunk) for chunk in chunks)
        _write(copy, b"", flush=True)
        copy.seek(0)
    except BaseException:
        copy.close()
        raise
    return ByteFile(copy, size=size)


def _write(copy: IO[bytes], chunk: bytes, *, flush: bool = False) -> int:
    try:
        written = copy.write(chunk)
        if flush:
            copy.flush()
    except OSError as error:
        raise _no_room(error) from error
    return written


def _no_room(error: OSError) -> CannotRead:
    return CannotRead(
        "compressed standard input is checked before it is used, and its copy could not be written "
        f"({error.strerror}); make room for it, or point TMPDIR at a directory that has room"
    )
