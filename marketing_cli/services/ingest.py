"""One ingest run: inputs in, batches stored, a ledger entry and a report out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeAlias

from sqlalchemy.orm import Session

from marketing_cli.database.failures import DATABASE_ERRORS, explain
from marketing_cli.database.sessions import Transactions
from marketing_cli.domain.lines import InputState
from marketing_cli.domain.slots import Shard
from marketing_cli.domain.zones import ZoneInfo
from marketing_cli.errors import ExitCode, MmsgError, TooManyRejects, unexpected
from marketing_cli.schemas.report import IngestReport, RulesReport, RunStatus
from marketing_cli.services.batch import BatchOutcome
from marketing_cli.services.batching import DEFAULT_BATCH_SIZE, Batch, BatchOptions, cut_batches
from marketing_cli.services.collecting import collected_between_batches
from marketing_cli.services.error_budget import ErrorBudget
from marketing_cli.services.event_processing import EventProcessingService
from marketing_cli.services.line_parsing import ParseOptions
from marketing_cli.services.read_ahead import ReadAhead
from marketing_cli.services.rules_files import LoadedRules
from marketing_cli.services.run_books import InputBooks, RunBooks
from marketing_cli.services.run_ledger import RunLedger
from marketing_cli.services.stopping import Interrupted, NeverStop, StopRequest
from marketing_cli.sources.discovery import InputPath
from marketing_cli.sources.reader import InputReader, ReadOptions

Progress: TypeAlias = Callable[[InputReader, int], object]
"""Told the input in hand, and how many of its lines are stored."""

Acknowledge: TypeAlias = Callable[[int | None, str, int, int], object]
"""Told of each batch as soon as its COMMIT has returned: run id, path, first and last line."""

OnFailure: TypeAlias = Callable[[Exception], None]
"""Told what broke, as it was raised, before it becomes a sentence in the report."""

_BROKEN = {InputState.TRUNCATED, InputState.CORRUPT, InputState.UNREADABLE}


@dataclass(frozen=True, slots=True)
class IngestOptions:
    """What the command line says about a run; the defaults are its defaults."""

    read: ReadOptions = field(default_factory=ReadOptions)
    assume_timezone: ZoneInfo | None = None
    batch_size: int = DEFAULT_BATCH_SIZE
    backfill: bool = False
    dry_run: bool = False
    max_errors: ErrorBudget | None = None
    rejects_ok: bool = False
    known_rejects_ok: bool = False
    shard: Shard | None = None


@dataclass(slots=True)
class _Ending:
    """Why a run ended before its inputs did, if it did."""

    interrupted: int | None = None
    error: MmsgError | None = None


class IngestService:
    """Takes inputs through `EventProcessingService`, batch by batch, and keeps the books."""

    def __init__(  # noqa: PLR0913, PLR0917 - the last two are for whoever watches
        self,
        transactions: Transactions,
        rules: LoadedRules,
        options: IngestOptions,
        stop: StopRequest | None = None,
        acknowledge: Acknowledge = lambda *_batch: None,
        on_failure: OnFailure = lambda _failure: None,
    ) -> None:
        """Store through these transactions, deciding by these rules."""
        self._transactions = transactions
        self._rules = rules
        self._options = options
        self._stop = stop or NeverStop()
        self._acknowledge = acknowledge
        self._on_failure = on_failure

    def run(self, inputs: Sequence[InputPath], progress: Progress = lambda _reader, _lines: None) -> IngestReport:
        """Read all inputs. However it ends, the report says how far it came and why it stopped.

        Raises whatever keeps the run from being entered in the ledger: then nothing has happened. That is Interrupted
        when it came of a request to stop.
        """
        books = RunBooks([InputBooks(entry.path) for entry in inputs], datetime.now(UTC))
        ledger = RunLedger(self._transactions, books, backfill=self._options.backfill)
        self._open(ledger)
        ending = _Ending()
        try:
            with self._stop.interruptible(), collected_between_batches() as collect:
                for place, entry in enumerate(inputs):
                    self._ingest(place, entry, ledger, lambda *batch: (collect(), progress(*batch)))
            self._check_budget(books, at_end=True)
        except Interrupted as interrupted:
            ending.interrupted = interrupted.exit_code
        except Exception as failure:  # noqa: BLE001 - what is stored stays, and must be reported
            self._note_failure(failure, ending)
        finished_at = datetime.now(UTC)
        self._close(ledger, ending, finished_at)
        return self._report(ledger, ending, finished_at)

    @property
    def _batching(self) -> BatchOptions:
        options = self._options
        return BatchOptions(ParseOptions(options.assume_timezone), options.batch_size, options.shard)

    def _open(self, ledger: RunLedger) -> None:
        try:
            ledger.open(self._rules, ledger.books.started_at)
        except DATABASE_ERRORS as failure:
            if self._stop.exit_code is None:
                raise
            raise Interrupted(self._stop.exit_code) from failure

    def _ingest(self, place: int, entry: InputPath, ledger: RunLedger, batch_done: Progress) -> None:
        told = ledger.reference(place), ledger.books.note_retry
        service = EventProcessingService(self._transactions, self._rules.rule_set, *told)
        books = ledger.books.inputs[place]
        with (
            InputReader(entry, self._options.read) as reader,
            ReadAhead(cut_batches(reader, self._batching)) as batches,
        ):
            books.note(reader, reader.state)
            # Not from a pipe: it may keep its reader waiting for ever, and what is stored is to be told at once.
            meanwhile = _nothing if entry.is_stdin else batches.begin
            for batch in batches:
                with self._stop.deferred():
                    self._store(service, ledger, place, batch, meanwhile)
                    books.note(reader, batch.state)
                # Let go of before garbage is looked for.
                del batch
                self._check_budget(ledger.books, at_end=False)
                batch_done(reader, books.counts.lines)
            books.note(reader, reader.state)

    def _store(
        self,
        service: EventProcessingService,
        ledger: RunLedger,
        place: int,
        batch: Batch,
        meanwhile: Callable[[], None],
    ) -> None:
        """Store a batch of the input at this place; what is to be done `meanwhile` is begun as its COMMIT is."""
        counts, books = batch.counts, ledger.books.inputs[place]

        def before_commit(session: Session, done: BatchOutcome) -> None:
            ledger.store_progress(session, place, done.book(counts), done, batch.state)
            meanwhile()

        outcome = service.process_batch(batch.lines, before_commit)
        first, last = books.counts.lines + 1, books.counts.lines + counts.lines
        # At once: it is stored, whatever becomes of telling it.
        ledger.books.enter(place, outcome, outcome.book(counts), self._rules.rule_set)
        self._acknowledge(ledger.run_id, books.path, first, last)

    def _check_budget(self, books: RunBooks, *, at_end: bool) -> None:
        budget = self._options.max_errors
        refused, own = self._refused(books), books.counts.lines - books.counts.skipped
        if budget is not None and budget.exceeded(refused, own, at_end=at_end):
            whose = "" if self._options.shard is None else f" of shard {self._options.shard}"
            raise TooManyRejects(
                f"stopped: {refused:,} of {own:,} lines{whose} refused, more than {budget} allows."
                " What was stored stays; see `mmsg rejects`."
            )

    def _refused(self, books: RunBooks) -> int:
        return books.unknown_rejects if self._options.known_rejects_ok else books.counts.rejected

    def _explained(self, failure: Exception) -> MmsgError:
        """The failure as a sentence, once whoever wants to see it whole has seen it."""
        if isinstance(failure, TooManyRejects):
            return failure
        self._on_failure(failure)
        if isinstance(failure, DATABASE_ERRORS):
            return explain(failure)
        return failure if isinstance(failure, MmsgError) else unexpected(failure)

    def _close(self, ledger: RunLedger, ending: _Ending, finished_at: datetime) -> None:
        """Enter the end in the ledger. Where that fails the run stays `running` there, and counts as failed."""
        try:
            ledger.close(*self._outcome(ledger.books, ending), finished_at)
        except Exception as failure:  # noqa: BLE001 - the report still says what was stored
            self._note_failure(failure, ending)

    def _note_failure(self, failure: Exception, ending: _Ending) -> None:
        """Keep the first failure. After a request to stop it was hurried into it: then the run was interrupted."""
        ending.error = ending.error or self._explained(failure)
        if not isinstance(failure, TooManyRejects):
            ending.interrupted = self._stop.exit_code

    def _report(self, ledger: RunLedger, ending: _Ending, finished_at: datetime) -> IngestReport:
        books = ledger.books
        status, exit_code = self._outcome(books, ending)
        return IngestReport(
            run_id=None if self._options.dry_run else ledger.run_id,
            status=status,
            exit_code=exit_code,
            dry_run=self._options.dry_run,
            backfill=self._options.backfill,
            shard=None if self._options.shard is None else str(self._options.shard),
            started_at=books.started_at,
            finished_at=finished_at,
            inputs=[entry.report() for entry in books.inputs],
            totals=books.totals(),
            rejects_by_reason=dict(sorted(books.rejects_by_reason.items())),
            not_comparable=books.not_comparable,
            unknown_types=books.unknown_types,
            retried_batches=books.retried_batches,
            warnings=books.warnings(backfill=self._options.backfill),
            rules=RulesReport(source=self._rules.source, sha256=self._rules.sha256),
            error=None if ending.error is None else str(ending.error),
        )

    def _outcome(self, books: RunBooks, ending: _Ending) -> tuple[RunStatus, ExitCode]:
        """The most serious of what happened."""
        if ending.interrupted is not None:
            return RunStatus.INTERRUPTED, ExitCode(ending.interrupted)
        if isinstance(ending.error, TooManyRejects):
            return RunStatus.ABORTED, ending.error.exit_code
        if ending.error is not None:
            return RunStatus.FAILED, ending.error.exit_code
        refused = 0 if self._options.rejects_ok else self._refused(books)
        if refused or any(entry.state in _BROKEN for entry in books.inputs):
            return RunStatus.PARTIAL, ExitCode.PARTIAL
        return RunStatus.OK, ExitCode.OK


def _nothing() -> None:
    """Done meanwhile where nothing can be."""
