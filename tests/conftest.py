"""What every test can ask for: a database of its own, the program as a process."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest
from sqlalchemy import make_url

from support.databases import (
    BY_USER_AT_ONCE,
    BY_USER_TOO,
    DIRECTIONS,
    CannotStart,
    Databases,
    PostgresDatabases,
    SqliteDatabases,
    migrated,
    running_postgres,
)
from support.program import Program

# How long an example takes says nothing on a machine that does other things too.
hypothesis.settings.register_profile("mmsg", deadline=None, print_blob=True)
hypothesis.settings.load_profile("mmsg")

NO_POSTGRES = pytest.StashKey[str]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks each test that needs a PostgreSQL server."""
    for item in items:
        parameters = getattr(getattr(item, "callspec", None), "params", {})
        kinds = {parameters.get("database_kind"), *parameters.get("direction", ())}
        if kinds & {"postgresql", "by_user"} or "postgres_url" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.postgres)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Says it where nobody can miss it when PostgreSQL was left out."""
    if reason := config.stash.get(NO_POSTGRES, None):
        terminalreporter.section("PostgreSQL was NOT tested", red=True, bold=True)
        terminalreporter.line(f"No server could be started: {reason}")
        terminalreporter.line("Set MMSG_TEST_POSTGRES_URL to a server where databases may be created.")


@pytest.fixture(scope="session", autouse=True)
def _clean_environment() -> Iterator[None]:
    """No test sees the settings of whoever runs it; local time is nobody's, so that code which trusts it shows."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith("MMSG_") and name != "MMSG_TEST_POSTGRES_URL":
                patch.delenv(name)
        for name in ("DATABASE_URL", "NO_COLOR", "FORCE_COLOR", "COLUMNS"):
            patch.delenv(name, raising=False)
        patch.setenv("TZ", "NPT-5:45")
        time.tzset()
        yield
    time.tzset()


@pytest.fixture(scope="session")
def postgres_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a PostgreSQL server's maintenance database, where databases may be created.

    It is MMSG_TEST_POSTGRES_URL or, without that, a server that is started now and stopped at the end. Where none can
    be started the test is skipped.
    """
    if given := os.environ.get("MMSG_TEST_POSTGRES_URL"):
        yield make_url(given).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
        return
    try:
        with running_postgres() as url:
            yield url
    except CannotStart as error:
        request.config.stash[NO_POSTGRES] = str(error)
        pytest.skip(f"no PostgreSQL server: {error}")


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of a migrated SQLite database, to be copied and not to be changed."""
    return migrated(SqliteDatabases(tmp_path_factory.mktemp("template")))


@pytest.fixture(scope="session")
def migrated_postgresql(postgres_url: str) -> Iterator[str]:
    """The URL of a migrated PostgreSQL database, to be copied and not to be connected to."""
    databases = PostgresDatabases(postgres_url)
    yield migrated(databases)
    databases.drop_all()


@pytest.fixture(scope="session")
def migrated_by_user(postgres_url: str) -> Iterator[str]:
    """The URL of a migrated PostgreSQL database whose tables are spread by user, likewise."""
    databases = PostgresDatabases(postgres_url)
    yield migrated(databases, "by-user")
    databases.drop_all()


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Runs some modules' tests on tables spread by user as well, unless a test says itself on which kinds."""
    given = (marker.args[0] for marker in metafunc.definition.iter_markers("parametrize"))
    if "database_kind" not in metafunc.fixturenames or "database_kind" in given:
        return
    if metafunc.module.__name__.rpartition(".")[2] in BY_USER_TOO:
        marks = () if metafunc.function.__name__ in BY_USER_AT_ONCE else pytest.mark.faults
        kinds = ["sqlite", "postgresql", pytest.param("by_user", marks=marks)]
        metafunc.definition.add_marker(pytest.mark.parametrize("database_kind", kinds, indirect=True), append=False)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_kind(request: pytest.FixtureRequest) -> str:
    """Runs the test once on each database."""
    kind: str = request.param
    return kind


@pytest.fixture
def databases(database_kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Databases]:
    """Makes databases of the kind in turn, which are dropped after the test."""
    made: Databases
    if database_kind == "sqlite":
        made = SqliteDatabases(tmp_path)
    else:
        made = PostgresDatabases(request.getfixturevalue("postgres_url"))
    yield made
    made.drop_all()


@pytest.fixture
def make_database(databases: Databases, database_kind: str, request: pytest.FixtureRequest) -> Callable[[], str]:
    """Each call gives the URL of one more migrated database without rows: for tests that need several."""
    template: str = request.getfixturevalue(f"migrated_{database_kind}")
    return lambda: databases.create(template)


@pytest.fixture
def database_url(make_database: Callable[[], str]) -> str:
    """The URL of the test's own migrated database, on SQLite and on PostgreSQL in turn."""
    return make_database()


@pytest.fixture
def empty_database_url(databases: Databases) -> str:
    """The URL of the test's own database that was never migrated; on SQLite the file does not exist."""
    return databases.create()


@pytest.fixture(params=[pytest.param(pair, id="-to-".join(pair), marks=marks) for pair, marks in DIRECTIONS.items()])
def direction(request: pytest.FixtureRequest) -> tuple[str, str]:
    """Runs the test from each kind of database to each: from SQLite to PostgreSQL and back at once."""
    kinds: tuple[str, str] = request.param
    return kinds


@pytest.fixture
def source_and_target(
    direction: tuple[str, str], tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[list[str]]:
    """The URLs of two migrated databases without rows, dropped after the test."""
    made: list[Databases] = []
    urls = []
    for kind in direction:
        is_sqlite = kind == "sqlite"
        made.append(
            SqliteDatabases(tmp_path) if is_sqlite else PostgresDatabases(request.getfixturevalue("postgres_url"))
        )
        urls.append(made[-1].create(request.getfixturevalue(f"migrated_{kind}")))
    yield urls
    for databases in made:
        databases.drop_all()


@pytest.fixture
def mmsg(tmp_path: Path, request: pytest.FixtureRequest) -> Program:
    """Runs the program as a process: `mmsg("audit", "evt_1")`; see `support.program.Program`.

    It works in `tmp_path`, on the test's `database_url` or `empty_database_url` if the test has one.
    """
    names = [name for name in ("database_url", "empty_database_url") if name in request.fixturenames]
    return Program(tmp_path, request.getfixturevalue(names[0]) if names else None)
