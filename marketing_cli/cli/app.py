"""The root of the command line: names the commands and turns every failure into its exit code."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from marketing_cli import __version__
from marketing_cli.cli import (
    audit,
    backtest,
    copy,
    digest,
    doctor,
    ingest,
    migrate,
    rejects,
    rules,
    runs,
    sends,
    stats,
    suppressions,
    verify,
)
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

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - Typer's own types
        """Take arguments apart; to complete them, without asking what they mean."""
        if ctx.resilient_parsing:
            _take_as_typed(self, ctx)
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


def _take_as_typed(command: Any, ctx: Any) -> None:  # noqa: ANN401
    """Let parameters keep the texts that were typed: what would turn them into values takes longer to load than all."""
    for parameter in command.get_params(ctx):
        parameter.process_value = lambda _ctx, value: value
    for inner in getattr(command, "commands", {}).values():
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


migrate.register(app)
ingest.register(app)
audit.register(app)
sends.register(app)
suppressions.register(app)
rejects.register(app)
runs.register(app)
rules.register(app)
doctor.register(app)
stats.register(app)
backtest.register(app)
digest.register(app)
copy.register(app)
verify.register(app)


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
