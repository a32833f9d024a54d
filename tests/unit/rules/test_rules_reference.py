"""The reference of the rules shows what loads, and leaves nothing out."""

import re

import pytest

from marketing_cli.errors import BadConfig
from marketing_cli.schemas.rules import OPERATORS, Channel, Limit, Message, Rule, RuleSet
from marketing_cli.services.rules_files import parse_rules
from support.program import ROOT
from support.rule_texts import HEAD, RULE_REST

REFERENCE = (ROOT / "docs" / "rules.md").read_text()
EXAMPLES = re.findall(r"```yaml\n(.*?)```", REFERENCE, re.DOTALL)


def indented(text: str, columns: int) -> str:
    """The text, as far to the right as it stands in a file."""
    return "".join(" " * columns + line for line in text.splitlines(keepends=True))


def whole_file(example: str) -> str:
    """A file, a rule or a list of conditions, as a file."""
    if example.startswith("version:"):
        return example
    if example.startswith("- name:"):
        return HEAD + indented(example, 2)
    return f"{HEAD}  - name: a\n    on: x\n    when:\n{indented(example, 6)}{RULE_REST}"


@pytest.mark.parametrize("example", EXAMPLES, ids=[example.split("\n")[0] for example in EXAMPLES])
def test_every_example_loads(example: str) -> None:
    """A reader may copy any of them."""
    assert parse_rules(whole_file(example), "docs/rules.md").rules


@pytest.mark.parametrize("word", [*OPERATORS, *Limit, "timezone", "within"])
def test_every_condition_and_limit_has_an_example(word: str) -> None:
    """One that is not shown is one that nobody finds."""
    assert any(re.search(rf"\b{word}\b", example) for example in EXAMPLES)


@pytest.mark.parametrize("word", [*Channel, *(key for model in (RuleSet, Rule, Message) for key in model.model_fields)])
def test_every_key_and_channel_is_explained(word: str) -> None:
    """The tables name them all."""
    assert f"`{word}`" in REFERENCE


def test_the_broken_example_gives_the_messages_shown() -> None:
    """What the reader will see is what the reference shows."""
    shown = re.search(r"```yaml broken\n(.*?)```.*?```text\n(.*?)```", REFERENCE, re.DOTALL)
    assert shown
    with pytest.raises(BadConfig) as error:
        parse_rules(shown[1], "my-rules.yaml")
    assert f"{error.value}\n" == shown[2]
