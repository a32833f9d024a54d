"""`mmsg audit`."""

from typing import Annotated

import typer

from marketing_cli.cli.invocation import begin
from marketing_cli.cli.list_options import Limit
from marketing_cli.cli.options import EnvFile, Json, Quiet, Rules, wanted_output
from marketing_cli.rendering import Output

_EPILOG = """\b
Examples:
  mmsg audit evt_7                                    every rule on this event: what it saw, what it decided
  mmsg audit evt_7 --user u_1                         where several users have an event evt_7
  mmsg audit --row 1204                               the event in this row
  mmsg audit --user u_1                               the user's timeline
  mmsg audit --user u_1 --template WELCOME_EMAIL      why did, or didn't, they get it? One answer

\b
What did not match, or was suppressed, ends with the smallest single change that would have led to a request. Each is
tried by deciding the user's events again; where more than 1,000 of them bear on the template, only changes to the
event's own fields are, and if none of these does, it says that the rest was not worked out.

\b
An id that several users have is no error in the data: the events are listed, and the exit code is 2 until --user
picks one. In JSON, `found` is absent where a field was not there, and null where it was null.
With --template the JSON's "answer" is requested, historical (only from an archive, never handed on) or not_requested.

\b
Exit codes: 0 answered; 2 an option or combination that cannot be understood, several users have this id, or no rules
know this template; 4 no such event or user (a refused one is said to be refused); 7 bad rules or settings;
10/12/13 database missing/behind/ahead; 14 unavailable.
"""


def audit(
    ctx: typer.Context,
    event_id: Annotated[
        str | None, typer.Argument(metavar="EVENT_ID", help="The event's id, as its producer spells it.")
    ] = None,
    row: Annotated[
        int | None,
        typer.Option(help="The number of the event's row, instead of its id.", metavar="N"),
    ] = None,
    user: Annotated[
        str | None, typer.Option(help="With an event id: whose event. Alone: this user's timeline.", metavar="USER")
    ] = None,
    template: Annotated[
        str | None, typer.Option(help="With --user: why they did, or did not, get this.", metavar="NAME")
    ] = None,
    limit: Limit = None,
    rules: Rules = None,
    json: Json = False,
    quiet: Quiet = False,
    env_file: EnvFile = None,
) -> None:
    """Explain what was decided, and why, or why not: for one event, a user, or a user and a template.

    The rules of then are looked at again over what is stored now; what was decided is told as it was stored. A timeline
    shows the newest events (--limit), oldest first. --rules is for --template: the rules in force now.
    """
    from marketing_cli.rendering.audit_output import render_audit
    from marketing_cli.services.audit import AuditRequest, run_audit

    request = AuditRequest(event_id, row, user, template, limit, rules)
    invocation = begin(ctx, output=wanted_output(Output.TABLE, json=json), quiet=quiet, env_file=env_file)
    settings = invocation.settings
    result = run_audit(request, settings.database_url, settings.rules)
    raise typer.Exit(render_audit(result, invocation.output, invocation.streams))


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("audit", epilog=_EPILOG)(audit)
