"""What the newest stored events show of: event types and fields that rules ask for and that do not occur."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from sqlalchemy.orm import Session

from marketing_cli.database.sessions import open_database
from marketing_cli.domain.events import EventFacts
from marketing_cli.repositories.rules_lint import FactsPiece, TypesPiece, events_by_number, newest_types
from marketing_cli.schemas.rules import Channel, FieldCondition, Limit, Message, Rule, RuleSet
from marketing_cli.services.history import History
from marketing_cli.services.reading import Reading, reading_of
from marketing_cli.services.rule_evaluation import evaluate
from marketing_cli.services.rules_lint_values import needs_value

NEWEST: Final = 100_000
"""How many events are looked at."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The newest events: how many, of each type, and which fields that rules on a type ask for none of it has."""

    events: int
    types: Mapping[str, int] = field(default_factory=dict)
    unseen: dict[str, frozenset[str]] = field(default_factory=dict)


def look_at_newest(url: str, rules: RuleSet, newest: int = NEWEST) -> Seen:
    """Look for what enabled rules ask for in the newest events. Raises as `open_database`."""
    with open_database(url) as transactions, reading_of(transactions) as reading:
        types = _types(reading, newest)
        return Seen(len(types), Counter(types.values()), dict(_unseen_fields(reading, types, rules)))


def _types(reading: Reading, newest: int) -> dict[int, str]:
    """The types of the newest events by their numbers, the newest first."""
    found: dict[int, str] = {}
    ended = False
    while not ended and len(found) < newest:
        before = next(reversed(found), None)
        piece = reading.piece(partial(_more_types, before, newest - len(found)))
        found |= piece.types
        ended = piece.ended
    return found


def _more_types(before: int | None, most: int, session: Session, is_up: Callable[[], bool]) -> TypesPiece:
    return newest_types(session, before, most, is_up)


def _unseen_fields(reading: Reading, types: dict[int, str], rules: RuleSet) -> Iterator[tuple[str, frozenset[str]]]:
    """For each type that occurs: it is read only until every field was seen, which is mostly at once."""
    for event_type, rules_on in rules.enabled_by_type.items():
        numbers = [number for number, found in types.items() if found == event_type]
        wanted = frozenset(c.field for rule in rules_on for c in rule.field_conditions if needs_value(c))
        while numbers and wanted:
            piece = reading.piece(partial(_more_events, numbers))
            numbers = numbers[piece.answered :]
            wanted = _not_in(piece.events, wanted, event_type)
        yield event_type, wanted


def _more_events(numbers: Sequence[int], session: Session, is_up: Callable[[], bool]) -> FactsPiece:
    return events_by_number(session, numbers, is_up)


def _not_in(events: Collection[EventFacts], fields: frozenset[str], event_type: str) -> frozenset[str]:
    """The fields that have no value in any of these events."""
    probe = _asking_for(fields, event_type)
    for event in events:
        seen = {result.condition for result in evaluate(probe, event, History()).results if result.held}
        if seen:
            probe = probe.model_copy(update={"when": tuple(c for c in probe.when if c not in seen)})
        if not probe.when:
            break
    return frozenset(condition.field for condition in probe.when if isinstance(condition, FieldCondition))


def _asking_for(fields: frozenset[str], event_type: str) -> Rule:
    """A rule whose conditions tell where there is a value, by the code that decides."""
    when = tuple(FieldCondition(field=path, operator="exists", expected=True) for path in sorted(fields))
    message = Message(template="probe", channel=Channel.INTERNAL_ALERT)
    return Rule(name="probe", on=event_type, when=when, message=message, limit=Limit.NONE)
