"""Whatever a history holds, wherever a copy of it is killed, and whatever comes in between: the copy is the same."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, text

from marketing_cli.models import Base
from marketing_cli.repositories import copy_reading
from property.strategies import arrivals, event_sets, rule_lists
from support.copying import assert_same, copy, copy_killed
from support.databases import PostgresDatabases, SqliteDatabases
from support.processing import Store, open_store
from support.verifying import verify

pytestmark = pytest.mark.faults  # many histories: slow


@pytest.fixture(scope="module", params=("sqlite", "postgresql"))
def target(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A database to copy into."""
    template: str = request.getfixturevalue(f"migrated_{request.param}")
    is_sqlite = request.param == "sqlite"
    folder: Path = tmp_path_factory.mktemp("target")
    made = SqliteDatabases(folder) if is_sqlite else PostgresDatabases(request.getfixturevalue("postgres_url"))
    with open_store(made.create(template)) as opened:
        yield opened
    made.drop_all()


def url_of(store: Store) -> str:
    """Where it is."""
    return store.engine.url.render_as_string(hide_password=False)


def emptied(store: Store) -> str:
    """The database without rows and mark; its numbers go on."""
    with store.transactions() as session:
        for table in reversed(Base.metadata.sorted_tables):
            session.execute(delete(table))
        session.execute(text("UPDATE alembic_version SET version_num = substr(version_num, 1, 4)"))
    return url_of(store)


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_copy_is_the_same(store: Store, target: Store, data: st.DataObject) -> None:
    """Killed at any batch, with events that come between the attempts, it ends with the same rows."""
    source, there = emptied(store), emptied(target)
    rules = data.draw(rule_lists())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(copy_reading, "MOST_ROWS", data.draw(st.sampled_from((1, 2, 3, 100))))
        for events in data.draw(st.lists(event_sets(), min_size=1, max_size=3)):
            for file in data.draw(arrivals(events)).files():
                run = store.run(*rules, backfill=data.draw(st.booleans()))
                for batch in file:
                    run.batch(*batch)
            copy_killed(source, there, batches=data.draw(st.integers(0, 60)))
        copy(source, there)
    assert_same(source, there)
    assert verify(there).differences_found == verify(source).differences_found
