"""Prints a page, drawn on a terminal and plain elsewhere."""

from marketing_cli.rendering.page import Page
from marketing_cli.rendering.plain_page import page_lines
from marketing_cli.rendering.streams import Streams


def render_page(page: Page, streams: Streams) -> None:
    """Print `page` to standard output: with colours, symbols and wrapped lines on a terminal, else as plain text."""
    if not streams.is_out_terminal:
        streams.out_all(page_lines(page))
        return
    # Rich takes long to load and only a terminal needs it.
    from marketing_cli.rendering.rich_output import print_rich  # noqa: PLC0415
    from marketing_cli.rendering.rich_page import rich_page  # noqa: PLC0415

    print_rich(rich_page(page, streams.stdout.columns, symbols=streams.stdout.has_unicode), streams)
