"""Speed promised by counting: how many statements a batch takes, and that none of them reads a whole table."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy import event as listening

from marketing_cli.domain.reasons import Outcome
from marketing_cli.models import Base
from marketing_cli.services.batch import BatchOutcome
from support.databases import only_sqlite
from support.deciding import field, make_rule, prior
from support.events import make_event
from support.processing import Store, open_store

EVENTS = 1000
# BEGIN, or on PostgreSQL settings and locks; identities, what conflicts meet, ids; waiting events, the rules of
# then, prior events, used windows; ids and rows of rejects; events and two projections; ids and rows of decisions.
MOST = 17
RULES = [
    make_rule("WELCOME", name="welcome", on="signup", limit="once_ever"),
    make_rule("NUDGE", name="nudge", on="link", when=[prior("signup", "24h")], limit="once_ever"),
    make_rule("FUNDS", name="funds", when=[prior("signup", "30d")], limit="once_per_calendar_day"),
    make_rule("ALERT", name="alert", when=[field("properties.n", "gte", 3), prior("payment_failed", "1h")]),
]
TYPES = ("signup", "link", "payment_failed", "payment_failed", "unknown")


def numbered(number: int, users: int, start: str = "e", **more: Any) -> dict[str, Any]:
    """The event of this number, of one of so many users."""
    moment = f"2025-11-{number % 28 + 1:02}T{number % 24:02}:{number % 60:02}:00Z"
    return make_event(
        event_id=f"{start}{number}",
        user_id=f"u_{number % users}",
        event_type=TYPES[number // users % len(TYPES)] if users < EVENTS else TYPES[number % len(TYPES)],
        event_timestamp=moment,
        **{"properties": {"n": number % 5, "amount": number}, **more},
    )


@contextmanager
def statements(engine: Engine) -> Iterator[list[tuple[str, Any]]]:
    """What is sent to the database inside the block, with its parameters."""
    sent: list[tuple[str, Any]] = []

    def note(_c: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        sent.append((statement, parameters))

    listening.listen(engine, "before_cursor_execute", note)
    yield sent
    listening.remove(engine, "before_cursor_execute", note)


def eventful_batch(store: Store, users: int) -> tuple[BatchOutcome, list[tuple[str, Any]]]:
    """1,000 events and everything that can come with them: late facts, caps, duplicates, conflicts and rejects."""
    with store.transactions() as session:
        for table in reversed(Base.metadata.sorted_tables):
            session.execute(table.delete())
    waiting = make_event(event_id="waits", event_type="link", event_timestamp="2025-11-10T12:00:00Z")
    earlier = [numbered(number, users, "old") for number in range(0, EVENTS, 2)]
    store.run(*RULES[:2]).batch(*earlier, *(waiting | {"user_id": f"u_{user}"} for user in range(users)))
    batch = [numbered(number, users) for number in range(EVENTS)]
    batch += [
        make_event(event_id="late", user_id=f"u_{user}", event_type="signup", event_timestamp="2025-11-10T11:00:00Z")
        for user in range(min(users, 3))
    ]
    batch += [earlier[5], earlier[7] | {"properties": {"other": 1}}, batch[3] | {"properties": {"other": 1}}]
    batch += [make_event(user_id=None), make_event(event_timestamp="yesterday")]
    run = store.run(*RULES)
    with statements(store.engine) as sent:
        outcome = run.batch(*batch)
    return outcome, sent


def test_a_batch_takes_a_fixed_number_of_statements(database_url: str, record_property: Any) -> None:
    """Whether its 1,000 events are of 1, 10 or 1,000 users."""
    counts: dict[int, int] = {}
    with open_store(database_url) as store:
        for users in (1, 10, 1000):
            outcome, sent = eventful_batch(store, users)
            assert len(outcome.new) >= EVENTS
            assert outcome.duplicates == 1
            assert len(outcome.rejects) == 4
            assert {decision.outcome for decision in outcome.decisions} == {Outcome.REQUESTED, Outcome.SUPPRESSED}
            assert any(decision.cause is not decision.event for decision in outcome.decisions)
            counts[users] = len(sent)
    record_property("statements", counts)
    assert len(set(counts.values())) == 1, counts
    assert max(counts.values()) <= MOST


def test_rejects_of_every_kind_take_one_statement(database_url: str) -> None:
    """Whichever of their ids are legible."""
    shapes: list[dict[str, Any]] = [{"user_id": None}, {"event_type": 7}, {"event_timestamp": 0}, {"event_id": []}]
    bad = [make_event(**{"event_id": f"e{number}", **shapes[number % 4]}, number=number) for number in range(400)]
    with open_store(database_url) as store:
        run = store.run()
        with statements(store.engine) as sent:
            assert len(run.batch(*bad).rejects) == len(bad)
    assert sum(statement.startswith("INSERT INTO rejects") for statement, _ in sent) == 1


SCAN = re.compile(
    r"SCAN (?!each_row|wanted|json_each|CONSTANT ROW|sqlite_sequence|\(subquery)|AUTOMATIC|TEMP B-TREE FOR GROUP"
)


@only_sqlite
@pytest.mark.parametrize("analysed", [False, True])
def test_no_look_up_reads_a_whole_table(database_url: str, analysed: bool) -> None:
    """Each finds its rows by an index, also when the database knows how much each table holds."""
    with open_store(database_url) as store:
        _, sent = eventful_batch(store, 10)
        with store.transactions() as session:
            if analysed:
                session.execute(text("ANALYZE"))
            connection = session.connection()
            plans = {
                statement: [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
                for statement, parameters in sent
                if statement.startswith("SELECT")
            }
    assert len(plans) >= 7
    assert any("SEARCH" in line for plan in plans.values() for line in plan)
    bad = {statement: plan for statement, plan in plans.items() if any(SCAN.search(line) for line in plan)}
    assert bad == {}


def test_a_scan_would_be_noticed() -> None:
    """These are lines of plans that read a table from end to end, and of plans that do not."""
    bad = [
        "SCAN events",
        "SCAN send_requests_1",
        "SCAN suppressions USING COVERING INDEX x",
        "SEARCH w USING AUTOMATIC COVERING INDEX (a=?)",
    ]
    good = ["SCAN each_row VIRTUAL TABLE INDEX 1:", "SCAN wanted", "SEARCH events USING INTEGER PRIMARY KEY (rowid=?)"]
    assert [line for line in bad + good if SCAN.search(line)] == bad
