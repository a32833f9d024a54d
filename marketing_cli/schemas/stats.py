"""What `mmsg stats` prints. The JSON shape is a promise: fields are added, never renamed."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from marketing_cli.schemas.books import RunBooks


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Counted(_Shape):
    """A count, and what each day of UTC has of it."""

    count: int
    days: Mapping[str, int]


class Totals(RunBooks):
    """The books of the runs that started in the period, and what was stored and decided in it."""

    events: int
    requested: int
    historical: int
    suppressed: int
    not_matched: int


class RunsOfDay(RunBooks):
    """The books of the runs that started on a day of UTC."""

    day: str


class DayAndTemplate(_Shape):
    """What became of a template on a day of UTC."""

    day: str
    template: str
    requested: int
    historical: int
    suppressed: int
    not_matched: int


class Suppressed(_Counted):
    """Suppressions of a template for one reason."""

    template: str
    reason_code: str


class NotMatched(_Counted):
    """Events that a rule looked at and did not match, by the first condition that failed.

    Both are null where all conditions hold, and only the decision is missing; `condition` alone is null where no
    condition is to blame.
    """

    rule: str
    template: str
    condition: str | None
    reason_code: str | None


class NotComparable(_Counted):
    """Values that made no sense for a rule's condition."""

    rule: str
    template: str
    condition: str


class Refused(_Shape):
    """Lines that runs of the period refused for one reason, by the day of the first such run, and how often in all."""

    reason: str
    lines: int
    times: int
    days: Mapping[str, int]


class TypeWithoutRule(_Counted):
    """Events of a type that no rule was on when they arrived; `waited_for`: as a prior event, a rule asked for them."""

    event_type: str
    waited_for: bool


class StatsReport(_Shape):
    """All of it. `days` says whose day is counted by, `decision` or `event`; `notes` are about the figures.

    Runs and rejected lines have no event's day: theirs is always that on which the run started. `times` of all reasons
    and `rejects_unassigned` add up to the rejected lines of the runs: of a line refused by other runs, too, it is
    stored how often in all, and not how often by each.
    """

    since: datetime | None
    until: datetime | None
    days: str
    totals: Totals
    by_day: Sequence[DayAndTemplate]
    runs_by_day: Sequence[RunsOfDay]
    suppressions: Sequence[Suppressed]
    not_matched: Sequence[NotMatched]
    not_comparable: Sequence[NotComparable]
    rejects: Sequence[Refused]
    rejects_unassigned: int
    types_without_rule: Sequence[TypeWithoutRule]
    notes: Sequence[str]
