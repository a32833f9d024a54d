"""`mmsg suppressions`."""

from typing import Annotated

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
  mmsg suppressions --user u_17
  mmsg suppressions --reason-code daily_cap_reached --since 7d
  mmsg suppressions --limit 0 --output ndjson > suppressions.ndjson
  mmsg suppressions --summary --by-event-day     how many on each day that the events are of

\b
--since and --until go by the time of the decision, in UTC; --since is included, --until is not.

\b
Exit codes: 0 done, also when nothing matches; 2 an option that cannot be understood; 7 bad settings;
10/12/13 database missing/behind/ahead; 14 unavailable.
"""


def suppressions(
    ctx: typer.Context,
    user: User = None,
    template: Template = None,
    channel: Channel = None,
    reason_code: Annotated[
        str | None,
        typer.Option(help="daily_cap_reached, already_sent_once_ever or already_sent_for_event.", metavar="CODE"),
    ] = None,
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
    """List the messages that a rule asked for and its limit forbade, with what used the limit up.

    The newest decision comes first. Why a rule did not match at all is answered by `mmsg audit`.
    """
    from marketing_cli.rendering.list_columns import SUPPRESSION_COUNTS, SUPPRESSIONS
    from marketing_cli.services.listing import list_suppressions
    from marketing_cli.services.listing_filters import decision_query

    wanted = decision_query(
        user=user,
        template=template,
        channel=channel,
        reason_code=reason_code,
        run=run,
        since=since,
        until=until,
        limit=limit,
        summary=summary,
        by_event_day=by_event_day,
    )
    invocation = begin(ctx, output=wanted_output(output, json=json), quiet=quiet, env_file=env_file)
    with list_suppressions(invocation.settings.database_url, wanted) as found:
        columns = SUPPRESSION_COUNTS if summary else SUPPRESSIONS
        invocation.show_rows(columns, found, "No suppressions match.")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("suppressions", epilog=_EPILOG)(suppressions)
