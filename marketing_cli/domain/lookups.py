"""Questions to the stored history, asked for a whole batch at once. Moments are UTC; both ends are included."""

from datetime import datetime
from typing import NamedTuple


class PriorLookup(NamedTuple):
    """Asks for the latest event of this user and type from `start` to `until`, other than the event itself."""

    user_id: str
    event_type: str
    start: datetime
    until: datetime
    event_id: int


class WaitingLookup(NamedTuple):
    """Asks for the events of this user and type, from `start` to `until`, that the rule has not decided."""

    user_id: str
    event_type: str
    start: datetime
    until: datetime
    rule_name: str


class WindowLookup(NamedTuple):
    """Asks which request used up a window: the one stored under its name, or else one from `start` to `until`.

    With `event_id`, only a request for that event counts.
    """

    user_id: str
    template_name: str
    dedup_window: str
    start: datetime
    until: datetime
    event_id: int | None
