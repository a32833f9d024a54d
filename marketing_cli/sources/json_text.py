"""Finds where JSON values end, without keeping what they hold.

Texts here are bytes decoded as Latin-1: one character is one byte, so that places in the text are places in the bytes
and every byte, valid UTF-8 or not, comes back as it was.
"""

import json
import re

# Numbers are thrown away, and converting one of 5000 digits would be refused: keep their text.
raw_decode = json.JSONDecoder(parse_int=str, parse_float=str).raw_decode
"""`raw_decode(text, start)` returns a value and its end; raises ValueError, or RecursionError for deep nesting."""

SPACE = re.compile(r"[ \t\n\r]*")
_STRING = r'[^"\\]*+(?:\\.[^"\\]*+)*+'
_STRING_PART = re.compile(_STRING, re.DOTALL)
_OPENING = re.compile(r"[{\[]+")
_CLOSING = re.compile(r"[}\]]+")
# Pairs of brackets without text or brackets between them are passed too: there may be millions.
_PAIR = r'\[[^"{}\[\]]*+\]|\{[^"{}\[\]]*+\}'
_TO_BRACKET = re.compile(rf'[^"{{}}\[\]]*+(?:(?:"{_STRING}"|{_PAIR})[^"{{}}\[\]]*+)*+', re.DOTALL)
_TO_BRACKET_OR_COMMA = re.compile(rf'[^"{{}}\[\],]*+(?:"{_STRING}"[^"{{}}\[\],]*+)*+', re.DOTALL)


class EndFinder:
    """Looks for the comma or bracket that ends an array's element, in a text that arrives in pieces.

    Counts brackets and skips strings; whether the element is sound JSON is for others to say. A `}` that closes
    nothing is passed over, so that it spoils only its own element.
    """

    def __init__(self) -> None:
        """Start before the first character of an element."""
        self._depth = 0
        self._in_string = False
        self._escaped = False

    @property
    def balanced(self) -> bool:
        """True when every string and bracket seen so far is closed."""
        return self._depth == 0 and not self._in_string

    def find(self, text: str, start: int = 0) -> int | None:
        """Return the place of the `,` or `]` that ends the element, or None when it is not in this piece."""
        place: int | None = start
        while place is not None and place < len(text):
            if self._in_string:
                place = self._skip_string(text, place)
                continue
            place = skip(_TO_BRACKET if self._depth else _TO_BRACKET_OR_COMMA, text, place)
            char = text[place : place + 1]
            if char and char in ",]" and not self._depth:
                return place
            place = self._pass(char, text, place)
        return None

    def _pass(self, char: str, text: str, place: int) -> int:
        """Take note of the brackets of one kind, or of the quote, at this place; returns the place after them."""
        if char == '"':  # A string that does not end in this piece, or it would have been skipped.
            self._in_string = True
        elif char and char in "{[":
            end = skip(_OPENING, text, place)
            self._depth += end - place
            return end
        elif char and self._depth:
            end = min(skip(_CLOSING, text, place), place + self._depth)
            self._depth -= end - place
            return end
        return place + 1

    def _skip_string(self, text: str, start: int) -> int | None:
        """Return the place after the string's closing quote, or None when it is not in this piece."""
        end = skip(_STRING_PART, text, start + self._escaped)
        self._escaped = text[end:] == "\\"
        if self._escaped or end == len(text):
            return None
        self._in_string = False
        return end + 1


def skip(pattern: re.Pattern[str], text: str, start: int) -> int:
    """Return the end of what the pattern matches at a place, or that place."""
    found = pattern.match(text, start)
    return found.end() if found else start


def is_whole_value(text: str) -> bool:
    """True when a text is exactly one JSON value, with or without white space around it."""
    stripped = text.strip(" \t\n\r")
    try:
        return raw_decode(stripped)[1] == len(stripped)
    except RecursionError:
        # Too deep to parse here: brackets that close are enough, the rest is judged where depth is.
        finder = EndFinder()
        return finder.find(stripped) is None and finder.balanced
    except ValueError:
        return False
