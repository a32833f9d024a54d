"""`mmsg backtest`: what other rules would have decided of the stored history. Stores nothing."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

from sqlalchemy.orm import Session

from marketing_cli.database.sessions import open_database
from marketing_cli.repositories.backtest import BacktestRepository
from marketing_cli.schemas.backtest import BacktestReport
from marketing_cli.schemas.rules import RuleSet
from marketing_cli.services.audit import require_user
from marketing_cli.services.backtest_books import BacktestBooks
from marketing_cli.services.backtest_options import BacktestQuery
from marketing_cli.services.backtest_reading import BacktestHistory
from marketing_cli.services.backtest_report import report_of
from marketing_cli.services.backtest_user import Decider, settled_after, settled_before
from marketing_cli.services.reading import Advance, Reading, reading_of
from marketing_cli.services.rules_files import load_rules

_KEYS_AT_ONCE: Final = 500


def run_backtest(url: str, rules: Path, query: BacktestQuery, advance: Advance | None = None) -> BacktestReport:
    """Decide the stored history afresh by the rules in this file, and compare. Changes nothing; makes no run wait.

    Raises BadConfig as `load_rules`, then as `open_database`, and NotFound for a user of whom nothing is known.
    """
    loaded = load_rules(rules)
    with open_database(url) as transactions, reading_of(transactions, advance) as reading:
        if query.user_id is not None:
            reading.once(partial(require_user, user_id=query.user_id))
        books = backtest(reading, loaded.rule_set, query)
        keys = _keys(reading, books)
    return report_of(books, keys, loaded, query)


def backtest(reading: Reading, rules: RuleSet, query: BacktestQuery) -> BacktestBooks:
    """Decide afresh and count, user by user."""
    history, decider, books = BacktestHistory(reading, rules, query), Decider(rules, query), BacktestBooks()
    for past in history.users():
        books.users += past.events > 0
        books.events += past.events
        books.enter(past.user_id, settled_before(past, query), settled_after(decider.decisions(past)))
    books.lost = history.lost
    return books


def _keys(reading: Reading, books: BacktestBooks) -> dict[int, str]:
    """The keys of the events that serve as examples: rules need not look at them, and so they were not all read."""
    rows = sorted({found.key.event_id for number in books.numbers.values() for found in number.examples})
    keys: dict[int, str] = {}
    for first in range(0, len(rows), _KEYS_AT_ONCE):
        some = rows[first : first + _KEYS_AT_ONCE]
        keys |= reading.once(partial(_find_keys, some))
    return keys


def _find_keys(rows: Sequence[int], session: Session) -> dict[int, str]:
    return BacktestRepository(session).keys(rows)
