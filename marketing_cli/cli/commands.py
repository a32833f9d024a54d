"""The commands by name. Each is loaded when it is asked for: help and completion should not wait for all of them."""

from collections.abc import Iterator, Mapping, MutableMapping
from importlib import import_module
from typing import Any, Final

import typer

SUMMARIES: Final[Mapping[str, str]] = {
    "migrate": "Set up the database, or bring its schema up to date.",
    "ingest": "Read event files, decide which messages they ask for.",
    "audit": "Explain what was decided for an event or a user, and why.",
    "sends": "List the messages that were requested.",
    "suppressions": "List the messages that a limit held back.",
    "rejects": "List the lines that could not be ingested.",
    "runs": "List the ingest runs, and how they ended.",
    "rules": "Check rules, test them, print them, see their history.",
    "stats": "Count what became of each template, and why not more.",
    "backtest": "Show what other rules would have decided.",
    "verify": "Decide the past again, compare it with what is stored.",
    "doctor": "Check the health of the database and around it.",
    "copy": "Copy a whole history into another database.",
    "digest": "Print what is the same for equal histories.",
}
"""Each command in a few words, in the order of help. The module that holds it has its name."""


class Commands(MutableMapping[str, Any]):
    """Name → command. To iterate, or to look whether a name is there, loads none of them."""

    def __init__(self) -> None:
        """Load nothing yet."""
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - Typer's own types
        """The command of this name. Raises KeyError."""
        if name not in self._loaded:
            self._loaded[name] = _load(name)
        return self._loaded[name]

    def __contains__(self, name: object) -> bool:
        """Whether there is such a command."""
        return name in SUMMARIES

    def __iter__(self) -> Iterator[str]:
        """The names, in the order of help."""
        return iter(SUMMARIES)

    def __len__(self) -> int:
        """How many there are."""
        return len(SUMMARIES)

    def __setitem__(self, name: str, command: Any) -> None:  # noqa: ANN401
        """Not for anybody: a command is a module and a line in SUMMARIES."""
        raise TypeError("commands are listed in SUMMARIES")

    def __delitem__(self, name: str) -> None:
        """Likewise."""
        raise TypeError("commands are listed in SUMMARIES")


def _load(name: str) -> Any:  # noqa: ANN401
    if name not in SUMMARIES:
        raise KeyError(name)
    holder = typer.Typer(rich_markup_mode=None)
    import_module(f"marketing_cli.cli.{name}").register(holder)
    command = typer.main.get_group(holder).commands[name]
    command.short_help = SUMMARIES[name]
    return command
