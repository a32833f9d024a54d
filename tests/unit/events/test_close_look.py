"""The quick way through a line and the close look at it agree."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketing_cli.schemas.event import EventIn
from marketing_cli.schemas.json_text import diagnose, needs_close_look
from marketing_cli.services import line_parsing
from support.events import make_event

TEXTS = [path.read_bytes() for path in sorted(Path(__file__).parents[2].glob("data/JSONTestSuite/test_parsing/*"))]
PIECES = [
    *(
        "\\u0000",
        "\\\\u0000",
        "\\ud800",
        "\\ud83d\\ude00",
        "1e308",
        "1e309",
        "9e00308",
        "1E+400",
        "1e-400",
        "NaN",
        "Infinity",
    ),
    *(
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775809",
        "0" * 19,
        "9" * 18,
        "9" * 19,
        "9" * 310 + ".5",
    ),
    *(
        "-0",
        "-",
        ".",
        "e5",
        "e999",
        '"',
        "\\",
        ",",
        ":",
        "{",
        "}",
        "[",
        "]",
        " ",
        "\t",
        "\0",
        "é",
        "\ufeff",
        "true",
        "null",
    ),
    *("[" * 60, "]" * 60, '{"a":' * 60, "}" * 60, '"a":', '"user_id":'),
]

NUMBERS = st.one_of(
    st.integers(-(2**70), 2**70).map(str),
    st.from_regex(r"-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,4})?", fullmatch=True),
)
STRINGS = st.lists(st.sampled_from([*"a1e0[{", "\\u0000", "\\\\u0000", "\\u00e9", "e999", "9" * 19])).map(
    lambda parts: f'"{"".join(parts)}"'
)
JSON_TEXT = st.recursive(
    NUMBERS | STRINGS | st.sampled_from(["null", "true", "NaN", "[" * 98 + "]" * 98]),
    lambda inner: (
        st.lists(inner, max_size=4).map(lambda items: f"[{', '.join(items)}]")
        | st.lists(st.tuples(STRINGS, inner), max_size=4).map(
            lambda items: "{" + ",".join(f"{key}:{item}" for key, item in items) + "}"
        )
    ),
    max_leaves=8,
)
LINE = json.dumps(make_event(properties={"v": "?"}))


def outcome(result: Any) -> Any:
    """What became of a line, for comparing."""
    return repr(result) if isinstance(result, EventIn) else result and (result.reason, result.detail, result.user_id)


def assert_agreement(raw: bytes, parse: Callable[..., Any]) -> None:
    """The line ends the same way when it is looked at closely."""
    quick = outcome(parse(raw))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(line_parsing, "needs_close_look", lambda _: True)
        assert outcome(parse(raw)) == quick


@given(text=JSON_TEXT)
def test_on_json(text: str, parse: Callable[..., Any]) -> None:
    """Whatever the values, looking closely at each line would change nothing."""
    assert_agreement(LINE.replace('"?"', text).encode(), parse)


@given(
    text=st.sampled_from(TEXTS), pieces=st.lists(st.tuples(st.integers(0, 400), st.sampled_from(PIECES)), max_size=4)
)
def test_on_damaged_text(text: bytes, pieces: list[tuple[int, str]], parse: Callable[..., Any]) -> None:
    """Nor would it on text that is no JSON; and whatever the parser refuses, the close look can name."""
    raw = text[:2000]
    for place, piece in pieces:
        raw = raw[:place] + piece.encode() + raw[place:]
    assert_agreement(raw, parse)
    result = parse(raw)
    assert isinstance(result, EventIn) or result is None or not result.detail.endswith("not valid JSON")


@pytest.mark.parametrize(
    ("text", "close"),
    [
        (LINE, False),
        ('{"id": "1e123", "n": 1e99, "m": 123456789012345678}', False),
        ('{"id": "5e0420a1e999"}', False),
        ('{"n": 1E+100}', False),
        ("[1234567890123456789]", True),
        (r'"\u0000"', True),
        ("[" * 101, True),
        ("[" * 100, False),
    ],
)
def test_ordinary_lines_need_no_close_look(text: str, close: bool, accept: Callable[..., EventIn]) -> None:
    """Ids in hexadecimal and numbers of ordinary size are let through at once."""
    assert needs_close_look(text.encode()) is close
    assert accept(LINE)


def test_a_close_look_finds_nothing_wrong_with_an_event() -> None:
    """A line that is in order has no refusal."""
    assert diagnose(LINE.encode()).refusal is None
