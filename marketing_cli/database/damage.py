"""Look over a SQLite file before writing to it: a page that this run does not read may be damaged too."""

from sqlalchemy import Engine

from marketing_cli.database.engine import sqlite_path
from marketing_cli.database.failures import DAMAGED
from marketing_cli.errors import MmsgError

MOST_BYTES = 64 * 1024 * 1024
"""Larger files are not looked over each time: of this many bytes the check takes some tenths of a second."""


def refuse_damaged(engine: Engine) -> None:
    """Raise MmsgError when SQLite finds damage in a file of at most MOST_BYTES."""
    path = sqlite_path(engine.url)
    if path is None or path.stat().st_size > MOST_BYTES:
        return
    with engine.connect() as connection, connection.begin():
        found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
    if found != "ok":
        raise MmsgError(DAMAGED)
