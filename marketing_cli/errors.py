"""Everything that ends a command early, with the exit code it ends with.

MmsgError (1 failed)
├── ConflictingDuplicate (1 conflicting_duplicate)
├── UnreadableValue (1 unreadable_value)
├── UsageError (2 usage)
├── NotFound (4 not_found)
├── TooManyRejects (5 too_many_rejects)
├── NoInput (6 no_input)
├── BadConfig (7 bad_config)
├── DatabaseMissing (10 db_missing)
├── DatabaseBehind (12 db_behind)
├── DatabaseAhead (13 db_ahead)
└── DatabaseUnavailable (14 db_unavailable)

Codes that are outcomes of a finished run, and not errors, are in `ExitCode` only.
"""

from enum import IntEnum


class ExitCode(IntEnum):
    """Every exit code a command can end with; the README explains each."""

    OK = 0
    FAILED = 1
    USAGE = 2
    PARTIAL = 3
    NOT_FOUND = 4
    TOO_MANY_REJECTS = 5
    NO_INPUT = 6
    BAD_CONFIG = 7
    DIFFERS = 8
    DB_MISSING = 10
    DB_BEHIND = 12
    DB_AHEAD = 13
    DB_UNAVAILABLE = 14
    HANGUP = 129
    INTERRUPTED = 130
    TERMINATED = 143


class MmsgError(Exception):
    """A failure with a message written for the person who ran the command.

    `under_way` is true where a command that reads had opened its database: of what kept it from its result, and not
    from its start.
    """

    code = "failed"
    exit_code = ExitCode.FAILED
    under_way = False


class ConflictingDuplicate(MmsgError):
    """An event's identity is taken by other contents. Only `process_event` raises it: `ingest` keeps a reject."""

    code = "conflicting_duplicate"


class UnreadableValue(MmsgError):
    """A value in the database is not what its column holds: somebody changed it, or the file is damaged.

    `place` says where, once that is known: `events.properties of row 7 (event evt_7)`.
    """

    code = "unreadable_value"

    def __init__(self, place: str = "") -> None:
        """The value itself is never told."""
        self.place = place
        where = f" ({place})" if place else ""
        super().__init__(
            f"a value stored in the database cannot be read{where}: it was changed from outside, or is damaged."
            " Run `mmsg doctor`, which names every such row; then mend it or restore a backup."
        )


class UsageError(MmsgError):
    """An option has a value that cannot be used."""

    code = "usage"
    exit_code = ExitCode.USAGE


class NotFound(MmsgError):
    """The event or user asked for is not in the database."""

    code = "not_found"
    exit_code = ExitCode.NOT_FOUND


class TooManyRejects(MmsgError):
    """A run was stopped by `--max-errors` or `--strict`."""

    code = "too_many_rejects"
    exit_code = ExitCode.TOO_MANY_REJECTS


class NoInput(MmsgError):
    """Nothing could be opened, or a directory held no event files."""

    code = "no_input"
    exit_code = ExitCode.NO_INPUT


class BadConfig(MmsgError):
    """The rules or the settings are invalid."""

    code = "bad_config"
    exit_code = ExitCode.BAD_CONFIG


class DatabaseMissing(MmsgError):
    """There is no database, or it was never migrated."""

    code = "db_missing"
    exit_code = ExitCode.DB_MISSING


class DatabaseBehind(MmsgError):
    """Migrations are pending."""

    code = "db_behind"
    exit_code = ExitCode.DB_BEHIND


class DatabaseAhead(MmsgError):
    """The database was migrated by a newer program."""

    code = "db_ahead"
    exit_code = ExitCode.DB_AHEAD


class DatabaseUnavailable(MmsgError):
    """The database cannot be reached, or stayed busy past `--busy-timeout`."""

    code = "db_unavailable"
    exit_code = ExitCode.DB_UNAVAILABLE


def unexpected(error: BaseException) -> MmsgError:
    """A bug, in words for people: without the exception's own message, which may quote data."""
    return MmsgError(
        f"something unexpected went wrong ({type(error).__name__})."
        " Set MMSG_DEBUG=1 and run it again to see where, and report that."
    )
