"""A history with everything in it that `mmsg verify` decides again, and ways to change it behind the program's back."""

from pathlib import Path
from typing import Any

from sqlalchemy import NullPool, create_engine, text

from marketing_cli.schemas.verify import VerifyReport
from marketing_cli.services.verify import run_verify, verify_request
from support.deciding import field, make_rule, prior, rules_text
from support.events import make_event, write_events
from support.ingesting import ingest
from support.listing import fill

CONSENTS = {"marketing_opt_in": True, "email": "a@example.com"}
EARLIER = [
    make_rule("NUDGE", name="nudge", on="link", when=[prior("signup", "24h")], limit="once_ever"),
    make_rule("FAILED", name="failed", on="failed", when=[field("properties.amount", "gte", 10)], limit="none"),
]
LATER = [
    make_rule("NUDGE", name="nudge", on="link", when=[prior("signup", "48h")], limit="once_ever"),
    make_rule(
        "FAILED",
        name="failed",
        on="failed",
        when=[field("properties.amount", "gte", 20)],
        limit="once_per_calendar_day",
        timezone="Europe/Lisbon",
    ),
    make_rule("SECOND", name="second", on="failed", limit="once_ever"),
]


def event(number: int, event_type: str, moment: str, **overrides: Any) -> dict[str, Any]:
    """An event of the user `u_late`."""
    common = {"event_id": f"late_{number}", "user_id": "u_late", "user_traits": CONSENTS}
    return make_event(**(common | {"event_type": event_type, "event_timestamp": moment} | overrides))


def past(url: str, folder: Path) -> None:
    """Nine runs: the story, an archive and three broken lines; then late facts under rules that change in between.

    late_1 (a link) is decided by `nudge` when late_3, its signup, arrives under the later rules.
    """
    fill(url, folder)
    rules = {}
    for name, listed in (("earlier", EARLIER), ("later", LATER)):
        rules[name] = folder / f"{name}.yaml"
        rules[name].write_text(rules_text(*listed))
    for number, (name, events) in enumerate(
        [
            (
                "earlier",
                [
                    event(1, "link", "2025-11-03T12:00:00Z"),
                    event(2, "failed", "2025-11-03T23:30:00+00:00", properties={"amount": 25, "failure_reason": "x"}),
                ],
            ),
            ("later", [event(3, "signup", "2025-11-02T10:00:00Z", user_traits={"z": [1], "email": "b@example.com"})]),
            (
                "later",
                [
                    event(4, "failed", "2025-11-03T20:00:00Z", properties={"amount": 30.5}),
                    event(5, "failed", "2025-11-04T20:00:00Z", properties={"amount": "40"}),
                    event(6, "link", "2025-11-03T13:00:00Z"),
                ],
            ),
            ("earlier", [event(7, "failed", "2025-11-04T21:00:00Z", properties={"amount": 19, "deep": {"a": [1.0]}})]),
        ]
    ):
        ingest(url, "--rules", rules[name], write_events(folder / f"late_{number}.ndjson", *events))


def tamper(url: str, *statements: str) -> None:
    """Changes the database as one does who is let by no constraint."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL session_replication_role = replica"))
            connection.execute(text("SET LOCAL TimeZone = 'UTC'"))
        for statement in statements:
            connection.exec_driver_sql(statement)


def verify(url: str, event_id: str | None = None, **options: Any) -> VerifyReport:
    """What verify reports; of everything, unless something is named."""
    wanted: dict[str, Any] = {"event_id": event_id, "user": None, "since": None, "limit": 0}
    everything = event_id is None and not options
    return run_verify(verify_request(**(wanted | {"everything": everything} | options)), url)
