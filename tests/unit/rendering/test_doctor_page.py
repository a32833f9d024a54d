"""What `mmsg doctor` prints of a report."""

from collections.abc import Callable
from typing import Any

import pytest

from marketing_cli.rendering import Output
from marketing_cli.rendering.doctor_page import render_doctor, verdict
from marketing_cli.schemas.doctor import Check, CheckState, DoctorReport

REPORT = DoctorReport(
    status=CheckState.WRONG,
    exit_code=8,
    checks=[
        Check(check="rules", state=CheckState.OK, detail="shipped"),
        Check(check="damage", state=CheckState.SKIPPED, detail="large", advice="Use --full."),
        Check(check="last_run", state=CheckState.WARNING, detail="partial", advice="Look."),
        Check(check="books", state=CheckState.WRONG, detail="evil\x1b[31m\n[/red]", advice="Mend it."),
    ],
)
PLAIN = """\
Health of the database and its surroundings

Checks:
  [ok]   rules: shipped
  [skip] damage: large
         Use --full.
  [warn] last_run: partial
         Look.
  [BAD]  books: evil\\u001b[31m\\u000a[/red]
         Mend it.
"""
VERDICT = "4 checks, 1 ok; wrong: books; warning: last_run; skipped: damage (exit code 8)"


def test_a_line_each_and_what_to_do(printed: Callable[..., Any]) -> None:
    """In a pipe plain; the verdict goes to standard error, and with `--quiet` it is all there is."""
    prints, quiet = printed(), printed(quiet=True)
    assert render_doctor(REPORT, Output.TABLE, prints.streams) == 8
    assert (prints.out, prints.err) == (PLAIN, f"{VERDICT}\n")
    assert render_doctor(REPORT, Output.TABLE, quiet.streams) == 8
    assert (quiet.out, quiet.err) == ("", f"mmsg: {VERDICT}\n")


def test_on_a_terminal_states_have_their_own_signs(printed: Callable[..., Any]) -> None:
    """A colour is not all that tells a warning from what is wrong."""
    prints = printed(terminal=True, no_color=True)
    render_doctor(REPORT, Output.TABLE, prints.streams)
    for sign in ("✓ rules", "⊘ damage", "! last_run", "✗ books"):
        assert sign in prints.out
    assert "\x1b[31m" not in prints.out


@pytest.mark.parametrize(
    ("states", "text"),
    [
        ([CheckState.OK], "1 checks, 1 ok"),
        ([CheckState.OK, CheckState.WARNING], "2 checks, 1 ok; warning: c1"),
        ([CheckState.WARNING, CheckState.WARNING], "2 checks, 0 ok; warning: c0, c1"),
    ],
)
def test_the_verdict_names_what_is_not_ok(states: list[CheckState], text: str) -> None:
    """And no exit code where it is 0."""
    checks = [Check(check=f"c{n}", state=state, detail="d", advice="a") for n, state in enumerate(states)]
    assert verdict(DoctorReport(status=CheckState.OK, exit_code=0, checks=checks)) == text
