"""Events for tests: a valid one, of which a test names only what matters to it."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

MISSING: Any = object()
"""As a value: the event has no such key."""

_VALID_EVENT: dict[str, Any] = {
    "event_id": "evt_1",
    "user_id": "u_1",
    "event_type": "signup_completed",
    "event_timestamp": "2025-11-01T10:00:00Z",
    "properties": {},
    "user_traits": {"marketing_opt_in": True},
}


def make_event(**overrides: Any) -> dict[str, Any]:
    """A valid event as an export holds it, with these keys instead; `MISSING` as a value leaves a key out."""
    event = deepcopy(_VALID_EVENT) | overrides
    return {key: value for key, value in event.items() if value is not MISSING}


def ndjson(*events: dict[str, Any]) -> str:
    """The events as NDJSON, one a line."""
    return "".join(json.dumps(event) + "\n" for event in events)


def write_events(path: Path, *events: dict[str, Any]) -> Path:
    """Writes the events to a file as NDJSON and returns its path."""
    path.write_text(ndjson(*events), encoding="utf-8")
    return path
