"""The rules of then: every version that decided something is in the database, and is read again when asked for."""

from collections.abc import Callable

from marketing_cli.errors import BadConfig
from marketing_cli.schemas.rules import Rule, RuleSet
from marketing_cli.services.rules_files import parse_rules


class RulesOfThen:
    """Remembers the rules versions met. One that this program cannot read is None, and noted."""

    def __init__(self, read: Callable[[int], tuple[str, str]]) -> None:
        """`read` gives a version's sha256 and text."""
        self._read = read
        self._versions: dict[int, tuple[str, RuleSet | None]] = {}

    @property
    def notes(self) -> list[str]:
        """A sentence for each version that could not be read."""
        return [
            f"The rules {sha256[:12]} that decided then cannot be read by this program, so their conditions are not"
            " shown; what was requested or suppressed is."
            for sha256, rules in self._versions.values()
            if rules is None
        ]

    def sha256(self, version_id: int) -> str:
        """The version's name: the SHA-256 of its bytes, in hexadecimal."""
        return self._version(version_id)[0]

    def get(self, version_id: int) -> RuleSet | None:
        """The version's rules, or None when this program cannot read them."""
        return self._version(version_id)[1]

    def on(self, version_id: int, event_type: str) -> tuple[Rule, ...]:
        """The enabled rules on a type, in file order."""
        rules = self.get(version_id)
        return rules.on(event_type) if rules else ()

    def find(self, version_id: int, name: str, event_type: str) -> Rule | None:
        """The enabled rule of this name on this type."""
        return next((rule for rule in self.on(version_id, event_type) if rule.name == name), None)

    def _version(self, version_id: int) -> tuple[str, RuleSet | None]:
        if version_id not in self._versions:
            sha256, text = self._read(version_id)
            self._versions[version_id] = sha256, _parsed(text, sha256)
        return self._versions[version_id]


def _parsed(text: str, sha256: str) -> RuleSet | None:
    try:
        return parse_rules(text, f"rules {sha256[:12]}")
    except BadConfig:
        return None
