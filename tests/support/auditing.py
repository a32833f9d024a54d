"""What tests of `mmsg audit` share: events stored by the program itself, and the answers as JSON."""

from pathlib import Path
from typing import Any

from sqlalchemy import NullPool, create_engine, text

from support.events import make_event, ndjson
from support.ingesting import run_here

NUDGE = """\
version: 1
rules:
  - name: nudge
    enabled: {enabled}
    on: linked
    when:
      - prior_event: signed_up
        within: {within}
{more}    message: {{template: NUDGE, channel: sms}}
    limit: once_ever
"""
"""Rules with one rule, which asks for a prior event."""


def nudge_rules(
    folder: Path, name: str = "nudge", *, enabled: bool = True, within: str = "24h", more: str = ""
) -> Path:
    """A rules file made of `NUDGE`; `more` are further conditions."""
    path = folder / f"{name}.yaml"
    path.write_text(NUDGE.format(enabled=str(enabled).lower(), within=within, more=more))
    return path


def rules_file(folder: Path, *rules: str, name: str = "rules") -> Path:
    """A rules file of rules in flow style, each without its outer braces."""
    path = folder / f"{name}.yaml"
    path.write_text("version: 1\nrules:\n" + "".join(f"  - {{{rule}}}\n" for rule in rules))
    return path


def store(url: str, *events: dict[str, Any], options: tuple[str | Path, ...] = (), exit_code: int = 0) -> Any:
    """Ingests the events in one run, from standard input; gives the report."""
    done = run_here("ingest", "-", "--json", *options, url=url, stdin=ndjson(*events).encode())
    assert done.exit_code == exit_code, done.stderr
    return done.json()


def audit(url: str, *args: str | Path, exit_code: int = 0) -> Any:
    """The answer of `mmsg audit --json`."""
    done = run_here("audit", "--json", *args, url=url)
    assert done.exit_code == exit_code, done.stderr
    return done.json()


def audit_page(url: str, *args: str | Path, exit_code: int = 0) -> str:
    """The page of `mmsg audit`."""
    done = run_here("audit", *args, url=url)
    assert done.exit_code == exit_code, done.stderr
    return done.stdout


def change(url: str, statement: str, **values: Any) -> None:
    """Changes the database behind the program's back."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            connection.execute(text("PRAGMA foreign_keys = ON"))
        connection.execute(text(statement), values)


def signup(**overrides: Any) -> dict[str, Any]:
    """A signup of u_1 with consent, at 10:00."""
    return make_event(**{"event_id": "signup", **overrides})


def link(**overrides: Any) -> dict[str, Any]:
    """A bank link of u_1, two hours after the signup."""
    return make_event(
        **{
            "event_id": "link",
            "event_type": "link_bank_success",
            "event_timestamp": "2025-11-01T12:00:00Z",
            "user_traits": {},
            **overrides,
        }
    )


def failed_payment(**overrides: Any) -> dict[str, Any]:
    """A failed payment of u_1 for lack of funds, the first attempt."""
    return make_event(
        **{
            "event_id": "payment",
            "event_type": "payment_failed",
            "event_timestamp": "2025-11-01T13:00:00Z",
            "properties": {"failure_reason": "INSUFFICIENT_FUNDS", "attempt_number": 1},
            "user_traits": {},
            **overrides,
        }
    )
