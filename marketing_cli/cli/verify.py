"""`mmsg verify`."""

from typing import Annotated

import typer

from marketing_cli.cli.invocation import begin
from marketing_cli.cli.options import EnvFile, Json, Quiet, wanted_output
from marketing_cli.rendering import EventsBar, Output

_EPILOG = """\b
Examples:
  mmsg verify --all                     everything, with the rules of then and the books
  mmsg verify --since 24h --quiet       what came in the last day: for cron, silent unless something differs
  mmsg verify evt_7                     what was decided on this event, and what it caused; --user picks whose
  mmsg verify --user u_1
  mmsg verify --all --json | jq .differences

\b
Each event arrives again, in the order of then, under the rules that its run had, and what comes out is compared with
the stored send requests and suppressions, column by column. A difference says what was stored, what comes out now, and
by which condition. Also compared: events with their content hashes, typed columns with what they were taken from, rules
with their SHA-256, and, with --all and --since, the books: lines = new + duplicate + rejected + blank + skipped per run
and in all, and whose row is whose; with --all, matches = requests + suppressions too.

\b
--since goes by when mmsg stored the events; what was decided before is taken as it is stored. What runs at work store
meanwhile is left out, and no run has to wait. Decisions whose event was deleted cannot come out again: they are checked
against the rules, run and books of then, and counted. A value that cannot be read is a difference that names its row.
Not compared is what nothing else stored says: when something was stored or decided, an event's own id, line and extra.
Rows of no event are left to `mmsg doctor`.

\b
Exit codes: 0 all is reproduced; 2 an option or combination that cannot be understood; 4 no such event or user;
7 bad settings; 8 something differs; 10/12/13 database missing/behind/ahead; 14 unavailable.
"""


def verify(
    ctx: typer.Context,
    event_id: Annotated[
        str | None, typer.Argument(metavar="EVENT_ID", help="The event's id, as its producer spells it.")
    ] = None,
    user: Annotated[
        str | None, typer.Option(help="This user's history; with an event id, whose event.", metavar="USER")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            help="What was stored at or after: 2025-11-01T10:00:00Z, or 90s 15m 2h 7d 2w ago.", metavar="TIME"
        ),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Everything.", show_default=False)] = False,
    limit: Annotated[
        int | None, typer.Option(help="Show at most N differences (default 10); 0 shows all.", metavar="N")
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
    env_file: EnvFile = None,
) -> None:
    """Decide the past again from what is stored, by the rules of then, and compare it with what was decided."""
    from marketing_cli.rendering.verify_page import render_verify
    from marketing_cli.services.verify import run_verify, verify_request

    request = verify_request(event_id=event_id, user=user, since=since, everything=everything, limit=limit)
    invocation = begin(ctx, output=wanted_output(Output.TABLE, json=json), quiet=quiet, env_file=env_file)
    with EventsBar(invocation.streams) as advance:
        report = run_verify(request, invocation.settings.database_url, advance)
    raise typer.Exit(render_verify(report, invocation.output, invocation.streams))


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("verify", epilog=_EPILOG)(verify)
