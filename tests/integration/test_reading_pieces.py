"""A long reading ends at whatever row its time is up at, since on SQLite it holds up who writes."""

import gc
from collections.abc import Callable
from typing import Any, TypeAlias

import pytest
from sqlalchemy import make_url
from sqlalchemy.orm import Session, sessionmaker

from marketing_cli.domain.reasons import Outcome
from marketing_cli.repositories import pieces
from marketing_cli.repositories.backtest import BacktestRepository, Wanted
from marketing_cli.repositories.pieces import span_of_now
from marketing_cli.repositories.replay import ReplayRepository
from marketing_cli.schemas.list_queries import Period
from marketing_cli.services.backtest import run_backtest
from marketing_cli.services.backtest_options import BacktestQuery
from marketing_cli.services.digest import digest_history
from marketing_cli.services.reading import Advance, reading
from marketing_cli.services.stats import collect_stats
from marketing_cli.services.verify import VerifyRequest, run_verify
from support.backtesting import SHIPPED
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


READINGS: dict[str, Callable[[str, Advance], object]] = {
    "verify": lambda url, advance: run_verify(VerifyRequest(everything=True), url, advance),
    "backtest": lambda url, advance: run_backtest(url, SHIPPED, BacktestQuery(), advance),
    "stats": lambda url, advance: collect_stats(url, Period(), advance),
    "digest": digest_history,
}


@pytest.mark.parametrize("read", READINGS.values(), ids=READINGS)
def test_a_long_reading_tells_how_far_it_has_come(
    database_url: str, monkeypatch: pytest.MonkeyPatch, read: Callable[[str, Advance], object]
) -> None:
    """Only between two transactions, since whoever is told may print: so never on PostgreSQL, where there is one."""
    events = [make_event(event_id=f"e{number}", user_id=f"u{number}") for number in range(5)]
    with open_store(database_url) as store:
        store.run(make_rule(on=events[0]["event_type"])).batch(*events)
    monkeypatch.setattr(pieces, "_MOST", 2)
    told: list[tuple[int, int]] = []
    read(database_url, lambda done, total: told.append((done, total)))
    if make_url(database_url).get_backend_name() == "postgresql":
        assert told == []
    else:
        assert told == sorted(told)
        assert told[-1] == (5, 5)


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
