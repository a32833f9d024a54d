"""The reference of the rules shows what loads, and leaves nothing out."""

import re

import pytest

from marketing_cli.errors import BadConfig
from marketing_cli.schemas.rules import OPERATORS, Channel, Limit, Message, Rule, RuleSet
from marketing_cli.schemas.rules_lint import LintCode
from marketing_cli.services.rules_files import load_rules, parse_rules
from marketing_cli.services.rules_testing_cases import parse_cases
from marketing_cli.services.rules_testing_fields import CASE, FILE, THEN, Keys
from marketing_cli.services.rules_testing_run import run_case
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


def test_the_example_of_cases_passes() -> None:
    """On the shipped rules: a reader may copy it."""
    (example,) = re.findall(r"```yaml cases\n(.*?)```", REFERENCE, re.DOTALL)
    rules = load_rules(None).rule_set
    results = [run_case(case, rules) for case in parse_cases(example, "docs/rules.md", rules)]
    assert len(results) > 1
    assert [result for result in results if result.status != "passed"] == []


@pytest.mark.parametrize(
    "word", [*FILE.known, *CASE.known, *THEN.known, *Keys.of_outcome("suppressions").known, *LintCode]
)
def test_every_key_of_a_case_and_every_finding_is_explained(word: str) -> None:
    """In the tables, or in the example."""
    assert re.search(rf"`{word}`|^{word}:", REFERENCE, re.MULTILINE)
