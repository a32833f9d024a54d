"""There is one engine: whoever decides, decides by it."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from marketing_cli.domain.events import EventFacts
from marketing_cli.schemas.rules import Rule
from marketing_cli.services import engine
from marketing_cli.services.history import History
from marketing_cli.services.rule_evaluation import Evaluation, evaluate
from support.events import make_event
from support.ingesting import run_here

SHIPPED = Path(engine.__file__).parents[1] / "rules/default.yaml"
COMMANDS = ("ingest", "audit", "verify", "backtest", "rules test")
DIFFERS = 8


def signup(user_id: str, *, agreed: bool) -> str:
    """A signup that asks for a welcome, if the user agreed to be written to."""
    traits = {"marketing_opt_in": agreed}
    return json.dumps(make_event(event_id=user_id, user_id=user_id, event_type="signup_completed", user_traits=traits))


@pytest.fixture
def told(database_url: str, tmp_path: Path) -> Callable[[], dict[str, Any]]:
    """What each command says of two users, of whom one agreed; both are stored before anything is broken."""
    stored = "\n".join(signup(f"stored_{agreed}", agreed=agreed) for agreed in (True, False))
    run_here("ingest", "-", url=database_url, stdin=stored.encode())
    new = tmp_path / "new.ndjson"
    new.write_text("\n".join(signup(f"new_{agreed}", agreed=agreed) for agreed in (True, False)))

    def ask() -> dict[str, Any]:
        dry_run = run_here("ingest", "--dry-run", "--json", new, url=database_url).json()
        audit = run_here("audit", "stored_False", "--json", url=database_url).json()
        codes = {
            "verify": run_here("verify", "--all", url=database_url),
            "backtest": run_here("backtest", "--rules", SHIPPED, "--fail-above", "0", url=database_url),
            "rules test": run_here("rules", "test"),
        }
        return {
            "ingest": dry_run["totals"]["send_requests"],
            "audit": audit["decisions"][0]["conditions"][0]["found"],
            **{name: done.exit_code for name, done in codes.items()},
        }

    return ask


@contextmanager
def blind(patch: pytest.MonkeyPatch) -> Iterator[None]:
    """`decide` no longer sees properties and traits, whoever calls it and under whatever name."""

    def unseeing(rule: Rule, event: EventFacts, history: History) -> Evaluation:
        return evaluate(rule, event._replace(properties={}, user_traits={"marketing_opt_in": "unseen"}), history)

    with patch.context() as inside:
        inside.setattr(engine, "evaluate", unseeing)
        yield


def test_breaking_the_engine_once_breaks_whoever_decides(
    told: Callable[[], dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five commands say the right thing; with one function broken none of them does; and then all of them again."""
    right = {"ingest": 1, "audit": False, "verify": 0, "backtest": 0, "rules test": 0}
    assert told() == right
    with blind(monkeypatch):
        wrong = told()
    assert tuple(wrong) == COMMANDS
    assert wrong == {"ingest": 0, "audit": "unseen", "verify": DIFFERS, "backtest": DIFFERS, "rules test": DIFFERS}
    assert told() == right
