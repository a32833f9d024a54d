"""Cuts the elements of a JSON array out of a stream of bytes, exactly as they are written."""

import re
from collections.abc import Generator, Iterable, Iterator

from marketing_cli.domain.lines import RawLine, Refusal, RejectReason
from marketing_cli.sources.gathering import Ending, Gatherer
from marketing_cli.sources.json_text import SPACE, EndFinder, raw_decode, skip

_SEPARATOR = re.compile(r"[ \t\n\r]*([,\]])[ \t\n\r]*")


def cut_elements(chunks: Iterable[bytes], limit: int) -> Generator[RawLine, None, Ending]:
    """Yield the elements of an array, numbered from 1; whether one is sound is for its parser to judge.

    An element over `limit` bytes is refused alone. Where the end of an element, or of the array, is not to be found,
    the rest of the stream is one refused line. White space alone is an array without elements.
    """
    cutter = _Cutter(chunks, limit)
    yield from cutter.lines()
    problem = (
        f"{cutter.problem}; the elements before are kept, so mend it and ingest it again" if cutter.problem else None
    )
    return Ending(cutter.number, problem)


class _Cutter:
    """Looks at one chunk at a time, as text: `_text` from `_place` on is still to be cut."""

    def __init__(self, chunks: Iterable[bytes], limit: int) -> None:
        self._chunks = iter(chunks)
        self._limit = limit
        self._text = ""
        self._place = 0
        self._closed = False
        self.number = 0
        self.problem: str | None = None

    def lines(self) -> Iterator[RawLine]:
        """Yield the elements and, if need be, the rest; then `number` and `problem` say how it ended."""
        first = self._next_char()
        if first == "[":
            self._place += 1
            yield from self._elements()
        elif first:
            yield self._rest("the input does not begin with `[`, as an array does")

    def _elements(self) -> Iterator[RawLine]:
        if self._next_char() == "]":
            self._pass("]")
        while not self._closed and not self.problem:
            yield from self._ready_elements()
            if not self._closed:
                yield from self._next_element()
        if self._closed and self._next_char():
            yield self._rest("there is more text after the `]` that closes the array")

    def _ready_elements(self) -> Iterator[RawLine]:
        """Yield elements as long as they parse, and both they and the separator after them are at hand."""
        text, place, number = self._text, self._place, self.number
        while not self._closed:
            try:
                end = raw_decode(text, place)[1]
            except (ValueError, RecursionError):
                break
            separator = _SEPARATOR.match(text, end)
            if separator is None or end - place > self._limit:
                break
            number += 1
            yield RawLine(number, text[place:end].encode("latin-1"))
            place = separator.end()
            self._closed = separator[1] == "]"
        self._place, self.number = place, number

    def _next_element(self) -> Iterator[RawLine]:
        """Yield one element that does not parse or is not wholly at hand, and pass the separator after it."""
        char = self._next_char()
        if char and char in ",]":
            self.number += 1
            yield RawLine(self.number, b"", refusal=_bad_json(f"there is no element before the `{char}`"))
        elif char:
            yield self._gathered_element(may_end_here=char in "[{")
        if self.problem:
            return
        separator = self._next_char()
        if separator:
            self._pass(separator)
        else:
            yield self._rest(self._not_closed())

    def _gathered_element(self, *, may_end_here: bool) -> RawLine:
        """Put an element together from as many chunks as it spans; one that is cut off is the refused rest.

        At the end of the stream, only an object or an array is known to be whole by its own last character.
        """
        element, finder = Gatherer(self._limit, "element"), EndFinder()
        while True:
            end = finder.find(self._text, self._place)
            element.add_trimmed(self._text[self._place : end].encode("latin-1"))
            self._place = len(self._text) if end is None else end
            at_end = end is None and not self._more()
            if at_end and not (may_end_here and finder.balanced):
                return self._rest(self._not_closed(), element)
            if at_end or end is not None:
                self.number += 1
                return element.to_line(self.number)

    def _rest(self, problem: str, begun: Gatherer | None = None) -> RawLine:
        """Return all that is left as one refused line, and remember why."""
        self.problem = problem
        rest = begun or Gatherer(self._limit)
        rest.add_trimmed(self._text[self._place :].encode("latin-1"))
        for chunk in self._chunks:
            rest.add_trimmed(chunk)
        return rest.to_line(self.number + 1, refusal=_bad_json(problem))

    def _not_closed(self) -> str:
        return f"the array is not closed: the input ends after its element {self.number}, without a `]`"

    def _next_char(self) -> str:
        """Pass white space and return the character after it, "" at the end of the stream."""
        while True:
            self._place = skip(SPACE, self._text, self._place)
            if self._place < len(self._text):
                return self._text[self._place]
            if not self._more():
                return ""

    def _pass(self, separator: str) -> None:
        self._place = skip(SPACE, self._text, self._place + 1)
        self._closed = separator == "]"

    def _more(self) -> bool:
        """Go on to the next chunk; False at the end of the stream."""
        chunk = next(self._chunks, b"")
        self._text, self._place = chunk.decode("latin-1"), 0
        return bool(chunk)


def _bad_json(detail: str) -> Refusal:
    return Refusal(RejectReason.BAD_JSON, detail)
