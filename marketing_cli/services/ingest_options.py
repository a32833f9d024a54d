"""The words of the command line as what a run understands. Each raises UsageError for a word that has no meaning."""

from difflib import get_close_matches

from marketing_cli.domain.slots import Shard
from marketing_cli.domain.zones import ZoneInfo, available_timezones
from marketing_cli.errors import UsageError
from marketing_cli.services.error_budget import ErrorBudget
from marketing_cli.services.ingest import IngestOptions
from marketing_cli.services.sharding import shard_of
from marketing_cli.sources.reader import ReadOptions
from marketing_cli.sources.sniffing import InputFormat

__all__ = ["IngestOptions", "assumed_zone", "error_budget", "read_options", "slice_of_users"]


def read_options(format_name: str, max_line_bytes: int) -> ReadOptions:
    """How inputs are read."""
    try:
        return ReadOptions(format=InputFormat(format_name.lower()), max_line_bytes=max_line_bytes)
    except ValueError:
        raise UsageError(f"--format takes {', '.join(InputFormat)}, not {format_name!r}.") from None


def assumed_zone(name: str | None) -> ZoneInfo | None:
    """The zone of timestamps that have no offset."""
    known = available_timezones() if name is not None else set()
    if name is None or name in known:
        return None if name is None else ZoneInfo(name)
    near = get_close_matches(name, known, n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise UsageError(f"--assume-timezone: {name!r} is no time zone of the IANA list, such as Europe/Lisbon.{hint}")


def error_budget(text: str | None) -> ErrorBudget | None:
    """How many refused lines a run puts up with."""
    return None if text is None else ErrorBudget.parse(text)


def slice_of_users(text: str | None) -> Shard | None:
    """Whose lines a run keeps; None for everybody's."""
    return None if text is None else shard_of(text)
