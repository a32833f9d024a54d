"""Files made to blow up, and files of no sense at all: each is refused, quickly, with a line."""

import time
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from marketing_cli.errors import BadConfig
from marketing_cli.schemas.rules import RuleSet
from marketing_cli.services.rules_files import parse_rules
from support.rule_texts import HEAD, flow_rule, with_condition

KIB = 1024
LEVELS = 9


def billion_laughs() -> str:
    """Nine lists, each of nine of the list before."""
    lists = (f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, LEVELS))
    return "version: 1\nl0: &l0 [lol]\n" + "\n".join(lists)


def merge_bomb() -> str:
    """Twenty-two mappings, each merged twice into the next."""
    mappings = (f"m{n}: {{<<: [*m{n - 1}, *m{n - 1}]}}" for n in range(1, 22))
    return "version: 1\nm0: {a: 1}\n" + "\n".join(mappings)


BOMBS: list[tuple[str, Callable[[], str], str]] = [
    ("billion laughs", billion_laughs, "2:5: an anchor"),
    ("merge-key bomb", merge_bomb, "3:6: a merge key"),
    ("a list that holds itself", lambda: "version: 1\nrules: &a [*a]", "2:8: an anchor"),
    ("10,000 brackets", lambda: "version: 1\nrules: " + "[" * 10_000, "2:39: nested deeper than 32 levels"),
    ("10,000 braces", lambda: "version: 1\nrules: " + "{a: " * 10_000, "2:132: nested deeper than 32 levels"),
    ("10,000 dashes", lambda: "version: 1\nrules:\n  " + "- " * 10_000, "3:65: nested deeper than 32 levels"),
    ("10,000 question marks", lambda: "? " * 10_000, "1:65: nested deeper than 32 levels"),
    ("500 steps inwards", lambda: "\n".join(f"{' ' * n}a:" for n in range(500)), "33:33: nested deeper than 32"),
    ("a text of 1 MB", lambda: "version: 1\nrules: " + "x" * 1024 * KIB, "1:1: the rules are longer"),
    ("100,000 anchors", lambda: "rules:\n" + "- &a\n" * 100_000, "1:1: the rules are longer"),
    ("50,000 anchors", lambda: "rules:\n" + "- &a\n" * 50_000, "2:3: an anchor"),
    ("30,000 items", lambda: "rules:\n" + "- x\n" * 30_000, "19997:3: more than 20,000 keys, values and brackets"),
    ("20,000 keys", lambda: "".join(f"k{n}: x\n" for n in range(20_000)), "9999:8: more than 20,000"),
    ("a Python object", lambda: "rules: !!python/object/apply:os.system [true]", "1:8: a tag"),
    ("a Python name", lambda: "rules: !!python/name:os.system", "1:8: a tag"),
    ("a tag of its own", lambda: "%TAG ! tag:x,2000:\n---\nrules: !x 1", "3:8: a tag"),
    ("a YAML of the future", lambda: "# rules\n%YAML 1.22\nrules: []", "2:1: a directive for another version of YAML"),
    ("a YAML of another world", lambda: "%YAML 7.1\n---\nrules: []", "1:1: not valid YAML"),
    ("a version of 4,000 digits", lambda: f"%YAML 1.{'9' * 4000}\n---\nrules: []", "1:1: a directive for another"),
    ("wide and deep", lambda: "rules: " + "[" * 31 + "a," * 9_000 + "]" * 31, "1:9: item 1 of rules: found a list"),
    ("256 KiB in quotes", lambda: "rules: '" + " a\n" * 65_000 + "'", "1:8: rules: found the text"),
    ("256 KiB of text", lambda: "rules: " + "a " * 130_000, "1:8: rules: found the text"),
    ("256 KiB of block text", lambda: "rules: |\n" + " x\n" * 87_000, "1:8: rules: found the text"),
    ("256 KiB of blank lines", lambda: "\n" * 262_000, "1:1: the file: found nothing"),
    ("a key of 256 KiB", lambda: "? " + "x" * 262_000, '1:3: unknown key "xxx'),
    ("256 KiB of digits", lambda: "rules: " + "9" * 262_000, "1:8: found the number 999"),
    ("256 KiB of a number's beginning", lambda: "rules: " + "1_" * 130_000 + "x", "1:8: rules: found the text"),
    ("256 KiB of open quotes", lambda: "rules: " + "\"'" * 130_000, "1:"),
    ("a long word for a limit", lambda: HEAD + flow_rule(rest=f"limit: {'n' * 200_000}"), "3:67: limit: found"),
    ("a long zone", lambda: HEAD + flow_rule(rest=f"limit: none, timezone: {'n' * 200_000}"), "3:73: `timezone`"),
    ("a path of 100,000 parts", lambda: with_condition(f"field: x{'.x' * 100_000}\ngt: 1"), "6:16: field: found"),
    ("4,900 unknown zones", lambda: HEAD + "".join(f"- {{timezone: L{n}}}\n" for n in range(4_900)), "3:14: timezone"),
    ("9,900 unknown keys", lambda: "".join(f"version{n}: \n" for n in range(9_900)), "1:1: "),
]


@pytest.mark.parametrize(("make", "message"), [row[1:] for row in BOMBS], ids=[row[0] for row in BOMBS])
def test_a_bomb_is_refused_quickly_with_its_line(make: Callable[[], str], message: str) -> None:
    """Work and memory do not grow with what a small file pretends to be."""
    text = make()
    start = time.process_time()
    with pytest.raises(BadConfig) as error:
        parse_rules(text, "my.yaml")
    # A tenth to four tenths of a second, unless the machine is busy with other things.
    assert time.process_time() - start < 2
    assert any(line.startswith(f"my.yaml:{message}") for line in str(error.value).split("\n"))
    assert len(str(error.value)) < 10_000


@pytest.mark.parametrize(("levels", "fine"), [(29, True), (30, False)])
def test_thirty_two_levels_are_the_limit(levels: int, fine: bool) -> None:
    """The file, its rules and the rule are the first three."""
    with pytest.raises(BadConfig) as error:
        parse_rules(f"{HEAD}  - {{name: {'[' * levels}{']' * levels}}}", "my.yaml")
    assert ("nested deeper" not in str(error.value)) is fine


def refused_or_loaded(text: str) -> None:
    """Anything but rules or BadConfig with a place is a bug."""
    try:
        assert isinstance(parse_rules(text, "my.yaml"), RuleSet)
    except BadConfig as error:
        message = str(error)
        assert message.startswith("my.yaml:")
        assert all(char.isprintable() or char == "\n" for char in message)


@given(st.text(st.characters(exclude_categories=()), max_size=200))
@example('"\\UFFFFFFFF"')
@example("%YAML 1." + "9" * 5000 + "\n--- a")
@example("[0, {a]")
def test_arbitrary_text_is_refused_or_loads(text: str) -> None:
    """Never another error, whatever the characters."""
    refused_or_loaded(text)


PUNCTUATION = ["b: ", "- ", "? ", "{", "}", "[", "]", ",", "'", '"', "|", ">", "&a", "*a", "!", "%", "---", "...", "<<"]
OTHERS = [
    "a",
    "0",
    "1e9",
    ".inf",
    "~",
    "true",
    "é",
    "@",
    "|99",
    "# ",
    "\\",
    "\\ud800",
    "\\0",
    " ",
    "\n",
    "\t",
    "\r",
    "\x85",
]
YAML_PIECES = st.sampled_from([*PUNCTUATION, *OTHERS])


@given(st.lists(YAML_PIECES, max_size=25).map("".join))
def test_arbitrary_yaml_is_refused_or_loads(text: str) -> None:
    """Never another error, also for what looks like YAML."""
    refused_or_loaded(text)


VALUES = st.recursive(
    st.sampled_from(
        ["none", "once_ever", "once_per_calendar_day", "email", "a", "UTC", "24h", "1", "true", "false", "~"]
    )
    | st.sampled_from(["''", "properties.x", "event.event_timestamp", "2025-11-01T10:00:00Z", ".inf", "014", "-2.5"]),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]")
        | st.dictionaries(st.sampled_from(["name", "template", "channel", "field", "gt", "x"]), inner, max_size=3).map(
            lambda items: "{" + ", ".join(f"{key}: {value}" for key, value in items.items()) + "}"
        )
    ),
    max_leaves=6,
)


def mapping_of(*keys: str) -> st.SearchStrategy[str]:
    """A mapping with some of these keys and any values."""
    return st.dictionaries(st.sampled_from(keys), VALUES, max_size=len(keys)).map(
        lambda items: "{" + ", ".join(f"{key}: {value}" for key, value in items.items()) + "}"
    )


CONDITIONS = mapping_of("field", "equals", "in", "gt", "exists", "prior_event", "within")
RULES = st.tuples(
    mapping_of("name", "description", "enabled", "on", "message", "limit", "timezone"), st.lists(CONDITIONS, max_size=3)
).map(lambda parts: parts[0][:-1] + f"{', ' if parts[0] != '{}' else ''}when: [{', '.join(parts[1])}]}}")


@given(st.lists(RULES, max_size=3), VALUES | st.just("1"))
def test_rules_with_any_values_are_refused_or_load(rules: list[str], version: str) -> None:
    """Never another error, also for the right keys with the wrong values."""
    refused_or_loaded(f"version: {version}\nrules: [{', '.join(rules)}]")
