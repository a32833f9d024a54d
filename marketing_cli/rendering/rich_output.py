"""Tables as Rich draws them, and Rich's drawing as text. Loaded for a terminal only."""

import io
from collections.abc import Mapping
from typing import Any, TextIO

from rich import box
from rich.console import Console, JustifyMethod, RenderableType
from rich.table import Table
from rich.text import Text

from marketing_cli.rendering.streams import Streams
from marketing_cli.rendering.tabular import Align, Column, Listing, Tone

STYLES = {
    Tone.PLAIN: "",
    Tone.GOOD: "green",
    Tone.WARN: "yellow",
    Tone.BAD: "red",
    Tone.DIM: "dim",
    Tone.STRONG: "bold",
}


_JUSTIFY: dict[Align, JustifyMethod] = {Align.LEFT: "left", Align.RIGHT: "right"}


class _Canvas(io.StringIO):
    """Memory that says which encoding its text is meant for: Rich draws lines of ASCII where it must."""

    def __init__(self, encoding: str) -> None:
        super().__init__()
        self._encoding = encoding

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._encoding


def print_rich(renderable: RenderableType, streams: Streams) -> None:
    """Draw `renderable` as wide as the terminal and print it to standard output."""
    canvas = _Canvas(streams.stdout.encoding)
    new_console(canvas, streams.stdout.columns, color=streams.stdout.color).print(renderable)
    # Rich fills lines with blanks; whoever copies from the terminal does not want them.
    streams.out("\n".join(line.rstrip(" ") for line in canvas.getvalue().split("\n")), end="")


def new_console(file: TextIO, width: int, *, color: bool, record: bool = False) -> Console:
    """A console that takes no advice from the environment, where Rich looks for FORCE_COLOR, COLUMNS, TERM and more."""
    return Console(
        file=file,
        record=record,
        width=width,
        height=25,
        # The 16 standard colours are the ones that people have chosen for their terminal.
        color_system="standard" if color else None,
        no_color=not color,
        force_terminal=True,
        force_interactive=False,
        force_jupyter=False,
        legacy_windows=False,
        markup=False,
        emoji=False,
        highlight=False,
    )


def listing_table(listing: Listing) -> Table:
    """`listing` as a table; a cell too long for its column is folded, never cut."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    for column in listing.table_columns:
        table.add_column(Text(column.heading), justify=_JUSTIFY[column.align], overflow="fold")
    for row in listing.rows:
        table.add_row(*(_cell(column, row) for column in listing.table_columns))
    return table


def _cell(column: Column, row: Mapping[str, Any]) -> Text:
    # Text, because Rich reads a plain string as markup.
    return Text(column.cell(row), style=STYLES[column.cell_tone(row)], overflow="fold")
