"""What statistics are counted from, read in slices of row numbers; nothing that came later than its row's slice."""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple, TypeAlias

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    and_,
    case,
    false,
    func,
    or_,
    select,
)
from sqlalchemy.orm import Session, aliased

from marketing_cli.models import Event, Reject, RulesVersion, Run, SendRequest, Suppression
from marketing_cli.repositories.checks import COUNTS, last_number
from marketing_cli.repositories.listing_moments import set_within, utc_day
from marketing_cli.schemas.list_queries import Period

Decided: TypeAlias = type[SendRequest] | type[Suppression]
_TABLES = (Event, SendRequest, Suppression, Reject, Run)


class Undecided(NamedTuple):
    """A rule that looked at an event when it arrived, and has not decided on it."""

    event_id: int
    rules_version_id: int
    rule_name: str


def last_rows(session: Session) -> dict[str, int]:
    """The last row number in use, by table."""
    return {model.__tablename__: last_number(session, model.__table__) for model in _TABLES}  # type: ignore[arg-type]


def rules_texts(session: Session) -> dict[int, tuple[str, str]]:
    """Every rules version, as (sha256, text)."""
    rows = session.execute(select(RulesVersion.id, RulesVersion.sha256, RulesVersion.text))
    return {row.id: (row.sha256, row.text) for row in rows}


def runs(session: Session, period: Period) -> Sequence[Row[Any]]:
    """The runs that started in the period and the sums of their books, by day."""
    day = utc_day(session.get_bind().dialect, Run.started_at)
    sums = [func.sum(getattr(Run, name)).label(name) for name in COUNTS]
    query: Select[Any] = select(day.label("day"), func.count().label("runs"), *sums)
    query = query.where(*started_within(Run, period))
    return session.execute(query.group_by("day").order_by("day")).all()


def decided(session: Session, model: Decided, period: Period, after: int, to: int) -> Sequence[Row[Any]]:
    """How many decisions there are by day, template and kind (reason code, or status)."""
    moment = model.event_timestamp if period.by_event_day else model.decided_at
    kind = Suppression.reason_code if model is Suppression else SendRequest.status
    day = utc_day(session.get_bind().dialect, moment)
    columns: list[Any] = [day.label("day"), model.template_name.label("template"), kind.label("kind")]
    columns.append(func.count().label("number"))
    query: Select[Any] = select(*columns).where(model.id.between(after + 1, to))
    query = query.where(*set_within(model.decided_at, period.since, period.until))
    return session.execute(query.group_by("day", "template", "kind")).all()


def events(session: Session, period: Period, after: int, to: int) -> Sequence[Row[Any]]:
    """How many events were stored in the period, by the rules version of their run, type and day."""
    day = utc_day(session.get_bind().dialect, Event.event_timestamp if period.by_event_day else Event.created_at)
    columns: list[Any] = [Run.rules_version_id, Event.event_type, day.label("day"), func.count().label("number")]
    query: Select[Any] = select(*columns).join(Run, Run.id == Event.run_id).where(Event.id.between(after + 1, to))
    query = query.where(*set_within(Event.created_at, period.since, period.until))
    return session.execute(query.group_by(Run.rules_version_id, Event.event_type, "day")).all()


def undecided(
    session: Session, period: Period, looks: Sequence[tuple[int, str, str]], after: int, to: int
) -> list[Undecided]:
    """The events of the period that these rules, as (rules version, event type, name), looked at without a decision."""
    rules: dict[tuple[int, str], list[str]] = {}
    for version, event_type, name in looks:
        rules.setdefault((version, event_type), []).append(name)
    # Told apart here: a join that leaves out what is decided is planned badly while a server has counted no rows.
    found = select(Event.id, Run.rules_version_id, Event.event_type).join(Run, Run.id == Event.run_id)
    found = found.where(Event.id.between(after + 1, to), *set_within(Event.created_at, period.since, period.until))
    done = {pair for model in (SendRequest, Suppression) for pair in _decided_pairs(session, model, after, to)}
    return [
        Undecided(number, version, name)
        for number, version, event_type in session.execute(found.order_by(Event.id))
        for name in rules.get((version, event_type), ())
        if (number, name) not in done
    ]


def _decided_pairs(session: Session, model: Decided, after: int, to: int) -> list[tuple[int | None, str]]:
    rows = session.execute(select(model.event_id, model.rule_name).where(model.event_id.between(after + 1, to)))
    return [(number, name) for number, name in rows]


def rejects(session: Session, period: Period, last_run: int, after: int, to: int) -> Sequence[Row[Any]]:
    """Lines refused by runs that started in the period, by reason and by the day of the first such run that is known.

    `kept` is how many lines these are. A line has its first run, its last one and how often it was refused in all: how
    often by runs of the period is `least` to `most` times, which is the same unless other runs refused it, too. A line
    whose first and last runs lie on both sides of the period has no day and is not in `kept`. Runs after the last one
    came later.
    """
    first, last = aliased(Run), aliased(Run)
    day = partial(utc_day, session.get_bind().dialect)
    by_first, by_last = (_started_in(run, period, last_run) for run in (first, last))
    around = and_(~by_first, ~by_last, *_on_both_sides(first, last, period, last_run))
    least = case((and_(by_first, by_last), Reject.count), (or_(by_first, by_last), 1), else_=0)
    most = case(
        (and_(by_first, by_last), Reject.count), (or_(by_first, by_last), Reject.count - 1), else_=Reject.count - 2
    )
    columns: list[Any] = [case((by_first, day(first.started_at)), (by_last, day(last.started_at))).label("day")]
    columns += [Reject.reason, func.sum(case((or_(by_first, by_last), 1), else_=0)).label("kept")]
    columns += [func.sum(least).label("least"), func.sum(most).label("most")]
    query: Select[Any] = (
        select(*columns).join(first, first.id == Reject.run_id).join(last, last.id == Reject.last_run_id)
    )
    query = query.where(Reject.id.between(after + 1, to), or_(by_first, by_last, around))
    return session.execute(query.group_by("day", Reject.reason)).all()


def _started_in(run: type[Run], period: Period, last_run: int) -> "ColumnElement[bool]":
    return and_(run.id <= last_run, *started_within(run, period))


def _on_both_sides(first: type[Run], last: type[Run], period: Period, last_run: int) -> "Sequence[ColumnElement[bool]]":
    before = false() if period.since is None else first.started_at < period.since
    after = [] if period.until is None else [last.started_at >= period.until]
    return before, or_(last.id > last_run, *after)


def started_within(run: type[Run], period: Period) -> "list[ColumnElement[bool]]":
    """The conditions that a run started in the period."""
    conditions = [] if period.since is None else [run.started_at >= period.since]
    return conditions if period.until is None else [*conditions, run.started_at < period.until]
