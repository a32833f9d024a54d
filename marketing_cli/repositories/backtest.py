"""What a backtest reads: the events that rules can use, user by user, and what was decided; in pieces.

Of an event that no rule can use, only what an index has is read: it is passed over as quickly as can be, and still is a
row after which a piece can end.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeAlias

from sqlalchemy import ColumnElement, Select, case, false, null, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from marketing_cli.domain.events import EventFacts
from marketing_cli.domain.reasons import Outcome
from marketing_cli.models import Event, Run, SendRequest, Suppression, UserTraits
from marketing_cli.repositories.pieces import Piece, PieceReader, Place, Span, TimeIsUp, Users
from marketing_cli.schemas.event import TraitColumns, join_traits

Types: TypeAlias = Collection[str]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to read of which events.

    Those of `decided` types from `since` on, and of `facts` types from `facts_since` on; None for all. Properties,
    traits and other keys of the types that are named, and None for other types; whether a key is the producer's own
    only where `own_ids` asks for it.
    """

    span: Span
    decided: Types
    facts: Types
    properties: Types
    traits: Types
    extra: Types
    own_ids: bool
    since: datetime | None = None
    facts_since: datetime | None = None


class Seen(NamedTuple):
    """A stored event as the rules can see it, and whether its run imported an archive."""

    event: EventFacts
    backfill: bool


class Made(NamedTuple):
    """A stored send request (with a `status`), or a suppression (with what blocked it).

    `event_key` is only there for requests, and only where a backtest has a beginning: what they used up before counts.
    """

    user_id: str
    id: int
    event_id: int | None
    event_timestamp: datetime
    rule_name: str
    template_name: str
    channel: str
    dedup_window: str
    reason: str
    status: str | None
    reason_code: str | None
    suppression_reason: str | None
    blocking_request_id: int | None
    event_key: str | None

    @property
    def outcome(self) -> Outcome:
        """Whether it is a request or a suppression."""
        return Outcome.SUPPRESSED if self.status is None else Outcome.REQUESTED


class BacktestRepository:
    """Reads inside the session's transaction; never commits."""

    def __init__(self, session: Session) -> None:
        """Work in this session."""
        self._session = session

    def backfill_runs(self) -> frozenset[int]:
        """The runs that imported archives."""
        return frozenset(self._session.scalars(select(Run.id).where(Run.backfill)))

    def keys(self, event_ids: Collection[int]) -> dict[int, str]:
        """The keys of events by the number of their row; those that are not there are left out."""
        query = select(Event.id, Event.event_key).where(Event.id.in_(event_ids))
        return {row.id: row.event_key for row in self._session.execute(query)}

    def arrivals(self, wanted: Wanted, after: Place | None, is_up: TimeIsUp) -> Piece:
        """Rows of all events, for `seen_of`, a user's together, in no useful order within a user.

        They begin with the user, type, time and number.
        """
        return PieceReader(self._session, wanted.span, is_up).events(_arrivals(wanted), after, tuple)

    def decisions(self, wanted: Wanted, outcome: Outcome, users: Users, after: Place | None, is_up: TimeIsUp) -> Piece:
        """What was decided, as `Made`, of these users, a user's together."""
        query = _made(wanted) if outcome is Outcome.REQUESTED else _held()
        return PieceReader(self._session, wanted.span, is_up).decisions(query, outcome, users, after, Made._make)


def seen_of(row: Sequence[Any], backfill_runs: Collection[int]) -> Seen | None:
    """A row of `arrivals` as the rules see it; None for one that is not wanted."""
    user_id, event_type, moment, number, key, run_id, properties, extra, content_hash, traits_of, *traits = row
    if key is None:
        return None
    event = EventFacts(
        number,
        key,
        content_hash is None or key != content_hash.hex(),
        user_id,
        event_type,
        moment,
        properties,
        None if traits_of is None else join_traits(TraitColumns._make(traits)),
        extra or {},
    )
    return Seen(event, run_id in backfill_runs)


def _arrivals(wanted: Wanted) -> Select[Any]:
    chosen = _chosen(wanted)
    query = select(
        *(Event.user_id, Event.event_type, Event.event_timestamp, Event.id),
        case((chosen, Event.event_key)),
        case((chosen, Event.run_id)),
        _of_types(Event.properties, wanted.properties, chosen),
        _of_types(Event.extra, wanted.extra, chosen),
        case((chosen, Event.content_hash)) if wanted.own_ids else null(),
    )
    if not wanted.traits:
        return query.add_columns(null())
    columns = (UserTraits.event_id.label("traits_of"), *(getattr(UserTraits, name) for name in TraitColumns._fields))
    mine = (UserTraits.event_id == Event.id) & (UserTraits.user_id == Event.user_id)
    usable = chosen & Event.event_type.in_(wanted.traits)
    return query.add_columns(*columns).select_from(Event).outerjoin(UserTraits, mine & usable)


def _of_types(column: InstrumentedAttribute[Any], types: Types, chosen: "ColumnElement[bool]") -> "ColumnElement[Any]":
    """The column for chosen events of these types, nothing for others."""
    return case((chosen & Event.event_type.in_(types), column)) if types else null()


def _chosen(wanted: Wanted) -> "ColumnElement[bool]":
    kinds = [(wanted.decided, wanted.since), (wanted.facts, wanted.facts_since)]
    chosen = (
        Event.event_type.in_(types) if since is None else Event.event_type.in_(types) & (Event.event_timestamp >= since)
        for types, since in kinds
    )
    return or_(false(), *chosen)


_SHARED: Final = Made._fields[:9]
_OF_SUPPRESSIONS: Final = Made._fields[10:13]


def _made(wanted: Wanted) -> Select[Any]:
    query = select(*(getattr(SendRequest, name) for name in _SHARED), SendRequest.status, null(), null(), null())
    if wanted.since is None:
        return query.add_columns(null())
    own = (Event.id == SendRequest.event_id) & (Event.user_id == SendRequest.user_id)
    counts = SendRequest.event_timestamp < wanted.since
    return query.add_columns(Event.event_key).select_from(SendRequest).outerjoin(Event, own & counts)


def _held() -> Select[Any]:
    columns = (getattr(Suppression, name) for name in _SHARED)
    return select(*columns, null(), *(getattr(Suppression, name) for name in _OF_SUPPRESSIONS), null())
