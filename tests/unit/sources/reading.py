"""Reads bytes the way a command would: from a file, or as standard input; and cuts bytes into pieces."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from marketing_cli.domain.lines import InputState, RawLine, RejectReason
from marketing_cli.sources.discovery import InputPath
from marketing_cli.sources.reader import InputReader, ReadOptions
from marketing_cli.sources.sniffing import InputFormat


@dataclass(frozen=True)
class ReadResult:
    """What came out of one input, and what the reader said about it."""

    lines: list[RawLine]
    reader: InputReader

    @property
    def raws(self) -> list[bytes]:
        """The bytes of each line."""
        return [line.raw for line in self.lines]

    @property
    def state(self) -> InputState:
        """How reading ended."""
        return self.reader.state

    @property
    def message(self) -> str:
        """Why reading ended early, or nothing."""
        return self.reader.message or ""

    @property
    def refusals(self) -> list[tuple[int, RejectReason]]:
        """Number and reason of each refused line."""
        return [(line.number, line.refusal.reason) for line in self.lines if line.refusal]


def read_file(path: Path, wanted: str = "auto", *, limit: int = 1024 * 1024, chunk: int = 65536) -> ReadResult:
    """Read a file to its end."""
    with InputReader(InputPath(str(path), str(path)), ReadOptions(InputFormat(wanted), limit, chunk)) as reader:
        return ReadResult(list(reader.lines()), reader)


def read_stdin(data: bytes) -> ReadResult:
    """Read bytes as standard input."""
    with InputReader(InputPath("-", "-"), stdin=io.BytesIO(data)) as reader:
        return ReadResult(list(reader.lines()), reader)


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    """Cut a file's bytes as reading it would."""
    return (data[start : start + size] for start in range(0, len(data), size))
