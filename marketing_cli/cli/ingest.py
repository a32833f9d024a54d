"""`mmsg ingest`."""

from typing import TYPE_CHECKING

import typer

from marketing_cli.cli import ingest_arguments as arguments
from marketing_cli.cli.acknowledging import acknowledger
from marketing_cli.cli.invocation import Invocation, begin
from marketing_cli.cli.options import BusyTimeout, EnvFile, Json, Quiet, Rules, wanted_output
from marketing_cli.cli.signals import SignalStop
from marketing_cli.rendering import Output

if TYPE_CHECKING:
    from marketing_cli.services.ingest_options import IngestOptions
    from marketing_cli.services.ingest_run import IngestRequest

_EPILOG = """\b
Examples:
  mmsg ingest events.ndjson
  mmsg ingest exports/ --quiet --known-rejects-ok      from cron: silent unless something is wrong
  zcat old.ndjson.gz | mmsg ingest - --backfill        an archive: decide, but hand nothing on
  mmsg ingest events.json --dry-run --json             what would happen
  mmsg ingest exports/ --shard 0/4                     the first of four processes that share the work

\b
Running the same command again is always safe: what was stored is counted as duplicate.

\b
Exit codes: 0 all stored; 1 failed; 2 an option that cannot be understood; 3 finished, but lines were rejected or an
input was unreadable, truncated or corrupt; 5 too many rejects; 6 no input; 7 bad rules or settings; 10/12/13 database
missing/behind/ahead; 14 unavailable; 129/130/143 interrupted: what was stored stays.
"""


def ingest(
    ctx: typer.Context,
    paths: arguments.Paths,
    dry_run: arguments.DryRun = False,
    backfill: arguments.Backfill = False,
    rules: Rules = None,
    format_: arguments.Format = "auto",
    assume_timezone: arguments.AssumeTimezone = None,
    max_errors: arguments.MaxErrors = None,
    strict: arguments.Strict = False,
    rejects_ok: arguments.RejectsOk = False,
    known_rejects_ok: arguments.KnownRejectsOk = False,
    empty_ok: arguments.EmptyOk = False,
    shard: arguments.Shard = None,
    batch_size: arguments.BatchSize = 5000,
    max_line_bytes: arguments.MaxLineBytes = 1024 * 1024,
    busy_timeout: BusyTimeout = 60.0,
    json: Json = False,
    quiet: Quiet = False,
    env_file: EnvFile = None,
) -> None:
    """Read event files, decide which messages they ask for, and store both.

    JSON arrays, one JSON object, or NDJSON (one event per line); also packed with gzip or zstd. Each line ends as new,
    duplicate, rejected (kept: see `mmsg rejects`), blank, or skipped (`--shard`). The summary goes to standard error.
    """
    from marketing_cli.services import ingest_options as words
    from marketing_cli.services.ingest_run import IngestRequest

    options = words.IngestOptions(
        read=words.read_options(format_, max_line_bytes),
        assume_timezone=words.assumed_zone(assume_timezone),
        batch_size=batch_size,
        backfill=backfill,
        dry_run=dry_run,
        max_errors=words.error_budget("0" if strict else max_errors),
        rejects_ok=rejects_ok,
        known_rejects_ok=known_rejects_ok,
        shard=words.slice_of_users(shard),
    )
    invocation = begin(ctx, output=wanted_output(Output.TABLE, json=json), quiet=quiet, env_file=env_file)
    settings = invocation.settings
    request = IngestRequest(paths, settings.database_url, rules or settings.rules, empty_ok, busy_timeout)
    raise typer.Exit(_run(invocation, request, options))


def _run(invocation: Invocation, request: "IngestRequest", options: "IngestOptions") -> int:
    """Run with progress on a terminal, and print the report; gives the exit code."""
    from marketing_cli.cli.ingest_progress import IngestProgress
    from marketing_cli.rendering import render_report
    from marketing_cli.services.ingest_run import run_ingest

    stop = SignalStop(quiet=invocation.quiet)
    tell = acknowledger(None if options.dry_run else invocation.settings.acknowledge_fd)
    with stop.listening():  # to the end: a signal while the report is printed must not cost the report
        with IngestProgress(invocation.streams) as progress:
            report = run_ingest(request, options, stop, progress, tell, invocation.trace)
        render_report(report, invocation.output, invocation.streams)
    return report.exit_code


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("ingest", epilog=_EPILOG)(ingest)
