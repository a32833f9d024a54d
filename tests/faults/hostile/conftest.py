"""A bench that many tests share."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from faults.hostile.bench import Bench, open_bench
from support.databases import SqliteDatabases

# A thousand small databases' worth of waiting for the disk says nothing about hostile lines.
IN_MEMORY = "/dev/shm"  # noqa: S108 - a folder of its own is made there


@pytest.fixture(scope="session")
def shared_bench(migrated_sqlite: str) -> Iterator[Bench]:
    """A bench at a SQLite database, in memory where there is such a disk."""
    where = IN_MEMORY if os.access(IN_MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=where) as folder:
        url = SqliteDatabases(Path(folder)).create(migrated_sqlite)
        with open_bench(url) as bench:
            yield bench


@pytest.fixture
def bench(shared_bench: Bench) -> Bench:
    """An empty SQLite database; one connection for all tests, which saves most of their time."""
    shared_bench.empty()
    return shared_bench
