"""Reads one input: finds out what it is, unpacks it, and hands out its lines or elements."""

import json
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from types import TracebackType
from typing import BinaryIO, Self

from marketing_cli.domain.lines import InputState, RawLine, Refusal, RejectReason
from marketing_cli.sources.compression import Archive, Compression, CorruptArchive, compression_of, verified
from marketing_cli.sources.discovery import InputPath
from marketing_cli.sources.gathering import Ending, refuse_rest
from marketing_cli.sources.json_array import cut_elements
from marketing_cli.sources.json_object import take_object
from marketing_cli.sources.ndjson import split_lines
from marketing_cli.sources.opening import CHUNK_BYTES, ByteFile, CannotRead, open_regular, open_stdin, problem_of
from marketing_cli.sources.sniffing import (
    InputFormat,
    Start,
    format_of,
    is_broken_archive,
    other_encoding,
    other_format,
)
from marketing_cli.sources.spooling import spool

MAX_LINE_BYTES = 1024 * 1024

_CUTTERS = {InputFormat.NDJSON: split_lines, InputFormat.ARRAY: cut_elements, InputFormat.OBJECT: take_object}


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How inputs are to be read. A line, an element or an object of more than `max_line_bytes` is refused."""

    format: InputFormat = InputFormat.AUTO
    max_line_bytes: int = MAX_LINE_BYTES
    chunk_bytes: int = CHUNK_BYTES


class InputReader:
    """One input, open between `with` and its end.

    Opening never raises for what is wrong with the input: then `state` is `unreadable` or `corrupt`, `message` says
    why, and there are no lines. Until its lines are asked for an input is `not_read`; from then on `stopped`, until
    its end decides between `done`, `truncated`, `corrupt` and `unreadable`. `message` is set for the last three.

    `format` is one of `ndjson`, `array`, `object`. `size` and `position` count bytes of the file as it is on disk;
    `size` is None for a stream. Every archive is unpacked once to be verified before its first line is handed out;
    one that comes as standard input is copied to a private temporary file for that. In a zstd frame without a checksum
    only damage that breaks its format can be seen.
    """

    def __init__(self, source: InputPath, options: ReadOptions = ReadOptions(), stdin: BinaryIO | None = None) -> None:
        """Prepare to read `source`; `stdin` stands in for standard input."""
        self.path = source.path
        self.format: InputFormat = InputFormat.NDJSON if options.format is InputFormat.AUTO else options.format
        self.compression = Compression.NONE
        self.state = InputState.NOT_READ
        self.message: str | None = None
        self._source = source
        self._options = options
        self._stdin = stdin
        self._file: ByteFile | None = None
        self._archive: Archive | None = None
        self._lines: Generator[RawLine, None, Ending] | None = None

    @property
    def size(self) -> int | None:
        """Bytes of the file on disk; None for a stream, or when there is no file."""
        return self._file.size if self._file else None

    @property
    def position(self) -> int:
        """Bytes of the file on disk that were read."""
        return self._file.position if self._file else 0

    def __enter__(self) -> Self:
        """Open the input and find out what it is; waits for the first bytes of a stream."""
        with self._failures_noted():
            self._lines = self._open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the input."""
        if self._file:
            self._file.close()

    def lines(self) -> Iterator[RawLine]:
        """Yield what is in the input, once: lines, or an array's elements, or one object."""
        if not self._lines:
            return
        lines, self._lines = self._lines, None
        self.state = InputState.STOPPED
        with self._failures_noted():
            ending = yield from lines
            self._note_end(ending)

    def _open(self) -> Generator[RawLine, None, Ending]:
        if self._source.problem:
            raise CannotRead(self._source.problem)
        self._file = open_stdin(self._stdin) if self._source.is_stdin else open_regular(self._source.name)
        start = Start(self._file.chunks(self._options.chunk_bytes))
        self.compression = compression_of(start.first_bytes())
        if self.compression is not Compression.NONE:
            start = Start(self._unpacked(self._file, start))
        return self._cut(start)

    def _unpacked(self, file: ByteFile, start: Start) -> Iterator[bytes]:
        if self._source.is_stdin:
            file = self._file = spool(start.all_chunks())
        else:
            file.rewind()
        self._archive = verified(file, self.compression)
        return self._archive.chunks()

    def _cut(self, start: Start) -> Generator[RawLine, None, Ending]:
        limit = self._options.max_line_bytes
        first_bytes = start.first_bytes()
        if encoding := other_encoding(first_bytes):
            return _refuse_encoding(start, limit, encoding)
        if name := other_format(first_bytes):
            inside = "it holds" if self._archive else "it is"
            raise CannotRead(
                f"{inside} {name}, and events are read as JSON text, plain or packed once by gzip or zstd; unpack it"
            )
        if not self._archive and is_broken_archive(first_bytes, self.path):
            raise CorruptArchive(
                "it is named like an archive, but its first bytes are neither an archive's nor text; fetch it again"
            )
        start.drop_byte_order_mark()
        if self._options.format is InputFormat.AUTO:
            self.format = format_of(start, limit)
        lines = _CUTTERS[self.format](start.all_chunks(), limit)
        return _placed(lines, self.path) if self.format is InputFormat.ARRAY else lines

    def _note_end(self, ending: Ending) -> None:
        self.state = InputState.TRUNCATED
        if self._archive and self._archive.cut_short:
            what = "element" if self.format is InputFormat.ARRAY else "line"
            self.message = (
                f"the {self.compression} archive is cut short: it ends at byte {self.position}, "
                f"after {what} {ending.whole}; what came before is kept, so fetch it again and ingest it"
            )
        elif ending.problem:
            self.message = ending.problem
        else:
            self.state = InputState.DONE

    @contextmanager
    def _failures_noted(self) -> Iterator[None]:
        """Turn what goes wrong with the input into its state; what was handed out before stays."""
        try:
            yield
        except CannotRead as error:
            self.state, self.message = InputState.UNREADABLE, str(error)
        except CorruptArchive as error:
            self.state, self.message = InputState.CORRUPT, str(error)
        except OSError as error:
            self.state, self.message = (
                InputState.UNREADABLE,
                f"{problem_of(error)}, after byte {self.position}; try it again",
            )


def _placed(lines: Generator[RawLine, None, Ending], path: str) -> Generator[RawLine, None, Ending]:
    """Yield the lines; a refusal that has no bytes is told from others by where it is and what is wrong there."""
    while True:
        try:
            line = next(lines)
        except StopIteration as end:
            ending: Ending = end.value
            return ending
        if line.refusal and not line.raw:
            place = json.dumps([path, line.number, line.refusal.detail])
            line = replace(line, sha256=sha256(place.encode()).digest())
        yield line


def _refuse_encoding(start: Start, limit: int, encoding: str) -> Generator[RawLine, None, Ending]:
    """Yield the whole input as one refused line: cut at line ends, it would be a refusal for each of its lines."""
    problem = f"the text looks like {encoding}; save it as UTF-8 and ingest it again"
    yield refuse_rest(start.all_chunks(), limit, 1, Refusal(RejectReason.BAD_UTF8, problem))
    return Ending(0, problem)
