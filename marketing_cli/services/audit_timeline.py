"""The audit of a user: events, decisions and refused lines, newest first up to a limit, told oldest first."""

from datetime import datetime

from sqlalchemy.orm import Session

from marketing_cli.domain.reasons import Outcome
from marketing_cli.repositories.audit import AuditRepository
from marketing_cli.repositories.audit_again import ArrivalsOfUser
from marketing_cli.repositories.audit_decisions import DecisionHistory
from marketing_cli.repositories.audit_rejects import KeptRejects
from marketing_cli.repositories.audit_rows import StoredDecision, StoredEvent
from marketing_cli.repositories.events import EventRepository
from marketing_cli.schemas.audit import UserTimeline
from marketing_cli.services.audit_looks import Looker, planned_look
from marketing_cli.services.audit_near_miss import near_misses
from marketing_cli.services.audit_rules import RulesOfThen
from marketing_cli.services.audit_shapes import message_shape, reject_shape, timeline_event


class UserAudit:
    """Reads what is known of a user, inside the session's transaction."""

    def __init__(self, session: Session) -> None:
        """Read in this session."""
        self._audit = AuditRepository(session)
        self._again = ArrivalsOfUser(session)
        self._decisions = DecisionHistory(session)
        self._rejects = KeptRejects(session)
        self._rules = RulesOfThen(self._audit.rules_version)
        self._looker = Looker(EventRepository(session), self._audit, self._rules)

    def timeline(self, user_id: str, limit: int) -> UserTimeline:
        """The newest `limit` events by their own time, all decisions on them, and the newest `limit` refused lines.

        Decisions whose events are deleted are there as far back as the events go, the newest `limit` of each kind.
        0 is no limit.
        """
        fetch = limit + 1 if limit else None
        newest = self._audit.newest_of_user(user_id, fetch)
        shown = [number for _, number in newest[: limit or None]]
        rejects = self._rejects.of_user(user_id, fetch)
        since = newest[len(shown) - 1][0] if len(newest) > len(shown) else None
        orphans = self._decisions.without_event(user_id, fetch)
        kept = _newest_of_each_kind(orphans, limit, since)
        rows = [(number, user_id) for number in shown]
        stored = self._audit.find_events(rows)
        decisions = self._decisions.on_events(rows) + kept
        missed = self._near_misses(decisions, stored)
        return UserTimeline(
            user_id=user_id,
            events=[timeline_event(stored[number]) for number in reversed(shown)],
            message_decisions=[
                message_shape(decision, missed.get(id(decision))) for decision in sorted(decisions, key=_by_time)
            ],
            rejects=[reject_shape(reject) for reject in reversed(rejects[: limit or None])],
            more=len(newest) > len(shown) or len(kept) < len(orphans) or bool(limit and len(rejects) > limit),
        )

    def _near_misses(self, decisions: list[StoredDecision], stored: dict[int, StoredEvent]) -> dict[int, str | None]:
        """By identity of the decision: for each suppression what would have led to a request."""
        blocked = [d for d in decisions if d.outcome is Outcome.SUPPRESSED and d.event_id in stored]
        looks = [planned_look(stored[d.event_id or 0], d, self._rules) for d in blocked]
        missed = near_misses(self._looker.look(looks), self._again, self._rules) if looks else []
        return {id(decision): miss for decision, miss in zip(blocked, missed, strict=True)}


def _newest_of_each_kind(decisions: list[StoredDecision], limit: int, since: datetime | None) -> list[StoredDecision]:
    """At most `limit` requests and as many suppressions, none from before `since`; they come newest first."""
    kept: list[StoredDecision] = []
    for outcome in {decision.outcome: None for decision in decisions}:
        kept += [decision for decision in decisions if decision.outcome is outcome][: limit or None]
    return [decision for decision in kept if since is None or decision.event_timestamp >= since]


def _by_time(decision: StoredDecision) -> tuple[datetime, int, datetime]:
    return decision.event_timestamp, decision.event_id or 0, decision.decided_at
