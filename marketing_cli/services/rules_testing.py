"""`mmsg rules test`: which cases belong to which rules, and how they came out. Needs no database."""

from pathlib import Path
from typing import Final, NamedTuple

from marketing_cli.errors import ExitCode
from marketing_cli.schemas.rules_testing import CaseStatus, RulesSource, RulesTestReport
from marketing_cli.services.rules_files import SHIPPED, decoded, load_rules, read_bytes, shipped_file
from marketing_cli.services.rules_problems import printable
from marketing_cli.services.rules_testing_cases import parse_cases
from marketing_cli.services.rules_testing_run import run_case

SHIPPED_CASES: Final = "default.tests.yaml"
_MARK: Final = ".tests"
_SUFFIXES: Final = (".yaml", ".yml")


class RulesAndCases(NamedTuple):
    """The rules and their cases; None is the shipped file."""

    rules: Path | None
    cases: Path | None


def files_to_test(cases: Path | None, rules: Path | None, in_force: Path | None) -> RulesAndCases:
    """Find what belongs together; `rules` is what was asked for, `in_force` what is used otherwise.

    Rules that were asked for are those that are tested. Else cases that were named belong to the rules beside them: to
    `X.yaml` if they are `X.tests.yaml`. Cases that were not named are those beside the rules.
    """
    if cases is not None:
        return RulesAndCases(rules or _rules_beside(cases) or in_force, cases)
    rules = rules or in_force
    return RulesAndCases(rules, None if rules is None else _cases_beside(rules))


def _rules_beside(cases: Path) -> Path | None:
    stem = cases.name.removesuffix(cases.suffix)
    if not stem.endswith(_MARK):
        return None
    suffixes = dict.fromkeys((cases.suffix, *_SUFFIXES))
    named = (cases.with_name(stem.removesuffix(_MARK) + suffix) for suffix in suffixes)
    return next((path for path in named if path.is_file()), None)


def _cases_beside(rules: Path) -> Path:
    if rules.suffix not in _SUFFIXES:
        return rules.with_name(f"{rules.name}{_MARK}{_SUFFIXES[0]}")
    return rules.with_name(rules.name.removesuffix(rules.suffix) + _MARK + rules.suffix)


def run_rules_tests(files: RulesAndCases) -> RulesTestReport:
    """Run all cases of a file, each with a history of its own. Raises BadConfig for rules or cases that are invalid."""
    loaded = load_rules(files.rules)
    source = f"{SHIPPED} {SHIPPED_CASES}" if files.cases is None else str(files.cases)
    cases = parse_cases(decoded(cases_bytes(files), source), source, loaded.rule_set)
    results = [run_case(case, loaded.rule_set) for case in cases]
    failed = sum(result.status is CaseStatus.FAILED for result in results)
    named = {expected.target.rule for case in cases for expected in case.expected}
    return RulesTestReport(
        status=CaseStatus.FAILED if failed else CaseStatus.PASSED,
        exit_code=ExitCode.DIFFERS if failed else ExitCode.OK,
        rules=RulesSource(source=loaded.source, sha256=loaded.sha256),
        source=source,
        cases=results,
        passed=len(results) - failed,
        failed=failed,
        untested=[rule.name for rule in loaded.rule_set.rules if rule.enabled and rule.name not in named],
    )


def cases_bytes(files: RulesAndCases) -> bytes:
    """The cases as their file has them. Raises BadConfig when it cannot be read."""
    if files.cases is None:
        return shipped_file(SHIPPED_CASES)
    shown = "the shipped rules" if files.rules is None else printable(str(files.rules))
    check = f"it should hold the cases for {shown}; docs/rules.md says how they are written"
    return read_bytes(files.cases, "cases", check)
