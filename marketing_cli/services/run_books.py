"""The books of one run: counted in memory, stored with each batch, reported at the end."""

from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta

from marketing_cli.domain.batches import Counts
from marketing_cli.domain.lines import InputState
from marketing_cli.domain.reasons import Outcome
from marketing_cli.schemas.report import InputReport, Totals
from marketing_cli.schemas.rules import RuleSet
from marketing_cli.services.batch import BatchOutcome
from marketing_cli.sources.reader import InputReader

OLD = timedelta(days=7)
AHEAD = timedelta(hours=24)


@dataclass(slots=True)
class InputBooks:
    """One input: how it was read, and its counts so far."""

    path: str
    format: str | None = None
    compression: str | None = None
    state: InputState = InputState.NOT_READ
    message: str | None = None
    counts: Counts = field(default_factory=Counts)

    def note(self, reader: InputReader, state: InputState) -> None:
        """Note what the open input turned out to be, and how far it is stored: not to its end is `stopped`.

        Reading it may have come further than that.
        """
        self.state = InputState.STOPPED if state is InputState.NOT_READ else state
        self.message = reader.message if state is reader.state else None
        if reader.state is not InputState.UNREADABLE or self.counts.lines:
            self.format, self.compression = reader.format.value, reader.compression.value

    def report(self) -> InputReport:
        """The input as `ingest --json` shows it."""
        return InputReport(
            path=self.path,
            format=self.format,
            compression=self.compression,
            state=self.state.value,
            **asdict(self.counts),
        )


@dataclass(slots=True)
class RunBooks:
    """A run: its inputs, and what was decided so far."""

    inputs: list[InputBooks]
    started_at: datetime
    counts: Counts = field(default_factory=Counts)
    send_requests: int = 0
    suppressions: int = 0
    rejects_by_reason: Counter[str] = field(default_factory=Counter)
    unknown_rejects: int = 0
    not_comparable: int = 0
    unknown_types: int = 0
    old_requests: int = 0
    ahead_of_time: int = 0
    retried_batches: int = 0
    server_warning: str | None = None

    def enter(self, place: int, outcome: BatchOutcome, counts: Counts, rules: RuleSet) -> None:
        """Enter what a committed batch of the input at this place did; `counts` are its lines."""
        self.counts += counts
        self.inputs[place].counts += counts
        made = Outcome.REQUESTED
        requested = [one.event for one in outcome.decisions if one.outcome is made]
        self.send_requests += len(requested)
        self.suppressions += len(outcome.decisions) - len(requested)
        self.rejects_by_reason.update(reject.reason.value for reject in outcome.rejects)
        self.unknown_rejects += outcome.unknown_rejects
        self.not_comparable += outcome.not_comparable
        known, latest, oldest = rules.event_types, self.started_at + AHEAD, self.started_at - OLD
        types = Counter([event.event_type for event in outcome.new])
        self.unknown_types += sum(count for name, count in types.items() if name not in known)
        self.ahead_of_time += len([1 for event in outcome.new if event.timestamp > latest])
        self.old_requests += len([1 for event in requested if event.timestamp < oldest])

    def note_retry(self) -> None:
        """Note that the database refused a batch, which is decided again."""
        self.retried_batches += 1

    def totals(self) -> Totals:
        """The sums as `ingest --json` shows them."""
        return Totals(**asdict(self.counts), send_requests=self.send_requests, suppressions=self.suppressions)

    def warnings(self, *, backfill: bool) -> list[str]:
        """What an operator should look at, in sentences."""
        found = [self.server_warning] if self.server_warning else []
        if self.old_requests and not backfill:
            found.append(
                f"messages requested for events over 7 days old: {self.old_requests:,};"
                " import an archive with --backfill, so that nothing in it is handed on"
            )
        if self.ahead_of_time:
            found.append(
                f"events with timestamps over 24 h in the future: {self.ahead_of_time:,}; check the producer's clock"
            )
        found += [f"{books.path}: {books.message}" for books in self.inputs if books.message]
        return found
