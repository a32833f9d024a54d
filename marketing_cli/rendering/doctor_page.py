"""What `mmsg doctor` prints: a line per check, and below it what to do."""

from typing import TYPE_CHECKING

from marketing_cli.rendering.json_output import render_json
from marketing_cli.rendering.page import Bullet, Mark, Page, Paragraph, Section
from marketing_cli.rendering.pages import render_page
from marketing_cli.rendering.streams import Streams
from marketing_cli.rendering.tabular import Output, Tone

if TYPE_CHECKING:  # pydantic is slow to load, and `--help` needs none of it
    from marketing_cli.schemas.doctor import DoctorReport

_MARKS = {"ok": Mark.OK, "skipped": Mark.SKIP, "warning": Mark.WARN, "wrong": Mark.WRONG}


def render_doctor(report: "DoctorReport", output: Output, streams: Streams) -> int:
    """Print a report, and its verdict on standard error; returns the code to exit with.

    Quiet, the page is left out, and the verdict too unless something is wrong.
    """
    if output is Output.JSON:
        render_json(report.model_dump(mode="json"), streams)
    elif not streams.quiet:
        render_page(doctor_page(report), streams)
    if report.exit_code and streams.quiet:
        streams.err(f"mmsg: {verdict(report)}")
    else:
        streams.note(verdict(report))
    return report.exit_code


def doctor_page(report: "DoctorReport") -> Page:
    """The report for people."""
    bullets = [
        Bullet(
            _MARKS[check.state.value],
            f"{check.check}: {check.detail}",
            [Paragraph(check.advice, Tone.STRONG)] if check.advice else [],
        )
        for check in report.checks
    ]
    return Page("Health of the database and its surroundings", [Section("Checks", bullets)])


def verdict(report: "DoctorReport") -> str:
    """All checks in one line."""
    by_state: dict[str, list[str]] = {}
    for check in report.checks:
        by_state.setdefault(check.state.value, []).append(check.check)
    found = [f"{state}: {', '.join(by_state[state])}" for state in ("wrong", "warning", "skipped") if state in by_state]
    text = f"{len(report.checks)} checks, {len(by_state.get('ok', []))} ok{''.join(f'; {part}' for part in found)}"
    return f"{text} (exit code {report.exit_code})" if report.exit_code else text
