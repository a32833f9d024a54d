"""`mmsg rules lint`."""

from pathlib import Path
from typing import Annotated

import typer

from marketing_cli.cli.invocation import begin
from marketing_cli.cli.options import EnvFile, Json, Quiet, Rules, wanted_output
from marketing_cli.rendering import Output

_EPILOG = """\b
Examples:
  mmsg rules lint
  mmsg rules lint my-rules.yaml
  mmsg rules lint --json | jq '.findings[] | select(.code == "never_matches")'

\b
What is found:
  never_matches      conditions that contradict each other, or one that no value meets
  shadowed           an earlier rule for the same template has the same conditions, or fewer: it always comes first
  unseen_event_type  none of the newest 100,000 stored events is of a type that the rule asks for
  unseen_field       none of them that is of the rule's type has a value where the rule looks for one
The first two are proved from the rules alone. For the others the database is read; where there is none, the command
says so and makes the first two checks. Of disabled rules it only tells whether they could ever match.

\b
Exit codes: 0 nothing found; 2 an option that cannot be understood; 7 bad rules or settings; 8 something found. With
nothing found, but a database that is there and cannot be read: 12/13 behind/ahead, 14 unavailable.
"""


def lint(
    ctx: typer.Context,
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="The rules; the same as --rules.")] = None,
    rules: Rules = None,
    json: Json = False,
    quiet: Quiet = False,
    env_file: EnvFile = None,
) -> None:
    """Find rules that can never match, that another one shadows, or that wait for what never comes."""
    from marketing_cli.rendering.rules_lint_page import render_rules_lint
    from marketing_cli.services.rules_lint import lint_rules

    if file is not None and rules is not None:
        raise typer.BadParameter("FILE and --rules exclude each other.")
    invocation = begin(ctx, output=wanted_output(Output.TABLE, json=json), quiet=quiet, env_file=env_file)
    settings = invocation.settings
    report = lint_rules(file or rules or settings.rules, settings.database_url)
    raise typer.Exit(render_rules_lint(report, invocation.output, invocation.streams))


def register(group: typer.Typer) -> None:
    """Add the command to the group of rules."""
    group.command("lint", epilog=_EPILOG)(lint)
