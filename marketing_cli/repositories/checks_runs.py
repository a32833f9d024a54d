"""How runs ended, for checks."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session

from marketing_cli.models import RulesVersion, Run, RunInput


class Begun(NamedTuple):
    """A run, and when it began."""

    id: int
    started_at: datetime


def last_run(session: Session) -> Row[Run, str] | None:
    """The run that began last, with the SHA-256 of its rules; None when there was none."""
    query = select(Run, RulesVersion.sha256).join(RulesVersion, RulesVersion.id == Run.rules_version_id)
    return session.execute(query.order_by(Run.id.desc()).limit(1)).first()


def runs_with_status(session: Session, status: str, most: int) -> list[Begun]:
    """The newest runs with this status, at most so many."""
    query = select(Run.id, Run.started_at).where(Run.status == status).order_by(Run.id.desc()).limit(most)
    return [Begun(*row) for row in session.execute(query)]


def inputs_of(session: Session, run_ids: Sequence[int]) -> list[tuple[int, str]]:
    """The inputs of these runs, as run and path."""
    query = select(RunInput.run_id, RunInput.path).where(RunInput.run_id.in_(run_ids))
    return [(run_id, path) for run_id, path in session.execute(query)]


def last_read(session: Session, state: str, after: int, to: int) -> dict[str, int]:
    """Which run was the last to leave an input in this state, by path."""
    query = select(RunInput.path, func.max(RunInput.run_id).label("run_id"))
    query = query.where(RunInput.id.between(after + 1, to), RunInput.state == state).group_by(RunInput.path)
    return {path: run_id for path, run_id in session.execute(query)}  # noqa: C416 - rows are no pairs to a type checker


def last_input(session: Session) -> int:
    """The largest number of an input; 0 when there is none."""
    return session.execute(select(func.coalesce(func.max(RunInput.id), 0))).scalar_one()
