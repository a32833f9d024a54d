"""Each thing that can be wrong with a rules file is told with its place, what was found and what is allowed."""

import pytest

from marketing_cli.errors import BadConfig
from marketing_cli.services.rules_files import parse_rules
from support.rule_texts import HEAD, RULE_REST, flow_rule, with_condition, with_rule

FIELD = "field: properties.x\n"
PRIOR = "prior_event: x\n"
MOMENT = "field: event.event_timestamp\n"
DAILY = "limit: once_per_calendar_day"
REST = "message: {template: T, channel: sms}\nlimit: none"


def rule(lines: str, rest: str = "limit: none") -> str:
    """A file with one rule that has all it needs, and these lines from line 6 on."""
    return with_rule(f"name: a\non: x\nmessage: {{template: T, channel: sms}}\n{lines}\n{rest}")


# Each row: what it is about, the file, and for each problem its place and pieces of its text.
FILES = [
    ("an empty file", "", {"1:1": ["found nothing (null)", "allowed: a mapping with version and rules"]}),
    ("only a comment", "# rules\n", {"1:1": ["found nothing"]}),
    ("a number as the file", "5", {"1:1": ["found the number 5"]}),
    ("a list as the file", "- a", {"1:1": ["found a list", "a mapping with version and rules"]}),
    ("no version", "rules: []", {"1:1": ["missing version", "1, the only version this program knows"]}),
    ("no rules", "\nversion: 1", {"2:1": ["missing rules", "rules: []"]}),
    ("rules left empty", "version: 1\nrules:\n", {"2:1": ["rules: found nothing (null)", "write `rules: []`"]}),
    ("rules that are a mapping", "version: 1\nrules: {}", {"2:8": ["found a mapping", "a list of rules"]}),
    ("a later version", "version: 2\nrulez: []", {"1:10": ["found the number 2", "1, the only version this program"]}),
    ("an earlier version", "version: 0\nrules: []", {"1:10": ["found the number 0"]}),
    ("version true", "version: true\nrules: []", {"1:10": ["found the boolean true"]}),
    ("version 1.0", "version: 1.0\nrules: []", {"1:10": ["found the number 1.0"]}),
    ("version as text", "version: '1'\nrules: []", {"1:10": ['found the text "1"']}),
    ("an unknown key of the file", "version: 1\nrulez: []\nrules: []", {"2:1": ['"rulez"', 'did you mean "rules"?']}),
    ("an unknown key that is near nothing", "version: 1\nzzz: 1\nrules: []", {"2:1": ["allowed here: version, rules"]}),
    # rules
    (
        "a rule that is text",
        HEAD + "  - a\n",
        {"3:5": ["item 1 of rules", 'the text "a"', "name, on, message and limit"]},
    ),
    ("a rule left empty", HEAD + "  -\n", {"3:4": ["item 1 of rules: found nothing"]}),
    ("an empty rule", HEAD + "  - {}\n", {"3:5": ["missing name, on, message, limit"]}),
    ("no name", HEAD + "  - on: x\n" + RULE_REST, {"3:5": ["missing name", "text of 1 to 255 characters"]}),
    ("an empty name", with_rule(f"name: ''\non: x\n{REST}"), {"3:11": ["name: found an empty text", "1 to 255"]}),
    ("a blank name", with_rule(f"name: '  '\non: x\n{REST}"), {"3:11": ['name: found the text "  "']}),
    ("an unseen name", with_rule(f'name: "\\u200b"\non: x\n{REST}'), {"3:11": ['found the text "\\u200b"']}),
    ("a long name", with_rule(f"name: {'n' * 256}\non: x\n{REST}"), {"3:11": ['"' + "n" * 59 + '…"; allowed']}),
    ("a number as name", with_rule(f"name: 7\non: x\n{REST}"), {"3:11": ["name: found the number 7"]}),
    ("a number as type", with_rule(f"name: a\non: 7\n{REST}"), {"4:9": ["on: found the number 7", "an event type"]}),
    ("a boolean as type", with_rule(f"name: a\non: true\n{REST}"), {"4:9": ["on: found the boolean true"]}),
    ("a null description", rule("description:"), {"6:5": ["description: found nothing", "allowed: text"]}),
    ("enabled: yes", rule("enabled: yes"), {"6:14": ['enabled: found the text "yes"', "true or false"]}),
    ("enabled: 1", rule("enabled: 1"), {"6:14": ["enabled: found the number 1"]}),
    ("a misspelt key", rule("discription: x"), {"6:5": ['unknown key "discription"', 'did you mean "description"?']}),
    ("another tool's key", rule("trigger: x"), {"6:5": ['unknown key "trigger"', 'did you mean "on"?']}),
    ("a key with an escape", rule('"a\\e[31m": x'), {"6:5": ['unknown key "a\\u001b[31m"']}),
    ("conditions left empty", rule("when:"), {"6:5": ["when: found nothing", "leave `when` out"]}),
    ("one condition, no list", rule("when: {field: properties.x, equals: 1}"), {"6:11": ["when: found a mapping"]}),
    (
        "message as text",
        with_rule("name: a\non: x\nmessage: T\nlimit: none"),
        {"5:14": ['the text "T"', "template and"]},
    ),
    (
        "no channel",
        with_rule("name: a\non: x\nmessage: {template: T}\nlimit: none"),
        {"5:14": ["missing channel", "sms"]},
    ),
    (
        "a misspelt channel",
        with_rule("name: a\non: x\nmessage: {template: T, channel: emial}\nlimit: none"),
        {"5:37": ['channel: found the text "emial"', "email, sms, internal_alert", 'did you mean "email"?']},
    ),
    (
        "a channel in capitals",
        with_rule("name: a\non: x\nmessage: {template: T, channel: SMS}\nlimit: none"),
        {"5:37": ['found the text "SMS"', 'did you mean "sms"?']},
    ),
    (
        "half a channel",
        with_rule("name: a\non: x\nmessage: {template: T, channel: internal}\nlimit: none"),
        {"5:37": ['did you mean "internal_alert"?']},
    ),
    (
        "an empty template",
        with_rule("name: a\non: x\nmessage: {template: '', channel: sms}\nlimit: none"),
        {"5:25": ["template: found an empty text"]},
    ),
    ("a limit in capitals", rule("", "limit: Once_Ever"), {"7:12": ["none, once_ever, once_per", 'mean "once_ever"?']}),
    ("half a limit", rule("", "limit: once"), {"7:12": ['did you mean "once_ever"?']}),
    ("a limit left empty", rule("", "limit:"), {"7:5": ["limit: found nothing (null)"]}),
    ("a limit that is a list", rule("", "limit: [none]"), {"7:12": ["limit: found a list"]}),
    # time zones
    (
        "a zone nobody knows",
        rule(DAILY, "timezone: Europe/Lisbonn"),
        {"7:15": ['"Europe/Lisbonn"', 'mean "Europe/Lisbon"?']},
    ),
    ("a city alone", rule(DAILY, "timezone: lisbon"), {"7:15": ['did you mean "Europe/Lisbon"?']}),
    ("a zone in other capitals", rule(DAILY, "timezone: europe/lisbon"), {"7:15": ['mean "Europe/Lisbon"?']}),
    ("an offset as zone", rule(DAILY, "timezone: +01:00"), {"7:15": ['found the text "+01:00"', "an IANA time zone"]}),
    ("the machine's own zone", rule(DAILY, "timezone: localtime"), {"7:15": ["timezone: found"]}),
    ("a path as zone", rule(DAILY, "timezone: ../UTC"), {"7:15": ["timezone: found"]}),
    ("a zone that is null", rule(DAILY, "timezone:"), {"7:5": ["timezone: found nothing"]}),
    (
        "a zone with once_ever",
        rule("limit: once_ever", "timezone: UTC"),
        {"7:5": ["once_per_calendar_day only", "delete it"]},
    ),
    ("a zone with none", rule("limit: none", "timezone: UTC"), {"7:5": ["with none, delete it"]}),
    # rules among each other
    (
        "a name used twice",
        HEAD + flow_rule() + flow_rule(),
        {"4:12": ['name: found the text "a"', "the same name is in line 3"]},
    ),
    (
        "a name used twice, once disabled",
        HEAD + flow_rule(rest="limit: none, enabled: false") + flow_rule(),
        {"4:12": ["the same name is in line 3"]},
    ),
    (
        "two limits for a template",
        HEAD + flow_rule("a") + flow_rule("b", rest="limit: once_ever"),
        {"4:67": ['found once_ever for template "T", which has none in line 3', "one limit and timezone"]},
    ),
    (
        "two zones for a template",
        HEAD + flow_rule("a", rest=DAILY) + flow_rule("b", rest=f"{DAILY}, timezone: Asia/Tokyo"),
        {"4:67": ["found once_per_calendar_day in Asia/Tokyo", "once_per_calendar_day in UTC in line 3"]},
    ),
    # conditions
    ("a condition that is text", with_condition("x"), {"6:9": ["item 1 of when", "a mapping with `field`"]}),
    ("an empty condition", with_condition("{}"), {"6:9": ["neither `field` nor `prior_event`"]}),
    ("within alone", with_condition("within: 3s"), {"6:9": ["neither `field` nor `prior_event`"]}),
    (
        "both kinds",
        with_condition(FIELD + PRIOR + "within: 3s"),
        {"7:9": ["`field` and `prior_event` in one condition"]},
    ),
    ("no operator", with_condition(FIELD), {"6:9": ["no operator", "equals, not_equals, in, not_in, gt"]}),
    (
        "two operators",
        with_condition(FIELD + "gt: 1\nlt: 5"),
        {"8:9": ["`lt` beside `gt`", "one operator per condition"]},
    ),
    ("a misspelt operator", with_condition(FIELD + "equal: 1"), {"7:9": ['"equal"', 'did you mean "equals"?']}),
    ("a sign as operator", with_condition(FIELD + '">=": 1'), {"7:9": ['unknown key ">="', 'did you mean "gte"?']}),
    ("another tool's operator", with_condition(FIELD + "eq: 1"), {"7:9": ['did you mean "equals"?']}),
    ("a misspelt field key", with_condition("feild: properties.x\ngt: 1"), {"6:9": ['did you mean "field"?']}),
    (
        "within beside a field",
        with_condition(FIELD + "gt: 1\nwithin: 3s"),
        {"8:9": ["`within` belongs to `prior_event`"]},
    ),
    # field paths
    ("a root alone", with_condition("field: properties\nequals: 1"), {"6:16": ["properties.<key>", "no empty part"]}),
    ("no root", with_condition("field: amount\nequals: 1"), {"6:16": ['found the text "amount"', "event.<key>"]}),
    ("a misspelt root", with_condition("field: property.a.b\nequals: 1"), {"6:16": ['did you mean "properties.a.b"?']}),
    ("a root in capitals", with_condition("field: Event.a\nequals: 1"), {"6:16": ['did you mean "event.a"?']}),
    (
        "half a root",
        with_condition("field: user.country\nequals: PT"),
        {"6:16": ['did you mean "user_traits.country"?']},
    ),
    (
        "an empty part",
        with_condition("field: properties..x\nequals: 1"),
        {"6:16": ['"properties..x"', "no empty part"]},
    ),
    ("a dot at the end", with_condition("field: event.\nequals: 1"), {"6:16": ["no empty part"]}),
    (
        "properties under event",
        with_condition("field: event.properties.a\nequals: 1"),
        {"6:16": ["; write properties.a"]},
    ),
    (
        "traits under event",
        with_condition("field: event.user_traits\nequals: 1"),
        {"6:16": ["write user_traits.<key>"]},
    ),
    ("a field that is a number", with_condition("field: 3\nequals: 1"), {"6:16": ["field: found the number 3"]}),
    ("a field that is null", with_condition("field:\nequals: 1"), {"6:9": ["field: found nothing"]}),
    # expected values
    ("equals null", with_condition(FIELD + "equals: null"), {"7:17": ["found nothing (null)", "use `missing: true`"]}),
    ("not_equals left empty", with_condition(FIELD + "not_equals:"), {"7:9": ["use `missing: true`"]}),
    (
        "equals a list",
        with_condition(FIELD + "equals: [1]"),
        {"7:17": ["found a list", "text, a number, true or false"]},
    ),
    ("equals a mapping", with_condition(FIELD + "equals: {a: 1}"), {"7:17": ["equals: found a mapping"]}),
    ("gt a boolean", with_condition(FIELD + "gt: true"), {"7:13": ["found the boolean true", "a number or text"]}),
    ("lte null", with_condition(FIELD + "lte: ~"), {"7:14": ["found nothing", "use `missing: true`"]}),
    ("an empty list", with_condition(FIELD + "in: []"), {"7:13": ["found an empty list", "at least one value"]}),
    ("in without a list", with_condition(FIELD + "in: PT"), {"7:13": ['found the text "PT"', "a list with at least"]}),
    ("not_in null", with_condition(FIELD + "not_in:"), {"7:9": ["found nothing", "use `missing: true`"]}),
    (
        "null in a list",
        with_condition(FIELD + "in: [1, ~]"),
        {"7:17": ["item 2 of in: found nothing", "`missing: true`"]},
    ),
    ("a list in a list", with_condition(FIELD + "in: [[a]]"), {"7:14": ["item 1 of in: found a list"]}),
    (
        "exists: false",
        with_condition(FIELD + "exists: false"),
        {"7:17": ["found the boolean false", "write `missing: true`"]},
    ),
    ("missing: false", with_condition(FIELD + "missing: false"), {"7:18": ["write `exists: true`"]}),
    ("exists: yes", with_condition(FIELD + "exists: yes"), {"7:17": ['found the text "yes"', "allowed: true"]}),
    ("exists: 1", with_condition(FIELD + "exists: 1"), {"7:17": ["found the number 1"]}),
    # numbers
    ("infinity", with_condition(FIELD + "gt: .inf"), {"7:13": ["found the number .inf", "finite numbers"]}),
    ("not a number", with_condition(FIELD + "in: [1, .nan]"), {"7:17": ["found the number .nan", "finite numbers"]}),
    ("a float too large", with_condition(FIELD + "gt: 1e400"), {"7:13": ["found the number 1e400", "1.8e308"]}),
    ("an integer too large", with_condition(FIELD + f"gt: {2**63}"), {"7:13": [f"found the number {2**63}", "-2^63"]}),
    ("an integer too small", with_condition(FIELD + f"lt: {-(2**63) - 1}"), {"7:13": ["integers from -2^63"]}),
    ("5,000 digits", with_condition(FIELD + f"gt: {'9' * 5000}"), {"7:13": ["9" * 59 + "…; allowed: integers"]}),
    ("an octal number", with_condition(FIELD + "equals: 014"), {"7:17": ["found the number 014", "put it in quotes"]}),
    ("a hexadecimal number", with_condition(FIELD + "equals: 0x1F"), {"7:17": ["found the number 0x1F"]}),
    ("underscores in a number", with_condition(FIELD + "gte: 1_000"), {"7:14": ["found the number 1_000"]}),
    ("no digit before the point", with_condition(FIELD + "gte: .5"), {"7:14": ["found the number .5", "-2.5 or 1e3"]}),
    ("a plus sign", with_condition(FIELD + "gte: +3"), {"7:14": ["found the number +3"]}),
    # moments
    ("a date alone", with_condition(MOMENT + "gte: 2025-11-01"), {"7:14": ['"2025-11-01"', "a time with its offset"]}),
    ("no offset", with_condition(MOMENT + "lt: 2025-11-01T10:00:00"), {"7:13": ["2025-11-01T10:00:00Z"]}),
    ("no such day", with_condition(MOMENT + "gt: 2025-02-29T10:00:00Z"), {"7:13": ["a time with its offset"]}),
    ("second 60", with_condition(MOMENT + "equals: 2016-12-31T23:59:60Z"), {"7:17": ["a time with its offset"]}),
    ("a number as moment", with_condition(MOMENT + "gt: 1764000000"), {"7:13": ["found the number 1764000000"]}),
    ("before all time", with_condition(MOMENT + "gt: 0001-01-01T00:00:00+01:00"), {"7:13": ["from 1970 to 9999"]}),
    ("a moment in a list", with_condition(MOMENT + "in: [2025-11-01]"), {"7:14": ["item 1 of in", "with its offset"]}),
    ("a null moment", with_condition(MOMENT + "not_equals: ~"), {"7:21": ["found nothing", "use `missing: true`"]}),
    # prior events
    ("no within", with_condition("prior_event: x"), {"6:9": ["`within` is missing", "90s, 15m, 24h, 7d"]}),
    (
        "within without a unit",
        with_condition(PRIOR + "within: 24"),
        {"7:17": ["found the number 24", "one unit of s, m, h, d"]},
    ),
    ("within with a space", with_condition(PRIOR + "within: 24 h"), {"7:17": ['found the text "24 h"']}),
    ("half hours", with_condition(PRIOR + "within: 1.5h"), {"7:17": ['found the text "1.5h"', "an integer"]}),
    ("within in capitals", with_condition(PRIOR + "within: 24H"), {"7:17": ['found the text "24H"']}),
    ("within weeks", with_condition(PRIOR + "within: 2w"), {"7:17": ['found the text "2w"']}),
    ("two units", with_condition(PRIOR + "within: 1d12h"), {"7:17": ['found the text "1d12h"']}),
    ("no time at all", with_condition(PRIOR + "within: 0s"), {"7:17": ['found the text "0s"', "above 0"]}),
    ("back to the future", with_condition(PRIOR + "within: -1h"), {"7:17": ['found the text "-1h"']}),
    ("over ten years", with_condition(PRIOR + "within: 3661d"), {"7:17": ["at most 3660d"]}),
    ("a second over ten years", with_condition(PRIOR + f"within: {3660 * 86400 + 1}s"), {"7:17": ["at most 3660d"]}),
    ("beyond all numbers", with_condition(PRIOR + f"within: {'9' * 5000}d"), {"7:17": ["at most 3660d"]}),
    ("other digits", with_condition(PRIOR + "within: ٣h"), {"7:17": ["an integer"]}),
    ("within null", with_condition(PRIOR + "within:"), {"7:9": ["within: found nothing"]}),
    ("no type", with_condition("prior_event: ''\nwithin: 1h"), {"6:22": ["prior_event: found an empty text"]}),
    ("a number as prior type", with_condition("prior_event: 3\nwithin: 1h"), {"6:22": ["found the number 3"]}),
    ("an operator too many", with_condition(PRIOR + "within: 1h\ngte: 3"), {"8:9": ["`gte` belongs to `field`"]}),
    # what YAML may be used
    (
        "a key twice",
        "version: 1\nversion: 1\nrules: []",
        {"2:1": ['the key "version"', "a second time (first in line 1)"]},
    ),
    ("an operator twice", with_condition(FIELD + "gt: 1\ngt: 2"), {"8:9": ["(first in line 7)"]}),
    ("a number as key", "version: 1\n3: x\nrules: []", {"2:1": ["found the number 3 as a key", "allowed: text"]}),
    ("null as key", "version: 1\n~: x\nrules: []", {"2:1": ["found nothing (null) as a key"]}),
    ("a list as key", "version: 1\n? [a]\n: x\nrules: []", {"2:3": ["found a list as a key"]}),
    ("an anchor", HEAD + "  - &a {}\n", {"3:5": ["an anchor (&name)", "write the values out"]}),
    ("an alias", HEAD + "  - *a\n", {"3:5": ["an alias (*name)", "write the value out"]}),
    ("a tag", "version: !!int 1\nrules: []", {"1:10": ["a tag (!name)", "write plain values"]}),
    ("the tag that says nothing", "version: ! 1\nrules: []", {"1:10": ["a tag (!name)"]}),
    ("a merge key", HEAD + "  - {<<: {name: a}}\n", {"3:6": ["a merge key (<<)", "write the keys out"]}),
    ("two documents", "version: 1\n---\nrules: []", {"2:1": ["a second YAML document"]}),
    ("YAML 1.1", "%YAML 1.1\n---\nversion: 1\nrules: []", {"2:1": ["rules are YAML 1.2"]}),
    ("a tab", "version: 1\nrules:\n\t- a", {"3:1": ["a tab; indent with spaces"]}),
    ("an open quote", "version: 1\nrules: 'x\n", {"2:8": ["a quote that is never closed"]}),
    ("an open bracket", "version: 1\nrules: [\n", {"2:8": ["a bracket, a brace or a quote is not closed"]}),
    ("a colon in text", "version: 1\nrules: a: b\n", {"2:9": ["put text that holds `: ` in quotes"]}),
    ("text that begins with @", "version: 1\nrules: @x\n", {"2:8": ["put the text in quotes"]}),
    ("a lone surrogate", with_rule(f'name: "\\ud800"\non: x\n{REST}'), {"3:11": ["found text with \\ud800"]}),
    ("NUL by an escape", with_rule(f'name: "\\0"\non: x\n{REST}'), {"3:11": ["found text with \\u0000"]}),
    ("NUL itself", "version: 1\n# \0\nrules: []", {"2:3": ["the character \\u0000 cannot stand in rules"]}),
    ("a control character", "version: 1\r\n# \x1b[31m\r\nrules: []", {"2:3": ["the character \\u001b"]}),
    ("a surrogate itself", "version: 1\n# \ud800\nrules: []", {"2:3": ["the character \\ud800"]}),
    ("a line separator", "version: 1\n# a\u2028b\nrules: []", {"2:4": ["the character \\u2028"]}),
    ("a character beyond all", 'version: 1\nrules: "\\UFFFFFFFF"', {"2:9": ["not valid YAML", "has no meaning"]}),
]


@pytest.mark.parametrize(("text", "expected"), [row[1:] for row in FILES], ids=[row[0] for row in FILES])
def test_a_bad_file_is_told_what_is_wrong_and_where(text: str, expected: dict[str, list[str]]) -> None:
    """One line per problem, at its place, and no line for anything that is right."""
    with pytest.raises(BadConfig) as error:
        parse_rules(text, "my.yaml")
    lines = dict(line.removeprefix("my.yaml:").split(": ", 1) for line in str(error.value).split("\n"))
    assert lines.keys() == expected.keys()
    for place, pieces in expected.items():
        assert [piece for piece in pieces if piece not in lines[place]] == []


def test_all_problems_are_told_in_the_order_of_the_file() -> None:
    """Those of reading, of each value and of rules among each other come together."""
    text = HEAD + flow_rule("a", rest="limit: nome") + flow_rule("a", rest="limit: none, enabled: 0x1") + "extra: 1\n"
    with pytest.raises(BadConfig) as error:
        parse_rules(text, "my.yaml")
    assert [line.split(": ")[0] for line in str(error.value).split("\n")] == [
        "my.yaml:3:67",
        "my.yaml:4:12",
        "my.yaml:4:82",
        "my.yaml:5:1",
    ]


@pytest.mark.parametrize(("wrong", "last"), [(20, "my.yaml:22:5: item 20"), (23, "my.yaml: and 3 more")])
def test_at_most_twenty_problems_are_told(wrong: int, last: str) -> None:
    """A file that is wrong all over does not flood the screen, and says how much is left."""
    with pytest.raises(BadConfig) as error:
        parse_rules(HEAD + "  - x\n" * wrong, "my.yaml")
    lines = str(error.value).split("\n")
    assert len(lines) == 20 + (wrong > 20)
    assert lines[-1].startswith(last)


def test_every_message_is_fit_for_a_terminal() -> None:
    """The name of the file and values of it cannot write to the terminal, however they are spelled."""
    with pytest.raises(BadConfig) as error:
        parse_rules(with_rule('name: "\\e]0;x\\a\\u202e"\non: "\\n"'), "a\x1b\n.yaml")
    assert str(error.value).startswith("a\\u001b\\u000a.yaml:")
    assert all(char.isprintable() or char == "\n" for char in str(error.value))
