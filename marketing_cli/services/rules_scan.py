"""Rules text → YAML parser events, ended at the first thing that has no place in rules."""

import re
from collections.abc import Iterator
from typing import Final

from ruamel.yaml import YAML
from ruamel.yaml import events as ev
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from marketing_cli.services.rules_problems import Place, Problems, printable, shortened

MAX_BYTES: Final = 256 * 1024
MAX_DEPTH: Final = 32
MAX_EVENTS: Final = 20_000


_OPENING: Final = (ev.MappingStartEvent, ev.SequenceStartEvent)
_CLOSING: Final = (ev.MappingEndEvent, ev.SequenceEndEvent)


def scan(text: str, problems: Problems) -> Iterator[ev.Event]:
    """Yield the parser's events of a text that is small, shallow and plain enough.

    Raises BadConfig at the first character or event that is not: before anything is built of it, so that a text made
    to blow up does nothing but name its line.
    """
    _check_characters(text, problems)
    return _checked(_parsed(text, problems), problems)


def place_of(event: ev.Event) -> Place:
    """Return where an event starts."""
    return Place(event.start_mark.line + 1, event.start_mark.column + 1)


_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_NO_SUCH_CHARACTER = re.compile(r"\\U(?!00(?:0[0-9A-Fa-f]|10))[0-9A-Fa-f]{8}")


def _place(text: str, index: int) -> Place:
    before = text[:index].replace("\r\n", "\n").replace("\r", "\n")
    return Place(before.count("\n") + 1, len(before) - before.rfind("\n"))


def _check_characters(text: str, problems: Problems) -> None:
    if len(text) > MAX_BYTES:
        raise problems.refuse(Place(1, 1), f"the rules are longer than {MAX_BYTES} bytes (256 KiB), which is the limit")
    bad = _FORBIDDEN.search(text)
    if bad:
        what = f"the character {printable(bad.group())} cannot stand in rules"
        raise problems.refuse(_place(text, bad.start()), f"{what}; delete it, or write its escape in double quotes")


_SYNTAX: Final = (
    ("found character '\\t'", "a tab; indent with spaces"),
    ("that cannot start any token", "text cannot begin with this character; put the text in quotes"),
    (
        "mapping values are not allowed",
        "a `:` where no key can stand; check the indentation, and put text that holds `: ` in quotes",
    ),
    ("could not find expected ':'", "a key without its `:`, or a line that is not indented like its neighbours"),
    ("expected <block end>", "this line is not indented like its neighbours"),
    ("unexpected end of stream", "a quote that is never closed"),
    ("<stream end>", "the file ends in the middle of something: a bracket, a brace or a quote is not closed"),
    ("<document start>", "something stands after the end of the rules; a rules file is one YAML mapping"),
)
_VERSION_DIRECTIVE: Final = re.compile(r"^%YAML\b", re.MULTILINE)
_OTHER_VERSION: Final = "a directive for another version of YAML; rules are YAML 1.2: delete the line"


def _parsed(text: str, problems: Problems) -> Iterator[ev.Event]:
    """The parser's events, its failures told in plain words."""
    reached = 0
    opened: list[Place] = []
    try:
        for event in YAML(typ="safe", pure=True).parse(text):
            reached = event.end_mark.index
            if isinstance(event, _OPENING):
                opened.append(place_of(event))
            elif isinstance(event, _CLOSING):
                opened.pop()
            yield event
    except MarkedYAMLError as error:
        place = _fault_place(error, opened) or _place(text, reached)
        raise problems.refuse(place, f"not valid YAML: {_plain_words(error)}") from None
    except (YAMLError, ValueError, OverflowError):
        # The parser leaves some impossible escapes and numbers to Python's own conversions, which know no place.
        escape = _NO_SUCH_CHARACTER.search(text, reached)
        place = _place(text, escape.start() if escape else reached)
        raise problems.refuse(place, "not valid YAML: an escape or number here has no meaning") from None
    except AssertionError:  # That is how the parser refuses versions of YAML that it has not heard of.
        directive = _VERSION_DIRECTIVE.search(text, reached)
        place = _place(text, directive.start() if directive else reached)
        raise problems.refuse(place, _OTHER_VERSION if directive else "not valid YAML here") from None


def _fault_place(error: MarkedYAMLError, opened: list[Place]) -> Place | None:
    """Where to look: where the thing begins that is never closed, else where the parser stumbled."""
    problem = str(error.problem)
    if "<stream end>" in problem and opened:
        return opened[-1]
    mark = error.context_mark if "end of stream" in problem else error.problem_mark
    return Place(mark.line + 1, mark.column + 1) if mark else None


def _plain_words(error: MarkedYAMLError) -> str:
    problem = f"{error.problem or error.context or 'it cannot be read'}"
    return next((words for sign, words in _SYNTAX if sign in problem), shortened(problem))


_MERGE_KEY: Final = "<<"


def _checked(events: Iterator[ev.Event], problems: Problems) -> Iterator[ev.Event]:
    """The same events, ended by BadConfig at the first that rules cannot have: before anything is built of them."""
    depth = documents = 0
    for count, event in enumerate(events, 1):
        depth += isinstance(event, _OPENING) - isinstance(event, _CLOSING)
        documents += isinstance(event, ev.DocumentStartEvent)
        fault = _fault(event)
        if depth > MAX_DEPTH:
            fault = f"nested deeper than {MAX_DEPTH} levels, which is the limit"
        elif count > MAX_EVENTS:
            fault = f"more than {MAX_EVENTS:,} keys, values and brackets, which is the limit"
        elif documents > 1:
            fault = "a second YAML document; a rules file holds one: delete the `---` and what belongs to it"
        if fault:
            raise problems.refuse(place_of(event), fault)
        yield event


def _fault(event: ev.Event) -> str | None:
    if isinstance(event, ev.AliasEvent):
        return "an alias (*name); write the value out"
    if getattr(event, "anchor", None) is not None:
        return "an anchor (&name); anchors and aliases are not allowed: write the values out"
    if getattr(event, "tag", None) is not None:
        return "a tag (!name); tags are not allowed: write plain values"
    if isinstance(event, ev.DocumentStartEvent) and event.version not in (None, (1, 2)):
        return _OTHER_VERSION
    if isinstance(event, ev.ScalarEvent) and event.value == _MERGE_KEY and not event.style:
        return "a merge key (<<); merge keys are not allowed: write the keys out (as text, put it in quotes)"
    return None
