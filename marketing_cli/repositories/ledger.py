"""The ledger: runs, their inputs, and the rules versions they used."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from marketing_cli.models import RulesVersion, Run, RunInput
from marketing_cli.repositories.upsert import insert_or_meet


class RunRepository:
    """Stores runs and how far they got; never commits."""

    def __init__(self, session: Session) -> None:
        """Work in this session."""
        self._session = session

    def add(self, values: Mapping[str, Any]) -> int:
        """Open a run; returns its id."""
        return self._session.execute(insert(Run).values(**values).returning(Run.id)).scalar_one()

    def add_input(self, values: Mapping[str, Any]) -> int:
        """Enter an input of a run; returns its id."""
        return self._session.execute(insert(RunInput).values(**values).returning(RunInput.id)).scalar_one()

    def update(self, run_id: int, values: Mapping[str, Any]) -> None:
        """Note a run's totals or its end."""
        self._session.execute(update(Run).where(Run.id == run_id).values(**values))

    def update_input(self, input_id: int, values: Mapping[str, Any]) -> None:
        """Note how far an input was read."""
        self._session.execute(update(RunInput).where(RunInput.id == input_id).values(**values))


class RulesVersionRepository:
    """Keeps each rules text once; never commits."""

    def __init__(self, session: Session) -> None:
        """Work in this session."""
        self._session = session

    def keep(self, sha256: str, text: str, in_force: Sequence[tuple[str, str]]) -> int:
        """The id of a rules text, stored now if it is new. Two runs may bring the same text at once.

        `in_force` holds the name and the event type of each enabled rule.
        """
        values = {"sha256": sha256, "text": text, "in_force": list(in_force)}
        self._session.execute(insert_or_meet(self._session, RulesVersion).values(values).on_conflict_do_nothing())
        return self._session.execute(select(RulesVersion.id).where(RulesVersion.sha256 == sha256)).scalar_one()

    def get_in_force(self, version_id: int) -> frozenset[tuple[str, str]]:
        """The name and the event type of each rule that a version had enabled."""
        query = select(RulesVersion.in_force).where(RulesVersion.id == version_id)
        return frozenset((name, event_type) for name, event_type in self._session.execute(query).scalar_one())
