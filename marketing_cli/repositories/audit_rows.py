"""What the audit reads: events, decisions and refused lines, with what belongs to them."""

from dataclasses import dataclass
from datetime import datetime

from marketing_cli.domain.events import EventFacts
from marketing_cli.domain.reasons import Outcome


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event, where it came from, and the rules version of the run that stored it."""

    facts: EventFacts
    created_at: datetime
    run_id: int
    path: str
    format: str | None
    line: int
    rules_version_id: int


@dataclass(frozen=True, slots=True)
class Blocking:
    """The request that had used up a limit, as far as it is still stored."""

    request_id: int | None
    event_key: str | None
    event_timestamp: datetime | None


@dataclass(frozen=True, slots=True)
class StoredDecision:
    """A send request or a suppression. `event_*` is the event decided on, of which only the time outlives it."""

    outcome: Outcome
    event_id: int | None
    event_key: str | None
    event_type: str | None
    event_timestamp: datetime
    rule_name: str
    template: str
    channel: str
    reason: str
    decided_at: datetime
    run_id: int
    rules_version_id: int
    caused_by_event_id: int
    caused_by_key: str | None
    historical: bool = False
    reason_code: str | None = None
    suppression_reason: str | None = None
    blocking: Blocking | None = None

    @property
    def is_late(self) -> bool:
        """True when another event's arrival led to it."""
        return self.event_id is not None and self.caused_by_event_id != self.event_id


@dataclass(frozen=True, slots=True)
class KeptReject:
    """A refused line; `raw` is None where it was not asked for."""

    run_id: int
    last_run_id: int
    count: int
    path: str
    line: int
    reason: str
    detail: str
    user_id: str | None
    event_type: str | None
    event_key: str | None
    raw: bytes | None
    raw_length: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class TemplateCounts:
    """How many decisions of each kind a user has of one template."""

    requested: int
    historical: int
    suppressed: int
