"""An event and its neighbours as the rule engine sees them."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

JsonObject: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class EventRef:
    """Enough of an event to order it and to name it. `id` is the arrival order; `timestamp` is UTC."""

    timestamp: datetime
    id: int
    key: str


@dataclass(frozen=True, slots=True)
class EventFacts:
    """One event, as received. `timestamp` is UTC; `key` is the producer's id, or else the content hash."""

    id: int
    key: str
    has_own_id: bool
    user_id: str
    event_type: str
    timestamp: datetime
    properties: JsonObject | None = None
    user_traits: JsonObject | None = None
    extra: JsonObject = field(default_factory=dict)

    @property
    def ref(self) -> EventRef:
        """This event by its order and name."""
        return EventRef(self.timestamp, self.id, self.key)
