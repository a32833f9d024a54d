"""Text from the data is shown so that nothing in it is invisible or acts on the terminal."""

import sys
import unicodedata

import pytest

from marketing_cli.rendering.safe_text import clip, display_width, safe, safe_lines

HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
BLANK_LETTERS = "\u115f\u1160\u2800\u3164\uffa0"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("plain text, 100% [red]literal[/red] :skull:", "plain text, 100% [red]literal[/red] :skull:"),
        ("C:\\dir\\", "C:\\dir\\"),
        ("Zoë 日本 🙂", "Zoë 日本 🙂"),
        ("no\u00a0break", "no\u00a0break"),
        ("\x1b[31mred", "\\u001b[31mred"),
        ("a\nb\tc\r\0", "a\\u000ab\\u0009c\\u000d\\u0000"),
        ("\x7f\x9b", "\\u007f\\u009b"),
        ("evt\u202e1", "evt\\u202e1"),
        ("\ufeffx\u200b", "\\ufeffx\\u200b"),
        ("a\u2028b\u2029", "a\\u2028b\\u2029"),
        ("\udc80", "\\udc80"),
        ("\ue000\u0378", "\\ue000\\u0378"),
        ("\U000e0041", "\\udb40\\udc41"),
        ("\u3164é", "\\u3164é"),
    ],
)
def test_what_cannot_be_seen_is_spelled_out(text: str, expected: str) -> None:
    """Invisible characters become escapes; everything else stays."""
    assert safe(text) == expected
    assert safe(safe(text)) == expected


def test_every_character_of_unicode() -> None:
    """Exactly the hidden categories and the blank letters are escaped, each as JSON would."""
    for code in range(sys.maxunicode + 1):
        char = chr(code)
        if unicodedata.category(char) in HIDDEN or char in BLANK_LETTERS:
            pair = char.encode("utf-16-be", "surrogatepass").hex()
            expected = "".join(f"\\u{pair[at : at + 4]}" for at in range(0, len(pair), 4))
        else:
            expected = char
        assert safe(char) == expected


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("abcdef", 6, "abcdef"),
        ("abcdef", 4, "abcd... (2 more characters)"),
        ("\x00" * 3, 2, "\\u0000\\u0000... (1 more characters)"),
        ("x" * 5000, 1, "x... (4,999 more characters)"),
    ],
)
def test_limit_counts_what_it_leaves_out(text: str, limit: int, expected: str) -> None:
    """A long text is cut, and says by how much."""
    assert safe(text, limit) == expected


def test_lines_stay_lines() -> None:
    """Only line feeds pass; a carriage return could overwrite what was printed."""
    assert safe_lines("one\ntwo\r\nthree\x85") == "one\ntwo\\u000d\nthree\\u0085"


@pytest.mark.parametrize(
    ("text", "width"), [("", 0), ("abc", 3), ("日本", 4), ("Zoë", 3), ("Zoe\u0308", 3), ("\uff21", 2), ("🙂", 2)]
)
def test_width_on_a_terminal(text: str, width: int) -> None:
    """Wide characters take two columns, combining marks none."""
    assert display_width(text) == width


@pytest.mark.parametrize(
    ("text", "columns", "expected"),
    [
        ("abc", 3, "abc"),
        ("abc", 2, "ab"),
        ("日本", 3, "日"),
        ("日本", 4, "日本"),
        ("abc", 0, ""),
        ("e\u0308x", 1, "e\u0308"),
    ],
)
def test_clip_never_exceeds_the_columns(text: str, columns: int, expected: str) -> None:
    """A wide character that does not fit is left out whole."""
    assert clip(text, columns) == expected
