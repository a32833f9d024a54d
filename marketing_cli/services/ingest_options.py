"""The words of the command line as `IngestOptions`."""

from difflib import get_close_matches
from zoneinfo import ZoneInfo, available_timezones

from marketing_cli.errors import UsageError
from marketing_cli.services.error_budget import ErrorBudget
from marketing_cli.services.ingest import IngestOptions
from marketing_cli.sources.reader import ReadOptions
from marketing_cli.sources.sniffing import InputFormat


def ingest_options(  # noqa: PLR0913 - one for each option of the command
    *,
    format_name: str,
    max_line_bytes: int,
    zone: str | None,
    batch_size: int,
    backfill: bool,
    dry_run: bool,
    max_errors: str | None,
    rejects_ok: bool,
    known_rejects_ok: bool,
) -> IngestOptions:
    """Read the options. Raises UsageError for one that cannot be understood."""
    return IngestOptions(
        read=ReadOptions(format=_format(format_name), max_line_bytes=max_line_bytes),
        assume_timezone=None if zone is None else _zone(zone),
        batch_size=batch_size,
        backfill=backfill,
        dry_run=dry_run,
        max_errors=None if max_errors is None else ErrorBudget.parse(max_errors),
        rejects_ok=rejects_ok,
        known_rejects_ok=known_rejects_ok,
    )


def _format(name: str) -> InputFormat:
    try:
        return InputFormat(name.lower())
    except ValueError:
        raise UsageError(f"--format takes {', '.join(InputFormat)}, not {name!r}.") from None


def _zone(name: str) -> ZoneInfo:
    known = available_timezones()
    if name not in known:
        near = get_close_matches(name, known, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise UsageError(f"--assume-timezone: {name!r} is no time zone of the IANA list, such as Europe/Lisbon.{hint}")
    return ZoneInfo(name)
