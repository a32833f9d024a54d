"""`mmsg doctor`."""

from typing import Annotated

import typer

from marketing_cli.cli.invocation import begin
from marketing_cli.cli.options import EnvFile, Json, Quiet, Rules, wanted_output
from marketing_cli.rendering import Output

_EPILOG = """\b
Examples:
  mmsg doctor
  mmsg doctor --quiet                                silent unless something is wrong: for cron
  mmsg doctor --full                                 also SQLite's integrity_check, whatever the file's size
  mmsg doctor --json | jq '.checks[] | select(.state == "wrong")'

\b
Each check is ok, skipped, warning or wrong. Warnings, which do not change the exit code: rules other than the last
run's; a group that can read the file, or another owner; less than 1 GiB free; WAL on a SQLite it is not safe on;
full_page_writes off; a standby; a last run with rejected lines, or interrupted; a run that never ended; ids that
several users share. Everything else that is not as it should be is wrong.

\b
Runs at work are not disturbed: large tables are read in slices of about a tenth of a second. While a SQLite file is
checked for damage a run may wait for its COMMIT, less than a second: files over 64 MiB are checked with --full only.
Outside WAL a nameless copy of such a file is checked (it needs room in TMPDIR, and runs wait while it is copied).

\b
Exit codes: 0 nothing is wrong; 2 wrong options; 8 something is wrong. Where another command could not begin, its code
instead, after all checks that can be made: 7 bad rules, 14 unavailable, 10/13/12 database missing/ahead/behind.
7 without a report: bad settings.
"""


def doctor(
    ctx: typer.Context,
    full: Annotated[
        bool, typer.Option("--full", help="Check the whole SQLite file and its indexes for damage; can take long.")
    ] = False,
    rules: Rules = None,
    json: Json = False,
    quiet: Quiet = False,
    env_file: EnvFile = None,
) -> None:
    """Check the database, the disk, the books, the limits, the rules and the last run, and change nothing.

    Each check gets a line, with what to do where it is not ok.
    """
    from marketing_cli.rendering.doctor_page import render_doctor
    from marketing_cli.services.doctor import run_doctor

    output = wanted_output(Output.TABLE, json=json)
    invocation = begin(ctx, output=output, quiet=quiet, env_file=env_file, opens_database=False)
    settings = invocation.settings
    report = run_doctor(settings.database_url, rules or settings.rules, full=full)
    raise typer.Exit(render_doctor(report, invocation.output, invocation.streams))


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor", epilog=_EPILOG)(doctor)
