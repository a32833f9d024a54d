"""The looks of rules at stored events that ended without a decision: read and decided again, piece by piece."""

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import Any, Final, NamedTuple, TypeAlias

from sqlalchemy import Row
from sqlalchemy.orm import Session

from marketing_cli.repositories import stats as stored
from marketing_cli.repositories.audit import AuditRepository
from marketing_cli.repositories.events import EventRepository
from marketing_cli.schemas.list_queries import Period
from marketing_cli.services.audit_looks import Look, Looker
from marketing_cli.services.audit_rules import RulesOfThen
from marketing_cli.services.reading import Reading
from marketing_cli.services.stats_books import Seen, seen

_FIRST_ROWS: Final = 1_000
_MOST_ROWS: Final = 10_000
_FEWEST, _MOST = 10, 400
"""Whole events at once, which may have a MiB each."""
_QUICK, _SLOW = 0.015, 0.04
_QUICK_PIECE = 0.06
"""Seconds that some events may take for the next ones to be more, and after which they are enough; those that a piece
may take for the next one to be larger."""

Open: TypeAlias = Sequence[stored.Undecided]
"""The rules that have not decided on one event."""


class Piece(NamedTuple):
    """What was found of events up to this one: how many there are, and the looks without a decision."""

    to: int
    events: Sequence[Row[Any]]
    looks: Sequence[Seen]


class Looks:
    """Reads up to this row. A piece ends when its time is up, so that no run waits long for it."""

    def __init__(self, reading: Reading, period: Period, rules: RulesOfThen, last: int) -> None:
        """Of a period, by the rules of then."""
        self._reading = reading
        self._period = period
        self._rules = rules
        self._last = last
        # A server takes its time for a question, however small.
        self._patience = reading.patience
        self._size = _FIRST_ROWS
        self._at_once = _FEWEST

    def __iter__(self) -> Iterator[Piece]:
        """Piece by piece, in arrival order."""
        after = 0
        while after < self._last:
            piece = self._reading.piece(partial(self._piece, after), self._patience)
            after = piece.to
            self._reading.told(after, self._last)
            yield piece

    def _piece(self, after: int, session: Session, is_up: Callable[[], bool]) -> Piece:
        began, to = time.monotonic(), min(after + self._size, self._last)
        events = stored.events(session, self._period, after, to)
        types = sorted({(row.rules_version_id, row.event_type) for row in events})
        rules = [(version, kind, rule.name) for version, kind in types for rule in self._rules.on(version, kind)]
        undecided = stored.undecided(session, self._period, rules, after, to) if rules else []
        by_event: list[Open] = [list(pairs) for _, pairs in groupby(undecided, attrgetter("event_id"))]
        done, looks = self._looks(session, by_event, is_up)
        if done == len(by_event):
            if time.monotonic() - began < _QUICK_PIECE * self._patience:
                self._size = min(self._size + self._size // 4 + 1, _MOST_ROWS)
            return Piece(to, events, looks)
        to = by_event[done][0].event_id - 1
        self._size = to - after
        return Piece(to, stored.events(session, self._period, after, to), looks)

    def _looks(self, session: Session, by_event: Sequence[Open], is_up: Callable[[], bool]) -> tuple[int, list[Seen]]:
        """How many of these events were looked at before the time was up, and what was seen."""
        audit, found, done = AuditRepository(session), list[Seen](), 0
        looker = Looker(EventRepository(session), audit, self._rules)
        while done < len(by_event) and not (done and is_up()):
            began = time.monotonic()
            some = by_event[done : done + self._at_once]
            numbers = [pairs[0].event_id for pairs in some]
            events = audit.first_events(numbers, partial(_is_enough, is_up, began))
            rules = dict(zip(numbers, some, strict=True))
            looks = [
                Look(event, version, self._rules.find(version, rule, event.facts.event_type))
                for event in events
                for _, version, rule in rules[event.facts.id]
            ]
            found += [seen(look, self._period) for look in looker.look(looks)]
            # Those that are gone before the last one that was read are done, too.
            done += numbers.index(events[-1].facts.id) + 1 if events and len(events) < len(some) else len(some)
            is_quick = time.monotonic() - began < _QUICK * self._patience
            self._at_once = min(self._at_once * 2, _MOST) if is_quick else max(self._at_once // 2, _FEWEST)
        return done, found


def _is_enough(is_up: Callable[[], bool], began: float) -> bool:
    return is_up() or time.monotonic() - began > _SLOW
