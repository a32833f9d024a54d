"""`mmsg rules lint`: rules that can never match, that another one shadows, or that wait for what never comes."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from marketing_cli.domain.texts import counted
from marketing_cli.errors import DatabaseMissing, ExitCode, MmsgError
from marketing_cli.schemas.rules import Condition, FieldCondition, PriorEventCondition, Rule
from marketing_cli.schemas.rules_lint import (
    LintCode,
    LintedRules,
    LintFinding,
    LintStatus,
    LookedAt,
    RulesLintReport,
)
from marketing_cli.services.audit_texts import wanted_text
from marketing_cli.services.rules_document import Document, Loc
from marketing_cli.services.rules_files import LoadedRules, load_rules
from marketing_cli.services.rules_lint_conditions import contradiction, shadows
from marketing_cli.services.rules_lint_events import Seen, look_at_newest
from marketing_cli.services.rules_lint_values import needs_value
from marketing_cli.services.rules_yaml import read_document


def lint_rules(path: Path | None, url: str) -> RulesLintReport:
    """Look at the rules in a file, or the shipped ones, and compare them with the newest events of a database.

    Where there is no database, or it cannot be read, that part is left out and the report says so; its exit code is
    then 0, or that of what failed if there is nothing to report. Raises BadConfig for invalid rules.
    """
    loaded = load_rules(path)
    linting = _Linting(loaded)
    static = [*linting.contradictions(), *linting.shadowed()]
    seen, failure = _seen(url, loaded)
    events = [] if not seen.events else [*linting.unseen(seen, {finding.rule for finding in static})]
    rules = loaded.rule_set.rules
    order = {rule.name: place for place, rule in enumerate(rules)}
    findings = sorted([*static, *events], key=lambda finding: order[finding.rule])
    return RulesLintReport(
        status=LintStatus.FOUND if findings else LintStatus.CLEAN,
        exit_code=_exit_code(findings, failure),
        rules=LintedRules(
            source=loaded.source, sha256=loaded.sha256, rules=len(rules), enabled=sum(rule.enabled for rule in rules)
        ),
        stored=LookedAt(events=seen.events, skipped=_skipped(seen, failure)),
        findings=findings,
    )


def _seen(url: str, loaded: LoadedRules) -> tuple[Seen, MmsgError | None]:
    try:
        return look_at_newest(url, loaded.rule_set), None
    except MmsgError as failure:
        return Seen(0), failure


def _skipped(seen: Seen, failure: MmsgError | None) -> str | None:
    if failure is not None:
        return str(failure)
    return None if seen.events else "no events are stored yet."


def _exit_code(findings: Sequence[LintFinding], failure: MmsgError | None) -> int:
    if findings:
        return ExitCode.DIFFERS
    return ExitCode.OK if failure is None or isinstance(failure, DatabaseMissing) else failure.exit_code


class _Linting:
    """The rules of one file, and where in it they stand."""

    def __init__(self, loaded: LoadedRules) -> None:
        self._rules = loaded.rule_set
        self._document: Document = read_document(loaded.text, loaded.source)
        self._locs: dict[str, Loc] = {rule.name: ("rules", place) for place, rule in enumerate(self._rules.rules)}

    def contradictions(self) -> Iterator[LintFinding]:
        """Rules that can never match; disabled ones too, since enabling them would be of no use."""
        for rule in self._rules.rules:
            conditions = contradiction(rule)
            if conditions:
                one = len(conditions) == 1
                why = "no value meets" if one else "these contradict each other:"
                told = ", ".join(self._told(rule, condition) for condition in conditions)
                advice = "Change the condition." if one else "Change one of these conditions, or make two rules of it."
                yield self._finding(
                    LintCode.NEVER_MATCHES, rule, conditions, f"it can never match: {why} {told}", advice
                )

    def shadowed(self) -> Iterator[LintFinding]:
        """Rules that an earlier one leaves nothing to request, other than those that can never match anyway."""
        for rule, earlier in shadows(self._rules):
            if not contradiction(rule):
                line, template = self._line(earlier), rule.message.template
                detail = (
                    f"it never leads to a request: whatever it matches, {earlier.name} in line {line} has matched"
                    f" before, and used up the limit of {template}"
                )
                advice = "Delete it, give it another template, or let the earlier rule match less."
                yield self._finding(LintCode.SHADOWED, rule, rule.when, detail, advice)

    def unseen(self, seen: Seen, told: set[str]) -> Iterator[LintFinding]:
        """Enabled rules that ask for what is not among the newest events, other than those told of already."""
        for rule in self._rules.rules:
            if rule.enabled and rule.name not in told:
                yield from self._unseen_types(rule, seen)
                yield from self._unseen_fields(rule, seen)

    def _unseen_types(self, rule: Rule, seen: Seen) -> Iterator[LintFinding]:
        newest = f"none of the newest {_events(seen.events)}"
        advice = "Check how the events spell it; if they have yet to come, nothing is wrong."
        if rule.on not in seen.types:
            detail = f"it looks at {rule.on}, and {newest} is of that type"
            yield self._finding(LintCode.UNSEEN_EVENT_TYPE, rule, (), detail, advice)
        for condition in rule.prior_conditions:
            if condition.prior_event not in seen.types:
                detail = f"it waits for {self._told(rule, condition)}, and {newest} is of that type"
                yield self._finding(LintCode.UNSEEN_EVENT_TYPE, rule, (condition,), detail, advice)

    def _unseen_fields(self, rule: Rule, seen: Seen) -> Iterator[LintFinding]:
        unseen = seen.unseen.get(rule.on, frozenset()) if rule.on in seen.types else frozenset()
        for condition in rule.field_conditions:
            if condition.field in unseen and needs_value(condition):
                detail = (
                    f"it asks for {self._told(rule, condition)}, and none of the {seen.types[rule.on]:,} {rule.on}"
                    f" among the newest {_events(seen.events)} has a value there"
                )
                advice = "Check how the events spell it, and whether it is in properties or in user_traits."
                yield self._finding(LintCode.UNSEEN_FIELD, rule, (condition,), detail, advice)

    def _finding(
        self, code: LintCode, rule: Rule, conditions: Sequence[Condition], detail: str, advice: str
    ) -> LintFinding:
        texts = [_text(condition) for condition in conditions]
        return LintFinding(
            code=code, rule=rule.name, line=self._line(rule), conditions=texts, detail=detail, advice=advice
        )

    def _line(self, rule: Rule) -> int:
        return self._document.places[self._locs[rule.name]].line

    def _told(self, rule: Rule, condition: Condition) -> str:
        place = next(place for place, other in enumerate(rule.when) if other is condition)
        return f"{_text(condition)} (line {self._document.places[*self._locs[rule.name], 'when', place].line})"


def _text(condition: FieldCondition | PriorEventCondition) -> str:
    return wanted_text(condition) if isinstance(condition, FieldCondition) else condition.text


def _events(number: int) -> str:
    return counted(number, "event")
