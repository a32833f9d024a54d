"""`mmsg rules check`, `rules show` and `rules history`; `rules test` and `rules lint` have modules of their own."""

from pathlib import Path
from typing import Annotated

import typer

from marketing_cli.cli import rules_lint, rules_test
from marketing_cli.cli.invocation import begin
from marketing_cli.cli.list_options import Limit
from marketing_cli.cli.options import EnvFile, Json, ListOutput, Quiet, Rules, wanted_output
from marketing_cli.rendering import Output

_CHECK_EPILOG = """\b
Examples:
  mmsg rules check my-rules.yaml
  mmsg rules check my-rules.yaml && mmsg ingest exports/ --rules my-rules.yaml

\b
Exit codes: 0 valid; 2 an option that cannot be understood; 7 invalid: each problem with its line and column.
Whether rules do what is meant, `mmsg rules test` and `mmsg rules lint` tell.
"""
_SHOW_EPILOG = """\b
Examples:
  mmsg rules show > my-rules.yaml                the rules in force, to be changed
  mmsg rules show --tests > my-rules.tests.yaml  the cases that `mmsg rules test` runs for them
  mmsg rules show 3f9ac1                         a version used before; its SHA-256 is in `mmsg rules history`

\b
Exit codes: 0 done; 2 an option that cannot be understood; 7 bad rules or settings; with a SHA-256 also
4 no such version, or several; 10/12/13 database missing/behind/ahead; 14 unavailable.
"""
_HISTORY_EPILOG = """\b
Examples:
  mmsg rules history
  mmsg rules history --json

\b
Exit codes: 0 done, also when no rules were used yet; 2 an option that cannot be understood; 7 bad settings;
10/12/13 database missing/behind/ahead; 14 unavailable.
"""
_NEXT = "Next: `mmsg rules test` runs the cases beside the rules; `mmsg rules lint` finds rules that can never match."


def check(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The rules to check.", show_default=False)],
    quiet: Quiet = False,
    env_file: EnvFile = None,
) -> None:
    """Check a rules file whole, as `mmsg ingest` would, and change nothing. Needs no database."""
    from marketing_cli.services.rules_catalog import check_rules

    invocation = begin(ctx, quiet=quiet, env_file=env_file, opens_database=False)
    invocation.streams.note(f"{check_rules(file).text}\n{_NEXT}")


def show(
    ctx: typer.Context,
    sha: Annotated[
        str | None, typer.Argument(metavar="[SHA]", help="A version used before: 6 or more digits of its SHA-256.")
    ] = None,
    rules: Rules = None,
    tests: Annotated[bool, typer.Option("--tests", help="Print the cases beside the rules instead.")] = False,
    quiet: Quiet = False,
    env_file: EnvFile = None,
) -> None:
    """Print the rules in force, or those of then, as the YAML they are, byte for byte.

    Without a SHA-256 this needs no database.
    """
    from marketing_cli.services.rules_catalog import rules_bytes, rules_prefix, stored_rules_bytes
    from marketing_cli.services.rules_testing import cases_bytes, files_to_test

    if sha is not None and (rules is not None or tests):
        raise typer.BadParameter("a SHA-256 excludes --rules and --tests.")
    prefix = None if sha is None else rules_prefix(sha)
    invocation = begin(ctx, quiet=quiet, env_file=env_file, opens_database=prefix is not None)
    settings = invocation.settings
    if prefix is not None:
        text = stored_rules_bytes(settings.database_url, prefix)
    elif tests:
        text = cases_bytes(files_to_test(None, rules, settings.rules))
    else:
        text = rules_bytes(rules or settings.rules)
    invocation.streams.out_bytes(text)


def history(
    ctx: typer.Context,
    limit: Limit = None,
    output: ListOutput = Output.TABLE,
    json: Json = False,
    quiet: Quiet = False,
    env_file: EnvFile = None,
) -> None:
    """List the rules versions that runs used, the last one first: since when, and what was decided by each."""
    from marketing_cli.rendering.list_columns import RULES_VERSIONS
    from marketing_cli.services.listing import list_rules_versions
    from marketing_cli.services.listing_filters import row_limit

    most = row_limit(limit)
    invocation = begin(ctx, output=wanted_output(output, json=json), quiet=quiet, env_file=env_file)
    with list_rules_versions(invocation.settings.database_url, most) as found:
        invocation.show_rows(RULES_VERSIONS, found, "No rules were used yet.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        help="Check rules, print them, test them, and see which versions decided what.",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    group.command("check", epilog=_CHECK_EPILOG)(check)
    group.command("show", epilog=_SHOW_EPILOG)(show)
    group.command("history", epilog=_HISTORY_EPILOG)(history)
    rules_test.register(group)
    rules_lint.register(group)
    app.add_typer(group, name="rules")
