"""Whether a stored event is still what arrived: its content, and the columns that repeat parts of it."""

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

from marketing_cli.domain.events import EventFacts
from marketing_cli.domain.texts import shown, z
from marketing_cli.repositories.replay import Arrived
from marketing_cli.schemas.content import content_hash
from marketing_cli.schemas.event import PropertyColumns, TraitColumns, project_properties, split_traits
from marketing_cli.schemas.verify import Difference, DifferenceKind

_Row: TypeAlias = PropertyColumns | TraitColumns | None


def event_differences(arrived: Arrived) -> Sequence[Difference]:
    """What is stored of an event and does not fit the rest of what is stored of it."""
    _, _, _, user_id, event_type, timestamp, properties, user_traits, _ = arrived.event
    made = content_hash(user_id, event_type, timestamp, properties, user_traits)
    projected = None if properties is None else project_properties(properties)
    split = None if arrived.traits is None else split_traits(user_traits)
    is_same = (made, projected, split) == (arrived.content_hash, arrived.projected, arrived.traits)
    if is_same and arrived.rules_version_id is not None:
        return ()
    return list(_told(arrived, made, projected, split))


def _told(
    arrived: Arrived, made: bytes, projected: PropertyColumns | None, split: TraitColumns | None
) -> Iterator[Difference]:
    if made != arrived.content_hash:
        yield _changed(arrived, made)
    if projected != arrived.projected:
        yield _projection(arrived, "event_properties", arrived.projected, projected)
    if split != arrived.traits:
        yield _projection(arrived, "user_traits", arrived.traits, split)
    if arrived.rules_version_id is None:
        stored = f"run {arrived.run_id}"
        yield _difference(arrived, DifferenceKind.EVENT, "the run that brought it", (stored, "no such run"), "run_id")


def _changed(arrived: Arrived, made: bytes) -> Difference:
    about = f"its user, type, time ({z(arrived.event.timestamp)}), properties or traits"
    found = f"content hash {arrived.content_hash.hex()}", f"content hash {made.hex()}"
    return _difference(arrived, DifferenceKind.EVENT, about, found, "content_hash")


def _projection(arrived: Arrived, table: str, stored: _Row, made: _Row) -> Difference:
    kind = DifferenceKind.PROJECTION
    if stored is None or made is None:
        found = ("no row", "a row") if stored is None else ("a row", "no row")
        return _difference(arrived, kind, f"its row of {table}", found)
    name = next(name for name in stored._fields if getattr(stored, name) != getattr(made, name))
    found = said(getattr(stored, name)), said(getattr(made, name))
    return _difference(arrived, kind, f"{table}.{name}", found, name)


def _difference(
    arrived: Arrived, kind: DifferenceKind, about: str, found: tuple[str, str], column: str | None = None
) -> Difference:
    stored, now = found
    return Difference(
        kind=kind,
        about=f"{arrived.event.event_type} {arrived.event.key}: {about}",
        stored=stored,
        now=now,
        column=column,
        run_id=arrived.run_id,
        **placed(arrived.event),
    )


def placed(event: EventFacts) -> dict[str, Any]:
    """The fields of a difference that say which event it is about."""
    return {"user_id": event.user_id, "event_id": event.key, "row": event.id}


def said(value: object) -> str:
    """A column's value in words."""
    if value is None:
        return "nothing"
    return value if isinstance(value, str) else shown(value)
