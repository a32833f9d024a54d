"""Rules versions of the past, read again."""

import pytest

from marketing_cli.services.audit_asking import AskingRules
from marketing_cli.services.audit_rules import RulesOfThen
from marketing_cli.services.rules_files import parse_rules

TEXT = """\
version: 1
rules:
  - {name: a, on: x, when: [{prior_event: p, within: 1h}], message: {template: T, channel: sms}, limit: none}
  - {name: b, on: x, enabled: false, message: {template: T, channel: sms}, limit: none}
  - {name: c, on: y, message: {template: U, channel: sms}, limit: none}
"""


def test_each_version_is_read_once() -> None:
    """However often it is asked for."""
    asked: list[int] = []

    def read(version_id: int) -> tuple[str, str]:
        asked.append(version_id)
        return f"sha{version_id}", TEXT

    rules = RulesOfThen(read)
    for _ in range(3):
        assert rules.sha256(1) == "sha1"
        assert [rule.name for rule in rules.on(1, "x")] == ["a"]
    assert asked == [1]


@pytest.mark.parametrize(
    ("name", "event_type", "found"), [("a", "x", True), ("a", "y", False), ("b", "x", False), ("z", "x", False)]
)
def test_a_rule_is_found_by_name_and_type(name: str, event_type: str, found: bool) -> None:
    """If it was enabled."""
    assert (RulesOfThen(lambda _: ("", TEXT)).find(1, name, event_type) is not None) is found


@pytest.mark.parametrize("text", ["", "version: 9", "\x00", "rules: [", "version: 1\nrules:\n  - {name: a}\n"])
def test_rules_that_cannot_be_read(text: str) -> None:
    """Are none, with a note that names them; nothing fails."""
    rules = RulesOfThen(lambda _: ("0123456789abcdef", text))
    assert (rules.get(1), rules.on(1, "x"), rules.find(1, "a", "x")) == (None, (), None)
    (note,) = rules.notes
    assert note.startswith("The rules 0123456789ab that decided then cannot be read")


def test_which_rules_ask_for_a_template() -> None:
    """Those of now come first; each type is named once; disabled rules ask too."""
    first, second, third = parse_rules(TEXT, "t").rules
    asking = AskingRules("T", (second,), "now", before=(first, first), sha256_before=("newer", "older"))
    assert asking
    assert (asking.types, asking.types_now, asking.prior_types) == (["x"], ["x"], ["p"])
    assert [(rule.name, sha256) for rule, sha256 in asking.likely("x")] == [("b", "now"), ("a", "newer")]
    assert asking.likely("y") == []
    assert asking.note == "In the rules in force now, what asks for T is disabled."
    assert AskingRules("T", now=(first,), sha256_now="now").note is None
    assert (
        AskingRules("T", now=(), sha256_now="now", before=(first,)).note
        == "No rule in force now asks for T; earlier rules did."
    )
    assert AskingRules("U", now=(), sha256_now="now", before=(third,)).types_now == ["y"]
    assert not AskingRules("T", now=(), sha256_now="now")
