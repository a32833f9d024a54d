"""Puts a line or an element together from pieces, in memory that does not grow with it."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from marketing_cli.domain.lines import RawLine, Refusal, RejectReason

WHITE_SPACE = b" \t\n\r"
LONG_LINE_BYTES = 64 * 1024
"""How much of a line over the limit is kept."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How cutting a stream ended: the number of whole lines, and why the rest of it could not be cut, if so."""

    whole: int
    problem: str | None = None


class Gatherer:
    """Collects the pieces of one line. `what` names it in a refusal: line, element, object."""

    def __init__(self, limit: int, what: str = "line") -> None:
        """Start an empty line that may have `limit` bytes."""
        self._limit = limit
        self._what = what
        self._kept = bytearray()
        self._room = max(limit, LONG_LINE_BYTES)
        self._length = 0
        self._digest = hashlib.sha256()
        self._sure = (0, self._digest.copy())

    def add(self, piece: bytes, doubtful: bytes = b"") -> None:
        """Append `piece`, and `doubtful` which belongs to the line only if a later piece follows it."""
        self._append(piece)
        self._sure = (self._length, self._digest.copy())
        self._append(doubtful)

    def add_trimmed(self, piece: bytes) -> None:
        """Append a piece whose white space at the end belongs to the line only if something else follows it."""
        body = piece.rstrip(WHITE_SPACE)
        if body:
            self.add(body, doubtful=piece[len(body) :])
        else:
            self._append(piece)

    def to_line(self, number: int, *, is_tail: bool = False, refusal: Refusal | None = None) -> RawLine:
        """Return all that is sure as a line; one over the limit is cut and refused, and has length and digest."""
        length, digest = self._sure
        if length <= self._limit:
            return RawLine(number, bytes(self._kept[:length]), is_tail, refusal)
        start = bytes(self._kept[: min(length, LONG_LINE_BYTES)])
        return RawLine(number, start, is_tail, refusal or self._too_long(length), length, digest.digest())

    def _append(self, piece: bytes) -> None:
        self._length += len(piece)
        self._digest.update(piece)
        if len(self._kept) < self._room:
            self._kept += piece[: self._room - len(self._kept)]

    def _too_long(self, length: int) -> Refusal:
        detail = f"the {self._what} has {length} bytes and at most {self._limit} are allowed; see --max-line-bytes"
        return Refusal(RejectReason.LINE_TOO_LONG, detail)


def refuse_rest(chunks: Iterable[bytes], limit: int, number: int, refusal: Refusal) -> RawLine:
    """Read a stream to its end and return it as one refused line; of a long one the start, as of a long line."""
    rest = Gatherer(limit)
    for chunk in chunks:
        rest.add(chunk)
    return rest.to_line(number, refusal=refusal)


def too_long_line(number: int, raw: bytes, limit: int) -> RawLine:
    """Return the refusal of a line that is over the limit and at hand as a whole."""
    line = Gatherer(limit)
    line.add(raw)
    return line.to_line(number)
