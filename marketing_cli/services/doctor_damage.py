"""Checks for damage: pages that are not as they were written."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection, Engine

from marketing_cli.database.damage import MOST_BYTES
from marketing_cli.database.engine import sqlite_path
from marketing_cli.repositories.checks_database import (
    Server,
    amiss,
    integrity_check,
    invalid_indexes,
    journal_mode,
    quick_check,
    server,
    slack_foreign_keys,
)
from marketing_cli.services.doctor_files import human_size
from marketing_cli.services.doctor_findings import Finding, ok, skipped, warning, worst, wrong

_RESTORE = 'Stop the runs, keep a copy of the file, and restore a backup; see "Backups" in the README.'
_LOOK_CLOSER = "pg_amcheck, which comes with PostgreSQL, checks tables and indexes on the server"
_COPY_WAIT = 10.0
_NO_ROOM = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN}


def sqlite_damage(engine: Engine, *, full: bool) -> Finding:
    """A quick check of a file of at most 64 MiB, or all that SQLite can check.

    While SQLite checks it counts as a reader, and outside WAL a reader makes a run's COMMIT wait: a larger file is
    copied first, which takes less time, and the copy checked.
    """
    path = sqlite_path(engine.url) or Path()
    size = path.stat().st_size
    if size > MOST_BYTES and not full:
        return skipped(
            f"the file has {human_size(size)}: above {human_size(MOST_BYTES)} it is checked with --full only",
            "Run `mmsg doctor --full` at a quiet hour.",
        )
    with engine.connect() as connection, connection.begin():
        directly = size <= MOST_BYTES or journal_mode(connection) == "wal"
        if directly:
            found = integrity_check(connection) if full else quick_check(connection)
    return judged_damage(found if directly else _checked_copy(path), full=full)


def judged_damage(found: Sequence[str] | None, *, full: bool) -> Finding:
    """The verdict on what SQLite found amiss; None when it could not look."""
    name = "integrity_check" if full else "quick_check"
    if found is None:
        return warning(
            "the file was not checked: a copy of it could not be made",
            "Make room in the folder for temporary files, or point TMPDIR at one that has room.",
        )
    if found:
        first = found[0].splitlines()[-1]
        return wrong(f"SQLite's {name} found damage: {first} ({len(found)} lines in all)", _RESTORE)
    return ok(f"SQLite's {name} found no damage")


def _checked_copy(path: Path) -> Sequence[str] | None:
    """What SQLite finds amiss in the pages as they are; None without room for a copy of them.

    They are copied under one lock, since otherwise each write of a run would begin the copying anew, into a file that
    has no name, so that nothing is left of it however this ends.
    """
    with closing(sqlite3.connect("")) as copy:
        where = f"{path.absolute().as_uri()}?mode=rw"
        with closing(sqlite3.connect(where, uri=True, timeout=_COPY_WAIT, isolation_level=None)) as source:
            source.execute("BEGIN")
            source.execute("SELECT count(*) FROM sqlite_master").fetchone()
            try:
                source.backup(copy)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF in _NO_ROOM:
                    return None
                raise
        return amiss(copy.execute("PRAGMA integrity_check(10)").fetchall())


def postgresql_damage(connection: Connection) -> Finding:
    """What a server notices by itself; it has nothing that checks a whole database over a connection."""
    return judged_server(server(connection), invalid_indexes(connection))


def judged_server(found: Server, invalid: Sequence[str]) -> Finding:
    """The verdict on a server's checksums and indexes."""
    findings = []
    if found.checksum_failures:
        findings.append(wrong(f"the server counted {found.checksum_failures:,} pages with a wrong checksum", _RESTORE))
    if invalid:
        findings.append(wrong(f"invalid indexes: {', '.join(invalid)}", "Build them anew with REINDEX."))
    if findings:
        return worst(findings, "")
    if found.settings["data_checksums"] != "on":
        return skipped(f"not checked: the server keeps no data checksums; {_LOOK_CLOSER}")
    return ok(f"data checksums are on and none was wrong so far, all indexes are valid; {_LOOK_CLOSER}")


def postgresql_foreign_keys(connection: Connection) -> Finding:
    """Whether the server holds up every foreign key; then no row can break one."""
    count, slack = slack_foreign_keys(connection)
    if slack:
        return wrong("; ".join(slack), "ALTER TABLE … VALIDATE CONSTRAINT or ENABLE TRIGGER, as the case may be.")
    return ok(f"the server holds up all {count} of them")
