"""A long reading ends at whatever row its time is up at, since on SQLite it holds up who writes."""

import gc
from collections.abc import Callable
from typing import Any, TypeAlias

import pytest
from sqlalchemy.orm import Session, sessionmaker

from marketing_cli.domain.reasons import Outcome
from marketing_cli.repositories.backtest import BacktestRepository, Wanted
from marketing_cli.repositories.pieces import span_of_now
from marketing_cli.repositories.replay import ReplayRepository
from marketing_cli.services.reading import reading
from support.deciding import make_rule
from support.events import make_event
from support.processing import open_store

Look: TypeAlias = Callable[[Session, Any, Callable[[], bool]], Any]
EVERYBODY = (None, None)
TYPES = frozenset({"signup_completed"})


def _wanted(session: Session) -> Wanted:
    return Wanted(span_of_now(session), TYPES, TYPES, TYPES, TYPES, TYPES, own_ids=True)


LOOKS: dict[str, Look] = {
    "verify's events": lambda session, after, is_up: ReplayRepository(session).events(
        span_of_now(session), after, is_up
    ),
    "verify's decisions": lambda session, after, is_up: ReplayRepository(session).decisions(
        span_of_now(session), Outcome.REQUESTED, EVERYBODY, after, is_up
    ),
    "backtest's events": lambda session, after, is_up: BacktestRepository(session).arrivals(
        _wanted(session), after, is_up
    ),
    "backtest's decisions": lambda session, after, is_up: BacktestRepository(session).decisions(
        _wanted(session), Outcome.REQUESTED, EVERYBODY, after, is_up
    ),
}


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_a_piece_ends_at_the_row_at_which_its_time_is_up(database_url: str, look: Look) -> None:
    """One row at least, and not one more: a row may have a MiB. The next piece goes on after it."""
    events = [make_event(event_id=f"e{number}", user_id=f"u{number}") for number in range(3)]
    with open_store(database_url) as store:
        store.run(make_rule(on=events[0]["event_type"])).batch(*events)
        place, rows = None, []
        with sessionmaker(store.engine).begin() as session:
            for _ in events:
                piece = look(session, place, lambda: True)
                assert (len(piece.rows), piece.ended) == (1, False)
                place = piece.place
                rows += piece.rows
            assert look(session, place, lambda: True).ended
    assert len({repr(row) for row in rows}) == len(events)


def test_garbage_is_not_looked_for_while_a_reading_holds_up_others(database_url: str) -> None:
    """Among the values of large events that takes longer than a piece may, and comes at any time."""
    looked_for = []

    def look(*_: object) -> None:
        looked_for.append(gc.isenabled())

    with open_store(database_url) as store, reading(store.engine) as reader:
        reader.once(look)
        reader.piece(look)
        list(reader.slices(1, look))
        with pytest.raises(ZeroDivisionError):
            reader.once(lambda _: 1 // 0)
        assert (looked_for, gc.isenabled()) == ([False] * 3, True)
