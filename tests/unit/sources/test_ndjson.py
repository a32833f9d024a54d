import hashlib
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketing_cli.domain.lines import RawLine, RejectReason
from marketing_cli.sources.gathering import LONG_LINE_BYTES
from marketing_cli.sources.ndjson import split_lines
from unit.sources.reading import pieces


def split(data: bytes, limit: int = 1024, chunk: int = 65536) -> list[RawLine]:
    """Return the lines of a file that is read in pieces of `chunk` bytes."""
    return list(split_lines(pieces(data, chunk), limit))


@pytest.mark.parametrize(
    ("data", "raws", "has_tail"),
    [
        (b"", [], False),
        (b"a\n", [b"a"], False),
        (b"a\nb", [b"a", b"b"], True),
        (b"a\r\nb\r\n", [b"a", b"b"], False),
        (b"a\r\r\n", [b"a\r"], False),
        (b"a\r", [b"a\r"], True),
        (b"\n \n\r\n", [b"", b" ", b""], False),
        (b"a\rb\n", [b"a\rb"], False),
        ("a\u2028b\x85c\x0bd\x0ce\n".encode(), ["a\u2028b\x85c\x0bd\x0ce".encode()], False),
        (b"\xff\n\0\n", [b"\xff", b"\0"], False),
    ],
)
@pytest.mark.parametrize("chunk", [1, 2, 3, 65536])
def test_lines_end_at_newline_only(data: bytes, raws: list[bytes], has_tail: bool, chunk: int) -> None:
    """A line ends at a newline and nowhere else, one carriage return before it is dropped, the tail is marked."""
    lines = split(data, chunk=chunk)

    assert [line.raw for line in lines] == raws
    assert [line.number for line in lines] == list(range(1, len(raws) + 1))
    assert [line.is_tail for line in lines] == [False] * (len(raws) - has_tail) + [True] * has_tail
    assert not any(line.refusal for line in lines)


@given(data=st.text("ab\r\n\0", max_size=60).map(str.encode) | st.binary(max_size=60), chunk=st.integers(1, 20))
def test_splitting_is_that_of_bytes_split(data: bytes, chunk: int) -> None:
    """Any bytes, in pieces of any size, come out as `split` at the newlines would have them."""
    *whole, tail = data.split(b"\n")
    expected = [line.removesuffix(b"\r") for line in whole] + ([tail] if tail else [])

    assert [line.raw for line in split(data, chunk=chunk)] == expected


@given(
    lines=st.lists(st.integers(0, 30).map(lambda length: b"x" * length), max_size=8),
    chunk=st.integers(1, 40),
    end=st.sampled_from([b"\n", b"\r\n"]),
)
def test_only_lines_over_the_limit_are_refused(lines: list[bytes], chunk: int, end: bytes) -> None:
    """The limit counts a line's bytes without its end, wherever the pieces are cut; the refusal tells the length."""
    limit = 12
    found = split(b"".join(line + end for line in lines), limit=limit, chunk=chunk)

    assert [line.raw for line in found] == lines
    for line, raw in zip(found, lines, strict=True):
        if len(raw) <= limit:
            assert (line.refusal, line.length, line.sha256) == (None, None, None)
        else:
            assert line.refusal is not None
            assert line.refusal.reason is RejectReason.LINE_TOO_LONG
            assert (line.length, line.sha256) == (len(raw), hashlib.sha256(raw).digest())


@pytest.mark.parametrize("end", [b"\n{}\n", b"\r\n{}\n", b"\n{}", b""])
def test_a_huge_line_needs_little_memory(end: bytes) -> None:
    """A line of 60 MB is refused with its start, length and digest, in less than 4 MB, and the next line is fine."""
    block, count = b"0123456789abcdef" * 4096, 960

    def huge() -> Iterator[bytes]:
        for _ in range(count):
            yield block
        yield end

    tracemalloc.start()
    first, *others = split_lines(huge(), 1024 * 1024)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    digest = hashlib.sha256()
    for _ in range(count):
        digest.update(block)
    assert first == RawLine(
        1, block[:LONG_LINE_BYTES], not end, first.refusal, length=len(block) * count, sha256=digest.digest()
    )
    assert first.refusal is not None
    assert first.refusal.reason is RejectReason.LINE_TOO_LONG
    assert "62914560" in first.refusal.detail
    assert [(line.number, line.raw) for line in others] == ([(2, b"{}")] if end else [])
    assert peak < 4_000_000
