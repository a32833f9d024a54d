"""Looks at the start of an input to find out what it is."""

import re
from collections.abc import Iterator
from enum import StrEnum
from itertools import chain

from marketing_cli.sources.compression import Compression, compression_of
from marketing_cli.sources.gathering import WHITE_SPACE
from marketing_cli.sources.json_text import is_whole_value

_START_BYTES = 512

_BOM = b"\xef\xbb\xbf"
_NEVER_IN_TEXT = re.compile(rb"[\x00-\x08\x0e-\x1f]")

_UTF32_BOMS = (b"\xff\xfe\0\0", b"\0\0\xfe\xff")
_UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")
_UTF32_ZEROS = ("x000", "000x")
_UTF16_ZEROS = ("x0x0", "0x0x")

_OTHER_FORMATS = (
    (0, b"PK\x03\x04", "a zip archive"),
    (0, b"BZh", "a bzip2 archive"),
    (0, b"\xfd7zXZ\0", "an xz archive"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (0, b"\x04\x22\x4d\x18", "an lz4 archive"),
    (0, b"PAR1", "a Parquet file"),
    (257, b"ustar", "a tar archive"),
)


class InputFormat(StrEnum):
    """How events are written in an input. `auto` is a wish only: an input that was opened is one of the others."""

    AUTO = "auto"
    NDJSON = "ndjson"
    ARRAY = "array"
    OBJECT = "object"


class Start:
    """The first bytes of a stream, which can be looked at before the stream is read."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        """Take over a stream of which nothing was read yet."""
        self._chunks = chunks
        self.data = bytearray()
        self.at_end = False

    def grow(self, size: int) -> None:
        """Read on until `size` bytes are at hand or the stream ends; then `at_end` is True. Raises OSError."""
        while len(self.data) < size and not self.at_end:
            chunk = next(self._chunks, b"")
            self.data += chunk
            self.at_end = not chunk

    def first_bytes(self) -> bytes:
        """Return enough to recognise an archive, an encoding or another format by. Raises OSError."""
        self.grow(_START_BYTES)
        return bytes(self.data[:_START_BYTES])

    def drop_byte_order_mark(self) -> None:
        """Forget the mark that some programs write before UTF-8."""
        if self.data.startswith(_BOM):
            del self.data[: len(_BOM)]

    def all_chunks(self) -> Iterator[bytes]:
        """Return the whole stream, this start first."""
        return chain((bytes(self.data),) if self.data else (), self._chunks)


def other_encoding(start: bytes) -> str | None:
    """Name the encoding of a text that is not UTF-8, as far as byte order mark or zeros show it."""
    zeros = "".join("x" if byte else "0" for byte in start[:4])
    if start.startswith(_UTF32_BOMS) or zeros in _UTF32_ZEROS:
        return "UTF-32"
    if start.startswith(_UTF16_BOMS) or zeros in _UTF16_ZEROS:
        return "UTF-16"
    return None


def other_format(start: bytes) -> str | None:
    """Name the format of an input that cannot be read as text, as far as its first bytes show it."""
    packed = compression_of(start)
    if packed is not Compression.NONE:
        return f"a {packed} archive"
    for place, signature, name in _OTHER_FORMATS:
        if start.startswith(signature, place):
            return name
    return None


def is_broken_archive(start: bytes, path: str) -> bool:
    """True for bytes that are no text, in a file whose name promises an archive: its signature must be damaged."""
    return path.endswith((".gz", ".zst")) and _NEVER_IN_TEXT.search(start) is not None


def format_of(start: Start, limit: int) -> InputFormat:
    """Find out how events are written; looks little further than the longest line allowed. Raises OSError.

    `[` first means an array. Else lines, unless the first one is no whole JSON value while all of the input is one
    object of at most `limit` bytes.
    """
    text = _grown_to_text(start, limit)
    if text.startswith(b"["):
        return InputFormat.ARRAY
    if not text.startswith(b"{") or is_whole_value(_first_line(start, limit).decode("latin-1")):
        return InputFormat.NDJSON
    start.grow(limit + _START_BYTES)
    text = start.data.strip(WHITE_SPACE)
    is_object = start.at_end and len(text) <= limit and is_whole_value(text.decode("latin-1"))
    return InputFormat.OBJECT if is_object else InputFormat.NDJSON


def _grown_to_text(start: Start, limit: int) -> bytearray:
    """Return the start from its first character that is not white space."""
    while not (text := start.data.lstrip(WHITE_SPACE)) and not start.at_end and len(start.data) <= limit:
        start.grow(len(start.data) + 1)
    return text


def _first_line(start: Start, limit: int) -> bytearray:
    """Return the first line that is not blank, or what there is of it."""
    begin = searched = len(start.data) - len(start.data.lstrip(WHITE_SPACE))
    while (end := start.data.find(b"\n", searched)) < 0 and not start.at_end and len(start.data) <= limit:
        searched = len(start.data)
        start.grow(searched + 1)
    return start.data[begin:] if end < 0 else start.data[begin:end]
