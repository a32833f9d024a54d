"""What `mmsg rules test` prints: a line per case, and below a failed one what was expected and what came."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from marketing_cli.domain.texts import counted
from marketing_cli.rendering.json_output import render_json
from marketing_cli.rendering.page import Bullet, Item, Mark, Page, Paragraph, Section
from marketing_cli.rendering.pages import render_page
from marketing_cli.rendering.streams import Streams
from marketing_cli.rendering.tabular import Output, Tone

if TYPE_CHECKING:  # pydantic is slow to load, and `--help` needs none of it
    from marketing_cli.schemas.rules_testing import CaseDifference, CaseOutcome, CaseResult, RulesTestReport

_WORDS = {"requested": "a request", "suppressed": "a suppression"}


def render_rules_test(report: "RulesTestReport", output: Output, streams: Streams) -> int:
    """Print a report, and its verdict on standard error; returns the code to exit with.

    Quiet, the page is left out, and the verdict too unless a case failed.
    """
    if output is Output.JSON:
        render_json(report.model_dump(mode="json"), streams)
    elif not streams.quiet:
        render_page(rules_test_page(report), streams)
    if report.exit_code and streams.quiet:
        streams.err(f"mmsg: {verdict(report)}")
    else:
        streams.note(verdict(report))
    if report.untested:
        streams.note(f"note: rules of which no case expects anything: {', '.join(report.untested)}")
    return report.exit_code


def rules_test_page(report: "RulesTestReport") -> Page:
    """The report for people."""
    title = f"Rules {report.rules.source}, version {report.rules.sha256[:12]}"
    return Page(title, [Section(f"Cases of {report.source}", [_case(case) for case in report.cases])])


def verdict(report: "RulesTestReport") -> str:
    """All cases in one line."""
    number = len(report.cases)
    text = f"{counted(number, 'case')}, {report.passed} passed"
    if not report.exit_code:
        return text
    first = next(case for case in report.cases if case.differences)
    return f"{text}; {report.failed} failed, first line {first.line}: {first.name} (exit code {report.exit_code})"


def _case(case: "CaseResult") -> Bullet:
    notes: list[Item] = [Paragraph(note, Tone.WARN) for note in case.notes]
    if not case.differences:
        return Bullet(Mark.OK, case.name, notes)
    several = len({difference.user_id for difference in case.differences}) > 1
    items: list[Item] = [_difference(difference, with_user=several) for difference in case.differences]
    return Bullet(Mark.WRONG, f"line {case.line}: {case.name}", [*items, *notes])


def _difference(difference: "CaseDifference", *, with_user: bool) -> Bullet:
    event = f"{difference.event_id} of {difference.user_id}" if with_user else difference.event_id
    place = f"line {difference.line}: " if difference.expected else ""
    text = f"{place}{event}, {difference.rule}: {' but '.join(_sides(difference))}"
    return Bullet(Mark.NOTE, text, [Paragraph(detail) for detail in difference.details])


def _sides(difference: "CaseDifference") -> Iterator[str]:
    expected, found = difference.expected, difference.found
    if expected and found and expected.outcome == found.outcome:
        yield f"{_named(found)}, as expected,"
        yield "with other facts"
        return
    yield f"expected {_named(expected)}"
    yield f"found {_named(found)}"


def _named(outcome: "CaseOutcome | None") -> str:
    return "nothing" if outcome is None else _WORDS[outcome.outcome.value]
