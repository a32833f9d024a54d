"""What `mmsg verify` prints: what was looked at, the books, and the first differences."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from marketing_cli.domain.texts import counted
from marketing_cli.rendering.json_output import render_json
from marketing_cli.rendering.page import Bullet, Field, Item, Mark, Page, Paragraph, Section
from marketing_cli.rendering.pages import render_page
from marketing_cli.rendering.streams import Streams
from marketing_cli.rendering.tabular import Output, Tone
from marketing_cli.rendering.values import shown

if TYPE_CHECKING:  # pydantic is slow to load, and `--help` needs none of it
    from marketing_cli.schemas.verify import Books, Difference, VerifyReport


def render_verify(report: "VerifyReport", output: Output, streams: Streams) -> int:
    """Print a report, and its verdict on standard error; returns the code to exit with.

    Quiet, the page is left out, and the verdict too unless something differs.
    """
    if output is Output.JSON:
        render_json(report.model_dump(mode="python"), streams)
    elif not streams.quiet:
        render_page(verify_page(report), streams)
    if report.exit_code and streams.quiet:
        streams.err(f"mmsg: {verdict(report)}")
    else:
        streams.note(verdict(report))
    return report.exit_code


def verify_page(report: "VerifyReport") -> Page:
    """The report for people."""
    sections = [Section("Decided again", _verified(report))]
    if report.books is not None:
        sections.append(Section("Books", _books(report.books)))
    if report.differences:
        sections.append(Section(_heading(report), [_difference(found) for found in report.differences]))
    if report.notes:
        sections.append(Section("Notes", [Paragraph(note) for note in report.notes]))
    return Page(f"History of {_scope(report)}", sections)


def verdict(report: "VerifyReport") -> str:
    """The report in one line."""
    number = report.differences_found
    if not number:
        events, decided = report.verified.events, report.verified.requests + report.verified.suppressions
        if not events and not decided:
            return "nothing to decide again: no event was stored in that time"
        unchecked = report.verified.unchecked
        rest = f"; {counted(unchecked, 'decision')} of deleted events cannot be checked" if unchecked else ""
        return f"reproduced: {counted(events, 'event')}, {counted(decided - unchecked, 'decision')}{rest}"
    first = report.differences[0].about if report.differences else "not shown"
    differ = "1 difference" if number == 1 else f"{number:,} differences, the first"
    return f"not reproduced: {differ}: {first} (exit code {report.exit_code})"


def _scope(report: "VerifyReport") -> str:
    scope = report.scope
    user = "" if scope.user_id is None else f"user {scope.user_id}"
    if scope.event_id is not None:
        return f"event {scope.event_id}{user and f' of {user}'}"
    since = "" if scope.since is None else f" since {shown(scope.since)}"
    return f"{user or 'all users'}{since}"


def _verified(report: "VerifyReport") -> list[Item]:
    looked = report.verified
    return [
        Field("users", f"{looked.users:,}"),
        Field("events", f"{looked.events:,}"),
        Field("stored", f"{looked.requests:,} send requests, {looked.suppressions:,} suppressions"),
        Field("rules", f"{counted(looked.rules_versions, 'version')}"),
        Field("verdict", report.status.value, Tone.GOOD if not report.exit_code else Tone.BAD),
    ]


def _books(books: "Books") -> list[Item]:
    lines = {name: getattr(books, name) for name in ("new", "duplicate", "rejected", "blank", "skipped")}
    found: list[Item] = [Field("runs", f"{books.runs:,}"), Field("lines", _equation(books.lines, lines))]
    if books.matches is not None:
        decided = {"send requests": books.send_requests, "suppressions": books.suppressions}
        found.append(Field("matches", _equation(books.matches, decided)))
    return found


def _equation(whole: int, parts: Mapping[str, int]) -> str:
    sign = " =" if whole == sum(parts.values()) else ", not"
    return f"{whole:,}{sign} {' + '.join(f'{number:,} {name}' for name, number in parts.items())}"


def _heading(report: "VerifyReport") -> str:
    shown_here, number = len(report.differences), report.differences_found
    return "Differences" if shown_here == number else f"Differences, the first {shown_here:,} of {number:,}"


def _difference(found: "Difference") -> Bullet:
    return Bullet(Mark.WRONG, found.about, list(_details(found)))


def _details(found: "Difference") -> Iterator[Item]:
    yield Field("stored", found.stored)
    yield Field("now", found.now)
    if found.condition not in {None, found.now}:
        yield Field("condition", found.condition)
    places = {"user": found.user_id, "row": found.row, "run": found.run_id}
    where = ", ".join(f"{name} {value}" for name, value in places.items() if value is not None)
    if where:
        yield Field("where", where)
