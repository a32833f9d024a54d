"""A SQLite file that is damaged, or not the one any more that was opened."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import make_url

from marketing_cli.database import damage
from marketing_cli.database.same_file import OpenedFile
from marketing_cli.database.sessions import open_database
from marketing_cli.errors import DatabaseUnavailable, MmsgError
from support.databases import only_sqlite

PAGE = 4096


def replace(path: Path) -> None:
    """Put a copy in its place."""
    shutil.copy(path, path.with_suffix(".copy"))
    path.with_suffix(".copy").rename(path)


@pytest.mark.parametrize("change", [Path.unlink, replace])
def test_another_file_under_the_path_is_noticed(change: Callable[[Path], None], tmp_path: Path) -> None:
    """Deleted, or replaced by one of the same content; being written to is no change."""
    path = tmp_path / "file"
    path.write_text("one")
    file = OpenedFile(path)
    path.write_text("two")
    file.check()
    change(path)
    with pytest.raises(DatabaseUnavailable, match="deleted or replaced"):
        file.check()


def zero_last_page(url: str) -> None:
    """Damage a page that nothing reads."""
    path = Path(make_url(url).database or "")
    path.write_bytes(path.read_bytes()[:-PAGE] + bytes(PAGE))


@only_sqlite
def test_a_damaged_page_is_found_before_anything_is_written(database_url: str) -> None:
    """Even one that this run would not read. Who only reads is not held up."""
    zero_last_page(database_url)
    with pytest.raises(MmsgError, match="damaged"), open_database(database_url, writes=True):
        pass
    with open_database(database_url):
        pass


@only_sqlite
def test_a_large_file_is_not_looked_over_each_time(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """That would take longer than the run."""
    monkeypatch.setattr(damage, "MOST_BYTES", PAGE)
    zero_last_page(database_url)
    with open_database(database_url, writes=True):
        pass
