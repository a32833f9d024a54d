"""`mmsg ingest` from its arguments to its report, with the checks in the order that exit codes promise."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from marketing_cli.database.engine import DEFAULT_BUSY_TIMEOUT
from marketing_cli.database.sessions import Transactions, open_database
from marketing_cli.domain.slots import EVERYBODY
from marketing_cli.schemas.report import IngestReport
from marketing_cli.services.ingest import Acknowledge, IngestOptions, IngestService, OnFailure, Progress
from marketing_cli.services.rules_files import LoadedRules, load_rules
from marketing_cli.services.sandbox import open_sandbox
from marketing_cli.services.stopping import StopRequest
from marketing_cli.sources.discovery import InputPath, find_inputs, require_inputs


@dataclass(frozen=True, slots=True)
class IngestRequest:
    """What to ingest, into what, by which rules; `rules` None means the shipped ones."""

    paths: Sequence[str]
    database_url: str
    rules: Path | None = None
    empty_ok: bool = False
    busy_timeout: float = DEFAULT_BUSY_TIMEOUT


def run_ingest(  # noqa: PLR0913, PLR0917 - the last three are for whoever watches
    request: IngestRequest,
    options: IngestOptions,
    stop: StopRequest,
    progress: Progress,
    acknowledge: Acknowledge = lambda *_batch: None,
    on_failure: OnFailure = lambda _failure: None,
) -> IngestReport:
    """Check rules, inputs and the database, in this order, then run.

    Raises BadConfig, NoInput, DatabaseUnavailable, DatabaseMissing, DatabaseAhead or DatabaseBehind, in this order,
    before anything is read; and Interrupted when a request to stop comes as early as that.
    """
    with ExitStack() as stack:
        with stop.interruptible():
            rules, inputs, opened = _prepared(request, stop, options)
            transactions = stack.enter_context(opened)
        return IngestService(transactions, rules, options, stop, acknowledge, on_failure).run(inputs, progress)


def _prepared(
    request: IngestRequest, stop: StopRequest, options: IngestOptions
) -> tuple[LoadedRules, Sequence[InputPath], AbstractContextManager[Transactions]]:
    rules = load_rules(request.rules)
    # A path may hold bytes that are no text, and the ledger keeps text.
    source = rules.source.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    inputs = require_inputs(find_inputs(request.paths), empty_ok=request.empty_ok)
    url, timeout = request.database_url, request.busy_timeout
    opened = (
        open_sandbox(url, busy_timeout=timeout, slots=(options.shard or EVERYBODY).slots)
        if options.dry_run
        else open_database(url, writes=True, busy_timeout=timeout, hurried=lambda: stop.exit_code is not None)
    )
    return replace(rules, source=source), inputs, opened
