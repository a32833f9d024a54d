"""Reason codes of decisions. A closed list: one token, one meaning, never used again."""

from enum import StrEnum
from typing import Final


class ReasonCode(StrEnum):
    """Why a message was not requested."""

    # Suppressed: the rule matched and a limit forbade the message.
    DAILY_CAP_REACHED = "daily_cap_reached"
    ALREADY_SENT_ONCE_EVER = "already_sent_once_ever"
    ALREADY_SENT_FOR_EVENT = "already_sent_for_event"
    # Not matched.
    CONDITION_FALSE = "condition_false"
    VALUE_NOT_COMPARABLE = "value_not_comparable"
    PRIOR_EVENT_MISSING = "prior_event_missing"
    PRIOR_EVENT_OUTSIDE_WINDOW = "prior_event_outside_window"
    RULE_NOT_IN_FORCE = "rule_not_in_force"
    # About a user and a template.
    NO_TRIGGER_EVENT = "no_trigger_event"
    TRIGGER_REJECTED = "trigger_rejected"
    RULE_DISABLED = "rule_disabled"


SUPPRESSING: Final = frozenset(
    {ReasonCode.DAILY_CAP_REACHED, ReasonCode.ALREADY_SENT_ONCE_EVER, ReasonCode.ALREADY_SENT_FOR_EVENT}
)
"""The codes of suppressions."""


class Outcome(StrEnum):
    """What became of a rule that looked at an event."""

    REQUESTED = "requested"
    SUPPRESSED = "suppressed"
    NOT_MATCHED = "not_matched"
