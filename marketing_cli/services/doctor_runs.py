"""Checks of the runs: how the last one ended, and which never did."""

from sqlalchemy import Row

from marketing_cli.domain.lines import InputState
from marketing_cli.domain.texts import counted, z
from marketing_cli.models import Run
from marketing_cli.repositories import checks_runs
from marketing_cli.schemas.report import RunStatus
from marketing_cli.services.doctor_findings import Finding, examples, ok, warning, wrong
from marketing_cli.services.reading import Reading

_STDIN = "-"
_MOST_RUNS = 1_000
_ADVICE = {
    RunStatus.PARTIAL: "See `mmsg rejects --run {}` for the lines, and `mmsg runs --limit 1 --json` for the inputs.",
    RunStatus.INTERRUPTED: "Run the same command again: what was stored counts as duplicate.",
    RunStatus.ABORTED: "Too many lines were rejected: see `mmsg rejects --run {}`, mend the source, then run it again.",
    RunStatus.FAILED: "Look at what it printed, or run the same command again: what was stored counts as duplicate.",
}


def last_run(found: Row[Run, str] | None) -> Finding:
    """How the run that began last ended."""
    if found is None:
        return ok("there was no run yet")
    run = found[0]
    lines = counted(run.lines, "line")
    what = f"run {run.id} of {z(run.started_at)}: {run.status}, {lines}, {run.new:,} new"
    if run.status in {RunStatus.OK, RunStatus.RUNNING}:
        return ok(what)
    advice = _ADVICE.get(RunStatus(run.status), "").format(run.id)
    if run.status in {RunStatus.PARTIAL, RunStatus.INTERRUPTED}:
        return warning(f"{what}, {run.rejected:,} rejected", advice)
    return wrong(f"{what}, {run.rejected:,} rejected", advice)


def unended_runs(reading: Reading) -> Finding:
    """Which runs were killed, or are still at work, and left an input that no later run read to its end."""
    running = reading.once(lambda session: checks_runs.runs_with_status(session, RunStatus.RUNNING.value, _MOST_RUNS))
    if not running:
        return ok("every run ended")
    inputs = reading.once(lambda session: checks_runs.inputs_of(session, [run.id for run in running]))
    read = _last_read(reading)
    left = sorted({run_id for run_id, path in inputs if path == _STDIN or read.get(path, 0) <= run_id})
    if not left:
        return ok(f"run {examples(sorted(run.id for run in running))} never ended; later runs read the same inputs")
    began = min(run.started_at for run in running if run.id in left)
    return warning(
        f"run {examples(left)} has not ended; the first of them began at {z(began)}",
        "If none is at work any more they were killed: what they stored is whole. Read their inputs again"
        " (`mmsg runs` names them); what was stored counts as duplicate.",
    )


def _last_read(reading: Reading) -> dict[str, int]:
    """The last run that read each path to its end."""
    newest = reading.once(checks_runs.last_input)
    read: dict[str, int] = {}
    for found in reading.slices(
        newest, lambda s, low, high: checks_runs.last_read(s, InputState.DONE.value, low, high)
    ):
        for path, run_id in found.items():
            read[path] = max(read.get(path, 0), run_id)
    return read
