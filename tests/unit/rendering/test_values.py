"""JSON values keep their meaning wherever they are shown."""

import json
import math
from datetime import UTC, datetime
from typing import Any

import pytest

from marketing_cli.rendering import inline_json, render_json, shown
from marketing_cli.rendering.values import pretty_json


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "-"),
        ("", '""'),
        ("text", "text"),
        ("a\nb", "a\\u000ab"),
        (True, "true"),
        (-3, "-3"),
        (12.5, "12.5"),
        ({"a": [1, None]}, '{"a": [1, null]}'),
        (datetime(2025, 11, 1, 10, tzinfo=UTC), "2025-11-01T10:00:00Z"),
    ],
)
def test_values_in_tables(value: Any, expected: str) -> None:
    """Nothing and the empty text can be told apart."""
    assert shown(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("3", '"3"'),
        (3, "3"),
        (None, "null"),
        ("null", '"null"'),
        ("Zoë\u202e", '"Zoë\\u202e"'),
        ("\U000e0041", '"\\udb40\\udc41"'),
    ],
)
def test_inline_json_tells_types_apart(value: Any, expected: str) -> None:
    """Text is in quotes, invisible characters are escaped as JSON does."""
    assert inline_json(value) == expected


def test_json_for_people_is_still_json(naughty: list[str], hidden_in: Any) -> None:
    """What people see can be copied into a program and gives the same value."""
    for text in naughty:
        for seen in (inline_json({text: [text]}), "\n".join(pretty_json({text: [text]}))):
            assert not hidden_in(seen)
            assert json.loads(seen) == {text: [text]}


def test_printed_json_is_ascii_and_loses_nothing(naughty: list[str], printed: Any) -> None:
    """One JSON value, one final line feed, nothing but ASCII."""
    prints = printed()
    value = {"strings": naughty, "at": [1, 2.5, None, True, {"deep": {}}]}
    render_json(value, prints.streams)
    assert json.loads(prints.out) == value
    assert all(char == "\n" or " " <= char <= "~" for char in prints.out)
    assert prints.out.endswith("}\n")


def test_instants_in_json_are_utc(printed: Any) -> None:
    """Instants anywhere in a value are printed as text with a Z."""
    prints = printed()
    render_json({"at": [datetime(2025, 11, 1, 10, tzinfo=UTC)]}, prints.streams)
    assert json.loads(prints.out) == {"at": ["2025-11-01T10:00:00Z"]}


@pytest.mark.parametrize(
    ("value", "error"), [(math.nan, ValueError), ([math.inf], ValueError), ({"a": b"x"}, TypeError)]
)
def test_what_json_cannot_hold_is_refused(value: Any, error: type[Exception], printed: Any) -> None:
    """No invalid JSON is ever printed, nor half a value."""
    prints = printed()
    with pytest.raises(error):
        render_json(value, prints.streams)
    assert prints.out == ""
