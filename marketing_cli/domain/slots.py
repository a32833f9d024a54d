"""Which of 256 slots a user belongs to: what writers lock, and what input can be split by."""

from hashlib import sha256

SLOTS = 256


def slot_of(user_id: str) -> int:
    """The first 8 bytes of SHA-256 over the user id in UTF-8, read big-endian, modulo 256."""
    return int.from_bytes(sha256(user_id.encode()).digest()[:8], "big") % SLOTS
