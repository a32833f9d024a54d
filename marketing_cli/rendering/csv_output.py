"""Lists as CSV that a spreadsheet opens without running anything in it."""

import csv
import io
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from marketing_cli.domain.texts import z
from marketing_cli.rendering.safe_text import safe
from marketing_cli.rendering.tabular import Listing
from marketing_cli.rendering.values import json_text

# What makes a spreadsheet take a cell for a formula, the full-width forms included; control characters can hide one.
_FORMULA_STARTS = frozenset("=+-@\uff1d\uff0b\uff0d\uff20\t\r\n\0")


def csv_lines(listing: Listing) -> Iterator[str]:
    """A header and one record per row, as RFC 4180 has it: each on one line, ended by CR LF."""
    names = [column.name for column in listing.columns if column.in_csv]
    yield _record(names)
    for row in listing.rows:
        yield _record([csv_cell(row.get(name)) for name in names])


def csv_cell(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """`value` as the text of a cell, before quoting.

    Nothing is the empty text; numbers and truth values are as in JSON; objects and arrays are JSON text. Control
    characters are shown as `safe` shows them, and text that a spreadsheet would run as a formula gets a leading `'`.
    """
    if value is None:
        return ""
    if isinstance(value, datetime):
        return z(value)
    if isinstance(value, str):
        return _defused(value)
    return json_text(value)


def _defused(text: str) -> str:
    # Blanks before the sign do not stop every spreadsheet.
    starts = {text[:1], text.lstrip()[:1]}
    return "'" + safe(text) if starts & _FORMULA_STARTS else safe(text)


def _record(cells: list[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()
