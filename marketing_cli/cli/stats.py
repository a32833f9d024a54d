"""`mmsg stats`."""

from typing import Annotated

import typer

from marketing_cli.cli.invocation import begin
from marketing_cli.cli.list_options import Since, Until
from marketing_cli.cli.options import EnvFile, Json, Quiet, wanted_output
from marketing_cli.rendering import EventsBar, Output

_EPILOG = """\b
Examples:
  mmsg stats
  mmsg stats --since 7d
  mmsg stats --since 2025-11-01T00:00:00Z --until 2025-12-01T00:00:00Z --by-event-day
  mmsg stats --since 24h --json | jq .not_matched

\b
--since and --until go by when mmsg did it, in UTC, as in the lists: when an event was stored, a message decided, a run
started that refused a line. --since is included, --until is not. --by-event-day changes the days that are counted by,
not what is counted: after the import of an archive, a day of import becomes the days on which things happened.

\b
What did not match is not stored. It is decided again from the stored events, by the rules in force when each arrived,
over what is stored now, as audit does it: with many events this takes a while. No run has to wait for it, and what
runs store meanwhile is left out.

\b
Exit codes: 0 done, also when there is nothing to count; 2 an option that cannot be understood; 7 bad settings;
10/12/13 database missing/behind/ahead; 14 unavailable.
"""


def stats(
    ctx: typer.Context,
    since: Since = None,
    until: Until = None,
    by_event_day: Annotated[
        bool, typer.Option("--by-event-day", help="Count by the events' days, not the days of storing and deciding.")
    ] = False,
    json: Json = False,
    quiet: Quiet = False,
    env_file: EnvFile = None,
) -> None:
    """Count requests, suppressions, non-matches, rejects and duplicates, by template, reason and day, with charts."""
    from marketing_cli.rendering.stats_page import render_stats
    from marketing_cli.services.listing_filters import stats_period
    from marketing_cli.services.stats import collect_stats

    period = stats_period(since=since, until=until, by_event_day=by_event_day)
    invocation = begin(ctx, output=wanted_output(Output.TABLE, json=json), quiet=quiet, env_file=env_file)
    with EventsBar(invocation.streams) as advance:
        report = collect_stats(invocation.settings.database_url, period, advance)
    render_stats(report, invocation.output, invocation.streams)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("stats", epilog=_EPILOG)(stats)
