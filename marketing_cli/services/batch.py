"""A batch of lines: which are new, which were seen before, which are refused; and what came of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from marketing_cli.domain.batches import Counts
from marketing_cli.domain.events import EventFacts, IncomingEvent
from marketing_cli.domain.lines import RawLine, Reject, RejectReason
from marketing_cli.repositories.events import KnownEvent
from marketing_cli.repositories.interfaces import IEventRepository
from marketing_cli.schemas.content import EventContent, differing_fields
from marketing_cli.services.engine import Decision


@dataclass(slots=True)
class ParsedLine:
    """A line, and the event that it holds or why it was refused."""

    line: RawLine
    content: IncomingEvent | Reject


@dataclass(slots=True)
class SortedBatch:
    """The lines of a batch, told apart. `new` holds each new identity once, in line order."""

    new: list[tuple[RawLine, IncomingEvent]] = field(default_factory=list)
    duplicates: int = 0
    rejects: list[Reject] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class BatchOutcome:
    """What a batch did.

    `unknown_rejects` counts the refused lines that were not kept before, `not_comparable` the conditions that met a
    value which cannot be compared.
    """

    new: Sequence[EventFacts]
    duplicates: int
    rejects: Sequence[Reject]
    unknown_rejects: int
    decisions: Sequence[Decision]
    not_comparable: int

    def book(self, read: Counts) -> Counts:
        """The books of this batch, given how many lines were read for it and how many of those were blank."""
        return replace(read, new=len(self.new), duplicate=self.duplicates, rejected=len(self.rejects))


def sort_batch(batch: Sequence[ParsedLine], events: IEventRepository) -> SortedBatch:
    """Tell new events from duplicates and conflicts, within the batch and against what is stored."""
    arriving = [
        (event.identity, item.line, event) for item in batch if isinstance(event := item.content, IncomingEvent)
    ]
    known = events.find_known(list(dict.fromkeys([identity for identity, _, _ in arriving]))) if arriving else {}
    batch_sorted = SortedBatch(rejects=[item.content for item in batch if isinstance(item.content, Reject)])
    seen: dict[tuple[str, str], KnownEvent | IncomingEvent] = {**known}
    conflicts: list[tuple[RawLine, IncomingEvent]] = []
    for identity, line, event in arriving:
        first = seen.get(identity)
        if first is None:
            seen[identity] = event
            batch_sorted.new.append((line, event))
        elif first.content_hash == event.content_hash:
            batch_sorted.duplicates += 1
        else:
            conflicts.append((line, event))
    if conflicts:
        stored = events.find_facts(
            list({(known[e.identity].id, e.user_id) for _, e in conflicts if e.identity in known})
        )
        contents = {(facts.key, facts.user_id): _content(facts) for facts in stored.values()}
        contents |= {identity: _content(event) for identity, event in seen.items() if isinstance(event, IncomingEvent)}
        batch_sorted.rejects += [_conflict(line, event, contents[event.identity]) for line, event in conflicts]
    return batch_sorted


def _content(event: EventFacts | IncomingEvent) -> EventContent:
    return EventContent(event.event_type, event.timestamp, event.properties, event.user_traits)


def _conflict(line: RawLine, event: IncomingEvent, stored: EventContent) -> Reject:
    fields = ", ".join(differing_fields(stored, _content(event)))
    return Reject(
        line,
        RejectReason.CONFLICTING_DUPLICATE,
        f"this user's event of the same id is known with other contents; these fields differ: {fields}",
        event.user_id,
        event.event_type,
        event.key,
    )
