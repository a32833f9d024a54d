"""What the books say, for checks: read in slices of row numbers, each small enough to hold nobody up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sqlalchemy import ColumnElement, Row, Table, and_, exists, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from marketing_cli.models import (
    Base,
    Event,
    EventProperties,
    Reject,
    Run,
    RunInput,
    SendRequest,
    Suppression,
    UserTraits,
)

COUNTS = ("lines", "new", "duplicate", "rejected", "blank", "skipped")
RUNNING = "running"

Counted: TypeAlias = dict[int, int]
"""A number of rows, by the run or the input they belong to."""


@dataclass(frozen=True, slots=True)
class Marks:
    """The last numbers in use when a check began, and what the runs at work had booked then.

    Rows with larger numbers came later, and so did other books of those runs; all else in the ledger stays as it is.
    """

    last: Mapping[str, int]
    running: frozenset[int]
    new: Counted
    decided: Mapping[str, Counted]


def last_number(session: Session, table: Table) -> int:
    """The largest number in a table's key; 0 when it is empty."""
    (key,) = table.primary_key
    return int(session.execute(select(func.coalesce(func.max(key), 0))).scalar_one())


def marks(session: Session) -> Marks:
    """Where everything stands now."""
    running = session.execute(select(Run.id, Run.send_requests, Run.suppressions).where(Run.status == RUNNING)).all()
    inputs = select(RunInput.id, RunInput.new).join(Run, Run.id == RunInput.run_id).where(Run.status == RUNNING)
    return Marks(
        {table.name: last_number(session, table) for table in Base.metadata.sorted_tables},
        frozenset(row.id for row in running),
        _pairs(session.execute(inputs).all()),
        {
            SendRequest.__tablename__: {row.id: row.send_requests for row in running},
            Suppression.__tablename__: {row.id: row.suppressions for row in running},
        },
    )


def unbalanced_runs(session: Session, after: int, to: int) -> Sequence[int]:
    """The runs whose own totals do not add up, or are not the sums of their inputs'."""
    sums = [func.coalesce(func.sum(getattr(RunInput, name)), 0).label(name) for name in COUNTS]
    inputs = select(RunInput.run_id, *sums).where(RunInput.run_id.between(after + 1, to)).group_by(RunInput.run_id)
    summed = inputs.subquery("summed")
    differs = [getattr(Run, name) != func.coalesce(summed.c[name], 0) for name in COUNTS]
    query = select(Run.id).outerjoin(summed, summed.c.run_id == Run.id).where(Run.id.between(after + 1, to))
    return session.scalars(query.where(or_(_lines_missing(Run), *differs)).order_by(Run.id)).all()


def unbalanced_inputs(session: Session, after: int, to: int) -> Sequence[int]:
    """The runs with an input whose lines do not add up."""
    query = select(RunInput.run_id).where(RunInput.id.between(after + 1, to), _lines_missing(RunInput))
    return session.scalars(query.distinct()).all()


def booked_new(session: Session, after: int, to: int) -> Counted:
    """How many events inputs say they brought, for those that say any."""
    query = select(RunInput.id, RunInput.new).where(RunInput.id.between(after + 1, to), RunInput.new != 0)
    return _pairs(session.execute(query).all())


def booked_decisions(session: Session, column: InstrumentedAttribute[int], after: int, to: int) -> Counted:
    """How many rows runs say they made, for those that say any."""
    query = select(Run.id, column).where(Run.id.between(after + 1, to), column != 0)
    return _pairs(session.execute(query).all())


def stored(session: Session, owner: InstrumentedAttribute[int], after: int, to: int) -> Counted:
    """How many rows of a table there are, by the run or the input that the column names."""
    key = owner.class_.id
    query = select(owner, func.count()).where(key.between(after + 1, to)).group_by(owner)
    return _pairs(session.execute(query).all())


def runs_of_inputs(session: Session, input_ids: Sequence[int]) -> Sequence[int]:
    """The runs that these inputs belong to."""
    return session.scalars(select(RunInput.run_id).where(RunInput.id.in_(input_ids)).distinct()).all()


def run_of_inputs(session: Session, input_ids: Sequence[int]) -> Counted:
    """The run that each of these inputs belongs to."""
    return _pairs(session.execute(select(RunInput.id, RunInput.run_id).where(RunInput.id.in_(input_ids))).all())


def rejected_lines(session: Session) -> int:
    """How many rejected lines all runs have booked."""
    return int(session.execute(select(func.coalesce(func.sum(Run.rejected), 0))).scalar_one())


def kept_lines(session: Session, after: int, to: int) -> int:
    """How many rejected lines these rows stand for."""
    query = select(func.coalesce(func.sum(Reject.count), 0)).where(Reject.id.between(after + 1, to))
    return int(session.execute(query).scalar_one())


def orphans(session: Session, table: Table, after: int, to: int) -> dict[str, int]:
    """The rows of a table that name a row which does not exist, by `column -> table`."""
    (key,) = table.primary_key
    found = {}
    for foreign in table.foreign_keys:
        parent = foreign.column.table.alias("parent")
        lost = and_(foreign.parent.is_not(None), ~exists().where(parent.c[foreign.column.name] == foreign.parent))
        query = select(func.count()).select_from(table).where(key.between(after + 1, to), lost)
        if count := session.execute(query).scalar_one():
            found[f"{table.name}.{foreign.parent.name} -> {foreign.column.table.name}"] = count
    return found


def of_other_runs(session: Session, after: int, to: int) -> Sequence[int]:
    """The events that are of another run than their input."""
    query = select(Event.id).join(RunInput, RunInput.id == Event.input_id).where(RunInput.run_id != Event.run_id)
    return session.scalars(query.where(Event.id.between(after + 1, to)).order_by(Event.id)).all()


def of_other_users(
    session: Session, after: int, to: int, *, model: type[EventProperties] | type[UserTraits]
) -> Sequence[int]:
    """The rows beside events that are of another user than their event."""
    query = select(model.event_id).join(Event, Event.id == model.event_id).where(Event.user_id != model.user_id)
    return session.scalars(query.where(model.event_id.between(after + 1, to)).order_by(model.event_id)).all()


def shared_keys(session: Session, after: int, to: int) -> int:
    """How many of these events have an id that an earlier user's event has too."""
    other = aliased(Event)
    shares = exists().where(other.event_key == Event.event_key, other.user_id < Event.user_id)
    query = select(func.count()).select_from(Event).where(Event.id.between(after + 1, to), shares)
    return session.execute(query).scalar_one()


def _lines_missing(books: type[Run] | type[RunInput]) -> ColumnElement[bool]:
    return books.lines != books.new + books.duplicate + books.rejected + books.blank + books.skipped


def _pairs(rows: Sequence[Row[int, int]]) -> Counted:
    return {row[0]: row[1] for row in rows}
