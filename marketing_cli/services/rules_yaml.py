"""YAML text → plain values that remember their line and column."""

import math
import re
from collections.abc import Iterator
from typing import Final

from ruamel.yaml import events as ev

from marketing_cli.services.rules_document import UNUSABLE, Document, Loc, Value
from marketing_cli.services.rules_problems import Place, found, printable, shortened
from marketing_cli.services.rules_scan import place_of, scan


def read_document(text: str, source: str) -> Document:
    """Read YAML 1.2 into values with places; a plain `on` or `no` is text.

    Raises BadConfig at once for text that is no YAML, and for anchors, aliases, tags, merge keys, several documents,
    more than 32 levels or 20,000 parts. Lesser faults (a key given twice, a number out of range) are noted in the
    document's `problems`.
    """
    document = Document(source)
    events = scan(text.removeprefix("\ufeff"), document.problems)
    builder = _Builder(document, events)
    for event in events:
        if isinstance(event, (ev.MappingStartEvent, ev.SequenceStartEvent, ev.ScalarEvent)):
            document.data = builder.value(event, ())
    document.places.setdefault((), Place(1, 1))
    return document


class _Builder:
    """Builds the values of a document from its events in one pass."""

    def __init__(self, document: Document, events: Iterator[ev.Event]) -> None:
        self._document = document
        self._events = events

    def value(self, event: ev.Event, loc: Loc, key_place: Place | None = None) -> Value:
        place = place_of(event)
        if isinstance(event, ev.ScalarEvent):
            # A value that was left out has no place of its own: the parser gives that of whatever comes next.
            absent = event.value == "" and not event.style
            place = key_place if key_place and absent else place
            self._document.places.setdefault(loc, place)
            return self._scalar(event, place)
        self._document.places.setdefault(loc, place)
        return self._mapping(loc) if isinstance(event, ev.MappingStartEvent) else self._sequence(loc)

    def _sequence(self, loc: Loc) -> tuple[Value, ...]:
        items: list[Value] = []
        while not isinstance(event := next(self._events), ev.SequenceEndEvent):
            items.append(self.value(event, (*loc, len(items))))
        return tuple(items)

    def _mapping(self, loc: Loc) -> dict[str, Value]:
        result: dict[str, Value] = {}
        while not isinstance(event := next(self._events), ev.MappingEndEvent):
            place = place_of(event)
            key = self._key(event, place, loc)
            # What stands under a refused key is still looked at, at a path that nothing else has.
            inner = (*loc, _NO_KEY if key is None else key)
            self._document.key_places.setdefault(inner, place)
            value = self.value(next(self._events), inner, place)
            if key is not None:
                result[key] = value
        return result

    def _key(self, event: ev.Event, place: Place, loc: Loc) -> str | None:
        """The key's text; None when it was refused."""
        key = self.value(event, (*loc, _NO_KEY))
        first = self._document.key_places.get((*loc, key)) if isinstance(key, str) else None
        if first:
            text = f'the key "{shortened(key)}" is here a second time (first in line {first.line}); delete one of them'
            self._document.problems.add(place, text)
        elif isinstance(key, str):
            return key
        elif key is not UNUSABLE:
            self._document.problems.add(place, f"found {found(key)} as a key; allowed: text, in quotes if need be")
        return None

    def _scalar(self, event: ev.ScalarEvent, place: Place) -> Value:
        value, fault = (event.value, None) if event.style else _plain(event.value)
        fault = fault or _text_fault(event.value)
        if fault:
            self._document.problems.add(place, fault)
            return UNUSABLE
        return value


_NO_KEY: Final = -1
_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS: Final = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_OTHER_SPELLING = re.compile(r"[-+]?([0-9][0-9_]*\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?|[-+]?0[box][0-9a-fA-F_]+")
_INT64 = range(-(2**63), 2**63)
_LONGEST_INTEGER = 20


def _plain(text: str) -> tuple[Value, str | None]:
    """What a scalar without quotes stands for, and what is wrong with it."""
    if text in _NULLS:
        return None, None
    if text in _BOOLEANS:
        return _BOOLEANS[text], None
    return _numeric(text)


def _numeric(text: str) -> tuple[Value, str | None]:
    if _INTEGER.fullmatch(text):
        fits = len(text) <= _LONGEST_INTEGER and int(text) in _INT64
        return (int(text), None) if fits else (None, f"{_number(text)}; allowed: integers from -2^63 to 2^63-1")
    if _NUMBER.fullmatch(text):
        number = float(text)
        return number, None if math.isfinite(number) else f"{_number(text)}; allowed: numbers up to about 1.8e308"
    if _NOT_FINITE.fullmatch(text):
        return None, f"{_number(text)}; allowed: finite numbers"
    if _OTHER_SPELLING.fullmatch(text):
        # Readers of YAML disagree on these (is 014 twelve or fourteen?), so neither reading is taken.
        return None, f"{_number(text)}; allowed: numbers spelled like 14, -2.5 or 1e3; if it is text, put it in quotes"
    return text, None


def _number(text: str) -> str:
    return f"found the number {shortened(text)}"


def _text_fault(text: str) -> str | None:
    bad = re.search("[\0\ud800-\udfff]", text)
    return f"found text with {printable(bad.group())}; allowed: whole characters, and no NUL" if bad else None
