"""From the lines of an input to batches of parsed lines. It can run ahead: nothing here depends on what is stored."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from marketing_cli.domain.batches import Counts
from marketing_cli.domain.lines import InputState, Reject
from marketing_cli.domain.slots import Shard
from marketing_cli.services.batch import ParsedLine
from marketing_cli.services.line_parsing import ParseOptions, parse_line
from marketing_cli.services.sharding import SKIPPED, parse_own_line
from marketing_cli.sources.reader import InputReader

DEFAULT_BATCH_SIZE = 5000
"""Lines in a batch."""

MAX_BATCH_BYTES = 16 * 1024 * 1024
"""A batch also ends once its events may take so many bytes of memory, however few they are."""

_MOST_PASSED_OVER = 10
"""A batch also ends after so many times its lines, though most are another shard's: it is how far a run has come."""

_VALUE_BYTES = 60
_NO_MARKS = bytes(byte for byte in range(256) if chr(byte) not in ",[{")


@dataclass(frozen=True, slots=True)
class BatchOptions:
    """How lines are parsed, how many make a batch, and whose are kept; None keeps everybody's."""

    parsing: ParseOptions = field(default_factory=ParseOptions)
    size: int = DEFAULT_BATCH_SIZE
    shard: Shard | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """Lines to be stored together.

    `counts` has the number of all lines that were read for it, of blank ones and of other shards' ones; `state` is that
    of the input once the batch is stored.
    """

    lines: Sequence[ParsedLine]
    counts: Counts
    state: InputState


def cut_batches(reader: InputReader, options: BatchOptions) -> Iterator[Batch]:
    """Parse an open input into batches."""
    parsing, shard = options.parsing, options.shard
    most, most_lines = options.size, options.size * _MOST_PASSED_OVER
    lines: list[ParsedLine] = []
    counts, weight = Counts(), 0
    for line in reader.lines():
        counts.lines += 1
        content = parse_line(line, parsing) if shard is None else parse_own_line(line, parsing, shard)
        if content is SKIPPED:
            counts.skipped += 1
        elif content is None:
            counts.blank += 1
        else:
            weight += _weight(line.raw)
            lines.append(ParsedLine(line, content if isinstance(content, Reject) else content.incoming()))
        own = counts.lines - counts.skipped
        if own >= most or weight >= MAX_BATCH_BYTES or counts.lines >= most_lines:
            # Its taker empties the list: a batch should be gone once it is stored.
            full, lines = [Batch(lines, counts, reader.state)], []
            counts, weight = Counts(), 0
            yield full.pop()
    if counts.lines:
        yield Batch(lines, counts, reader.state)


def _weight(raw: bytes) -> int:
    """About how many bytes of memory an event takes: a comma or a bracket may stand for an object of its own."""
    return len(raw) + _VALUE_BYTES * len(raw.translate(None, _NO_MARKS))
