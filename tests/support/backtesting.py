"""What tests of `mmsg backtest` share: a few events and rules, and the command's report."""

from pathlib import Path
from typing import Any, TypeAlias

from support.deciding import make_rule
from support.events import make_event
from support.ingesting import run_here
from support.program import ROOT

Json: TypeAlias = dict[str, Any]
SHIPPED = ROOT / "marketing_cli" / "rules" / "default.yaml"


def at(day: int, hour: int = 12) -> str:
    """A moment of November."""
    return f"2025-11-{day:02}T{hour:02}:00:00Z"


def failed(label: str, moment: str, *, user: str = "u_1", kind: str = "payment_failed", **properties: Any) -> Json:
    """An event."""
    return make_event(event_id=label, user_id=user, event_type=kind, event_timestamp=moment, properties=properties)


AGAIN = make_rule("A", name="a", limit="none")
DAILY = make_rule("A", name="a", limit="once_per_calendar_day")
EVER = make_rule("A", name="a", limit="once_ever")
THREE = [failed("e1", at(1, 10), n=1), failed("e2", at(1, 12), n=2), failed("e3", at(2, 9), n=3)]


def backtested(url: str, *options: str | Path, exit_code: int = 0) -> Any:
    """The report as the command prints it."""
    done = run_here("backtest", "--json", *options, url=url)
    assert done.exit_code == exit_code, done.stderr
    return done.json()
