"""Lists and single values as JSON and as one JSON object per line."""

from collections.abc import Iterator
from typing import Any

from marketing_cli.rendering.streams import Streams
from marketing_cli.rendering.tabular import Listing
from marketing_cli.rendering.values import INDENT, json_text


def render_json(value: Any, streams: Streams) -> None:  # noqa: ANN401 - any JSON value
    """Print `value` as one indented JSON value in ASCII, with instants in UTC; raises as `json_text` does."""
    streams.out(json_text(value, INDENT))


def json_array(listing: Listing) -> Iterator[str]:
    """The rows as one JSON array, in pieces, so that a long list is never held twice."""
    number = -1
    for number, row in enumerate(listing.rows):
        yield ",\n" if number else "[\n"
        margin = " " * INDENT
        # Line feeds inside JSON text are escaped: each one here is layout.
        yield margin + json_text(dict(row), INDENT).replace("\n", f"\n{margin}")
    yield "[]\n" if number < 0 else "\n]\n"


def json_lines(listing: Listing) -> Iterator[str]:
    """Each row as a JSON object on a line of its own."""
    for row in listing.rows:
        yield json_text(dict(row)) + "\n"
