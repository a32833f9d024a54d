"""Decide a user's stored history again, as it was decided then: the same engine, the same look at the past."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from operator import attrgetter
from typing import NamedTuple

from marketing_cli.domain.events import EventFacts
from marketing_cli.domain.reasons import Outcome
from marketing_cli.domain.windows import RequestFact
from marketing_cli.repositories.replay import Arrived, Decided
from marketing_cli.schemas.rules import RuleSet
from marketing_cli.services.engine import Verdict, arrive, sift
from marketing_cli.services.history import History
from marketing_cli.services.history_loading import HistoryLoader
from marketing_cli.services.replay_past import Past
from marketing_cli.services.replay_reading import StoredRules, UserHistory

HISTORICAL = "historical"

_kind = attrgetter("rules_version_id", "backfill")


class Step(NamedTuple):
    """An arrival, decided again. `history` is what was known right after it."""

    arrived: Arrived
    verdicts: Sequence[Verdict]
    history: History


@dataclass(frozen=True, slots=True)
class Unknown:
    """An arrival that cannot be decided again, since its rules are not there, or this program refuses their text."""

    arrived: Arrived


def arrive_all(
    rules: RuleSet,
    events: Iterable[EventFacts],
    past: Past,
    looked_at: Callable[[int, str, str], bool],
    *,
    historical: bool = False,
) -> Iterator[tuple[EventFacts, list[Verdict], History]]:
    """Let events of one user arrive in their order under these rules, given the user's past, just as `ingest` does.

    Changes nothing in `past`: what they and the decisions on them add to it is known to those that follow here.
    """
    arriving = list(events)
    if past.is_empty:
        history = History(historical=historical)
    else:
        loader = HistoryLoader(past, past, rules, looked_at)
        history = loader.load(sift(rules, arriving), historical=historical)
    for event in arriving:
        yield event, arrive(rules, event, history), history


class Replay:
    """One user's history, arrival by arrival.

    What cannot come out again is taken from what is stored: decisions whose event or whose cause was deleted, and those
    by rules that this program refuses. They count for what comes after them.
    """

    def __init__(self, history: UserHistory, rules: StoredRules) -> None:
        """Of this user, by the rules of then."""
        self.history = history
        self._rules = rules
        self._left = False
        self._keys = {event.id: event.key for event, *_ in history.arrivals}
        self._given: list[Decided] = []
        self._decisions: list[Decided] = []
        for decided in sorted(history.decisions, key=arrival_of):
            gone = decided.event_id is None or arrival_of(decided) not in self._keys
            (self._given if gone else self._decisions).append(decided)
        self._breaks = [arrival_of(decided) for decided in self._given]

    def steps(self, first: int = 0) -> Iterator[Step | Unknown]:
        """Decide each arrival again, from this place in the history's arrivals on; what came before is as stored."""
        arrivals, place = self.history.arrivals, first
        builder = _PastBuilder(self._keys, self.history.arrivals, self._decisions, self._given)
        while place < len(arrivals):
            rules = self._rules.get(arrivals[place].rules_version_id)
            group = self._group(place)
            if rules is None:
                yield from map(Unknown, group)
                place += len(group)
                continue
            past = builder.up_to(arrivals[place])
            for step in self._decided(rules, group, past):
                self._left = False
                place += 1
                yield step
                if self._left:
                    break

    def leave(self) -> None:
        """What came out of the last step is not what is stored: let what follows go on from what is stored."""
        self._left = True

    def _group(self, place: int) -> list[Arrived]:
        """The arrivals from this one on that one load of the past will do for."""
        following = islice(self.history.arrivals, place, None)
        return list(next(groupby(following, self._kind_between_breaks if self._breaks else _kind))[1])

    def _kind_between_breaks(self, arrived: Arrived) -> tuple[int | None, bool, int]:
        return *_kind(arrived), bisect_right(self._breaks, arrived.event.id)

    def _decided(self, rules: RuleSet, group: Sequence[Arrived], past: Past) -> Iterator[Step]:
        events = (arrived.event for arrived in group)
        found = arrive_all(rules, events, past, self._rules.looked_at, historical=group[0].backfill)
        for arrived, (_, verdicts, history) in zip(group, found, strict=True):
            yield Step(arrived, verdicts, history)


class _PastBuilder:
    """Lets a user's past grow arrival by arrival, as it is stored."""

    def __init__(
        self,
        keys: dict[int, str],
        arrivals: Sequence[Arrived],
        decisions: Sequence[Decided],
        given: Sequence[Decided],
    ) -> None:
        self._keys = keys
        self._past = Past()
        self._arrivals, self._decisions, self._given = iter(arrivals), _Pending(decisions), _Pending(given)
        self._next: Arrived | None = next(self._arrivals, None)

    def up_to(self, arriving: Arrived) -> Past:
        """What was there when this one arrived. What a deleted event led to had already happened, or had no effect."""
        number = arriving.event.id
        while self._next is not None and self._next.event.id < number:
            self._past.add_event(self._next.event, self._next.rules_version_id or 0)
            self._next = next(self._arrivals, None)
        for decided in [*self._given.take(number), *self._decisions.take(number - 1)]:
            self._add(decided)
        return self._past

    def _add(self, decided: Decided) -> None:
        if decided.outcome is Outcome.SUPPRESSED:
            self._past.add_suppression(decided.event_id, decided.rule_name)
            return
        self._past.add_request(request_fact(decided, self._keys), decided.rule_name, decided.dedup_window)


class _Pending:
    """Decisions in the order of their causes, handed out as these arrive."""

    def __init__(self, decisions: Sequence[Decided]) -> None:
        self._decisions = decisions
        self._place = 0

    def take(self, up_to: int) -> Sequence[Decided]:
        """Those not taken yet whose cause has at most this number."""
        begin = self._place
        while self._place < len(self._decisions) and arrival_of(self._decisions[self._place]) <= up_to:
            self._place += 1
        return self._decisions[begin : self._place]


def arrival_of(decided: Decided) -> int:
    """The arrival that led to a decision; no event is decided before it has arrived itself."""
    cause, event_id = decided.caused_by_event_id, decided.event_id
    return cause if event_id is None or event_id <= cause else event_id


def request_fact(decided: Decided, keys: dict[int, str]) -> RequestFact:
    """A stored request as the engine sees it; `keys` are the keys of its user's stored events."""
    return RequestFact(
        decided.user_id,
        decided.template_name,
        decided.event_timestamp,
        decided.event_id,
        keys.get(decided.event_id or 0),
        decided.id,
        decided.status == HISTORICAL,
    )
