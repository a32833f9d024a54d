"""What `mmsg rules lint` prints: each finding with its line, and below it what to do."""

from typing import TYPE_CHECKING

from marketing_cli.domain.texts import counted
from marketing_cli.rendering.json_output import render_json
from marketing_cli.rendering.page import Bullet, Mark, Page, Paragraph, Section
from marketing_cli.rendering.pages import render_page
from marketing_cli.rendering.streams import Streams
from marketing_cli.rendering.tabular import Output, Tone

if TYPE_CHECKING:  # pydantic is slow to load, and `--help` needs none of it
    from marketing_cli.schemas.rules_lint import LintFinding, RulesLintReport


def render_rules_lint(report: "RulesLintReport", output: Output, streams: Streams) -> int:
    """Print a report, and its verdict on standard error; returns the code to exit with.

    Quiet, the page is left out, and the verdict too unless the code is not 0.
    """
    if output is Output.JSON:
        render_json(report.model_dump(mode="json"), streams)
    elif not streams.quiet:
        render_page(rules_lint_page(report), streams)
    if report.exit_code and streams.quiet:
        streams.err(f"mmsg: {verdict(report)}")
    else:
        streams.note(verdict(report))
    return report.exit_code


def rules_lint_page(report: "RulesLintReport") -> Page:
    """The report for people."""
    title = f"Rules {report.rules.source}, version {report.rules.sha256[:12]}"
    return Page(title, [Section("Findings", [_finding(finding) for finding in report.findings])])


def verdict(report: "RulesLintReport") -> str:
    """The report in one line."""
    rules, findings = report.rules.rules, len(report.findings)
    found = "nothing found" if not findings else "1 finding" if findings == 1 else f"{findings} findings"
    events = report.stored.events
    compared = f"compared with the newest {counted(events, 'event')}"
    if report.stored.skipped:
        compared = f"not compared with stored events: {report.stored.skipped.rstrip('.')}"
    text = f"{counted(rules, 'rule')}, {found}; {compared}"
    return f"{text} (exit code {report.exit_code})" if report.exit_code else text


def _finding(finding: "LintFinding") -> Bullet:
    text = f"line {finding.line}: {finding.rule}: {finding.detail} [{finding.code.value}]"
    return Bullet(Mark.WRONG, text, [Paragraph(finding.advice, Tone.STRONG)])
