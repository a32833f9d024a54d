"""The stored side of a run's books: opened first, kept with every batch, closed last."""

from dataclasses import asdict
from datetime import datetime

from sqlalchemy.orm import Session

from marketing_cli import __version__
from marketing_cli.database.migration import require_whole
from marketing_cli.database.sessions import Transactions
from marketing_cli.domain.batches import Counts, RunRef
from marketing_cli.domain.lines import InputState
from marketing_cli.domain.reasons import Outcome
from marketing_cli.repositories.ledger import RulesVersionRepository, RunRepository
from marketing_cli.schemas.report import RunStatus
from marketing_cli.services.batch import BatchOutcome
from marketing_cli.services.power_cuts import power_cut_warning
from marketing_cli.services.rules_files import LoadedRules
from marketing_cli.services.run_books import RunBooks


class RunLedger:
    """Keeps `runs` and `run_inputs` true to the books."""

    def __init__(self, transactions: Transactions, books: RunBooks, *, backfill: bool) -> None:
        """Keep these books."""
        self._transactions = transactions
        self.books = books
        self._backfill = backfill
        self._rules_version_id = 0
        self._input_ids: list[int] = []
        self.run_id: int | None = None

    def open(self, rules: LoadedRules, started_at: datetime) -> None:
        """Enter the run, its rules and its inputs, before anything is read; note what is amiss with the server.

        Raises DatabaseUnavailable if a copy into the database has begun since it was opened.
        """
        with self._transactions() as session:
            require_whole(session)
            self._rules_version_id = RulesVersionRepository(session).keep(
                rules.sha256, rules.text, rules.rule_set.in_force
            )
            runs = RunRepository(session)
            run_id = runs.add(
                {
                    "started_at": started_at,
                    "status": RunStatus.RUNNING.value,
                    "backfill": self._backfill,
                    "rules_version_id": self._rules_version_id,
                    "rules_source": rules.source,
                    "program_version": __version__,
                }
            )
            self._input_ids = [
                runs.add_input({"run_id": run_id, "position": place, "path": books.path, "state": books.state.value})
                for place, books in enumerate(self.books.inputs)
            ]
            self.books.server_warning = power_cut_warning(session.connection())
        self.run_id = run_id

    def reference(self, place: int) -> RunRef:
        """The run, and its input at this place, for a batch."""
        path = self.books.inputs[place].path
        return RunRef(self.run_id or 0, self._input_ids[place], path, self._rules_version_id, self._backfill)

    def store_progress(
        self, session: Session, place: int, counts: Counts, outcome: BatchOutcome, state: InputState
    ) -> None:
        """Store the books as they will be once the batch in hand is committed, in its own transaction."""
        made = [decision.outcome for decision in outcome.decisions]
        decided = {
            "send_requests": self.books.send_requests + made.count(Outcome.REQUESTED),
            "suppressions": self.books.suppressions + made.count(Outcome.SUPPRESSED),
        }
        runs = RunRepository(session)
        runs.update(self.run_id or 0, asdict(self.books.counts + counts) | decided)
        progress = asdict(self.books.inputs[place].counts + counts)
        runs.update_input(self._input_ids[place], {**progress, "state": state.value})

    def close(self, status: RunStatus, exit_code: int, finished_at: datetime) -> None:
        """Enter how the run and each of its inputs ended."""
        with self._transactions() as session:
            runs = RunRepository(session)
            ending = {"status": status.value, "exit_code": exit_code, "finished_at": finished_at}
            runs.update(self.run_id or 0, ending)
            for input_id, books in zip(self._input_ids, self.books.inputs, strict=True):
                how = {"format": books.format, "compression": books.compression}
                runs.update_input(input_id, how | {"state": books.state.value, "message": books.message})
