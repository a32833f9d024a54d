"""Lists read from the database: so many rows at once, or all of them page by page."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from sqlalchemy.orm import Session

from marketing_cli.database.sessions import Transactions, open_database

T = TypeVar("T")

ReadPage: TypeAlias = Callable[[Session, Any, int], Sequence[tuple[Any, T]]]
"""Given where the page before ended (None at first) and a number, the next rows, each with its own place."""


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """The rows of a list, which may be read once. `more` says that the limit left rows out."""

    rows: Iterable[T]
    more: bool = False


@contextmanager
def listed(url: str, read: ReadPage[T], *, limit: int, page_size: int) -> Iterator[Found[T]]:
    """The rows of a list, to be printed inside the block; no transaction is open meanwhile.

    With a limit they are read at once. Without one (0) they are read as they are printed, `page_size` rows in a
    transaction of their own, so that a list of any length takes the memory of a page. What is stored meanwhile comes
    before the first page, and is not seen. Raises what `open_database` raises.
    """
    with open_database(url) as transactions:
        if limit:
            with transactions() as session:
                rows = [row for _, row in read(session, None, limit + 1)]
            yield Found(rows[:limit], more=len(rows) > limit)
        else:
            yield Found(_all(transactions, read, page_size))


def _all(transactions: Transactions, read: ReadPage[T], page_size: int) -> Iterator[T]:
    place: Any = None
    while True:
        with transactions() as session:
            page = read(session, place, page_size)
        for place, row in page:  # noqa: B007 - the last place is where the next page starts
            yield row
        if len(page) < page_size:
            return
