"""The content of an event as canonical text: its hash, and the fields in which two contents differ.

The form is described to the byte in docs/content-hash.md.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import orjson

from marketing_cli.domain.events import JsonObject
from marketing_cli.domain.moments import utc_text
from marketing_cli.schemas.json_values import field_name

_MAX_NAMED = 20

# Where orjson may write a number otherwise than the canonical form has it: whole and yet a float, below 0.0001, or with
# an exponent. In text these do no harm.
_WHOLE = re.compile(rb"\.0(?:[,}\]]|\Z)")
_SMALL = b"0.0000"
_EXPONENT = re.compile(rb"e[-+]?[0-9]+(?:[,}\]]|\Z)")

_encode = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, allow_nan=False, sort_keys=True, separators=(",", ":")
).encode


@dataclass(frozen=True, slots=True)
class EventContent:
    """What two deliveries of one event must have in common, user and id apart. `event_timestamp` is UTC."""

    event_type: str
    event_timestamp: datetime
    properties: JsonObject | None = None
    user_traits: JsonObject | None = None


def content_hash(
    user_id: str,
    event_type: str,
    timestamp: datetime,
    properties: JsonObject | None = None,
    user_traits: JsonObject | None = None,
) -> bytes:
    """The 32-byte SHA-256 digest of an event's content. Raises ValueError if `timestamp` is naive."""
    content = [user_id, event_type, canonical_timestamp(timestamp), properties or {}, user_traits or {}]
    return sha256(canonical_bytes(content)).digest()


def canonical_timestamp(timestamp: datetime) -> str:
    """The instant in UTC with six decimals, as `2025-11-01T10:00:00.000000Z`."""
    if timestamp.tzinfo is not UTC:
        if timestamp.utcoffset() is None:
            raise ValueError("a timestamp without a time zone has no canonical form")
        timestamp = timestamp.astimezone(UTC)
    return utc_text(timestamp).replace(" ", "T") + "Z"


def canonical_bytes(value: Any) -> bytes:  # noqa: ANN401
    """A JSON value as UTF-8 text that is the same for equal values, however they were written."""
    try:
        text = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # what is no JSON, such as half of a surrogate pair
        return _encode(value).encode()
    if _WHOLE.search(text) or _EXPONENT.search(text) or _has_small_number(text):
        return _encode(_whole_numbers_as_integers(value)).encode()
    return text


def _has_small_number(text: bytes) -> bool:
    place = text.find(_SMALL)
    # Not the end of `10.00001`, nor of the second in `10:00:00.000000Z`.
    while place > 0 and text[place - 1 : place].isdigit():
        place = text.find(_SMALL, place + 1)
    return place >= 0


def _whole_numbers_as_integers(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _whole_numbers_as_integers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_whole_numbers_as_integers(item) for item in value]
    return value


def differing_fields(stored: EventContent, arriving: EventContent) -> list[str]:
    """The fields in which two contents differ, for people: `event_type`, `properties.amount`, ….

    Empty if the contents are equal. Objects are compared one level deep. Names are printable ASCII; after 20 of them
    one entry says how many more there are.
    """
    names = [field_name(path) for path in _differing_paths(stored, arriving)]
    left_out = len(names) - _MAX_NAMED
    return names if left_out <= 0 else [*names[:_MAX_NAMED], f"and {left_out} more"]


def _differing_paths(stored: EventContent, arriving: EventContent) -> Iterator[tuple[str, ...]]:
    if stored.event_type != arriving.event_type:
        yield ("event_type",)
    if stored.event_timestamp != arriving.event_timestamp:
        yield ("event_timestamp",)
    for name in ("properties", "user_traits"):
        for key in _differing_keys(getattr(stored, name) or {}, getattr(arriving, name) or {}):
            yield name, key


def _differing_keys(stored: JsonObject, arriving: JsonObject) -> Iterator[str]:
    for key in stored | arriving:
        if key not in stored or key not in arriving or canonical_bytes(stored[key]) != canonical_bytes(arriving[key]):
            yield key
