"""What `mmsg backtest` prints. The JSON shape is a promise: fields are added, never renamed."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from marketing_cli.domain.reasons import Outcome


class BacktestStatus(StrEnum):
    """Whether the rules decide anything otherwise than it was decided."""

    SAME = "same"
    DIFFERS = "differs"


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BacktestRules(_Shape):
    """The rules that decided afresh: the file as it was given, and the SHA-256 of its bytes."""

    source: str
    sha256: str


class Scope(_Shape):
    """Which events were decided afresh: of one user or, with null, of all; by their own time, null for no end."""

    user_id: str | None
    since: datetime | None
    until: datetime | None


class Decisions(_Shape):
    """What was decided: messages requested, those of archives, which are never handed on, and suppressed ones."""

    requested: int
    historical: int
    suppressed: int


class Said(_Shape):
    """An outcome and why; `reason_code` is null for a request."""

    outcome: Outcome
    reason_code: str | None
    reason: str


class Example(_Shape):
    """One event behind a number: `id` is its row; `before` or `after` is null where the rule did not match.

    `event_id` is its key, null where the event has been deleted meanwhile.
    """

    user_id: str
    event_id: str | None
    id: int
    event_timestamp: datetime
    before: Said | None
    after: Said | None


class Changed(_Shape):
    """How often a rule's message came out otherwise in one way, with a few examples of different users."""

    rule: str
    template: str
    change: str
    count: int
    examples: Sequence[Example]


class TemplateRequests(_Shape):
    """Requests of a template, those of archives included."""

    template: str
    before: int
    after: int


class DayRequests(_Shape):
    """Requests for the events of a day of UTC, those of archives included."""

    day: str
    before: int
    after: int


class BacktestReport(_Shape):
    """All of it. `before` is what was really decided, `after` what these rules decide.

    `changed` counts requests that come or go: newly requested, no longer requested, and requested ↔ suppressed;
    `is_above` says whether they are more than `fail_above`, as it was given, allows.
    """

    status: BacktestStatus
    exit_code: int
    rules: BacktestRules
    scope: Scope
    users: int
    events: int
    before: Decisions
    after: Decisions
    changed: int
    fail_above: str | None
    is_above: bool
    differences: Sequence[Changed]
    by_template: Sequence[TemplateRequests]
    by_day: Sequence[DayRequests]
    notes: Sequence[str]
