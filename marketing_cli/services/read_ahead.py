"""Makes the next batch while the disk or the server is busy with the last one's COMMIT."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Generic, Self, TypeVar

T = TypeVar("T")


class ReadAhead(Generic[T]):
    """Hands out the items of an iterator; told to `begin`, it makes one of them ahead, in a thread of its own.

    Never more than one is made ahead. What making it raises is raised where it is asked for. The end of the `with`
    block waits for the thread, so the iterator must not wait for something that may never come, such as a pipe.
    """

    def __init__(self, items: Iterator[T]) -> None:
        """Make nothing yet."""
        self._items = items
        self._thread = ThreadPoolExecutor(1, "read-ahead")
        self._ahead: Future[list[T]] | None = None

    def __enter__(self) -> Self:
        """Begin nothing either: a short input needs no thread."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for what was begun."""
        self._thread.shutdown()

    def begin(self) -> None:
        """Make the next item ahead, unless that has begun."""
        if self._ahead is None:
            self._ahead = self._thread.submit(self._make)

    def __iter__(self) -> Iterator[T]:
        """Each item, in order."""
        while made := self._next():
            yield made.pop()

    def _next(self) -> list[T]:
        ahead, self._ahead = self._ahead, None
        return self._make() if ahead is None else ahead.result()

    def _make(self) -> list[T]:
        """The next item in a list, which its taker can empty: a batch should be gone once it is stored."""
        return [item for item in [next(self._items, None)] if item is not None]
