"""`mmsg migrate`."""

from typing import Annotated

import typer

from marketing_cli.cli.invocation import begin
from marketing_cli.cli.options import BusyTimeout, EnvFile, Quiet

_EPILOG = """\b
Examples:
  mmsg migrate                                       set up or update the database
  mmsg migrate --check || echo "not ready: code $?"  changes nothing
  mmsg migrate --sql > schema.sql                    for a database somebody else administers

\b
Exit codes: 0 done, or nothing to do; 1 failed; 2 wrong options; 7 bad settings; with --check 10 missing, 12 behind;
13 ahead; 14 unavailable.
"""


def migrate(
    ctx: typer.Context,
    check: Annotated[bool, typer.Option("--check", help="Change nothing; answer by exit code.")] = False,
    sql: Annotated[bool, typer.Option("--sql", help="Change nothing; print the SQL of the newest schema.")] = False,
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
        invocation.streams.out(schema.migration_sql(url), end="")
    elif check:
        schema.check_schema(url)
    else:
        result = schema.migrate_database(url, busy_timeout)
        arrow = "→" if invocation.streams.stderr.has_unicode else "->"
        invocation.streams.note(f"schema {result.before or 'none'} {arrow} {result.after}")
        if warning := schema.server_warning(url):
            invocation.streams.note(f"warning: {warning}")
        if target := linked_file(url):
            invocation.streams.note(f"note: the database's path is a symbolic link to {target}")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("migrate", epilog=_EPILOG)(migrate)
