"""The content hash: as documented, blind to spelling, and sharp for values."""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketing_cli.schemas.content import EventContent, canonical_bytes, content_hash, differing_fields
from marketing_cli.schemas.event import EventIn
from support.events import MISSING, make_event

PAGE = (Path(__file__).parents[3] / "docs/content-hash.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"### (.+?)\n+```json\n(.*?)\n```\n+```text\n(.*?)\n```\n+```text\n(.*?)\n```", PAGE, re.DOTALL)
NOON = datetime(2025, 11, 1, 12, tzinfo=UTC)

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False), TEXTS
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner), max_leaves=10)
OBJECTS = st.dictionaries(TEXTS, VALUES)
LOOKALIKES = st.sampled_from([0, -0.0, 1, 1.0, True, False, None, "", "1", "1.0", [], {}, [1.0], {"": None}, 0.1, 1e22])


def hash_of(properties: dict[str, Any] | None = None, traits: dict[str, Any] | None = None) -> bytes:
    """The hash of an event of which all else is fixed."""
    return content_hash("u", "t", NOON, properties, traits)


@pytest.mark.parametrize(("title", "event", "text", "digest"), EXAMPLES)
def test_documented_examples(title: str, event: str, text: str, digest: str, accept: Callable[..., EventIn]) -> None:
    """Each example of the page has the hash that it says, and so has the text shown there."""
    assert title
    assert accept(event).content_hash.hex() == digest
    assert hashlib.sha256(text.encode()).hexdigest() == digest


def test_documented_code() -> None:
    """The code on the page gives the hashes of the examples."""
    (source,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    page: dict[str, Any] = {}
    exec(source, page)  # noqa: S102
    assert len(EXAMPLES) >= 4
    for _, event, text, digest in EXAMPLES:
        raw, (user_id, event_type, timestamp, *_) = json.loads(event), json.loads(text)
        found = page["content_hash"](user_id, event_type, timestamp, raw.get("properties"), raw.get("user_traits"))
        assert found == digest


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *((0, "0"), (-0.0, "0"), (1.0, "1"), (-1.0, "-1"), (1e15, "1000000000000000"), (1e16, "10000000000000000")),
        *((1e22, "1" + "0" * 22), (-1e22, "-1" + "0" * 22), (2**53 + 1, "9007199254740993"), (0.1, "0.1")),
        *((1e-5, "1e-05"), (1.25e-7, "1.25e-07"), (0.0001, "0.0001"), (5e-324, "5e-324"), (1e-100, "1e-100")),
        *(
            (123456.789, "123456.789"),
            (True, "true"),
            (None, "null"),
            ([1.0, {"b": 2.0, "a": [3.0]}], '[1,{"a":[3],"b":2}]'),
        ),
        *(("1.0,", '"1.0,"'), ("e+", '"e+"'), ("é/\x7f\u2028", '"é/\x7f\u2028"'), ('"\\\x01\n', r'"\"\\\u0001\n"')),
        ({"\uff5e": 1, "\U0001f600": 2, "b": 3, "B": 4, "": 5}, '{"":5,"B":4,"b":3,"\uff5e":1,"\U0001f600":2}'),
        (1e308, str(int(1e308))),
    ],
    ids=ascii,
)
def test_canonical_text(value: Any, text: str) -> None:
    """Equal values have one spelling."""
    assert canonical_bytes(value).decode() == text


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ({"properties": {}}, {"properties": None}),
        ({"properties": {}}, {"properties": MISSING}),
        ({"user_traits": {}}, {"user_traits": None}),
        ({"user_traits": {}}, {"user_traits": MISSING}),
        ({"event_id": "a"}, {"event_id": "b"}),
        ({"receivedAt": 1}, {"receivedAt": 2}),
        ({"message_id": "a"}, {}),
        ({"user_id": 42}, {"user_id": "42"}),
        ({"event_timestamp": "2025-11-01T10:00:00Z"}, {"event_timestamp": "2025-11-01 11:00:00.0000009+01:00"}),
    ],
)
def test_what_does_not_count(left: dict[str, Any], right: dict[str, Any], accept: Callable[..., EventIn]) -> None:
    """Ids, other top-level keys, spellings of one instant, and how an object is empty make no difference."""
    assert accept(make_event(**left)).content_hash == accept(make_event(**right)).content_hash


@pytest.mark.parametrize(
    "change",
    [
        {"user_id": "u_2"},
        {"event_type": "signup_completed "},
        {"event_timestamp": "2025-11-01T10:00:00.000001Z"},
        {"properties": {"a": None}},
        {"properties": {"marketing_opt_in": True}, "user_traits": None},
        {"user_traits": {"marketing_opt_in": 1}},
        {"user_traits": {"marketing_opt_in": "true"}},
    ],
)
def test_what_counts(change: dict[str, Any], accept: Callable[..., EventIn]) -> None:
    """Another user, type, instant, property or trait is another content."""
    assert accept(make_event()).content_hash != accept(make_event(**change)).content_hash


def test_the_timestamp_needs_a_zone() -> None:
    """An instant in any zone is hashed in UTC; a naive timestamp is no instant."""
    moved = NOON.astimezone(timezone(timedelta(hours=-5, minutes=-30)))
    assert content_hash("u", "t", moved) == content_hash("u", "t", NOON)
    with pytest.raises(ValueError, match="time zone"):
        content_hash("u", "t", NOON.replace(tzinfo=None))


def spell(value: Any, random: Random) -> str:
    """A JSON value in one of its many spellings."""
    gap = random.choice(["", " ", "\t\r"])
    if isinstance(value, dict):
        members = [f"{gap}{spell(key, random)}{gap}:{spell(item, random)}{gap}" for key, item in value.items()]
        return "{" + ",".join(random.sample(members, len(members))) + gap + "}"
    if isinstance(value, list):
        return f"[{gap}" + f"{gap},".join(spell(item, random) for item in value) + "]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=random.random() < 0.5)
    if isinstance(value, bool) or value is None:
        return gap + json.dumps(value)
    return gap + random.choice(spellings(value)) + gap


def spellings(number: float) -> list[str]:
    """A number as integer, with a point and with an exponent, as far as that is the same number."""
    exact = isinstance(number, float) or abs(number) <= 2**53
    forms = [repr(number), f"{number:.1f}", f"{number:.20e}", f"{number:.25E}", f"{number}e0", f"{number:.17g}"]
    whole = [str(int(number))] if number == int(number) and abs(number) < 2**63 else []
    readable = [form for form in forms if re.fullmatch(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?", form)]
    return whole + [form for form in readable if exact and float(form) == number] or [repr(number)]


@given(properties=OBJECTS, traits=OBJECTS, random=st.randoms(use_true_random=False))
def test_spelling_makes_no_difference(
    properties: dict[str, Any], traits: dict[str, Any], random: Random, accept: Callable[..., EventIn]
) -> None:
    """Key order, white space, escapes and the spelling of numbers leave the hash as it is."""
    event = {"user_id": "u", "event_type": "t", "event_timestamp": "2025-11-01T12:00:00Z"}
    line = spell(event | {"properties": properties, "user_traits": traits}, random)
    assert accept(line).content_hash == hash_of(properties, traits)


def same(left: Any, right: Any) -> bool:
    """Whether two JSON values are equal: numbers by value, true is not 1."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(item, right[key]) for key, item in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return isinstance(left, bool) == isinstance(right, bool) and left == right


@given(stored=OBJECTS, key=TEXTS, value=LOOKALIKES | VALUES, other=LOOKALIKES | VALUES)
def test_a_value_makes_a_difference(stored: dict[str, Any], key: str, value: Any, other: Any) -> None:
    """Hashes are equal just when the values are, and the fields that differ are named just when they are not."""
    left, right = stored | {key: value}, {key: other} | {k: v for k, v in stored.items() if k != key}
    assert (hash_of(left) == hash_of(right)) == same(value, other)
    assert hash_of(left) != hash_of(None, left)
    named = differing_fields(EventContent("t", NOON, left), EventContent("t", NOON, right))
    assert bool(named) != same(value, other)


@given(stored=OBJECTS)
def test_stored_json_has_the_same_hash(stored: dict[str, Any]) -> None:
    """What comes back from a JSON column is the same content."""
    assert hash_of(json.loads(json.dumps(stored))) == hash_of(stored)


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({}, []),
        ({"properties": {"a": 1.0, "b": {"c": [2]}}, "user_traits": {}}, []),
        ({"event_type": "x"}, ["event_type"]),
        ({"event_timestamp": NOON + timedelta(microseconds=1)}, ["event_timestamp"]),
        ({"properties": None}, ["properties.a", "properties.b"]),
        ({"properties": {"b": {"c": [3]}, "a": True}}, ["properties.a", "properties.b"]),
        ({"properties": {"a": 1, "b": {"c": [2]}, "z": None}}, ["properties.z"]),
        ({"user_traits": {"email": "a@b"}}, ["user_traits.email"]),
        ({"event_type": "x", "user_traits": {"\x1b[31mé": 1}}, ["event_type", r"user_traits.\u001b[31m\u00e9"]),
        (
            {"user_traits": {f"k{i}": i for i in range(25)}},
            [*(f"user_traits.k{i}" for i in range(20)), "and 5 more"],
        ),
    ],
)
def test_differing_fields(change: dict[str, Any], fields: list[str]) -> None:
    """The fields that differ are named one level deep, in a fixed order, made harmless and not too many."""
    stored = EventContent("t", NOON, {"a": 1, "b": {"c": [2.0]}})
    assert differing_fields(stored, replace(stored, **change)) == fields


def test_an_event_knows_its_content(accept: Callable[..., EventIn]) -> None:
    """Two events are compared by their content."""
    first, second = accept(make_event(event_id=None)), accept(make_event(event_id=None, properties={"a": 1}))
    assert differing_fields(first.content, second.content) == ["properties.a"]
    assert first.event_key != second.event_key
