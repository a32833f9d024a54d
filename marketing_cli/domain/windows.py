"""The windows in which a user may be sent a template once, and the requests that use them up."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, TypeAlias

from marketing_cli.domain.reasons import ReasonCode

Stretch: TypeAlias = tuple[datetime, datetime]
"""Two moments in UTC and what lies between them, both included."""


class Window(NamedTuple):
    """The stretch of event time in which a user may be sent a template once.

    `name` is what the database keeps unique per user and template. A day has more than one stretch where its zone puts
    the clocks back over midnight; `event_id` is set where the window is a single event. `code` is why a second request
    is suppressed.
    """

    name: str
    code: ReasonCode
    stretches: tuple[Stretch, ...]
    event_id: int | None = None


@dataclass(slots=True, eq=False)
class RequestFact:
    """A send request that uses up a window. `id` is 0 until the batch that makes it has drawn its numbers.

    `historical`: it was recorded from an archive, and is never handed on.
    """

    user_id: str
    template: str
    event_timestamp: datetime
    event_id: int | None
    event_key: str | None
    id: int = 0
    historical: bool = False
