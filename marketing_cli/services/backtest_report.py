"""The sums of a backtest in the shape in which they are reported."""

from collections.abc import Iterator, Mapping

from marketing_cli.domain.texts import counted
from marketing_cli.errors import ExitCode
from marketing_cli.schemas.backtest import (
    BacktestReport,
    BacktestRules,
    BacktestStatus,
    Changed,
    DayRequests,
    Decisions,
    Example,
    Said,
    Scope,
    TemplateRequests,
)
from marketing_cli.services.backtest_books import BacktestBooks, Found, Side
from marketing_cli.services.backtest_compare import Change, Settled
from marketing_cli.services.backtest_options import BacktestQuery
from marketing_cli.services.rules_files import LoadedRules

_ORDER = list(Change)


def report_of(
    books: BacktestBooks, keys: Mapping[int, str], rules: LoadedRules, query: BacktestQuery
) -> BacktestReport:
    """All of it; `keys` are those of the events that serve as examples."""
    is_above = query.fail_above is not None and query.fail_above.exceeded(books.changed, books.before.requests)
    return BacktestReport(
        status=BacktestStatus.DIFFERS if books.numbers else BacktestStatus.SAME,
        exit_code=ExitCode.DIFFERS if is_above else ExitCode.OK,
        rules=BacktestRules(source=rules.source, sha256=rules.sha256),
        scope=Scope(user_id=query.user_id, since=query.since, until=query.until),
        users=books.users,
        events=books.events,
        before=_decisions(books.before),
        after=_decisions(books.after),
        changed=books.changed,
        fail_above=None if query.fail_above is None else str(query.fail_above),
        is_above=is_above,
        differences=list(_differences(books, keys)),
        by_template=[TemplateRequests(template=name, **sums) for name, sums in _both(books, "by_template")],
        by_day=[DayRequests(day=str(day), **sums) for day, sums in _both(books, "by_day")],
        notes=list(_notes(books)),
    )


def _decisions(side: Side) -> Decisions:
    return Decisions(**{name: side.outcomes[name] for name in Decisions.model_fields})


def _differences(books: BacktestBooks, keys: Mapping[int, str]) -> Iterator[Changed]:
    """By rule and template, then in the order in which the changes are listed."""
    for rule, template, change in sorted(books.numbers, key=lambda it: (it[0], it[1], _ORDER.index(it[2]))):
        number = books.numbers[rule, template, change]
        examples = [_example(found, keys) for found in number.examples]
        yield Changed(rule=rule, template=template, change=change, count=number.count, examples=examples)


def _example(found: Found, keys: Mapping[int, str]) -> Example:
    number = found.key.event_id
    return Example(
        user_id=found.user_id,
        event_id=keys.get(number),
        id=number,
        event_timestamp=found.moment,
        before=_said(found.before),
        after=_said(found.after),
    )


def _said(settled: Settled | None) -> Said | None:
    if settled is None:
        return None
    reason = settled.suppression_reason or settled.reason
    return Said(outcome=settled.outcome, reason_code=settled.reason_code, reason=reason)


def _both(books: BacktestBooks, name: str) -> Iterator[tuple[object, dict[str, int]]]:
    """Requests before and after, by something."""
    before, after = getattr(books.before, name), getattr(books.after, name)
    return ((key, {"before": before[key], "after": after[key]}) for key in sorted(before.keys() | after.keys()))


def _notes(books: BacktestBooks) -> Iterator[str]:
    if books.lost:
        lost = counted(
            books.lost,
            "decision is left out, since its event is",
            "decisions are left out, since their events are",
        )
        yield f"{lost} no longer stored. A request counts towards limits as ever; what else came of it cannot come out."
