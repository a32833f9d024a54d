"""A case comes out as the same events do when they are ingested."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, event

from marketing_cli.models import Base, Event, SendRequest, Suppression
from marketing_cli.services.rules_testing_cases import parse_cases
from marketing_cli.services.rules_testing_run import run_case
from property.strategies import event_sets, rule_lists
from support.databases import SqliteDatabases
from support.deciding import rule_set
from support.processing import Store, open_store

pytestmark = pytest.mark.faults  # many histories: slow

Json = dict[str, Any]


@pytest.fixture(scope="module")
def store(migrated_sqlite: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A database for many examples; what a power cut would do to it does not matter."""
    made = SqliteDatabases(tmp_path_factory.mktemp("cases"))
    with open_store(made.create(migrated_sqlite)) as opened:
        event.listen(opened.engine, "connect", lambda raw, _: raw.execute("PRAGMA synchronous = OFF"))
        yield opened
    made.drop_all()


def stored_outcomes(store: Store, rules: list[Json], before: list[Json], then: list[Json]) -> dict[str, list[Json]]:
    """What is stored of the later events, in the words of a case."""
    with store.transactions() as session:
        for table in reversed(Base.metadata.sorted_tables):
            session.execute(delete(table))
    store.run(*rules).batches(before, 3)
    last = max((row.id for row in store.rows(Event)), default=0)
    store.run(*rules).batches(then, 2)
    keys = {row.id: row.event_key for row in store.rows(Event)}
    blocking = {row.id: keys[row.event_id or 0] for row in store.rows(SendRequest)}
    outcomes: dict[str, list[Json]] = {"requests": [], "suppressions": []}
    rows: list[SendRequest | Suppression] = [*store.rows(SendRequest), *store.rows(Suppression)]
    for row in rows:
        if row.caused_by_event_id > last:
            told = {
                "rule": row.rule_name,
                "event": keys[row.event_id or 0],
                "user": row.user_id,
                "template": row.template_name,
                "channel": row.channel,
                "caused_by": keys[row.caused_by_event_id],
            }
            if isinstance(row, Suppression):
                told |= {"reason_code": row.reason_code, "blocked_by": blocking[row.blocking_request_id or 0]}
            outcomes["suppressions" if isinstance(row, Suppression) else "requests"].append(told)
    return outcomes


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(rule_lists(), event_sets(), st.data())
def test_a_case_comes_out_as_ingest_decides(
    store: Store, rules: list[Json], events: list[Json], data: st.DataObject
) -> None:
    """Whatever the order, with duplicates, conflicts, late facts and several users; and it fails with any part less."""
    again = data.draw(st.lists(st.sampled_from(events), max_size=3))
    conflicts = [
        told | {"properties": {"n": "other"}} for told in data.draw(st.lists(st.sampled_from(events), max_size=2))
    ]
    order = data.draw(st.permutations([*events, *again, *conflicts]))
    cut = data.draw(st.integers(0, len(order) - 1))
    given_events, then = order[:cut], order[cut:]
    outcomes = stored_outcomes(store, rules, given_events, then)
    case: Json = {"name": "c", "when": then, "then": outcomes} | ({"given": given_events} if cut else {})
    known = rule_set(*rules)

    def run() -> Any:
        text = json.dumps({"version": 1, "cases": [case]})
        (parsed,) = parse_cases(text, "case", known)
        return run_case(parsed, known)

    result = run()
    assert list(result.differences) == []
    assert len(result.notes) == len(order) - len(store.rows(Event))
    for kind in outcomes:
        for place, left_out in enumerate(outcomes[kind]):
            case["then"] = outcomes | {kind: [*outcomes[kind][:place], *outcomes[kind][place + 1 :]]}
            (difference,) = run().differences
            assert (difference.rule, difference.event_id, difference.expected) == (
                left_out["rule"],
                left_out["event"],
                None,
            )
