"""What `mmsg backtest` prints: sums, what differs with examples, and requests per day before and after."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from marketing_cli.domain.texts import counted
from marketing_cli.rendering.charts import day_chart, every_day
from marketing_cli.rendering.json_output import render_json
from marketing_cli.rendering.page import Field, Item, Page, Paragraph, Section
from marketing_cli.rendering.pages import render_page
from marketing_cli.rendering.streams import Streams
from marketing_cli.rendering.tabular import Align, Column, Listing, Output
from marketing_cli.rendering.values import shown

if TYPE_CHECKING:  # pydantic is slow to load, and `--help` needs none of it
    from marketing_cli.schemas.backtest import BacktestReport, Changed, Decisions

_PIPED_WIDTH = 80
_CHANGES = {
    "newly_requested": "newly requested",
    "no_longer_requested": "no longer requested",
    "requested_to_suppressed": "requested, now suppressed",
    "suppressed_to_requested": "suppressed, now requested",
    "newly_suppressed": "newly suppressed",
    "no_longer_suppressed": "no longer suppressed",
    "other_reason": "other reason or channel",
}


def _number(key: str, heading: str) -> Column:
    return Column(key, heading, align=Align.RIGHT, text=lambda number: f"{number:,}")


_RULE = Column("rule", "Rule")
_TEMPLATE = Column("template", "Template")
_CHANGE = Column("change", "Change", text=lambda change: _CHANGES.get(change, change))
_DIFFERENCES = [_RULE, _TEMPLATE, _CHANGE, _number("count", "Count")]
_EXAMPLES = [_RULE, _CHANGE, Column("user", "User"), Column("event", "Event")]
_REQUESTS = [_TEMPLATE, _number("before", "Before"), _number("after", "After")]


def render_backtest(report: "BacktestReport", output: Output, streams: Streams) -> int:
    """Print a report, and its verdict on standard error; returns the code to exit with.

    Quiet, the page is left out, and the verdict too unless too much changes.
    """
    if output is Output.JSON:
        render_json(report.model_dump(mode="python"), streams)
    elif not streams.quiet:
        render_page(backtest_page(report), streams)
        _chart(report, streams)
    is_vain = report.fail_above is not None and not report.events
    if (report.exit_code or is_vain) and streams.quiet:
        streams.err(f"mmsg: {verdict(report)}")
    else:
        streams.note(verdict(report))
    return report.exit_code


def backtest_page(report: "BacktestReport") -> Page:
    """The report for people."""
    rows = [changed.model_dump() for changed in report.differences]
    sections = [
        Section("Decided again", _sums(report)),
        Section("What differs", [Listing(_DIFFERENCES, rows)] if rows else [], empty="nothing"),
    ]
    if rows:
        examples = [row for changed in report.differences for row in _examples(changed)]
        sections.append(Section("For example", [Listing(_EXAMPLES, examples)]))
    sections.append(Section("Requests by template", _by_template(report)))
    if report.notes:
        sections.append(Section("Notes", [Paragraph(note) for note in report.notes]))
    return Page(f"What {report.rules.source} would have changed", sections)


def verdict(report: "BacktestReport") -> str:
    """The report in one line."""
    if not report.events:
        return "nothing was compared: no stored event is of that time (--since and --until go by the events' own time)"
    if not report.differences:
        return f"nothing differs: {counted(report.events, 'event')} decided as before"
    changed = "1 request comes or goes" if report.changed == 1 else f"{report.changed:,} requests come or go"
    if not report.is_above:
        return changed
    return f"{changed}, more than --fail-above {report.fail_above} allows (exit code {report.exit_code})"


def _sums(report: "BacktestReport") -> list[Item]:
    scope = report.scope
    span = " ".join(
        f"{word} {shown(moment)}" for word, moment in (("since", scope.since), ("until", scope.until)) if moment
    )
    return [
        Field("rules", f"{report.rules.source}, version {report.rules.sha256[:12]}"),
        Field("events", f"{report.events:,} of {_users(report)}{span and f', {span}'}"),
        Field("before", _decisions(report.before)),
        Field("after", _decisions(report.after)),
    ]


def _users(report: "BacktestReport") -> str:
    if report.scope.user_id is not None:
        return f"user {shown(report.scope.user_id)}"
    return counted(report.users, "user")


def _decisions(decisions: "Decisions") -> str:
    archives = f", {decisions.historical:,} historical" if decisions.historical else ""
    return f"{decisions.requested:,} requested{archives}, {decisions.suppressed:,} suppressed"


def _examples(changed: "Changed") -> Iterator[dict[str, str]]:
    for example in changed.examples:
        event = example.event_id or f"row {example.id}"
        yield {"rule": changed.rule, "change": changed.change, "user": example.user_id, "event": event}


def _by_template(report: "BacktestReport") -> Sequence[Item]:
    rows = [sums.model_dump() for sums in report.by_template]
    return [Listing(_REQUESTS, rows)] if rows else []


def _chart(report: "BacktestReport", streams: Streams) -> None:
    """Requests per day, by the day of the event in UTC; nothing where there is none."""
    sums = {day.day: day for day in report.by_day}
    days = every_day(list(sums))
    series = {
        "before": [sums[day].before if day in sums else 0 for day in days],
        "after": [sums[day].after if day in sums else 0 for day in days],
    }
    width = streams.stdout.columns if streams.is_out_terminal else _PIPED_WIDTH
    drawn = day_chart(
        "Requests per {day} of the event (UTC)",
        days,
        series,
        width=width,
        colour=streams.stdout.color,
        symbols=streams.stdout.has_unicode,
    )
    if drawn:
        streams.out(f"\n{drawn}")
