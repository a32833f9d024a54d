"""An event and its neighbours as the rule engine sees them."""

from datetime import datetime
from typing import Any, NamedTuple, TypeAlias

JsonObject: TypeAlias = dict[str, Any]

NO_EXTRA: JsonObject = {}
"""What an event has as `extra` that brought nothing besides the known fields; never changed."""


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
    extra: JsonObject = NO_EXTRA

    @property
    def ref(self) -> EventRef:
        """This event by its order and name."""
        return EventRef(self.timestamp, self.id, self.key)


class IncomingEvent(NamedTuple):
    """A line's event, as received, before it is known whether it is a new one.

    It is all that a batch keeps of a line that was read well: what is held for thousands of lines has to be small, or
    the processor waits for memory. `content_hash` has 32 bytes; the other fields are those of `EventFacts`.
    """

    key: str
    has_own_id: bool
    user_id: str
    event_type: str
    timestamp: datetime
    properties: JsonObject | None
    user_traits: JsonObject | None
    extra: JsonObject
    content_hash: bytes

    @property
    def identity(self) -> tuple[str, str]:
        """What tells events apart: event key and user."""
        return self.key, self.user_id

    def numbered(self, id: int) -> EventFacts:  # noqa: A002
        """The event under the number of its row."""
        return EventFacts(id, *self[:-1])
