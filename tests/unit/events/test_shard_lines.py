"""Whose a line is: a shard keeps what the full reading calls its user's, and passes over the rest unread."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketing_cli.domain.lines import RawLine, Refusal, RejectReason
from marketing_cli.domain.slots import Shard
from marketing_cli.errors import UsageError
from marketing_cli.services.line_parsing import ParseOptions, parse_line
from marketing_cli.services.sharding import SKIPPED, parse_own_line, shard_of
from support.digests import page_code
from support.events import MISSING, make_event

OPTIONS = ParseOptions()
GOOD = json.dumps(make_event())
DEEP = "[" * 101 + "]" * 101

# What is read → the user it belongs to; None is slice 0's.
LINES: list[tuple[str, str | None]] = [
    (GOOD, "u_1"),
    (json.dumps(make_event(user_id="é😀")), "é😀"),
    (json.dumps(make_event(user_id="é😀"), ensure_ascii=False), "é😀"),
    (json.dumps(make_event(user_id=42)), "42"),
    (json.dumps(make_event(user_id=-(2**63))), str(-(2**63))),
    (json.dumps(make_event(user_id="x" * 255)), "x" * 255),
    (json.dumps(make_event(properties={"user_id": "u_2"})), "u_1"),
    # The last of equal keys wins, however it is spelled.
    ('{"user_id": "u_2", ' + GOOD[1:], "u_1"),
    (GOOD[:-1] + ', "user_id": "u_2"}', "u_2"),
    (GOOD[:-1] + ', "user\\u005fid": "u_3"}', "u_3"),
    (GOOD[:-1] + ', "user_id": null}', None),
    (GOOD[:-1] + ', "user_id": null, "user_id": 7}', "7"),
    # Rejects with a user who can be read.
    (json.dumps(make_event(event_timestamp=MISSING)), "u_1"),
    (json.dumps(make_event(event_timestamp="2025-11-01T10:00:00")), "u_1"),
    (json.dumps(make_event(event_type=5)), "u_1"),
    (json.dumps(make_event(properties={"a": "\0"})), "u_1"),
    (json.dumps(make_event(properties={"a": "\ud800"})), "u_1"),
    (json.dumps(make_event(properties={"a": float("nan")})), "u_1"),
    (json.dumps(make_event(properties={"a": 2**63})), "u_1"),
    (GOOD[:-1] + ', "a": 1e400}', "u_1"),
    (GOOD[:-1] + f', "a": {DEEP}}}', "u_1"),
    (GOOD[:-1] + ', "user_id": "u_2", "a": "\\u0000"}', "u_2"),
    # Not needed, but looked at closely.
    (json.dumps(make_event(properties={"a": "1" * 40})), "u_1"),
    # Nobody's.
    ("", None),
    (" \t", None),
    ("nonsense", None),
    ("null", None),
    ('["user_id", "u_1"]', None),
    (GOOD[:-1], None),
    (GOOD + "}", None),
    (json.dumps(make_event(user_id=MISSING)), None),
    (json.dumps(make_event(user_id="")), None),
    (json.dumps(make_event(user_id=" \u200b")), None),
    (json.dumps(make_event(user_id="x" * 256)), None),
    (json.dumps(make_event(user_id=True)), None),
    (json.dumps(make_event(user_id=1.0)), None),
    (json.dumps(make_event(user_id=["u_1"])), None),
    (json.dumps(make_event(user_id="a\0")), None),
    (json.dumps(make_event(user_id="a\ud800")), None),
    (json.dumps(make_event(user_id=2**63)), None),
    (json.dumps(make_event(user_id=10**30)), None),
    (GOOD.replace('"u_1"', "NaN"), None),
]


def owner(content: Any) -> str | None:
    """The user that an event or a reject names."""
    return None if content is None else content.user_id


@pytest.mark.parametrize(("text", "user"), LINES, ids=lambda value: str(value)[:70])
def test_a_line_belongs_to_the_user_that_is_read_from_it(text: str, user: str | None) -> None:
    """To exactly one shard, which reads it like one process; whatever is wrong with the rest of it."""
    line = RawLine(1, text.encode())
    whole = parse_line(line, OPTIONS)
    assert owner(whole) == user
    for count in (1, 2, 3, 256):
        of_shards = [parse_own_line(line, OPTIONS, Shard(index, count)) for index in range(count)]
        index = page_code("slots.md")["shard"](user, count)
        assert of_shards[index] == whole
        assert [content for content in of_shards if content is not SKIPPED] == [whole]


def test_bytes_that_are_no_text_are_nobodys() -> None:
    """And so are lines that were not read at all, or not to their end."""
    refusal = Refusal(RejectReason.LINE_TOO_LONG, "too long")
    lines = [
        RawLine(1, GOOD.encode().replace(b"u_1", b"u\xff1")),
        RawLine(1, GOOD.encode(), refusal=refusal, length=2_000_000),
        RawLine(1, GOOD[:-5].encode(), is_tail=True),
    ]
    for line in lines:
        assert parse_own_line(line, OPTIONS, Shard(0, 2)) == parse_line(line, OPTIONS)
        assert parse_own_line(line, OPTIONS, Shard(1, 2)) is SKIPPED


KEYS = st.sampled_from(
    ["user_id", "user\\u005fid", "event_id", "event_type", "event_timestamp", "properties", "User_id"]
)
VALUES = st.one_of(
    st.sampled_from(
        ['"u_1"', '"u\\u005f1"', '"u_2"', "7", "-0", "7.0", "null", "true", "NaN", '""', '"\\u0000"', DEEP]
    ),
    st.sampled_from(
        ['"\\ud800"', '"2025-11-01T10:00:00Z"', '{"user_id": "u_3"}', "9223372036854775808", "1e999", "01"]
    ),
    st.text(max_size=5).map(json.dumps),
    st.integers().map(str),
)
MEMBERS = st.lists(st.tuples(KEYS, VALUES), max_size=8)


@given(members=MEMBERS, cut=st.integers(-4, 0), is_tail=st.booleans())
def test_shards_share_whatever_lines_there_are(members: list[tuple[str, str]], cut: int, is_tail: bool) -> None:
    """Made of equal keys, strange values and missing ends: one shard reads it as one process does."""
    text = "{" + ", ".join(f'"{key}": {value}' for key, value in members) + "}"
    line = RawLine(1, text[: cut or None].encode(), is_tail=is_tail)
    whole = parse_line(line, OPTIONS)
    index = page_code("slots.md")["shard"](owner(whole), 3)
    expected = [whole if place == index else SKIPPED for place in range(3)]
    assert [parse_own_line(line, OPTIONS, Shard(place, 3)) for place in range(3)] == expected


@pytest.mark.parametrize(
    ("text", "shard"), [("0/1", (0, 1)), ("2/3", (2, 3)), ("255/256", (255, 256)), ("01/2", (1, 2))]
)
def test_a_shard_is_read(text: str, shard: tuple[int, int]) -> None:
    """Counted from 0."""
    assert shard_of(text) == Shard(*shard)


@pytest.mark.parametrize(
    "text",
    [
        "2/2",
        "-1/3",
        "a/b",
        "0/257",
        "",
        "1",
        "/",
        "1/",
        "/2",
        "0/0",
        "1/2/3",
        "1.0/2",
        "+1/2",
        "\u0661/2",
        "0 / 2",
        "9" * 99,
    ],
)
def test_what_is_no_shard_is_refused(text: str) -> None:
    """In words that say what is one."""
    with pytest.raises(UsageError, match=r"--shard takes I/N, slice I of N counted from 0, N at most 256"):
        shard_of(text)


def test_who_counts_from_one_is_told_the_slices() -> None:
    """The commonest mistake."""
    with pytest.raises(UsageError, match=r"not '4/4'\. The slices of 4 are 0/4 to 3/4\."):
        shard_of("4/4")
