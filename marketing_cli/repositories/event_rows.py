"""Events to rows and rows to events."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Row, Select, select

from marketing_cli.domain.events import EventFacts, JsonObject
from marketing_cli.models import Event, UserTraits
from marketing_cli.schemas.event import (
    PropertyColumns,
    TraitColumns,
    join_traits,
    project_properties,
    split_traits,
)


class NewEvent(NamedTuple):
    """An event about to be stored under its number, and where it came from."""

    event: EventFacts
    content_hash: bytes
    run_id: int
    input_id: int
    line: int


class NewEvents(NamedTuple):
    """Events about to be stored under their numbers, and where they came from: a hash and a line for each."""

    events: Sequence[EventFacts]
    content_hashes: Sequence[bytes]
    run_id: int
    input_id: int
    lines: Sequence[int]


def event_columns(news: NewEvents) -> Mapping[str, Sequence[Any]]:
    """The columns of `events`, by name: a value of each for every event. Takes at least one event."""
    fields = dict(zip(EventFacts._fields, zip(*news.events, strict=True), strict=True))
    count = len(news.events)
    return {
        "id": fields["id"],
        "event_key": fields["key"],
        "user_id": fields["user_id"],
        "event_type": fields["event_type"],
        "event_timestamp": fields["timestamp"],
        "properties": fields["properties"],
        "extra": [extra or None for extra in fields["extra"]],
        "content_hash": news.content_hashes,
        "run_id": [news.run_id] * count,
        "input_id": [news.input_id] * count,
        "line": news.lines,
    }


def property_columns(events: Sequence[EventFacts]) -> Mapping[str, Sequence[Any]]:
    """The columns of `event_properties`, by name: values for each event that has properties."""
    found = [(event, properties) for event in events if (properties := event.properties) is not None]
    columns = zip(*[project_properties(properties) for _, properties in found], strict=True)
    return _of_events(found) | dict(zip(PropertyColumns._fields, columns, strict=False))


def trait_columns(events: Sequence[EventFacts]) -> Mapping[str, Sequence[Any]]:
    """The columns of `user_traits`, by name: values for each event that has traits."""
    found = [(event, traits) for event in events if (traits := event.user_traits) is not None]
    columns = zip(*[split_traits(traits) for _, traits in found], strict=True)
    return _of_events(found) | dict(zip(TraitColumns._fields, columns, strict=False))


def _of_events(found: Sequence[tuple[EventFacts, JsonObject]]) -> dict[str, Sequence[Any]]:
    return {"event_id": [event.id for event, _ in found], "user_id": [event.user_id for event, _ in found]}


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
