"""`mmsg rejects`."""

from enum import StrEnum
from typing import Annotated

import typer

from marketing_cli.cli.invocation import begin
from marketing_cli.cli.list_options import Limit, Run, Since, Until, User
from marketing_cli.cli.options import EnvFile, Json, Quiet, wanted_output
from marketing_cli.rendering import Output

_EPILOG = """\b
Examples:
  mmsg rejects --run 12
  mmsg rejects --reason conflicting_duplicate --since 7d
  mmsg rejects --run 12 --output raw > mend-me.ndjson     then mend it, and: mmsg ingest mend-me.ndjson

\b
The same bytes refused again for the same reason are kept once, and counted; --run finds them by the first run that
refused them and by the last. --since (included) and --until (not) go by when a line was first kept, in UTC.
--output raw prints all lines, the oldest first, unless there is a --limit.

\b
Exit codes: 0 done, also when nothing matches; 2 an option that cannot be understood; 7 bad settings;
10/12/13 database missing/behind/ahead; 14 unavailable.
"""


class RejectOutput(StrEnum):
    """The formats of this list."""

    TABLE = "table"
    JSON = "json"
    NDJSON = "ndjson"
    CSV = "csv"
    RAW = "raw"


def rejects(
    ctx: typer.Context,
    run: Run = None,
    reason: Annotated[str | None, typer.Option(help="Refused for this reason.", metavar="REASON")] = None,
    user: User = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = None,
    output: Annotated[
        RejectOutput, typer.Option("--output", "-o", help="How to print the lines.", case_sensitive=False)
    ] = RejectOutput.TABLE,
    json: Json = False,
    quiet: Quiet = False,
    env_file: EnvFile = None,
) -> None:
    """List the lines that were kept because they could not be ingested, the last kept first."""
    from marketing_cli.rendering.list_columns import REJECTS
    from marketing_cli.rendering.raw_lines import render_raw_lines
    from marketing_cli.services.listing import list_kept_lines, list_rejects
    from marketing_cli.services.listing_filters import reject_query

    raw = output is RejectOutput.RAW and not json
    listed = Output.TABLE if output is RejectOutput.RAW else Output(output.value)
    printed = wanted_output(listed, json=json)
    wanted = reject_query(
        run=run,
        reason=reason,
        user=user,
        since=since,
        until=until,
        limit=limit,
        raw=raw,
        with_raw=raw or printed is not Output.TABLE,
    )
    invocation = begin(ctx, output=printed, quiet=quiet, env_file=env_file)
    if raw:
        with list_kept_lines(invocation.settings.database_url, wanted) as lines:
            render_raw_lines(lines.rows, invocation.streams, more=lines.more)
    else:
        with list_rejects(invocation.settings.database_url, wanted) as found:
            invocation.show_rows(REJECTS, found, "No kept lines match.")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("rejects", epilog=_EPILOG)(rejects)
