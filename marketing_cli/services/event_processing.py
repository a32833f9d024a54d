"""Store a batch of events and what the rules decide about them, in one transaction."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

from sqlalchemy.orm import Session

from marketing_cli.database.sessions import Transactions
from marketing_cli.domain.batches import RunRef
from marketing_cli.domain.events import IncomingEvent
from marketing_cli.domain.lines import RawLine
from marketing_cli.domain.reasons import Outcome
from marketing_cli.errors import ConflictingDuplicate
from marketing_cli.models import Event, SendRequest, Suppression
from marketing_cli.repositories.decisions import SendRequestRepository, SuppressionRepository
from marketing_cli.repositories.event_rows import NewEvents
from marketing_cli.repositories.events import EventRepository
from marketing_cli.repositories.ids import draw_ids
from marketing_cli.repositories.interfaces import IEventRepository, ISendRequestRepository, ISuppressionRepository
from marketing_cli.repositories.ledger import RulesVersionRepository
from marketing_cli.repositories.locks import lock_users
from marketing_cli.repositories.rejects import RejectRepository
from marketing_cli.schemas.event import EventIn
from marketing_cli.schemas.rules import RuleSet
from marketing_cli.services.batch import BatchOutcome, ParsedLine, SortedBatch, sort_batch
from marketing_cli.services.decision_rows import request_rows, suppression_rows
from marketing_cli.services.engine import Decision, Sifted, arrive, sift
from marketing_cli.services.history_loading import HistoryLoader
from marketing_cli.services.retrying import retry_refused

BeforeCommit: TypeAlias = Callable[[Session, BatchOutcome], None]
"""Stores what must commit together with a batch, such as a run's progress."""


class EventProcessingService:
    """Takes events in batches: one batch, one transaction, everything in it or nothing."""

    def __init__(
        self, transactions: Transactions, rules: RuleSet, run: RunRef, on_retry: Callable[[], object] = lambda: None
    ) -> None:
        """Store for this run, deciding by these rules; `on_retry` is told whenever a batch has to be decided again."""
        self._transactions = transactions
        self._rules = rules
        self._run = run
        self._on_retry = on_retry
        self._in_force: dict[int, frozenset[tuple[str, str]]] = {}

    def process_event(self, event: EventIn) -> Event:
        """Store and decide one event; for a duplicate the stored one is returned.

        Raises ConflictingDuplicate, and keeps the event as a reject, when its identity is taken by other contents.
        """
        line = RawLine(1, event.model_dump_json().encode())
        self.process_batch([ParsedLine(line, event.incoming())])
        with self._transactions() as session:
            events: IEventRepository = EventRepository(session)
            (known,) = events.find_known([(event.event_key, event.user_id)]).values()
            stored = events.get_by_id(known.id)
            session.expunge_all()
        if stored is None or stored.content_hash != event.content_hash:
            raise ConflictingDuplicate("this user's event of the same id is known with other contents; that one stays.")
        return stored

    def process_batch(self, batch: Sequence[ParsedLine], before_commit: BeforeCommit | None = None) -> BatchOutcome:
        """Store a batch. When the database refuses a row, all of it is rolled back and decided again."""
        return retry_refused(lambda: self._attempt(batch, before_commit), self._on_retry)

    def _attempt(self, batch: Sequence[ParsedLine], before_commit: BeforeCommit | None) -> BatchOutcome:
        with self._transactions() as session:
            # Locked before the first read: a signup in an overlapping run must not be missed.
            lock_users(session, (item.content.user_id for item in batch if isinstance(item.content, IncomingEvent)))
            outcome = self._store(session, batch)
            if before_commit is not None:
                before_commit(session, outcome)
        return outcome

    def _store(self, session: Session, batch: Sequence[ParsedLine]) -> BatchOutcome:
        events: IEventRepository = EventRepository(session)
        sorted_batch = sort_batch(batch, events)
        news = self._number(session, sorted_batch)
        sifted = sift(self._rules, news.events)
        decisions = self._decide(session, sifted, events)
        duplicates, refused = sorted_batch.duplicates, sorted_batch.rejects
        unknown = RejectRepository(session).add_many(refused, run_id=self._run.run_id, path=self._run.path)
        events.add_many(news)
        self._store_decisions(session, decisions)
        return BatchOutcome(news.events, duplicates, refused, unknown, decisions, sifted.not_comparable)

    def _number(self, session: Session, batch: SortedBatch) -> NewEvents:
        (ids,) = draw_ids(session, (Event, len(batch.new)))
        return NewEvents(
            events=[event.numbered(number) for number, (_, event) in zip(ids, batch.new, strict=True)],
            content_hashes=[event.content_hash for _, event in batch.new],
            run_id=self._run.run_id,
            input_id=self._run.input_id,
            lines=[line.number for line, _ in batch.new],
        )

    def _decide(self, session: Session, sifted: Sifted, events: IEventRepository) -> list[Decision]:
        requests: ISendRequestRepository = SendRequestRepository(session)
        versions = RulesVersionRepository(session)

        def looked_at(version_id: int, rule_name: str, event_type: str) -> bool:
            if version_id not in self._in_force:
                self._in_force[version_id] = versions.get_in_force(version_id)
            return (rule_name, event_type) in self._in_force[version_id]

        history = HistoryLoader(events, requests, self._rules, looked_at).load(sifted, historical=self._run.backfill)
        return [
            verdict.decision
            for event, own_rules in zip(sifted.events, sifted.rules, strict=True)
            for verdict in arrive(self._rules, event, history, own_rules)
            if verdict.decision
        ]

    def _store_decisions(self, session: Session, decisions: Iterable[Decision]) -> None:
        requests: ISendRequestRepository = SendRequestRepository(session)
        suppressions: ISuppressionRepository = SuppressionRepository(session)
        by_outcome: dict[Outcome, list[Decision]] = {outcome: [] for outcome in Outcome}
        for decision in decisions:
            by_outcome[decision.outcome].append(decision)
        made, blocked = by_outcome[Outcome.REQUESTED], by_outcome[Outcome.SUPPRESSED]
        request_ids, suppression_ids = draw_ids(session, (SendRequest, len(made)), (Suppression, len(blocked)))
        requests.add_many(request_rows(made, request_ids, self._run))
        suppressions.add_many(suppression_rows(blocked, suppression_ids, self._run))
