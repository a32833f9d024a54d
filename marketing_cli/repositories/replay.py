"""What was stored, user by user, for those who decide it again: read in pieces that can end at any row."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar

from sqlalchemy import ColumnElement, Select, literal, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from marketing_cli.domain.events import EventFacts
from marketing_cli.domain.reasons import Outcome
from marketing_cli.models import Base, Event, EventProperties, RulesVersion, Run, SendRequest, Suppression
from marketing_cli.repositories.checks import last_number
from marketing_cli.repositories.event_rows import facts_query
from marketing_cli.schemas.event import PropertyColumns, TraitColumns, join_traits

Found = TypeVar("Found")
TimeIsUp: TypeAlias = Callable[[], bool]

_AT_ONCE: Final = 20
"""Rows may have a MiB each, and all that are fetched at once are in memory at once."""
_MOST: Final = 5_000


@dataclass(frozen=True, slots=True)
class Span:
    """The rows to read: up to the last ones in use when the reading began, of one user or of all."""

    events: int
    requests: int
    suppressions: int
    user_id: str | None = None


class Piece(NamedTuple):
    """Rows, where the next ones begin, and whether there are any."""

    rows: Sequence[Any]
    place: tuple[Any, ...] | None
    ended: bool


class Arrived(NamedTuple):
    """A stored event, when it was stored, and by which run.

    `rules_version_id` are that run's rules, None where the run is not there; `projected` and `traits` the rows of
    `event_properties` and `user_traits`, None where there is none.
    """

    event: EventFacts
    content_hash: bytes
    created_at: datetime
    run_id: int
    rules_version_id: int | None
    backfill: bool
    projected: PropertyColumns | None
    traits: TraitColumns | None

    @property
    def id(self) -> int:
        """The number of its row, which is the order of arrival."""
        return self.event.id


class Decided(NamedTuple):
    """A stored send request (with a `status`), or a suppression (with what blocked it), by the names of its columns."""

    outcome: Outcome
    id: int
    event_id: int | None
    user_id: str
    event_timestamp: datetime
    rule_name: str
    template_name: str
    channel: str
    dedup_window: str
    reason: str
    run_id: int
    rules_version_id: int
    caused_by_event_id: int
    decided_at: datetime
    status: str | None = None
    reason_code: str | None = None
    suppression_reason: str | None = None
    blocking_request_id: int | None = None


class KeptRules(NamedTuple):
    """A rules version as it is stored; `in_force` are its enabled rules as (name, event type)."""

    sha256: str
    text: str
    in_force: frozenset[tuple[str, str]]


_DECIDED: Final = Decided._fields[1:14]
_BY_TYPE_AND_TIME: Final = (Event.user_id, Event.event_type, Event.event_timestamp, Event.id)
_BY_WINDOW: Final = (SendRequest.user_id, SendRequest.template_name, SendRequest.dedup_window)
_BY_NUMBER: Final = (Suppression.user_id, Suppression.id)


class ReplayRepository:
    """Reads inside the session's transaction; never commits."""

    def __init__(self, session: Session) -> None:
        """Work in this session."""
        self._session = session

    def span(self, user_id: str | None = None) -> Span:
        """What is there now."""
        events, requests, suppressions = (
            last_number(self._session, Base.metadata.tables[model.__tablename__])
            for model in (Event, SendRequest, Suppression)
        )
        return Span(events, requests, suppressions, user_id)

    def events(self, span: Span, after: tuple[Any, ...] | None, is_up: TimeIsUp) -> Piece:
        """Events as `Arrived`, a user's together, in no useful order within a user."""
        query = following(_arrivals(), _BY_TYPE_AND_TIME, after).where(Event.id <= span.events)
        if span.user_id is not None:
            query = query.where(Event.user_id == span.user_id)
        return self._piece(query, _BY_TYPE_AND_TIME, _arrived, is_up)

    def decisions(
        self,
        span: Span,
        outcome: Outcome,
        users: tuple[str | None, str | None],
        after: tuple[Any, ...] | None,
        is_up: TimeIsUp,
    ) -> Piece:
        """Send requests or suppressions as `Decided`, of users after one to another included, a user's together."""
        requests = outcome is Outcome.REQUESTED
        model, order = (SendRequest, _BY_WINDOW) if requests else (Suppression, _BY_NUMBER)
        query = following(_decisions(model), order, after).where(*between(model.user_id, *users))
        query = query.where(model.id <= (span.requests if requests else span.suppressions))
        if span.user_id is not None:
            query = query.where(model.user_id == span.user_id)
        return self._piece(query, order, _requested if requests else _suppressed, is_up)

    def rules(self, version_id: int) -> KeptRules | None:
        """A rules version, if it is there."""
        query = select(RulesVersion.sha256, RulesVersion.text, RulesVersion.in_force)
        row = self._session.execute(query.where(RulesVersion.id == version_id)).one_or_none()
        if row is None:
            return None
        return KeptRules(row.sha256, row.text, frozenset((name, event_type) for name, event_type in row.in_force))

    def rules_versions(self) -> Sequence[int]:
        """The number of every rules version."""
        return self._session.scalars(select(RulesVersion.id).order_by(RulesVersion.id)).all()

    def _piece(
        self,
        query: Select[Any],
        order: Sequence[InstrumentedAttribute[Any]],
        read: Callable[[Any], Found],
        is_up: TimeIsUp,
    ) -> Piece:
        """The next rows, at least one if there is any, until there are enough or the time is up."""
        rows, last = [], None
        # Not by the session: it has nothing to add to columns, and takes its time.
        found = self._session.connection().execute(query.limit(_MOST), execution_options={"yield_per": _AT_ONCE})
        for row in found:
            rows.append(read(row))
            last = row
            if is_up():
                break
        else:
            if len(rows) < _MOST:
                return Piece(rows, None, ended=True)
        found.close()
        return Piece(rows, tuple(getattr(last, column.key) for column in order), ended=False)


def following(
    query: Select[Any], order: Sequence[InstrumentedAttribute[Any]], after: tuple[Any, ...] | None
) -> Select[Any]:
    """In this order, which is an index's, from the row after that one on."""
    if after is not None:
        place = [literal(value, column.type) for column, value in zip(order, after, strict=True)]
        query = query.where(tuple_(*order) > tuple_(*place))
    return query.order_by(*order)


def between(column: InstrumentedAttribute[str], after: str | None, to: str | None) -> "list[ColumnElement[bool]]":
    """After one value to another included; None for no bound."""
    bounds = [] if after is None else [column > after]
    return bounds if to is None else [*bounds, column <= to]


def _arrivals() -> Select[Any]:
    mine = (EventProperties.event_id == Event.id) & (EventProperties.user_id == Event.user_id)
    return (
        facts_query()
        .add_columns(Event.created_at, Event.run_id, Run.rules_version_id, Run.backfill)
        .add_columns(EventProperties.event_id.label("properties_of"))
        .add_columns(*(getattr(EventProperties, name) for name in PropertyColumns._fields))
        .outerjoin(Run, Run.id == Event.run_id)
        .outerjoin(EventProperties, mine)
    )


def _arrived(row: Sequence[Any]) -> Arrived:
    """A row of `_arrivals`, taken apart by place: by name that takes twice as long, and there are many."""
    (
        (number, key, user_id, event_type, moment, properties, extra, content_hash),
        (traits_of, *columns),
        (created_at, run_id, version, backfill),
        (properties_of, *projected),
    ) = row[:8], row[8:15], row[15:19], row[19:]
    traits = None if traits_of is None else TraitColumns(*columns)
    has_own_id = key != content_hash.hex()
    user_traits = None if traits is None else join_traits(traits)
    return Arrived(
        EventFacts(number, key, has_own_id, user_id, event_type, moment, properties, user_traits, extra or {}),
        content_hash,
        created_at,
        run_id,
        version,
        bool(backfill),
        None if properties_of is None else PropertyColumns(*projected),
        traits,
    )


def _decisions(model: type[SendRequest] | type[Suppression]) -> Select[Any]:
    own = ("status",) if model is SendRequest else ("reason_code", "suppression_reason", "blocking_request_id")
    return select(*(getattr(model, name) for name in (*_DECIDED, *own)))


def _requested(row: Sequence[Any]) -> Decided:
    return Decided._make((Outcome.REQUESTED, *row, None, None, None))


def _suppressed(row: Sequence[Any]) -> Decided:
    *common, code, reason, blocking = row
    return Decided._make((Outcome.SUPPRESSED, *common, None, code, reason, blocking))
