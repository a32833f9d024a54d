"""Rules as the engine sees them: checked, frozen, in file order."""

import unicodedata
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from marketing_cli.domain.zones import ZoneInfo

EQUALITY: Final = ("equals", "not_equals")
LISTS: Final = ("in", "not_in")
ORDER: Final = ("gt", "gte", "lt", "lte")
PRESENCE: Final = ("exists", "missing")
OPERATORS: Final = EQUALITY + LISTS + ORDER + PRESENCE
FIELD_ROOTS: Final = ("event", "properties", "user_traits")
INSTANT_FIELD: Final = "event.event_timestamp"
"""The one field that is compared as a moment in time, whatever offset either side is written with."""

LONGEST_NAME: Final = 255
_UNSEEN = ("Cf", "Zs", "Zl", "Zp", "Cc")


def is_name(text: str) -> bool:
    """True for 1 to 255 characters of which at least one can be seen: what an event's own ids must be, too."""
    return len(text) <= LONGEST_NAME and any(unicodedata.category(char) not in _UNSEEN for char in text)


def _checked_name(text: str) -> str:
    if not is_name(text):
        raise ValueError("not a name")
    return text


Scalar: TypeAlias = str | bool | int | float
Name: TypeAlias = Annotated[str, AfterValidator(_checked_name)]


class Channel(StrEnum):
    """Where a message goes; an internal alert never reaches the user."""

    EMAIL = "email"
    SMS = "sms"
    INTERNAL_ALERT = "internal_alert"


class Limit(StrEnum):
    """How often a user may be sent a template."""

    NONE = "none"
    ONCE_EVER = "once_ever"
    ONCE_PER_CALENDAR_DAY = "once_per_calendar_day"


class Frozen(BaseModel):
    """Strict, closed and immutable: an unknown key or a value of another type is an error."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class FieldCondition(Frozen):
    """One field compared with the rule's value: a list for `in` and `not_in`, `True` for `exists` and `missing`."""

    field: str
    operator: str
    expected: Scalar | tuple[Scalar, ...]

    @cached_property
    def path(self) -> tuple[str, ...]:
        """The dotted field, split: `properties.card.brand` is `("properties", "card", "brand")`."""
        return tuple(self.field.split("."))

    @cached_property
    def parts(self) -> tuple[str, tuple[str, ...], str, Scalar | tuple[Scalar, ...]]:
        """Root, keys, operator and value: all that evaluation needs, for the price of one attribute."""
        return self.path[0], self.path[1:], self.operator, self.expected

    @property
    def text(self) -> str:
        """The condition in words, without the rule's value: `properties.attempt_number gte`."""
        return f"{self.field} {self.operator}"


class PriorEventCondition(Frozen):
    """An event of the same user, of another or the same type, at most `within` before; both ends included."""

    prior_event: Name
    within: timedelta
    within_text: str

    @property
    def text(self) -> str:
        """The condition in words: `prior_event signup_completed within 24h`."""
        return f"prior_event {self.prior_event} within {self.within_text}"


Condition: TypeAlias = FieldCondition | PriorEventCondition


class Message(Frozen):
    """What is requested when the rule matches."""

    template: Name
    channel: Annotated[Channel, Field(strict=False)]


class Rule(Frozen):
    """One rule; all its conditions must hold."""

    name: Name
    description: str = ""
    enabled: bool = True
    on: Name
    when: tuple[Condition, ...] = ()
    message: Message
    limit: Annotated[Limit, Field(strict=False)]
    timezone: str = "UTC"

    @cached_property
    def zone(self) -> ZoneInfo:
        """The time zone whose calendar days `once_per_calendar_day` counts."""
        return ZoneInfo(self.timezone)

    @cached_property
    def field_conditions(self) -> tuple[FieldCondition, ...]:
        """The conditions that need nothing but the event."""
        return tuple(c for c in self.when if isinstance(c, FieldCondition))

    @cached_property
    def prior_conditions(self) -> tuple[PriorEventCondition, ...]:
        """The conditions that need the user's history."""
        return tuple(c for c in self.when if isinstance(c, PriorEventCondition))


class RuleSet(Frozen):
    """All rules of one file, enabled or not, in file order."""

    version: Literal[1]
    rules: tuple[Rule, ...]

    @cached_property
    def enabled_by_type(self) -> Mapping[str, tuple[Rule, ...]]:
        """Event type → the enabled rules on it."""
        types = dict.fromkeys(rule.on for rule in self.rules if rule.enabled)
        return {on: tuple(r for r in self.rules if r.enabled and r.on == on) for on in types}

    @cached_property
    def waiting_for(self) -> Mapping[str, tuple[Rule, ...]]:
        """Event type → the enabled rules with a `prior_event` condition on that type."""
        waiting = [(c.prior_event, r) for r in self.rules if r.enabled for c in r.prior_conditions]
        return {t: tuple(dict.fromkeys(r for on, r in waiting if on == t)) for t, _ in waiting}

    @cached_property
    def in_force(self) -> tuple[tuple[str, str], ...]:
        """The name and the event type of each enabled rule."""
        return tuple((rule.name, rule.on) for rule in self.rules if rule.enabled)

    @cached_property
    def event_types(self) -> frozenset[str]:
        """Every event type that a rule names, enabled or not."""
        priors = (c.prior_event for rule in self.rules for c in rule.prior_conditions)
        return frozenset([*(rule.on for rule in self.rules), *priors])

    def on(self, event_type: str) -> tuple[Rule, ...]:
        """The enabled rules that look at an event of this type."""
        return self.enabled_by_type.get(event_type, ())
