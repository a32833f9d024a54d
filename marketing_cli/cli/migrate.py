"""`mmsg migrate`."""

from typing import Annotated

import typer

from marketing_cli.cli.invocation import begin
from marketing_cli.cli.options import BusyTimeout, EnvFile, Quiet
from marketing_cli.domain.layouts import Layout, Spread

_EPILOG = """\b
Examples:
  mmsg migrate                                       set up or update the database
  mmsg migrate --check || echo "not ready: code $?"  changes nothing
  mmsg migrate --sql > schema.sql                    for a database somebody else administers
  mmsg migrate --layout by-user                      an empty PostgreSQL, its tables spread by user

\b
Exit codes: 0 done, or nothing to do; 1 failed; 2 wrong options, or another layout; 7 bad settings; with
--check 10 missing, 12 behind; 13 ahead; 14 unavailable.
"""


_LAYOUT = (
    "How a new PostgreSQL database keeps the users' tables: `plain` (the default), or `by-user`: spread by user, as"
    " partitions or, with the Citus extension (not tested), as distributed tables. It cannot be changed later."
)
_SPREAD = {
    Spread.PARTITIONS: "layout by-user: the users' tables are partitioned by user",
    Spread.CITUS: "layout by-user: the users' tables are distributed by user (Citus)",
}


def migrate(
    ctx: typer.Context,
    check: Annotated[bool, typer.Option("--check", help="Change nothing; answer by exit code.")] = False,
    sql: Annotated[bool, typer.Option("--sql", help="Change nothing; print the SQL of the newest schema.")] = False,
    layout: Annotated[Layout | None, typer.Option("--layout", help=_LAYOUT, show_default=False)] = None,
    busy_timeout: BusyTimeout = 60.0,
    quiet: Quiet = False,
    env_file: EnvFile = None,
) -> None:
    """Bring the database to the newest schema, creating it if need be.

    Safe to run twice at once, and again after it was killed. The database is the one that DATABASE_URL names.
    """
    from marketing_cli.services import schema
    from marketing_cli.services.file_access import linked_file

    if check and sql:
        raise typer.BadParameter("--check and --sql exclude each other.")
    invocation = begin(ctx, quiet=quiet, env_file=env_file, opens_database=not sql)
    url = invocation.settings.database_url
    if sql:
        invocation.streams.out(schema.migration_sql(url, layout), end="")
    elif check:
        schema.check_schema(url, layout)
    else:
        result = schema.migrate_database(url, busy_timeout, layout)
        arrow = "→" if invocation.streams.stderr.has_unicode else "->"
        invocation.streams.note(f"schema {result.before or 'none'} {arrow} {result.after}")
        if said := _SPREAD.get(result.spread):
            invocation.streams.note(said)
        if warning := schema.server_warning(url):
            invocation.streams.note(f"warning: {warning}")
        if target := linked_file(url):
            invocation.streams.note(f"note: the database's path is a symbolic link to {target}")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("migrate", epilog=_EPILOG)(migrate)
