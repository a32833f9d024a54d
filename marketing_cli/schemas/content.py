"""The content of an event as canonical text: its hash, and the fields in which two contents differ.

The form is described to the byte in docs/content-hash.md.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from marketing_cli.domain.events import JsonObject
from marketing_cli.schemas.json_values import field_name

_MAX_NAMED = 20

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
    return sha256(canonical_text(content).encode()).digest()


def canonical_timestamp(timestamp: datetime) -> str:
    """The instant in UTC with six decimals, as `2025-11-01T10:00:00.000000Z`."""
    if timestamp.tzinfo is not UTC:
        if timestamp.utcoffset() is None:
            raise ValueError("a timestamp without a time zone has no canonical form")
        timestamp = timestamp.astimezone(UTC)
    return timestamp.isoformat(timespec="microseconds")[: -len("+00:00")] + "Z"


def canonical_text(value: Any) -> str:  # noqa: ANN401
    """A JSON value as text that is the same for equal values, however they were written."""
    text = _encode(value)
    # Only here can a number stand that is whole and yet written as a float; in text these do no harm.
    if ".0," in text or ".0}" in text or ".0]" in text or "e+" in text or text.endswith(".0"):
        return _encode(_whole_numbers_as_integers(value))
    return text


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
        if key not in stored or key not in arriving or canonical_text(stored[key]) != canonical_text(arriving[key]):
            yield key
