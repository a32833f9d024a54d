"""Options that the lists share."""

from typing import Annotated, TypeAlias

import typer

User: TypeAlias = Annotated[str | None, typer.Option("--user", help="Of this user only.", metavar="USER")]
Template: TypeAlias = Annotated[str | None, typer.Option("--template", help="Of this template only.", metavar="NAME")]
Channel: TypeAlias = Annotated[
    str | None, typer.Option("--channel", help="email, sms or internal_alert.", metavar="CHANNEL")
]
Run: TypeAlias = Annotated[int | None, typer.Option("--run", help="By this ingest run only.", metavar="N")]
Since: TypeAlias = Annotated[
    str | None,
    typer.Option("--since", help="At or after: 2025-11-01T10:00:00Z, or 90s 15m 2h 7d 2w ago.", metavar="TIME"),
]
Until: TypeAlias = Annotated[
    str | None, typer.Option("--until", help="Before (not at): written like --since.", metavar="TIME")
]
Limit: TypeAlias = Annotated[
    int | None, typer.Option("--limit", help="Show at most N (default 50); 0 shows all.", metavar="N")
]
Summary: TypeAlias = Annotated[
    bool, typer.Option("--summary", help="Counts instead of a list; all of them, unless there is a --limit.")
]
ByEventDay: TypeAlias = Annotated[
    bool, typer.Option("--by-event-day", help="With --summary: count by the event's day, not the decision's.")
]
