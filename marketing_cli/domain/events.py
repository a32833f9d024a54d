"""An event and its neighbours as the rule engine sees them."""

from datetime import datetime
from typing import Any, NamedTuple, TypeAlias

JsonObject: TypeAlias = dict[str, Any]


_NOTHING: JsonObject = {}


class EventRef(NamedTuple):
    """Enough of an event to order it and to name it. `id` is the arrival order; `timestamp` is UTC."""

    timestamp: datetime
    id: int
    key: str


class EventFacts(NamedTuple):
    """One event, as received. `timestamp` is UTC; `key` is the producer's id, or else the content hash."""

    id: int
    key: str
    has_own_id: bool
    user_id: str
    event_type: str
    timestamp: datetime
    properties: JsonObject | None = None
    user_traits: JsonObject | None = None
    extra: JsonObject = _NOTHING

    @property
    def ref(self) -> EventRef:
        """This event by its order and name."""
        return EventRef(self.timestamp, self.id, self.key)
