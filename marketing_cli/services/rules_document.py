"""A rules file as plain values that know their line and column, and what is wrong with them."""

from functools import partial
from typing import Any, Final, TypeAlias

from marketing_cli.services.rules_problems import Guess, Place, Problems, did_you_mean, found, shortened

Loc: TypeAlias = tuple[str | int, ...]
Value: TypeAlias = Any


class Unusable:
    """Stands for a value that was already refused, so that nobody complains about it a second time."""


UNUSABLE: Final = Unusable()


class Document:
    """A file's values (mappings as `dict`, lists as `tuple`), the place of each, and what is wrong with them."""

    def __init__(self, source: str) -> None:
        """Start empty; `source` is what the file is called in messages."""
        self.problems = Problems(source)
        self.data: Value = None
        self.places: dict[Loc, Place] = {}
        self.key_places: dict[Loc, Place] = {}

    def at(self, loc: Loc) -> Value:
        """Return the value at a path of keys and indexes."""
        value = self.data
        for step in loc:
            value = value[step]
        return value

    def refuse(self, loc: Loc, text: str) -> None:
        """Note a problem with the value at this path."""
        self.problems.add(self.places[loc], text)

    def refuse_key(self, loc: Loc, text: str) -> None:
        """Note a problem with the key that this path ends with."""
        self.problems.add(self.key_places[loc], text)

    def wrong(self, loc: Loc, allowed: str, guess: Guess = str) -> None:
        """Note that the value at this path is not one of those allowed, say what it is, and what was meant."""
        value = self.at(loc)
        if value is not UNUSABLE:
            self.problems.add(self.places[loc], f"{label(loc)}: found {found(value)}; allowed: {allowed}", guess)

    def unknown_key(self, loc: Loc, known: tuple[str, ...], instead: str = "") -> None:
        """Note a key that means nothing here, with the nearest one that does, or with what to write instead."""
        text = f'unknown key "{shortened(str(loc[-1]))}"; allowed here: {", ".join(known)}{instead}'
        guess = str if instead else partial(did_you_mean, loc[-1], known)
        self.problems.add(self.key_places[loc], text, guess)


def label(loc: Loc) -> str:
    """Name a path for people: its key, or `item 2 of rules`."""
    if not loc:
        return "the file"
    last = loc[-1]
    return f"item {last + 1} of {label(loc[:-1])}" if isinstance(last, int) else shortened(last)
