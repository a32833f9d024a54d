"""What rules must come to, computed naively from all events at once: in which order they came plays no part.

Events and rules are as files hold them, apart from `label`, which names an event: two deliveries of one event share it.
Of field conditions it knows what the generated rules use.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

Json: TypeAlias = dict[str, Any]
Match: TypeAlias = tuple[str, str]
Slot: TypeAlias = tuple[str, str, str]

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def expected(rules: list[Json], deliveries: list[Json]) -> tuple[set[Match], set[Slot]]:
    """The (event, rule) matches, and the (user, template, window) that must each hold exactly one request."""
    events = list({event["label"]: event for event in deliveries}.values())
    matching = [
        (event, rule)
        for rule in rules
        for event in events
        if rule.get("enabled", True) and rule["on"] == event["event_type"]
        if all(holds(condition, event, events) for condition in rule.get("when", []))
    ]
    matches = {(event["label"], rule["name"]) for event, rule in matching}
    slots = {(event["user_id"], rule["message"]["template"], window(rule, event)) for event, rule in matching}
    return matches, slots


def holds(condition: Json, event: Json, events: list[Json]) -> bool:
    """Whether a condition holds for an event among all events there are."""
    if "prior_event" in condition:
        return any(is_prior(other, event, condition) for other in events)
    value = (event.get("properties") or {}).get(condition["field"].removeprefix("properties."))
    if "missing" in condition:
        return value is None
    if "equals" in condition:
        return type(value) is type(condition["equals"]) and value == condition["equals"]
    return number(value) is not None and number(value) >= condition["gte"]


def is_prior(other: Json, event: Json, condition: Json) -> bool:
    """Whether another event of the same user is of the type, and at most so long before."""
    gap = moment(event) - moment(other)
    within = timedelta(**{UNITS[condition["within"][-1]]: int(condition["within"][:-1])})
    return (
        other["label"] != event["label"]
        and other["user_id"] == event["user_id"]
        and other["event_type"] == condition["prior_event"]
        and timedelta(0) <= gap <= within
    )


def window(rule: Json, event: Json) -> str:
    """The window of the rule's limit, by name."""
    if rule["limit"] == "once_ever":
        return "ever"
    if rule["limit"] == "none":
        return f"event:{event['label']}"
    zone = rule.get("timezone", "UTC")
    day = moment(event).astimezone(ZoneInfo(zone)).date()
    return f"day:{day}" if zone == "UTC" else f"day:{day}[{zone}]"


def moment(event: Json) -> datetime:
    """When the event happened; datetimes of one zone subtract as clocks do, so it must be UTC's."""
    return datetime.fromisoformat(event["event_timestamp"]).astimezone(UTC)


def number(value: Any) -> Any:
    """A number, or the number that a text of digits spells; None for anything else."""
    digits = isinstance(value, str) and value.isdigit()
    return int(value) if digits else value if type(value) in (int, float) else None
