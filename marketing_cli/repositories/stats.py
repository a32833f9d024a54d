"""What statistics are counted from, read in slices of row numbers; nothing that came later than its row's slice."""

from collections.abc import Sequence
from functools import cache, partial
from typing import Any, NamedTuple, TypeAlias

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Row,
    Select,
    Text,
    and_,
    bindparam,
    case,
    exists,
    false,
    func,
    or_,
    select,
)
from sqlalchemy.orm import Session, aliased

from marketing_cli.models import Event, Reject, RulesVersion, Run, SendRequest, Suppression
from marketing_cli.repositories.checks import COUNTS, last_number
from marketing_cli.repositories.input_rows import Columns, as_parameter, input_rows
from marketing_cli.repositories.listing_moments import set_within, utc_day
from marketing_cli.schemas.list_queries import Period

Decided: TypeAlias = type[SendRequest] | type[Suppression]
_TABLES = (Event, SendRequest, Suppression, Reject, Run)
_LOOKS: Columns = {"rules_version_id": BigInteger(), "event_type": Text(), "rule_name": Text()}


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
    dialect = session.get_bind().dialect
    query = _undecided(dialect.name).where(*set_within(Event.created_at, period.since, period.until))
    values = as_parameter(dialect.name, looks) | {"after": after, "to": to}
    return [Undecided(*row) for row in session.execute(query, values)]


@cache
def _undecided(dialect: str) -> Select[Any]:
    wanted = input_rows(dialect, _LOOKS)
    same = and_(wanted.c.rules_version_id == Run.rules_version_id, wanted.c.event_type == Event.event_type)
    open_to = [
        ~exists().where(
            decided.event_id == Event.id, decided.user_id == Event.user_id, decided.rule_name == wanted.c.rule_name
        )
        for decided in (SendRequest, Suppression)
    ]
    return (
        select(Event.id, Run.rules_version_id, wanted.c.rule_name)
        .join(Run, Run.id == Event.run_id)
        .join(wanted, same)
        .where(Event.id > bindparam("after"), Event.id <= bindparam("to"), *open_to)
        .order_by(Event.id)
    )


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
