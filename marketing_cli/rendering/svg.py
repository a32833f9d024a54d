"""A page as a picture, for documents."""

import io
import os
import re
from pathlib import Path

from marketing_cli.errors import MmsgError
from marketing_cli.rendering.page import Page
from marketing_cli.rendering.safe_text import safe

_WIDTH = 110


def export_svg(page: Page, path: Path, title: str) -> None:
    """Write `page` to `path` as an SVG picture of a terminal 110 columns wide, with `title` in its bar.

    The same page gives the same bytes, and the picture loads nothing from the network. A new file can be read by its
    owner only: it holds event data. Raises MmsgError if the file cannot be written.
    """
    data = page_svg(page, title).encode()
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor, for the mode of a new file
            file.write(data)
    except OSError as error:
        raise MmsgError(f"The picture could not be written to {path}: {error.strerror}. Choose another file.") from None


def page_svg(page: Page, title: str) -> str:
    """`page` as the text of an SVG picture; see `export_svg`."""
    # Rich takes long to load and only a picture needs it here.
    from marketing_cli.rendering.rich_output import new_console  # noqa: PLC0415
    from marketing_cli.rendering.rich_page import rich_page  # noqa: PLC0415

    console = new_console(io.StringIO(), _WIDTH, color=True, record=True)
    console.print(rich_page(page, _WIDTH, symbols=True))
    picture = console.export_svg(title=safe(title), unique_id="mmsg")
    # Two fonts from the web come first; the page's own text is further down.
    return re.sub(r"@font-face \{.*?\}\s*", "", picture, count=2, flags=re.DOTALL)
