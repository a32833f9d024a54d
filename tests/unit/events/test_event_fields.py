"""The fields of an event: what each takes, and what becomes of everything else."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from marketing_cli.domain.events import EventFacts
from marketing_cli.domain.lines import Reject
from marketing_cli.schemas.event import EventIn, faults_of
from support.events import MISSING, make_event

ID_FIELDS = ["user_id", "event_type", "event_id"]


@pytest.mark.parametrize("field", ID_FIELDS)
@pytest.mark.parametrize(
    "text",
    [
        "a",
        "x" * 255,
        "\U0001f600" * 255,
        "A ",
        " a",
        "\u200ba",
        "\u3164",
        "\u2800",
        "e\u0301",
        "\x01",
        "\x7f",
        "null",
        "-",
    ],
)
def test_ids_are_taken_as_they_are(field: str, text: str, accept: Callable[..., EventIn]) -> None:
    """Any text of 1 to 255 characters is an id, unchanged, if anything of it is no space or format character."""
    assert getattr(accept(make_event(**{field: text})), field) == text


@pytest.mark.parametrize("field", ID_FIELDS)
@pytest.mark.parametrize(
    "value",
    [
        *("", " ", "\t", "\n", "\x1f", "\u00a0", "\u2028", "\u3000", "\u200b", "\ufeff", "\u202e \u00ad", "\U000e0041"),
        *("x" * 256, "\U0001f600" * 256, " " * 256),
        *(True, False, 1.0, 1.5, [], ["a"], {}, {"id": "a"}),
    ],
    ids=ascii,
)
def test_other_ids_are_bad_values(field: str, value: Any, refuse: Callable[..., Reject]) -> None:
    """Blank, over-long and other values are refused, and the detail names the field."""
    reject = refuse(make_event(**{field: value}))
    assert (reject.reason, reject.detail.split(":")[0]) == ("bad_value", field)


@pytest.mark.parametrize("number", [0, 42, -1, 2**63 - 1, -(2**63)])
def test_an_integer_user_is_its_decimal_text(number: int, accept: Callable[..., EventIn]) -> None:
    """A JSON integer names the same user as its digits in text."""
    assert accept(make_event(user_id=number)).user_id == str(number)
    assert accept(json.dumps(make_event(user_id="?")).replace('"?"', "-0")).user_id == "0"


@pytest.mark.parametrize("field", ["event_type", "event_id"])
def test_only_users_may_be_integers(field: str, refuse: Callable[..., Reject]) -> None:
    """An integer is no type and no event id."""
    assert refuse(make_event(**{field: 42})).reason == "bad_value"


@pytest.mark.parametrize(
    ("given", "own_id", "left"),
    [
        ({"event_id": "e"}, "e", {}),
        ({"event_id": "e", "message_id": "m", "messageId": 5}, "e", {"message_id": "m", "messageId": 5}),
        ({"message_id": "m"}, "m", {}),
        ({"messageId": "i", "message_id": "m"}, "m", {"messageId": "i"}),
        ({"messageId": "i"}, "i", {}),
        ({"event_id": None, "messageId": "i", "message_id": None}, "i", {"message_id": None}),
        ({"event_id": None}, None, {}),
        ({"event_id": None, "message_id": None, "messageId": None}, None, {"message_id": None, "messageId": None}),
        ({}, None, {}),
    ],
)
def test_own_id(
    given: dict[str, Any], own_id: str | None, left: dict[str, Any], accept: Callable[..., EventIn]
) -> None:
    """The first of three fields that is not null gives the id; those that are not used stay in `extra`."""
    event = accept(make_event(event_id=MISSING) | given)
    assert (event.event_id, event.extra, event.has_own_id) == (own_id, left, own_id is not None)
    assert event.event_key == (own_id or event.content_hash.hex())


@pytest.mark.parametrize("field", ["message_id", "messageId"])
def test_a_bad_id_is_refused_under_its_own_name(field: str, refuse: Callable[..., Reject]) -> None:
    """An id that is taken from another field is checked there; no further field is tried."""
    reject = refuse(make_event(event_id=None, messageId="i") | {field: ""})
    assert (reject.reason, reject.detail.split(":")[0]) == ("bad_value", field)


@pytest.mark.parametrize("field", ["properties", "user_traits"])
@pytest.mark.parametrize("value", [{}, {"b": 1, "a": [1.0, -0.0, 1e22, {"z": None, "y": True}], "": "\u200b"}])
def test_objects_are_kept_whole(field: str, value: dict[str, Any], accept: Callable[..., EventIn]) -> None:
    """Every key, order and value of an object is kept."""
    assert repr(getattr(accept(make_event(**{field: value})), field)) == repr(value)


@pytest.mark.parametrize("field", ["properties", "user_traits"])
@pytest.mark.parametrize("value", [None, MISSING])
def test_objects_may_be_missing(field: str, value: Any, accept: Callable[..., EventIn]) -> None:
    """A null object is as good as none."""
    event = accept(make_event(**{field: value}))
    assert getattr(event, field) is None
    assert event.extra == {}


@pytest.mark.parametrize("field", ["properties", "user_traits"])
@pytest.mark.parametrize("value", [[], "", "{}", 0, False, True, [{}]])
def test_objects_must_be_objects(field: str, value: Any, refuse: Callable[..., Reject]) -> None:
    """Any other value is refused."""
    reject = refuse(make_event(**{field: value}))
    assert (reject.reason, reject.detail) == ("bad_value", f"{field}: must be an object or null")


def test_everything_else_is_extra(accept: Callable[..., EventIn]) -> None:
    """Unknown keys are kept in their order, also where the model has an attribute of that name."""
    names = ["z", "extra", "content_hash", "event_key", "model_config", "__class__", "facts", "a.b", "", "user_ID"]
    unknown = {name: [name, None] for name in names}
    event = accept(unknown | make_event())
    assert list(event.extra.items()) == list(unknown.items())
    assert event.event_key == "evt_1"
    assert len(event.content_hash) == 32


def test_the_last_of_equal_keys_wins(accept: Callable[..., EventIn]) -> None:
    """Of two equal keys the last one counts on every level, escaped or not."""
    line = json.dumps(make_event(properties={"p": 0}, user_id="first"))[:-1]
    event = accept(
        line.replace('"p": 0', r'"p": 0, "q": 1, "\u0070": 2') + r', "user_\u0069d": "last", "x": 1, "x": 2}'
    )
    assert (event.user_id, event.properties, event.extra) == ("last", {"p": 2, "q": 1}, {"x": 2})


@pytest.mark.parametrize("line", ["", " ", "\t \r", "\r"])
def test_white_space_is_a_blank_line(line: str, parse: Callable[..., Any]) -> None:
    """A line of JSON white space is neither an event nor a reject, a last one without line end neither."""
    assert parse(line) is None
    assert parse(line, is_tail=True) is None


@pytest.mark.parametrize("line", ["\x0b", "\x0c", "\u00a0", "\u2028", "\x00"])
def test_other_space_is_not_blank(line: str, refuse: Callable[..., Reject]) -> None:
    """White space that JSON does not know is no blank line."""
    assert refuse(line).reason == "bad_json"


def test_white_space_around_an_event(accept: Callable[..., EventIn]) -> None:
    """An event may be indented, and one cut out of an array may have several lines."""
    assert accept(f" \t{json.dumps(make_event(), indent=1)} \r").event_id == "evt_1"
    assert accept(json.dumps(make_event()), is_tail=True).event_id == "evt_1"


def test_facts(accept: Callable[..., EventIn]) -> None:
    """The rule engine gets the event as received, under the number of its row."""
    event = accept(make_event(properties={"amount": "3"}, x=1))
    assert event.facts(7) == EventFacts(
        id=7,
        key="evt_1",
        has_own_id=True,
        user_id="u_1",
        event_type="signup_completed",
        timestamp=datetime(2025, 11, 1, 10, tzinfo=UTC),
        properties={"amount": "3"},
        user_traits={"marketing_opt_in": True},
        extra={"x": 1},
    )


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ([], "not_an_object"),
        ("{}", "not_an_object"),
        (make_event(user_id=MISSING), "missing"),
        (make_event(user_id=None), "missing_field"),
        (make_event(user_id=2**63), "number_out_of_range"),
        (make_event(x=-(2**63) - 1), "number_out_of_range"),
        (make_event(x=float("nan")), "not_finite"),
        (make_event(properties={"a": [float("-inf")]}), "not_finite"),
        (make_event(x={"a\0": 1}), "nul_in_text"),
        (make_event(x=["\ud800"]), "bad_json"),
        (make_event(x={"\udfff": 1}), "bad_json"),
        (make_event(x={1: 1}), "bad_value"),
        (make_event(x=(1,)), "bad_value"),
        (make_event(x=b""), "bad_value"),
        (make_event(x=datetime(2025, 11, 1, tzinfo=UTC)), "bad_value"),
    ],
)
def test_programs_are_held_to_the_same_rules(event: Any, reason: str) -> None:
    """The model refuses by itself what a line could not hold."""
    with pytest.raises(ValidationError) as caught:
        EventIn.model_validate(event)
    assert faults_of(caught.value)[0]["type"] == reason


def test_programs_may_nest_as_deep_as_lines() -> None:
    """A hundred levels, the event included, and not one more."""
    deepest: list[Any] = []
    for _ in range(98):
        deepest = [deepest]
    assert EventIn.model_validate(make_event(x=deepest)).extra == {"x": deepest}
    with pytest.raises(ValidationError, match="nested 100 deep"):
        EventIn.model_validate(make_event(x=[deepest]))


def test_a_value_that_holds_itself_is_too_deep() -> None:
    """A program cannot make the model run in circles."""
    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises(ValidationError) as caught:
        EventIn.model_validate(make_event(x=circle))
    assert caught.value.errors()[0]["type"] == "too_deep"


def test_events_do_not_change(accept: Callable[..., EventIn]) -> None:
    """An event is what it was read as; a copy through its own fields is the same event."""
    event = accept(make_event(event_id=None, messageId="i", x=1))
    with pytest.raises(ValidationError):
        event.user_id = "someone else"  # type: ignore[misc]
    assert EventIn.model_validate(event) is event
    assert EventIn.model_validate(event.model_dump()) == event
