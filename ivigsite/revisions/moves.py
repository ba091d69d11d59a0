"""Taking an encounter to the version in force: what changes for the patient, then the move."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from django.db import transaction

from ivigsite.accounts.models import User
from ivigsite.audit.actions import record
from ivigsite.encounters.actions import EncounterChanged
from ivigsite.encounters.advice import LEVEL_OF_SEVERITY
from ivigsite.encounters.models import Assessment, Encounter, VersionMove
from protocols.engine import lookup
from protocols.engine.answers import Part, answer_of, parts_that_differ
from protocols.engine.decision import evaluate
from protocols.engine.numbers import format_decimal, unit_beside
from protocols.engine.outcome import outcome_to_plain
from protocols.engine.protocol import Protocol
from protocols.lifecycle import Refused, State
from protocols.mapping import SealBroken, load_protocol_value
from protocols.models import ProtocolVersion

PART_WORDS: Final[Mapping[Part, str]] = {
    Part.ANSWER: "Answer",
    Part.BRANCH: "Branch",
    Part.STOP: "Stop",
    Part.GATE: "Gate",
    Part.CONSULT: "Call to haematology",
    Part.LINE: "Order line",
    Part.DOSE: "Dose",
    Part.COURSE: "Course",
    Part.RATE: "Rate",
    Part.FINDING: "Finding",
    Part.TASK: "Check",
    Part.TARGET: "Target",
    Part.REPEAT: "Repeat",
    Part.TEXT: "Text",
}
ANSWER_WORDS: Final = {
    "recommendation": "",
    "gated": "Stopped by a gate",
    "not_covered": "Not covered by the protocol: call haematology",
}


class CannotMove(Refused):
    """The encounter cannot be taken to that version as it stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that the two versions say differently of this patient; empty where one says nothing."""

    part: str
    subject: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What one version says of the patient, at a glance."""

    number: int
    branch: str
    orders: tuple[str, ...]
    findings: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MovePlan:
    """What a move would mean: both answers, what differs, worst first, and what is in the way."""

    to: ProtocolVersion
    before: Said | None
    after: Said | None
    changes: tuple[Change, ...]
    in_the_way: tuple[str, ...]


def plan_move(encounter: Encounter, last: Assessment | None, to: ProtocolVersion) -> MovePlan:
    """Work out what `to` says of the last assessment; raises `SealBroken` where it cannot be read.

    What was said under the version kept to is read as it was stored, so that nobody is held on a version
    that can no longer be read itself.
    """
    protocol = load_protocol_value(to)
    in_the_way = checks_in_the_way(encounter, protocol)
    if last is None:
        return MovePlan(to=to, before=None, after=None, changes=(), in_the_way=in_the_way)
    outcome = outcome_to_plain(protocol, evaluate(protocol, last.as_facts()))
    return MovePlan(
        to=to,
        before=_said(last.protocol_version, last.outcome),
        after=_said(to, outcome),
        changes=changes_of(last.outcome, outcome),
        in_the_way=in_the_way,
    )


def changes_of(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Change, ...]:
    """The parts in which two outcomes differ, in words, worst first."""
    names = _names_of(before) | _names_of(after)
    return tuple(
        Change(
            part=PART_WORDS[change.part],
            subject=names.get((change.part, change.subject), change.subject),
            before=_spaced(change.before),
            after=_spaced(change.after),
        )
        for change in parts_that_differ(answer_of(before), answer_of(after))
    )


def checks_in_the_way(encounter: Encounter, protocol: Protocol) -> tuple[str, ...]:
    """The open checks that this protocol does not know: after a move nobody could judge their results."""
    rows = lookup.of(protocol)
    return tuple(
        task.title
        for task in encounter.tasks.open()
        if task.item not in rows.items or task.rule not in rows.result_rules
    )


@transaction.atomic
def move_encounter(
    *, encounter: Encounter, version: int, to: ProtocolVersion, seal: str, by: User, at: datetime
) -> VersionMove:
    """Take the encounter to the version in force, as it was shown.

    The last assessment stays what it was and where it was made; orders need a new one. Raises
    `EncounterChanged` when the encounter changed since the page was made, `CannotMove` when it is closed, the
    version is not in force or not the one that was shown, or open checks would be lost.
    """
    locked = Encounter.objects.select_for_update().get(pk=encounter.pk)
    if locked.version != version or not locked.is_open:
        raise EncounterChanged(locked)
    target = ProtocolVersion.objects.get(pk=to.pk)
    before = locked.protocol_version
    if target.state != State.APPROVED or target.slug != before.slug or target.seal != seal:
        raise CannotMove("That version is not in force, or is not the one you were shown.")
    if target.pk == before.pk:
        raise CannotMove(f"The encounter keeps to version {target.number} already.")
    last = locked.assessments.first()
    plan = plan_move(locked, last, target)
    if plan.in_the_way:
        raise CannotMove(
            f"Version {target.number} does not know these open checks: {', '.join(plan.in_the_way)}. "
            "Record or decline them first."
        )
    locked.protocol_version = target
    locked.version += 1
    locked.save(update_fields=["protocol_version", "version"])
    moved = VersionMove.objects.create(
        encounter=locked,
        before=before,
        after=target,
        assessment=last,
        changes=len(plan.changes),
        moved_at=at,
        moved_by=by,
    )
    record(
        action="encounter.moved",
        by=by,
        at=at,
        object_id=locked.pk,
        details={
            "before": before.seal,
            "after": target.seal,
            "assessment": last.pk if last else None,
            "changes": moved.changes,
        },
    )
    return moved


def _said(version: ProtocolVersion, outcome: Mapping[str, Any]) -> Said:
    words = ANSWER_WORDS.get(outcome["outcome"], outcome["outcome"])
    branch = _branch_title(version, outcome["branch"])
    return Said(
        number=version.number,
        branch=": ".join(part for part in (words, branch) if part),
        orders=tuple(_order_words(order) for order in outcome["orders"]),
        findings=tuple(
            (LEVEL_OF_SEVERITY[finding["severity"]], f"{finding['text']}") for finding in outcome["findings"]
        ),
    )


def _branch_title(version: ProtocolVersion, key: str | None) -> str:
    """What a branch is called; where the version cannot be read any more, its key stands for it."""
    if not key:
        return ""
    try:
        protocol = load_protocol_value(version)
    except SealBroken:
        return key
    branch = lookup.of(protocol).branches[key]
    return f"{branch.code} {branch.title}"


def _order_words(order: Mapping[str, Any]) -> str:
    dose = order["dose"]
    if dose is None:
        words = order["drug"] or order["text"]
    else:
        unit = unit_beside(Decimal(dose["rounded"]), dose["unit"])
        words = f"{order['drug']} {format_decimal(dose['rounded'])} {unit}"
    held = ", on hold" if order["held"] else ""
    return f"{words} ({_spaced(order['role'])}{held})"


def _names_of(outcome: Mapping[str, Any]) -> dict[tuple[Part, str], str]:
    """What the codes of an outcome are called."""
    names: dict[tuple[Part, str], str] = {}
    for order in outcome["orders"]:
        for part in (Part.LINE, Part.DOSE, Part.COURSE):
            names[part, order["code"]] = order["drug"] or order["text"]
    for finding in outcome["findings"]:
        for part in (Part.STOP, Part.FINDING):
            names[part, finding["rule"]] = f"{finding['rule']}: {finding['text']}"
    for gate in outcome["gates"]:
        names[Part.GATE, gate["key"]] = gate["title"]
    for item in outcome["monitoring"]:
        names[Part.TASK, item["key"]] = item["title"]
    for text in outcome["texts"]:
        names[Part.TEXT, text["key"]] = text["title"]
    return names


def _spaced(value: str) -> str:
    return value.replace("_", " ")
