import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketing_cli.domain.lines import InputState, RejectReason
from marketing_cli.sources.reader import MAX_LINE_BYTES
from marketing_cli.sources.sniffing import InputFormat, Start, format_of
from unit.sources.reading import pieces, read_file, read_stdin

DEEP = b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}"


@pytest.mark.parametrize("chunk", [1, 7, 65536])
@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "ndjson"),
        (b"\n \n", "ndjson"),
        (b"[1]", "array"),
        (b" \r\n\t[", "array"),
        (b'{"a":1}', "ndjson"),
        (b'{"a":1}\n{"b":2}\n', "ndjson"),
        (b'{"a":1}\n{"b":', "ndjson"),
        (b'{"a":1}\r\n\r\n', "ndjson"),
        (b'\n{"a":1}\n', "ndjson"),
        (b'{\n"a":1\n}\n', "object"),
        (b'{"a":1,\n"b":2}', "object"),
        (b'\n  {\n  "a": [\n{}]}  \n\n', "object"),
        (b'{\n"a":NaN}', "object"),
        (b'{"\xff":\n1}', "object"),
        (b'{"a":\n' + b"9" * 5000 + b"}", "object"),
        (b"{\n" + DEEP[1:], "object"),
        (DEEP, "ndjson"),
        (DEEP + b"\n{", "ndjson"),
        (b'{"a":1\n{"b":2}\n', "ndjson"),
        (b'{\n"a":1}\n{"b":2}\n', "ndjson"),
        (b'{\n"a":1}\n{\n"b":2}\n', "ndjson"),
        (b'{\n"a":1', "ndjson"),
        (b"1\n2\n", "ndjson"),
        (b'"a"\n[1]\n', "ndjson"),
        (b"garbage\n", "ndjson"),
    ],
)
def test_the_format_is_seen_from_the_text(data: bytes, expected: str, chunk: int) -> None:
    """`[` means an array, one object over several lines an object, all else lines; in pieces of any size."""
    assert format_of(Start(pieces(data, chunk)), MAX_LINE_BYTES) == expected


@pytest.mark.parametrize(("length", "expected"), [(100, "object"), (101, "ndjson")])
def test_an_object_may_be_as_long_as_a_line(length: int, expected: str) -> None:
    """An object over the line limit is not looked for: it would have to be kept in memory to be known."""
    data = b'{\n"a":"' + b"x" * (length - 9) + b'"}'
    assert len(data) == length

    assert format_of(Start(pieces(data + b"\n", 10)), limit=100) == expected


def test_a_stream_is_not_read_further_than_needed() -> None:
    """A first line that is whole decides at once, and an endless stream is looked at no further than the limit."""
    taken = []

    def endless(block: bytes) -> Iterator[bytes]:
        while True:
            taken.append(len(block))
            yield block

    assert format_of(Start(endless(b'{"a":1}\n')), 10_000) is InputFormat.NDJSON
    assert taken == [8]
    for block in (b" " * 100, b'{"a":1,', b"{\n"):
        taken.clear()
        assert format_of(Start(endless(block)), 10_000) is InputFormat.NDJSON
        assert sum(taken) < 11_000


@given(data=st.binary(max_size=40), chunk=st.integers(1, 5))
def test_looking_loses_nothing(data: bytes, chunk: int) -> None:
    """After any look at its start, all of a stream is still there."""
    start = Start(pieces(data, chunk))
    format_of(start, 20)

    assert b"".join(start.all_chunks()) == data


@pytest.mark.parametrize(
    ("wanted", "data", "expected"),
    [
        ("ndjson", b"[1,\n2]\n", ([b"[1,", b"2]"], [], "done")),
        ("ndjson", b'{\n"a":1}\n', ([b"{", b'"a":1}'], [], "done")),
        ("array", b'{"a":1}\n{"b":2}\n', ([b'{"a":1}\n{"b":2}'], [(1, RejectReason.BAD_JSON)], "truncated")),
        ("array", b" \n", ([], [], "done")),
        ("object", b'{"a":1}\n', ([b'{"a":1}'], [], "done")),
        ("object", b' {"a":1}\n{"b":2}\n', ([b'{"a":1}\n{"b":2}'], [], "done")),
        ("object", b"[1, 2]\n", ([b"[1, 2]"], [], "done")),
        ("object", b"\n \n", ([], [], "done")),
        ("object", b'"' + b"x" * 200 + b'"\n', ([b'"' + b"x" * 200 + b'"'], [(1, RejectReason.LINE_TOO_LONG)], "done")),
    ],
)
def test_a_format_that_was_asked_for_is_taken(
    tmp_path: Path, wanted: str, data: bytes, expected: tuple[list[bytes], list[tuple[int, RejectReason]], str]
) -> None:
    """The format asked for is used even where it does not fit; what does not fit is refused, not a crash."""
    path = tmp_path / "events"
    path.write_bytes(data)
    result = read_file(path, wanted, limit=100, chunk=3)

    assert (result.raws, result.refusals, result.state) == expected
    assert result.reader.format == wanted


@pytest.mark.parametrize(
    ("data", "is_tail"),
    [(b'{\n"a":1}\n', False), (b'{\n"a":1}', True), (b'{\n"a":1} ', True), (b'{\n"a":1}\n\n', False)],
)
def test_an_object_is_one_line(tmp_path: Path, data: bytes, is_tail: bool) -> None:
    """An object over several lines is line 1, without the white space around it."""
    path = tmp_path / "events.json"
    path.write_bytes(data)
    (line,) = read_file(path).lines

    assert (line.number, line.raw, line.is_tail, line.refusal) == (1, b'{\n"a":1}', is_tail, None)


@pytest.mark.parametrize(
    ("data", "raws"),
    [
        (b'\xef\xbb\xbf{"a":1}\n\xef\xbb\xbf{}\n', [b'{"a":1}', b"\xef\xbb\xbf{}"]),
        (b"\xef\xbb\xbf[1]", [b"1"]),
        (b"\xef\xbb\xbf{\n}", [b"{\n}"]),
        (b"\xef\xbb\xbf", []),
        (b"\xef\xbb\xbf\xef\xbb\xbf{}\n", [b"\xef\xbb\xbf{}"]),
        (b"\xef\xbb", [b"\xef\xbb"]),
    ],
)
def test_a_byte_order_mark_at_the_start_is_dropped(data: bytes, raws: list[bytes]) -> None:
    """One mark at the very start goes unseen, whatever the format; anywhere else it belongs to its line."""
    assert read_stdin(data).raws == raws


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("utf-16", "UTF-16"),
        ("utf-16-le", "UTF-16"),
        ("utf-16-be", "UTF-16"),
        ("utf-32", "UTF-32"),
        ("utf-32-le", "UTF-32"),
        ("utf-32-be", "UTF-32"),
    ],
)
@pytest.mark.parametrize("text", ['{"a":1}\n{"b":2}\n' * 9000, "[1,2]"])
def test_other_encodings_are_named(tmp_path: Path, encoding: str, name: str, text: str) -> None:
    """A text in UTF-16 or UTF-32 is one refusal that names it, not one for each line, and no events."""
    data = text.encode(encoding)
    path = tmp_path / "events.json"
    path.write_bytes(data)
    result = read_file(path, limit=100)
    (line,) = result.lines

    assert result.refusals == [(1, RejectReason.BAD_UTF8)]
    assert line.refusal is not None
    assert name in line.refusal.detail
    assert name in result.message
    assert result.state is InputState.TRUNCATED
    assert line.raw == data[:65536]
    assert line.length == (len(data) if len(data) > 100 else None)


def zip_archive() -> bytes:
    """A small zip archive."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("events.json", "{}")
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "name"),
    [(zip_archive(), "a zip archive"), (b"BZh91AY&SY", "a bzip2 archive"), (b"PAR1\x15\x04", "a Parquet file")],
)
def test_other_formats_are_named(data: bytes, name: str) -> None:
    """A file that is no text is not cut into lines, but named."""
    result = read_stdin(data)

    assert (result.lines, result.state) == ([], InputState.UNREADABLE)
    assert name in result.message
