"""What other rules would have changed: one user's stored outcomes beside those decided afresh. Pure."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from marketing_cli.domain.reasons import Outcome


class Change(StrEnum):
    """How an outcome differs; a word stays what it means."""

    NEWLY_REQUESTED = "newly_requested"
    NO_LONGER_REQUESTED = "no_longer_requested"
    REQUESTED_TO_SUPPRESSED = "requested_to_suppressed"
    SUPPRESSED_TO_REQUESTED = "suppressed_to_requested"
    NEWLY_SUPPRESSED = "newly_suppressed"
    NO_LONGER_SUPPRESSED = "no_longer_suppressed"
    OTHER_REASON = "other_reason"


class DecisionKey(NamedTuple):
    """One rule's message for one stored event; `event_id` is the number of its row."""

    event_id: int
    rule: str
    template: str


class Settled(NamedTuple):
    """An outcome, and everything that is said of why.

    `status` is requested, historical or suppressed; `moment` the event's time; `blocked_by` the row of the event whose
    request used up the limit. What does not apply is None.
    """

    outcome: Outcome
    status: str
    channel: str
    moment: datetime
    reason: str
    reason_code: str | None = None
    suppression_reason: str | None = None
    blocked_by: int | None = None


_R, _S = Outcome.REQUESTED, Outcome.SUPPRESSED
_CHANGES: Mapping[tuple[Outcome | None, Outcome | None], Change] = {
    (None, _R): Change.NEWLY_REQUESTED,
    (_R, None): Change.NO_LONGER_REQUESTED,
    (_R, _S): Change.REQUESTED_TO_SUPPRESSED,
    (_S, _R): Change.SUPPRESSED_TO_REQUESTED,
    (None, _S): Change.NEWLY_SUPPRESSED,
    (_S, None): Change.NO_LONGER_SUPPRESSED,
}


def changes(
    before: Mapping[DecisionKey, Settled], after: Mapping[DecisionKey, Settled]
) -> Iterator[tuple[DecisionKey, Change]]:
    """Each decision that differs, in the order of events, then rules; nothing where both say the same."""
    for key in sorted(before.keys() | after.keys()):
        change = change_of(before.get(key), after.get(key))
        if change is not None:
            yield key, change


def change_of(before: Settled | None, after: Settled | None) -> Change | None:
    """How two outcomes differ; None stands for a rule that did not match, and for no difference."""
    if before == after:
        return None
    pair = before and before.outcome, after and after.outcome
    return _CHANGES.get(pair, Change.OTHER_REASON)
