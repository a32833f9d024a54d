"""Prints a list in the format that was asked for."""

from dataclasses import replace

from marketing_cli.rendering.csv_output import csv_lines
from marketing_cli.rendering.json_output import json_array, json_lines
from marketing_cli.rendering.plain_table import table_lines
from marketing_cli.rendering.streams import Streams
from marketing_cli.rendering.tabular import Listing, Output

_WRITERS = {Output.JSON: json_array, Output.NDJSON: json_lines, Output.CSV: csv_lines}


def render_listing(listing: Listing, output: Output, streams: Streams) -> None:
    """Print `listing` to standard output as `output`.

    A table is drawn on a terminal, row by row where it is too wide, and plain, one line per row, elsewhere; without
    rows it is a sentence on standard error. Whatever the format, a note on standard error says when there are more.
    """
    if output is Output.TABLE:
        _render_table(replace(listing, rows=list(listing.rows)), streams)
    else:
        streams.out_all(_WRITERS[output](listing))
    if listing.more:
        streams.note(f"There are more than the {sum(1 for _ in listing.rows)} shown here: --limit 0 gives all of them.")


def _render_table(listing: Listing, streams: Streams) -> None:
    if not listing.rows:
        streams.note(listing.empty)
    elif streams.is_out_terminal:
        # Rich takes long to load and only a terminal needs it.
        from marketing_cli.rendering.rich_output import print_rich  # noqa: PLC0415
        from marketing_cli.rendering.rich_records import listing_drawing  # noqa: PLC0415

        outlet = streams.stdout
        print_rich(listing_drawing(listing, outlet.columns, symbols=outlet.has_unicode), streams)
    else:
        streams.out_all(table_lines(listing))
