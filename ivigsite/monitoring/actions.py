"""What makes, moves, does, declines and ends checks, and what records their results; one transaction each."""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from operator import itemgetter
from typing import Any, Final
from uuid import UUID

from django.db import transaction

from ivigsite.accounts.models import User
from ivigsite.audit.actions import record
from ivigsite.encounters.models import Assessment, Encounter
from ivigsite.monitoring.background import Standing, as_result, standing_of, values_to_plain
from ivigsite.monitoring.models import (
    Acknowledgement,
    Anchor,
    Cause,
    Closing,
    HoldRelease,
    MonitoringPlan,
    MonitoringTask,
    Observation,
)
from ivigsite.monitoring.times import minute_of, moment_of
from ivigsite.monitoring.waiting import Waits
from protocols.engine import lookup
from protocols.engine.monitoring import (
    Background,
    DueCheck,
    Judgement,
    PlannedItem,
    Result,
    follow_up,
    judge,
    plan_items,
    risk_factors_told,
)
from protocols.engine.monitoring import schedule as due_checks
from protocols.engine.protocol import OrderKind, Protocol
from protocols.mapping import SealBroken, load_protocol_value

PROMISED: Final = "PROMISED"
NO_LONGER_DUE: Final = "No longer due: the times of the treatment changed"
RESULT_CORRECTED: Final = "The result that asked for it was corrected"
NO_MORE_STEPS: Final = "No faster today: the infusion was stopped or goes on at a lower rate"
# Ended because of what was noted: where that is corrected, they may be due after all.
ENDED_BY_EVENTS: Final = (NO_LONGER_DUE, NO_MORE_STEPS)
# Counted from the times of their plan, and moved with them.
OF_THE_PLAN: Final = (Cause.ORDERS, Cause.NEW_FACTS, Cause.CORRECTION)
# Once a treatment has truly begun, ending its orders does not end the watch for its harm.
TREATMENTS: Final[Mapping[str, tuple[str, ...]]] = {
    "ivig": ("T0", "RI", "RM", "TE"),
    "platelets": ("P0", "PE"),
    "corticosteroid": ("S0",),
}
RISK_FACTORS: Final = "bleeding_risk_factors"
TITLE_LENGTH: Final = 500
KIND_LENGTH: Final = 100
FIRST_STARTS: Final = ("T0", "P0", "S0")
LAST_ENDS: Final = ("TE", "PE")
MOMENTS: Final = ("counts_from", "due_at", "overdue_at", "waits_until")
"""What of a check moves with the times of its treatment."""
Key = tuple[str, int, int]
"""A check of a plan: its item, the number of the anchor it is counted from, and its place."""


class FromTheFuture(Exception):
    """A result cannot have been taken later than it is entered."""


class TooEarly(Exception):
    """The result was taken before the check counts; it belongs to no check, or to an earlier one."""

    def __init__(self, counts_from: datetime) -> None:
        super().__init__("This check does not count yet.")
        self.counts_from = counts_from


class NotOpen(Exception):
    """The check is done, declined or ended already."""


class AlreadyCorrected(Exception):
    """A later entry replaces this one already."""


class ResultKeyTaken(Exception):
    """The idempotency key belongs to another entry."""


class EncounterIsClosed(Exception):
    """A closed encounter takes no more results."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """One filled-in result: what was typed, what it is in exact values, and when it was taken."""

    typed: Mapping[str, Any]
    values: Mapping[str, Any]
    taken_at: datetime


@transaction.atomic
def create_tasks(
    *,
    encounter: Encounter,
    assessment: Assessment,
    order_set_id: UUID,
    values: Mapping[str, Any],
    kinds: Iterable[str],
    anchors: Mapping[str, Sequence[datetime]],
    added: Container[str] = (),
    promised: Iterable[str] = (),
    by: User,
    at: datetime,
) -> MonitoringPlan:
    """Make every check these signed orders ask for; call it in the transaction that signs them.

    `anchors` are the planned times by the engine's names; D0 and LE follow from them. `added` are the items
    that safety rules ask for besides; `promised` are the texts of stops that were passed because they will
    be monitored, and each gets a check of its own.
    """
    protocol = load_protocol_value(assessment.protocol_version)
    wanted = frozenset(OrderKind(kind) for kind in kinds)
    planned = plan_items(protocol, values=values, kinds=wanted, added=added)
    plan = MonitoringPlan.objects.create(
        encounter=encounter,
        assessment=assessment,
        order_set_id=order_set_id,
        kinds=sorted(kind.value for kind in wanted),
        items={each.item.key: list(each.repeats) for each in planned},
        made_at=at,
        made_by=by,
    )
    Anchor.objects.bulk_create(
        Anchor(plan=plan, name=name, number=number, planned_at=moment)
        for name, moments in _with_follow_on(anchors).items()
        for number, moment in enumerate(moments, start=1)
    )
    checks = due_checks(planned, anchors=_minutes(plan))
    waits = Waits.of(plan, protocol)
    for text in promised:
        add_check(
            encounter=encounter, plan=plan, item=PROMISED, cause=Cause.PROMISE, about=text, by=by, at=at
        )
    chain(
        encounter,
        new=[
            _task(protocol, encounter, check, plan=plan, cause=Cause.ORDERS, waits=waits, by=by, at=at)
            for check in checks
        ],
    )
    return plan


@transaction.atomic
def set_anchor(
    *, order_set_id: UUID, name: str, number: int = 1, true_at: datetime, by: User, at: datetime
) -> None:
    """Note when something truly happened, and move every check that is counted from it.

    Planned times of the same treatment that follow it move along; the checks that no longer fit are ended,
    and those that are new are made.
    """
    if true_at > at:
        raise FromTheFuture
    plan = MonitoringPlan.objects.select_related("encounter", "assessment__protocol_version").get(
        order_set_id=order_set_id
    )
    Encounter.objects.select_for_update().get(pk=plan.encounter_id)
    _move_anchors(plan, name, number, true_at)
    _reschedule(plan, by=by, at=at)
    chain(plan.encounter)
    record(
        action="monitoring.anchor_set",
        by=by,
        at=at,
        object_id=plan.encounter_id,
        details={"anchor": name, "number": number, "true_at": true_at.isoformat()},
    )


@transaction.atomic
def correct_anchors(
    *,
    order_set_id: UUID,
    times: Mapping[tuple[str, int], datetime | None],
    never: Container[tuple[str, int]],
    by: User,
    at: datetime,
) -> None:
    """Set true times anew after what had been noted was corrected; None takes one back to its planned time.

    Open checks move with them. What had been ended because of what was noted is asked for again, in a new
    row, where it is due after all; the ended row stays. Nothing is asked for again from an anchor in `never`,
    which will not come.
    """
    plan = MonitoringPlan.objects.select_related("encounter", "assessment__protocol_version").get(
        order_set_id=order_set_id
    )
    Encounter.objects.select_for_update().get(pk=plan.encounter_id)
    for (name, number), true_at in times.items():
        _move_anchors(plan, name, number, true_at)
    _reschedule(plan, by=by, at=at)
    _ask_again(plan, never=never, by=by, at=at)
    chain(plan.encounter)
    record(
        action="monitoring.anchors_corrected",
        by=by,
        at=at,
        object_id=plan.encounter_id,
        details={
            f"{name} {number}": None if moment is None else moment.isoformat()
            for (name, number), moment in times.items()
        },
    )


@transaction.atomic
def expect_anchors(
    *,
    order_set_id: UUID,
    times: Mapping[tuple[str, int], datetime],
    never: Container[tuple[str, int]],
    by: User,
    at: datetime,
) -> None:
    """Plan anew what has not happened yet, after the pace of a treatment changed; open checks move with it.

    What had been ended for an earlier end is asked for again; nothing from an anchor in `never`.
    """
    plan = (
        MonitoringPlan.objects.select_related("encounter", "assessment__protocol_version")
        .filter(order_set_id=order_set_id)
        .first()
    )
    if plan is None:
        return
    Encounter.objects.select_for_update().get(pk=plan.encounter_id)
    anchors = list(plan.anchors.all())
    moved = [
        each
        for each in anchors
        if each.true_at is None and times.get((each.name, each.number), each.planned_at) != each.planned_at
    ]
    if not moved:
        return
    for each in moved:
        each.planned_at = times[each.name, each.number]
        each.save(update_fields=["planned_at"])
    _move_follow_on(anchors)
    _reschedule(plan, by=by, at=at)
    _ask_again(plan, never=never, by=by, at=at)
    chain(plan.encounter)
    record(
        action="monitoring.times_expected",
        by=by,
        at=at,
        object_id=plan.encounter_id,
        details={f"{each.name} {each.number}": each.planned_at.isoformat() for each in moved},
    )


@transaction.atomic
def end_checks_of_anchor(
    *, order_set_id: UUID, name: str, after: int, until: int, reason: str, by: User, at: datetime
) -> int:
    """End the open checks that count from anchors of one name which will not come any more.

    Those numbered above `after` up to `until`; the times stay, for other checks may be counted from them.
    """
    plan = MonitoringPlan.objects.select_related("encounter", "assessment__protocol_version").get(
        order_set_id=order_set_id
    )
    rows = lookup.of(load_protocol_value(plan.assessment.protocol_version)).items
    items = [key for key in plan.items if rows[key].anchor == name]
    ended = _end(
        plan.tasks.open().filter(item__in=items, anchor_number__gt=after, anchor_number__lte=until),
        reason=reason,
        by=by,
        at=at,
    )
    _ask_for_the_rest(plan, by=by, at=at)
    chain(plan.encounter)
    return ended


@transaction.atomic
def withdraw_checks(*, cause: Cause, cause_id: UUID, reason: str, by: User, at: datetime) -> int:
    """End the open checks that something asked for which does not stand any more; how many there were."""
    asked = MonitoringTask.objects.open().filter(cause=cause, cause_id=cause_id)
    encounter = Encounter.objects.filter(tasks__in=asked).first()
    if encounter is None:
        return 0
    ended = _end(asked, reason=reason, by=by, at=at)
    chain(encounter)
    return ended


@transaction.atomic
def add_check(
    *,
    encounter: Encounter,
    item: str,
    cause: Cause,
    plan: MonitoringPlan | None = None,
    cause_id: UUID | None = None,
    about: str = "",
    asked_at: datetime | None = None,
    by: User,
    at: datetime,
) -> MonitoringTask:
    """Make one follow-up, promised or reaction check; a check of the plan that is open already is the one."""
    protocol = load_protocol_value(encounter.protocol_version)
    row = lookup.of(protocol).items[item]
    if row.anchor != "F0":
        # A check of the plan itself, such as the creatinine of day 10: once is enough.
        there = MonitoringTask.objects.open().filter(encounter=encounter, item=item).first()
        if there is not None:
            return there
    anchors = _minutes(plan) if plan else {}
    event, now = minute_of(asked_at or at), minute_of(at)
    check = follow_up(row, event_minute=event, now_minute=now, anchors=anchors)
    made = _task(protocol, encounter, check, plan=plan, cause=cause, by=by, at=at)
    made.cause_id = cause_id
    if about:
        made.title = f"{row.title}: {about}"[:TITLE_LENGTH]
        # One promise is not kept by another.
        made.kind = f"{item}:{about}"[:KIND_LENGTH]
    made.save()
    return made


@transaction.atomic
def record_observation(
    *,
    encounter: Encounter,
    rule: str,
    entered: Entered,
    task: MonitoringTask | None = None,
    idempotency_key: UUID,
    by: User,
    at: datetime,
) -> Observation:
    """Store a result, judge it at once, do its check, and make what it asks for; the same key stores once.

    Raises `FromTheFuture`, `TooEarly`, `NotOpen`, `EncounterIsClosed` and `ResultKeyTaken`.
    """
    locked = Encounter.objects.select_for_update().get(pk=encounter.pk)
    if there := _entered_with(idempotency_key, locked, by):
        return there
    if not locked.is_open:
        raise EncounterIsClosed
    if entered.taken_at > at:
        raise FromTheFuture
    if task is not None:
        task = MonitoringTask.objects.select_for_update().get(pk=task.pk, encounter=locked)
        _refuse_unfit(task, entered.taken_at)
    observation = _store(
        encounter=locked, rule=rule, entered=entered, task=task, key=idempotency_key, by=by, at=at
    )
    if task is not None:
        task.closed_as, task.closed_at, task.closed_by = Closing.DONE, at, by
        task.save(update_fields=["closed_as", "closed_at", "closed_by"])
    _recorded(observation, "observation.recorded", by=by, at=at)
    return observation


@transaction.atomic
def correct_observation(
    *, observation: Observation, entered: Entered, reason: str, idempotency_key: UUID, by: User, at: datetime
) -> Observation:
    """Store a result in the place of another, which stays as it was; the new one is judged anew."""
    locked = Encounter.objects.select_for_update().get(pk=observation.encounter_id)
    if there := _entered_with(idempotency_key, locked, by):
        return there
    if not locked.is_open:
        raise EncounterIsClosed
    if entered.taken_at > at:
        raise FromTheFuture
    if Observation.objects.filter(replaces=observation).exists():
        raise AlreadyCorrected
    made = _store(
        encounter=locked,
        rule=observation.rule,
        entered=entered,
        task=observation.task,
        key=idempotency_key,
        by=by,
        at=at,
        replaces=observation,
        reason=reason,
    )
    _end_follow_ups(observation, by=by, at=at)
    _end_checks_of_lost_risks(observation, by=by, at=at)
    _recorded(made, "observation.corrected", by=by, at=at)
    return made


@transaction.atomic
def decline_task(*, task: MonitoringTask, reason: str, by: User, at: datetime) -> MonitoringTask:
    """Close a check that will not be done, with the reason; raises `NotOpen`."""
    locked = MonitoringTask.objects.select_for_update().get(pk=task.pk)
    if not locked.is_open:
        raise NotOpen
    locked.closed_as, locked.closed_at, locked.closed_by = Closing.DECLINED, at, by
    locked.close_reason = reason
    locked.save(update_fields=["closed_as", "closed_at", "closed_by", "close_reason"])
    record(
        action="task.declined",
        by=by,
        at=at,
        object_id=locked.encounter_id,
        details={"task": locked.pk, "item": locked.item, "reason": reason},
    )
    return locked


@transaction.atomic
def acknowledge(*, observation: Observation, comment: str, by: User, at: datetime) -> Acknowledgement:
    """Take an alert off the board by name; the first name stays."""
    Encounter.objects.select_for_update().get(pk=observation.encounter_id)
    made, is_new = Acknowledgement.objects.get_or_create(
        observation=observation, defaults={"by": by, "at": at, "comment": comment}
    )
    if is_new:
        record(
            action="alert.acknowledged",
            by=by,
            at=at,
            object_id=observation.encounter_id,
            details={"observation": observation.pk, "level": observation.level},
        )
    return made


@transaction.atomic
def release_hold(*, observation: Observation, reason: str, by: User, at: datetime) -> HoldRelease:
    """Let the next dose go on after a result had stopped it, by name and reason; the first one stays."""
    Encounter.objects.select_for_update().get(pk=observation.encounter_id)
    made, is_new = HoldRelease.objects.get_or_create(
        observation=observation, defaults={"by": by, "at": at, "reason": reason}
    )
    if is_new:
        record(
            action="hold.released",
            by=by,
            at=at,
            object_id=observation.encounter_id,
            details={"observation": observation.pk, "holds": observation.holds, "reason": reason},
        )
    return made


@transaction.atomic
def end_tasks(*, order_set_id: UUID, reason: str, by: User, at: datetime) -> int:
    """End the open checks of an order set; those of a treatment that has truly begun go on being watched."""
    plan = MonitoringPlan.objects.filter(order_set_id=order_set_id).first()
    if plan is None:
        return 0
    ended = _end(_not_begun(plan), reason=reason, by=by, at=at)
    if ended and _begun(plan):
        _ask_for_the_rest(plan, by=by, at=at)
    chain(plan.encounter)
    return ended


def _not_begun(plan: MonitoringPlan) -> Any:
    """The open checks of treatments that have not begun; they end even while the protocol cannot be read."""
    of_orders = plan.tasks.open().filter(cause__in=[Cause.ORDERS, Cause.CORRECTION])
    begun = _begun(plan)
    if not begun:
        return of_orders
    try:
        rows = lookup.of(load_protocol_value(plan.encounter.protocol_version)).items
    except SealBroken:
        # Nobody can tell which checks belong to what has begun, so all of them go on.
        return of_orders.none()
    ending = [
        task.pk for task in of_orders if not _belongs_to(rows[task.item].kinds, rows[task.item].anchor, begun)
    ]
    return of_orders.filter(pk__in=ending)


def end_all_tasks(*, encounter: Encounter, reason: str, by: User, at: datetime) -> int:
    """End every open check of an encounter that is closed."""
    return _end(MonitoringTask.objects.open().filter(encounter=encounter), reason=reason, by=by, at=at)


@transaction.atomic
def add_for_new_facts(
    *,
    encounter: Encounter,
    assessment: Assessment,
    values: Mapping[str, Any],
    told_by: Observation | None = None,
    by: User,
    at: datetime,
) -> int:
    """Make the checks that new facts ask for and the plans in force do not have yet.

    `told_by` is the result that told them, where no assessment did.
    """
    protocol = load_protocol_value(assessment.protocol_version)
    made: list[MonitoringTask] = []
    for plan in _in_force(encounter):
        planned = plan_items(protocol, values=values, kinds=frozenset(OrderKind(kind) for kind in plan.kinds))
        new = [each for each in planned if each.item.key not in plan.items]
        if not new:
            continue
        checks = due_checks(new, anchors=_minutes(plan))
        waits = Waits.of(plan, protocol)
        for check in checks:
            # What would have been over before anybody knew of the risk cannot be done any more.
            if check.overdue_minute is None or check.overdue_minute >= minute_of(at):
                task = _task(
                    protocol, encounter, check, plan=plan, cause=Cause.NEW_FACTS, waits=waits, by=by, at=at
                )
                task.cause_id = None if told_by is None else told_by.pk
                made.append(task)
        plan.items |= {each.item.key: list(each.repeats) for each in new}
        plan.save(update_fields=["items"])
    if made:
        chain(encounter, new=made)
    return len(made)


def chain(encounter: Encounter, *, new: Sequence[MonitoringTask] = ()) -> None:
    """Tell each check of an encounter when the next of its kind is due, and store the new ones with it."""
    stored = (
        MonitoringTask.objects.filter(encounter=encounter, due_at__isnull=False)
        .exclude(closed_as=Closing.ENDED)
        .only("kind", "item", "position", "due_at", "waits_until", "next_due_at", "closed_as")
    )
    # Nothing is replaced by a check that waits for its start.
    dated = [(task.asked_at, -task.position, task.item, task) for task in (*stored, *new) if task.due_at]
    changed = []
    following: dict[str, datetime | None] = {}
    for asked_at, _, _, task in sorted(dated, key=itemgetter(0, 1, 2), reverse=True):
        next_due = following.get(task.kind)
        # Of two at the same time one stands for both.
        following[task.kind] = asked_at
        # What is closed does not change any more, and nobody asks when its turn was over.
        if task.is_open and task.next_due_at != next_due:
            task.next_due_at = next_due
            changed.append(task)
    MonitoringTask.objects.bulk_create(new)
    # What was just made is stored as it stands.
    known = {task.pk for task in new}
    moved = [task for task in changed if task.pk not in known]
    MonitoringTask.objects.bulk_update(moved, ["next_due_at"], batch_size=200)


def _store(
    *,
    encounter: Encounter,
    rule: str,
    entered: Entered,
    task: MonitoringTask | None,
    key: UUID,
    by: User,
    at: datetime,
    replaces: Observation | None = None,
    reason: str = "",
) -> Observation:
    standing = standing_of(encounter)
    background = standing.background
    if replaces is not None:
        background = _without(background, replaces)
    result = Result(minute=minute_of(entered.taken_at), values=entered.values)
    judgement = judge(standing.protocol, rule, result, background)
    observation = Observation.objects.create(
        encounter=encounter,
        task=task,
        rule=rule,
        title=task.title if task else lookup.of(standing.protocol).result_rules[rule].title,
        entered=dict(entered.typed),
        values=values_to_plain(entered.values),
        derived=values_to_plain(judgement.derived),
        level=judgement.level,
        reasons=list(judgement.reasons),
        missing=list(judgement.missing),
        action=judgement.action,
        holds=",".join(judgement.holds),
        taken_at=entered.taken_at,
        entered_at=at,
        entered_by=by,
        replaces=replaces,
        correction_reason=reason,
        protocol_version=encounter.protocol_version,
        idempotency_key=key,
    )
    _make_follow_ups(observation, judgement, by=by, at=at)
    _add_for_new_risks(standing, observation, result, by=by, at=at)
    return observation


def _add_for_new_risks(
    standing: Standing, observation: Observation, result: Result, *, by: User, at: datetime
) -> None:
    """The checks that a risk seen in a result asks for: they do not wait for the next assessment."""
    new = _not_known(standing, risk_factors_told(standing.protocol, result))
    if not new or standing.assessment is None:
        return
    add_for_new_facts(
        encounter=observation.encounter,
        assessment=standing.assessment,
        values=_with_risks(standing, new),
        told_by=observation,
        by=by,
        at=at,
    )


def _end_checks_of_lost_risks(corrected: Observation, *, by: User, at: datetime) -> None:
    """End the checks that a risk asked for which a correction took away, unless something tells it still.

    A risk that is told again later asks for them again.
    """
    encounter = corrected.encounter
    standing = standing_of(encounter)
    still = {
        risk
        for result in standing.background.earlier
        for risk in risk_factors_told(standing.protocol, result)
    }
    told = _not_known(standing, risk_factors_told(standing.protocol, as_result(corrected)))
    lost = tuple(risk for risk in told if risk not in still)
    if not lost or standing.assessment is None:
        return
    protocol = load_protocol_value(standing.assessment.protocol_version)
    without, with_lost = _with_risks(standing, tuple(still)), _with_risks(standing, (*still, *lost))
    for plan in encounter.plans.all():
        kinds = frozenset(OrderKind(kind) for kind in plan.kinds)
        asked, wanted = (
            {each.item.key for each in plan_items(protocol, values=values, kinds=kinds)}
            for values in (with_lost, without)
        )
        of_results = plan.tasks.filter(cause=Cause.NEW_FACTS, cause_id__isnull=False, item__in=asked - wanted)
        gone = set(of_results.values_list("item", flat=True))
        _end(of_results.open(), reason=RESULT_CORRECTED, by=by, at=at)
        plan.items = {key: repeats for key, repeats in plan.items.items() if key not in gone}
        plan.save(update_fields=["items"])
    chain(encounter)


def _not_known(standing: Standing, told: tuple[str, ...]) -> tuple[str, ...]:
    """The risks that the last assessment does not have."""
    known = standing.background.facts.get(RISK_FACTORS, ())
    return tuple(each for each in told if each not in known)


def _with_risks(standing: Standing, new: tuple[str, ...]) -> dict[str, Any]:
    """The facts with these risks besides what the last assessment has."""
    facts = standing.background.facts
    return {**facts, RISK_FACTORS: (*facts.get(RISK_FACTORS, ()), *new)}


def _without(background: Background, replaced: Observation) -> Background:
    """The same background without the entry that is being corrected."""
    gone = as_result(replaced)
    earlier = list(background.earlier)
    earlier.remove(gone)
    return replace(background, earlier=tuple(earlier))


def _make_follow_ups(observation: Observation, judgement: Judgement, *, by: User, at: datetime) -> None:
    task = observation.task
    plan = task.plan if task is not None else _in_force(observation.encounter).first()
    for item in judgement.follow_ups:
        add_check(
            encounter=observation.encounter,
            plan=plan,
            item=item,
            cause=Cause.FOLLOW_UP,
            cause_id=observation.pk,
            asked_at=observation.taken_at,
            by=by,
            at=at,
        )
    if judgement.follow_ups:
        chain(observation.encounter)


def _end_follow_ups(observation: Observation, *, by: User, at: datetime) -> None:
    """The checks a corrected entry had asked for; the new entry asks for its own."""
    withdraw_checks(cause=Cause.FOLLOW_UP, cause_id=observation.pk, reason=RESULT_CORRECTED, by=by, at=at)


def _refuse_unfit(task: MonitoringTask, taken_at: datetime) -> None:
    if not task.is_open:
        raise NotOpen
    if task.counts_from is not None and taken_at < task.counts_from:
        raise TooEarly(task.counts_from)


def _entered_with(key: UUID, encounter: Encounter, by: User) -> Observation | None:
    there = Observation.objects.filter(idempotency_key=key).first()
    if there is not None and (there.encounter_id != encounter.pk or there.entered_by_id != by.pk):
        raise ResultKeyTaken
    return there


def _recorded(observation: Observation, action: str, *, by: User, at: datetime) -> None:
    record(
        action=action,
        by=by,
        at=at,
        object_id=observation.encounter_id,
        # What was judged, never what was measured: the trail tells who did what.
        details={
            "observation": observation.pk,
            "rule": observation.rule,
            "level": observation.level,
            "replaces": observation.replaces_id,
        },
    )


def _task(
    protocol: Protocol,
    encounter: Encounter,
    check: DueCheck,
    *,
    plan: MonitoringPlan | None,
    cause: Cause,
    by: User,
    at: datetime,
    waits: Waits | None = None,
) -> MonitoringTask:
    """A row not yet stored; what is asked for because of an event waits for no start."""
    item = check.item
    rule = lookup.of(protocol).result_rules[item.rule]
    task = MonitoringTask(
        encounter=encounter,
        plan=plan,
        cause=cause,
        item=item.key,
        rule=item.rule,
        kind=rule.kind or item.key,
        group=rule.group,
        title=item.title,
        anchor_number=check.anchor_number,
        position=check.position,
        **_times(check),
        made_at=at,
        made_by=by,
    )
    return task if waits is None else waits.put_on(task, check)


def _moments(task: MonitoringTask) -> list[datetime | None]:
    return [getattr(task, name) for name in MOMENTS]


def _times(check: DueCheck) -> dict[str, datetime | None]:
    minutes = {
        "counts_from": check.from_minute,
        "due_at": check.due_minute,
        "overdue_at": check.overdue_minute,
    }
    return {name: None if minute is None else moment_of(minute) for name, minute in minutes.items()}


def _with_follow_on(anchors: Mapping[str, Sequence[datetime]]) -> dict[str, Sequence[datetime]]:
    """The same anchors with the start of the first treatment and the end of the last product."""
    starts = [moment for name in FIRST_STARTS for moment in anchors.get(name, ())]
    ends = [moment for name in LAST_ENDS for moment in anchors.get(name, ())]
    found = {name: moments for name, moments in anchors.items() if moments}
    if starts:
        found["D0"] = [min(starts)]
    if ends:
        found["LE"] = [max(ends)]
    return found


def _minutes(plan: MonitoringPlan) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for anchor in plan.anchors.order_by("name", "number"):
        found.setdefault(anchor.name, []).append(minute_of(anchor.at))
    return found


def _move_anchors(plan: MonitoringPlan, name: str, number: int, true_at: datetime | None) -> None:
    """Set or take back one true time, and move what is planned after it along.

    What follows something that truly happened is counted from that, so the move ends there: only the time
    that was planned for it, to which it would go back, moves too.
    """
    anchors = list(plan.anchors.all())
    moved = next((each for each in anchors if (each.name, each.number) == (name, number)), None)
    if moved is None:
        if true_at is None:
            return
        moved = Anchor(plan=plan, name=name, number=number, planned_at=true_at)
        anchors.append(moved)
    before = moved.at
    moved.true_at = true_at
    moved.save()
    shift = moved.at - before
    family = next((names for names in TREATMENTS.values() if name in names), (name,))
    following = [
        each
        for each in anchors
        if each is not moved
        and each.name in family
        and family.index(each.name) >= family.index(name)
        and each.at >= before
        # Of platelets each dose has its own start and end; rate increases belong to the one infusion.
        and (each.name not in ("P0", "PE") or each.number == number)
    ]
    for each in sorted(following, key=lambda one: (one.at, family.index(one.name), one.number)):
        each.planned_at += shift
        each.save(update_fields=["planned_at"])
        if each.true_at is not None:
            break
    _move_follow_on(anchors)


def _move_follow_on(anchors: list[Anchor]) -> None:
    for derived, names, pick in (("D0", FIRST_STARTS, min), ("LE", LAST_ENDS, max)):
        known = [each for each in anchors if each.name in names]
        true = [each.true_at for each in known if each.true_at is not None]
        times = true if derived == "D0" and true else [each.at for each in known]
        for each in anchors:
            if each.name == derived and times:
                each.true_at = pick(times) if len(true) == len(known) else None
                each.planned_at = pick(times)
                each.save(update_fields=["planned_at", "true_at"])


def _key_of(task: MonitoringTask) -> Key:
    return task.item, task.anchor_number, task.position


def _of_plan(plan: MonitoringPlan) -> list[MonitoringTask]:
    return list(plan.tasks.filter(cause__in=OF_THE_PLAN))


def _wanted(
    plan: MonitoringPlan,
    protocol: Protocol,
    tasks: Iterable[MonitoringTask],
    *,
    never: Container[tuple[str, int]],
) -> dict[Key, DueCheck]:
    """The checks that a plan asks for by its times as they stand.

    Once its orders are ended these are the checks of what has begun, and what is still open of the others.
    """
    rows = lookup.of(protocol).items
    keys = set(plan.items)
    if _is_over(tasks):
        begun, open_items = _begun(plan), {task.item for task in tasks if task.is_open}
        keys = {
            key for key in keys if key in open_items or _belongs_to(rows[key].kinds, rows[key].anchor, begun)
        }
    planned = [
        PlannedItem(item=rows[key], repeats=tuple(numbers))
        for key, numbers in plan.items.items()
        if key in keys
    ]
    checks = due_checks(planned, anchors=_minutes(plan), never=never)
    return {(check.item.key, check.anchor_number, check.position): check for check in checks}


def _is_over(tasks: Iterable[MonitoringTask]) -> bool:
    """Whether the orders of these checks are ended."""
    return any(
        task.closed_as == Closing.ENDED
        and task.cause != Cause.NEW_FACTS
        and task.close_reason not in ENDED_BY_EVENTS
        for task in tasks
    )


def _not_coming(tasks: Iterable[MonitoringTask], protocol: Protocol) -> frozenset[tuple[str, int]]:
    """The anchors that will not come any more, by name and number: their checks were ended for that."""
    rows = lookup.of(protocol).items
    ended, asked = set(), set()
    for task in tasks:
        anchor = (rows[task.item].anchor, task.anchor_number)
        if task.is_open:
            asked.add(anchor)
        elif task.closed_as == Closing.ENDED and task.close_reason == NO_MORE_STEPS:
            ended.add(anchor)
    return frozenset(ended - asked)


def _ask_for_the_rest(plan: MonitoringPlan, *, by: User, at: datetime) -> None:
    """Make what stood behind a check that was ended: of two at one minute one had been made for both."""
    try:
        protocol = load_protocol_value(plan.assessment.protocol_version)
    except SealBroken:
        # Nobody can tell what it asks for; what is there goes on.
        return
    tasks = _of_plan(plan)
    wanted = _wanted(plan, protocol, tasks, never=_not_coming(tasks, protocol))
    _make_missing(plan, protocol, wanted, tasks, by=by, at=at)


def _make_missing(
    plan: MonitoringPlan,
    protocol: Protocol,
    wanted: Mapping[Key, DueCheck],
    tasks: Iterable[MonitoringTask],
    *,
    by: User,
    at: datetime,
) -> None:
    """Make each wanted check that was never there, and for which none of its rule stands at its minute."""
    there = {_key_of(task) for task in tasks}
    stands = {(task.rule, task.due_at) for task in tasks if task.due_at and task.closed_as != Closing.ENDED}
    waits = Waits.of(plan, protocol)
    # Of ended orders nothing is asked for whose time had gone by then.
    earliest = minute_of(at) if _is_over(tasks) else None
    MonitoringTask.objects.bulk_create(
        _task(protocol, plan.encounter, check, plan=plan, cause=Cause.ORDERS, waits=waits, by=by, at=at)
        for key, check in wanted.items()
        if key not in there
        and (check.due_minute is None or (check.item.rule, moment_of(check.due_minute)) not in stands)
        and (earliest is None or check.overdue_minute is None or check.overdue_minute >= earliest)
    )


def _reschedule(plan: MonitoringPlan, *, by: User, at: datetime) -> None:
    protocol = load_protocol_value(plan.assessment.protocol_version)
    tasks = _of_plan(plan)
    wanted = _wanted(plan, protocol, tasks, never=_not_coming(tasks, protocol))
    waits = Waits.of(plan, protocol)
    moved, gone = [], []
    for task in tasks:
        if not task.is_open:
            continue
        check = wanted.get(_key_of(task))
        if check is None:
            gone.append(task.pk)
            continue
        before = _moments(task)
        for name, moment in _times(check).items():
            setattr(task, name, moment)
        waits.put_on(task, check)
        # One start moves the checks of its treatment; to write all the others again takes longest of all.
        if _moments(task) != before:
            moved.append(task)
    MonitoringTask.objects.bulk_update(moved, MOMENTS, batch_size=200)
    _end(MonitoringTask.objects.filter(pk__in=gone), reason=NO_LONGER_DUE, by=by, at=at)
    kept = [task for task in tasks if task.pk not in gone]
    _make_missing(plan, protocol, wanted, kept, by=by, at=at)


def _ask_again(plan: MonitoringPlan, *, never: Container[tuple[str, int]], by: User, at: datetime) -> None:
    """Make anew what is wanted and was ended by what had been noted, unless one of it is there besides."""
    protocol = load_protocol_value(plan.assessment.protocol_version)
    waits = Waits.of(plan, protocol)
    ended: set[Key] = set()
    there: set[Key] = set()
    tasks = _of_plan(plan)
    for task in tasks:
        is_ended = task.closed_as == Closing.ENDED and task.close_reason in ENDED_BY_EVENTS
        (ended if is_ended else there).add(_key_of(task))
    MonitoringTask.objects.bulk_create(
        _task(protocol, plan.encounter, check, plan=plan, cause=Cause.CORRECTION, waits=waits, by=by, at=at)
        for key, check in _wanted(plan, protocol, tasks, never=never).items()
        if key in ended - there
    )


def _begun(plan: MonitoringPlan) -> frozenset[str]:
    """The treatments of a plan that have truly begun."""
    true = set(plan.anchors.exclude(true_at=None).values_list("name", flat=True))
    return frozenset(kind for kind, names in TREATMENTS.items() if true.intersection(names))


def _belongs_to(kinds: Iterable[OrderKind], anchor: str, begun: frozenset[str]) -> bool:
    own = {kind for kind, names in TREATMENTS.items() if anchor in names}
    return bool((own or {kind.value for kind in kinds} or set(TREATMENTS)) & begun)


def _in_force(encounter: Encounter) -> Any:
    """The plans that still have open checks, the newest first."""
    return encounter.plans.filter(tasks__closed_as=Closing.OPEN).distinct().order_by("-made_at")


def _end(tasks: Any, *, reason: str, by: User, at: datetime) -> int:
    ended: int = tasks.update(closed_as=Closing.ENDED, closed_at=at, closed_by=by, close_reason=reason[:300])
    return ended
