"""What the property tests share."""

from collections.abc import Iterator

import pytest
from sqlalchemy import event

from support.databases import PostgresDatabases, SqliteDatabases
from support.processing import Store, open_store


@pytest.fixture(scope="module", params=("sqlite", "postgresql", pytest.param("by_user", marks=pytest.mark.faults)))
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A database for many examples; what a power cut would do to it does not matter."""
    template: str = request.getfixturevalue(f"migrated_{request.param}")
    is_sqlite = request.param == "sqlite"
    folder = tmp_path_factory.mktemp("store")
    made = SqliteDatabases(folder) if is_sqlite else PostgresDatabases(request.getfixturevalue("postgres_url"))
    with open_store(made.create(template)) as opened:
        if is_sqlite:
            event.listen(opened.engine, "connect", lambda raw, _: raw.execute("PRAGMA synchronous = OFF"))
        yield opened
    made.drop_all()
