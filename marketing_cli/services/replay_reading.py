"""Stored history, user by user: what arrived, what was decided, and by which rules."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

from sqlalchemy.orm import Session

from marketing_cli.domain.reasons import Outcome
from marketing_cli.errors import BadConfig
from marketing_cli.repositories.pieces import Piece, Span, TimeIsUp, span_of_now
from marketing_cli.repositories.replay import Arrived, Decided, KeptRules, ReplayRepository, Unreadable
from marketing_cli.schemas.rules import RuleSet
from marketing_cli.services.reading import Reading
from marketing_cli.services.rules_files import parse_rules

_KINDS: Final = (Outcome.REQUESTED, Outcome.SUPPRESSED)


@dataclass(slots=True)
class UserHistory:
    """All that is stored of one user.

    `arrivals` are in arrival order. `decisions` come in no useful order; among them are those whose event was deleted.
    `unreadable` are rows, in neither, with a value that cannot be read.
    """

    user_id: str
    arrivals: list[Arrived] = field(default_factory=list)
    decisions: list[Decided] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)


class StoredHistory:
    """Reads a history user by user, up to what was stored when it was made. In memory is one user, or few small ones.

    A decision that has lost its event, of a user without any stored event, is not kept, but handed to `forget`.
    """

    def __init__(
        self,
        reading: Reading,
        user_id: str | None = None,
        span: Span | None = None,
        forget: Callable[[Decided], object] = lambda _: None,
    ) -> None:
        """Of one user, or of all; up to the rows of this span, or of now."""
        self._reading, self._forget = reading, forget
        self.span: Span = span or reading.once(lambda session: span_of_now(session, user_id))

    def users(self) -> Iterator[UserHistory]:
        """Each user that has events, or decisions on events; the order is the database's own."""
        after: str | None = None
        for users, to in self._with_arrivals():
            self._add_decisions(users, after, to)
            for history in users.values():
                history.arrivals.sort(key=lambda arrived: arrived.event.id)
                yield history
            after = to

    def _with_arrivals(self) -> Iterator[tuple[dict[str, UserHistory], str | None]]:
        """Users whose arrivals are complete, with the last of them; and in the end all that are left, with None."""
        users: dict[str, UserHistory] = {}
        count = 0
        for rows in self._pieces(lambda repository, after, is_up: repository.events(self.span, after, is_up)):
            count += len(rows)
            if self.span.user_id is None:
                self._reading.told(count, self.span.events)
            for row in rows:
                if type(row) is Unreadable:
                    users.setdefault(row.user_id, UserHistory(row.user_id)).unreadable.append(row)
                else:
                    user_id = row.event.user_id
                    users.setdefault(user_id, UserHistory(user_id)).arrivals.append(row)
            if len(users) > 1:
                _, unfinished = users.popitem()
                yield users, next(reversed(users))
                users = {unfinished.user_id: unfinished}
        yield users, None

    def _add_decisions(self, users: dict[str, UserHistory], after: str | None, to: str | None) -> None:
        for outcome in _KINDS:

            def look(repository: ReplayRepository, place: Any, is_up: TimeIsUp, outcome: Outcome = outcome) -> Piece:  # noqa: ANN401
                return repository.decisions(self.span, outcome, (after, to), place, is_up)

            for rows in self._pieces(look):
                for decided in rows:
                    self._add_decision(users, decided)

    def _add_decision(self, users: dict[str, UserHistory], decided: Decided | Unreadable) -> None:
        if isinstance(decided, Unreadable):
            users.setdefault(decided.user_id, UserHistory(decided.user_id)).unreadable.append(decided)
        elif decided.user_id not in users and decided.event_id is None:
            self._forget(decided)
        else:
            users.setdefault(decided.user_id, UserHistory(decided.user_id)).decisions.append(decided)

    def _pieces(self, look: Callable[[ReplayRepository, Any, TimeIsUp], Piece]) -> Iterator[Any]:
        place: Any = None
        while True:
            piece = self._reading.piece(_looking(look, place))
            yield piece.rows
            if piece.ended:
                return
            place = piece.place


def _looking(look: Callable[[ReplayRepository, Any, TimeIsUp], Piece], place: Any) -> Any:  # noqa: ANN401
    def found(session: Session, is_up: TimeIsUp) -> Piece:
        return look(ReplayRepository(session), place, is_up)

    return found


class StoredRules:
    """The rules versions of a history, each read once."""

    def __init__(self, reading: Reading) -> None:
        """Read them here."""
        self._reading = reading
        self._kept: dict[int, KeptRules | None] = {}
        self._parsed: dict[int, RuleSet | None] = {}
        self._unchanged: dict[int, bool] = {}

    def get(self, version_id: int | None) -> RuleSet | None:
        """The rules, or None when they are not there or this program refuses their text."""
        if version_id is None:
            return None
        if version_id not in self._parsed:
            self._parsed[version_id] = _parsed(self.kept(version_id))
        return self._parsed[version_id]

    def looked_at(self, version_id: int, rule_name: str, event_type: str) -> bool:
        """Whether a rule of that name, in that version, looked at events of that type when they arrived."""
        kept = self.kept(version_id)
        if kept is None:
            return False
        if kept.in_force is None:  # what its text has, if that can be read
            rules = self.get(version_id)
            return rules is not None and (rule_name, event_type) in rules.in_force
        return (rule_name, event_type) in kept.in_force

    def kept(self, version_id: int) -> KeptRules | None:
        """A version as it is stored; None when it is not there."""
        if version_id not in self._kept:
            self._kept[version_id] = self._reading.once(lambda session: ReplayRepository(session).rules(version_id))
        return self._kept[version_id]

    def all(self) -> list[int]:
        """The number of every version."""
        return list(self._reading.once(lambda session: ReplayRepository(session).rules_versions()))

    def met(self) -> list[int]:
        """The number of every version that was asked for."""
        return sorted(number for number in self._kept if number)  # 0 stands for none

    def is_unchanged(self, version_id: int) -> bool:
        """Whether a version's text is still the one that its SHA-256 was made of, and what it has in force."""
        if version_id not in self._unchanged:
            self._unchanged[version_id] = _is_unchanged(self.kept(version_id), self.get(version_id))
        return self._unchanged[version_id]


def _is_unchanged(kept: KeptRules | None, rules: RuleSet | None) -> bool:
    if kept is None or kept.text is None or sha256(kept.text.encode()).hexdigest() != kept.sha256:
        return False
    return rules is None or frozenset(rules.in_force) == kept.in_force


def _parsed(kept: KeptRules | None) -> RuleSet | None:
    try:
        return None if kept is None or kept.text is None else parse_rules(kept.text, f"rules {kept.sha256[:12]}")
    except BadConfig:
        return None
