"""The rows that a history's digest is made of, read in slices of row numbers."""

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from marketing_cli.models import Event, SendRequest, Suppression
from marketing_cli.repositories.checks import last_number

Decided: TypeAlias = type[SendRequest] | type[Suppression]


class LastRows(NamedTuple):
    """The last row numbers in use; what has larger ones came later."""

    events: int
    requests: int
    suppressions: int


def last_rows(session: Session) -> LastRows:
    """Where the three tables end now."""
    return LastRows(*(last_number(session, model.__table__) for model in (Event, SendRequest, Suppression)))  # type: ignore[arg-type]


def events(session: Session, after: int, to: int) -> "Sequence[Row[str, str, bytes]]":
    """Events as (key, user, content hash)."""
    query = select(Event.event_key, Event.user_id, Event.content_hash).where(Event.id.between(after + 1, to))
    return session.execute(query).all()


def matches(session: Session, model: Decided, after: int, to: int) -> "Sequence[Row[str | None, str, str]]":
    """The events and rules decided on, as (event key, user, rule); the key is None where the event is gone."""
    own = (Event.id == model.event_id) & (Event.user_id == model.user_id)
    query = select(Event.event_key, model.user_id, model.rule_name).outerjoin(Event, own)
    return session.execute(query.where(model.id.between(after + 1, to))).all()


def requests(session: Session, after: int, to: int) -> "Sequence[Row[str, str, str]]":
    """Send requests as (user, template, window)."""
    query = select(SendRequest.user_id, SendRequest.template_name, SendRequest.dedup_window)
    return session.execute(query.where(SendRequest.id.between(after + 1, to))).all()
