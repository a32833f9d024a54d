"""What `mmsg audit` answers. The JSON shapes are a promise: fields are added, never renamed.

Times are UTC. `event_id` is always an event's key: the producer's own id, or without one the content hash.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

from marketing_cli.domain.events import JsonObject
from marketing_cli.domain.reasons import Outcome, ReasonCode


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid")


class AuditedEvent(_Shape):
    """An event as received; `id` is the number of its row, `created_at` when it was stored."""

    event_id: str
    id: int
    user_id: str
    event_type: str
    event_timestamp: datetime
    created_at: datetime
    properties: JsonObject | None
    user_traits: JsonObject | None
    extra: JsonObject


class Source(_Shape):
    """Where an event came from. `line` is the element's number where `format` is `array`; null if not yet known."""

    run_id: int
    path: str
    line: int
    format: str | None = None


class AuditedCondition(_Shape):
    """One condition of a rule. `found` is absent where the path led nowhere, and null where JSON null was found.

    For a prior event `expected` is `{"event_type", "from", "to"}` and `found` `{"event_id", "event_timestamp", "gap"}`,
    absent where no such event is known. `code` says why it did not hold, `note` more for people.
    """

    condition: str
    expected: Any
    found: Any = None
    held: bool
    code: ReasonCode | None = None
    note: str | None = None

    @model_serializer(mode="wrap")
    def _without_what_was_not_found(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        shape: dict[str, Any] = dump(self)
        if "found" not in self.model_fields_set:
            del shape["found"]
        return shape


class BlockedBy(_Shape):
    """The send request that had used up a limit; what is null is no longer stored."""

    send_request_id: int | None
    event_id: str | None
    event_timestamp: datetime | None


class AuditedDecision(_Shape):
    """What one rule made of one event.

    `decided_at` and `run_id` are null where the rule did not match, `caused_by` is the event whose arrival led to the
    decision (null too once it is deleted); `late` says that it is another event than the one decided on. A `historical`
    request came from an archive and is never handed on. `matched_because` says which facts matched, for a request and
    for a suppression. `near_miss` is the smallest single change that would have led to a request, or says that there
    is none; null where one was made, or where it cannot be told.
    """

    rule: str
    template: str
    channel: str
    outcome: Outcome
    reason_code: str | None
    reason: str
    decided_at: datetime | None
    rules_sha256: str
    caused_by: str | None
    conditions: list[AuditedCondition]
    historical: bool = False
    late: bool = False
    run_id: int | None = None
    matched_because: str | None = None
    blocked_by: BlockedBy | None = None
    notes: list[str] = Field(default_factory=list)
    near_miss: str | None = None


class AuditedReject(_Shape):
    """A line kept aside, as `mmsg rejects` shows it; `event_timestamp` where the line tells it legibly."""

    run_id: int
    last_run_id: int
    count: int
    path: str
    line: int
    reason: str
    detail: str
    user_id: str | None
    event_type: str | None
    event_id: str | None
    raw: str | None
    raw_base64: str | None
    raw_length: int
    created_at: datetime
    event_timestamp: datetime | None = None


class AuditResponse(_Shape):
    """One event, where it came from, and what every rule on its type made of it.

    `rejects` are lines with the same user and event id that were refused, newest first.
    """

    event: AuditedEvent
    source: Source
    decisions: list[AuditedDecision]
    rejects: list[AuditedReject] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)


class TimelineEvent(AuditedEvent):
    """An event on a user's timeline."""

    source: Source


class MessageDecision(_Shape):
    """A request or suppression on a user's timeline; `event_id` is null once the event is deleted."""

    template: str
    channel: str
    status: Outcome
    reason_code: str | None
    reason: str
    event_id: str | None
    event_timestamp: datetime
    decided_at: datetime
    rule: str
    historical: bool = False
    caused_by: str | None = None
    late: bool = False
    run_id: int
    near_miss: str | None = None


class UserTimeline(_Shape):
    """A user's newest events, oldest first, with the decisions on them, and the user's newest rejected lines.

    Decisions whose event is deleted are there too. `more` says that the limit left something out.
    """

    user_id: str
    events: list[TimelineEvent]
    message_decisions: list[MessageDecision]
    rejects: list[AuditedReject]
    more: bool = False


class Answer(StrEnum):
    """Whether a user got a template. `historical`: only from an archive, so that it was never handed on."""

    REQUESTED = "requested"
    HISTORICAL = "historical"
    NOT_REQUESTED = "not_requested"


class ConsideredDecision(AuditedDecision):
    """A decision on an event that could have led to the template; `status` is the outcome.

    Of an event that is deleted only the timestamp is known.
    """

    status: Outcome
    event_id: str | None
    event_type: str | None
    event_timestamp: datetime


class RulesNow(_Shape):
    """The rules in force at the time of the question."""

    source: str
    sha256: str


class TemplateAnswer(_Shape):
    """Why a user did or did not get a template: `reason` in one sentence, `notes` what else is worth knowing.

    `reason_code` is null where a message was requested. `considered` is in the order of the events' time, and
    `requests` and `suppressions` count all there are.
    """

    user_id: str
    template: str
    answer: Answer
    reason_code: str | None
    reason: str
    considered: list[ConsideredDecision]
    requests: int = 0
    suppressions: int = 0
    rules: RulesNow
    notes: list[str] = Field(default_factory=list)


class Candidate(_Shape):
    """One of several events with the same id."""

    user_id: str
    event_id: str
    id: int
    event_type: str
    event_timestamp: datetime


class Ambiguity(_Shape):
    """Several users have an event with the id asked for: `message` says how to pick one of the `candidates`."""

    message: str
    candidates: list[Candidate]
