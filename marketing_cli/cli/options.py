"""Options that several commands share, so that they read the same everywhere."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from marketing_cli.rendering import Output

Quiet: TypeAlias = Annotated[
    bool, typer.Option("--quiet", "-q", help="Print nothing on success, one line otherwise.", show_default=False)
]
EnvFile: TypeAlias = Annotated[
    Path | None, typer.Option("--env-file", help="Read settings from this file instead of ./.env.", metavar="FILE")
]
Json: TypeAlias = Annotated[
    bool, typer.Option("--json", help="Print one JSON value on standard output.", show_default=False)
]
ListOutput: TypeAlias = Annotated[
    Output, typer.Option("--output", "-o", help="How to print the list.", case_sensitive=False)
]
Rules: TypeAlias = Annotated[
    Path | None,
    typer.Option("--rules", help="Use these rules; else MMSG_RULES, else the shipped ones.", metavar="FILE"),
]
BusyTimeout: TypeAlias = Annotated[
    float,
    typer.Option("--busy-timeout", help="Seconds to wait for another writer.", min=0, max=86_400, metavar="SECONDS"),
]


def wanted_output(output: Output, *, json: bool) -> Output:
    """The output format; `--json` is short for `--output json`."""
    return Output.JSON if json else output
