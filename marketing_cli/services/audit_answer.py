"""What the findings about a user and a template come to: one answer, one code, one sentence."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from marketing_cli.domain.reasons import Outcome, ReasonCode
from marketing_cli.domain.texts import z
from marketing_cli.repositories.audit_rows import KeptReject, StoredDecision, StoredEvent, TemplateCounts
from marketing_cli.schemas.audit import Answer
from marketing_cli.services.audit_asking import AskingRules
from marketing_cli.services.audit_closest import closest
from marketing_cli.services.audit_decisions import not_matched
from marketing_cli.services.audit_looks import Look
from marketing_cli.services.audit_shapes import reject_text

_MOST_TOLD = 3
_WITHOUT_ID = " It has no legible id, so whether it was mended and came again cannot be told."


@dataclass(frozen=True, slots=True)
class Findings:
    """All that bears on the answer; lists are newest first.

    Of the events in `unread` the rules of then cannot be read. `cut_at` is set where there are more events.
    """

    user_id: str
    asking: AskingRules
    counts: TemplateCounts
    decided: Sequence[StoredDecision]
    looks: Sequence[Look]
    unread: Sequence[StoredEvent]
    rejects: Sequence[KeptReject]
    untyped_rejects: int
    cut_at: int | None
    notes: Sequence[str] = ()

    @property
    def refused_triggers(self) -> list[KeptReject]:
        """The refused lines whose type would have led to the template."""
        return [kept for kept in self.rejects if kept.event_type in self.asking.types]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer; `told` are the refused lines that `reason` names already."""

    answer: Answer
    reason_code: str | None
    reason: str
    notes: list[str] = field(default_factory=list)
    told: Sequence[KeptReject] = ()


def answer_of(found: Findings) -> Verdict:
    """The answer, from the surest finding to the faintest."""
    verdict = (
        _made(found)
        or _suppressed_only(found)
        or _closest_miss(found)
        or _not_to_be_told(found)
        or _trigger_rejected(found)
        or _nothing_came(found)
    )
    return replace(verdict, notes=_notes(found, verdict))


def _made(found: Findings) -> Verdict | None:
    requests = [decision for decision in found.decided if decision.outcome is Outcome.REQUESTED]
    handed_on = [decision for decision in requests if not decision.historical]
    if not requests:
        return None
    newest = (handed_on or requests)[0]
    blocked = [decision for decision in found.decided if decision.outcome is Outcome.SUPPRESSED]
    text = _historical_text(found, newest) if found.counts.requested == 0 else _requested_text(found, newest)
    if blocked:
        times = "once" if found.counts.suppressed == 1 else f"{found.counts.suppressed} times, last"
        text += f" It was also suppressed {times}: {blocked[0].suppression_reason}."
    return Verdict(Answer.REQUESTED if found.counts.requested else Answer.HISTORICAL, None, text)


def _requested_text(found: Findings, newest: StoredDecision) -> str:
    template, number = found.asking.template, found.counts.requested
    times = "" if number == 1 else f" {number} times, last"
    return (
        f"Yes: {template} was requested for {found.user_id}{times} for {_event_text(newest)},"
        f" decided at {z(newest.decided_at)}: {newest.reason}."
    )


def _historical_text(found: Findings, newest: StoredDecision) -> str:
    return (
        f"Not handed on: {found.asking.template} was due for {found.user_id} for {_event_text(newest)}, but came from"
        " an archive (--backfill), so its request is historical: it uses up the limit and is never sent."
    )


def _suppressed_only(found: Findings) -> Verdict | None:
    blocked = next((decision for decision in found.decided if decision.outcome is Outcome.SUPPRESSED), None)
    if blocked is None:
        return None
    text = f"{_no(found)}, because {blocked.suppression_reason}, for {_event_text(blocked)}."
    return Verdict(Answer.NOT_REQUESTED, blocked.reason_code, text)


def _closest_miss(found: Findings) -> Verdict | None:
    undecided = [look for look in found.looks if look.decision is None]
    if not undecided:
        return None
    look = closest(undecided)
    code, why = not_matched(look)
    number, event = len({each.event.facts.id for each in undecided}), _named(look.event)
    failed = "did not match" if look.was_in_force else "was not looked at"
    nearest = f"{event} {failed}" if number == 1 else f"none of {number} events led to it; nearest was {event}"
    text = f"{_no(found)}, because {nearest}: {why}."
    return Verdict(Answer.NOT_REQUESTED, code, text)


def _not_to_be_told(found: Findings) -> Verdict | None:
    if not found.unread:
        return None
    event = _named(found.unread[0])
    text = f"{_no(found)}; why {event} did not lead to it cannot be told, as the rules of then cannot be read."
    return Verdict(Answer.NOT_REQUESTED, None, text)


def _trigger_rejected(found: Findings) -> Verdict | None:
    refused = found.refused_triggers
    if not refused:
        return None
    newest = refused[0]
    text = (
        f"{_no(found)}, because the {newest.event_type} that would have been looked at was refused"
        f" ({reject_text(newest)}). Mend the line and ingest it again; mmsg rejects shows it."
    )
    return Verdict(Answer.NOT_REQUESTED, ReasonCode.TRIGGER_REJECTED, text, told=[newest])


def _nothing_came(found: Findings) -> Verdict:
    types = " or ".join(found.asking.types_now)
    text = (
        f"{_no(found)}, because only {types} leads to it, and no such event of this user is known, stored or refused."
    )
    return Verdict(Answer.NOT_REQUESTED, ReasonCode.NO_TRIGGER_EVENT, text)


def _notes(found: Findings, verdict: Verdict) -> list[str]:
    notes = [] if found.cut_at is None else [f"Only the newest {found.cut_at} events were looked at; there are more."]
    if verdict.answer is Answer.NOT_REQUESTED:
        notes += [found.asking.note] if found.asking.note else []
        notes += _reject_notes([kept for kept in found.rejects if kept not in verdict.told])
        if found.untyped_rejects:
            notes.append(
                f"{found.untyped_rejects} refused lines of this user have no legible type and may have mattered:"
                " mmsg rejects --user shows them."
            )
    return [*notes, *found.notes]


def _reject_notes(rejects: Sequence[KeptReject]) -> list[str]:
    told = [
        f"A {kept.event_type} of this user was refused and might have changed the answer: {reject_text(kept)}."
        f"{'' if kept.event_key else _WITHOUT_ID}"
        for kept in rejects[:_MOST_TOLD]
    ]
    left = len(rejects) - len(told)
    return [*told, f"{left} more such lines were refused: mmsg rejects --user shows them."] if left else told


def _no(found: Findings) -> str:
    return f"No: {found.asking.template} was not requested for {found.user_id}"


def _event_text(decision: StoredDecision) -> str:
    if decision.event_key is None:
        return f"an event of {z(decision.event_timestamp)} that is no longer stored"
    return f"{decision.event_type} {decision.event_key} of {z(decision.event_timestamp)}"


def _named(stored: StoredEvent) -> str:
    return f"{stored.facts.event_type} {stored.facts.key} of {z(stored.facts.timestamp)}"
