"""Events to rows and rows to events."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, select

from marketing_cli.domain.events import EventFacts
from marketing_cli.models import Event, UserTraits
from marketing_cli.schemas.event import (
    PropertyColumns,
    TraitColumns,
    join_traits,
    project_properties,
    split_traits,
)


@dataclass(slots=True)
class NewEvent:
    """An event about to be stored under its number, and where it came from."""

    event: EventFacts
    content_hash: bytes
    run_id: int
    input_id: int
    line: int


EVENT_COLUMNS = (
    "id",
    "event_key",
    "user_id",
    "event_type",
    "event_timestamp",
    "properties",
    "extra",
    "content_hash",
    "run_id",
    "input_id",
    "line",
)
PROPERTY_COLUMNS = ("event_id", "user_id", *PropertyColumns._fields)
TRAIT_COLUMNS = ("event_id", "user_id", *TraitColumns._fields)


def event_row(new: NewEvent) -> tuple[Any, ...]:
    """The row of `events`, in the order of EVENT_COLUMNS."""
    event = new.event
    return (
        event.id,
        event.key,
        event.user_id,
        event.event_type,
        event.timestamp,
        event.properties,
        event.extra or None,
        new.content_hash,
        new.run_id,
        new.input_id,
        new.line,
    )


def properties_row(event: EventFacts) -> tuple[Any, ...] | None:
    """The row of `event_properties`, in the order of PROPERTY_COLUMNS; None for an event without properties."""
    properties = event.properties
    return None if properties is None else (event.id, event.user_id, *project_properties(properties))


def traits_row(event: EventFacts) -> tuple[Any, ...] | None:
    """The row of `user_traits`, in the order of TRAIT_COLUMNS; None for an event without traits."""
    traits = event.user_traits
    return None if traits is None else (event.id, event.user_id, *split_traits(traits))


def facts_query() -> Select[Any]:
    """Events with their traits, for `facts_of`."""
    return (
        select(
            Event.id,
            Event.event_key,
            Event.user_id,
            Event.event_type,
            Event.event_timestamp,
            Event.properties,
            Event.extra,
            Event.content_hash,
            UserTraits.event_id.label("traits_of"),
            UserTraits.email,
            UserTraits.country,
            UserTraits.marketing_opt_in,
            UserTraits.risk_segment,
            UserTraits.extra.label("other_traits"),
            UserTraits.key_order,
        )
        .select_from(Event)
        .outerjoin(UserTraits, (UserTraits.event_id == Event.id) & (UserTraits.user_id == Event.user_id))
    )


def facts_of(row: Row[Any]) -> EventFacts:
    """A row of `facts_query` as the event that was received."""
    return EventFacts(
        id=row.id,
        key=row.event_key,
        has_own_id=row.event_key != row.content_hash.hex(),
        user_id=row.user_id,
        event_type=row.event_type,
        timestamp=row.event_timestamp,
        properties=row.properties,
        user_traits=None if row.traits_of is None else join_traits(_columns_of(row)),
        extra=row.extra or {},
    )


def _columns_of(row: Row[Any]) -> TraitColumns:
    return TraitColumns(
        email=row.email,
        country=row.country,
        marketing_opt_in=row.marketing_opt_in,
        risk_segment=row.risk_segment,
        extra=row.other_traits,
        key_order=row.key_order,
    )
