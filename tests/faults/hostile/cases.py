"""A hostile line and what has to become of it; and how such lines are put together."""

import json
from dataclasses import dataclass
from typing import Any

from support.events import make_event

STORED, BLANK = "stored", "blank"
KIB = 1024


@dataclass(frozen=True)
class Case:
    """One line without its end: `outcome` is stored, blank or the reason of its reject.

    As the first line of a file it may end differently: `alone` is how, `raw_alone` what is then taken for the line.
    """

    name: str
    raw: bytes
    outcome: str
    alone: str = ""
    raw_alone: bytes | None = None

    @property
    def outcome_alone(self) -> str:
        """What becomes of it as the only line of a file."""
        return self.alone or self.outcome


def event(**fields: Any) -> str:
    """A valid event but for these fields."""
    return json.dumps(make_event(event_id="evt_hostile", user_id="u_hostile", **fields), ensure_ascii=False)


def value(text: str) -> bytes:
    """An event with this JSON text as the value of a property."""
    return event(properties={"v": "?"}).replace('"?"', text).encode("utf-8", "surrogatepass")


def with_field(name: str, text: str) -> bytes:
    """An event with this JSON text as the value of a field."""
    return json.dumps({**make_event(event_id="evt_hostile"), name: "?"}).replace('"?"', text).encode("utf-8")


def raw_value(data: bytes) -> bytes:
    """An event with these bytes between the quotes of a property."""
    return event(properties={"v": "?"}).encode().replace(b"?", data)


def nested(opening: str, closing: str, levels: int, inside: str = "") -> bytes:
    """An event with so many levels in a property; the event and its properties are two more."""
    return value(opening * levels + inside + closing * levels)
