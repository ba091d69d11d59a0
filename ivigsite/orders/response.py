"""The course of one encounter: counts, what was given, and how the count has answered, at one moment.

`course_of` is the one to call; `ivigsite.orders.count_chart.draw` makes the picture of it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from django.db.models import Min

from ivigsite.encounters.models import Assessment, Encounter
from ivigsite.monitoring.models import Anchor, Observation, ResultLevel
from ivigsite.monitoring.times import minute_of, moment_of
from ivigsite.orders.given import Given, GivenDose, given_in, ivig_of, platelets_of
from ivigsite.orders.platelet_units import FRESH_HOURS, blood_group_of, unit_of
from protocols.engine import formulas, lookup
from protocols.engine.checklist_review import LATE_COUNT
from protocols.engine.facts import UNKNOWN, Facts, Unknown
from protocols.engine.protocol import CheckGroup, OrderKind, Protocol
from protocols.engine.response import (
    MINUTES_PER_DAY,
    BleedingAt,
    CountAt,
    Increment,
    JudgedCount,
    Need,
    Refractoriness,
    Relapse,
    Response,
    increments_of,
    is_influenced,
    judge_counts,
    needs_of_repeat,
    numbers_of,
    refractoriness_of,
    relapse_of,
    response_of,
)
from protocols.mapping import load_protocol_value

COUNT: Final = "platelets_per_ul"
BLEEDING: Final = "who_bleeding_grade"
# Levels of an assessment without bleeding; the others are bleeding whose grade may not be told.
NOT_BLEEDING: Final = ("none", "risk_factors")
CHECKS_OF_REPEAT: Final = (CheckGroup.RENAL, CheckGroup.THROMBOSIS, CheckGroup.HAEMOLYSIS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Treated:
    """Something given, or planned and not noted, at a moment; `dose` is what was begun, where it was."""

    at: datetime
    kind: str
    dose: GivenDose | None = None
    is_planned: bool = False
    is_from_paper: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """A second dose of immunoglobulin: from when, under which conditions, and what is missing."""

    due_from: datetime
    conditions: str
    adequate_per_ul: int
    needs: tuple[Need, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """Everything the page and the chart show of an encounter's counts, in exact values.

    `start` is the first start of immunoglobulin; without it the planned start of the corticosteroid. Nothing
    of the response is told by a version of the protocol that has no numbers for it: `has_numbers`.
    """

    protocol: Protocol
    now: datetime
    has_numbers: bool
    blood_group: str | Unknown
    counts: tuple[CountAt, ...]
    influenced: frozenset[int]
    start: datetime | None
    is_start_planned: bool
    baseline: CountAt | None
    judged: tuple[JudgedCount, ...]
    response: Response | None
    increments: tuple[Increment, ...]
    refractory: Refractoriness
    relapse: Relapse | None
    repeat: Repeat | None
    treatments: tuple[Treated, ...]
    reactions: tuple[tuple[datetime, int, str], ...]
    given: Given

    @property
    def has_ivig(self) -> bool:
        return self.start is not None and not self.is_start_planned


def counts_of(encounter: Encounter) -> tuple[CountAt, ...]:
    """Every count of an encounter, oldest first, from its assessments and its checklist."""
    assessments = list(encounter.assessments.defer("entered"))
    return tuple(_counts(assessments, list(encounter.observations.standing())))


def course_of(encounter: Encounter, *, at: datetime) -> Course:
    """Read one encounter as it stands at a moment, in a fixed number of queries."""
    protocol = load_protocol_value(encounter.protocol_version)
    assessments = list(encounter.assessments.defer("entered"))
    observations = list(encounter.observations.standing())
    given = given_in(encounter)
    doses = given.doses
    numbers = numbers_of(lookup.of(protocol).parameters)
    counts = tuple(_counts(assessments, observations))
    planned_steroid = _planned_steroid(encounter, at=at)
    ivig, platelets = ivig_of(doses), platelets_of(doses)
    start = ivig[0].started_at if ivig else planned_steroid
    group = blood_group_of(observations, assessments)
    shared: dict[str, Any] = {
        "protocol": protocol,
        "blood_group": group,
        "now": at,
        "counts": counts,
        "start": start,
        "is_start_planned": not ivig,
        "treatments": tuple(_treatments(doses, planned_steroid)),
        "reactions": tuple(_reactions(doses)),
        "given": given,
    }
    if numbers is None:
        return Course(**shared, **_NOTHING)
    fresh_hours = lookup.of(protocol).parameters.get(FRESH_HOURS, UNKNOWN)
    units = [unit_of(dose, patient=group, fresh_hours=fresh_hours) for dose in platelets]
    hours = numbers["transfusion_influences_hours"]
    influenced = frozenset(
        count.minute for count in counts if is_influenced(count.minute, units, hours=hours)
    )
    increments = increments_of(units, counts, bsa_m2=_surface(assessments), numbers=numbers)
    of_start: dict[str, Any] = {"baseline": None, "judged": (), "response": None, "relapse": None}
    seen = list(_bleeding(assessments, observations))
    if start is not None:
        baseline = _baseline(counts, influenced, minute_of(start), numbers)
        judged = judge_counts(
            counts,
            start_minute=minute_of(start),
            baseline_per_ul=UNKNOWN if baseline is None else baseline.per_ul,
            seen=seen,
            units=units,
            numbers=numbers,
        )
        of_start = {
            "baseline": baseline,
            "judged": judged,
            "response": response_of(judged),
            "relapse": _relapse(judged, minute_of(start), protocol, numbers),
        }
    return Course(
        **shared,
        **of_start,
        has_numbers=True,
        influenced=influenced,
        increments=increments,
        refractory=refractoriness_of(increments),
        repeat=_repeat(ivig, assessments, observations, of_start["judged"], protocol, numbers, at=at),
    )


def _relapse(
    judged: Sequence[JudgedCount], start: int, protocol: Protocol, numbers: Mapping[str, Decimal]
) -> Relapse | None:
    """The watch by the protocol's own rule for late counts; none where a version lacks it."""
    rule = lookup.of(protocol).result_rules.get(LATE_COUNT)
    if rule is None:
        return None
    return relapse_of(judged, start_minute=start, numbers=numbers, lost=(*rule.critical, *rule.alert))


_NOTHING: Final[Mapping[str, Any]] = {
    "has_numbers": False,
    "influenced": frozenset(),
    "baseline": None,
    "judged": (),
    "response": None,
    "increments": (),
    "refractory": Refractoriness.UNKNOWN,
    "relapse": None,
    "repeat": None,
}


def day_of(minute: int, start: datetime) -> int:
    """The day of a course, 0 being the first 24 hours."""
    return (minute - minute_of(start)) // MINUTES_PER_DAY


def _counts(assessments: Iterable[Assessment], observations: Iterable[Observation]) -> list[CountAt]:
    """Every count by the time of its sample; the same count told twice is one."""
    found = {
        (minute_of(made.sampled_at or made.made_at), made.platelets_per_ul)
        for made in assessments
        if made.platelets_per_ul is not None
    }
    found |= {(minute_of(each.taken_at), each.values[COUNT]) for each in observations if COUNT in each.values}
    return [CountAt(minute=minute, per_ul=per_ul) for minute, per_ul in sorted(found)]


def _bleeding(assessments: Iterable[Assessment], observations: Iterable[Observation]) -> Iterable[BleedingAt]:
    for made in assessments:
        facts = made.as_facts()
        grade = _grade_of(facts)
        if grade is not None:
            yield BleedingAt(minute=_seen_minute(made, facts), who_grade=grade)
    for each in observations:
        if BLEEDING in each.values:
            yield BleedingAt(minute=minute_of(each.taken_at), who_grade=each.values[BLEEDING])


def _grade_of(facts: Facts) -> int | None:
    if not isinstance(facts.who_bleeding_grade, Unknown):
        return facts.who_bleeding_grade
    if isinstance(facts.bleeding_level, Unknown):
        return None
    return 0 if facts.bleeding_level in NOT_BLEEDING else 1


def _seen_minute(made: Assessment, facts: Facts) -> int:
    hours = facts.bleeding_seen_age_hours
    return minute_of(made.made_at) - (0 if isinstance(hours, Unknown) else int(hours * 60))


def _baseline(
    counts: Sequence[CountAt], influenced: frozenset[int], start: int, numbers: Mapping[str, Decimal]
) -> CountAt | None:
    """The last count before the start that platelets had not lifted; none where it is too old."""
    oldest = start - int(numbers["count_max_age_hours"] * 60)
    before = [each for each in counts if oldest <= each.minute <= start and each.minute not in influenced]
    return before[-1] if before else None


def _surface(assessments: Sequence[Assessment]) -> Decimal | Unknown:
    if not assessments:
        return UNKNOWN
    facts = assessments[0].as_facts()
    if isinstance(facts.weight_kg, Unknown) or isinstance(facts.height_cm, Unknown):
        return UNKNOWN
    return formulas.body_surface_area_m2(weight_kg=facts.weight_kg, height_cm=facts.height_cm)


def _planned_steroid(encounter: Encounter, *, at: datetime) -> datetime | None:
    """When the first corticosteroid of orders still in force was planned; nobody notes its true start."""
    in_force = encounter.order_sets.filter(ending=None).values("pk")
    first: datetime | None = Anchor.objects.filter(
        plan__encounter=encounter, plan__order_set_id__in=in_force, name="S0", planned_at__lte=at
    ).aggregate(first=Min("planned_at"))["first"]
    return first


def _treatments(doses: Iterable[GivenDose], planned_steroid: datetime | None) -> Iterable[Treated]:
    for dose in doses:
        yield Treated(at=dose.started_at, kind=dose.kind, dose=dose, is_from_paper=dose.is_from_paper)
    if planned_steroid is not None:
        yield Treated(at=planned_steroid, kind=OrderKind.CORTICOSTEROID.value, is_planned=True)


def _reactions(doses: Iterable[GivenDose]) -> Iterable[tuple[datetime, int, str]]:
    for dose in doses:
        for event in dose.reactions:
            yield event.happened_at, event.grade or 0, dose.product


def _repeat(
    ivig: Sequence[GivenDose],
    assessments: Iterable[Assessment],
    observations: Sequence[Observation],
    judged: Sequence[JudgedCount],
    protocol: Protocol,
    numbers: Mapping[str, Decimal],
    *,
    at: datetime,
) -> Repeat | None:
    """The rule of a second dose, once one was begun and no second one was."""
    if len(ivig) != 1:
        return None
    first = ivig[0]
    outcome = next((made.outcome for made in assessments if made.pk == first.assessment_id), None)
    rule = lookup.of(protocol).repeats.get((outcome or {}).get("branch") or "")
    relapse_days = int(numbers["relapse_watch_from_days"])
    # Once the effect may be lost, more immunoglobulin is a new assessment and no repeat.
    if rule is None or outcome is None or at >= first.started_at + timedelta(days=relapse_days):
        return None
    due = minute_of(first.started_at) + rule.earliest_hours * 60
    targets = [target["platelets_per_ul"] for target in outcome.get("targets", ())]
    adequate = max([int(numbers["repeat_dose_adequate_count_per_ul"]), *targets])
    newest = judged[-1] if judged else None
    # A count that platelets have lifted proves that it is low, never that it is enough.
    lifted = newest is not None and newest.is_influenced and newest.count.per_ul >= adequate
    return Repeat(
        due_from=moment_of(due),
        conditions=rule.conditions,
        adequate_per_ul=adequate,
        needs=needs_of_repeat(
            due_minute=due,
            now_minute=minute_of(at),
            count=None if newest is None or lifted else newest.count,
            adequate_per_ul=adequate,
            bleeding=UNKNOWN if newest is None else newest.bleeding,
            checks={
                group.value: _is_normal(group, observations, protocol, since=first.started_at)
                for group in CHECKS_OF_REPEAT
            },
        ),
    )


def _is_normal(
    group: CheckGroup, observations: Iterable[Observation], protocol: Protocol, *, since: datetime
) -> bool | Unknown:
    """Whether the newest judged result of a group since then was normal; unknown without one."""
    rules = {rule.key for rule in protocol.result_rules if rule.group == group}
    judged = [
        each
        for each in observations
        if each.rule in rules and each.taken_at >= since and each.level != ResultLevel.NOT_JUDGED
    ]
    if not judged:
        return UNKNOWN
    return max(judged, key=lambda each: each.taken_at).level == ResultLevel.NORMAL
