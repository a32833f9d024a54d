"""Every text of the JSON test suite, as a whole line and as the value of a property."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from marketing_cli.domain.lines import Reject

DATA = Path(__file__).parents[2] / "data"
TEXTS = {path.name: path.read_bytes() for path in sorted((DATA / "JSONTestSuite" / "test_parsing").iterdir())}
with (DATA / "json_test_suite_answers.tsv").open(encoding="utf-8", newline="") as table:
    ANSWERS = {row["file"]: row for row in csv.DictReader(table, delimiter="\t")}

# Valid JSON, but no database can be trusted with this character.
HOLDING_NUL = {"y_object_escaped_null_in_key.json", "y_string_null_escape.json"}
NO_JSON = {"bad_json", "bad_utf8", "not_finite", "too_deep"}
WRAPPER = b'{"user_id":"u","event_type":"t","event_timestamp":"2025-11-01T10:00:00Z","properties":{"v":%s}}'


def names(kind: str) -> list[str]:
    """The texts of one kind."""
    return [name for name in TEXTS if name.startswith(kind)]


def answer(result: Any) -> str:
    """What became of a line, in a word."""
    if isinstance(result, Reject):
        return result.reason.value
    return "blank" if result is None else "accepted"


def test_the_suite_is_whole() -> None:
    """No text of the suite got lost, and each that parsers may treat either way has its answer."""
    assert [len(names(kind)) for kind in "yni"] == [95, 188, 35]
    assert set(ANSWERS) == set(names("i_"))


@pytest.mark.parametrize("name", names("y_"))
def test_valid_json_is_kept_as_a_property(name: str, parse: Callable[..., Any]) -> None:
    """What every parser must accept is accepted, with the value that it stands for; but for NUL."""
    event = parse(WRAPPER % TEXTS[name])
    if name in HOLDING_NUL:
        assert answer(event) == "nul_in_text"
    else:
        assert repr(event.properties["v"]) == repr(json.loads(TEXTS[name]))


@pytest.mark.parametrize("name", names("y_"))
def test_valid_json_that_is_no_event_is_named_so(name: str, parse: Callable[..., Any]) -> None:
    """A valid value on a line of its own is no object, or an object that lacks everything."""
    expected = "missing_field" if isinstance(json.loads(TEXTS[name]), dict) else "not_an_object"
    assert answer(parse(TEXTS[name])) == ("nul_in_text" if name in HOLDING_NUL else expected)


@pytest.mark.parametrize("name", names("n_"))
def test_invalid_json_is_refused(name: str, parse: Callable[..., Any]) -> None:
    """What no parser may accept is refused as JSON, on its own and within an event; only white space is blank."""
    blank = not TEXTS[name].strip()
    assert answer(parse(TEXTS[name])) in ({"blank"} if blank else NO_JSON)
    assert answer(parse(WRAPPER % TEXTS[name])) in NO_JSON


@pytest.mark.parametrize("name", names("n_"))
def test_an_unfinished_last_line_may_not_be_done(name: str, parse: Callable[..., Any]) -> None:
    """Without a line end, a line that is not whole JSON is a truncated tail, and nothing else is."""
    whole = answer(parse(TEXTS[name]))
    expected = "truncated_tail" if whole in {"bad_json", "bad_utf8"} else whole
    assert answer(parse(TEXTS[name], is_tail=True)) == expected


@pytest.mark.parametrize("name", names("i_"))
def test_what_parsers_may_decide_is_decided(name: str, parse: Callable[..., Any]) -> None:
    """Where parsers differ, this one does what the table of answers says."""
    assert answer(parse(TEXTS[name])) == ANSWERS[name]["as a line"]
    assert answer(parse(WRAPPER % TEXTS[name])) == ANSWERS[name]["as a property"]
