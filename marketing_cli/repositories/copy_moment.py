"""What stands in a database when a copy of it begins: where its tables end, and what may change from then on."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import BigInteger, String, cast, column, func, select, table
from sqlalchemy.orm import Session

from marketing_cli.models import Base, Run, RunInput
from marketing_cli.repositories.checks import RUNNING, last_number, rejected_lines
from marketing_cli.repositories.copy_parts import INPUTS, PARTS, RUNS, Part
from marketing_cli.repositories.copy_reading import Row, read_rows

_SEQUENCES = table("pg_sequences", column("schemaname", String), column("sequencename", String), column("last_value"))
_NEWEST = table("sqlite_sequence", column("name", String), column("seq", BigInteger))


@dataclass(frozen=True, slots=True)
class Moment:
    """Where everything stands; tables are named as in the database.

    `last` are the last numbers in use, `highest` the highest ones ever drawn. `at_work` are the whole rows of runs that
    have not ended, and of their inputs; `rejected` is how many lines all runs together have refused.
    """

    last: Mapping[str, int]
    highest: Mapping[str, int]
    at_work: Mapping[str, Mapping[int, Row]]
    rejected: int


def moment_of_now(session: Session) -> Moment:
    """Where everything stands now."""
    last = last_numbers(session)
    drawn = _drawn(session)
    unended = select(Run.id).where(Run.status == RUNNING)
    return Moment(
        last=last,
        highest={name: max(number, drawn.get(name, 0)) for name, number in last.items()},
        at_work={
            RUNS.name: read_rows(session, RUNS, Run.status == RUNNING),
            INPUTS.name: read_rows(session, INPUTS, RunInput.run_id.in_(unended)),
        },
        rejected=rejected_lines(session),
    )


def last_numbers(session: Session) -> dict[str, int]:
    """The largest number in use in each table that has numbers of its own; 0 where it is empty."""
    return {part.name: last_number(session, part.table) for part in PARTS}


def raise_numbers(session: Session, highest: Mapping[str, int]) -> None:
    """See to it that no number up to these is drawn again."""
    drawn = _drawn(session)
    for part in PARTS:
        wanted = highest[part.name]
        if wanted > drawn.get(part.name, 0):
            _raise_number(session, part, wanted, is_new=part.name not in drawn)


def _drawn(session: Session) -> dict[str, int]:
    """The highest number ever drawn of each table for which the database keeps it."""
    if session.get_bind().dialect.name == "sqlite":
        return {row.name: row.seq for row in session.execute(select(_NEWEST.c.name, _NEWEST.c.seq))}
    of_part = {_sequence(part): part.name for part in PARTS}
    query = select(_SEQUENCES.c.sequencename, _SEQUENCES.c.last_value).where(
        _SEQUENCES.c.schemaname == func.current_schema(), _SEQUENCES.c.sequencename.in_(of_part)
    )
    return {of_part[row.sequencename]: row.last_value or 0 for row in session.execute(query)}


def _raise_number(session: Session, part: Part, wanted: int, *, is_new: bool) -> None:
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.setval(_sequence(part), cast(wanted, BigInteger))))
    elif _is_kept(part.model):
        change = _NEWEST.insert() if is_new else _NEWEST.update().where(_NEWEST.c.name == part.name)
        session.execute(change.values({"seq": wanted, "name": part.name} if is_new else {"seq": wanted}))


def _is_kept(model: type[Base]) -> bool:
    """Whether SQLite keeps the highest number of a table, and not only the numbers of its rows."""
    return bool(Base.metadata.tables[model.__tablename__].dialect_options["sqlite"]["autoincrement"])


def _sequence(part: Part) -> str:
    return f"{part.name}_id_seq"


def place_of(session: Session) -> tuple[object, ...] | None:
    """What tells a PostgreSQL database from any other, by whatever name it is reached; None on SQLite."""
    if session.get_bind().dialect.name == "sqlite":
        return None
    query = select(func.pg_postmaster_start_time(), func.current_database(), func.current_schema())
    return tuple(session.execute(query).one())


def allow_pauses(session: Session) -> None:
    """Let the transaction be idle for as long as the other database takes."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.set_config("idle_in_transaction_session_timeout", "0", True)))  # noqa: FBT003
