"""Lists on a terminal: a table where it fits, else one block of lines per row. Loaded for a terminal only."""

import io

from rich.console import Group, RenderableType
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from marketing_cli.rendering.rich_output import STYLES, listing_table, new_console
from marketing_cli.rendering.tabular import Listing

_WIDER_THAN_ANY = 100_000


def listing_drawing(listing: Listing, width: int, *, symbols: bool) -> RenderableType:
    """`listing` as a table or, where that would have to break words to be so narrow, row by row.

    Without `symbols` lines are of ASCII; a table sees to that itself.
    """
    table = listing_table(listing)
    console = new_console(io.StringIO(), _WIDER_THAN_ANY, color=False)
    return table if console.measure(table).minimum <= width else _records(listing, "─" if symbols else "-")


def _records(listing: Listing, ruled: str) -> RenderableType:
    """Each row as a line for each of its columns, below a ruled line."""
    blocks: list[RenderableType] = []
    for row in listing.rows:
        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_column(no_wrap=True)
        grid.add_column(overflow="fold")
        for column in listing.table_columns:
            # A part of a text has the style; all of it would colour the blanks after it, too.
            value = Text.assemble((column.cell(row), STYLES[column.cell_tone(row)]))
            grid.add_row(Text.assemble((column.heading, "bold")), value)
        blocks += [Rule(characters=ruled, style="dim"), grid]
    return Group(*blocks)
