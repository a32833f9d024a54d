"""What a real terminal gets, and what a pipe gets."""

import json
from typing import Any

import pytest

PROGRAM = """
from marketing_cli.rendering import *
from marketing_cli.settings import color_refused
streams = Streams.create(no_color=color_refused())
rows = [{"id": "evt_" + "0123456789" * 15, "status": "requested", "text": "[red]x[/red] [/] :skull: \\x1b[2J"}]
columns = [Column("id", "Id"), Column("status", "Status", tone=lambda _: Tone.GOOD), Column("text", "Text")]
render_listing(Listing(columns, rows), Output.TABLE, streams)
render_page(Page("Page", [Section("Section", [Bullet(Mark.OK, "found"), JsonBlock({"a": 1})])]), streams)
"""
FORCING = {"FORCE_COLOR": "1", "CLICOLOR_FORCE": "1", "TTY_COMPATIBLE": "1", "COLUMNS": "40", "COLORTERM": "truecolor"}


@pytest.mark.parametrize("env", [{}, FORCING])
def test_a_terminal_gets_color_and_folded_cells(env: dict[str, str], run_on_terminal: Any) -> None:
    """A table is drawn in colour, data stays literal, ids are whole, and the width is the terminal's."""
    seen = run_on_terminal(PROGRAM, env)
    assert "\x1b[32mrequested\x1b[0m" in seen
    assert "\x1b[32m✓\x1b[0m found" in seen
    assert "─" * 50 in seen
    assert "…" not in seen
    assert [seen.count(digit) >= 15 for digit in "0123456789"] == [True] * 10
    assert "[red]x[/red]" in seen
    assert "\x1b[2J" not in seen


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"NO_COLOR": "1", **FORCING}, {"TERM": "dumb", "FORCE_COLOR": "1"}])
def test_a_terminal_without_color(env: dict[str, str], run_on_terminal: Any) -> None:
    """The same drawing without a single escape code."""
    seen = run_on_terminal(PROGRAM, env)
    assert "─" * 50 in seen
    assert "✓ found" in seen
    assert "\x1b" not in seen


def test_a_terminal_that_knows_only_ascii(run_on_terminal: Any) -> None:
    """Lines and marks are drawn with what the encoding has."""
    seen = run_on_terminal(PROGRAM, {"PYTHONIOENCODING": "ascii"})
    assert "\\u" not in seen.replace("\\u001b", "")
    assert "[ok] found" in seen.replace("\x1b[32m", "").replace("\x1b[0m", "")


@pytest.mark.parametrize("env", [{}, FORCING])
def test_a_pipe_gets_plain_text(env: dict[str, str], run_program: Any) -> None:
    """No colour, no box, nothing cut, whatever the environment asks for."""
    done = run_program(PROGRAM, env)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode().splitlines() == [
        f"Id{' ' * 100}Status     Text",
        f"evt_{'0123456789' * 15}  requested  [red]x[/red] [/] :skull: \\u001b[2J",
        "Page",
        "",
        "Section:",
        "  [ok]   found",
        "  {",
        '    "a": 1',
        "  }",
    ]


def test_rich_is_loaded_for_terminals_only(run_program: Any) -> None:
    """Start-up stays quick: nothing but drawing on a terminal needs Rich, and only printing an audit needs pydantic."""
    code = f"""
import io, json, pkgutil, sys
import marketing_cli.rendering as rendering
loaded_at_start = [name for name in ("pydantic",) if name in sys.modules]
for module in pkgutil.iter_modules(rendering.__path__):
    if not module.name.startswith("rich_"):
        __import__("marketing_cli.rendering." + module.name)
{PROGRAM}
render_json({{}}, streams)
for output in Output:
    render_listing(Listing(columns, rows), output, streams)
with ProgressBar(10, streams) as bar:
    bar.update(5, 1)
heavy = ["rich", "sqlalchemy", "typer"]
print(json.dumps(loaded_at_start + [name for name in heavy if name in sys.modules]), file=sys.stderr)
"""
    done = run_program(code, {"FORCE_COLOR": "1"})
    assert json.loads(done.stderr) == []
