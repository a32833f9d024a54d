"""Which rules ask for a template: those in force now, and those of earlier versions."""

from dataclasses import dataclass
from functools import cached_property

from marketing_cli.repositories.audit import AuditRepository
from marketing_cli.schemas.rules import Rule, RuleSet
from marketing_cli.services.audit_rules import RulesOfThen
from marketing_cli.services.rules_files import LoadedRules

MOST_VERSIONS = 50
"""Earlier rules versions that are looked through, the newest first."""


@dataclass(frozen=True)
class AskingRules:
    """Rules with one template, disabled ones included. `before` are those of earlier versions, newest first.

    `sha256_now` and, for each rule in `before`, `sha256_before` name the rules versions that they are from.
    """

    template: str
    now: tuple[Rule, ...]
    sha256_now: str
    before: tuple[Rule, ...] = ()
    sha256_before: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether any rule has the template."""
        return bool(self.now or self.before)

    @cached_property
    def types(self) -> list[str]:
        """The event types that lead, or once led, to the template."""
        return list(dict.fromkeys(rule.on for rule in (*self.now, *self.before)))

    @cached_property
    def types_now(self) -> list[str]:
        """The types that the rules in force ask for; where these know the template no more, those of before."""
        return list(dict.fromkeys(rule.on for rule in self.now or self.before))

    @cached_property
    def prior_types(self) -> list[str]:
        """The types of the events that must have come before."""
        rules = (*self.now, *self.before)
        return list(dict.fromkeys(c.prior_event for rule in rules for c in rule.prior_conditions))

    def likely(self, event_type: str) -> list[tuple[Rule, str]]:
        """The rules to measure an event by that none looked at: of now, else the newest of before; each name once.

        Each comes with the SHA-256 of its rules version.
        """
        names = (*(self.sha256_now for _ in self.now), *self.sha256_before)
        rules = [pair for pair in zip((*self.now, *self.before), names, strict=True) if pair[0].on == event_type]
        return list({pair[0].name: pair for pair in reversed(rules)}.values())[::-1]

    @property
    def note(self) -> str | None:
        """What is to be said of the rules in force now."""
        if not self.now:
            return f"No rule in force now asks for {self.template}; earlier rules did."
        if not any(rule.enabled for rule in self.now):
            return f"In the rules in force now, what asks for {self.template} is disabled."
        return None


def asking_rules(template: str, now: LoadedRules, audit: AuditRepository, then: RulesOfThen) -> AskingRules:
    """Find the rules that ask for a template, or did."""
    before: list[Rule] = []
    names: list[str] = []
    for version_id in audit.newest_rules_naming(template, MOST_VERSIONS):
        rules = then.get(version_id)
        asking = _with_template(template, rules) if rules else ()
        before += asking
        names += [then.sha256(version_id)] * len(asking)
    return AskingRules(template, _with_template(template, now.rule_set), now.sha256, tuple(before), tuple(names))


def _with_template(template: str, rules: RuleSet) -> tuple[Rule, ...]:
    return tuple(rule for rule in rules.rules if rule.message.template == template)
