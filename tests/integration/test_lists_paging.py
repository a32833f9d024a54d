"""Lists without a limit are read in pages, none of which is held open."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from marketing_cli.repositories.listing_decisions import DecisionListing
from marketing_cli.schemas.list_queries import DecisionQuery, RejectQuery, RunQuery
from marketing_cli.services import listing
from support.events import make_event, write_events
from support.ingesting import ingest, query
from support.listing import change, set_times

USERS = 11
SUPPRESSED_EACH = 3


@pytest.fixture
def url(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """11 requests, 33 suppressions, 3 runs, 5 kept lines; pages of 4 rows."""
    monkeypatch.setattr(listing, "PAGE_SIZE", 4)
    monkeypatch.setattr(listing, "LONG_ROWS_PAGE_SIZE", 2)
    events = [
        make_event(event_id=f"evt_{user}_{number}", user_id=f"u_{user}")
        for number in range(SUPPRESSED_EACH + 1)
        for user in range(USERS)
    ]
    path = write_events(tmp_path / "events.ndjson", *events)
    ingest(database_url, path)
    ingest(database_url, path)
    bad = tmp_path / "bad.ndjson"
    bad.write_text("\n".join(f"broken {number}" for number in range(5)))
    ingest(database_url, bad, "--format", "ndjson", exit_code=3)
    return database_url


def all_of(opened: Any) -> list[Any]:
    """The rows of a list."""
    with opened as found:
        rows = list(found.rows)
        assert found.more is False
    return rows


def times(*wanted: tuple[str, int]) -> list[str]:
    """So many of each time."""
    return [moment for moment, number in wanted for _ in range(number)]


MOMENTS = {
    "one moment": times(("2025-11-05 10:00:00", 33)),
    "ties across pages": times(("2025-11-05 10:00:01", 3), ("2025-11-05 10:00:00", 6), ("2025-11-05 10:00:02", 24)),
    "each its own": [f"2025-11-05 10:00:{number:02}" for number in range(33)],
    "fractions": [f"2025-11-05 10:00:00.{number % 7:06}" for number in range(33)],
    "whole seconds, written out": times(("2025-11-05 10:00:00.000000", 33)),
}


@pytest.mark.parametrize("moments", MOMENTS.values(), ids=MOMENTS.keys())
def test_pages_lose_and_repeat_nothing(url: str, moments: list[str]) -> None:
    """All pages together are the list that one query gives, wherever equal times fall and however they are written."""
    set_times(url, "suppressions", "decided_at", *moments)
    rows = all_of(listing.list_suppressions(url, DecisionQuery(limit=0)))
    assert len({row["id"] for row in rows}) == len(rows) == USERS * SUPPRESSED_EACH
    assert rows == all_of(listing.list_suppressions(url, DecisionQuery(limit=1000)))
    order = [(row["decided_at"], row["id"]) for row in rows]
    assert order == sorted(order, reverse=True)


@pytest.mark.parametrize(
    ("read", "number"),
    [
        (lambda url, limit: listing.list_sends(url, DecisionQuery(limit=limit)), USERS),
        (lambda url, limit: listing.list_suppressions(url, DecisionQuery(limit=limit, user="u_3")), SUPPRESSED_EACH),
        (lambda url, limit: listing.list_rejects(url, RejectQuery(limit=limit)), 5),
        (lambda url, limit: listing.list_kept_lines(url, RejectQuery(limit=limit, oldest_first=True)), 5),
        (lambda url, limit: listing.list_runs(url, RunQuery(limit=limit)), 3),
        (listing.list_rules_versions, 1),
    ],
)
def test_each_list_is_the_same_in_pages_and_at_once(url: str, read: Callable[[str, int], Any], number: int) -> None:
    """A limit larger than the list, or none."""
    rows = all_of(read(url, 0))
    assert len(rows) == number
    assert rows == all_of(read(url, 1000)) == all_of(read(url, number))


def test_each_suppression_names_what_blocked_it(url: str) -> None:
    """The user's own first request, not one of the same number."""
    rows = all_of(listing.list_suppressions(url, DecisionQuery(limit=0)))
    requests = {row["user_id"]: row["id"] for row in all_of(listing.list_sends(url, DecisionQuery(limit=0)))}
    for row in rows:
        user = row["user_id"].removeprefix("u_")
        blocked_by = row["blocked_by"]
        assert (blocked_by["send_request_id"], blocked_by["event_id"]) == (requests[f"u_{user}"], f"evt_{user}_0")


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5])
def test_a_limit_gives_so_many_and_says_when_there_are_more(url: str, limit: int) -> None:
    """Just as many as there are is not more."""
    with listing.list_rejects(url, RejectQuery(limit=limit)) as found:
        assert (len(list(found.rows)), found.more) == (limit, limit < 5)


def test_lines_to_mend_come_oldest_first(url: str) -> None:
    """Page after page."""
    numbers = [row[0] for row in query(url, "SELECT raw FROM rejects ORDER BY id")]
    lines = all_of(listing.list_kept_lines(url, RejectQuery(limit=0, oldest_first=True)))
    assert [line.raw for line in lines] == [bytes(raw) for raw in numbers]


def test_nothing_is_held_open_while_rows_are_printed(url: str, tmp_path: Path) -> None:
    """A writer commits between two rows, and nobody waits for anybody; what it stored is newer than the list."""
    later = write_events(
        tmp_path / "later.ndjson", *(make_event(event_id=f"l_{n}", user_id=f"l_{n}") for n in range(9))
    )
    with listing.list_sends(url, DecisionQuery(limit=0)) as found:
        rows: Iterator[Any] = iter(found.rows)
        seen = [next(rows)]
        if url.startswith("postgresql"):
            state = "SELECT state FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            assert query(url, state) == [("idle",)]
        ingest(url, later, "--busy-timeout", "0")
        change(url, "UPDATE send_requests SET decided_at = '9000-01-01 00:00:00' WHERE user_id LIKE 'l%'")
        seen += rows
    assert [row["id"] for row in seen] == list(range(USERS, 0, -1))


def test_without_a_limit_memory_holds_one_page(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next page is asked for when the one before is used up, not earlier."""
    pages: list[int] = []
    page = DecisionListing.page

    def counted(self: Any, *args: Any) -> Any:
        pages.append(1)
        return page(self, *args)

    monkeypatch.setattr(DecisionListing, "page", counted)
    with listing.list_sends(url, DecisionQuery(limit=0)) as found:
        asked = [len(pages) for _ in found.rows]
    assert asked == [1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3]
