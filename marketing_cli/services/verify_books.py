"""What `mmsg verify` checks beside the users' histories: the rules of then, and the books of all runs."""

from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from typing import NamedTuple

from sqlalchemy.orm import Session

from marketing_cli.models import RulesVersion, SendRequest, Suppression
from marketing_cli.repositories import checks
from marketing_cli.repositories.checks import Counted, Marks
from marketing_cli.repositories.verify import BookSums, sums
from marketing_cli.schemas.doctor import CheckState
from marketing_cli.schemas.verify import Books, Difference, DifferenceKind
from marketing_cli.services import doctor_rows
from marketing_cli.services.reading import Reading
from marketing_cli.services.replay_reading import StoredRules

UNREADABLE = "{} cannot be read: put it right by hand or restore a backup"
"""What comes out where a value is not what its column holds."""
TO_BALANCE = (
    "books that balance. Rows were deleted or changed from outside, or an event was deleted on purpose: run"
    " `mmsg doctor` for what is missing and what to do"
)
TO_MATCH = "Look at that run's decisions with `mmsg sends --run {0}` and `mmsg suppressions --run {0}`"


class Start(NamedTuple):
    """Where everything stood when the check began, and what all runs had booked then."""

    marks: Marks
    sums: BookSums


def start(session: Session) -> Start:
    """Where everything stands now."""
    return Start(checks.marks(session), sums(session))


def rules_differences(rules: StoredRules, versions: list[int]) -> Iterator[Difference]:
    """The rules versions that are not what runs had, or that this program cannot read."""
    for version in versions:
        kept = rules.kept(version)
        if kept is None:
            yield _rules(f"version {version}", "runs that had it", "no such version", None)
            continue
        if kept.unreadable or kept.text is None:
            for column in kept.unreadable:
                place = f"{RulesVersion.__tablename__}.{column} of row {version}"
                yield _rules(f"version {version}", place, UNREADABLE.format(place), column)
            continue
        found = sha256(kept.text.encode()).hexdigest()
        name = kept.sha256[:12]
        if found != kept.sha256:
            yield _rules(name, f"SHA-256 {kept.sha256}", f"its text has the SHA-256 {found}", "text")
        elif rules.get(version) is None:
            yield _rules(name, "rules", "this program cannot read them: what they decided was not decided again", None)
        elif not rules.is_unchanged(version):
            yield _rules(name, "other enabled rules", "those of its text", "in_force")


def book_differences(reading: Reading, begun: Start, matches: Counter[int] | None) -> Iterator[Difference]:
    """In what the books, the rows and, if they are known, the matches by run do not agree."""
    books = doctor_rows.books(reading, begun.marks)
    if books.state is not CheckState.OK:
        for detail in books.detail.split("; "):
            yield _books("the books", detail, TO_BALANCE, None)
    if matches is None:
        return
    booked: Counter[int] = Counter()
    for model in (SendRequest, Suppression):
        booked.update(doctor_rows.booked_decisions(reading, begun.marks, model))
    yield from _unlike(booked, matches)


def _unlike(booked: Counter[int], matches: Counter[int] | Counted) -> Iterator[Difference]:
    for run_id in sorted(booked.keys() | matches.keys()):
        if booked.get(run_id, 0) != matches.get(run_id, 0):
            stored = f"{booked.get(run_id, 0):,} send requests and suppressions"
            now = f"{matches.get(run_id, 0):,} matches. {TO_MATCH.format(run_id)}"
            yield _books(f"matches of run {run_id}", stored, now, run_id)


def books_shape(begun: Start, matches: Counter[int] | None) -> Books:
    """The books of all runs in all."""
    return Books(**begun.sums._asdict(), matches=None if matches is None else matches.total())


def _rules(name: str, stored: str, now: str, column: str | None) -> Difference:
    return Difference(kind=DifferenceKind.RULES, about=f"rules {name}", stored=stored, now=now, column=column)


def _books(about: str, stored: str, now: str, run_id: int | None) -> Difference:
    return Difference(kind=DifferenceKind.BOOKS, about=about, stored=stored, now=now, run_id=run_id)
