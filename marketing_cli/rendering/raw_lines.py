"""Kept lines as the bytes they came as, to be mended and read again."""

from collections.abc import Iterable

from marketing_cli.rendering.streams import Streams
from marketing_cli.schemas.listing import KeptLine


def render_raw_lines(lines: Iterable[KeptLine], streams: Streams, *, more: bool = False) -> None:
    """Print each line and a line feed to standard output, byte for byte.

    A line of which only the beginning was kept is left out. Notes on standard error say how many those were, and how
    many span several lines and so are none when they are read again.
    """
    beginnings = spanning = 0
    for line in lines:
        if streams.stdout.failure is not None:
            return
        if line.is_whole:
            streams.out_bytes(line.raw + b"\n")
            spanning += b"\n" in line.raw
        else:
            beginnings += 1
    if beginnings:
        streams.note(
            f"Left out: {beginnings:,} over the line limit, of which only the beginning is kept."
            " Mend these where they came from; `mmsg rejects --reason line_too_long` says where."
        )
    if spanning:
        streams.note(
            f"{spanning:,} of these span several lines (they came from an array or a single object):"
            " put each on one line before it is read again."
        )
    if more:
        streams.note("There are more: --limit 0 gives all of them.")
