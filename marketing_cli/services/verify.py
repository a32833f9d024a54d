"""`mmsg verify`: history is decided again from what is stored, by the rules of then, and compared with what was."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from marketing_cli.database.sessions import open_database
from marketing_cli.domain.reasons import Outcome
from marketing_cli.errors import ExitCode, UsageError
from marketing_cli.models import Event, SendRequest, Suppression
from marketing_cli.repositories.checks import Marks
from marketing_cli.repositories.pieces import Span
from marketing_cli.repositories.replay import Decided
from marketing_cli.schemas.verify import Difference, Scope, Verified, VerifyReport, VerifyStatus
from marketing_cli.services.audit import refuse_unstorable, require_user
from marketing_cli.services.audit_event import MOST_CANDIDATES, EventAudit
from marketing_cli.services.collecting import collected_between_batches
from marketing_cli.services.listing_filters import row_limit, stats_period
from marketing_cli.services.reading import Advance, Reading, reading_of
from marketing_cli.services.replay_reading import StoredHistory, StoredRules, UserHistory
from marketing_cli.services.verify_books import book_differences, books_shape, rules_differences, start
from marketing_cli.services.verify_gone import GoneEvents
from marketing_cli.services.verify_unreadable import ledger_differences, unreadable_differences
from marketing_cli.services.verify_user import Part, Tally, UserCheck, difference_of

_DEFAULT_DIFFERENCES = 10
_FORGOTTEN_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class VerifyRequest:
    """What to verify. `since` is a moment, by when events were stored; all of it with none but `everything`.

    `limit` is the number of differences to report, 0 for all, None for the default. Raises UsageError for what is not
    one question.
    """

    event_id: str | None = None
    user_id: str | None = None
    since: datetime | None = None
    everything: bool = False
    limit: int = _DEFAULT_DIFFERENCES

    @property
    def is_whole(self) -> bool:
        """Whether it is about all users."""
        return self.event_id is None and self.user_id is None

    def scope(self) -> Scope:
        """The request as the report repeats it."""
        return Scope(event_id=self.event_id, user_id=self.user_id, since=self.since)


def verify_request(
    *, event_id: str | None, user: str | None, since: str | None, everything: bool, limit: int | None
) -> VerifyRequest:
    """Read the options. Raises UsageError for one that cannot be understood, and for what is not one question."""
    named = [event_id is not None, user is not None, since is not None]
    if not everything and not any(named):
        raise UsageError("say what to verify: an event id, --user USER, --since TIME, or --all.")
    if everything and any(named):
        raise UsageError("--all is everything; leave it out, or the event, --user and --since.")
    if event_id is not None and since is not None:
        raise UsageError("an event is named by its id; leave out --since.")
    moment = stats_period(since=since).since
    most = _DEFAULT_DIFFERENCES if limit is None else row_limit(limit)
    return VerifyRequest(event_id, user, moment, everything, most)


def run_verify(request: VerifyRequest, url: str, advance: Advance | None = None) -> VerifyReport:
    """Verify it. Changes nothing, and makes no run wait. Raises as `open_database`, and NotFound."""
    with open_database(url) as transactions, reading_of(transactions, advance) as reading:
        return _Verification(reading, request).report()


@dataclass(slots=True)
class _Found:
    """The first differences, and the number of all."""

    limit: int
    count: int = 0
    kept: list[Difference] = field(default_factory=list)

    def add(self, differences: Iterable[Difference]) -> None:
        for difference in differences:
            self.count += 1
            if not self.limit or len(self.kept) < self.limit:
                self.kept.append(difference)


class _Verification:
    """One verification, up to what was stored when it began."""

    def __init__(self, reading: Reading, request: VerifyRequest) -> None:
        self._reading, self._request = reading, request
        self._begun = reading.once(start)
        self._rules = StoredRules(reading)
        self._tally = Tally()
        self._found = _Found(request.limit)
        self._gone = GoneEvents(reading, self._begun.marks, self._rules)
        self._forgotten: list[Decided] = []
        self._unread = set[str]()

    def report(self) -> VerifyReport:
        """Look at it all."""
        request, tally = self._request, self._tally
        events = self._events() if request.event_id is not None else {request.user_id: None}
        if request.event_id is None and request.user_id is not None:
            self._reading.once(partial(require_user, user_id=request.user_id))
        for user_id, event in events.items():
            self._verify_users(user_id, event)
        rules = _Found(request.limit)
        versions = {*self._rules.met(), *(self._rules.all() if request.is_whole else ())}
        rules.add(rules_differences(self._rules, sorted(versions)))
        matches = tally.matches if request.everything else None
        if request.is_whole:
            self._add_unreadable(ledger_differences(self._reading))
            self._found.add(book_differences(self._reading, self._begun, matches))
        found = [*rules.kept, *self._found.kept][: request.limit or None]
        return self._shape(found, rules.count + self._found.count, matches)

    def _events(self) -> dict[str | None, int | None]:
        """The events that are meant: by user, the number of their row."""
        event_id, user_id = self._request.event_id or "", self._request.user_id
        refuse_unstorable(event_id, user_id)
        found = self._reading.once(lambda session: EventAudit(session).find(event_id, user_id))
        if len(found) > MOST_CANDIDATES:
            raise UsageError(f"more than {MOST_CANDIDATES} users have an event {event_id}; pick one with --user.")
        return {stored.facts.user_id: stored.facts.id for stored in found}

    def _verify_users(self, user_id: str | None, event: int | None) -> None:
        counts = self._request.since is None and event is None
        forget = self._forget if counts else _ignore
        history = StoredHistory(self._reading, span=_span(self._begun.marks, user_id), forget=forget)
        with collected_between_batches() as collect:
            for user in history.users():
                self._add_unreadable(unreadable_differences(user, event))
                part = self._part(user, event)
                if part is not None:
                    check = UserCheck(user, self._rules, self._gone, self._tally, part)
                    self._found.add(check.differences())
                collect()
        self._check_forgotten()

    def _add_unreadable(self, found: Iterable[tuple[str, Difference]]) -> None:
        """Each place once: a run that cannot be read is in the way of all its events."""
        for place, difference in found:
            if place not in self._unread:
                self._unread.add(place)
                self._found.add([difference])

    def _part(self, user: UserHistory, event: int | None) -> Part | None:
        """What is wanted of a user's history; None for nothing."""
        since = self._request.since
        if event is None and since is None:
            return Part()
        for place, arrived in enumerate(user.arrivals):
            if arrived.id == event:
                return Part(place, event)
            if since is not None and arrived.created_at >= since:
                return Part(place)
        return None

    def _forget(self, decided: Decided) -> None:
        """Check a decision of a user who has no events any more, some at a time."""
        self._forgotten.append(decided)
        if len(self._forgotten) >= _FORGOTTEN_AT_ONCE:
            self._check_forgotten()

    def _check_forgotten(self) -> None:
        forgotten, self._forgotten = self._forgotten, []
        if not forgotten:
            return
        forged = {(found.decided.outcome, found.decided.id): found for found in self._gone.forged(forgotten, {})}
        for decided in forgotten:
            is_request = decided.outcome is Outcome.REQUESTED
            self._tally.requests += is_request
            self._tally.suppressions += not is_request
            found = forged.get((decided.outcome, decided.id))
            if found is not None:
                self._found.add([difference_of(decided, found.why)])
            else:
                self._tally.take_as_stored(decided, without_event=True)

    def _shape(self, found: list[Difference], count: int, matches: Counter[int] | None) -> VerifyReport:
        tally = self._tally
        return VerifyReport(
            status=VerifyStatus.DIFFERS if count else VerifyStatus.REPRODUCED,
            exit_code=ExitCode.DIFFERS if count else ExitCode.OK,
            scope=self._request.scope(),
            verified=Verified(
                users=tally.users,
                events=tally.events,
                requests=tally.requests,
                suppressions=tally.suppressions,
                without_event=tally.without_event,
                unchecked=tally.unchecked,
                rules_versions=len(self._rules.met()),
            ),
            books=books_shape(self._begun, matches) if self._request.is_whole else None,
            differences_found=count,
            differences=found,
            notes=list(_notes(tally)),
        )


def _notes(tally: Tally) -> Iterator[str]:
    if number := tally.without_event:
        yield (
            f"{number:,} {_decisions(number)} cannot be checked: the event decided on, or the one that caused it, is no"
            " longer stored. The rule, template, window, run and books of then allow for such a decision; what the"
            " event said is not known. As it is stored, it counts for what came after it."
        )
    if number := tally.unchecked - tally.without_event:
        them = "it" if number == 1 else "them"
        yield (
            f"{number:,} {_decisions(number)} cannot be checked, since a row or rules behind {them} cannot be read: see"
            " the differences."
        )


def _decisions(number: int) -> str:
    return "decision" if number == 1 else "decisions"


def _ignore(_: Decided) -> None:
    """What lies outside of what was asked for."""


def _span(marks: Marks, user_id: str | None) -> Span:
    last = marks.last
    return Span(last[Event.__tablename__], last[SendRequest.__tablename__], last[Suppression.__tablename__], user_id)
