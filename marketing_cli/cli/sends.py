"""`mmsg sends`."""

import typer

from marketing_cli.cli.invocation import begin
from marketing_cli.cli.list_options import (
    ByEventDay,
    Channel,
    Limit,
    Run,
    Since,
    Summary,
    Template,
    Until,
    User,
)
from marketing_cli.cli.options import EnvFile, Json, ListOutput, Quiet, wanted_output
from marketing_cli.rendering import Output

_EPILOG = """\b
Examples:
  mmsg sends --since 24h
  mmsg sends --template WELCOME_EMAIL --limit 0 --output csv > welcome.csv
  mmsg sends --run 12 --json
  mmsg sends --summary --since 7d                how many a day, by template

\b
--since and --until go by the time of the decision, in UTC; --since is included, --until is not.

\b
Exit codes: 0 done, also when nothing matches; 2 an option that cannot be understood; 7 bad settings;
10/12/13 database missing/behind/ahead; 14 unavailable.
"""


def sends(
    ctx: typer.Context,
    user: User = None,
    template: Template = None,
    channel: Channel = None,
    run: Run = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = None,
    summary: Summary = False,
    by_event_day: ByEventDay = False,
    output: ListOutput = Output.TABLE,
    json: Json = False,
    quiet: Quiet = False,
    env_file: EnvFile = None,
) -> None:
    """List the messages that were requested, the newest decision first.

    Status `requested` is to be handed on, `historical` came with an archive and never is.
    """
    from marketing_cli.rendering.list_columns import SEND_COUNTS, SENDS
    from marketing_cli.services.listing import list_sends
    from marketing_cli.services.listing_filters import decision_query

    wanted = decision_query(
        user=user,
        template=template,
        channel=channel,
        run=run,
        since=since,
        until=until,
        limit=limit,
        summary=summary,
        by_event_day=by_event_day,
    )
    invocation = begin(ctx, output=wanted_output(output, json=json), quiet=quiet, env_file=env_file)
    with list_sends(invocation.settings.database_url, wanted) as found:
        invocation.show_rows(SEND_COUNTS if summary else SENDS, found, "No send requests match.")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("sends", epilog=_EPILOG)(sends)
