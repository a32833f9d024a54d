"""Which slot a user belongs to: writers of every version, in every language, must agree on it."""

import re
from hashlib import sha256

import pytest

from marketing_cli.domain.slots import EVERYBODY, SLOTS, Shard, slot_of
from support.digests import page_code
from support.program import ROOT

PAGE = (ROOT / "docs" / "slots.md").read_text(encoding="utf-8")
CODE = page_code("slots.md")


def vectors() -> list[tuple[str, ...]]:
    """The rows of the page's table of users: the user, its bytes, the hash's, the slot, the shards of 2, 3 and 4."""
    form = r"^\| `([^`]+)`[^|]*\| `(\w+)` \| `(\w{16})` \| (\d+) \| (\d/2) \| (\d/3) \| (\d/4) \|$"
    found: list[tuple[str, ...]] = re.findall(form, PAGE, re.MULTILINE)
    assert len(found) > 5
    return found


@pytest.mark.parametrize(("user", "slot"), [("u_1", 29), ("alice@example.com", 191), ("\u00e9\U0001f600", 234)])
def test_a_users_slot(user: str, slot: int) -> None:
    """The eighth byte of the SHA-256 of the id in UTF-8, since 256 divides what comes before it."""
    digest = sha256(user.encode()).digest()
    assert slot_of(user) == slot == digest[7] == int.from_bytes(digest[:8], "big") % 256


@pytest.mark.parametrize("row", vectors(), ids=lambda row: row[0])
def test_the_documented_vectors_hold(row: tuple[str, ...]) -> None:
    """To the byte, for the program and for the code on the page."""
    user, text, start, slot, *shards = row
    assert user.encode().hex() == text
    assert sha256(user.encode()).hexdigest()[:16] == start
    assert slot_of(user) == CODE["slot"](user) == int(slot)
    owners = [[str(shard) for shard in all_of(count) if shard.owns(user)] for count in (2, 3, 4)]
    assert owners == [[shard] for shard in shards]


def test_the_documented_code_agrees_on_many_users() -> None:
    """Not only on the examples."""
    for user in [f"user {number}" for number in range(500)]:
        assert slot_of(user) == CODE["slot"](user)
        assert [shard.index for shard in all_of(7) if shard.owns(user)] == [CODE["shard"](user, 7)]


def all_of(count: int) -> list[Shard]:
    """The shards that share the users."""
    return [Shard(index, count) for index in range(count)]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 100, 255, 256])
def test_shards_share_the_users(count: int) -> None:
    """Each slot, and so each user, belongs to exactly one; what has no user to the first."""
    assert sorted(slot for shard in all_of(count) for slot in shard.slots) == list(range(SLOTS))
    for user in [f"u_{number}" for number in range(300)]:
        (owner,) = (shard for shard in all_of(count) if shard.owns(user))
        assert slot_of(user) in owner.slots
    assert [shard.owns(None) for shard in all_of(count)] == [True] + [False] * (count - 1)


def test_everybody_is_a_shard_too() -> None:
    """The one that skips nobody."""
    assert list(EVERYBODY.slots) == list(range(SLOTS))


def test_all_slots_are_used() -> None:
    """Users spread over them."""
    assert {slot_of(f"u_{number}") for number in range(5000)} == set(range(SLOTS))
