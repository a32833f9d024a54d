"""A backtest decides as `ingest` would have: the rules in force change nothing, others what they would have stored."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from marketing_cli.models import Event, SendRequest, Suppression
from marketing_cli.services.backtest import backtest
from marketing_cli.services.backtest_books import BacktestBooks
from marketing_cli.services.backtest_options import BacktestQuery
from marketing_cli.services.backtest_reading import BacktestHistory
from marketing_cli.services.backtest_user import Decider, settled_after
from marketing_cli.services.reading import reading
from property.reference import Json
from property.strategies import HOURS, STARTS, Arrival, arrivals, event_sets, rule_lists
from support.deciding import rule_set
from support.processing import Store

pytestmark = pytest.mark.faults  # many histories: slow

# Every example has users of its own, so that one database serves all.
numbers = count()
QUIET = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]


def fill(store: Store, rules: list[Json], arrival: Arrival, backfill: Sequence[bool]) -> list[str]:
    """Lets the events arrive, each file in a run of its own, some as archives; gives the users."""
    suffix = f"-{next(numbers)}"
    for place, file in enumerate(arrival.files()):
        run = store.run(*rules, backfill=backfill[place % len(backfill)])
        for batch in file:
            run.batch(*(delivery | {"user_id": delivery["user_id"] + suffix} for delivery in batch))
    return sorted({delivery["user_id"] + suffix for delivery in arrival.deliveries})


def tried(store: Store, rules: list[Json], query: BacktestQuery) -> BacktestBooks:
    """The books of a backtest."""
    with reading(store.engine) as reads:
        return backtest(reads, rule_set(*rules), query)


def moments() -> st.SearchStrategy[datetime | None]:
    """Ends of a span, many of them at an event or just beside it."""
    shifts = st.sampled_from((timedelta(), timedelta(microseconds=1), timedelta(minutes=30)))
    hours = st.sampled_from(HOURS).map(lambda number: timedelta(hours=number))
    at = st.builds(lambda start, length, shift: start + length + shift, st.sampled_from(STARTS), hours, shifts)
    return st.none() | at


@settings(max_examples=150, suppress_health_check=QUIET)
@given(st.data())
def test_the_rules_in_force_change_nothing(store: Store, data: st.DataObject) -> None:
    """Whatever came late, in whichever runs and batches, archives or not, and for any span of time."""
    rules, arrival = data.draw(rule_lists()), data.draw(arrivals(data.draw(event_sets())))
    users = fill(store, rules, arrival, data.draw(st.lists(st.booleans(), min_size=1, max_size=3)))
    since, until = data.draw(moments()), data.draw(moments())
    for user in users:
        for query in (BacktestQuery(user), BacktestQuery(user, since, until)):
            books = tried(store, rules, query)
            assert books.numbers == {}
            assert books.before == books.after


@settings(max_examples=100, suppress_health_check=QUIET)
@given(st.data())
def test_other_rules_decide_what_they_would_have_stored(store: Store, data: st.DataObject) -> None:
    """As the same arrivals leave it in the database when these rules are in force."""
    old, new = data.draw(rule_lists()), data.draw(rule_lists())
    arrival = data.draw(arrivals(data.draw(event_sets())))
    backfill = data.draw(st.lists(st.booleans(), min_size=1, max_size=3))
    users, others = (fill(store, rules, arrival, backfill) for rules in (old, new))
    for user, other in zip(users, others, strict=True):
        assert afresh(store, new, user) == stored(store, other)


def afresh(store: Store, rules: list[Json], user: str) -> list[tuple[Any, ...]]:
    """What a backtest decides for a user, by the labels of events."""
    known, query, labels = rule_set(*rules), BacktestQuery(user), labels_of(store, user)
    with reading(store.engine) as reads:
        pasts = list(BacktestHistory(reads, known, query).users())
    decider = Decider(known, query)
    found = [item for past in pasts for item in settled_after(decider.decisions(past)).items()]
    return sorted(
        (labels[key.event_id], key.rule, key.template, made.status, str(made.reason_code), labels.get(made.blocked_by))
        for key, made in found
    )


def stored(store: Store, user: str) -> list[tuple[Any, ...]]:
    """What is stored for a user, likewise."""
    labels = labels_of(store, user)
    with store.transactions() as session:
        requests = session.scalars(select(SendRequest).where(SendRequest.user_id == user)).all()
        held = session.scalars(select(Suppression).where(Suppression.user_id == user)).all()
        events = {made.id: made.event_id for made in requests}
        found: list[tuple[SendRequest | Suppression, str, str, int | None]]
        found = [(made, made.status, "None", None) for made in requests]
        found += [(row, "suppressed", row.reason_code, events[row.blocking_request_id or 0]) for row in held]
        return sorted(
            (labels[row.event_id], row.rule_name, row.template_name, status, code, labels.get(by))
            for row, status, code, by in found
        )


def labels_of(store: Store, user: str) -> dict[int | None, str]:
    """The labels of a user's events, by row."""
    with store.transactions() as session:
        rows = session.scalars(select(Event).where(Event.user_id == user)).all()
        return {row.id: (row.extra or {})["label"] for row in rows}
