"""One list, four formats, each exact."""

import csv
import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from marketing_cli.rendering import Align, Column, Listing, Output, render_listing

COLUMNS = [
    Column("id", "Id", align=Align.RIGHT),
    Column("user_id", "User"),
    Column("amount", "Amount", align=Align.RIGHT, text=lambda amount: "-" if amount is None else f"{amount:.2f}"),
    Column("decided_at", "Decided"),
    Column("blocked_by", "Blocked by", in_table=False),
]
ROWS = [
    {
        "id": 1,
        "user_id": "日本",
        "amount": 12.5,
        "decided_at": datetime(2025, 11, 1, 10, tzinfo=UTC),
        "blocked_by": {"event_id": "evt_7"},
        "not_in_columns": True,
    },
    {"id": 20, "user_id": "zoë=1", "amount": None, "decided_at": None, "blocked_by": None, "not_in_columns": False},
]
LISTING = Listing(COLUMNS, ROWS, empty="No suppressions match.")
TABLE = """\
Id  User   Amount  Decided
 1  日本    12.50  2025-11-01T10:00:00Z
20  zoë=1       -  -
"""
CSV = (
    "id,user_id,amount,decided_at,blocked_by\r\n"
    '1,日本,12.5,2025-11-01T10:00:00Z,"{""event_id"": ""evt_7""}"\r\n'
    "20,zoë=1,,,\r\n"
)
NDJSON = (
    '{"id": 1, "user_id": "\\u65e5\\u672c", "amount": 12.5, "decided_at": "2025-11-01T10:00:00Z", '
    '"blocked_by": {"event_id": "evt_7"}, "not_in_columns": true}\n'
    '{"id": 20, "user_id": "zo\\u00eb=1", "amount": null, "decided_at": null, "blocked_by": null, '
    '"not_in_columns": false}\n'
)
STRINGS = [Column("text", "Text"), Column("nested", "Nested"), Column("end", "End")]


def strings(texts: list[str]) -> Listing:
    """A list with each text in a cell of its own, inside JSON, and something after it."""
    return Listing(STRINGS, [{"text": text, "nested": {"deep": [text]}, "end": "."} for text in texts])


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (Output.TABLE, TABLE),
        (Output.CSV, CSV),
        (Output.NDJSON, NDJSON),
    ],
)
def test_each_format(output: Output, expected: str, printed: Any) -> None:
    """Tables show what people need, CSV every column, JSON the whole row."""
    prints = printed()
    render_listing(LISTING, output, prints.streams)
    assert (prints.out, prints.err) == (expected, "")


def test_json_is_one_indented_array(printed: Any) -> None:
    """The array printed row by row is what printing it at once would give."""
    prints = printed()
    rows = [{**row, "decided_at": row["decided_at"] and "2025-11-01T10:00:00Z"} for row in ROWS]
    render_listing(LISTING, Output.JSON, prints.streams)
    assert prints.out == json.dumps(rows, indent=2) + "\n"


@pytest.mark.parametrize(
    ("output", "out", "err"),
    [
        (Output.TABLE, "", "No suppressions match.\n"),
        (Output.JSON, "[]\n", ""),
        (Output.NDJSON, "", ""),
        (Output.CSV, "id,user_id,amount,decided_at,blocked_by\r\n", ""),
    ],
)
@pytest.mark.parametrize("terminal", [False, True])
def test_an_empty_list(output: Output, out: str, err: str, terminal: bool, printed: Any) -> None:
    """A program gets an empty list, a person a sentence, and never in standard output."""
    prints = printed(terminal=terminal)
    render_listing(Listing(COLUMNS, [], empty=LISTING.empty), output, prints.streams)
    assert (prints.out, prints.err) == (out, err)


@pytest.mark.parametrize("output", list(Output))
def test_a_list_cut_short_says_so(output: Output, printed: Any) -> None:
    """The note is on standard error in every format, and quiet silences it."""
    loud, quiet = printed(), printed(quiet=True)
    for prints in (loud, quiet):
        render_listing(Listing(COLUMNS, ROWS, more=True), output, prints.streams)
    assert loud.err == "There are more than the 2 shown here: --limit 0 gives all of them.\n"
    assert quiet.err == ""
    assert loud.out == quiet.out != ""


def test_hostile_strings_as_json(naughty: list[str], printed: Any) -> None:
    """Both JSON formats are pure ASCII and give back every string."""
    listing = strings(naughty)
    array, lines = printed(), printed()
    render_listing(listing, Output.JSON, array.streams)
    render_listing(listing, Output.NDJSON, lines.streams)
    assert json.loads(array.out) == listing.rows
    assert [json.loads(line) for line in lines.out.splitlines()] == listing.rows
    assert all(char == "\n" or " " <= char <= "~" for char in array.out + lines.out)


def test_hostile_strings_as_a_plain_table(naughty: list[str], printed: Any, hidden_in: Any) -> None:
    """One line per row, none cut, nothing invisible, no trailing blanks."""
    prints = printed()
    render_listing(strings([*naughty, "long" * 5000]), Output.TABLE, prints.streams)
    lines = prints.out.split("\n")
    assert len(lines) == len(naughty) + 3
    assert lines[-1] == ""
    assert all(line.endswith("  .") for line in lines[1:-1])
    assert "long" * 5000 in lines[-2]
    assert max(len(line) for line in lines[:10]) < 300
    assert not hidden_in(prints.out)


def test_hostile_strings_as_csv(naughty: list[str], printed: Any, hidden_in: Any) -> None:
    """No cell runs as a formula, no record spans lines, nothing invisible but the line ends."""
    prints = printed()
    render_listing(strings(naughty), Output.CSV, prints.streams)
    records = list(csv.reader(io.StringIO(prints.out, newline=""), strict=True))
    assert len(records) == len(naughty) + 1 == prints.out.count("\r\n")
    assert not [
        cell for record in records for cell in record if cell.lstrip()[:1] in set("=+-@\uff1d\uff0b\uff0d\uff20\t\r")
    ]
    assert hidden_in(prints.out) == {"\r"}
    assert hidden_in(prints.out.replace("\r\n", "")) == set()


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+351 900", "'+351 900"),
        ("-5", "'-5"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\uff1d1", "'\uff1d1"),
        ("\uff0b1", "'\uff0b1"),
        ("\uff0d1", "'\uff0d1"),
        ("\uff20x", "'\uff20x"),
        ("\t=1", "'\\u0009=1"),
        ("\rx", "'\\u000dx"),
        ("\nx", "'\\u000ax"),
        ("\u3000=1", "'\u3000=1"),
        ("\0x", "'\\u0000x"),
        ("  =1+1", "'  =1+1"),
        ("a=b-c", "a=b-c"),
        ("'quoted", "'quoted"),
        ("", ""),
        (None, ""),
        (-5, "-5"),
        (-5.25, "-5.25"),
        (1e22, "1e+22"),
        (False, "false"),
        (["=1"], '["=1"]'),
        ({"é": "\u202e"}, '{"\\u00e9": "\\u202e"}'),
    ],
)
def test_cells_of_csv(value: Any, cell: str, printed: Any) -> None:
    """Text that looks like a formula is defused, numbers stay numbers, objects are JSON."""
    prints = printed()
    render_listing(Listing([Column("x", "X"), Column("y", "Y")], [{"x": value, "y": 1}]), Output.CSV, prints.streams)
    assert list(csv.reader(io.StringIO(prints.out, newline=""))) == [["x", "y"], [cell, "1"]]
    assert prints.out.endswith(",1\r\n")


def test_a_column_formatter_cannot_let_controls_out(printed: Any) -> None:
    """What a formatter returns is made safe as well."""
    prints = printed()
    column = Column("x", "X", text=lambda value: f"[{value}]\x1b[0m\n")
    render_listing(Listing([column], [{"x": 1}]), Output.TABLE, prints.streams)
    assert prints.out == "X\n[1]\\u001b[0m\\u000a\n"
