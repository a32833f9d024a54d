"""What was stored, user by user, for those who decide it again."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from marketing_cli.domain.events import EventFacts
from marketing_cli.domain.reasons import Outcome
from marketing_cli.models import Event, EventProperties, RulesVersion, Run, SendRequest, Suppression
from marketing_cli.repositories.event_rows import facts_query
from marketing_cli.repositories.pieces import Piece, PieceReader, Place, Span, TimeIsUp, Users
from marketing_cli.schemas.event import PropertyColumns, TraitColumns, join_traits


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


class ReplayRepository:
    """Reads inside the session's transaction; never commits."""

    def __init__(self, session: Session) -> None:
        """Work in this session."""
        self._session = session

    def events(self, span: Span, after: Place | None, is_up: TimeIsUp) -> Piece:
        """Events as `Arrived`, a user's together, in no useful order within a user."""
        return PieceReader(self._session, span, is_up).events(_arrivals(), after, _arrived)

    def decisions(self, span: Span, outcome: Outcome, users: Users, after: Place | None, is_up: TimeIsUp) -> Piece:
        """Send requests or suppressions as `Decided`, of these users, a user's together."""
        requests = outcome is Outcome.REQUESTED
        query = _decisions(SendRequest if requests else Suppression)
        read = _requested if requests else _suppressed
        return PieceReader(self._session, span, is_up).decisions(query, outcome, users, after, read)

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
