"""A rules file's values → a checked RuleSet, or everything that is wrong with them."""

from functools import partial
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from marketing_cli.schemas.rules import Channel, Limit, Message, Rule, RuleSet
from marketing_cli.services.rules_across import TIMEZONES, check_across, rules_of
from marketing_cli.services.rules_conditions import read_condition
from marketing_cli.services.rules_document import UNUSABLE, Document, Loc, Value, label
from marketing_cli.services.rules_problems import did_you_mean, found

KNOWN_VERSION: Final = 1
_NAME: Final = "text of 1 to 255 characters"
_CHANNELS: Final = tuple(Channel)
_LIMITS: Final = tuple(Limit)
_ALLOWED: Final = {
    "version": f"{KNOWN_VERSION}, the only version this program knows",
    "rules": "a list of rules; for none, write `rules: []`",
    "name": _NAME,
    "description": "text",
    "enabled": "true or false",
    "on": f"an event type: {_NAME}",
    "when": "a list of conditions; without any, leave `when` out",
    "message": "a mapping with template and channel",
    "template": _NAME,
    "channel": ", ".join(_CHANNELS),
    "limit": ", ".join(_LIMITS),
    "timezone": TIMEZONES,
}
_WORDS: Final = {"channel": _CHANNELS, "limit": _LIMITS}
_A_RULE: Final = "a mapping with name, on, message and limit"
_OTHER_KEYS: Final = {
    **dict.fromkeys(("event", "event_type", "trigger", "type"), "on"),
    **dict.fromkeys(("if", "conditions", "condition", "where"), "when"),
    **dict.fromkeys(("send", "then", "action"), "message"),
    **dict.fromkeys(("cap", "frequency"), "limit"),
    **dict.fromkeys(("tz", "zone"), "timezone"),
    **dict.fromkeys(("id", "rule"), "name"),
}


def build_rule_set(document: Document) -> RuleSet:
    """Check a document whole and build its rules.

    Raises BadConfig with every problem found, those noted while reading included.
    """
    _check_version(document)
    check_across(document)
    try:
        rule_set = RuleSet.model_validate(_prepared(document))
    except ValidationError as error:
        _note(document, error)
        document.problems.raise_any()
        raise
    document.problems.raise_any()
    return rule_set


def _check_version(document: Document) -> None:
    version = document.data.get("version", 1) if isinstance(document.data, dict) else 1
    if type(version) is not int or version != KNOWN_VERSION:
        document.wrong(("version",), _ALLOWED["version"])
    if type(version) is int and version > KNOWN_VERSION:
        # A format of the future: whatever else looks wrong in it may be right there.
        document.problems.raise_any()


def _prepared(document: Document) -> Value:
    """The values with each condition built; what was refused above is left out or made good."""
    if not isinstance(document.data, dict):
        return document.data
    prepared = dict(document.data)
    if "version" in prepared:
        prepared["version"] = KNOWN_VERSION
    if isinstance(prepared.get("rules"), tuple):
        built = {loc[1]: _with_conditions(document, loc, rule) for loc, rule in rules_of(document)}
        prepared["rules"] = tuple(built.get(index, rule) for index, rule in enumerate(prepared["rules"]))
    return prepared


def _with_conditions(document: Document, loc: Loc, rule: dict[str, Value]) -> dict[str, Value]:
    when = rule.get("when")
    if not isinstance(when, tuple):
        return rule
    conditions = (read_condition(document, (*loc, "when", index)) for index in range(len(when)))
    return {**rule, "when": tuple(condition for condition in conditions if condition)}


def _note(document: Document, error: ValidationError) -> None:
    missing: dict[Loc, list[str]] = {}
    for fault in error.errors(include_url=False, include_context=False):
        loc = fault["loc"]
        if fault["type"] == "missing":
            missing.setdefault(loc[:-1], []).append(str(loc[-1]))
        elif fault["type"] == "extra_forbidden":
            document.unknown_key(loc, tuple(_model(loc).model_fields), _other_key(loc))
        else:
            _note_value(document, loc, fault["input"])
    for loc, keys in missing.items():
        needed = "; ".join(f"`{key}`: {_ALLOWED[key]}" for key in keys)
        document.refuse(loc, f"{label(loc)}: missing {', '.join(keys)}; needed: {needed}")


def _note_value(document: Document, loc: Loc, value: Any) -> None:  # noqa: ANN401 - whatever the file held
    key = loc[-1] if loc else ""
    if value is UNUSABLE:
        return
    if not loc:
        # No piece of a text is shown: what is no rules at all may be a file of secrets, named by mistake.
        what = "text" if isinstance(value, str) and value else found(value)
        document.refuse(loc, f"{label(loc)}: found {what}; allowed: a mapping with version and rules")
    elif isinstance(key, int):
        document.wrong(loc, _A_RULE)
    else:
        document.wrong(loc, _ALLOWED[key], partial(did_you_mean, value, _WORDS.get(key, ())))


def _model(loc: Loc) -> type[BaseModel]:
    if len(loc) == 1:
        return RuleSet
    return Message if "message" in loc[:-1] else Rule


def _other_key(loc: Loc) -> str:
    known = tuple(_model(loc).model_fields)
    meant = _OTHER_KEYS.get(str(loc[-1]).lower())
    return f'; did you mean "{meant}"?' if meant in known else ""
