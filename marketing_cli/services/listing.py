"""What the list commands print: decisions, kept lines, runs and rules versions, newest first.

Each function opens the database for the time of a `with` block and gives the rows to print in it; see `listed`.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from itertools import groupby
from typing import Any, TypeVar

from sqlalchemy import Row
from sqlalchemy.orm import Session

from marketing_cli.database.sessions import open_database
from marketing_cli.models import SendRequest, Suppression
from marketing_cli.repositories.listing_decisions import Decided, DecisionListing
from marketing_cli.repositories.listing_ledger import LedgerListing
from marketing_cli.schemas.list_queries import DecisionQuery, RejectQuery, RunQuery
from marketing_cli.schemas.listing import (
    KeptLine,
    RejectRow,
    RulesVersionRow,
    RunRow,
    SendCount,
    SendRow,
    SuppressionCount,
    SuppressionRow,
)
from marketing_cli.services.listing_pages import Found, ReadPage, listed
from marketing_cli.services.listing_rows import (
    kept_line,
    reject_row,
    rules_version_row,
    run_row,
    send_row,
    suppression_row,
)

PAGE_SIZE = 5000
"""Decisions read in one transaction."""

LONG_ROWS_PAGE_SIZE = 100
"""Likewise kept lines, which can be 1 MiB each, and runs, which can have thousands of inputs."""

T = TypeVar("T")


def list_sends(url: str, wanted: DecisionQuery) -> AbstractContextManager[Found[SendRow] | Found[SendCount]]:
    """Send requests or, with `day_of`, their counts."""
    if wanted.day_of is not None:
        return _counted(url, wanted, SendRequest, _send_count)
    return listed(url, _decisions(SendRequest, wanted, send_row), limit=wanted.limit, page_size=PAGE_SIZE)


def list_suppressions(
    url: str, wanted: DecisionQuery
) -> AbstractContextManager[Found[SuppressionRow] | Found[SuppressionCount]]:
    """Suppressions or, with `day_of`, their counts."""
    if wanted.day_of is not None:
        return _counted(url, wanted, Suppression, _suppression_count)
    return listed(url, _decisions(Suppression, wanted, suppression_row), limit=wanted.limit, page_size=PAGE_SIZE)


def list_rejects(url: str, wanted: RejectQuery) -> AbstractContextManager[Found[RejectRow]]:
    """Kept lines, the last kept first."""
    return listed(url, _rejects(wanted, reject_row), limit=wanted.limit, page_size=LONG_ROWS_PAGE_SIZE)


def list_kept_lines(url: str, wanted: RejectQuery) -> AbstractContextManager[Found[KeptLine]]:
    """Kept lines as their bytes; they should be asked for oldest first, in the order they were read."""
    return listed(url, _rejects(wanted, kept_line), limit=wanted.limit, page_size=LONG_ROWS_PAGE_SIZE)


def list_runs(url: str, wanted: RunQuery) -> AbstractContextManager[Found[RunRow]]:
    """Runs with their inputs, the last begun first."""

    def read(session: Session, after: int | None, count: int) -> Sequence[tuple[int, RunRow]]:
        ledger = LedgerListing(session)
        found = ledger.runs(wanted, after, count)
        inputs = groupby(ledger.inputs([run.id for run, _ in found]), key=lambda entry: entry.run_id)
        by_run = {run_id: list(entries) for run_id, entries in inputs}
        return [(run.id, run_row(run, sha256, by_run.get(run.id, []))) for run, sha256 in found]

    return listed(url, read, limit=wanted.limit, page_size=LONG_ROWS_PAGE_SIZE)


def list_rules_versions(url: str, limit: int) -> AbstractContextManager[Found[RulesVersionRow]]:
    """Rules versions, the last one first used first."""

    def read(session: Session, after: int | None, count: int) -> Sequence[tuple[int, RulesVersionRow]]:
        return [(row.id, rules_version_row(row)) for row in LedgerListing(session).rules_versions(after, count)]

    return listed(url, read, limit=limit, page_size=LONG_ROWS_PAGE_SIZE)


def _decisions(model: Decided, wanted: DecisionQuery, shape: Callable[[Row[Any]], T]) -> ReadPage[T]:
    def read(session: Session, after: tuple[Any, int] | None, count: int) -> Sequence[tuple[Any, T]]:
        return [((row.at, row.id), shape(row)) for row in DecisionListing(session, model).page(wanted, after, count)]

    return read


def _rejects(wanted: RejectQuery, shape: Callable[[Row[Any]], T]) -> ReadPage[T]:
    def read(session: Session, after: int | None, count: int) -> Sequence[tuple[int, T]]:
        return [(row.id, shape(row)) for row in LedgerListing(session).rejects(wanted, after, count)]

    return read


@contextmanager
def _counted(url: str, wanted: DecisionQuery, model: Decided, shape: Callable[[Row[Any]], T]) -> Iterator[Found[T]]:
    with open_database(url) as transactions:
        with transactions() as session:
            rows = [shape(row) for row in DecisionListing(session, model).counts(wanted)]
        yield Found(rows[: wanted.limit or None], more=bool(wanted.limit) and len(rows) > wanted.limit)


def _send_count(row: Row[Any]) -> SendCount:
    return {"template": row.template, "status": row.kind, "day": row.day, "count": row.number}


def _suppression_count(row: Row[Any]) -> SuppressionCount:
    return {"template": row.template, "reason_code": row.kind, "day": row.day, "count": row.number}
