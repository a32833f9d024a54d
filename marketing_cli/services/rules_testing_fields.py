"""The keys of a file of cases, and which values they take."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from typing import Final, Self

from marketing_cli.domain.reasons import ReasonCode
from marketing_cli.schemas.rules import Channel, is_name
from marketing_cli.services.rules_document import Document, Loc
from marketing_cli.services.rules_problems import did_you_mean


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys that a mapping may have, and those it must have."""

    known: tuple[str, ...]
    needed: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The keys for a message."""
        return ", ".join(self.needed or self.known)

    @classmethod
    def of_outcome(cls, kind: str) -> Self:
        """The keys of one of the `requests` or `suppressions`."""
        return cls((*_OUTCOME, *(_SUPPRESSED if kind == "suppressions" else ())), ("rule",))


FILE: Final = Keys(("version", "cases"), ("version", "cases"))
CASE: Final = Keys(("name", "given", "when", "then"), ("name", "when", "then"))
THEN: Final = Keys(("requests", "suppressions"))
_OUTCOME: Final = ("rule", "event", "user", "template", "channel", "caused_by")
_SUPPRESSED: Final = ("reason_code", "blocked_by")

_EVENT_KEYS: Final = ("caused_by", "blocked_by")
_CODES: Final = (
    ReasonCode.DAILY_CAP_REACHED,
    ReasonCode.ALREADY_SENT_ONCE_EVER,
    ReasonCode.ALREADY_SENT_FOR_EVENT,
)
_CHOICES: Final[dict[str, tuple[str, ...]]] = {"channel": tuple(Channel), "reason_code": _CODES}


def check_name(document: Document, loc: Loc, names: dict[str, Loc]) -> None:
    """Note a name that is none, or that an earlier case has."""
    name = document.at(loc)
    if not isinstance(name, str) or not is_name(name):
        document.wrong(loc, "text of 1 to 255 characters")
        return
    other = names.setdefault(name, loc)
    if other != loc:
        line = document.places[other].line
        document.wrong(loc, f"a name of its own for each case; the same name is in line {line}")


def check_values(document: Document, loc: Loc, keys: Keys, events: Collection[str]) -> bool:
    """Whether all further facts that an outcome names can be true of one; `events` are the ids of the case."""
    before = len(document.problems)
    for key, value in document.at(loc).items():
        at = (*loc, key)
        if key not in keys.known or key == "rule":
            continue
        if key == "user" and type(value) is int:
            continue  # taken as its digits, as in an event
        if not isinstance(value, str):
            document.wrong(at, "text")
        elif key in _CHOICES and value not in _CHOICES[key]:
            document.wrong(at, ", ".join(_CHOICES[key]), partial(did_you_mean, value, _CHOICES[key]))
        elif key in _EVENT_KEYS and value not in events:
            document.wrong(at, "the id of an event of this case", partial(did_you_mean, value, events))
    return len(document.problems) == before
