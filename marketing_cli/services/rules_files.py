"""Reads rules, the shipped ones or a file of the user's, and checks them whole before anything is decided by them."""

import hashlib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Final

from marketing_cli.errors import BadConfig
from marketing_cli.schemas.rules import RuleSet
from marketing_cli.services.rules_problems import Place, Problems, nearest, printable
from marketing_cli.services.rules_scan import MAX_BYTES
from marketing_cli.services.rules_validation import build_rule_set
from marketing_cli.services.rules_yaml import read_document

SHIPPED: Final = "shipped"
_UTF16_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class LoadedRules:
    """Rules in force: the file's text, the SHA-256 of its bytes in hex, where it is from, and what it says.

    `source` is "shipped" or the path as it was given; `text.encode()` gives the file's bytes again.
    """

    text: str
    sha256: str
    source: str
    rule_set: RuleSet


def load_rules(path: Path | None = None) -> LoadedRules:
    """Read and check the rules in this file, or those shipped with the program.

    Raises BadConfig when the file cannot be read, is not UTF-8, is larger than 256 KiB or holds invalid rules; the
    message has one line per problem, each with line and column.
    """
    source = SHIPPED if path is None else str(path)
    raw = shipped_file("default.yaml") if path is None else read_bytes(path)
    text = decoded(raw, source)
    return LoadedRules(text, hashlib.sha256(raw).hexdigest(), source, parse_rules(text, source))


def parse_rules(text: str, source: str) -> RuleSet:
    """Check rules given as YAML text; `source` is what messages call it.

    Raises BadConfig, with one line `source:line:column: ...` for each of the first 20 problems.
    """
    return build_rule_set(read_document(text, source))


def templates(rule_set: RuleSet) -> tuple[str, ...]:
    """Return the templates the rules can send, disabled rules included, each once and in file order."""
    return tuple(dict.fromkeys(rule.message.template for rule in rule_set.rules))


def nearest_template(rule_set: RuleSet, word: str) -> str | None:
    """Return the template that was probably meant by a word that names none; None when nothing is near."""
    return nearest(word, templates(rule_set))


def shipped_file(name: str) -> bytes:
    """A file that is shipped in the package, beside the rules."""
    return (resources.files("marketing_cli") / "rules" / name).read_bytes()


def read_bytes(path: Path, what: str = "rules", check: str = "check --rules or MMSG_RULES") -> bytes:
    """The bytes of a file of rules, or of what else stands beside them; `check` is what to do if there is none.

    Never more than the limit and one, so that a pipe or device without end cannot fill memory. Raises BadConfig.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        why = (getattr(error, "strerror", None) or "this is no usable path").lower()
        raise BadConfig(f"{printable(str(path))}: cannot read the {what}: {why}; {check}") from None
    if len(raw) > MAX_BYTES:
        raise BadConfig(
            f"{printable(str(path))}: the {what} are larger than {MAX_BYTES} bytes (256 KiB); is it the right file?"
        )
    return raw


def decoded(raw: bytes, source: str) -> str:
    """A file's bytes as text. Raises BadConfig where they are no UTF-8; `source` is what messages call the file."""
    problems = Problems(source)
    if raw.startswith(_UTF16_MARKS):
        raise problems.refuse(Place(1, 1), "the file is UTF-16; save it as UTF-8")
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode()
        place = Place(before.count("\n") + 1, len(before) - before.rfind("\n"))
        raise problems.refuse(
            place, f"the byte 0x{raw[error.start]:02x} is not UTF-8; save the file as UTF-8"
        ) from None
