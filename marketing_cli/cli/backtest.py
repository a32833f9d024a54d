"""`mmsg backtest`."""

from pathlib import Path
from typing import Annotated

import typer

from marketing_cli.cli.invocation import begin
from marketing_cli.cli.list_options import User
from marketing_cli.cli.options import EnvFile, Json, Quiet, wanted_output
from marketing_cli.rendering import EventsBar, Output

_EPILOG = """\b
Examples:
  mmsg backtest --rules my-rules.yaml
  mmsg backtest --rules my-rules.yaml --since 30d
  mmsg backtest --rules my-rules.yaml --user u_1 --json | jq .differences
  mmsg backtest --rules my-rules.yaml --fail-above 5% --quiet        in CI: 8 if more than that would change

\b
Each user's events arrive again, in the order of then, as if these rules had always been in force; what comes out is
compared with what was really decided, by event and rule: a rule of another name is another rule. A message of another
template or rule is one that is no longer requested, and one that is newly requested.

\b
--since (included) and --until (not included) go by the events' own time. Before --since nothing is decided again: those
events are known as prior events, and the requests really made for them count towards limits. Later events than --until
are decided again, since they may have come earlier and used up a limit, and are not compared.

\b
--fail-above counts the requests that come or go: newly requested, no longer requested, requested to suppressed,
suppressed to requested. A share is one of the requests really made in that time. Nothing is stored, and no run has to
wait; what runs at work store meanwhile is left out.

\b
Exit codes: 0 done, whatever differs; 2 an option that cannot be understood; 4 no such user; 7 bad rules or settings;
8 more changes than --fail-above allows; 10/12/13 database missing/behind/ahead; 14 unavailable.
"""


def backtest(
    ctx: typer.Context,
    rules: Annotated[Path, typer.Option("--rules", help="The rules to try.", metavar="FILE", show_default=False)],
    since: Annotated[
        str | None,
        typer.Option(
            "--since", help="Events at or after: 2025-11-01T10:00:00Z, or 90s 15m 2h 7d 2w ago.", metavar="TIME"
        ),
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", help="Events before (not at): written like --since.", metavar="TIME")
    ] = None,
    user: User = None,
    fail_above: Annotated[
        str | None,
        typer.Option(
            "--fail-above",
            help="Exit with 8 when more requests come or go than N, or N% of those made.",
            metavar="N|N%",
        ),
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
    env_file: EnvFile = None,
) -> None:
    """Decide the stored history by other rules, store nothing, and show what would have been requested otherwise."""
    from marketing_cli.rendering.backtest_page import render_backtest
    from marketing_cli.services.backtest import run_backtest
    from marketing_cli.services.backtest_options import backtest_query

    query = backtest_query(user=user, since=since, until=until, fail_above=fail_above)
    invocation = begin(ctx, output=wanted_output(Output.TABLE, json=json), quiet=quiet, env_file=env_file)
    with EventsBar(invocation.streams) as advance:
        report = run_backtest(invocation.settings.database_url, rules, query, advance)
    raise typer.Exit(render_backtest(report, invocation.output, invocation.streams))


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("backtest", epilog=_EPILOG)(backtest)
