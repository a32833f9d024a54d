"""How much is measured: the short form, and the long one that the bars are about."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """Numbers of events, and how often things are repeated.

    `events` for ingest, measured in `rounds`; `parts` of `part` events each into one database for growth; `user_parts`
    of `user_part` for one user; `memory` and `few_memory` for peaks; `starts` of each program; `audits` of an event
    in the database that has grown and in one of `few_audited`; `history` and `few_history` for deciding again.
    """

    events: int
    rounds: int
    part: int
    user_part: int
    memory: int
    history: int
    starts: int
    audits: int
    parts: int = 10
    user_parts: int = 10
    few_memory: int = 10_000
    few_audited: int = 1_000
    few_history: int = 10_000

    def as_long(self, *names: str) -> bool:
        """Whether these are at least what the bars are about."""
        return all(getattr(self, name) >= getattr(LONG, name) for name in names)


SHORT = Sizes(events=30_000, rounds=3, part=8_000, user_part=4_000, memory=40_000, history=20_000, starts=15, audits=11)
LONG = Sizes(
    events=300_000,
    rounds=5,
    part=1_000_000,
    user_part=100_000,
    memory=1_000_000,
    history=1_000_000,
    starts=51,
    audits=51,
)
