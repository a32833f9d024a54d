"""Whatever rules, order, batches and runs there were: what was stored comes out again, and what was removed shows."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from marketing_cli.models import Event, SendRequest, Suppression
from marketing_cli.schemas.verify import VerifyReport
from property.strategies import arrivals, event_sets, rule_lists
from support.deciding import make_rule
from support.processing import Store
from support.verifying import verify

pytestmark = pytest.mark.faults  # many histories: slow

# Every example has users of its own, so that one database serves all.
numbers = count()
NO_CHECKS = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]


def happened(store: Store, data: st.DataObject) -> list[str]:
    """A random history of several runs, with rules that change and archives in between; gives its users."""
    events = data.draw(event_sets())
    arrival = data.draw(arrivals(events))
    rules = data.draw(st.lists(rule_lists(), min_size=1, max_size=2))
    suffix = f"-{next(numbers)}"
    for file in arrival.files():
        run = store.run(*data.draw(st.sampled_from(rules)), backfill=data.draw(st.booleans()))
        for batch in file:
            run.batch(*(delivery | {"user_id": delivery["user_id"] + suffix} for delivery in batch))
    return sorted({told["user_id"] + suffix for told in events})


def verified(store: Store, user: str) -> VerifyReport:
    """What verify reports of a user."""
    return verify(store.engine.url.render_as_string(hide_password=False), user=user)


@settings(max_examples=40, suppress_health_check=NO_CHECKS)
@given(st.data())
def test_what_was_stored_comes_out_again(store: Store, data: st.DataObject) -> None:
    """Each decision of each user, to the last column, from the beginning or from any moment on."""
    for user in happened(store, data):
        report = verified(store, user)
        assert (report.differences, report.verified.without_event) == ([], 0)
        with store.transactions() as session:
            rows = [
                session.scalars(select(table.id).where(table.user_id == user)) for table in (SendRequest, Suppression)
            ]
            requests, suppressions = (len(found.all()) for found in rows)
        assert (report.verified.requests, report.verified.suppressions) == (requests, suppressions)


texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=300)
numbers_of_json = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**63), 2**63 - 1)
scalars = st.none() | st.booleans() | numbers_of_json | texts | st.sampled_from(("3", "3.0", "-0", "1e5", -0.0, 1e22))
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3))
KEYS = ("amount", "attempt_number", "failure_reason", "email", "country", "marketing_opt_in", "risk_segment")
objects = st.none() | st.dictionaries(st.sampled_from(KEYS) | texts, values, max_size=6)
contents = st.fixed_dictionaries(
    {"properties": objects, "user_traits": objects, "event_type": st.sampled_from(("signup", "failed"))}
)


@settings(max_examples=40, suppress_health_check=NO_CHECKS)
@given(st.lists(contents, min_size=1, max_size=20))
def test_whatever_an_event_holds_it_is_as_it_came(store: Store, found: list[dict[str, Any]]) -> None:
    """Its hash and its typed columns are what its content gives, on either database."""
    user = f"u-{next(numbers)}"
    moment = datetime(2025, 11, 1, tzinfo=UTC)
    events = [
        told | {"user_id": user, "event_timestamp": (moment + timedelta(microseconds=place)).isoformat()}
        for place, told in enumerate(found)
    ]
    outcome = store.run(make_rule(on="failed"), make_rule(name="second", on="signup")).batch(*events)
    report = verified(store, user)
    assert (report.differences, report.verified.events) == ([], len(outcome.new))


@settings(max_examples=20, suppress_health_check=NO_CHECKS)
@given(st.data())
def test_a_decision_that_was_removed_shows(store: Store, data: st.DataObject) -> None:
    """Whichever it is: the first difference, or one of them, is about its event and its rule."""
    for user in happened(store, data):
        table = SendRequest if data.draw(st.booleans()) else Suppression
        with store.transactions() as session:
            found = session.execute(
                select(table.id, table.event_id, table.rule_name).where(table.user_id == user)
            ).all()
            if not found:
                continue
            number, event_id, rule = data.draw(st.sampled_from(found))
            session.execute(delete(table).where(table.id == number))
        report = verified(store, user)
        assert (event_id, rule) in {(told.row, told.rule) for told in report.differences}
        assert report.exit_code == 8


@settings(max_examples=20, suppress_health_check=NO_CHECKS)
@given(st.data())
def test_an_event_that_was_deleted_fails_nothing(store: Store, data: st.DataObject) -> None:
    """What it led to is counted; what is left is still decided again, and each decision told or counted once."""
    for user in happened(store, data):
        with store.transactions() as session:
            events = session.scalars(select(Event.id).where(Event.user_id == user)).all()
            session.execute(delete(Event).where(Event.id == data.draw(st.sampled_from(events))))
        if len(events) == 1:
            continue  # of this user nothing may be known any more
        report = verified(store, user)
        assert report.verified.events == len(events) - 1
        lost = [told for told in report.differences if told.row is not None and told.event_id is None]
        assert lost == []
