"""Writes made-up events of a lifecycle stream as NDJSON: the same arguments give the same bytes.

    python benchmarks/make_events.py COUNT [--users N] [--days N] [--seed N] [--no-ids] > events.ndjson

15 % are signups, 15 % bank links, 40 % payments begun and 30 % payments failed, a third of these for lack of funds;
five events a user; over a month, roughly in the order of time. An event has about 334 bytes.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

KINDS = {"signup_completed": 15, "link_bank_success": 15, "payment_initiated": 40, "payment_failed": 30}
"""How many of a hundred events are of a type."""

_BEGINNING = datetime(2025, 10, 1, tzinfo=UTC)
_JITTER_SECONDS = 60
_EVENTS_PER_USER = 5
_OPTED_IN_OF = 3
"""All but one user of so many agreed to be written to."""


def properties(chance: Random, event_type: str) -> dict[str, Any]:
    """What an event of this type carries."""
    if event_type == "signup_completed":
        return {"signup_method": chance.choice(("email", "google")), "referral_source": "newsletter"}
    if event_type == "link_bank_success":
        return {"bank_name": chance.choice(("Santander", "Millennium", "BPI")), "is_first_bank": chance.random() < 0.8}  # noqa: PLR2004
    amount = {"amount": round(chance.uniform(0, 2000), 2)}
    if event_type == "payment_initiated":
        return {**amount, "currency": "EUR"}
    reason = chance.choice(("INSUFFICIENT_FUNDS", "NETWORK_ERROR", "CARD_EXPIRED"))
    return {**amount, "attempt_number": chance.randint(1, 5), "failure_reason": reason}


def traits(chance: Random, user: int) -> dict[str, Any]:
    """What an event says of its user."""
    return {
        "email": f"user{user}@example.com",
        "country": chance.choice(("PT", "ES", "DE")),
        "marketing_opt_in": user % _OPTED_IN_OF != 0,
        "risk_segment": chance.choice(("LOW", "MEDIUM", "HIGH")),
    }


def events(count: int, users: int, days: float, seed: int) -> Iterator[dict[str, Any]]:
    """The events, one after the other."""
    chance = Random(seed)  # noqa: S311 - the same again is what is wanted
    types = [event_type for event_type, often in KINDS.items() for _ in range(often)]
    apart = timedelta(days=days) / max(1, count)
    for number in range(count):
        user, event_type = chance.randrange(users), chance.choice(types)
        moment = _BEGINNING + number * apart + timedelta(seconds=chance.uniform(0, _JITTER_SECONDS))
        yield {
            "event_id": f"evt_{chance.getrandbits(96):024x}",
            "user_id": f"u_{user}",
            "event_type": event_type,
            "event_timestamp": f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z",
            "properties": properties(chance, event_type),
            "user_traits": traits(chance, user),
        }


def main() -> None:
    """Write them to standard output."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("count", type=int)
    parser.add_argument("--users", type=int)
    parser.add_argument("--days", type=float, default=30)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--no-ids", action="store_true", help="leave the events' own ids out")
    args = parser.parse_args()
    users = args.users or max(1, args.count // _EVENTS_PER_USER)
    for event in events(args.count, users, args.days, args.seed):
        if args.no_ids:
            del event["event_id"]
        sys.stdout.write(json.dumps(event) + "\n")


if __name__ == "__main__":
    main()
