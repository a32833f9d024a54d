"""What `mmsg stats` prints: tables of counts, then charts per day."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from marketing_cli.rendering.charts import day_chart, every_day
from marketing_cli.rendering.json_output import render_json
from marketing_cli.rendering.page import Field, Item, Page, Paragraph, Section
from marketing_cli.rendering.pages import render_page
from marketing_cli.rendering.streams import Streams
from marketing_cli.rendering.tabular import Align, Column, Listing, Output
from marketing_cli.rendering.values import shown

if TYPE_CHECKING:  # pydantic is slow to load, and `--help` needs none of it
    from marketing_cli.schemas.stats import StatsReport

_OUTCOMES = {
    "requested": "Requested",
    "historical": "Historical",
    "suppressed": "Suppressed",
    "not_matched": "Not matched",
}
_BOOKS = ("runs", "lines", "new", "duplicate", "rejected", "blank", "skipped")
_DAY = Column("day", "Day (UTC)")
_MOST_SERIES = 6
_OTHERS = "all others"
_PIPED_WIDTH = 80


def render_stats(report: "StatsReport", output: Output, streams: Streams) -> None:
    """Print the statistics; quiet, nothing but JSON."""
    if output is Output.JSON:
        render_json(report.model_dump(mode="python"), streams)
        return
    if streams.quiet:
        return
    render_page(stats_page(report), streams)
    width = streams.stdout.columns if streams.is_out_terminal else _PIPED_WIDTH
    for text in charts(report, width=width, colour=streams.stdout.color, symbols=streams.stdout.has_unicode):
        streams.out(f"\n{text}")


def stats_page(report: "StatsReport") -> Page:
    """The counts for people."""
    by_day = [row.model_dump() for row in report.by_day]
    outcomes = [_count(name, heading) for name, heading in _OUTCOMES.items()]
    sections = [
        Section("Runs", _books(report)),
        _table("By template", _by_template(by_day), [Column("template", "Template"), *outcomes]),
        _table("Suppressed", report.suppressions, _columns("template", "reason_code", "count")),
        _table(
            "Not matched, by the first condition that failed",
            report.not_matched,
            _columns("rule", "template", "condition", "reason_code", "count"),
        ),
        _table(
            "Values that could not be compared",
            report.not_comparable,
            _columns("rule", "template", "condition", "count"),
        ),
        _table("Rejected lines", report.rejects, _columns("reason", "lines", "times")),
        _table(
            "Event types that no rule is on", report.types_without_rule, _columns("event_type", "waited_for", "count")
        ),
        _table("By day and template", by_day, [_DAY, Column("template", "Template"), *outcomes]),
        _table("Lines by day", report.runs_by_day, [_DAY, *(_count(name, name.capitalize()) for name in _BOOKS)]),
    ]
    if report.notes:
        sections.append(Section("About these figures", [Paragraph(note) for note in report.notes]))
    return Page(_title(report), sections)


def charts(report: "StatsReport", *, width: int, colour: bool, symbols: bool) -> Iterable[str]:
    """For each outcome that there is, how often it came per day, by template."""
    rows = [row.model_dump() for row in report.by_day]
    for outcome, heading in _OUTCOMES.items():
        sums: Counter[str] = Counter()
        for row in rows:
            sums[row["template"]] += row[outcome]
        largest = [template for template, number in sums.most_common() if number]
        shown = largest if len(largest) <= _MOST_SERIES else largest[: _MOST_SERIES - 1]
        counts: dict[str, Counter[str]] = {template: Counter() for template in shown}
        for row in rows:
            if row[outcome]:
                counts.setdefault(row["template"] if row["template"] in shown else _OTHERS, Counter())[row["day"]] += (
                    row[outcome]
                )
        days = every_day([day for of in counts.values() for day in of])
        series = {template: [of[day] for day in days] for template, of in counts.items()}
        title = f"{heading} per {{day}}, by template"
        drawn = day_chart(title, days, series, width=width, colour=colour, symbols=symbols)
        if drawn:
            yield drawn


def _title(report: "StatsReport") -> str:
    since = f" since {shown(report.since)}" if report.since else ""
    until = f" until {shown(report.until)}" if report.until else ""
    return f"What was stored and decided{since}{until}"


def _books(report: "StatsReport") -> list[Item]:
    totals = report.totals
    parts = ", ".join(f"{getattr(totals, name):,} {name}" for name in _BOOKS[2:])
    decided = ", ".join(f"{getattr(totals, name):,} {heading.lower()}" for name, heading in _OUTCOMES.items())
    return [
        Field("runs", f"{totals.runs:,}"),
        Field("lines", f"{totals.lines:,}: {parts}"),
        Field("events", f"{totals.events:,}"),
        Field("decided", decided),
    ]


def _by_template(by_day: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    sums: dict[str, Counter[str]] = {}
    for row in by_day:
        sums.setdefault(row["template"], Counter()).update({name: row[name] for name in _OUTCOMES})
    return [{"template": template, **counts} for template, counts in sorted(sums.items())]


def _table(heading: str, rows: Sequence[Any], columns: Sequence[Column]) -> Section:
    dumped = [row if isinstance(row, dict) else row.model_dump() for row in rows]
    return Section(heading, [Listing(columns, dumped)] if dumped else [])


def _columns(*names: str) -> list[Column]:
    return [_column(name, _HEADINGS[name]) for name in names]


def _column(name: str, heading: str) -> Column:
    if name in {"count", "lines", "times"}:
        return _count(name, heading)
    return Column(name, heading, text=lambda value: {True: "yes", False: "no"}.get(value) or shown(value))


def _count(name: str, heading: str) -> Column:
    return Column(name, heading, align=Align.RIGHT, text=lambda number: f"{number:,}")


_HEADINGS = {
    "template": "Template",
    "reason_code": "Code",
    "rule": "Rule",
    "condition": "Condition",
    "reason": "Reason",
    "event_type": "Type",
    "waited_for": "Prior event of a rule",
    "count": "Count",
    "lines": "Lines",
    "times": "Times",
}
