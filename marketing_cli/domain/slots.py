"""Which of 256 slots a user belongs to: what writers lock, and what input can be split by."""

from dataclasses import dataclass
from hashlib import sha256

SLOTS = 256


def slot_of(user_id: str) -> int:
    """The first 8 bytes of SHA-256 over the user id in UTF-8, read big-endian, modulo 256."""
    return sha256(user_id.encode()).digest()[7]  # 256 divides what the seven bytes before it stand for


@dataclass(frozen=True, slots=True)
class Shard:
    """One of `count` slices of the users, 0 ≤ index < count ≤ 256: those whose slot modulo `count` is `index`."""

    index: int
    count: int

    def __str__(self) -> str:
        """As it is written on the command line."""
        return f"{self.index}/{self.count}"

    @property
    def slots(self) -> range:
        """Its slots, in ascending order."""
        return range(self.index, SLOTS, self.count)

    def owns(self, user_id: str | None) -> bool:
        """Whether a line of this user belongs here; what has no legible user, None, belongs to slice 0."""
        return (0 if user_id is None else slot_of(user_id)) % self.count == self.index


EVERYBODY = Shard(0, 1)
"""The slice that leaves nobody out."""
