"""`mmsg audit` from its arguments to its answer: one event, a user's timeline, or one user and template."""

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from sqlalchemy.orm import Session

from marketing_cli.database.sessions import Transactions, open_database
from marketing_cli.errors import NotFound, UsageError
from marketing_cli.repositories.audit import AuditRepository, hold_snapshot
from marketing_cli.schemas.audit import Ambiguity, AuditResponse, TemplateAnswer, UserTimeline
from marketing_cli.services.audit_event import EventAudit
from marketing_cli.services.audit_template import TemplateAudit
from marketing_cli.services.audit_timeline import UserAudit
from marketing_cli.services.listing_filters import DEFAULT_LIMIT, LARGEST_ID, row_limit
from marketing_cli.services.rules_files import LoadedRules, load_rules

AuditResult: TypeAlias = AuditResponse | Ambiguity | UserTimeline | TemplateAnswer


@dataclass(frozen=True, slots=True)
class AuditRequest:
    """What is asked. Give an event id, a row, or a user; `limit` None is the default, 0 no limit.

    `rules` is a file with the rules in force now. Raises UsageError for a combination that is not one question.
    """

    event_id: str | None = None
    row: int | None = None
    user_id: str | None = None
    template: str | None = None
    limit: int | None = None
    rules: Path | None = None

    def __post_init__(self) -> None:
        """Refuse what does not go together."""
        for is_wrong, sentence in (
            (
                self.event_id is not None and self.row is not None,
                "an event is named by its id or by --row, not by both.",
            ),
            (self.row is not None and self.user_id is not None, "--row names one event already; leave out --user."),
            (self._is_empty, "say what to explain: an event id, --row N, or --user USER."),
            (self.template is not None and self.user_id is None, "--template needs --user USER."),
            (self.template is not None and self._is_event, "--template is about a user, not about one event."),
            (self.limit is not None and not self.is_timeline, "--limit goes with a user's timeline only."),
            (self.rules is not None and self.template is None, "--rules goes with --template only."),
            (
                self.row is not None and not 1 <= self.row <= LARGEST_ID,
                "--row is the number of an event's row, from 1.",
            ),
            (_is_unstorable(self.template or ""), "--template: these bytes are not text, so no rule can mean them."),
        ):
            if is_wrong:
                raise UsageError(sentence)
        row_limit(self.limit)

    @property
    def is_timeline(self) -> bool:
        """Whether a user's timeline is asked for."""
        return not self._is_event and self.template is None

    @property
    def _is_event(self) -> bool:
        return self.event_id is not None or self.row is not None

    @property
    def _is_empty(self) -> bool:
        return not self._is_event and self.user_id is None


class AuditService:
    """Explains the past. Changes nothing."""

    def __init__(self, transactions: Transactions) -> None:
        """Read through these transactions, one for each question."""
        self._transactions = transactions

    def explain_event(self, event_id: str, user_id: str | None = None) -> AuditResponse | Ambiguity:
        """One event, by its key. Raises NotFound; with several users' events of that key, says which there are."""
        refuse_unstorable(event_id, user_id)
        with self._transactions() as session:
            hold_snapshot(session)
            return EventAudit(session).by_id(event_id, user_id)

    def explain_row(self, number: int) -> AuditResponse:
        """One event, by the number of its row. Raises NotFound."""
        with self._transactions() as session:
            hold_snapshot(session)
            return EventAudit(session).by_row(number)

    def timeline(self, user_id: str, limit: int = DEFAULT_LIMIT) -> UserTimeline:
        """A user's newest events and what came of them. Raises NotFound for a user of whom nothing is known."""
        with self._transactions() as session:
            hold_snapshot(session)
            require_user(session, user_id)
            return UserAudit(session).timeline(user_id, limit)

    def answer(self, user_id: str, template: str, rules: LoadedRules) -> TemplateAnswer:
        """Why a user did or did not get a template; `rules` are those in force now.

        Raises NotFound for an unknown user, UsageError for a template that no rules know.
        """
        with self._transactions() as session:
            hold_snapshot(session)
            require_user(session, user_id)
            return TemplateAudit(session, rules).answer(user_id, template)


def run_audit(request: AuditRequest, database_url: str, default_rules: Path | None = None) -> AuditResult:
    """Answer one question. A template's rules in force now are the request's, else the default, else the shipped ones.

    Raises BadConfig, DatabaseUnavailable, DatabaseMissing, DatabaseAhead or DatabaseBehind, in this order, then what
    the question raises.
    """
    now = load_rules(request.rules or default_rules) if request.template is not None else None
    with open_database(database_url) as transactions:
        service = AuditService(transactions)
        if request.row is not None:
            return service.explain_row(request.row)
        if request.event_id is not None:
            return service.explain_event(request.event_id, request.user_id)
        user_id = request.user_id or ""
        if request.template is not None and now is not None:
            return service.answer(user_id, request.template, now)
        return service.timeline(user_id, row_limit(request.limit))


def require_user(session: Session, user_id: str) -> None:
    """Raises NotFound for a user of whom nothing is known."""
    refuse_unstorable(user_id)
    if not AuditRepository(session).is_known_user(user_id):
        raise NotFound(f"nothing is known of user {user_id}: no event, no decision, no refused line.")


def refuse_unstorable(*texts: str | None) -> None:
    """What no database can hold is not looked for. Raises NotFound."""
    for text in texts:
        if text is not None and _is_unstorable(text):
            raise NotFound(f"nothing is known of {text}: no stored id has such characters.")


def _is_unstorable(text: str) -> bool:
    return "\0" in text or any("\ud800" <= char <= "\udfff" for char in text)
