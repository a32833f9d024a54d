import hashlib
import json
import random
import tracemalloc
from collections.abc import Generator, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketing_cli.domain.lines import RawLine, RejectReason
from marketing_cli.sources.gathering import Ending
from marketing_cli.sources.json_array import cut_elements
from unit.sources.reading import pieces

BAD = RejectReason.BAD_JSON
SIZES = [1, 2, 3, 7, 65536]


def cut(data: bytes, limit: int = 1024, chunk: int = 65536) -> tuple[list[RawLine], str | None]:
    """Return the elements and why the rest could not be cut."""
    problem: list[str | None] = []

    def run() -> Generator[RawLine, None, None]:
        ending: Ending = yield from cut_elements(pieces(data, chunk), limit)
        problem.append(ending.problem)

    lines = list(run())
    return lines, problem[0]


def outcome(line: RawLine) -> bytes | tuple[bytes, RejectReason]:
    """Return what was cut out, with the reason if it was refused."""
    return (line.raw, line.refusal.reason) if line.refusal else line.raw


@pytest.mark.parametrize("chunk", SIZES)
@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", []),
        (b" \n", []),
        (b"[]", []),
        (b" [ \n ] \n", []),
        (b"[1]", [b"1"]),
        (b"[12.5e+3,-1]", [b"12.5e+3", b"-1"]),
        (b'[{"a":1}\n,\r\n{"b":[2,3]} ]\n', [b'{"a":1}', b'{"b":[2,3]}']),
        (b'[{"a" :  [ ]\t}]', [b'{"a" :  [ ]\t}']),
        (rb'["],\"{", {"\\":"}"}]', [rb'"],\"{"', rb'{"\\":"}"}']),
        (b'["\xff\xc3", {"k\xe9":"\\ud800"}]', [b'"\xff\xc3"', b'{"k\xe9":"\\ud800"}']),
        (b"[NaN, null, true, 1e999]", [b"NaN", b"null", b"true", b"1e999"]),
        (b"[" + b"9" * 900 + b",1]", [b"9" * 900, b"1"]),
        (b'["a\nb", 2]', [b'"a\nb"', b"2"]),
    ],
)
def test_elements_are_cut_exactly(data: bytes, expected: list[bytes], chunk: int) -> None:
    """Each element comes out as the bytes it was written with, numbered from 1, whatever pieces the file comes in."""
    lines, problem = cut(data, chunk=chunk)

    assert [outcome(line) for line in lines] == expected
    assert [line.number for line in lines] == list(range(1, len(expected) + 1))
    assert problem is None


@pytest.mark.parametrize("chunk", SIZES)
@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'[{"a":1},{"a":},{"b":2}]', [b'{"a":1}', b'{"a":}', b'{"b":2}']),
        (b"[{'a':[1,2]} , 3]", [b"{'a':[1,2]}", b"3"]),
        (b'[{"a":1} {"b":2},3]', [b'{"a":1} {"b":2}', b"3"]),
        (b'[{"a":1}},{"b":2}]', [b'{"a":1}}', b'{"b":2}']),
        (b"[tru,1. ,-,2]", [b"tru", b"1.", b"-", b"2"]),
        (b'[{"a":1,},2]', [b'{"a":1,}', b"2"]),
        (b"[1 /* , */,2]", [b"1 /*", b"*/", b"2"]),
        (b"[1,2,]", [b"1", b"2", (b"", BAD)]),
        (b"[1,,2]", [b"1", (b"", BAD), b"2"]),
        (b"[,]", [(b"", BAD), (b"", BAD)]),
    ],
)
def test_a_bad_element_is_handed_out_alone(
    data: bytes, expected: list[bytes | tuple[bytes, RejectReason]], chunk: int
) -> None:
    """An element that is no JSON, but whose end can be found, does not touch the elements around it."""
    lines, problem = cut(data, chunk=chunk)

    assert [outcome(line) for line in lines] == expected
    assert problem is None


@pytest.mark.parametrize("chunk", SIZES)
@pytest.mark.parametrize(
    ("data", "expected", "problem"),
    [
        (b'[{"a":1},{"b":2}', [b'{"a":1}', b'{"b":2}', (b"", BAD)], "not closed: the input ends after its element 2"),
        (b'[{"a":1} \n', [b'{"a":1}', (b"", BAD)], "ends after its element 1"),
        (b'[{"a":1},\n', [b'{"a":1}', (b"", BAD)], "ends after its element 1"),
        (b'[{"a":1}, {"b": [', [b'{"a":1}', (b'{"b": [', BAD)], "ends after its element 1"),
        (b'[{"a":1}, {"b": "x}, {"c":1}]', [b'{"a":1}', (b'{"b": "x}, {"c":1}]', BAD)], "ends after its element 1"),
        (b"[1,2", [b"1", (b"2", BAD)], "ends after its element 1"),
        (b'["a\\', [(b'"a\\', BAD)], "ends after its element 0"),
        (b"[", [(b"", BAD)], "ends after its element 0"),
        (b'[1] {"a":1}\n', [b"1", (b'{"a":1}', BAD)], "more text after the `]`"),
        (b"[][]", [(b"[]", BAD)], "more text after the `]`"),
        (b"[1]]", [b"1", (b"]", BAD)], "more text after the `]`"),
        (b'{"a":1}\n{"b":2}\n', [(b'{"a":1}\n{"b":2}', BAD)], "does not begin with `[`"),
    ],
)
def test_what_cannot_be_cut_is_one_refusal(
    data: bytes, expected: list[bytes | tuple[bytes, RejectReason]], problem: str, chunk: int
) -> None:
    """Where no end can be found the elements before are kept, and all the rest is one refused line."""
    lines, found = cut(data, chunk=chunk)

    assert [outcome(line) for line in lines] == expected
    assert found is not None
    assert problem in found
    assert lines[-1].number == len(lines)


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
documents = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4)
)
spaces = st.text(" \t\n\r", max_size=3)


@given(
    elements=st.lists(st.tuples(spaces, documents, spaces), max_size=6),
    ascii_only=st.booleans(),
    indent=st.sampled_from([None, 1]),
    chunk=st.integers(1, 60),
)
def test_any_json_round_trips(
    elements: list[tuple[str, object, str]],
    ascii_only: bool,
    indent: int | None,
    chunk: int,
) -> None:
    """Any JSON values, spread by any white space and cut into any pieces, come out as the same bytes."""
    texts = [json.dumps(value, ensure_ascii=ascii_only, indent=indent) for _, value, _ in elements]
    joined = ",".join(before + text + after for text, (before, _, after) in zip(texts, elements, strict=True))
    lines, problem = cut(f"[{joined}]".encode(), limit=1_000_000, chunk=chunk)

    assert [outcome(line) for line in lines] == [text.encode() for text in texts]
    assert problem is None


@given(data=st.text('[]{},:"\\ \n1a', max_size=40), chunk=st.integers(1, 10))
def test_pieces_do_not_matter(data: str, chunk: int) -> None:
    """Whatever the text, hostile or not, it is cut the same in small pieces as in one."""
    text = b"[" + data.encode()

    assert cut(text, chunk=chunk) == cut(text)


@given(data=st.text('[]{},:"\\ \n1a', max_size=40))
def test_no_byte_is_lost(data: str) -> None:
    """All that is not white space or a separator is in some line, in order."""
    lines, _ = cut(b"[" + data.encode())
    rest = data.encode()
    for raw in [line.raw for line in lines if line.raw]:
        before, found, rest = rest.partition(raw)
        assert found == raw
        assert not before.strip(b" \n,]")
    assert not rest.strip(b" \n,]")


@pytest.mark.parametrize("chunk", [1, 5, 65536])
@pytest.mark.parametrize(
    "element", [b'"' + b"x" * 40 + b'"', b"[" * 21 + b"]" * 21, b'{"a": [1,  "b" , {}], "c":"]]]]]\\""}', b"?" * 42]
)
def test_an_element_over_the_limit_is_refused_alone(element: bytes, chunk: int) -> None:
    """The limit holds for each element, without the white space around it; the next element is fine."""
    data = b"[ " + element + b" \n\t , 1]"
    (long, after), problem = cut(data, limit=len(element) - 1, chunk=chunk)
    (fits, _), _ = cut(data, limit=len(element), chunk=chunk)

    assert outcome(long) == (element, RejectReason.LINE_TOO_LONG)
    assert (long.length, long.sha256) == (len(element), hashlib.sha256(element).digest())
    assert outcome(after) == b"1"
    assert outcome(fits) == element
    assert problem is None


@pytest.mark.parametrize("depth", [5_000, 200_000])
def test_deep_nesting_is_handed_out(depth: int) -> None:
    """An element nested deeper than any parser likes is cut out like another one."""
    deep = b"[" * depth + b"]" * depth
    lines, problem = cut(b"[1," + deep + b",2]", limit=1_000_000)

    assert [line.raw for line in lines] == [b"1", deep, b"2"]
    assert problem is None


@pytest.mark.parametrize("filling", [b"x", b" ", b"1,", b'"\\"{"'], ids=["text", "space", "numbers", "strings"])
def test_a_huge_element_needs_little_memory(filling: bytes) -> None:
    """An element of 60 MB, or as much white space, is passed in less than 6 MB; the next element is fine."""
    block = filling * (65536 // len(filling))
    opening, closing = {b"x": (b'"', b'"'), b" ": (b"7", b"")}.get(filling, (b"[", b"1]"))

    def huge() -> Iterator[bytes]:
        yield b"[" + opening
        for _ in range(960):
            yield block
        yield closing + b',{"a":1}]'

    tracemalloc.start()
    first, second = cut_elements(huge(), 1024 * 1024)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    if filling == b" ":
        assert first == RawLine(1, b"7")
    else:
        assert first.refusal is not None
        assert first.refusal.reason is RejectReason.LINE_TOO_LONG
        assert first.length == 960 * len(block) + len(opening + closing)
    assert second == RawLine(2, b'{"a":1}')
    assert peak < 6_000_000


def test_a_broken_array_costs_no_more_than_its_length() -> None:
    """Thousands of bad elements, or one that never ends, are each looked at a bounded number of times."""
    rng = random.Random(7)  # noqa: S311
    soup = b"[" + bytes(rng.choice(b'[]{},:"\\1a') for _ in range(300_000))
    for data in (b"[" + b"tru," * 20_000 + b"1]", b"[" + b'{"a":' * 60_000, soup):
        lines, _ = cut(data, limit=100_000)
        assert sum(line.length or len(line.raw) for line in lines) <= len(data)
