"""Rules looked at from outside: is a file valid, what is in force, what was in force then."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from marketing_cli.domain.texts import counted
from marketing_cli.errors import NotFound, UsageError
from marketing_cli.services.rules_files import load_rules
from marketing_cli.services.rules_problems import shortened

_HEX: Final = re.compile(r"[0-9a-f]{6,64}")


@dataclass(frozen=True, slots=True)
class RulesCheck:
    """A valid rules file."""

    source: str
    rules: int
    enabled: int

    @property
    def text(self) -> str:
        """The finding in a line."""
        return f"{self.source}: {counted(self.rules, 'rule')}, {self.enabled} enabled"


def check_rules(path: Path) -> RulesCheck:
    """Read and check a rules file. Raises BadConfig with a line for each problem."""
    loaded = load_rules(path)
    rules = loaded.rule_set.rules
    return RulesCheck(loaded.source, len(rules), sum(rule.enabled for rule in rules))


def rules_bytes(path: Path | None) -> bytes:
    """The rules that are in force, the shipped ones without a path, as the file has them. Raises BadConfig."""
    return load_rules(path).text.encode()


def stored_rules_bytes(url: str, prefix: str) -> bytes:
    """The rules version whose SHA-256 begins so, byte for byte as it was used.

    `prefix` is as `rules_prefix` gives it. Raises NotFound when no version begins so, or several do, and what
    `open_database` raises.
    """
    # The rules in force need no database, nor its libraries.
    from marketing_cli.database.sessions import open_database  # noqa: PLC0415
    from marketing_cli.repositories.listing_ledger import LedgerListing  # noqa: PLC0415

    with open_database(url) as transactions, transactions() as session:
        texts = LedgerListing(session).rules_texts(prefix, most=2)
    if not texts:
        raise NotFound(f"no rules version begins with {prefix}; `mmsg rules history` lists them.")
    if len(texts) > 1:
        raise NotFound(f"several rules versions begin with {prefix}; give more digits: `mmsg rules history` has them.")
    return texts[0].encode()


def rules_prefix(text: str) -> str:
    """The beginning of a SHA-256 in lower case. Raises UsageError."""
    prefix = text.lower()
    if not _HEX.fullmatch(prefix):
        raise UsageError(
            f'"{shortened(text)}" is not the SHA-256 of rules: give 6 to 64 of its first hex digits, from'
            " `mmsg rules history`. A file of rules is shown with --rules FILE."
        )
    return prefix
