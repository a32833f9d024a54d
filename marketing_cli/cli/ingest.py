"""`mmsg ingest`."""

from typing import Annotated

import typer

from marketing_cli.cli.acknowledging import acknowledger
from marketing_cli.cli.ingest_progress import IngestProgress
from marketing_cli.cli.invocation import begin
from marketing_cli.cli.options import BusyTimeout, EnvFile, Json, Quiet, Rules, wanted_output
from marketing_cli.cli.signals import SignalStop
from marketing_cli.rendering import Output, render_report

_EPILOG = """\b
Examples:
  mmsg ingest events.ndjson
  mmsg ingest exports/ --quiet --known-rejects-ok      from cron: silent unless something is wrong
  zcat old.ndjson.gz | mmsg ingest - --backfill        an archive: decide, but hand nothing on
  mmsg ingest events.json --dry-run --json             what would happen

\b
Running the same command again is always safe: what was stored is counted as duplicate.

\b
Exit codes: 0 all stored; 3 finished, but lines were rejected or an input was unreadable, truncated or corrupt;
5 too many rejects; 6 no input; 7 bad rules or settings; 10/12/13 database missing/behind/ahead; 14 unavailable;
129/130/143 interrupted: what was stored stays.
"""


def ingest(
    ctx: typer.Context,
    paths: Annotated[list[str], typer.Argument(metavar="PATH", help="Files, folders, or - for standard input.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", "-n", help="Report what would happen; store nothing.")] = False,
    backfill: Annotated[
        bool, typer.Option("--backfill", help="An archive: requests use up limits and are never handed on.")
    ] = False,
    rules: Rules = None,
    format_: Annotated[str, typer.Option("--format", help="auto, ndjson, array or object.", metavar="FORMAT")] = "auto",
    assume_timezone: Annotated[
        str | None,
        typer.Option(help="The zone of timestamps without an offset; else they are rejected.", metavar="ZONE"),
    ] = None,
    max_errors: Annotated[
        str | None, typer.Option(help="Stop after more than N rejected lines, or N% of them.", metavar="N|N%")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first rejected line (--max-errors 0).")] = False,
    rejects_ok: Annotated[
        bool, typer.Option("--rejects-ok", help="Rejected lines do not make the exit code 3.")
    ] = False,
    known_rejects_ok: Annotated[
        bool, typer.Option("--known-rejects-ok", help="Only lines not rejected before count as rejected.")
    ] = False,
    empty_ok: Annotated[bool, typer.Option("--empty-ok", help="A folder without event files is fine.")] = False,
    batch_size: Annotated[int, typer.Option(help="Lines per transaction.", min=1, max=1_000_000)] = 5000,
    max_line_bytes: Annotated[
        int, typer.Option(help="Reject longer lines.", min=1, max=1 << 30, show_default="1 MiB")
    ] = 1024 * 1024,
    busy_timeout: BusyTimeout = 60.0,
    json: Json = False,
    quiet: Quiet = False,
    env_file: EnvFile = None,
) -> None:
    """Read event files, decide which messages they ask for, and store both.

    JSON arrays, one JSON object, or NDJSON (one event per line); also packed with gzip or zstd. Each line ends as new,
    duplicate, rejected (kept: see `mmsg rejects`) or blank. The summary goes to standard error.
    """
    from marketing_cli.services.ingest_options import ingest_options
    from marketing_cli.services.ingest_run import IngestRequest, run_ingest

    options = ingest_options(
        format_name=format_,
        max_line_bytes=max_line_bytes,
        zone=assume_timezone,
        batch_size=batch_size,
        backfill=backfill,
        dry_run=dry_run,
        max_errors="0" if strict else max_errors,
        rejects_ok=rejects_ok,
        known_rejects_ok=known_rejects_ok,
    )
    invocation = begin(ctx, output=wanted_output(Output.TABLE, json=json), quiet=quiet, env_file=env_file)
    settings = invocation.settings
    request = IngestRequest(paths, settings.database_url, rules or settings.rules, empty_ok, busy_timeout)
    stop = SignalStop(quiet=invocation.quiet)
    tell = acknowledger(None if dry_run else settings.acknowledge_fd)
    with stop.listening(), IngestProgress(invocation.streams) as progress:
        report = run_ingest(request, options, stop, progress, tell, invocation.trace)
    render_report(report, invocation.output, invocation.streams)
    raise typer.Exit(report.exit_code)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("ingest", epilog=_EPILOG)(ingest)
