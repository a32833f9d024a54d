"""The commands are known by name without being loaded, and all of them are known."""

import subprocess
import sys
from pathlib import Path

import pytest

from marketing_cli.cli import commands
from marketing_cli.cli.commands import SUMMARIES, Commands

FOLDER = Path(commands.__file__).parent
LONGEST = 60  # beside the longest name on a terminal of 80 columns


def test_every_module_with_a_command_is_listed() -> None:
    """A command that nobody can find does not exist."""
    inner = {"rules_test", "rules_lint"}  # registered by `rules`
    modules = {path.stem for path in FOLDER.glob("*.py") if "\ndef register(" in path.read_text()}
    assert modules - inner == set(SUMMARIES) == set(Commands())


@pytest.mark.parametrize("name", SUMMARIES)
def test_a_command_has_its_own_name_and_says_briefly_what_it_is_for(name: str) -> None:
    """A line of the help is a sentence that is not cut."""
    command = Commands()[name]
    assert (command.name, command.short_help) == (name, SUMMARIES[name])
    assert SUMMARIES[name].endswith(".")
    assert len(SUMMARIES[name]) <= LONGEST


def test_unknown_names_are_nobodys() -> None:
    """What is typed does not choose which module is loaded."""
    assert "invocation" not in Commands()
    with pytest.raises(KeyError):
        Commands()["invocation"]


def test_help_loads_no_command() -> None:
    """The list of commands costs nothing but itself; one command's help costs that command."""
    script = (
        "import sys; from typer.testing import CliRunner; from marketing_cli.cli.app import app;"
        "CliRunner().invoke(app, sys.argv[1:]); print(*(n for n in sys.modules if n.startswith('marketing_cli.cli.')))"
    )

    def loaded(*args: str) -> set[str]:
        done = subprocess.run([sys.executable, "-c", script, *args], capture_output=True, text=True, check=True)
        return {name.removeprefix("marketing_cli.cli.") for name in done.stdout.split()} & set(SUMMARIES)

    assert loaded("--help") == set()
    assert loaded("sends", "--help") == {"sends"}
