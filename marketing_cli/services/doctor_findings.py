"""What a check of `mmsg doctor` hands back, and the verdict on all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from marketing_cli.errors import ExitCode
from marketing_cli.schemas.doctor import Check, CheckState, DoctorReport

_AS_AT_START_UP = (
    ExitCode.BAD_CONFIG,
    ExitCode.DB_UNAVAILABLE,
    ExitCode.DB_MISSING,
    ExitCode.DB_AHEAD,
    ExitCode.DB_BEHIND,
)
"""What other commands would end with before doing anything, in the order in which they look."""

_MOST_EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """How a check came out. `stops` is the exit code of other commands where they could not even begin."""

    state: CheckState
    detail: str
    advice: str | None = None
    stops: ExitCode | None = None


def ok(detail: str) -> Finding:
    """All is as it should be."""
    return Finding(CheckState.OK, detail)


def skipped(detail: str, advice: str | None = None) -> Finding:
    """It was not looked at; the detail says why."""
    return Finding(CheckState.SKIPPED, detail, advice)


def warning(detail: str, advice: str) -> Finding:
    """Somebody should look at it in the morning."""
    return Finding(CheckState.WARNING, detail, advice)


def wrong(detail: str, advice: str, stops: ExitCode | None = None) -> Finding:
    """A promise is broken, or is about to be."""
    return Finding(CheckState.WRONG, detail, advice, stops)


def worst(findings: Sequence[Finding], sound: str) -> Finding:
    """The findings as one, with the worst state and all that is not ok; `sound` is the detail when everything is."""
    bad = [finding for finding in findings if finding.state in {CheckState.WARNING, CheckState.WRONG}]
    if not bad:
        return ok(sound)
    state = CheckState.WRONG if any(finding.state is CheckState.WRONG for finding in bad) else CheckState.WARNING
    advice = " ".join(dict.fromkeys(finding.advice for finding in bad if finding.advice))
    return Finding(state, "; ".join(finding.detail for finding in bad), advice)


def examples(numbers: Sequence[int]) -> str:
    """The first few of some row numbers: `12, 15, 18 and 4 more`."""
    shown = ", ".join(str(number) for number in numbers[:_MOST_EXAMPLES])
    more = len(numbers) - _MOST_EXAMPLES
    return f"{shown} and {more:,} more" if more > 0 else shown


def report(findings: Mapping[str, Finding]) -> DoctorReport:
    """The verdict: 0 without anything wrong, 8 with; or the code that other commands would end with at start-up."""
    states = {finding.state for finding in findings.values()}
    status = next((s for s in (CheckState.WRONG, CheckState.WARNING) if s in states), CheckState.OK)
    stops = {finding.stops for finding in findings.values()}
    usual = ExitCode.DIFFERS if status is CheckState.WRONG else ExitCode.OK
    return DoctorReport(
        status=status,
        exit_code=next((code for code in _AS_AT_START_UP if code in stops), usual),
        checks=[Check(check=name, state=f.state, detail=f.detail, advice=f.advice) for name, f in findings.items()],
    )
