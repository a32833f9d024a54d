"""What fuzzing starts from, and the words that it puts together."""

import json
from collections.abc import Iterator
from pathlib import Path

from support.events import make_event
from support.program import ROOT
from support.rule_texts import HEAD, flow_rule, with_condition

DATA = Path(__file__).parents[1] / "data"
FINDINGS = Path(__file__).with_name("findings")

LINE_WORDS = [
    *('"event_id":', '"message_id":', '"messageId":', '"user_id":', '"event_type":', '"event_timestamp":'),
    *('"properties":', '"user_traits":', '"amount":', '"attempt_number":', '"marketing_opt_in":', '"failure_reason":'),
    *(
        '"payment_failed"',
        '"signup_completed"',
        '"link_bank_success"',
        '"INSUFFICIENT_FUNDS"',
        '"u"',
        "{",
        "}",
        "[",
        "]",
    ),
    *(
        "null",
        "true",
        "NaN",
        "-Infinity",
        "1e400",
        "9223372036854775808",
        "\\u0000",
        "\\ud83d",
        "\\ude00",
        "\xef\xbb\xbf",
    ),
    *('"2025-11-01T10:00:00Z"', "+24:00", "-00:00", ".123456789", "23:59:60", '"0000-', '"9999-12-31T23:59:59'),
    *(
        "\r\n",
        "\n",
        "\x1f\x8b\x08",
        "\x28\xb5\x2f\xfd",
        "\xff\xfe",
        "[[[[[[[[[[[[[[[[[[[[[[[[[",
        '{"a":{"a":{"a":{"a":',
    ),
]
RULE_WORDS = [
    *(
        "version: 1",
        "rules:",
        "- name: ",
        "description: ",
        "enabled: ",
        "on: x",
        "when:",
        "- field: properties.",
        "limit: ",
    ),
    *(
        "equals: ",
        "not_equals: ",
        "in: [",
        "not_in: [",
        "gt: ",
        "gte: ",
        "lt: ",
        "lte: ",
        "exists: true",
        "missing: true",
    ),
    *("prior_event: x", "within: 24h", "message: {template: T, channel: sms}", "channel: internal_alert", "timezone: "),
    *(
        "once_ever",
        "once_per_calendar_day",
        "none",
        "Europe/Lisbon",
        "event.event_timestamp",
        "user_traits.",
        "&a ",
        "*a",
    ),
    *(
        "<<: ",
        "!!python/name:os",
        "%YAML 1.2",
        "---",
        "...",
        "|",
        ">",
        "? ",
        "\t",
        "\\ud800",
        "1e999",
        ".inf",
        "0x1F",
        "\xff",
    ),
]


def line_seeds() -> Iterator[bytes]:
    """The JSON test suite, as it is and as a property; every timestamp of the RFC 3339 suite; naughty strings."""
    plain = json.dumps(make_event(properties={"v": "?"})).encode()
    for path in sorted((DATA / "JSONTestSuite" / "test_parsing").iterdir()):
        text = path.read_bytes()[:LONGEST_SEED]
        yield from (text, plain.replace(b'"?"', text))
    for case in json.loads((DATA / "json_schema_formats" / "date-time.json").read_bytes())[0]["tests"]:
        yield json.dumps(make_event(event_timestamp=case["data"])).encode()
    for text in json.loads((DATA / "naughty_strings" / "blns.json").read_bytes()):
        yield json.dumps(make_event(event_id=text, user_id=text, properties={text: text}), ensure_ascii=False).encode()
    yield from (path.read_bytes() for path in sorted((FINDINGS / "lines").iterdir()))


LONGEST_SEED = 1500
CONDITIONS = [
    *(
        "field: properties.n\ngt: 0",
        "field: properties.t\nin: [x, 1, true]",
        "field: event.event_timestamp\nlt: 2026-01-01T00:00:00Z",
    ),
    *("field: properties.o.a\nexists: true", "field: user_traits.y\nmissing: true", "prior_event: x\nwithin: 90m"),
]


def rule_seeds() -> Iterator[bytes]:
    """The shipped rules and small files, some of them wrong."""
    yield (ROOT / "marketing_cli" / "rules" / "default.yaml").read_bytes()
    yield from (with_condition(condition).encode() for condition in CONDITIONS)
    rests = ["limit: once_ever", "limit: once_per_calendar_day, timezone: Europe/Lisbon", "limit: nnone", "enabled: no"]
    yield from ((HEAD + flow_rule("a", "T", rest) + flow_rule("b", "T")).encode() for rest in rests)
    yield from (b"", b"\xef\xbb\xbfversion: 1\n", b"version: 2\nrules: []", b"rules: &a [*a]", b"a: {<<: {b: 1}}")
    yield from (path.read_bytes() for path in sorted((FINDINGS / "rules").iterdir()))


def dictionary(words: list[str]) -> str:
    """The words as the fuzzer reads them: a quoted line each, odd bytes as hexadecimal."""
    return "".join(f'"{"".join(map(_spelled, word.encode("latin-1")))}"\n' for word in words)


def _spelled(byte: int) -> str:
    char = chr(byte)
    return char if char.isascii() and char.isprintable() and char not in '"\\' else f"\\x{byte:02x}"
