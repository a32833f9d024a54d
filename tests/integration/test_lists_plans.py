"""Lists find their rows by an index: read from SQLite's own plan."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.orm import sessionmaker

from marketing_cli.database.engine import make_engine
from marketing_cli.models import SendRequest, Suppression
from marketing_cli.repositories.listing_decisions import Decided, DecisionListing
from marketing_cli.repositories.listing_ledger import LedgerListing
from marketing_cli.schemas.list_queries import DayOf, DecisionQuery, RejectQuery, RunQuery
from support.listing import fill, listed
from support.plans import plan as steps_of
from support.plans import scans, statements

SINCE = datetime(2025, 11, 1, tzinfo=UTC)
AFTER = ("2025-11-01 10:00:00", 7)


COMMANDS = {
    "sends --limit 50": r"ix_send_requests_decided_at\b",
    "sends --limit 1 --since 7d": r"ix_send_requests_decided_at\b",
    "sends --user u_1 --limit 1": r"(uq|ix)_send_requests_user_id_template_name_\w+",
    "suppressions --limit 1": r"ix_suppressions_decided_at\b",
    "suppressions --user u_1 --since 7d": r"ix_suppressions_(user_id|decided_at)\b",
    "rejects --user u_9": r"ix_rejects_user_id\b",
}
"""What is asked for every day → the index that finds its rows."""


def plan(url: str, read: Callable[[Any], object]) -> list[str]:
    """How SQLite would run what `read` asks of a session."""
    engine = make_engine(url, writes=False)
    asked: list[tuple[str, Any]] = []

    def remember(_c: object, _cursor: object, statement: str, parameters: Any, *_rest: object) -> None:
        asked.append((statement, parameters))

    with sessionmaker(engine).begin() as session:
        event.listen(engine, "before_cursor_execute", remember)
        read(session)
        event.remove(engine, "before_cursor_execute", remember)
        steps: list[str] = []
        for statement, parameters in asked:
            found = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            steps += [row[-1] for row in found]
    engine.dispose()
    assert steps
    return steps


def page(model: Decided, wanted: DecisionQuery, after: Any = None) -> Callable[[Any], object]:
    """Reads a page of decisions."""
    return lambda session: DecisionListing(session, model).page(wanted, after, 51)


BY_TIME = "ix_send_requests_decided_at"
OF_USER = r"(uq|ix)_send_requests_user_id_template_name_\w+"


@pytest.mark.parametrize(
    ("read", "index"),
    [
        (page(SendRequest, DecisionQuery()), BY_TIME),
        (page(SendRequest, DecisionQuery(), AFTER), rf"{BY_TIME} \(decided_at<"),
        (page(SendRequest, DecisionQuery(since=SINCE)), rf"{BY_TIME} \(decided_at>"),
        (page(SendRequest, DecisionQuery(since=SINCE, until=SINCE)), rf"{BY_TIME} \(decided_at>\? AND decided_at<"),
        (page(SendRequest, DecisionQuery(user="u_1")), rf"{OF_USER} \(user_id="),
        (page(SendRequest, DecisionQuery(user="u_1"), AFTER), rf"{OF_USER} \(user_id="),
        (page(SendRequest, DecisionQuery(user="u_1", template="T")), rf"{OF_USER} \(user_id=\? AND template_name="),
        (page(SendRequest, DecisionQuery(template="T")), BY_TIME),
        (page(SendRequest, DecisionQuery(run=1)), BY_TIME),
        (page(Suppression, DecisionQuery()), "ix_suppressions_decided_at"),
        (page(Suppression, DecisionQuery(user="u_1")), r"ix_suppressions_user_id \(user_id="),
        (page(Suppression, DecisionQuery(user="u_1", since=SINCE)), r"ix_suppressions_user_id \(user_id="),
        (page(Suppression, DecisionQuery(reason_code="x", since=SINCE)), r"ix_suppressions_decided_at \(decided_at>"),
    ],
)
def test_decisions_are_found_by_an_index(migrated_sqlite: str, read: Callable[[Any], object], index: str) -> None:
    """The page's rows come from an index; events, projections and blocking requests are looked up row by row."""
    steps = plan(migrated_sqlite, read)
    chosen = [
        step for step in steps if re.search(rf"(send_requests|suppressions) USING (COVERING )?INDEX {index}", step)
    ]
    assert len(chosen) == 1, steps
    others = [step for step in steps if step.startswith(("SCAN", "SEARCH")) and step not in chosen]
    scanned = [step for step in others if step.startswith("SCAN")]
    assert scanned == ["SCAN newest"], steps
    assert all("PRIMARY KEY" in step for step in others if step not in scanned), steps


def test_no_list_reads_a_whole_table(database_url: str, tmp_path: Path) -> None:
    """All that a command asks: the page, what belongs to its rows, and whether there are more."""
    fill(database_url, tmp_path)
    found = {}
    for command, index in COMMANDS.items():
        with statements() as asked:
            listed(database_url, *command.split())
        steps = steps_of(database_url, asked)
        # The newest first, until there are enough: an index read from its end is not the table read whole.
        others = [step for step in steps if not re.search(index, step)]
        found[command] = scans(others), len(others) < len(steps)
    assert found == dict.fromkeys(COMMANDS, ([], True))


def test_a_list_by_time_is_not_sorted_first(migrated_sqlite: str) -> None:
    """The newest 50 of a million are the first 50 of the index: only the page itself is put in order."""
    steps = plan(migrated_sqlite, page(SendRequest, DecisionQuery(), AFTER))
    assert [step for step in steps if "B-TREE" in step] == ["USE TEMP B-TREE FOR ORDER BY"]
    assert "B-TREE" in steps[-1]


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (DecisionQuery(since=SINCE, day_of=DayOf.DECISION), "ix_send_requests_decided_at"),
        (DecisionQuery(user="u_1", day_of=DayOf.EVENT), "send_requests_user_id"),
    ],
)
def test_counting_a_part_reads_only_that_part(migrated_sqlite: str, wanted: DecisionQuery, index: str) -> None:
    """A summary of a day does not look at all days."""
    steps = plan(migrated_sqlite, lambda session: DecisionListing(session, SendRequest).counts(wanted))
    assert any(step.startswith("SEARCH send_requests") and index in step for step in steps), steps


@pytest.mark.parametrize(
    ("read", "step"),
    [
        (
            lambda s: LedgerListing(s).rejects(RejectQuery(), 7, 51),
            "SEARCH rejects USING INTEGER PRIMARY KEY (rowid<?)",
        ),
        (
            lambda s: LedgerListing(s).rejects(RejectQuery(user="u_1"), None, 51),
            "SEARCH rejects USING INDEX ix_rejects_user_id (user_id=?)",
        ),
        (lambda s: LedgerListing(s).runs(RunQuery(), 7, 51), "SEARCH runs USING INTEGER PRIMARY KEY (rowid<?)"),
        (
            lambda s: LedgerListing(s).inputs([1, 2]),
            "SEARCH run_inputs USING INDEX sqlite_autoindex_run_inputs_1 (run_id=?)",
        ),
    ],
)
def test_the_ledger_is_read_by_its_keys(migrated_sqlite: str, read: Callable[[Any], object], step: str) -> None:
    """Kept lines by id or user, runs by id, inputs by run."""
    assert step in plan(migrated_sqlite, read)
