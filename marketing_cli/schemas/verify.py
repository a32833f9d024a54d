"""What `mmsg verify` reports. The JSON shape is a promise: fields are added, never renamed."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from marketing_cli.schemas.books import RunBooks


class VerifyStatus(StrEnum):
    """The verdict."""

    REPRODUCED = "reproduced"
    DIFFERS = "differs"


class DifferenceKind(StrEnum):
    """What a difference is about: the rules of then, an event itself, its projections, a decision, or the books."""

    RULES = "rules"
    EVENT = "event"
    PROJECTION = "projection"
    DECISION = "decision"
    BOOKS = "books"


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Scope(_Shape):
    """What was asked for; all of it where all are null."""

    event_id: str | None = None
    user_id: str | None = None
    since: datetime | None = None


class Difference(_Shape):
    """Something stored that does not come out again: what was stored, what comes out now, and by which condition.

    `about` names it in words, `stored` and `now` are for people. `column` is the column that differs, null where it is
    the whole row; `row` is the number of the event's row, `event_id` its key. What does not apply is null.
    """

    kind: DifferenceKind
    about: str
    stored: str
    now: str
    condition: str | None = None
    user_id: str | None = None
    event_id: str | None = None
    row: int | None = None
    rule: str | None = None
    template: str | None = None
    column: str | None = None
    run_id: int | None = None


class Verified(_Shape):
    """What was looked at, and stored. `without_event` decisions lost their event, or its cause, since.

    `unchecked` were not decided again: those, and what was decided on a row, or by rules, that cannot be read.
    """

    users: int
    events: int
    requests: int
    suppressions: int
    without_event: int
    unchecked: int
    rules_versions: int


class Books(RunBooks):
    """The books of all runs together: lines, what became of them, and what was decided.

    `matches` are the decisions that come out now, and those that cannot be checked; null where not all history
    was replayed.
    """

    send_requests: int
    suppressions: int
    matches: int | None


class VerifyReport(_Shape):
    """The verdict, what was looked at, and the first differences; `differences_found` counts all of them.

    `books` are null where only an event or a user was asked for.
    """

    status: VerifyStatus
    exit_code: int
    scope: Scope
    verified: Verified
    books: Books | None
    differences_found: int
    differences: Sequence[Difference]
    notes: Sequence[str]
