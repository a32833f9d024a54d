"""Lines that are hard to read right, each with what has to become of it."""

import json

from faults.hostile.cases import BLANK, KIB, STORED, Case, event, with_field
from faults.hostile.corpus_values import DEPTHS, NUMBERS, TEXTS
from support.events import MISSING, make_event

LONG, TOO_LONG = "x" * 255, "x" * 256
IDS = [
    *[
        Case(f"{field} {text[:24]}", with_field(field, text), outcome)
        for field in ("event_id", "user_id", "event_type")
        for text, outcome in (
            *((f'"{LONG}"', STORED), (f'"{TOO_LONG}"', "bad_value"), (json.dumps("😀" * 255), STORED), ('"A"', STORED)),
            *(
                (json.dumps("😀" * 256), "bad_value"),
                ('""', "bad_value"),
                ('" "', "bad_value"),
                (r'"\t\n\r "', "bad_value"),
            ),
            *(
                (r'"\u200b"', "bad_value"),
                (r'"\ufeff\u2060 "', "bad_value"),
                (r'"\u202e\u200f"', "bad_value"),
                ('"a "', STORED),
            ),
            *(
                (r'"\u00a0\u3000\u2003"', "bad_value"),
                (r'"a\u0000"', "nul_in_text"),
                (r'"\ud800"', "bad_json"),
                ("1.0", "bad_value"),
            ),
            *(
                ("true", "bad_value"),
                ("[]", "bad_value"),
                ("{}", "bad_value"),
                ("1e2", "bad_value"),
                ('"\u0065\u0301"', STORED),
            ),
            *(
                (r'"\u001b[31m"', STORED),
                ('"=1+1"', STORED),
                ('"--help"', STORED),
                ('"null"', STORED),
                ("9223372036854775808", "number_out_of_range"),
            ),
        )
    ],
    Case("user_id 0", with_field("user_id", "0"), STORED),
    Case("user_id -9223372036854775808", with_field("user_id", "-9223372036854775808"), STORED),
    Case("user_id -0", with_field("user_id", "-0"), STORED),
    Case("user_id null", with_field("user_id", "null"), "missing_field"),
    Case("event_type null", with_field("event_type", "null"), "missing_field"),
    Case("event_id null", with_field("event_id", "null"), STORED),
    Case("event_id 42", with_field("event_id", "42"), "bad_value"),
    Case("event_id '42'", with_field("event_id", '"42"'), STORED),
    Case("no user_id", event(user_traits={}).replace('"user_id"', '"userId"').encode(), "missing_field"),
    Case("messageId of the wrong type", json.dumps(make_event(event_id=MISSING, messageId=7)).encode(), "bad_value"),
    Case(
        "a key twice, the last is wrong",
        event().replace("{", '{"user_id": "u", ', 1).replace('"u_hostile"', "[]").encode(),
        "bad_value",
    ),
    Case("a key twice, the last is right", event().replace("{", '{"user_id": [], ', 1).encode(), STORED),
]

NOON = "2025-11-01T12:00:00"
TIMESTAMPS = [
    *[
        Case(f"timestamp {text}", with_field("event_timestamp", json.dumps(text)), outcome)
        for text, outcome in (
            *(
                (f"{NOON}Z", STORED),
                (f"{NOON}z", STORED),
                ("2025-11-01t12:00:00Z", STORED),
                ("2025-11-01 12:00:00Z", STORED),
            ),
            *(
                (f"{NOON}-00:00", STORED),
                (f"{NOON}+23:59", STORED),
                (f"{NOON}-23:59", STORED),
                (f"{NOON}.1234567890123Z", STORED),
            ),
            *(
                ("1970-01-01T00:00:00Z", STORED),
                ("9999-12-31T23:59:59.999999Z", STORED),
                ("9999-12-31T23:59:59+00:01", STORED),
            ),
            *(
                ("1969-12-31T23:59:59.999999Z", "timestamp_out_of_range"),
                ("1970-01-01T00:00:00+00:01", "timestamp_out_of_range"),
            ),
            *(
                ("9999-12-31T23:59:59-00:01", "timestamp_out_of_range"),
                ("0001-01-01T00:00:00+01:00", "timestamp_out_of_range"),
            ),
            *(("0000-01-01T00:00:00Z", "timestamp_out_of_range"), ("0001-01-01T00:00:00Z", "timestamp_out_of_range")),
            *(
                ("2024-02-29T00:00:00Z", STORED),
                ("2025-02-29T00:00:00Z", "bad_value"),
                ("2025-02-30T00:00:00Z", "bad_value"),
            ),
            *(
                (NOON, "naive_timestamp"),
                (f"{NOON}.5", "naive_timestamp"),
                ("2025-11-01", "bad_value"),
                ("1714564800", "bad_value"),
            ),
            *(
                ("1.7e9", "bad_value"),
                ("0", "bad_value"),
                ("-1", "bad_value"),
                ("now", "bad_value"),
                ("", "bad_value"),
                ("infinity", "bad_value"),
            ),
            *(
                (f"{NOON}+0200", "bad_value"),
                (f"{NOON}+02", "bad_value"),
                (f"{NOON}+24:00", "bad_value"),
                (f"{NOON}+01:60", "bad_value"),
            ),
            *(
                (f"{NOON} Z", "bad_value"),
                (f"{NOON}Z[Europe/Paris]", "bad_value"),
                (f"{NOON},5Z", "bad_value"),
                (f"{NOON}.Z", "bad_value"),
            ),
            *(
                ("2025-12-31T23:59:60Z", "bad_value"),
                ("2025-11-01T24:00:00Z", "bad_value"),
                ("2025-13-01T00:00:00Z", "bad_value"),
            ),
            *(
                ("2025-W44-6T10:00:00Z", "bad_value"),
                ("2025-305T10:00:00Z", "bad_value"),
                ("10000-01-01T00:00:00Z", "bad_value"),
            ),
            *(
                ("-0001-01-01T00:00:00Z", "bad_value"),
                (f"{NOON}Z\n", "bad_value"),
                (f" {NOON}Z", "bad_value"),
                ("٢٠٢٥-11-01T12:00:00Z", "bad_value"),
            ),
            *(
                (f"{NOON}\u2212" + "01:00", "bad_value"),
                (f"{NOON}Z" + "0" * 5000, "bad_value"),
                (f"{NOON}." + "9" * 5000 + "Z", STORED),
            ),
            *(
                (f"{NOON}Z\0", "nul_in_text"),
                ("01/11/2025 12:00", "bad_value"),
                ("Sat, 01 Nov 2025 12:00:00 GMT", "bad_value"),
            ),
        )
    ],
    *[
        Case(f"timestamp as {text}", with_field("event_timestamp", text), outcome)
        for text, outcome in (
            *(
                ("1714564800", "bad_value"),
                ("1714564800.5", "bad_value"),
                ("20000000000", "bad_value"),
                ("true", "bad_value"),
            ),
            *(("null", "missing_field"), ("[]", "bad_value"), ("1e400", "number_out_of_range"), ("NaN", "not_finite")),
        )
    ],
]

GOOD = event().encode()
WIDE = GOOD.decode().encode("utf-16-le")
BRACKETS = b"[" * (1024 * KIB)
LINES = [
    Case("two values", GOOD + b" " + GOOD, "bad_json"),
    Case("a comma after it", GOOD + b",", "bad_json"),
    Case("a comma inside the end", GOOD[:-1] + b",}", "bad_json"),
    Case("a comment", GOOD + b" // said", "bad_json"),
    Case("a comment before", b"/* said */" + GOOD, "bad_json"),
    Case("NUL padding", GOOD + bytes(64), "bad_json"),
    Case("nothing but NUL", bytes(64), "bad_json"),
    Case("a byte order mark", b"\xef\xbb\xbf" + GOOD, "bad_json", alone=STORED, raw_alone=GOOD),
    Case("two byte order marks", b"\xef\xbb\xbf" * 2 + GOOD, "bad_json", raw_alone=b"\xef\xbb\xbf" + GOOD),
    Case("a record separator", b"\x1e" + GOOD, "bad_json"),
    Case("a form feed", b"\x0c" + GOOD, "bad_json"),
    Case("a no-break space", b"\xc2\xa0" + GOOD, "bad_json"),
    Case("spaces and tabs around", b" \t" + GOOD + b"\t ", STORED),
    Case("a CR at its end", GOOD + b"\r", STORED),
    Case("two CR at its end", GOOD + b"\r\r", STORED),
    Case("CR alone between two values", GOOD + b"\r" + GOOD, "bad_json"),
    Case("spaces only", b" \t ", BLANK),
    Case("a CR only", b"\r", BLANK),
    Case("a no-break space only", b"\xc2\xa0", "bad_json"),
    Case("a vertical tab only", b"\x0b", "bad_json"),
    Case("half an event", GOOD[: len(GOOD) // 2], "bad_json"),
    Case("an event without its first character", GOOD[1:], "bad_json"),
    Case("an event in quotes", json.dumps(GOOD.decode()).encode(), "not_an_object"),
    Case("an event in base64", b"eyJldmVudF9pZCI6ICJlIn0=", "bad_json"),
    Case("an event in an array", b"[" + GOOD + b"]", "not_an_object", alone=STORED, raw_alone=GOOD),
    Case("a number", b"7", "not_an_object"),
    Case("null", b"null", "not_an_object"),
    Case("an empty object", b"{}", "missing_field"),
    Case("CSV", b"evt_1,u_1,signup_completed,2025-11-01T10:00:00Z", "bad_json"),
    Case("XML", b'<?xml version="1.0"?><event id="1"/>', "bad_json"),
    Case("a syslog prefix", b"<34>1 2025-11-01T10:00:00Z host app - - - " + GOOD, "bad_json"),
    Case("single quotes", GOOD.replace(b'"', b"'"), "bad_json"),
    Case("bare keys", b"{user_id: 1}", "bad_json"),
    Case("Python's words", b"{'a': None, 'b': True}", "bad_json"),
    Case("curly quotes", GOOD.replace(b'"', "”".encode()), "bad_json"),
    Case("in UTF-16", WIDE, "bad_json", alone="bad_utf8", raw_alone=WIDE + b"\n"),
    Case("properties as a list", with_field("properties", "[]"), "bad_value"),
    Case("properties as text", with_field("properties", '"{}"'), "bad_value"),
    Case("traits as a number", with_field("user_traits", "0"), "bad_value"),
    Case("null for both objects", json.dumps(make_event(properties=None, user_traits=None)).encode(), STORED),
    Case(
        "extra with the names of columns",
        event(id=7, content_hash="x", run_id=None, line="y", extra={"z": 1}).encode(),
        STORED,
    ),
    Case("1 MiB to the byte", event(x="?").replace("?", "x" * (1024 * KIB - len(event(x="")))).encode(), STORED),
    Case(
        "1 MiB and a byte",
        event(x="?").replace("?", "x" * (1024 * KIB + 1 - len(event(x="")))).encode(),
        "line_too_long",
    ),
    Case("1 MiB of spaces and a byte", b" " * (1024 * KIB + 1), "line_too_long"),
    Case("1 MiB of brackets", BRACKETS, "too_deep", alone="bad_json", raw_alone=BRACKETS[1:]),
    Case("3 MiB that is no JSON", b"\xff" * (3 * 1024 * KIB), "line_too_long"),
    Case(
        "projections that do not fit",
        event(
            properties={"amount": "1_000", "attempt_number": 1.5, "failure_reason": ["x"]},
            user_traits={"email": "x" * 300, "country": 7, "marketing_opt_in": "true", "risk_segment": {}},
        ).encode(),
        STORED,
    ),
    Case(
        "projections at their edges",
        event(
            properties={"amount": 1.7976931348623157e308, "attempt_number": 2**63 - 1, "failure_reason": "x" * 255},
            user_traits={"email": "", "country": "\u202e", "marketing_opt_in": 1, "risk_segment": " "},
        ).encode(),
        STORED,
    ),
    Case(
        "projections from odd text",
        event(
            properties={"amount": "-0", "attempt_number": "9" * 400, "failure_reason": "\x1b]0;x\x07"},
            user_traits={"email": "=cmd|' /C calc'!A0", "marketing_opt_in": None},
        ).encode(),
        STORED,
    ),
    Case(
        "amount as digits beyond a double",
        event(properties={"amount": "1" + "0" * 400, "attempt_number": "3.0"}).encode(),
        STORED,
    ),
]

CASES = [*NUMBERS, *TEXTS, *DEPTHS, *IDS, *TIMESTAMPS, *LINES]
