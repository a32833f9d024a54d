"""What a power cut would cost on a PostgreSQL server that does not wait for its disk."""

from typing import Final

from sqlalchemy import Connection

from marketing_cli.repositories.checks_database import fsync

COST: Final = "a power cut can lose stored batches and damage the database"
CURE: Final = "Set fsync = on in postgresql.conf and reload; ask your provider if it is theirs."


def power_cut_warning(connection: Connection) -> str | None:
    """What to warn of before storing anything there, in a sentence; None where nothing is wrong, and for SQLite."""
    setting = fsync(connection)
    if setting in {None, "on"}:
        return None
    return f"the server runs with fsync={setting}: {COST}. {CURE}"
