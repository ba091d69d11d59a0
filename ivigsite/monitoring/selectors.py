"""What the pages of checks show: through the wards of the person who asks, in a fixed number of queries."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.http import Http404

from ivigsite.accounts.models import User
from ivigsite.audit.actions import record
from ivigsite.encounters.models import Encounter
from ivigsite.monitoring.forms import COUNT, MEASURED
from ivigsite.monitoring.models import ALARMING, Anchor, MonitoringTask, Observation
from protocols.engine import lookup
from protocols.engine.facts import Kind
from protocols.engine.monitoring import Status
from protocols.engine.numbers import echo_count, format_decimal
from protocols.engine.protocol import CheckGroup, OrderKind
from protocols.engine.results import RESULTS
from protocols.mapping import load_protocol_value

GROUP_TITLES: Final = {
    CheckGroup.VITAL_SIGNS: "Vital signs",
    CheckGroup.LUNGS: "Lungs and fluid",
    CheckGroup.THROMBOSIS: "Thrombosis",
    CheckGroup.MENINGITIS: "Meningitis",
    CheckGroup.RENAL: "Kidney",
    CheckGroup.HAEMOLYSIS: "Haemolysis",
    CheckGroup.BLEEDING: "Bleeding",
    CheckGroup.PLATELET_RESPONSE: "Platelet response",
    CheckGroup.STEROID: "Corticosteroid and glucose",
    CheckGroup.OTHER: "Other",
}
KIND_WORDS: Final = {
    OrderKind.IVIG.value: "immunoglobulin",
    OrderKind.PLATELETS.value: "platelets",
    OrderKind.CORTICOSTEROID.value: "corticosteroid",
}
BLEEDING: Final = "who_bleeding_grade"
DONE_SHOWN: Final = 5
START_KINDS: Final = {"T0": "immunoglobulin", "P0": "platelets"}
LEVEL_ICON: Final = {
    "normal": "check",
    "alert": "warning",
    "critical": "critical",
    "not_judged": "unknown",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A check as a page shows it."""

    task: MonitoringTask
    status: Status
    when: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A result as a page shows it: what was found, in the words and units it was typed in."""

    observation: Observation
    values: tuple[tuple[str, str], ...]
    because: str
    missing: str
    holds: str
    icon: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotBegun:
    """A treatment whose planned start has passed, and nobody has noted that it began."""

    kind: str
    planned_at: datetime
    waits_until: datetime
    order_set_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One part of the checklist."""

    key: str
    title: str
    rules: tuple[tuple[str, str], ...]
    current: tuple[Check, ...]
    upcoming: tuple[Check, ...]
    missed: tuple[Check, ...]
    closed: tuple[Check, ...]
    results: tuple[Shown, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checklist:
    """Everything there is to check of one encounter at one moment."""

    groups: tuple[Group, ...]
    alerts: tuple[Shown, ...]
    holds: tuple[Shown, ...]
    not_begun: tuple[NotBegun, ...]
    overdue: int
    due: int


def task_for(user: User, task_id: UUID, *, at: datetime) -> MonitoringTask:
    """The check, or 404 and an audit entry where it is on no ward of theirs."""
    found = (
        MonitoringTask.objects.for_user(user)
        .select_related("encounter__patient", "encounter__ward", "encounter__protocol_version", "plan")
        .filter(pk=task_id)
        .first()
    )
    if found is None:
        record(action="task.denied", by=user, at=at, object_id=task_id)
        raise Http404
    return found


def observation_for(user: User, observation_id: UUID, *, at: datetime) -> Observation:
    """The result, or 404 and an audit entry."""
    found = (
        Observation.objects.for_user(user)
        .select_related("encounter__patient", "encounter__ward", "encounter__protocol_version", "task")
        .filter(pk=observation_id)
        .first()
    )
    if found is None:
        record(action="observation.denied", by=user, at=at, object_id=observation_id)
        raise Http404
    return found


def held_by(encounter: Encounter) -> dict[str, Observation]:
    """The order kinds whose next dose waits, each with the newest result that stopped it."""
    held: dict[str, Observation] = {}
    for observation in Observation.objects.holding().filter(encounter=encounter).order_by("taken_at"):
        held |= dict.fromkeys(observation.held_kinds, observation)
    return held


def open_alerts_of(encounter: Encounter) -> tuple[Shown, ...]:
    """The alarming results of an encounter that nobody has taken on, the newest first."""
    rows = Observation.objects.unacknowledged().filter(encounter=encounter).select_related("entered_by")
    return tuple(show(observation) for observation in rows.order_by("-taken_at"))


def checklist_of(encounter: Encounter, *, at: datetime) -> Checklist:
    """All checks and results of an encounter, by group; those that need somebody now come first."""
    protocol = load_protocol_value(encounter.protocol_version)
    tasks = list(encounter.tasks.select_related("closed_by"))
    observations = list(
        encounter.observations.standing().select_related("entered_by", "acknowledgement__by", "release__by")
    )
    rules = lookup.of(protocol).result_rules
    shown = {observation.pk: show(observation) for observation in observations}
    groups = []
    for key, title in GROUP_TITLES.items():
        own_rules = tuple((rule.key, rule.title) for rule in protocol.result_rules if rule.group == key)
        checks = [_check(task, at) for task in tasks if task.group == key]
        results = [
            shown[each.pk] for each in observations if each.rule in rules and rules[each.rule].group == key
        ]
        if checks or results:
            groups.append(_group(key, title, own_rules, checks, results))
    statuses = [task.status(at) for task in tasks]
    return Checklist(
        not_begun=not_begun_of(tasks, at=at),
        groups=tuple(sorted(groups, key=_urgency)),
        alerts=tuple(shown[each.pk] for each in observations if _is_open_alert(each)),
        holds=tuple(
            shown[each.pk] for each in observations if each.holds and getattr(each, "release", None) is None
        ),
        overdue=statuses.count(Status.OVERDUE),
        due=statuses.count(Status.DUE),
    )


def not_begun_of(tasks: Iterable[MonitoringTask], *, at: datetime) -> tuple[NotBegun, ...]:
    """The starts that checks of an encounter wait for, each once."""
    waits: dict[UUID | None, datetime] = {}
    for task in tasks:
        if task.waits_until is not None and task.status(at) is Status.WAITING:
            waits[task.plan_id] = min(task.waits_until, waits.get(task.plan_id, task.waits_until))
    starts = Anchor.objects.filter(
        plan__in=waits, name__in=START_KINDS, true_at=None, planned_at__lte=at
    ).select_related("plan")
    first: dict[tuple[UUID, str], NotBegun] = {}
    for anchor in starts.order_by("planned_at", "-name"):
        kind = START_KINDS[anchor.name]
        begun = NotBegun(
            kind=kind,
            planned_at=anchor.planned_at,
            waits_until=waits[anchor.plan_id],
            order_set_id=anchor.plan.order_set_id,
        )
        first.setdefault((anchor.plan_id, kind), begun)
    return tuple(first.values())


def show(observation: Observation) -> Shown:
    """A result in words."""
    return Shown(
        observation=observation,
        values=tuple(_value_words(observation.entered, observation.values)),
        because=", ".join(
            words for key in observation.reasons if (words := _reason_words(key, observation)) is not None
        ),
        missing=", ".join(RESULTS[key].label.lower() for key in observation.missing if key in RESULTS),
        holds=", ".join(KIND_WORDS.get(kind, kind) for kind in observation.held_kinds),
        icon=LEVEL_ICON[observation.level],
    )


def _check(task: MonitoringTask, at: datetime) -> Check:
    status = task.status(at)
    return Check(task=task, status=status, when=_when_words(task, status, at))


def _group(
    key: CheckGroup,
    title: str,
    rules: tuple[tuple[str, str], ...],
    checks: list[Check],
    results: list[Shown],
) -> Group:
    by_status: dict[Status, list[Check]] = {}
    for check in checks:
        by_status.setdefault(check.status, []).append(check)
    current = by_status.get(Status.OVERDUE, []) + by_status.get(Status.DUE, [])
    return Group(
        key=key,
        title=title,
        rules=rules,
        current=tuple(current),
        upcoming=tuple(by_status.get(Status.WAITING, []) + by_status.get(Status.PLANNED, [])),
        missed=tuple(by_status.get(Status.MISSED, [])),
        closed=tuple(by_status.get(Status.DECLINED, []) + by_status.get(Status.ENDED, [])),
        results=tuple(results[:DONE_SHOWN]),
    )


def _urgency(group: Group) -> int:
    statuses = {check.status for check in group.current}
    return 0 if Status.OVERDUE in statuses else 1 if Status.DUE in statuses else 2


def _is_open_alert(observation: Observation) -> bool:
    return observation.level in ALARMING and getattr(observation, "acknowledgement", None) is None


def _when_words(task: MonitoringTask, status: Status, at: datetime) -> str:
    if task.due_at is None or task.overdue_at is None:
        return "time not known yet"
    if status is Status.WAITING:
        return "waits: its start is not noted"
    if status is Status.OVERDUE:
        return f"by {span(at - task.overdue_at)}"
    if status is Status.DUE:
        return f"{span(task.overdue_at - at)} left" if task.overdue_at > at else "now"
    return f"in {span(task.due_at - at)}" if task.due_at > at else ""


def span(length: timedelta) -> str:
    """A length of time in its two largest units."""
    minutes = max(0, length // timedelta(minutes=1))
    hours, rest = divmod(minutes, 60)
    if not hours:
        return f"{minutes} min"
    days, left = divmod(hours, 24)
    return f"{days} d {left} h" if days else f"{hours} h {rest} min"


def _value_words(entered: Mapping[str, Any], values: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    for key, value in values.items():
        yield RESULTS[key].label, _words(key, value, entered)


def _words(key: str, value: Any, entered: Mapping[str, Any]) -> str:
    definition = RESULTS[key]
    if key == COUNT:
        return echo_count(value)
    if key in MEASURED and key in entered:
        units = {unit.key: unit.label for unit in MEASURED[key]}
        return f"{entered[key]} {units.get(entered.get(f'{key}_unit', ''), '')}".strip()
    if definition.kind is Kind.YES_NO:
        return "Yes" if value else "No"
    if definition.kind is Kind.CHOICES:
        return ", ".join(dict(definition.choices)[item] for item in value) or "None of these"
    if definition.kind is Kind.CHOICE:
        return dict(definition.choices)[value]
    if key == BLEEDING:
        # What its unit says of the scale stands in its name.
        return format_decimal(Decimal(value))
    return f"{format_decimal(Decimal(value))} {definition.unit}".strip()


def _reason_words(key: str, observation: Observation) -> str | None:
    """The value that made the level; a fact of the patient is not named, it was known before."""
    found = observation.derived.get(key, observation.values.get(key))
    if found is None or key not in RESULTS:
        return None
    definition = RESULTS[key]
    if found is True:
        return definition.label
    if definition.kind is Kind.DECIMAL:
        found = str(round(Decimal(found), 2))
    words = _words(key, found, observation.entered)
    return f"{definition.label} {words[:1].lower() + words[1:]}"
