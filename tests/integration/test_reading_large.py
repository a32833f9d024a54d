"""Looking at large events ends soon: on SQLite a reading holds up who writes, and a row may have a MiB."""

from collections.abc import Callable

import pytest
from sqlalchemy.orm import Session, sessionmaker

from marketing_cli.database.stored_values import misfits
from marketing_cli.models import Base
from marketing_cli.repositories.audit import AuditRepository
from marketing_cli.repositories.rules_lint import events_by_number
from support.deciding import make_rule
from support.events import make_event
from support.processing import open_store

EVENTS = 12
MANY = {"values": [{"n": number, "text": "x" * 20} for number in range(2_000)]}


def _of_stats(session: Session, numbers: list[int], enough: Callable[[], bool]) -> list[int]:
    return [event.facts.id for event in AuditRepository(session).first_events(numbers, enough)]


def _of_lint(session: Session, numbers: list[int], enough: Callable[[], bool]) -> list[int]:
    piece = events_by_number(session, numbers[::-1], enough)
    assert piece.answered == len(piece.events)
    return [event.id for event in piece.events]


@pytest.mark.parametrize("look", [_of_stats, _of_lint])
def test_looking_at_large_events_ends_when_its_time_is_up(
    database_url: str, look: Callable[[Session, list[int], Callable[[], bool]], list[int]]
) -> None:
    """Between two rows, not between blocks of them; without an end all are found, in their order."""
    events = [make_event(event_id=f"e{number}", properties=MANY) for number in range(EVENTS)]
    with open_store(database_url) as store:
        store.run(make_rule(on=events[0]["event_type"])).batch(*events)
        with sessionmaker(store.engine).begin() as session:
            numbers = list(range(1, EVENTS + 1))
            asked = [0]

            def is_up() -> bool:
                asked[0] += 1
                return asked[0] == 3

            everything = look(session, numbers, lambda: False)
            assert sorted(everything) == numbers
            assert look(session, numbers, is_up) == everything[:3]
            assert look(session, numbers, lambda: True) == everything[:1]


def test_looking_for_values_that_cannot_be_read_ends_when_its_time_is_up(database_url: str) -> None:
    """As doctor looks at all rows, and other commands at those in their way; it goes on after the last row."""
    events = [make_event(event_id=f"e{number}", properties=MANY) for number in range(3)]
    with open_store(database_url) as store:
        store.run(make_rule(on=events[0]["event_type"])).batch(*events)
        after: int | None = 0
        looked_at = list[int | None]()
        with sessionmaker(store.engine).begin() as session:
            while after is not None:
                found, after = misfits(session, Base.metadata.tables["events"], after, 3, lambda: True)
                assert found == []
                looked_at.append(after)
    assert looked_at == [1, 2, 3, None]
