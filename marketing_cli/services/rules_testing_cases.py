"""A file of cases for rules, checked whole: what was given, what arrives then, and what is expected of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, NamedTuple

import orjson

from marketing_cli.domain.lines import RawLine, Reject
from marketing_cli.domain.reasons import Outcome
from marketing_cli.schemas.event import EventIn
from marketing_cli.schemas.rules import RuleSet
from marketing_cli.services.line_parsing import ParseOptions, parse_line
from marketing_cli.services.rules_document import UNUSABLE, Document, Loc, Value, label
from marketing_cli.services.rules_problems import did_you_mean, found, shortened
from marketing_cli.services.rules_testing_fields import CASE, FILE, THEN, Keys, check_name, check_values
from marketing_cli.services.rules_yaml import read_document

KNOWN_VERSION: Final = 1
_OUTCOMES: Final = {"requests": Outcome.REQUESTED, "suppressions": Outcome.SUPPRESSED}
_EVENTS: Final = "a list with at least one event"
_OPTION_OF_INGEST: Final = ", or use --assume-timezone"


class Arrival(NamedTuple):
    """An event of a case, and the line that it stands in; `given` ones come before what is tested."""

    line: int
    event: EventIn
    given: bool


class Target(NamedTuple):
    """What has one outcome: an event, its user, and a rule."""

    event_key: str
    user_id: str
    rule: str


@dataclass(frozen=True, slots=True)
class Expected:
    """An outcome that a case expects. `fields` are the further facts it names, in the words of the file."""

    line: int
    target: Target
    outcome: Outcome
    fields: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Case:
    """Events in the order in which they arrive, and everything that is to come of those that are not given."""

    line: int
    name: str
    arrivals: Sequence[Arrival]
    expected: Sequence[Expected]


def parse_cases(text: str, source: str, rules: RuleSet) -> tuple[Case, ...]:
    """Read the cases for these rules from YAML; `source` is what messages call the file.

    Raises BadConfig, with one line `source:line:column: ...` for each of the first 20 problems.
    """
    document = read_document(text, source)
    cases = tuple(_Reader(document, rules).cases())
    document.problems.raise_any()
    return cases


class _Reader:
    """Reads one document. What is wrong is noted in it, and what depends on that left out."""

    def __init__(self, document: Document, rules: RuleSet) -> None:
        self._document = document
        self._rules = [rule.name for rule in rules.rules]

    def cases(self) -> Iterator[Case]:
        data = self._document.data
        if not isinstance(data, dict):
            # No piece of a text is shown: what is no cases at all may be a file of secrets, named by mistake.
            what = "text" if isinstance(data, str) and data else found(data)
            self._document.refuse((), f"the file: found {what}; allowed: a mapping with {FILE.text}")
            return
        if "rules" in data and "cases" not in data:
            text = "these are rules, and no cases for them; leave the file out, and name the rules with --rules"
            self._document.refuse_key(("rules",), text)
            return
        self._check_version(data)
        if self._has_keys((), FILE):
            names: dict[str, Loc] = {}
            for loc in self._items(("cases",), "a list with at least one case"):
                yield from self._case(loc, names)

    def _check_version(self, data: dict[str, Value]) -> None:
        version = data.get("version", KNOWN_VERSION)
        if type(version) is not int or version != KNOWN_VERSION:
            self._document.wrong(("version",), f"{KNOWN_VERSION}, the only version this program knows")
        if type(version) is int and version > KNOWN_VERSION:
            # A format of the future: whatever else looks wrong in it may be right there.
            self._document.problems.raise_any()

    def _has_keys(self, loc: Loc, keys: Keys) -> bool:
        """Whether there is a mapping with the keys it needs; unknown ones are noted."""
        document, value = self._document, self._document.at(loc)
        if not isinstance(value, dict):
            document.wrong(loc, f"a mapping with {keys.text}")
            return False
        for key in value:
            if key not in keys.known:
                document.unknown_key((*loc, key), keys.known)
        lost = [key for key in keys.needed if key not in value]
        if lost:
            document.refuse(loc, f"{label(loc)}: missing {', '.join(lost)}; needed: {', '.join(keys.needed)}")
        return not lost

    def _items(self, loc: Loc, allowed: str, *, least: int = 1) -> list[Loc]:
        value = self._document.at(loc)
        if not isinstance(value, tuple) or len(value) < least:
            self._document.wrong(loc, allowed)
            return []
        return [(*loc, index) for index in range(len(value))]

    def _case(self, loc: Loc, names: dict[str, Loc]) -> Iterator[Case]:
        if not self._has_keys(loc, CASE):
            return
        check_name(self._document, (*loc, "name"), names)
        before = len(self._document.problems)
        given = "given" in self._document.at(loc)
        arrivals = [*self._events((*loc, "given"), given=True)] if given else []
        arrivals += self._events((*loc, "when"), given=False)
        # What names an event that was refused is not itself at fault.
        sound = len(self._document.problems) == before
        expected = self._expected((*loc, "then"), arrivals) if sound else []
        yield Case(self._line(loc), str(self._document.at((*loc, "name"))), arrivals, expected)

    def _line(self, loc: Loc) -> int:
        return self._document.places[loc].line

    def _events(self, loc: Loc, *, given: bool) -> Iterator[Arrival]:
        for item in self._items(loc, _EVENTS):
            value = self._document.at(item)
            if not isinstance(value, dict):
                self._document.wrong(item, "an event, as a line of an export holds it")
            elif not _has_unusable(value):
                content = parse_line(RawLine(1, orjson.dumps(value)), ParseOptions())
                if isinstance(content, Reject):
                    self._refuse_event(item, content)
                elif content is not None:
                    yield Arrival(self._line(item), content, given)

    def _refuse_event(self, loc: Loc, reject: Reject) -> None:
        """Say what ingest would say, at the field that it is about."""
        at = (*loc, reject.detail.partition(":")[0])
        detail = reject.detail.removesuffix(_OPTION_OF_INGEST)
        self._document.refuse(at if at in self._document.places else loc, f"{detail} [{reject.reason}]")

    def _expected(self, loc: Loc, arrivals: Sequence[Arrival]) -> list[Expected]:
        if not self._has_keys(loc, THEN):
            return []
        first: dict[Target, Loc] = {}
        return [
            expected
            for kind in THEN.known
            if kind in self._document.at(loc)
            for item in self._items((*loc, kind), f"a list of {kind}", least=0)
            for expected in self._outcome(item, kind, arrivals, first)
        ]

    def _outcome(
        self, loc: Loc, kind: str, arrivals: Sequence[Arrival], first: dict[Target, Loc]
    ) -> Iterator[Expected]:
        keys = Keys.of_outcome(kind)
        if not self._has_keys(loc, keys):
            return
        values = self._document.at(loc)
        whose = self._whose(loc, arrivals)
        named = check_values(self._document, loc, keys, {arrival.event.event_key for arrival in arrivals})
        if values["rule"] not in self._rules:
            guess = partial(did_you_mean, values["rule"], self._rules)
            self._document.wrong((*loc, "rule"), "the name of one of the rules", guess)
        elif named and whose:
            target = Target(*whose, values["rule"])
            other = first.setdefault(target, loc)
            if other != loc:
                text = f"this event and rule have their one outcome in line {self._line(other)} already; delete one"
                self._document.refuse(loc, text)
            further = {key: values[key] for key in keys.known if key in values and key not in {"rule", "event", "user"}}
            yield Expected(self._line(loc), target, _OUTCOMES[kind], further)

    def _whose(self, loc: Loc, arrivals: Sequence[Arrival]) -> tuple[str, str] | None:
        """The event and the user that an outcome is about; None where that is not clear, which is noted."""
        values = self._document.at(loc)
        if not all(isinstance(values.get(key, ""), str | int) for key in ("event", "user")):
            return None
        known = dict.fromkeys((arrival.event.event_key, arrival.event.user_id) for arrival in arrivals)
        arriving = dict.fromkeys((a.event.event_key, a.event.user_id) for a in arrivals if not a.given)
        fitting = [
            (key, user)
            for key, user in (known if "event" in values else arriving)
            if key == values.get("event", key) and user == str(values.get("user", user))
        ]
        if len(fitting) == 1:
            return fitting[0]
        self._say_whose(loc, values, fitting, known)
        return None

    def _say_whose(
        self, loc: Loc, values: Value, fitting: Sequence[object], known: dict[tuple[str, str], None]
    ) -> None:
        ids = dict.fromkeys(key for key, _ in known)
        if "event" in values and values["event"] not in ids:
            guess = partial(did_you_mean, values["event"], ids)
            self._document.wrong((*loc, "event"), "the id of an event of this case", guess)
        elif fitting:
            lacks = "user" if "event" in values else "event"
            self._document.refuse(loc, f"{label(loc)}: missing {lacks}; several events of this case could be meant")
        else:
            users = ", ".join(dict.fromkeys(shortened(user) for _, user in known))
            self._document.wrong((*loc, "user"), f"the user of such an event; in this case: {users}")


def _has_unusable(value: Value) -> bool:
    """Whether a part of an event was refused already."""
    if isinstance(value, dict):
        return any(_has_unusable(part) for part in value.values())
    return value is UNUSABLE or (isinstance(value, tuple) and any(_has_unusable(part) for part in value))
