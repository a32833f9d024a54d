"""A small history with a bit of everything, counted by hand."""

from pathlib import Path
from typing import Any

from support.deciding import field, make_rule, prior, rules_text
from support.events import make_event, ndjson
from support.ingesting import ingest
from support.listing import change, set_times

RULES = rules_text(
    make_rule(
        "A",
        name="a",
        on="pay",
        when=[field("properties.n", "gte", 3), field("properties.code", "equals", "X")],
        limit="once_per_calendar_day",
    ),
    make_rule("B", name="b", on="pay", when=[prior("start", "1h")], limit="once_ever"),
    make_rule("C", name="c", on="start", limit="once_ever"),
    make_rule("D", name="d", on="last", when=[prior("first", "1h")]),
    make_rule("E", name="e", on="other", enabled=False),
)


def _event(number: int, user: str, kind: str, day: int, time: str, **properties: Any) -> dict[str, Any]:
    return make_event(
        event_id=f"e{number}",
        user_id=user,
        event_type=kind,
        event_timestamp=f"2025-11-0{day}T{time}:00Z",
        properties=properties,
        user_traits={},
    )


FIRST = [
    _event(1, "u1", "start", 1, "10:00"),  # c requests C
    _event(2, "u1", "pay", 1, "10:30", n=3, code="X"),  # a requests A, b requests B
    _event(3, "u1", "pay", 1, "11:30", n=3, code="X"),  # A is suppressed for the day; b: 90 minutes before
    _event(4, "u1", "pay", 2, "09:00", n="many", code="X"),  # a: n cannot be compared; b: the day before
    _event(5, "u4", "pay", 2, "09:00", n=1, code="Y"),  # a: n is too small, and the code another; b: none
    _event(6, "u4", "pay", 2, "10:00", n=3, code=7),  # a: the code cannot be compared; b: none
    _event(7, "u2", "start", 2, "11:00"),  # c requests C
    _event(8, "u2", "start", 2, "12:00"),  # C is suppressed for ever
    _event(9, "u3", "other", 2, "12:00"),  # the rule on it is disabled
    _event(10, "u3", "seen", 1, "12:00"),  # no rule knows it
    _event(11, "u3", "seen", 2, "12:00"),
    _event(12, "u3", "first", 2, "12:00"),  # no rule is on it, one waits for it
]
SECOND = [_event(13, "u1", "pay", 2, "09:30", n=2, code="X")]  # a: n is too small; b: the day before
BROKEN = '\nnot json\n{"event_id": "e14", "event_type": "pay", "event_timestamp": "2025-11-01T10:00:00Z"}\n'


def fill_counted(url: str, folder: Path) -> list[Any]:
    """Fills the database with two runs, and gives the reports of both.

    Run 1, on 2025-12-01, has the first events, one of them twice, a blank line and two broken ones; run 2, on
    2025-12-02, all of that again and the second event.
    """
    (folder / "rules.yaml").write_text(RULES)
    lines = ndjson(*FIRST, FIRST[0]) + BROKEN
    reports = []
    for name, text in (("first", lines), ("second", lines + ndjson(*SECOND))):
        (folder / f"{name}.ndjson").write_text(text)
        reports.append(ingest(url, folder / f"{name}.ndjson", "--rules", folder / "rules.yaml", exit_code=3))
    for table, column, rows in (
        ("events", "created_at", 13),
        ("send_requests", "decided_at", 4),
        ("suppressions", "decided_at", 2),
        ("rejects", "created_at", 2),
    ):
        set_times(url, table, column, *["2025-12-01 10:00:00"] * 12, *["2025-12-02 10:00:00"] * (rows - 12))
    fraction = ".000000" if url.startswith("sqlite") else "+00"
    for run in (1, 2):
        change(url, f"UPDATE runs SET started_at = '2025-12-0{run} 10:00:00{fraction}' WHERE id = {run}")  # noqa: S608
    return reports
