"""`mmsg rules test`."""

from pathlib import Path
from typing import Annotated

import typer

from marketing_cli.cli.invocation import begin
from marketing_cli.cli.options import EnvFile, Json, Quiet, Rules, wanted_output
from marketing_cli.rendering import Output

_EPILOG = """\b
Examples:
  mmsg rules test                                the rules in force, with the cases beside them
  mmsg rules test my-rules.tests.yaml            the cases of my-rules.yaml
  mmsg rules test my-rules.tests.yaml --rules new.yaml
  mmsg rules show --tests > my-rules.tests.yaml  the cases beside the rules in force, to be changed

\b
The cases for X.yaml stand in X.tests.yaml beside it; the shipped rules come with theirs. A case names events that are
given, events that arrive then, and all requests and suppressions that come of these:
  version: 1
  cases:
    - name: a new user is welcomed
      when:
        - {event_id: e1, user_id: u, event_type: signup_completed, event_timestamp: 2025-11-01T10:00:00Z,
           user_traits: {marketing_opt_in: true}}
      then:
        requests: [{rule: welcome_email, template: WELCOME_EMAIL}]
docs/rules.md has the whole format. Every case starts without a past, and no database is needed.

\b
Exit codes: 0 all cases passed; 2 an option that cannot be understood; 7 bad rules, cases or settings: each problem with
its line and column; 8 a case failed.
"""


def run_cases(
    ctx: typer.Context,
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="The cases; else those beside the rules.")] = None,
    rules: Rules = None,
    json: Json = False,
    quiet: Quiet = False,
    env_file: EnvFile = None,
) -> None:
    """Run the cases that stand beside rules, and show what comes out otherwise than they expect."""
    from marketing_cli.rendering.rules_test_page import render_rules_test
    from marketing_cli.services.rules_testing import files_to_test, run_rules_tests

    output = wanted_output(Output.TABLE, json=json)
    invocation = begin(ctx, output=output, quiet=quiet, env_file=env_file, opens_database=False)
    report = run_rules_tests(files_to_test(file, rules, invocation.settings.rules))
    raise typer.Exit(render_rules_test(report, invocation.output, invocation.streams))


def register(group: typer.Typer) -> None:
    """Add the command to the group of rules."""
    group.command("test", epilog=_EPILOG)(run_cases)
