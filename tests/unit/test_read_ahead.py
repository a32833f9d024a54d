"""The next batch is made while the last one is committed, and never more than one."""

import threading
from collections.abc import Iterator

import pytest

from marketing_cli.services.read_ahead import ReadAhead


def made_by(names: list[str], number: int = 3) -> Iterator[int]:
    """Numbers from 1, which note by which thread each was made."""
    for item in range(1, number + 1):
        names.append(threading.current_thread().name)
        yield item


def test_nothing_is_made_ahead_unasked() -> None:
    """Without `begin` items are made where they are taken, when they are taken."""
    names: list[str] = []
    with ReadAhead(made_by(names)) as items:
        taken = [(item, len(names)) for item in items]
    assert taken == [(1, 1), (2, 2), (3, 3)]
    assert set(names) == {threading.current_thread().name}


def test_one_item_is_made_ahead_in_a_thread_of_its_own() -> None:
    """However often that is asked for, the order stays, and the end is the end."""
    names: list[str] = []
    taken = []
    with ReadAhead(made_by(names)) as items:
        for item in items:
            items.begin()
            items.begin()
            taken.append(item)
    assert taken == [1, 2, 3]
    assert names[0] == threading.current_thread().name
    assert all(name.startswith("read-ahead") for name in names[1:])
    assert len(names) == 3


def test_a_failure_is_raised_where_its_item_would_have_come() -> None:
    """What goes wrong ahead does not disturb what is done meanwhile."""

    def failing() -> Iterator[int]:
        yield 1
        raise ValueError("no more")

    with ReadAhead(failing()) as items:
        numbers = iter(items)
        assert next(numbers) == 1
        items.begin()
        with pytest.raises(ValueError, match="no more"):
            next(numbers)


def test_the_end_waits_for_what_was_begun() -> None:
    """Nobody may close a file that is being read."""
    begun, may_end, ended = threading.Event(), threading.Event(), []

    def slow() -> Iterator[int]:
        yield 1
        begun.set()
        may_end.wait()
        ended.append(True)

    with ReadAhead(slow()) as items:
        next(iter(items))
        items.begin()
        begun.wait()
        threading.Timer(0.05, may_end.set).start()
    assert ended == [True]
