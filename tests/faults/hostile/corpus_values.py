"""Values that are hard to read right: numbers, texts, bytes, nesting."""

import json

from faults.hostile.cases import STORED, Case, nested, raw_value, value, with_field

NUMBERS = [
    *[
        Case(f"number {text}", value(text), STORED)
        for text in (
            *("0", "-0", "-0.0", "0.1", "1e2", "1E+2", "1.0", "1e-400", "5e-324", "1.7976931348623157e308", "2e-308"),
            *("9223372036854775807", "-9223372036854775808", "0.30000000000000004", "123456789012345678901234.5"),
            *("9007199254740993", "1e22", "1e23", "100000000000000000000.0", "1" * 308 + ".0", "0." + "1" * 400),
        )
    ],
    *[
        Case(f"number {text[:30]}", value(text), "number_out_of_range")
        for text in (
            *("9223372036854775808", "-9223372036854775809", "18446744073709551616", "1" + "0" * 400, "9" * 4300),
            *("9" * 4301, "-" + "9" * 5000, "1e309", "-1e309", "1e400", "1E400", "1e+0400", "1e99999999999999999999"),
            *("1" + "0" * 400 + ".0", "1.7976931348623159e308", "[[1e999]]", '{"a": {"b": 9223372036854775808}}'),
        )
    ],
    *[Case(f"number {text}", value(text), "not_finite") for text in ("NaN", "Infinity", "-Infinity", "[1, NaN]")],
    *[
        Case(f"number {text}", value(text), "bad_json")
        for text in (
            *(
                "nan",
                "inf",
                "+1",
                "01",
                "-01",
                "1.",
                ".5",
                "1e",
                "1e+",
                "0x1F",
                "1_000",
                "1,5",
                "--1",
                "- 1",
                "1 2",
                "٣",
            ),
            *("-NaN", "+Infinity", "infinity", "1.2.3", "1e5.0", "0b1", "1f", "\u22121"),
        )
    ],
]

TEXTS = [
    *[
        Case(f"text {name}", value(text), STORED)
        for name, text in (
            *(("escaped pair", r'"\ud83d\ude00"'), ("raw pair", '"😀"'), ("escaped NUL of NUL", r'"\\u0000"')),
            *(
                ("line separators", '"a\u2028b\u2029c\u0085d"'),
                ("DEL and C1", '"\x7f\x9b31m"'),
                ("BOM inside", '"\ufeff"'),
            ),
            *(("noncharacters", '"\ufffe\uffff\U0010ffff"'), ("bidi", '"\u202e\u2066"'), ("tags", '"\U000e0041"')),
            *(
                ("private use", '"\ue000"'),
                ("escaped controls", r'"\u0001\u001b\u007f\b\f\n\r\t"'),
                ("solidus", r'"\/"'),
            ),
            *(("1,000,000 letters", f'"{"x" * 1_000_000}"'), ("combining", '"' + "e" + "\u0301" * 5000 + '"')),
            *(
                ("empty key", '{"": 1}'),
                ("key of controls", r'{"\u0001\u001b[31m": 1}'),
                ("equal keys", '{"a": 1, "a": 2}'),
            ),
            *(("equal keys, escaped", r'{"a": 1, "\u0061": 2}'), ("__proto__", '{"__proto__": {"x": 1}}')),
            *(
                ("key of 10,000", json.dumps({"k" * 10_000: 1})),
                ("20,000 keys", json.dumps(dict.fromkeys(map(str, range(20_000))))),
            ),
            *(
                ("SQL", '"\'); DROP TABLE events; --"'),
                ("format", '"%s {0} {self} :name $1 ?"'),
                ("markup", '"[/red]:skull:"'),
            ),
        )
    ],
    *[
        Case(f"text {name}", value(text), reason)
        for name, text, reason in (
            *(("NUL", r'"\u0000"', "nul_in_text"), ("NUL in a key", r'{"a\u0000b": 1}', "nul_in_text")),
            *(
                ("NUL deep", r'[[{"a": ["\u0000"]}]]', "nul_in_text"),
                ("NUL that is replaced", r'{"a": "\u0000", "a": 1}', "nul_in_text"),
            ),
            *(("high surrogate", r'"\ud800"', "bad_json"), ("low surrogate", r'"\udc00"', "bad_json")),
            *(
                ("surrogates swapped", r'"\ude00\ud83d"', "bad_json"),
                ("surrogate in a key", r'{"\udfff": 1}', "bad_json"),
            ),
            *(("two high surrogates", r'"\ud83d\ud83d\ude00"', "bad_json"), ("raw NUL", '"\0"', "bad_json")),
            *(("raw TAB", '"\t"', "bad_json"), ("raw ESC", '"\x1b"', "bad_json"), ("raw CR", '"a\rb"', "bad_json")),
            *(
                ("bad escape", r'"\x41"', "bad_json"),
                ("short escape", r'"\u12"', "bad_json"),
                ("single quotes", "'a'", "bad_json"),
            ),
            *(("raw surrogate", '"\ud800"', "bad_utf8"),),
        )
    ],
    *[
        Case(f"bytes {name}", raw_value(data), "bad_utf8")
        for name, data in (
            *(("0xFF", b"\xff"), ("0xFE", b"\xfe"), ("Latin-1", b"caf\xe9"), ("overlong slash", b"\xc0\xaf")),
            *(
                ("overlong NUL", b"\xc0\x80"),
                ("overlong in three", b"\xe0\x80\xaf"),
                ("CESU-8", b"\xed\xa0\xbd\xed\xb8\x80"),
            ),
            *(
                ("a continuation alone", b"\x80"),
                ("a start alone", b"\xe2\x82"),
                ("beyond U+10FFFF", b"\xf4\x90\x80\x80"),
            ),
            *(
                ("five bytes", b"\xf8\x88\x80\x80\x80"),
                ("Windows-1252", b"\x93quoted\x94"),
                ("Shift-JIS", b"\x83e\x83X\x83g"),
            ),
        )
    ],
]

DEPTHS = [
    Case("98 arrays in a property", nested("[", "]", 98), STORED),
    Case("99 arrays in a property", nested("[", "]", 99), "too_deep"),
    Case("98 objects in a property", nested('{"a":', "}", 98, "1"), STORED),
    Case("99 objects in a property", nested('{"a":', "}", 99, "1"), "too_deep"),
    Case("199 arrays", nested("[", "]", 199), "too_deep"),
    Case("1,000 arrays", nested("[", "]", 1000), "too_deep"),
    Case("100,000 arrays", nested("[", "]", 100_000), "too_deep"),
    Case("100,000 objects", nested('{"a":', "}", 100_000, "1"), "too_deep"),
    Case("100,000 arrays never closed", value("[" * 100_000), "too_deep"),
    Case("arrays and objects in turn", nested('[{"a":', "}]", 60, "1"), "too_deep"),
    Case("deep in an unknown field", with_field("x", "[" * 100 + "]" * 100), "too_deep"),
    Case("99 levels in an unknown field", with_field("x", "[" * 99 + "]" * 99), STORED),
    Case("brackets in text", value('"' + "[{" * 5000 + '"'), STORED),
    Case("wide, not deep", value("[" + "[]," * 50_000 + "[]]"), STORED),
]
