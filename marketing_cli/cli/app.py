"""The root of the command line: names the commands and turns every failure into its exit code."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from marketing_cli import __version__
from marketing_cli.cli.commands import SUMMARIES, Commands
from marketing_cli.cli.invocation import Invocation
from marketing_cli.errors import ExitCode
from marketing_cli.rendering import flush_standard_streams
from marketing_cli.services.stopping import Interrupted

_EPILOG = """\b
Start here:
  mmsg migrate                     set up the database
  mmsg ingest events.ndjson        read events, decide, store
  mmsg audit EVENT_ID              why was a message requested, or not?
  mmsg audit --user USER --template TEMPLATE

\b
Settings: DATABASE_URL (default sqlite:///./messaging.db), MMSG_RULES, MMSG_DEBUG=1;
read from the environment, else from ./.env or --env-file.

\b
Exit codes: 0 ok, 1 failed, 2 usage, 3 partial, 4 not found, 5 too many rejects, 6 no input, 7 bad rules or settings,
8 differs, 10 database missing, 12 behind, 13 ahead, 14 unavailable, 129/130/143 interrupted. Others mean failure.
"""


class FailingWell(TyperGroup):
    """Runs a command; what it raises becomes one line on standard error and an exit code, never a traceback."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - Typer's own types
        """Know the commands by name only."""
        super().__init__(**options)
        self.commands = Commands()

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401, ARG002
        """Their names, without loading them."""
        return list(self.commands)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401
        """Load a command; to complete its arguments, so that it does not ask what they mean."""
        command = super().get_command(ctx, cmd_name)
        if command is not None and ctx.resilient_parsing:
            _take_as_typed(command, ctx)
        return command

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401, ARG002
        """Say of each command in a few words what it is for."""
        with formatter.section("Commands"):
            formatter.write_dl(list(SUMMARIES.items()))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401
        """Take arguments apart; to complete them, without asking what they mean."""
        if ctx.resilient_parsing:
            _take_as_typed(self, ctx, deep=False)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - Typer's own types
        """Run the command that was named."""
        try:
            return super().invoke(ctx)
        except (typer.Exit, typer.Abort, typer.TyperException):
            raise
        except (Exception, Interrupted) as error:
            if isinstance(error, OSError) and not ctx.obj.begun:
                raise  # no command has begun: it is help that cannot be printed
            raise typer.Exit(ctx.obj.fail(error)) from error


def _take_as_typed(command: Any, ctx: Any, *, deep: bool = True) -> None:  # noqa: ANN401
    """Let parameters keep the texts that were typed: what would turn them into values takes longer to load than all."""
    for parameter in command.get_params(ctx):
        parameter.process_value = lambda _ctx, value: value
    for inner in getattr(command, "commands", {}).values() if deep else ():
        _take_as_typed(inner, ctx)


app = typer.Typer(
    name="mmsg",
    cls=FailingWell,
    help="Decide which lifecycle message each behavioural event asks for, once, and explain it.",
    epilog=_EPILOG,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"mmsg {__version__}")
        raise typer.Exit


@app.callback()
def root(
    ctx: typer.Context,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing on success.", show_default=False)] = False,
    env_file: Annotated[Path | None, typer.Option(help="Read settings from this file instead of ./.env.")] = None,
    version: Annotated[  # noqa: ARG001 - answered by its callback
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Keep what was said before the command's name."""
    ctx.obj = Invocation(quiet=quiet, env_file=env_file)


def main() -> None:
    """Run the program. That something cannot be printed does not change how it ends."""
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(ExitCode.INTERRUPTED)
    except OSError as failure:
        # Commands never get here: this is help (0), or a complaint about usage (2), with nobody to read it.
        sys.exit(getattr(failure.__context__, "exit_code", 0))
    except SystemExit as ending:
        if isinstance(ending.__context__, OSError):
            sys.exit(0)
        raise
    finally:
        flush_standard_streams()
