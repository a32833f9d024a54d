"""What is wrong with a rules file, gathered with its places and told in one go."""

import difflib
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple, TypeAlias

from marketing_cli.errors import BadConfig

MOST_TOLD: Final = 20
_LONGEST_SHOWN = 60
_LONGEST_GUESS = 100


class Place(NamedTuple):
    """Where in the text, both counted from 1; columns count characters."""

    line: int
    column: int


Guess: TypeAlias = Callable[[], str]
"""What was probably meant, in words; slow to find, so only found for what is told."""


class Problems:
    """Everything found wrong with one rules file."""

    def __init__(self, source: str) -> None:
        """Start with none; `source` is what the file is called in messages."""
        self._source = printable(source)
        self._found: dict[tuple[Place, str], Guess] = {}

    def __len__(self) -> int:
        """How many there are."""
        return len(self._found)

    def add(self, place: Place, text: str, guess: Guess = str) -> None:
        """Remember a problem; the same one twice counts once. `guess` adds to its text, if it is told at all."""
        self._found[place, text] = guess

    def refuse(self, place: Place, text: str) -> BadConfig:
        """Make the error for a file that is not worth reading on."""
        return BadConfig(self._line(place, text))

    def raise_any(self) -> None:
        """Raise BadConfig with one line per problem, in the file's order, the first 20 of them; nothing if none."""
        if not self._found:
            return
        told = sorted(self._found)[:MOST_TOLD]
        lines = [self._line(place, text + self._found[place, text]()) for place, text in told]
        left = len(self._found) - len(lines)
        if left:
            lines.append(f"{self._source}: and {left} more; mend these first, then check again")
        raise BadConfig("\n".join(lines))

    def _line(self, place: Place, text: str) -> str:
        return f"{self._source}:{place.line}:{place.column}: {text}"


def printable(text: str) -> str:
    """Return the text with each character that a terminal would not show, or would obey, written as an escape."""
    return text if text.isprintable() else "".join(char if char.isprintable() else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    return f"\\u{ord(char):04x}" if ord(char) <= 0xFFFF else f"\\U{ord(char):08x}"  # noqa: PLR2004 - end of 4 digits


def shortened(text: str) -> str:
    """Return the text fit for one line of a message: at most 60 characters of it, escaped."""
    cut = text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 1] + "…"
    return printable(cut)


def found(value: object) -> str:
    """Name a value of the file: its type and, where it is short, the value."""
    if value is None:
        return "nothing (null)"
    if isinstance(value, bool):
        return f"the boolean {str(value).lower()}"
    if isinstance(value, int | float):
        return f"the number {value}"
    if isinstance(value, str):
        return f'the text "{shortened(value)}"' if value else "an empty text"
    if isinstance(value, tuple):
        return "a list" if value else "an empty list"
    return "a mapping"


def did_you_mean(word: object, words: Iterable[str], likeness: float = 0.6) -> str:
    """Return `; did you mean "x"?` with the nearest of the words, or nothing when none is near."""
    guess = nearest(word, words, likeness) if isinstance(word, str) else None
    return f'; did you mean "{guess}"?' if guess else ""


def nearest(word: str, words: Iterable[str], likeness: float = 0.6) -> str | None:
    """Return the word that was probably meant: in other capitals, by its last part or first word, or the most alike."""
    wanted = word.strip().lower().replace(" ", "_")
    if not wanted or len(wanted) > _LONGEST_GUESS:
        return None
    known = {candidate.lower(): candidate for candidate in sorted(words)}
    last_parts = (lowered for lowered in known if lowered.rpartition("/")[2] == wanted)
    first_words = (lowered for lowered in known if lowered.startswith(f"{wanted}_"))
    alike = difflib.get_close_matches(wanted, known, n=1, cutoff=likeness)
    guesses = [wanted] if wanted in known else [*last_parts, *first_words, *alike]
    return known[guesses[0]] if guesses else None
