"""What rules must agree on: names of their own, one cap for one template, a time zone where days are counted."""

from collections.abc import Iterator
from functools import lru_cache, partial
from typing import Final

from marketing_cli.domain.zones import available_timezones
from marketing_cli.schemas.rules import Limit
from marketing_cli.services.rules_document import Document, Loc, Value
from marketing_cli.services.rules_problems import did_you_mean, shortened

TIMEZONES: Final = "an IANA time zone, like Europe/Lisbon"
_LIMITS: Final = tuple(Limit)


def check_across(document: Document) -> None:
    """Note names used twice, caps that contradict each other, and time zones that are unknown or of no use."""
    _check_names(document)
    _check_limits(document)
    for loc, rule in rules_of(document):
        _check_timezone(document, loc, rule)


def rules_of(document: Document) -> Iterator[tuple[Loc, dict[str, Value]]]:
    """Yield each rule that is a mapping, with its path."""
    rules = document.data.get("rules") if isinstance(document.data, dict) else None
    if isinstance(rules, tuple):
        yield from ((("rules", index), rule) for index, rule in enumerate(rules) if isinstance(rule, dict))


def _check_names(document: Document) -> None:
    first: dict[str, Loc] = {}
    for loc, rule in rules_of(document):
        name = rule.get("name")
        if not isinstance(name, str):
            continue
        other = first.setdefault(name, loc)
        if other != loc:
            line = document.places[(*other, "name")].line
            document.wrong((*loc, "name"), f"a name of its own for each rule; the same name is in line {line}")


def _check_limits(document: Document) -> None:
    """The cap of a template is one promise, so the rules that share the template must state it alike."""
    first: dict[str, Loc] = {}
    for loc, rule in rules_of(document):
        message = rule.get("message")
        template = message.get("template") if isinstance(message, dict) else None
        if not isinstance(template, str) or rule.get("enabled", True) is not True or not _has_terms(rule):
            continue
        other = first.setdefault(template, loc)
        mine, theirs = _terms(rule), _terms(document.at(other))
        if mine != theirs:
            line = document.places[(*other, "limit")].line
            text = f'limit: found {mine} for template "{shortened(template)}", which has {theirs} in line {line}'
            document.refuse((*loc, "limit"), f"{text}; allowed: one limit and timezone for all enabled rules with it")


def _has_terms(rule: dict[str, Value]) -> bool:
    return rule.get("limit") in _LIMITS and isinstance(rule.get("timezone", "UTC"), str)


def _terms(rule: dict[str, Value]) -> str:
    zone = f" in {shortened(rule.get('timezone', 'UTC'))}" if rule["limit"] == Limit.ONCE_PER_CALENDAR_DAY else ""
    return f"{rule['limit']}{zone}"


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    # Both are in the lists of some machines and mean something else, or nothing, on another.
    return frozenset(available_timezones() - {"localtime", "Factory"})


def _check_timezone(document: Document, loc: Loc, rule: dict[str, Value]) -> None:
    limit, zone = rule.get("limit"), rule.get("timezone")
    at = (*loc, "timezone")
    if "timezone" in rule and limit in _LIMITS and limit != Limit.ONCE_PER_CALENDAR_DAY:
        document.refuse_key(at, f"`timezone` goes with limit once_per_calendar_day only; with {limit}, delete it")
    elif isinstance(zone, str) and zone not in _zones():
        document.wrong(at, TIMEZONES, partial(did_you_mean, zone, _zones(), likeness=0.8))
