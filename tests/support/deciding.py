"""Rules, events and histories for tests that decide: written as they stand in files, read the way the program does."""

import json
from collections.abc import Iterable
from functools import lru_cache
from hashlib import sha256
from typing import Any

from marketing_cli.domain.events import EventFacts
from marketing_cli.domain.lines import RawLine
from marketing_cli.schemas.event import EventIn
from marketing_cli.schemas.rules import Rule, RuleSet
from marketing_cli.services.batch import ParsedLine
from marketing_cli.services.history import History
from marketing_cli.services.line_parsing import ParseOptions, parse_line
from marketing_cli.services.rules_files import LoadedRules, parse_rules

_RULE: dict[str, Any] = {"name": "rule", "on": "payment_failed", "limit": "none"}
_MESSAGE = {"template": "T", "channel": "sms"}


def make_rule(template: str = "T", **overrides: Any) -> dict[str, Any]:
    """A rule as a file holds it: on `payment_failed`, without conditions or limit, unless named otherwise."""
    return _RULE | {"message": _MESSAGE | {"template": template}} | overrides


def prior(event_type: str, within: str) -> dict[str, Any]:
    """A condition on an earlier event."""
    return {"prior_event": event_type, "within": within}


def field(path: str, operator: str, expected: Any) -> dict[str, Any]:
    """A condition on a field."""
    return {"field": path, operator: expected}


def exists(path: str) -> dict[str, Any]:
    """A condition that asks for a value."""
    return {"field": path, "exists": True}


def missing(path: str) -> dict[str, Any]:
    """A condition that asks for none."""
    return {"field": path, "missing": True}


def rules_text(*rules: dict[str, Any]) -> str:
    """A rules file. JSON is YAML."""
    return json.dumps({"version": 1, "rules": rules}, ensure_ascii=False)


@lru_cache(maxsize=64)
def _parsed_rules(text: str) -> RuleSet:
    return parse_rules(text, "test")


def rule_set(*rules: dict[str, Any]) -> RuleSet:
    """The rules, read and checked as a file's."""
    return _parsed_rules(rules_text(*rules))


def loaded(*rules: dict[str, Any]) -> LoadedRules:
    """The rules as a run has them."""
    text = rules_text(*rules)
    return LoadedRules(text, sha256(text.encode()).hexdigest(), "test", _parsed_rules(text))


def the_rule(**overrides: Any) -> Rule:
    """One rule, as the engine sees it."""
    (rule,) = rule_set(make_rule(**overrides)).rules
    return rule


def parsed(events: Iterable[dict[str, Any]], first: int = 1) -> list[ParsedLine]:
    """Raw events as the parsed lines of a file, numbered from `first`."""
    lines = [RawLine(number, json.dumps(event).encode()) for number, event in enumerate(events, first)]
    contents = [(line, parse_line(line, ParseOptions())) for line in lines]
    return [ParsedLine(line, one.incoming() if isinstance(one, EventIn) else one) for line, one in contents if one]


def event_in(event: dict[str, Any]) -> EventIn:
    """A raw event, which must be a good one, read and checked."""
    content = parse_line(RawLine(1, json.dumps(event).encode()), ParseOptions())
    assert isinstance(content, EventIn), content
    return content


def facts(event: dict[str, Any], row: int = 1) -> EventFacts:
    """A raw event as the engine sees it, under the number of its row."""
    return event_in(event).facts(row)


def history_of(*events: EventFacts) -> History:
    """A history that knows these events."""
    history = History()
    for event in events:
        history.add_event(event.user_id, event.event_type, event.ref)
    return history
