"""`mmsg copy`."""

from typing import TYPE_CHECKING, Annotated

import typer

from marketing_cli.cli.invocation import Invocation, begin
from marketing_cli.cli.options import BusyTimeout, EnvFile, Json, Quiet, wanted_output
from marketing_cli.cli.signals import SignalStop
from marketing_cli.rendering import Output

if TYPE_CHECKING:
    from marketing_cli.services.copy_run import CopyRequest

_EPILOG = """\b
Examples:
  DATABASE_URL=sqlite:///new.db mmsg migrate && mmsg copy --to sqlite:///new.db
  mmsg copy --to postgresql://mmsg@db.internal/messaging      the password is in ~/.pgpass: a command line is public
  mmsg copy --to sqlite:///new.db --json | jq -r .digests.target

\b
Copied are events, decisions, rejected lines, runs and rules, with their numbers and times, from the database that
DATABASE_URL names. The other one must be migrated and empty, or hold the beginning of the same history: then what is
missing is added. So a copy that was stopped or killed goes on when the same command is run again, and a copy of a
database at work is brought up to date by it. Until a copy is complete, other commands refuse the database (14).

\b
At the end the digests and the number of rows of each table are compared, not each value: `mmsg verify --all` on the
copy checks events and decisions. What runs store meanwhile is left out, and no run has to wait. Ingesting old files
there requests nothing.

\b
Exit codes: 0 copied; 2 wrong options, the same database, or one that holds something else; 7 bad settings; 8 the copy
differs; 10/12/13 a database missing/behind/ahead; 14 unavailable, half copied, or another copy has taken over;
129/130/143 interrupted: what was copied stays.
"""


def copy(
    ctx: typer.Context,
    to: Annotated[str, typer.Option("--to", help="Copy into this database.", metavar="URL", show_default=False)],
    busy_timeout: BusyTimeout = 60.0,
    json: Json = False,
    quiet: Quiet = False,
    env_file: EnvFile = None,
) -> None:
    """Copy a whole history into another database, SQLite or PostgreSQL, and compare both.

    Then set DATABASE_URL to the copy, so that nobody is sent a message twice: no limit is forgotten.
    """
    from marketing_cli.services.copy_run import CopyRequest
    from marketing_cli.settings import other_database_url

    target = other_database_url(to, "--to")
    invocation = begin(ctx, output=wanted_output(Output.TABLE, json=json), quiet=quiet, env_file=env_file)
    invocation.more_databases.append(target)
    raise typer.Exit(_run(invocation, CopyRequest(invocation.settings.database_url, target, busy_timeout)))


def _run(invocation: Invocation, request: "CopyRequest") -> int:
    """Run with progress on a terminal, and print the report; gives the exit code."""
    from marketing_cli.cli.copy_progress import CopyProgressBar
    from marketing_cli.rendering.copy_summary import render_copy
    from marketing_cli.services.copy_run import run_copy

    stop = SignalStop(quiet=invocation.quiet)
    with stop.listening():  # to the end: a signal while the report is printed must not cost the report
        with CopyProgressBar(invocation.streams) as progress:
            report = run_copy(request, stop, progress)
        return render_copy(report, invocation.output, invocation.streams)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("copy", epilog=_EPILOG)(copy)
