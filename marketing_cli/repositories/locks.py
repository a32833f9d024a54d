"""Locks that writers take before they read anything."""

from collections.abc import Iterable, Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from marketing_cli.domain.slots import slot_of

# A function in the select list runs row by row, in the order of the array: ascending, so that two batches never
# wait for each other in a circle.
_LOCK = text("SELECT pg_advisory_xact_lock(slot) FROM unnest(CAST(:slots AS bigint[])) AS slot")


def lock_users(session: Session, user_ids: Iterable[str]) -> None:
    """Lock the users' slots until the transaction ends. SQLite's BEGIN IMMEDIATE has locked everybody already."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(_LOCK, {"slots": sorted({slot_of(user) for user in user_ids})})


def lock_slots(session: Session, slots: Sequence[int]) -> None:
    """Lock these slots, which ascend, at once: for a transaction that cannot know its users beforehand."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(_LOCK, {"slots": list(slots)})
