"""What the program reads under faults, and what must come of it, worked out without the program."""

import json
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

Event: TypeAlias = dict[str, Any]
Identity: TypeAlias = tuple[str, str]
"""An event's id and its user."""
Match: TypeAlias = tuple[Identity, str]
"""An event and a rule that matches it."""
Window: TypeAlias = tuple[str, str, str]
"""A user, a template, and the stretch of time in which it may be requested once."""

BATCH = 20
START = datetime(2025, 11, 1, tzinfo=UTC)
TEMPLATES = {
    "welcome_email": "WELCOME_EMAIL",
    "bank_link_nudge": "BANK_LINK_NUDGE_SMS",
    "insufficient_funds": "INSUFFICIENT_FUNDS_EMAIL",
    "high_risk_alert": "HIGH_RISK_ALERT",
}
NUDGE_WITHIN = timedelta(hours=24)


@dataclass(frozen=True)
class State:
    """What a database says in the end, apart from the numbers of its rows and the order of its runs."""

    events: frozenset[Identity]
    matches: frozenset[Match]
    requests: frozenset[Window]
    rejects: frozenset[tuple[bytes, str]]


@dataclass(frozen=True)
class Story:
    """A file of events: each line's bytes, without its end."""

    path: Path
    lines: tuple[bytes, ...]

    @classmethod
    def write(cls, path: Path, lines: Iterable[bytes]) -> "Story":
        """Writes the lines to a file."""
        story = cls(path, tuple(lines))
        path.write_bytes(b"".join(line + b"\n" for line in story.lines))
        return story

    @cached_property
    def parsed(self) -> dict[int, tuple[Event | None, str | None]]:
        """For each line number the event that it holds, and why it is refused if it is; nothing for a blank line."""
        first: dict[Identity, Event] = {}
        found: dict[int, tuple[Event | None, str | None]] = {}
        for number, line in enumerate(self.lines, 1):
            if line.strip():
                event, reason = _read(line)
                known = first.setdefault(identity(event), event) if event else None
                found[number] = (event, reason if known == event else "conflicting_duplicate")
        return found

    @cached_property
    def events(self) -> dict[Identity, Event]:
        """The events that must be stored."""
        kept = [event for event, reason in self.parsed.values() if event and not reason]
        return {identity(event): event for event in reversed(kept)}

    @cached_property
    def rejects(self) -> dict[int, tuple[bytes, str]]:
        """The lines that must be refused, by number: their bytes and the reason."""
        return {number: (self.lines[number - 1], reason) for number, (_, reason) in self.parsed.items() if reason}


def expected(stories: Iterable[Story]) -> State:
    """What must be in the database when all of these were read."""
    told = list(stories)
    events = {key: event for story in told for key, event in story.events.items()}
    matches = matches_among(events)
    return State(
        frozenset(events),
        frozenset(matches),
        frozenset(window(events[key], TEMPLATES[rule]) for key, rule in matches),
        frozenset(reject for story in told for reject in story.rejects.values()),
    )


def matches_among(events: dict[Identity, Event]) -> set[Match]:
    """The events that the shipped rules match when these are all there are."""
    signups: dict[str, list[datetime]] = {}
    for event in events.values():
        if event["event_type"] == "signup_completed":
            signups.setdefault(event["user_id"], []).append(moment(event))
    return {(key, rule) for key, event in events.items() for rule in _rules_matching(event, signups)}


def _rules_matching(event: Event, signups: dict[str, list[datetime]]) -> Iterator[str]:
    properties = event.get("properties", {})
    if event["event_type"] == "signup_completed" and event.get("user_traits", {}).get("marketing_opt_in") is True:
        yield "welcome_email"
    if event["event_type"] == "link_bank_success":
        gaps = [moment(event) - signup for signup in signups.get(event["user_id"], [])]
        if any(timedelta(0) <= gap <= NUDGE_WITHIN for gap in gaps):
            yield "bank_link_nudge"
    if event["event_type"] == "payment_failed":
        if properties.get("failure_reason") == "INSUFFICIENT_FUNDS":
            yield "insufficient_funds"
        attempt = properties.get("attempt_number")
        if attempt is not None and float(attempt) >= 3:
            yield "high_risk_alert"


def window(event: Event, template: str) -> Window:
    """The user, template and stretch of time of which only one request may be made."""
    stretches = {
        "INSUFFICIENT_FUNDS_EMAIL": f"day:{moment(event):%Y-%m-%d}",
        "HIGH_RISK_ALERT": f"event:{event['event_id']}",
    }
    return event["user_id"], template, stretches.get(template, "ever")


def identity(event: Event) -> Identity:
    """An event's id and its user."""
    return event["event_id"], event["user_id"]


def moment(event: Event) -> datetime:
    """When an event happened."""
    return datetime.fromisoformat(event["event_timestamp"])


def _read(line: bytes) -> tuple[Event | None, str | None]:
    try:
        event: Event = json.loads(line)
    except ValueError:
        return None, "bad_json"
    return (event, None) if "user_id" in event else (None, "missing_field")


def make_lines(number: int, *, seed: int = 5) -> list[bytes]:
    """Lines of all kinds: new events in no order of time, duplicates, conflicts, refused and blank lines.

    What belongs together by more than its user stays within 20 lines, so that the file may be cut there.
    """
    rng = random.Random(seed)  # noqa: S311 - the same lines each time
    lines: list[bytes] = []
    while len(lines) < number:
        lines += _batch(rng, len(lines), max(1, number // 12))
    return lines[:number]


def _batch(rng: random.Random, first: int, users: int) -> list[bytes]:
    """The next 20 lines."""
    events = [_event(rng, f"evt_{first + place}", f"u_{rng.randrange(users)}") for place in range(BATCH - 4)]
    lines = [json.dumps(event).encode() for event in events]
    lines.insert(rng.randrange(8, 16), json.dumps(events[3]).encode())
    lines.insert(rng.randrange(8, 16), json.dumps(events[5] | {"event_timestamp": "2025-11-09T00:00:00Z"}).encode())
    lines.insert(rng.randrange(16), b'{"event_id": "cut_%d", "user_' % first)
    lines.insert(rng.randrange(16), rng.choice([b"", b'{"event_id": "nobody", "event_type": "payment_failed"}']))
    return lines


def _event(rng: random.Random, key: str, user: str) -> Event:
    kind = rng.choice(["signup_completed", "link_bank_success", "payment_failed", "payment_failed", "app_opened"])
    when = START + timedelta(minutes=rng.randrange(4 * 24 * 60))
    event: Event = {"event_id": key, "user_id": user, "event_type": kind, "event_timestamp": when.isoformat()}
    failed = {
        "amount": rng.randrange(1, 500) / 4,
        "attempt_number": rng.choice([1, 2, 3, 4, "3", 3.0, None]),
        "failure_reason": rng.choice(["INSUFFICIENT_FUNDS", "INSUFFICIENT_FUNDS", "CARD_EXPIRED", None]),
    }
    if kind == "payment_failed":
        event["properties"] = failed
    if rng.random() < 0.8:
        event["user_traits"] = {"marketing_opt_in": rng.choice([True, True, False, "true"]), "country": "PT"}
    return event
