"""Which slot a user belongs to: writers of every version, in every language, must agree on it."""

from hashlib import sha256

import pytest

from marketing_cli.domain.slots import SLOTS, slot_of


@pytest.mark.parametrize(("user", "slot"), [("u_1", 29), ("alice@example.com", 191), ("\u00e9\U0001f600", 234)])
def test_a_users_slot(user: str, slot: int) -> None:
    """The eighth byte of the SHA-256 of the id in UTF-8, since 256 divides what comes before it."""
    digest = sha256(user.encode()).digest()
    assert slot_of(user) == slot == digest[7] == int.from_bytes(digest[:8], "big") % 256


def test_all_slots_are_used() -> None:
    """Users spread over them."""
    assert {slot_of(f"u_{number}") for number in range(5000)} == set(range(SLOTS))
