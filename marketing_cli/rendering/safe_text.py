"""Text that came with the data, made harmless for a terminal or a file people read."""

import re
import unicodedata

from marketing_cli.domain.texts import escaped

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Letters by category, blank on screen: an id made of them would look like no id at all.
_BLANK_LETTERS = re.compile("[\u115f\u1160\u2800\u3164\uffa0]")


class _Escapes(dict[int, str]):
    """A table for `str.translate`, worked out as it is asked: a filled one would hold a million entries."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        if unicodedata.category(char) in _HIDDEN or _BLANK_LETTERS.match(char):
            return escaped(char)  # JSON text stays JSON, and can be searched for in the JSON output
        return char


_ESCAPES = _Escapes()


def safe(text: str, limit: int | None = None) -> str:
    r"""`text` on one line, with everything that cannot be seen shown as `\uXXXX`.

    Escaped are the Unicode categories Cc, Cf, Cs, Co, Cn, Zl and Zp and five letters that are blank on screen. The hex
    digits are lower case; a character above U+FFFF becomes two escapes, as in JSON. A backslash stays as it is.
    `limit` is a number of characters of `text`; what is cut off is counted at the end.
    """
    if limit is not None and len(text) > limit:
        return f"{safe(text[:limit])}... ({len(text) - limit:,} more characters)"
    # isprintable() is false for each of the categories (and for odd spaces, which the table leaves alone).
    if text.isprintable() and (text.isascii() or not _BLANK_LETTERS.search(text)):
        return text
    return text.translate(_ESCAPES)


def safe_lines(text: str) -> str:
    """`text` made safe line by line: its line feeds stay."""
    return "\n".join(safe(line) for line in text.split("\n"))


def display_width(text: str) -> int:
    """How many columns of a terminal the safe `text` takes: East Asian wide characters two, combining marks none."""
    if text.isascii():
        return len(text)
    return sum(_char_width(char) for char in text)


def clip(text: str, columns: int) -> str:
    """As much of the safe `text` from its beginning as fits into `columns`."""
    if display_width(text) <= columns:
        return text
    used = 0
    for index, char in enumerate(text):
        used += _char_width(char)
        if used > columns:
            return text[:index]
    return text


def _char_width(char: str) -> int:
    if unicodedata.category(char) in {"Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(char) in {"W", "F"} else 1
