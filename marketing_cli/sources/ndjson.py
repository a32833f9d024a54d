"""Cuts a stream of bytes into physical lines."""

from collections.abc import Generator, Iterable

from marketing_cli.domain.lines import RawLine
from marketing_cli.sources.gathering import Ending, Gatherer, too_long_line


def split_lines(chunks: Iterable[bytes], limit: int) -> Generator[RawLine, None, Ending]:
    r"""Yield the lines of a stream, which end at b"\n" only; one b"\r" before it is dropped.

    A last line without b"\n" is marked as the tail, and keeps its b"\r". A line over `limit` bytes is refused.
    """
    number = 0
    begun: Gatherer | None = None
    for chunk in chunks:
        lines = iter(chunk.split(b"\n"))
        piece = next(lines)
        for following in lines:
            number += 1
            if begun:
                _add(begun, piece)
                yield begun.to_line(number)
                begun = None
            else:
                raw = piece[:-1] if piece[-1:] == b"\r" else piece
                yield RawLine(number, raw) if len(raw) <= limit else too_long_line(number, raw, limit)
            piece = following
        if piece:
            begun = begun or Gatherer(limit)
            _add(begun, piece)
    if begun:
        begun.add(b"")
        yield begun.to_line(number + 1, is_tail=True)
    return Ending(number)


def _add(line: Gatherer, piece: bytes) -> None:
    if piece[-1:] == b"\r":
        line.add(piece[:-1], doubtful=b"\r")
    elif piece:
        line.add(piece)
