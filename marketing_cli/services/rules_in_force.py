"""Which rules looked at an event when it arrived: those of its run, whichever version that was."""

from collections.abc import Callable

from marketing_cli.schemas.rules import RuleSet
from marketing_cli.services.rules_files import parse_rules


class RulesInForce:
    """Remembers, for each rules version met, the enabled rules and the types they are on."""

    def __init__(self, version_id: int, rules: RuleSet) -> None:
        """Know the rules of this run; others are read when they are first asked for."""
        self._looked_at = {version_id: _names(rules)}

    def looked_at(self, version_id: int, rule_name: str, event_type: str, text_of: Callable[[int], str]) -> bool:
        """Whether a rule of that name looked at events of that type, in that version of the rules."""
        if version_id not in self._looked_at:
            self._looked_at[version_id] = _names(parse_rules(text_of(version_id), f"rules version {version_id}"))
        return (rule_name, event_type) in self._looked_at[version_id]


def _names(rules: RuleSet) -> frozenset[tuple[str, str]]:
    return frozenset((rule.name, rule.on) for rule in rules.rules if rule.enabled)
