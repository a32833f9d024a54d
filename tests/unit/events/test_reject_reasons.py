"""Why a line is kept aside: every reason, the order in which faults count, and what a reject says."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from marketing_cli.domain.lines import RawLine, Refusal, Reject, RejectReason
from marketing_cli.schemas.event import EventIn
from marketing_cli.services.line_parsing import ParseOptions, parse_line
from support.events import MISSING, make_event


def with_value(text: str) -> str:
    """An event whose property `v` is this JSON text."""
    return json.dumps(make_event(properties={"v": 0})).replace('{"v": 0}', f'{{"v": {text}}}')


def nested(depth: int) -> str:
    """An event with arrays in its property so that this is its depth; the event and its properties are two of it."""
    return with_value("[" * (depth - 2) + "]" * (depth - 2))


FAULTS: list[tuple[str | bytes | dict[str, Any], str, str]] = [
    ('{"user_id": "u"', "bad_json", "column 16: a comma or the closing bracket is expected here"),
    ("{'user_id': 1}", "bad_json", "column 2: a key in double quotes is expected here"),
    ('{"user_id": 1} {}', "bad_json", "column 16: the JSON value ends before this"),
    ('{"user_id"; 1}', "bad_json", "column 11: a colon is expected here"),
    ('{"é": .5}', "bad_json", "column 7: a value is expected here"),
    ('{"a": "b}', "bad_json", "column 7: the text that starts here has no closing quote"),
    ('{"a": "\t"}', "bad_json", "column 8: a control character in text must be written as an escape"),
    ('{"a": "\0"}', "bad_json", "column 8: a control character in text must be written as an escape"),
    (r'{"a": "\x41"}', "bad_json", "column 8: this escape does not exist in JSON"),
    ('{\n"a": tru}', "bad_json", "line 2 of the element, column 6: a value is expected here"),
    ("\ufeff" + json.dumps(make_event()), "bad_json", "column 1: a byte order mark is only allowed at the start"),
    (with_value(r'"\ud800"'), "bad_json", "properties.v: text must not contain half of a surrogate pair"),
    (with_value(r'{"\udfff": 1}'), "bad_json", r"properties.v.\udfff: text must not"),
    (with_value(r'["\ude00\ud83d"]'), "bad_json", "properties.v[0]: text must not"),
    (b'{"a": "\xff"}', "bad_utf8", "byte 8: the line must be UTF-8"),
    (b'{"a": "\xed\xa0\x80"}', "bad_utf8", "byte 8:"),
    ('{"a": 1}'.encode("utf-16"), "bad_utf8", "byte 1:"),
    (json.dumps([make_event()]), "not_an_object", "the line must be one JSON object"),
    ('"evt_1"', "not_an_object", ""),
    ("7", "not_an_object", ""),
    ("null", "not_an_object", ""),
    ({}, "missing_field", "user_id: is required"),
    (make_event(user_id=MISSING), "missing_field", "user_id: is required"),
    (make_event(event_type=MISSING), "missing_field", "event_type: is required"),
    (make_event(event_timestamp=MISSING), "missing_field", "event_timestamp: is required"),
    (make_event(user_id=None), "missing_field", "user_id: is required and must not be null"),
    (make_event(event_type=None), "missing_field", "event_type: is required and must not be null"),
    (make_event(event_timestamp=None), "missing_field", "event_timestamp: is required and must not be null"),
    (make_event(user_id=""), "bad_value", "user_id: must be text of 1 to 255 characters"),
    (make_event(user_id=1.0), "bad_value", "user_id: must be text of 1 to 255 characters"),
    (make_event(properties=[]), "bad_value", "properties: must be an object or null"),
    (make_event(event_timestamp="now"), "bad_value", "event_timestamp: must be RFC 3339"),
    (make_event(event_timestamp="2025-11-01T10:00:00"), "naive_timestamp", "event_timestamp: has no time zone"),
    (make_event(event_timestamp="1969-11-01T10:00:00Z"), "timestamp_out_of_range", "event_timestamp: must lie within"),
    (with_value(r'"a\u0000"'), "nul_in_text", "properties.v: text must not contain"),
    (with_value(r'{"a\u0000": 1}'), "nul_in_text", r"properties.v.a\u0000: text must not contain"),
    (make_event(user_id="a\0"), "nul_in_text", "user_id: text must not contain"),
    (make_event(x=[{"y": "\0"}]), "nul_in_text", "x[0].y: text must not contain"),
    (with_value("9223372036854775808"), "number_out_of_range", "properties.v: an integer must be from"),
    (with_value("-9223372036854775809"), "number_out_of_range", "properties.v: an integer must be from"),
    (with_value("1" * 5000), "number_out_of_range", "properties.v: an integer must be from"),
    (with_value("[0, 1e309]"), "number_out_of_range", "properties.v[1]: a number must be smaller"),
    (with_value("-1E+000309"), "number_out_of_range", "properties.v: a number must be smaller"),
    (with_value("1" + "0" * 309 + ".0"), "number_out_of_range", "properties.v: a number must be smaller"),
    (with_value("999999999999999999e299"), "number_out_of_range", "properties.v: a number must be smaller"),
    (json.dumps(make_event(user_id=2**63)), "number_out_of_range", "user_id: an integer must be from"),
    (json.dumps(make_event(x=2**63)), "number_out_of_range", "x: an integer must be from"),
    (with_value("NaN"), "not_finite", "properties.v: NaN and Infinity are not JSON"),
    (with_value("Infinity"), "not_finite", "properties.v:"),
    (with_value("[-Infinity]"), "not_finite", "properties.v[0]:"),
    (with_value("-NaN"), "bad_json", "column "),
    (with_value("nan"), "bad_json", "column "),
    (with_value("+Infinity"), "bad_json", "column "),
    (nested(101), "too_deep", "objects and arrays may be nested 100 deep"),
    (nested(100_000), "too_deep", "objects and arrays may be nested 100 deep"),
    ("[" * 101, "too_deep", ""),
]


@pytest.mark.parametrize(("line", "reason", "words"), FAULTS, ids=[f"{i}-{case[1]}" for i, case in enumerate(FAULTS)])
def test_reasons(line: Any, reason: str, words: str, refuse: Callable[..., Reject]) -> None:
    """Each fault has its reason, and a detail that names the place and what is allowed."""
    reject = refuse(line)
    assert reject.reason == reason
    assert reject.detail.startswith(words)


def test_every_reason_is_tested() -> None:
    """All reasons but those that reading or the database finds are in the table or below."""
    elsewhere = {RejectReason.LINE_TOO_LONG, RejectReason.CONFLICTING_DUPLICATE, RejectReason.TRUNCATED_TAIL}
    assert {reason for _, reason, _ in FAULTS} == {reason.value for reason in set(RejectReason) - elsewhere}


@pytest.mark.parametrize(
    "text",
    [
        *("9223372036854775807", "-9223372036854775808", "-0", "1.7976931348623157e308", "1e-400", "1E+0099"),
        *("0.00000000000000000000000001", "1" * 300 + ".5", '"1e999"', '"99999999999999999999"', '"\\\\u0000"'),
        *('"\\ud83d\\ude00"', '"\U0001f600"', '"NaN"', '"Infinity"', '"\x7f\u2028"', '"' + "[" * 200 + '"'),
        *("[" * 98 + "]" * 98, "[" + "[]," * 200 + "[]]", '{"a":' * 98 + "1" + "}" * 98),
    ],
)
def test_what_comes_close_is_kept(text: str, accept: Callable[..., EventIn]) -> None:
    """The largest numbers, the deepest nesting, and text that only looks like a fault."""
    event = accept(with_value(text))
    assert event.properties is not None
    assert repr(event.properties["v"]) == repr(json.loads(text))


# From the first that counts to the last; a line that has several of them is refused for the first.
ORDERED: list[tuple[dict[str, Any], str]] = [
    ({"x": "\0"}, "nul_in_text"),
    ({"user_id": None}, "user_id"),
    ({"event_type": ""}, "event_type"),
    ({"event_timestamp": 1}, "event_timestamp"),
    ({"event_id": True}, "event_id"),
    ({"properties": 1}, "properties"),
    ({"user_traits": []}, "user_traits"),
]


@pytest.mark.parametrize("first", range(len(ORDERED)))
def test_of_several_faults_the_first_counts(first: int, refuse: Callable[..., Reject]) -> None:
    """JSON first, then the fields in a fixed order, wherever they stand in the line."""
    event = make_event()
    for fault, _ in reversed(ORDERED[first:]):
        event = {key: value for key, value in event.items() if key not in fault} | fault
    for line in (event, dict(reversed(event.items()))):
        reject = refuse(line)
        assert ORDERED[first][1] in {reject.reason.value, reject.detail.split(":")[0]}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('[NaN, 1e999, "\\u0000"]', "not_finite"),
        ("[1e999, NaN]", "number_out_of_range"),
        ('["\\u0000", 1e999]', "nul_in_text"),
        ('{"a": "\\u0000", "a": 1}', "nul_in_text"),
        ("[1e999, tru]", "bad_json"),
        ("NaN" + "[" * 101, "too_deep"),
    ],
)
def test_of_several_values_the_first_counts(text: str, reason: str, refuse: Callable[..., Reject]) -> None:
    """Depth, then grammar, then values in the order written, one that a later equal key replaces included."""
    assert refuse(with_value(text)).reason == reason


@pytest.mark.parametrize("end", range(1, len(with_value('"é"').encode())))
def test_a_line_cut_short_may_not_be_done(end: int, parse: Callable[..., Any]) -> None:
    """A last line without line end that stops anywhere before its end is a truncated tail."""
    raw = with_value('"é"').encode()[:end]
    reject = parse(raw, is_tail=True)
    assert reject.reason == RejectReason.TRUNCATED_TAIL
    assert reject.detail.startswith("the last line has no line end and is not whole; its writer may not be done (")
    assert parse(raw).reason in {RejectReason.BAD_JSON, RejectReason.BAD_UTF8}


@pytest.mark.parametrize("text", ["NaN", "1e999", r'"\u0000"', r'"\ud800"'])
def test_a_whole_last_line_is_judged_like_any_other(text: str, parse: Callable[..., Any]) -> None:
    """A complete line is not cut short, whatever else is wrong with it."""
    assert parse(with_value(text), is_tail=True).reason == parse(with_value(text)).reason


def test_a_refusal_of_the_reader_stands() -> None:
    """What the reader has refused is not read again."""
    refusal = Refusal(RejectReason.LINE_TOO_LONG, "the line has 2,000,000 bytes; at most 1,048,576 are read")
    line = RawLine(3, json.dumps(make_event()).encode(), refusal=refusal, length=2_000_000)
    assert parse_line(line, ParseOptions()) == Reject(line, refusal.reason, refusal.detail)


@pytest.mark.parametrize(
    ("line", "ids"),
    [
        (make_event(properties=1), ("u_1", "signup_completed", "evt_1")),
        (make_event(properties=1, event_id=None, messageId="i"), ("u_1", "signup_completed", "i")),
        (make_event(properties=1, event_id=MISSING), ("u_1", "signup_completed", None)),
        (make_event(properties=1, event_id=None) | {"": "x"}, ("u_1", "signup_completed", None)),
        (make_event(user_id=42, event_type="", event_id=" "), ("42", None, None)),
        (make_event(user_id=True), (None, "signup_completed", "evt_1")),
        (make_event(user_id="a\0", event_type="b\0"), (None, None, "evt_1")),
        (json.dumps(make_event(event_id="?")).replace("?", r"\ud800"), ("u_1", "signup_completed", None)),
        (
            json.dumps(make_event(user_id="?")).replace('"?"', "99999999999999999999"),
            (None, "signup_completed", "evt_1"),
        ),
        (with_value("NaN"), ("u_1", "signup_completed", "evt_1")),
        (with_value("1e999"), ("u_1", "signup_completed", "evt_1")),
        (nested(101), ("u_1", "signup_completed", "evt_1")),
        (with_value('0}, "user_id": "u_2", "x": {"y": NaN'), ("u_2", "signup_completed", "evt_1")),
        (with_value("tru"), (None, None, None)),
        ("[]", (None, None, None)),
        ([], (None, None, None)),
    ],
)
def test_legible_ids_are_kept(line: Any, ids: tuple[str | None, ...], refuse: Callable[..., Reject]) -> None:
    """A reject carries each id that can be read and is valid by itself."""
    reject = refuse(line or "[]")
    assert (reject.user_id, reject.event_type, reject.event_key) == ids


def test_details_never_hold_a_value(refuse: Callable[..., Reject]) -> None:
    """Whatever is wrong, the detail shows nothing that the line holds but the names of keys."""
    secret = "s3cr3t"
    lines: list[Any] = [
        f'{{"{secret}": {secret}',
        f'"{secret}\\x"',
        json.dumps({"a": secret}),
        *(make_event(**{field: [secret]}) for field in make_event()),
        *(make_event(**{field: secret * 50}) for field in ("user_id", "event_type", "event_id")),
        make_event(event_timestamp=secret),
        make_event(x=f"{secret}\0"),
        with_value(f'"{secret}\\ud800"'),
    ]
    assert [line for line in lines if secret in refuse(line).detail] == []


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("a b", "a b"),
        ("[red]", "[red]"),
        ("{detail}", "{detail}"),
        ("\x1b[31m", r"\u001b[31m"),
        ("é\u202e", r"\u00e9\u202e"),
        ("\U0001f600", r"\ud83d\ude00"),
        ("k" * 69, "k" * 69),
        ("k" * 70, "k" * 66 + "..."),
        ("\n" * 100_000, r"\u000a" * 11 + "..."),
    ],
    ids=ascii,
)
def test_keys_are_made_harmless(key: str, shown: str, refuse: Callable[..., Reject]) -> None:
    """The name of a field is printable ASCII of at most 80 characters, whatever the key."""
    name = refuse(make_event(properties={key: "\0"})).detail.split(": text must not")[0]
    assert name == f"properties.{shown}"
    assert len(name) <= 80
