"""`mmsg digest`."""

import typer

from marketing_cli.cli.invocation import begin
from marketing_cli.cli.options import EnvFile, Json, Quiet, wanted_output
from marketing_cli.rendering import EventsBar, Output

_EPILOG = """\b
Examples:
  mmsg digest
  mmsg digest --json | jq -r .digest             the one digest over all, to compare by a script

\b
Two databases with the same events, read under the same rules, have the same digest, whatever the order, batches,
shards, crashes and repeated runs in between, on SQLite and PostgreSQL. It is made of the events, of the (event, rule)
pairs that matched, and of the requests per user, template and window; docs/digest.md says how, to the byte. An event
counts by the hash that is stored with it: whether it was changed since, `mmsg verify --all` tells. What a run at work
stores meanwhile is left out, and no run has to wait.

\b
Exit codes: 0 done; 2 wrong options; 7 bad settings; 10/12/13 database missing/behind/ahead; 14 unavailable.
"""


def digest(ctx: typer.Context, json: Json = False, quiet: Quiet = False, env_file: EnvFile = None) -> None:
    """Print one digest of the events, the matches and the requests, to compare two histories by."""
    from marketing_cli.rendering.digest_page import render_digest
    from marketing_cli.services.digest import digest_history

    invocation = begin(ctx, output=wanted_output(Output.TABLE, json=json), quiet=quiet, env_file=env_file)
    with EventsBar(invocation.streams) as advance:
        report = digest_history(invocation.settings.database_url, advance)
    render_digest(report, invocation.output, invocation.streams)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("digest", epilog=_EPILOG)(digest)
