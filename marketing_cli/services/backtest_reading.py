"""A stored history for a backtest: user by user, what the rules can use of it, and what was decided."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any, Final, NamedTuple

from sqlalchemy.orm import Session

from marketing_cli.domain.moments import START_OF_TIME
from marketing_cli.domain.reasons import Outcome
from marketing_cli.repositories.backtest import BacktestRepository, Made, Seen, Wanted, seen_of
from marketing_cli.repositories.pieces import Piece, TimeIsUp, Users, span_of_now
from marketing_cli.schemas.rules import RuleSet
from marketing_cli.services.backtest_options import BacktestQuery
from marketing_cli.services.reading import Reading

_KINDS: Final = (Outcome.REQUESTED, Outcome.SUPPRESSED)
_OWN_COLUMNS: Final = frozenset(("event", name) for name in ("event_id", "user_id", "event_type", "event_timestamp"))
_NOTHING_YET: Final = Piece((), None, ended=False)
_user_of = itemgetter(0)
_TIME, _NUMBER = 2, 3


@dataclass(frozen=True, slots=True)
class UserPast:
    """What is stored of one user, as far as a backtest needs it: arrivals in their order, decisions in none.

    `events` counts those in the query's time, also those that the rules cannot use.
    """

    user_id: str
    events: int
    arrivals: Sequence[Seen]
    decisions: Sequence[Made]


class _Look(NamedTuple):
    """Rows of arrivals and, once the arrivals of some users are all there, these: after one user to another."""

    arrivals: Piece
    users: Users | None
    decisions: Mapping[Outcome, Piece]


class BacktestHistory:
    """Reads user by user, up to what was stored when it was made. In memory is one user, or few small ones.

    `lost` counts, as users are read, the decisions in the query's time that can be made of no event any more.
    """

    def __init__(self, reading: Reading, rules: RuleSet, query: BacktestQuery) -> None:
        """What these rules can use; of what was before the query's time, prior events only."""
        self._reading, self._query = reading, query
        self.lost = 0
        self._wanted, self._backfill_runs = reading.once(lambda session: _begin(session, rules, query))
        self._place: tuple[Any, ...] | None = None
        self._done: str | None = None
        self._rows: list[Any] = []
        self._read = 0

    def users(self) -> Iterator[UserPast]:
        """Each user of whom there is an event; the order is the database's own."""
        ended = False
        while not ended:
            look = self._reading.piece(self._look)
            ended, self._place = look.arrivals.ended, look.arrivals.place
            self._rows += look.arrivals.rows
            self._read += len(look.arrivals.rows)
            if self._query.user_id is None:
                self._reading.told(self._read, self._wanted.span.events)
            if look.users is None:
                continue
            end = len(self._rows) if ended else _begin_of_last_user(self._rows)
            complete, self._rows = self._rows[:end], self._rows[end:]
            decisions = self._decisions(look, frozenset(map(_user_of, complete)))
            for user_id, rows in groupby(complete, key=_user_of):
                yield self._past(user_id, rows, decisions.get(user_id, []))
            self._done = look.users[1]

    def _past(self, user_id: str, rows: Iterable[Any], decisions: Sequence[Made]) -> UserPast:
        """All of a user; a decision that has lost its event is one of no event, whoever deleted that, and how."""
        number, known, seen = 0, set(), []
        for row in rows:
            number += self._query.holds(row[_TIME])
            known.add(row[_NUMBER])
            if (arrived := seen_of(row, self._backfill_runs)) is not None:
                seen.append(arrived)
        made = [one if one.event_id in known else one._replace(event_id=None, event_key=None) for one in decisions]
        self.lost += sum(one.event_id is None and self._query.holds(one.event_timestamp) for one in made)
        return UserPast(user_id, number, sorted(seen, key=_arrival), made)

    def _look(self, session: Session, is_up: TimeIsUp) -> _Look:
        """One look for all: on SQLite there is a pause after each."""
        repository = BacktestRepository(session)
        arrivals = repository.arrivals(self._wanted, self._place, is_up)
        users = self._users(arrivals)
        if users is None:
            return _Look(arrivals, None, {})
        # What there is no time for in this look is left to others.
        made = {
            kind: _NOTHING_YET if is_up() else repository.decisions(self._wanted, kind, users, None, is_up)
            for kind in _KINDS
        }
        return _Look(arrivals, users, made)

    def _users(self, arrivals: Piece) -> Users | None:
        if arrivals.ended:
            return self._done, None
        rows = arrivals.rows
        end = _begin_of_last_user(rows)
        before = rows[end - 1] if end else (self._rows or rows)[-1]
        to: str = _user_of(before)
        return None if to == _user_of(rows[-1]) else (self._done, to)

    def _decisions(self, look: _Look, known: frozenset[str]) -> dict[str, list[Made]]:
        """What was decided for the users whose arrivals are there, by user."""
        found: dict[str, list[Made]] = defaultdict(list)
        for kind, first in look.decisions.items():
            piece = first
            while True:
                for made in piece.rows:
                    if made.user_id in known:
                        found[made.user_id].append(made)
                    elif self._query.holds(made.event_timestamp):
                        self.lost += 1
                if piece.ended:
                    break
                piece = self._reading.piece(self._following(kind, look.users or (None, None), piece.place))
        return found

    def _following(self, kind: Outcome, users: Users, place: Any) -> Any:  # noqa: ANN401
        def look(session: Session, is_up: TimeIsUp) -> Piece:
            return BacktestRepository(session).decisions(self._wanted, kind, users, place, is_up)

        return look


def _arrival(seen: Seen) -> int:
    return seen.event.id


def _begin_of_last_user(rows: Sequence[Any]) -> int:
    """Where the rows of the last user begin."""
    last, place = _user_of(rows[-1]), len(rows)
    if _user_of(rows[0]) == last:
        return 0
    while _user_of(rows[place - 1]) == last:
        place -= 1
    return place


def _begin(session: Session, rules: RuleSet, query: BacktestQuery) -> tuple[Wanted, frozenset[int]]:
    """What to read, as of now."""
    repository = BacktestRepository(session)
    wanted = Wanted(
        span_of_now(session, query.user_id),
        decided=frozenset(rules.enabled_by_type),
        facts=frozenset(rules.waiting_for),
        properties=_types_that_read(rules, "properties"),
        traits=_types_that_read(rules, "user_traits"),
        extra=_types_that_read(rules, "event"),
        own_ids=any(path[:2] == ("event", "event_id") for path, _ in _paths(rules)),
        since=query.since,
        facts_since=_facts_since(rules, query.since),
    )
    return wanted, repository.backfill_runs()


def _paths(rules: RuleSet) -> Iterator[tuple[tuple[str, ...], str]]:
    """Each path that a condition of an enabled rule looks at, with the type of the events it looks at."""
    enabled = (rule for rule in rules.rules if rule.enabled)
    return ((condition.path, rule.on) for rule in enabled for condition in rule.field_conditions)


def _types_that_read(rules: RuleSet, root: str) -> frozenset[str]:
    """The types of events of which a condition looks at something below this root that has no column of its own."""
    return frozenset(on for path, on in _paths(rules) if path[0] == root and path[:2] not in _OWN_COLUMNS)


def _facts_since(rules: RuleSet, since: datetime | None) -> datetime | None:
    """From when on an event can be a prior event of one at `since`."""
    lengths = [condition.within for rule in rules.rules if rule.enabled for condition in rule.prior_conditions]
    if since is None:
        return None
    longest = max(lengths, default=timedelta(0))
    return START_OF_TIME if since - START_OF_TIME < longest else since - longest
