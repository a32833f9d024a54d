"""What a rules file may say, and what the engine is given for it."""

from datetime import timedelta

import pytest

from marketing_cli.schemas.rules import OPERATORS, PRESENCE, Channel, Condition, FieldCondition, Limit, RuleSet
from marketing_cli.services import rule_evaluation
from marketing_cli.services.rules_files import nearest_template, parse_rules, templates
from support.rule_texts import HEAD, flow_rule, with_condition, with_rule

FIELD = "field: properties.x\n"
MOMENT = "field: event.event_timestamp\n"


def only_condition(text: str) -> Condition:
    """The one condition of a file's one rule."""
    (rule,) = parse_rules(with_condition(text), "my.yaml").rules
    (condition,) = rule.when
    return condition


@pytest.mark.parametrize(
    ("condition", "operator", "expected"),
    [
        ("equals: PT", "equals", "PT"),
        ("equals: ''", "equals", ""),
        ("equals: true", "equals", True),
        ("equals: 1", "equals", 1),
        ("equals: 1.0", "equals", 1.0),
        ("equals: 1e3", "equals", 1000.0),
        ("equals: -0.5", "equals", -0.5),
        (f"equals: {2**63 - 1}", "equals", 2**63 - 1),
        (f"equals: {-(2**63)}", "equals", -(2**63)),
        ("equals: '014'", "equals", "014"),
        ("equals: no", "equals", "no"),
        ("equals: on", "equals", "on"),
        ("equals: 12:30", "equals", "12:30"),
        ("equals: 2025-11-01", "equals", "2025-11-01"),
        ('equals: "\\U0001F600"', "equals", "😀"),
        ("not_equals: false", "not_equals", False),
        ("in: [1, one, true, 1.5]", "in", (1, "one", True, 1.5)),
        ("not_in: [a]", "not_in", ("a",)),
        ("gt: 3", "gt", 3),
        ("gte: '3'", "gte", "3"),
        ("lt: 3.5", "lt", 3.5),
        ("lte: b", "lte", "b"),
        ("exists: true", "exists", True),
        ("missing: true", "missing", True),
    ],
)
def test_a_value_keeps_its_type(condition: str, operator: str, expected: object) -> None:
    """Text, numbers and booleans reach the engine as they are written; true is not 1, and 1.0 not 1."""
    built = only_condition(FIELD + condition)
    assert isinstance(built, FieldCondition)
    assert (built.field, built.operator, repr(built.expected)) == ("properties.x", operator, repr(expected))
    assert built.text == f"properties.x {operator}"


@pytest.mark.parametrize(
    ("field", "path"),
    [
        ("event.source", ("event", "source")),
        ("event.context.page", ("event", "context", "page")),
        ("event.event_id", ("event", "event_id")),
        ("event.property", ("event", "property")),
        ("properties.card.brand", ("properties", "card", "brand")),
        ("properties.properties.x", ("properties", "properties", "x")),
        ("'user_traits.first name'", ("user_traits", "first name")),
    ],
)
def test_a_dotted_path_leads_through_objects(field: str, path: tuple[str, ...]) -> None:
    """Each part between dots is a key."""
    condition = only_condition(f"field: {field}\nexists: true")
    assert isinstance(condition, FieldCondition)
    assert condition.path == path


@pytest.mark.parametrize("operator", [name for name in OPERATORS if name not in PRESENCE])
@pytest.mark.parametrize(
    "moment",
    [
        "2025-11-01T10:00:00Z",
        "2025-11-01t10:00:00+01:00",
        "'2025-11-01 10:00:00.123456789-11:30'",
        "2024-02-29T23:59:59Z",
    ],
)
def test_the_timestamp_compares_with_moments(operator: str, moment: str) -> None:
    """Whatever an event may have as its timestamp, a rule may compare it with."""
    value = f"[{moment}]" if operator in {"in", "not_in"} else moment
    assert only_condition(f"{MOMENT}{operator}: {value}").text == f"event.event_timestamp {operator}"


@pytest.mark.parametrize(
    ("within", "length"),
    [
        ("1s", timedelta(seconds=1)),
        ("90s", timedelta(seconds=90)),
        ("15m", timedelta(minutes=15)),
        ("24h", timedelta(hours=24)),
        ("024h", timedelta(hours=24)),
        ("7d", timedelta(days=7)),
        ("3660d", timedelta(days=3660)),
    ],
)
def test_a_prior_event_has_a_length_of_time(within: str, length: timedelta) -> None:
    """The length is kept to compare with, and as written for people."""
    condition = only_condition(f"prior_event: signup completed\nwithin: {within}")
    assert not isinstance(condition, FieldCondition)
    assert (condition.within, condition.within_text) == (length, within)
    assert condition.text == f"prior_event signup completed within {within}"


def test_a_rule_says_everything_it_can() -> None:
    """Every key of a rule, and what it becomes."""
    text = with_rule(
        """
        name: a
        description: >-
          Two
          lines.
        enabled: false
        on: x
        when: []
        message: {template: T, channel: internal_alert}
        limit: once_per_calendar_day
        timezone: Europe/Lisbon
        """
    )
    (rule,) = parse_rules(text, "my.yaml").rules
    assert (rule.name, rule.description, rule.enabled, rule.on, rule.when) == ("a", "Two lines.", False, "x", ())
    assert (rule.message.template, rule.message.channel) == ("T", Channel.INTERNAL_ALERT)
    assert (rule.limit, rule.timezone, rule.zone.key) == (Limit.ONCE_PER_CALENDAR_DAY, "Europe/Lisbon", "Europe/Lisbon")


def test_what_is_left_out_has_a_default() -> None:
    """The shortest rule is enabled, always matches, and counts days in UTC."""
    (rule,) = parse_rules(HEAD + flow_rule(), "my.yaml").rules
    assert (rule.description, rule.enabled, rule.when, rule.timezone) == ("", True, (), "UTC")


DAILY = "limit: once_per_calendar_day"


@pytest.mark.parametrize(
    "text",
    [
        "version: 1\nrules: []",
        '{"version": 1, "rules": []}',
        "\ufeffversion: 1\r\nrules: []\r\n",
        "%YAML 1.2\n---\nversion: 1\nrules: []\n...\n",
        HEAD + flow_rule("a") + flow_rule("b"),
        HEAD + flow_rule("a", rest=DAILY) + flow_rule("b", rest=f"{DAILY}, timezone: UTC"),
        HEAD + flow_rule("a") + flow_rule("b", rest="limit: once_ever, enabled: false"),
        HEAD + flow_rule("a", rest="limit: once_ever, enabled: false") + flow_rule("b"),
        HEAD + flow_rule("a") + flow_rule("A", template="t", rest="limit: once_ever"),
        HEAD + flow_rule("n" * 255),
        HEAD + flow_rule("'<<'"),
    ],
    ids=[
        "no rules",
        "JSON",
        "BOM and CRLF",
        "YAML 1.2 named",
        "same template, same limit",
        "UTC named and not named",
        "a disabled rule of another limit",
        "a disabled rule of another limit first",
        "names and templates in other capitals",
        "the longest name",
        "two signs that would be a merge key without quotes",
    ],
)
def test_a_good_file_loads(text: str) -> None:
    """These are all fine."""
    assert isinstance(parse_rules(text, "my.yaml"), RuleSet)


def test_rules_keep_the_order_of_the_file() -> None:
    """Rules are looked at in the order in which they stand."""
    names = ["c", "a", "b"]
    rule_set = parse_rules(HEAD + "".join(flow_rule(name) for name in names), "my.yaml")
    assert [rule.name for rule in rule_set.on("x")] == names


def test_templates_are_listed_once_with_those_of_disabled_rules() -> None:
    """What a user can be asked about, and the nearest to a word that names none of it."""
    text = HEAD + flow_rule("a", "WELCOME") + flow_rule("b", "ALERT", "limit: none, enabled: false")
    rule_set = parse_rules(text + flow_rule("c", "WELCOME"), "my.yaml")
    assert templates(rule_set) == ("WELCOME", "ALERT")
    assert nearest_template(rule_set, "welcom") == "WELCOME"
    assert nearest_template(rule_set, "zzz") is None


def test_every_operator_of_the_file_is_one_the_engine_knows() -> None:
    """An operator cannot be allowed in one place and unknown in the other."""
    assert set(rule_evaluation.OPERATORS) | set(PRESENCE) == set(OPERATORS)
