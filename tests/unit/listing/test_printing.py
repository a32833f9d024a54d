"""Kept lines as bytes, lists that do not fit a terminal, and lists that are never whole in memory."""

import io
from collections.abc import Iterator
from typing import Any

import pytest

from marketing_cli.rendering import Column, Listing, Output, Streams, Tone, render_listing
from marketing_cli.rendering.raw_lines import render_raw_lines
from marketing_cli.schemas.listing import KeptLine


def whole(raw: bytes) -> KeptLine:
    """A line that was kept whole."""
    return KeptLine(raw, is_whole=True)


def beginning(raw: bytes) -> KeptLine:
    """What was kept of a line over the limit."""
    return KeptLine(raw, is_whole=False)


class Printed:
    """Streams of bytes in memory."""

    def __init__(self, *, quiet: bool = False) -> None:
        """With nothing in them."""
        self._out, self._err = io.BytesIO(), io.StringIO()
        self.streams = Streams(io.TextIOWrapper(self._out, encoding="utf-8"), self._err, quiet=quiet)

    @property
    def out(self) -> bytes:
        """What standard output got."""
        return self._out.getvalue()

    @property
    def err(self) -> str:
        """What standard error got."""
        return self._err.getvalue()


@pytest.mark.parametrize(
    ("lines", "more", "out", "notes"),
    [
        ([], False, b"", []),
        ([whole(b"\xff\x00\r"), whole(b"")], False, b"\xff\x00\r\n\n", []),
        ([beginning(b"a" * 10), whole(b"b")], False, b"b\n", ["Left out: 1 over the line limit"]),
        ([whole(b'{"a":\n1}')], False, b'{"a":\n1}\n', ["1 of these span several lines"]),
        ([whole(b"a")], True, b"a\n", ["There are more"]),
    ],
)
def test_raw_lines_are_printed_as_they_came(lines: Any, more: bool, out: bytes, notes: list[str]) -> None:
    """Bytes are not touched; what cannot be mended from here is left out, and said."""
    printed = Printed()
    render_raw_lines(lines, printed.streams, more=more)
    assert printed.out == out
    assert [note in line for note, line in zip(notes, printed.err.splitlines(), strict=True)] == [True] * len(notes)


def test_quiet_raw_lines_come_without_notes() -> None:
    """Nothing but the lines."""
    printed = Printed(quiet=True)
    render_raw_lines([whole(b"a\nb"), beginning(b"c")], printed.streams, more=True)
    assert (printed.out, printed.err) == (b"a\nb\n", "")


class Gone(io.TextIOWrapper):
    """A pipe whose reader has left."""

    def write(self, _text: str) -> int:
        """Fails as the system does."""
        raise BrokenPipeError

    def flush(self) -> None:
        """Fails likewise."""
        raise BrokenPipeError


@pytest.mark.parametrize("raw", [True, False])
def test_a_list_stops_where_its_reader_has_gone(raw: bool) -> None:
    """`| head` must not read a million rows from the database for nobody."""
    read: list[int] = []

    def numbered() -> Iterator[Any]:
        for number in range(1000):
            read.append(number)
            yield whole(b"x" * 10_000) if raw else {"id": "x" * 10_000}

    streams = Streams(Gone(io.BytesIO()), io.StringIO())
    if raw:
        render_raw_lines(numbered(), streams)
    else:
        render_listing(Listing([Column("id", "Id")], numbered()), Output.NDJSON, streams)
    assert len(read) < 10


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (Output.JSON, '[\n  {\n    "id": 0\n  },\n  {\n    "id": 1\n  }\n]\n'),
        (Output.NDJSON, '{"id": 0}\n{"id": 1}\n'),
        (Output.CSV, "id\r\n0\r\n1\r\n"),
        (Output.TABLE, "Id\n0\n1\n"),
    ],
)
def test_rows_may_come_one_by_one(output: Output, expected: str) -> None:
    """Each format takes rows that can be read only once."""
    printed = Printed()
    render_listing(Listing([Column("id", "Id")], ({"id": number} for number in range(2))), output, printed.streams)
    assert printed.out.decode() == expected


@pytest.mark.parametrize(("output", "expected"), [(Output.JSON, "[]\n"), (Output.NDJSON, ""), (Output.CSV, "id\r\n")])
def test_no_rows_may_come_one_by_one(output: Output, expected: str) -> None:
    """An empty list is known to be empty only when it is read."""
    printed = Printed()
    render_listing(Listing([Column("id", "Id")], iter(())), output, printed.streams)
    assert printed.out.decode() == expected


COLUMNS = [Column("user", "User"), Column("status", "Status", tone=Tone.GOOD), Column("text", "Text")]
ROW = {"user": "u_" + "1" * 30, "status": "requested", "text": "some words that may well be folded"}


def drawn(width: int, *, encoding: str = "utf-8") -> str:
    """The list as a terminal so wide gets it, without colour."""
    from marketing_cli.rendering.rich_output import print_rich
    from marketing_cli.rendering.rich_records import listing_drawing

    out = io.BytesIO()
    streams = Streams(io.TextIOWrapper(out, encoding=encoding), None, no_color=True)
    print_rich(listing_drawing(Listing(COLUMNS, [ROW]), width, symbols=encoding == "utf-8"), streams)
    return out.getvalue().decode(encoding)


@pytest.mark.parametrize(("width", "is_table"), [(80, True), (56, True), (40, False), (20, False)])
def test_a_list_that_would_break_words_is_drawn_row_by_row(width: int, is_table: bool) -> None:
    """A table folds text between words; ids folded into crumbs can neither be read nor copied."""
    first = drawn(width).splitlines()[0]
    assert first.startswith("User") is is_table


def test_a_block_has_a_line_for_each_column() -> None:
    """Below a ruled line, label first, nothing cut."""
    assert drawn(40, encoding="ascii").splitlines() == [
        "-" * 80,
        f"User    u_{'1' * 30}",
        "Status  requested",
        "Text    some words that may well be folded",
    ]
