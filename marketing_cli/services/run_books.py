"""The books of one run: counted in memory, stored with each batch, reported at the end."""

from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta

from marketing_cli.domain.batches import Counts
from marketing_cli.domain.lines import InputState
from marketing_cli.domain.reasons import Outcome, ReasonCode
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

    def note(self, reader: InputReader) -> None:
        """Note what the open input turned out to be, and how far reading it has come: not to its end is `stopped`."""
        self.state = InputState.STOPPED if reader.state is InputState.NOT_READ else reader.state
        self.message = reader.message
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

    def enter(self, place: int, outcome: BatchOutcome, counts: Counts, rules: RuleSet) -> None:
        """Enter what a committed batch of the input at this place did; `counts` are its lines."""
        self.counts += counts
        self.inputs[place].counts += counts
        requested = [one.event for one in outcome.decisions if one.outcome is Outcome.REQUESTED]
        self.send_requests += len(requested)
        self.suppressions += len(outcome.decisions) - len(requested)
        self.rejects_by_reason.update(reject.reason.value for reject in outcome.rejects)
        self.unknown_rejects += outcome.unknown_rejects
        self.not_comparable += sum(
            result.code is ReasonCode.VALUE_NOT_COMPARABLE
            for verdict in outcome.verdicts
            if not verdict.decision
            for result in verdict.evaluation.results
        )
        known, latest, oldest = rules.event_types, self.started_at + AHEAD, self.started_at - OLD
        self.unknown_types += sum(event.event_type not in known for event in outcome.new)
        self.ahead_of_time += sum(event.timestamp > latest for event in outcome.new)
        self.old_requests += sum(event.timestamp < oldest for event in requested)

    def totals(self) -> Totals:
        """The sums as `ingest --json` shows them."""
        return Totals(**asdict(self.counts), send_requests=self.send_requests, suppressions=self.suppressions)

    def warnings(self, *, backfill: bool) -> list[str]:
        """What an operator should look at, in sentences."""
        found = []
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
