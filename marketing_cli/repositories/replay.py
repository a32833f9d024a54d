"""What was stored, user by user, for those who decide it again."""

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final, NamedTuple

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from marketing_cli.database.stored_values import Misfit, Unread, careful_query
from marketing_cli.domain.events import EventFacts
from marketing_cli.domain.reasons import Outcome
from marketing_cli.models import Event, EventProperties, RulesVersion, Run, SendRequest, Suppression
from marketing_cli.repositories.event_rows import facts_query
from marketing_cli.repositories.pieces import Damaged, Piece, PieceReader, Place, Span, TimeIsUp, Users
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


class Unreadable(NamedTuple):
    """A stored event (without `outcome`), or a decision, with a value that cannot be read. What else cannot is None.

    `event_id` is the number of the event itself, or of the one decided on.
    """

    misfit: Misfit
    outcome: Outcome | None
    user_id: str
    event_id: int | None
    rule_name: str | None
    run_id: int | None


class KeptRules(NamedTuple):
    """A rules version as it is stored; `in_force` are its enabled rules as (name, event type).

    `unreadable` names the columns that cannot be read: the hash is then empty, the others None.
    """

    sha256: str
    text: str | None
    in_force: frozenset[tuple[str, str]] | None
    unreadable: tuple[str, ...] = ()


_DECIDED: Final = Decided._fields[1:14]
_MOST_NUMBERS: Final = 500


class ReplayRepository:
    """Reads inside the session's transaction; never commits."""

    def __init__(self, session: Session) -> None:
        """Work in this session."""
        self._session = session

    def events(self, span: Span, after: Place | None, is_up: TimeIsUp) -> Piece:
        """Events as `Arrived` or `Unreadable`, a user's together, in no useful order within a user."""
        return PieceReader(self._session, span, is_up, _unreadable_event).events(_arrivals(), after, _arrived)

    def decisions(self, span: Span, outcome: Outcome, users: Users, after: Place | None, is_up: TimeIsUp) -> Piece:
        """Send requests or suppressions as `Decided` or `Unreadable`, of these users, a user's together."""
        requests = outcome is Outcome.REQUESTED
        query = _decisions(SendRequest if requests else Suppression)
        read = _requested if requests else _suppressed
        damaged = partial(_unreadable_decision, outcome)
        return PieceReader(self._session, span, is_up, damaged).decisions(query, outcome, users, after, read)

    def rules(self, version_id: int) -> KeptRules | None:
        """A rules version, if it is there."""
        query = select(RulesVersion.sha256, RulesVersion.text, RulesVersion.in_force)
        query = careful_query(query.where(RulesVersion.id == version_id), self._session.get_bind().dialect)
        row = self._session.execute(query).one_or_none()
        return None if row is None else _kept(row)

    def runs(self) -> dict[int, tuple[int, bool]]:
        """The rules version of each run, and whether it imported an archive."""
        query = select(Run.id, Run.rules_version_id, Run.backfill)
        found = self._session.execute(careful_query(query, self._session.get_bind().dialect))
        return {row.id: (row.rules_version_id, row.backfill) for row in found}

    def users_of_events(self, numbers: Collection[int]) -> dict[int, str]:
        """The users of these events, by number; those that are not there are left out."""
        found: dict[int, str] = {}
        ordered = sorted(numbers)
        for begin in range(0, len(ordered), _MOST_NUMBERS):
            some = ordered[begin : begin + _MOST_NUMBERS]
            query = select(Event.id, Event.user_id).where(Event.id.in_(some))
            found.update((row.id, row.user_id) for row in self._session.execute(query))
        return found

    def rules_versions(self) -> Sequence[int]:
        """The number of every rules version."""
        return self._session.scalars(select(RulesVersion.id).order_by(RulesVersion.id)).all()


def _kept(row: Sequence[Any]) -> KeptRules:
    sha256, text, pairs = (None if type(value) is Unread else value for value in row)
    in_force = None
    if pairs is not None and all(map(_is_pair, pairs)):
        in_force = frozenset((name, event_type) for name, event_type in pairs)
    unreadable = [name for name, value in (("sha256", sha256), ("text", text), ("in_force", in_force)) if value is None]
    return KeptRules(sha256 or "", text, in_force, tuple(unreadable))


def _is_pair(value: Any) -> bool:  # noqa: ANN401
    return type(value) is list and [type(part) for part in value] == [str, str]


def _unreadable_event(row: Damaged) -> Unreadable:
    values = row.values
    return Unreadable(row.misfit, None, values["user_id"] or "", values["id"], None, values["run_id"])


def _unreadable_decision(outcome: Outcome, row: Damaged) -> Unreadable:
    values = row.values
    rule = values["rule_name"]
    return Unreadable(row.misfit, outcome, values["user_id"] or "", values["event_id"], rule, values["run_id"])


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
