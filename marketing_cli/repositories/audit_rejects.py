"""Refused lines for the audit: of one event id, or of one user."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, func, null, or_, select
from sqlalchemy.orm import Session, aliased

from marketing_cli.domain.lines import RejectReason
from marketing_cli.models import Event, Reject
from marketing_cli.repositories.audit_rows import KeptReject


class KeptRejects:
    """Reads refused lines inside the session's transaction; never commits. Newest first, always."""

    def __init__(self, session: Session) -> None:
        """Work in this session."""
        self._session = session

    def of_event(self, event_key: str, user_id: str | None, limit: int) -> list[KeptReject]:
        """Lines with this event key, of one user or of all."""
        query = _query(with_raw=True).where(Reject.event_key == event_key)
        if user_id is not None:
            # An expression, so that no database goes through all lines of a user for one id.
            query = query.where(func.coalesce(Reject.user_id, "") == user_id)
        return self._found(query, limit)

    def of_user(self, user_id: str, limit: int | None) -> list[KeptReject]:
        """Lines of this user."""
        return self._found(_query(with_raw=True).where(Reject.user_id == user_id), limit)

    def unmended(self, user_id: str, event_types: Sequence[str], limit: int) -> list[KeptReject]:
        """Lines of this user and these types, without their bytes, whose event was not stored since.

        A conflicting duplicate counts: its event is stored, but with other contents.
        """
        stored = aliased(Event)
        same = (stored.event_key == Reject.event_key) & (stored.user_id == Reject.user_id)
        query = (
            _query(with_raw=False)
            .outerjoin(stored, same)
            .where(Reject.user_id == user_id, Reject.event_type.in_(event_types))
            .where(or_(stored.id.is_(None), Reject.reason == RejectReason.CONFLICTING_DUPLICATE.value))
        )
        return self._found(query, limit)

    def count_without_type(self, user_id: str, limit: int) -> int:
        """How many lines of this user have no legible type; `limit` at most."""
        query = select(Reject.id).where(Reject.user_id == user_id, Reject.event_type.is_(None)).limit(limit)
        return len(self._session.execute(query).all())

    def _found(self, query: Select[Any], limit: int | None) -> list[KeptReject]:
        rows = self._session.execute(query.order_by(Reject.id.desc()).limit(limit))
        return [KeptReject(*row) for row in rows]


def _query(*, with_raw: bool) -> Select[Any]:
    columns: list[Any] = [
        Reject.run_id,
        Reject.last_run_id,
        Reject.count,
        Reject.path,
        Reject.line,
        Reject.reason,
        Reject.detail,
        Reject.user_id,
        Reject.event_type,
        Reject.event_key,
        Reject.raw if with_raw else null(),
        Reject.raw_length,
        Reject.created_at,
    ]
    return select(*columns)
