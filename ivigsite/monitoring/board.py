"""What the board and the handover say of checks: a few queries, however many encounters there are."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from uuid import UUID

from django.db.models import Count, DateTimeField, Min, Q, UUIDField

from ivigsite.accounts.models import User
from ivigsite.encounters.advice import GRADE_WORDS
from ivigsite.encounters.models import EmergencyStart, Encounter
from ivigsite.monitoring.forms import COUNT
from ivigsite.monitoring.models import MonitoringTask, Observation, is_due, is_waiting
from ivigsite.monitoring.reassessment import encounters_with_changed_facts
from ivigsite.monitoring.selectors import KIND_WORDS
from ivigsite.monitoring.signals import handover_given, handover_noted, told_of
from ivigsite.monitoring.times import short
from protocols.engine.numbers import echo_count
from protocols.prepared import Prepared, Told


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardChecks:
    """What the board says of one encounter's checks."""

    due: int = 0
    overdue: int = 0
    next_at: datetime | None = None
    alerts: int = 0
    critical: int = 0
    facts_changed: bool = False
    # Checks wait for a start that is planned and not noted.
    is_start_open: bool = False

    @property
    def needs_somebody(self) -> bool:
        return bool(self.overdue or self.alerts or self.facts_changed or self.is_start_open)


@dataclass(frozen=True, slots=True)
class Entry:
    """A check that is due, as the board leads to the form of its result."""

    task_id: UUID
    title: str
    is_overdue: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoverLine:
    """One patient of the handover: who, how low, what was ordered, what is open."""

    encounter: Encounter
    count: str
    grade: str
    orders: str
    # What the floors above know of what was given, in sentences.
    given: tuple[str, ...]
    overdue: tuple[str, ...]
    due: tuple[str, ...]
    next: tuple[tuple[datetime, str], ...]
    alerts: tuple[str, ...]
    holds: tuple[str, ...]
    facts_changed: bool
    # What the floors above know that needs somebody, in sentences.
    noted: tuple[str, ...]

    @property
    def needs_somebody(self) -> bool:
        return bool(self.alerts or self.noted or self.overdue or self.due or self.facts_changed)


NEXT_SHOWN = 3
ENTRIES_SHOWN = 3
START_OPEN = "A start is not noted: its checks wait for it"


def board_checks(user: User, *, at: datetime) -> Mapping[UUID, BoardChecks]:
    """The checks of every open encounter of this person's wards: a few queries; no checks is no entry."""
    tasks = {
        row.encounter: row
        for row in _open_tasks().rows(user=user.pk, at=at)
        if row.now or row.waiting or row.next_at
    }
    alarms = {row.encounter: row for row in _alarms().rows(user=user.pk)}
    changed = encounters_with_changed_facts(user)
    found: dict[UUID, BoardChecks] = defaultdict(BoardChecks)
    for key in {*tasks, *alarms, *changed}:
        task, alarm = tasks.get(key), alarms.get(key)
        found[key] = BoardChecks(
            due=task.now - task.overdue if task else 0,
            overdue=task.overdue if task else 0,
            next_at=task.next_at if task else None,
            alerts=alarm.all if alarm else 0,
            critical=alarm.critical if alarm else 0,
            facts_changed=key in changed,
            is_start_open=bool(task and task.waiting),
        )
    return found


def entries_of(encounters: Collection[UUID], *, at: datetime) -> Mapping[UUID, tuple[Entry, ...]]:
    """The checks of each encounter that have to be done now, those of the bedside first, in one query.

    What fell due last is what whoever opens the board has just measured; the rest is on the checklist.
    """
    if not encounters:
        return {}
    found: dict[UUID, list[Entry]] = defaultdict(list)
    current = MonitoringTask.objects.current(at).filter(encounter__in=encounters).order_by("-due_at", "item")
    for key, task, title, overdue_at in current.values_list("encounter", "pk", "title", "overdue_at"):
        if len(found[key]) < ENTRIES_SHOWN:
            found[key].append(Entry(task, title, overdue_at is not None and overdue_at < at))
    return {key: tuple(entries) for key, entries in found.items()}


def newest_counts_of(encounters: Collection[UUID]) -> Mapping[UUID, str]:
    """The newest count of each checklist with its time, in words, in one query."""
    if not encounters:
        return {}
    found = _newest_counts(encounters)
    return {key: f"{echo_count(each.values[COUNT])}, {short(each.taken_at)}" for key, each in found.items()}


def handover_lines(user: User, *, ward: str, at: datetime) -> list[HandoverLine]:
    """Every open encounter of this person's wards, the ones with something overdue or alarming first."""
    encounters = Encounter.objects.for_user(user).open()
    if ward:
        encounters = encounters.filter(ward__code=ward)
    rows = list(
        encounters.select_related("patient", "ward", "owner").prefetch_related(
            "assessments", "order_sets__ending"
        )
    )
    keys = [row.pk for row in rows]
    tasks: dict[UUID, list[MonitoringTask]] = defaultdict(list)
    for task in MonitoringTask.objects.open().filter(encounter__in=keys, due_at__isnull=False):
        tasks[task.encounter_id].append(task)
    alarms: dict[UUID, list[Observation]] = defaultdict(list)
    for observation in Observation.objects.unacknowledged().filter(encounter__in=keys):
        alarms[observation.encounter_id].append(observation)
    held: dict[UUID, set[str]] = defaultdict(set)
    for observation in Observation.objects.holding().filter(encounter__in=keys):
        held[observation.encounter_id].update(observation.held_kinds)
    changed = encounters_with_changed_facts(user)
    noted, given = told_of(handover_noted, keys), told_of(handover_given, keys)
    counted = _newest_counts(keys)
    for running in EmergencyStart.objects.filter(encounter__in=keys, ending=None):
        noted[running.encounter_id].insert(0, f"Emergency: its clock runs since {short(running.started_at)}")
    lines = [
        _line(
            row,
            tasks[row.pk],
            alarms[row.pk],
            held[row.pk],
            noted[row.pk],
            given[row.pk],
            counted.get(row.pk),
            facts_changed=row.pk in changed,
            at=at,
        )
        for row in rows
    ]
    return sorted(
        lines,
        key=lambda line: (not (line.alerts or line.noted), not line.overdue, line.encounter.ward.name),
    )


@cache
def _open_tasks() -> Prepared:
    at = Told("at", DateTimeField())
    due = is_due(at)
    open_tasks = MonitoringTask.objects.open().filter(_of_this_user()).order_by()
    return Prepared(
        open_tasks.values("encounter")
        .annotate(
            now=Count("pk", filter=due),
            overdue=Count("pk", filter=due & Q(overdue_at__lt=at)),
            waiting=Count("pk", filter=is_waiting(at)),
            next_at=Min("due_at", filter=Q(due_at__gt=at)),
        )
        .values_list("encounter", "now", "overdue", "waiting", "next_at", named=True)
    )


@cache
def _alarms() -> Prepared:
    alarming = Observation.objects.unacknowledged().filter(_of_this_user()).order_by()
    counted = alarming.values("encounter").annotate(
        all=Count("pk"), critical=Count("pk", filter=Q(level="critical"))
    )
    return Prepared(counted.values_list("encounter", "all", "critical", named=True))


def _of_this_user() -> Q:
    return Q(encounter__ward__users=Told("user", UUIDField()), encounter__closed_at=None)


def _newest_counts(encounters: Collection[UUID]) -> dict[UUID, Observation]:
    """The newest count of each checklist, by the time of its sample."""
    rows = Observation.objects.standing().filter(encounter__in=encounters, values__has_key=COUNT)
    return {each.encounter_id: each for each in rows.order_by("taken_at", "entered_at")}


def _line(
    encounter: Encounter,
    tasks: list[MonitoringTask],
    alarms: list[Observation],
    held: set[str],
    noted: list[str],
    given: list[str],
    counted: Observation | None,
    *,
    facts_changed: bool,
    at: datetime,
) -> HandoverLine:
    last = next(iter(encounter.assessments.all()), None)
    count = last.platelets_per_ul if last else None
    grade = last.grade if last else None
    words = "Count not known" if count is None else echo_count(count)
    graded = "Not graded" if grade is None else f"Grade {grade}, {GRADE_WORDS[grade].lower()}"
    if counted is not None and (last is None or counted.taken_at > (last.sampled_at or last.made_at)):
        # The grade is the assessment's own: beside a newer count it is said when that was.
        words = f"{echo_count(counted.values[COUNT])}, {short(counted.taken_at)}"
        graded = f"{graded} when assessed {short(last.made_at)}" if last is not None else graded
    by_status: dict[str, list[MonitoringTask]] = defaultdict(list)
    for task in tasks:
        by_status[task.status(at)].append(task)
    signed = [each for each in encounter.order_sets.all() if each.is_active]
    return HandoverLine(
        encounter=encounter,
        count=words,
        grade=graded,
        orders=f"Orders {signed[0].code}, signed {signed[0].signed_at:%d-%b}"
        if signed
        else "No orders in force",
        given=tuple(given),
        overdue=tuple(task.title for task in by_status["overdue"]),
        due=tuple(task.title for task in by_status["due"]),
        next=tuple(
            (task.due_at, task.title) for task in by_status["planned"][:NEXT_SHOWN] if task.due_at is not None
        ),
        alerts=tuple(f"{each.get_level_display()}: {each.title}" for each in alarms),
        holds=tuple(KIND_WORDS.get(kind, kind) for kind in sorted(held)),
        facts_changed=facts_changed,
        noted=(*noted, *((START_OPEN,) if by_status["waiting"] else ())),
    )
