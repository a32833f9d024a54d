"""`mmsg runs`."""

import typer

from marketing_cli.cli.invocation import begin
from marketing_cli.cli.list_options import Limit, Since, Until
from marketing_cli.cli.options import EnvFile, Json, ListOutput, Quiet, wanted_output
from marketing_cli.rendering import Output

_EPILOG = """\b
Examples:
  mmsg runs --since 24h
  mmsg runs --limit 1 --json                     the last run, with each of its inputs
  mmsg runs --limit 0 --output csv > runs.csv

\b
A run that was killed stays `running` and never ended; its counts are those of the batches it stored.
--since and --until go by when a run started, in UTC; --since is included, --until is not.

\b
Exit codes: 0 done, also when nothing matches; 2 an option that cannot be understood; 7 bad settings;
10/12/13 database missing/behind/ahead; 14 unavailable.
"""


def runs(
    ctx: typer.Context,
    since: Since = None,
    until: Until = None,
    limit: Limit = None,
    output: ListOutput = Output.TABLE,
    json: Json = False,
    quiet: Quiet = False,
    env_file: EnvFile = None,
) -> None:
    """List the ingest runs, the last begun first: what they read, how they ended, what was decided."""
    from marketing_cli.rendering.list_columns import RUNS
    from marketing_cli.services.listing import list_runs
    from marketing_cli.services.listing_filters import run_query

    wanted = run_query(since=since, until=until, limit=limit)
    invocation = begin(ctx, output=wanted_output(output, json=json), quiet=quiet, env_file=env_file)
    with list_runs(invocation.settings.database_url, wanted) as found:
        invocation.show_rows(RUNS, found, "No runs match.")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("runs", epilog=_EPILOG)(runs)
