"""The digest of a history does not depend on how its events arrive; and is what the documented code makes of it."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from marketing_cli.models import Base
from marketing_cli.services.digest import digest_history
from property.reference import Json, expected
from property.strategies import Arrival, arrivals, event_sets, rule_lists
from support.deciding import make_rule
from support.digests import documented_digest, documented_hash
from support.processing import Store

pytestmark = pytest.mark.faults  # many histories: slow

KINDS = ("sqlite", "postgresql")


def stored_digest(store: Store, rules: list[Json], arrival: Arrival) -> str:
    """The digest of a database that holds nothing but what these arrivals left."""
    with store.transactions() as session:
        for table in reversed(Base.metadata.sorted_tables):
            session.execute(delete(table))
    for file in arrival.files():
        run = store.run(*rules)
        for batch in file:
            run.batch(*batch)
    return digest_history(store.engine.url.render_as_string(hide_password=False)).digest


def wanted_digest(rules: list[Json], events: list[Json]) -> str:
    """What the naive decider finds, by the code of the documentation."""
    matches, slots = expected(rules, events)
    keys = {told["label"]: (told.get("event_id") or documented_hash(told), told["user_id"]) for told in events}
    requests = [(user, template, _named(window, keys)) for user, template, window in slots]
    return documented_digest(events, [(*keys[label], rule) for label, rule in matches], requests)


def _named(window: str, keys: dict[str, tuple[str, str]]) -> str:
    """A window's name, with the event's key in place of its label."""
    kind, _, label = window.partition(":")
    return f"event:{keys[label][0]}" if kind == "event" else window


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(st.data())
def test_it_does_not_mind_order_size_files_or_repeats(store: Store, data: st.DataObject) -> None:
    """Each way in which the same events arrive gives the digest that is worked out without the program."""
    rules, events = data.draw(rule_lists()), data.draw(event_sets())
    wanted = wanted_digest(rules, events)
    for arrival in data.draw(st.lists(arrivals(events), min_size=2, max_size=3)):
        assert stored_digest(store, rules, arrival) == wanted


@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(st.data())
def test_it_minds_what_happened(store: Store, data: st.DataObject) -> None:
    """An event less, an event with another content, or a rule more gives another digest."""
    rules, events = data.draw(rule_lists()), data.draw(event_sets())
    place = data.draw(st.integers(0, len(events) - 1))
    fewer = [*events[:place], *events[place + 1 :]]
    other = [*fewer, events[place] | {"properties": {"number": -1}}]
    more = make_rule("C", name="more", on=events[place]["event_type"], limit="none")
    digest = stored_digest(store, rules, data.draw(arrivals(events)))
    others = {
        stored_digest(store, rules, data.draw(arrivals(fewer))) if fewer else "",
        stored_digest(store, rules, data.draw(arrivals(other))),
        stored_digest(store, [*rules, more], data.draw(arrivals(events))),
    }
    assert len(others) == 3
    assert digest not in others
