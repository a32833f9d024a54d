"""Runs, rules versions and kept lines for people: newest first."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, func, null, or_, select
from sqlalchemy.orm import Session

from marketing_cli.models import Reject, RulesVersion, Run, RunInput
from marketing_cli.repositories.listing_moments import set_within
from marketing_cli.schemas.list_queries import RejectQuery, RunQuery


class LedgerListing:
    """Reads the ledger inside the session's transaction; never commits. `after` is the id a page ended with."""

    def __init__(self, session: Session) -> None:
        """Read in this session."""
        self._session = session

    def runs(self, wanted: RunQuery, after: int | None, count: int) -> Sequence[Row[Run, str]]:
        """The next runs, each with the SHA-256 of its rules."""
        query = select(Run, RulesVersion.sha256).join(RulesVersion, RulesVersion.id == Run.rules_version_id)
        if after is not None:
            query = query.where(Run.id < after)
        if wanted.since is not None:
            query = query.where(Run.started_at >= wanted.since)
        if wanted.until is not None:
            query = query.where(Run.started_at < wanted.until)
        return self._session.execute(query.order_by(Run.id.desc()).limit(count)).all()

    def inputs(self, run_ids: Sequence[int]) -> Sequence[RunInput]:
        """The inputs of these runs, each run's in the order they were read."""
        query = select(RunInput).where(RunInput.run_id.in_(run_ids)).order_by(RunInput.run_id, RunInput.position)
        return self._session.scalars(query).all()

    def rejects(self, wanted: RejectQuery, after: int | None, count: int) -> Sequence[Row[Any]]:
        """The next kept lines; without `with_raw` all but the lines."""
        columns: list[Any] = [column for column in Reject.__table__.c if column.key not in {"count", "raw"}]
        columns += [Reject.count.label("times"), Reject.raw if wanted.with_raw else null().label("raw")]
        query = select(*columns)
        asked: list[tuple[Any, Any]] = [(Reject.reason, wanted.reason), (Reject.user_id, wanted.user)]
        query = query.where(*(column == value for column, value in asked if value is not None))
        query = query.where(*set_within(Reject.created_at, wanted.since, wanted.until))
        if wanted.run is not None:
            query = query.where(or_(Reject.run_id == wanted.run, Reject.last_run_id == wanted.run))
        if after is not None:
            query = query.where(Reject.id > after if wanted.oldest_first else Reject.id < after)
        order = Reject.id.asc() if wanted.oldest_first else Reject.id.desc()
        return self._session.execute(query.order_by(order).limit(count)).all()

    def rules_versions(self, after: int | None, count: int) -> Sequence[Row[Any]]:
        """The next rules versions, with what their runs did."""
        used = (
            select(
                Run.rules_version_id,
                func.count().label("runs"),
                func.min(Run.id).label("first_run_id"),
                func.max(Run.id).label("last_run_id"),
                func.sum(Run.send_requests).label("send_requests"),
                func.sum(Run.suppressions).label("suppressions"),
            )
            .group_by(Run.rules_version_id)
            .subquery("used")
        )
        query = select(RulesVersion.id, RulesVersion.sha256, RulesVersion.first_used_at, *list(used.c)[1:])
        query = query.outerjoin(used, used.c.rules_version_id == RulesVersion.id)
        if after is not None:
            query = query.where(RulesVersion.id < after)
        return self._session.execute(query.order_by(RulesVersion.id.desc()).limit(count)).all()

    def rules_texts(self, prefix: str, most: int) -> Sequence[str]:
        """The rules texts, at most so many, whose SHA-256 begins so; the prefix is of lower-case hex digits."""
        query = select(RulesVersion.text).where(RulesVersion.sha256.startswith(prefix)).order_by(RulesVersion.id)
        return self._session.scalars(query.limit(most)).all()
