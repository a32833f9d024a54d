"""What every command starts with: settings, streams and the wanted output; and how it ends when it fails."""

import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from marketing_cli.errors import (
    BadConfig,
    DatabaseAhead,
    DatabaseBehind,
    DatabaseMissing,
    DatabaseUnavailable,
    ExitCode,
    MmsgError,
    NoInput,
    unexpected,
)
from marketing_cli.rendering import Output, Streams
from marketing_cli.services.stopping import Interrupted
from marketing_cli.settings import Settings, color_refused, debug_wanted, load_settings

if TYPE_CHECKING:
    from marketing_cli.rendering import Column
    from marketing_cli.services.listing_pages import Found

# These print no JSON, unless the command is under way. Nor do wrong options: every command reads its options before it
# begins, and so has no output yet.
_AT_START_UP = (BadConfig, NoInput, DatabaseMissing, DatabaseBehind, DatabaseAhead, DatabaseUnavailable)


@dataclass(slots=True)
class Invocation:
    """One run of the program. `output` is what the command was asked to print its result as, once it has `begun`.

    `more_databases` are URLs of databases that it opens beside that of the settings.
    """

    quiet: bool = False
    env_file: Path | None = None
    output: Output = Output.TABLE
    begun: bool = False
    failed: bool = False
    settings: Settings = field(default_factory=Settings)
    more_databases: list[str] = field(default_factory=list, repr=False)
    streams: Streams = field(default_factory=Streams.create)

    def trace(self, error: BaseException) -> None:
        """Show where an error came from, if MMSG_DEBUG asks for it."""
        if debug_wanted() or self.settings.debug:
            self.streams.err("".join(traceback.format_exception(error)).rstrip())

    def fail(self, error: Exception | Interrupted) -> ExitCode:
        """Say what went wrong, in one line if quiet, and return the code to exit with."""
        self.failed = True
        if isinstance(error, Interrupted):
            self.streams.err("mmsg: interrupted; nothing was stored")
            return ExitCode(error.exit_code)
        self.trace(error)
        if not isinstance(error, MmsgError):
            error = unexpected(error)
        lines = str(error).splitlines()
        self.streams.err("mmsg: " + ("; ".join(line.strip() for line in lines) if self.quiet else "\n".join(lines)))
        if self.output is Output.JSON and (error.under_way or not isinstance(error, _AT_START_UP)):
            from marketing_cli.rendering import render_json

            found = {"code": error.code, "exit_code": int(error.exit_code), "message": str(error)}
            render_json({"error": found}, self.streams)
        return error.exit_code

    def show_rows(self, columns: "Sequence[Column]", found: "Found[Any]", empty: str) -> None:
        """Print what was found as it was asked for; `empty` is said instead of a table without rows."""
        from marketing_cli.rendering import Listing, render_listing

        render_listing(Listing(columns, found.rows, empty, found.more), self.output, self.streams)

    def warn_of_access(self) -> None:
        """Say who else has access to the database's file; after a failure not, since the file may be no database."""
        from marketing_cli.services.file_access import access_warning

        for url in [] if self.failed else [self.settings.database_url, *self.more_databases]:
            if warning := access_warning(url):
                self.streams.note(f"warning: {warning}")


def begin(
    ctx: typer.Context,
    *,
    output: Output = Output.TABLE,
    quiet: bool = False,
    env_file: Path | None = None,
    opens_database: bool = True,
) -> Invocation:
    """Start a command: its options beat those given before its name. Raises BadConfig for unusable settings.

    A command that `opens_database` and does not fail ends with a warning where others have access to its file.
    """
    root = ctx.find_root()
    invocation: Invocation = root.obj
    invocation.begun = True
    invocation.output = output
    invocation.quiet = quiet or invocation.quiet
    invocation.streams = Streams.create(quiet=invocation.quiet, no_color=color_refused())
    invocation.settings = load_settings(env_file or invocation.env_file)
    for warning in invocation.settings.warnings:
        invocation.streams.note(f"warning: {warning}")
    if opens_database:
        root.call_on_close(invocation.warn_of_access)
    return invocation
