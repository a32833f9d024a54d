"""The content of an event as canonical text: its hash, and the fields in which two contents differ.

The form is described to the byte in docs/content-hash.md.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import orjson

from marketing_cli.domain.events import JsonObject
from marketing_cli.schemas.json_values import field_name

_MAX_NAMED = 20

# What orjson writes as the canonical form has it. So it does a float that is not whole, from this one on.
_WRITTEN_ALIKE = frozenset({str, bool, int, type(None)})
_SMALLEST_WITHOUT_EXPONENT = 0.0001
_CONTAINERS = (dict, list)

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
    properties, user_traits = properties or {}, user_traits or {}
    content = [user_id, event_type, canonical_timestamp(timestamp), properties, user_traits]
    alike = _is_written_alike(properties) and _is_written_alike(user_traits)
    return sha256(_written(content, alike=alike)).digest()


def canonical_timestamp(timestamp: datetime) -> str:
    """The instant in UTC with six decimals, as `2025-11-01T10:00:00.000000Z`."""
    if timestamp.tzinfo is not UTC:
        if timestamp.utcoffset() is None:
            raise ValueError("a timestamp without a time zone has no canonical form")
        timestamp = timestamp.astimezone(UTC)
    text = orjson.dumps(timestamp, option=orjson.OPT_UTC_Z)[1:-1].decode()
    return text if "." in text else f"{text[:-1]}.000000Z"


def canonical_bytes(value: Any) -> bytes:  # noqa: ANN401
    """A JSON value as UTF-8 text that is the same for equal values, however they were written."""
    return _written(value, alike=_is_written_alike([value]))


def _written(value: Any, *, alike: bool) -> bytes:  # noqa: ANN401
    if alike:
        try:
            return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
        except TypeError:  # an integer of more than 64 bits, or what is no JSON, such as half of a surrogate pair
            pass
    return _encode(_whole_numbers_as_integers(value)).encode()


def _is_written_alike(holder: dict[str, Any] | list[Any]) -> bool:
    """Whether orjson writes every number in an object or an array as the canonical form has it."""
    for value in holder.values() if isinstance(holder, dict) else holder:
        if value.__class__ in _WRITTEN_ALIKE:
            continue
        if isinstance(value, float):
            if value.is_integer() or abs(value) < _SMALLEST_WITHOUT_EXPONENT:
                return False
        elif isinstance(value, _CONTAINERS) and not _is_written_alike(value):
            return False
    return True


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
