"""The audit of one event: what every rule on its type made of it, and why."""

from sqlalchemy.orm import Session

from marketing_cli.errors import NotFound
from marketing_cli.repositories.audit import AuditRepository
from marketing_cli.repositories.audit_again import ArrivalsOfUser
from marketing_cli.repositories.audit_decisions import DecisionHistory
from marketing_cli.repositories.audit_rejects import KeptRejects
from marketing_cli.repositories.audit_rows import KeptReject, StoredEvent
from marketing_cli.repositories.events import EventRepository
from marketing_cli.schemas.audit import Ambiguity, AuditResponse, Candidate
from marketing_cli.services.audit_decisions import decision_shape
from marketing_cli.services.audit_looks import Looker, plan_looks
from marketing_cli.services.audit_near_miss import near_misses
from marketing_cli.services.audit_rules import RulesOfThen
from marketing_cli.services.audit_shapes import event_shape, reject_shape, reject_text, source_shape

MOST_CANDIDATES = 50
MOST_REJECTS = 20


class EventAudit:
    """Finds one event and explains it, inside the session's transaction."""

    def __init__(self, session: Session) -> None:
        """Read in this session."""
        self._audit = AuditRepository(session)
        self._again = ArrivalsOfUser(session)
        self._decisions = DecisionHistory(session)
        self._rejects = KeptRejects(session)
        self._rules = RulesOfThen(self._audit.rules_version)
        self._looker = Looker(EventRepository(session), self._audit, self._rules)

    def by_row(self, number: int) -> AuditResponse:
        """The event in this row. Raises NotFound."""
        stored = self._audit.get_by_row(number)
        if stored is None:
            raise NotFound(f"there is no event in row {number}.")
        return self.explain(stored)

    def by_id(self, event_key: str, user_id: str | None) -> AuditResponse | Ambiguity:
        """The event with this id, of this user or of the only one who has it; else those it may be.

        Raises NotFound, which says so if the event was refused.
        """
        found = self.find(event_key, user_id)
        return self.explain(found[0]) if len(found) == 1 else _ambiguity(event_key, found)

    def find(self, event_key: str, user_id: str | None) -> list[StoredEvent]:
        """The events with this id, of this user or of all, up to one more than `MOST_CANDIDATES`; else NotFound."""
        found = self._audit.find_by_key(event_key, user_id, MOST_CANDIDATES + 1)
        if not found:
            raise NotFound(self._unknown_text(event_key, user_id))
        return found

    def explain(self, stored: StoredEvent) -> AuditResponse:
        """Everything about one event."""
        facts = stored.facts
        decisions = self._decisions.on_events([(facts.id, facts.user_id)])
        looks = self._looker.look(plan_looks(stored, decisions, self._rules))
        missed = near_misses(looks, self._again, self._rules)
        rejects = self._rejects.of_event(facts.key, facts.user_id, MOST_REJECTS)
        return AuditResponse(
            event=event_shape(stored),
            source=source_shape(stored),
            decisions=[decision_shape(look, self._rules, miss) for look, miss in zip(looks, missed, strict=True)],
            rejects=[reject_shape(kept) for kept in rejects],
            notes=self._rules.notes,
        )

    def _unknown_text(self, event_key: str, user_id: str | None) -> str:
        whose = "" if user_id is None else f" of user {user_id}"
        kept = self._rejects.of_event(event_key, user_id, MOST_REJECTS)
        if kept:
            return _refused_text(event_key, whose, kept)
        others = [] if user_id is None else self._audit.find_by_key(event_key, None, 1)
        if others:
            return f"there is no event {event_key}{whose}, but other users have one: ask without --user to see whose."
        return (
            f"there is no event {event_key}{whose}. Ids are matched exactly;"
            " mmsg audit --user USER lists a user's events."
        )


def _refused_text(event_key: str, whose: str, kept: list[KeptReject]) -> str:
    newest, *others = kept
    more = "" if not others else f" ({len(others)} more lines with this id were refused.)"
    return (
        f"event {event_key}{whose} is not stored, because its line was refused: {reject_text(newest)}."
        f"{more} Mend the line and ingest it again; mmsg rejects shows it."
    )


def _ambiguity(event_key: str, found: list[StoredEvent]) -> Ambiguity:
    shown = found[:MOST_CANDIDATES]
    number = f"{len(shown)}" if len(found) == len(shown) else f"more than {len(shown)}"
    return Ambiguity(
        message=f"{number} users have an event {event_key}; pick one: add --user USER.",
        candidates=[
            Candidate(
                user_id=stored.facts.user_id,
                event_id=stored.facts.key,
                id=stored.facts.id,
                event_type=stored.facts.event_type,
                event_timestamp=stored.facts.timestamp,
            )
            for stored in shown
        ],
    )
