"""`mmsg digest`: one number for what is the same in a history, in whatever order its events arrived.

docs/digest.md defines it to the byte.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Row
from sqlalchemy.orm import Session

from marketing_cli.database.sessions import open_database
from marketing_cli.models import SendRequest, Suppression
from marketing_cli.repositories import digest as stored
from marketing_cli.schemas.digest import DigestPart, DigestReport
from marketing_cli.services.reading import Advance, Reading, reading_of

_MODULUS = 2**256
_FIRST_LINE = "mmsg digest 1"


@dataclass(slots=True)
class Sum:
    """The entries of one part, added up: the same in any order, and entered twice it is another."""

    kind: str
    count: int = 0
    total: int = 0

    def add(self, entries: Iterable[Sequence[str]]) -> None:
        """Enter each of these."""
        for entry in entries:
            # No text that is stored has a NUL in it, so that two entries never look the same.
            data = "\0".join((self.kind, *entry)).encode()
            self.total += int.from_bytes(hashlib.sha256(data).digest(), "big")
            self.count += 1
        self.total %= _MODULUS

    def part(self) -> DigestPart:
        """The part as it is reported."""
        return DigestPart(count=self.count, sum=f"{self.total:064x}")


def digest_history(url: str, advance: Advance | None = None) -> DigestReport:
    """The digest of what the database holds now; what runs store meanwhile is left out. Raises as `open_database`."""
    with open_database(url) as transactions, reading_of(transactions, advance) as reading:
        return digest_up_to(reading, reading.once(stored.last_rows))


def digest_up_to(reading: Reading, last: stored.LastRows) -> DigestReport:
    """The digest of the rows up to these."""
    events, matches, requests = Sum("event"), Sum("match"), Sum("request")
    for found in reading.slices(last.events, stored.events):
        events.add((key, user, content_hash.hex()) for key, user, content_hash in found)
        reading.told(events.count, last.events)
    without_event = 0
    for model, end in ((SendRequest, last.requests), (Suppression, last.suppressions)):
        for pairs in reading.slices(end, partial(_pairs, model)):
            known = [(key, user, rule) for key, user, rule in pairs if key is not None]
            matches.add(known)
            without_event += len(pairs) - len(known)
    for made in reading.slices(last.requests, stored.requests):
        requests.add(made)
    return report(events.part(), matches.part(), requests.part(), without_event)


def _pairs(model: stored.Decided, session: Session, after: int, to: int) -> Sequence[Row[str | None, str, str]]:
    return stored.matches(session, model, after, to)


def report(events: DigestPart, matches: DigestPart, requests: DigestPart, without_event: int = 0) -> DigestReport:
    """The three parts, and the one digest over them."""
    parts = {"events": events, "matches": matches, "requests": requests}
    lines = [_FIRST_LINE, *(f"{name} {part.count} {part.sum}" for name, part in parts.items())]
    digest = hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()
    return DigestReport(digest=digest, **parts, without_event=without_event)
