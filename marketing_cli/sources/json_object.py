"""Takes a whole stream of bytes as one JSON object."""

from collections.abc import Generator, Iterable

from marketing_cli.domain.lines import RawLine
from marketing_cli.sources.gathering import WHITE_SPACE, Ending, Gatherer


def take_object(chunks: Iterable[bytes], limit: int) -> Generator[RawLine, None, Ending]:
    """Yield all of a stream, without the white space around it, as line 1; nothing when there is nothing else.

    Whether it is one object is for the parser to judge. A stream that does not end its last line is marked as a tail.
    """
    line: Gatherer | None = None
    last = b""
    for chunk in chunks:
        piece = chunk if line else chunk.lstrip(WHITE_SPACE)
        if piece:
            line = line or Gatherer(limit, "object")
            line.add_trimmed(piece)
        last = chunk[-1:]
    if line:
        yield line.to_line(1, is_tail=last != b"\n")
    return Ending(1 if line else 0)
