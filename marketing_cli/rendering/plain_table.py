"""Lists as plain aligned columns, for pipes and files."""

from collections.abc import Iterator

from marketing_cli.rendering.safe_text import display_width
from marketing_cli.rendering.tabular import Align, Column, Listing

_GAP = "  "
# One long cell must not make every other line as long: beyond this it pushes its own line only.
_WIDEST_PADDING = 100


def table_lines(listing: Listing) -> Iterator[str]:
    """A header line and one line per row, cells padded to their column and never cut, trailing blanks removed."""
    columns = listing.table_columns
    table = [[column.heading for column in columns]]
    table += [[column.cell(row) for column in columns] for row in listing.rows]
    widths = [min(_WIDEST_PADDING, max(display_width(line[at]) for line in table)) for at in range(len(columns))]
    for line in table:
        yield _line(line, columns, widths) + "\n"


def _line(cells: list[str], columns: list[Column], widths: list[int]) -> str:
    padded = [_padded(cell, column.align, width) for cell, column, width in zip(cells, columns, widths, strict=True)]
    return _GAP.join(padded).rstrip(" ")


def _padded(cell: str, align: Align, width: int) -> str:
    blanks = " " * (width - display_width(cell))
    return blanks + cell if align is Align.RIGHT else cell + blanks
