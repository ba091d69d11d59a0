"""Correcting what was noted at the bedside: another row in the place of one, or none; one transaction each.

The old row stays as it was. What is counted from it follows: the checks that hang on a time move, and what a
reaction had asked for is asked for anew, or no more.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from ivigsite.accounts.models import User
from ivigsite.audit.actions import record
from ivigsite.encounters.models import Encounter
from ivigsite.monitoring.actions import (
    NO_MORE_STEPS,
    correct_anchors,
    end_checks_of_anchor,
    withdraw_checks,
)
from ivigsite.monitoring.models import Cause, MonitoringPlan
from ivigsite.monitoring.times import minute_of
from ivigsite.orders.administration import (
    ENDS,
    STARTS,
    Noted,
    NotGiven,
    Unit,
    Vials,
    next_sequence,
    read_unit,
    read_vials,
    refuse_before_signed,
    refuse_closed,
    refuse_future,
    refuse_untold,
    store_product,
    watch_reaction,
)
from ivigsite.orders.check_times import expect_times, never_of
from ivigsite.orders.models import (
    AdministrationEvent,
    CorrectionReason,
    EventCorrection,
    GivenProduct,
    ProductCorrection,
)
from ivigsite.orders.running import RunningDose, as_pump_event, dose_at, ended_at, protocol_of
from protocols.engine.course import Act, CannotHappen, Course, after, rate_above, rate_below

SAME: Final = "Nothing is different from what is noted. Change it, or take it back."
NOT_ASKED_ANY_MORE: Final = "The reaction that asked for it was corrected"


class AlreadyCorrected(Exception):
    """Another correction stands in the place of this row already; `by` is that one."""

    def __init__(self, by: EventCorrection | ProductCorrection) -> None:
        super().__init__("This entry was corrected already.")
        self.by = by


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """Why something is corrected."""

    reason: CorrectionReason
    words: str


@transaction.atomic
def correct_event(
    *, event: AdministrationEvent, noted: Noted, why: Why, idempotency_key: UUID, by: User, at: datetime
) -> EventCorrection:
    """Put another row in the place of an act: its time, volume, grade, reason or comment. The act stays.

    The same key corrects once. Raises `NotGiven` where what is noted besides does not fit it, and
    `AlreadyCorrected`.
    """
    encounter, there = _begin_event(event, idempotency_key, by=by)
    if there is not None:
        return there
    refuse_future(noted.happened_at, at)
    if noted.act != event.act:
        raise NotGiven("Another act is noted by itself: take this one back first.")
    entry = _row_instead(event, noted, key=idempotency_key, by=by, at=at)
    if _is_same(event, entry):
        raise NotGiven(SAME)
    line, place = event.line, _place_of(event)
    dose = dose_at(line, event.dose_number, protocol=protocol_of(line), at=at)
    refuse_untold(dose, noted)
    if noted.act is Act.START:
        refuse_before_signed(line, noted.happened_at)
    _refuse_unfit(dose, _with(dose.events, event, entry, place), at=at)
    entry.save(force_insert=True)
    return _close_event(event, entry, why, encounter, key=idempotency_key, by=by, at=at)


@transaction.atomic
def take_back_event(
    *, event: AdministrationEvent, why: Why, idempotency_key: UUID, by: User, at: datetime
) -> EventCorrection:
    """Take an act back that was noted in error, with nothing in its place; the same key does it once.

    Raises `NotGiven` where what is noted after it needs it, and `AlreadyCorrected`.
    """
    encounter, there = _begin_event(event, idempotency_key, by=by)
    if there is not None:
        return there
    dose = dose_at(event.line, event.dose_number, protocol=protocol_of(event.line), at=at)
    _refuse_unfit(dose, [each for each in dose.events if each.pk != event.pk], at=at)
    return _close_event(event, None, why, encounter, key=idempotency_key, by=by, at=at)


@transaction.atomic
def correct_product(
    *,
    given: GivenProduct,
    product: Vials | Unit,
    given_at: datetime,
    why: Why,
    idempotency_key: UUID,
    by: User,
    at: datetime,
) -> ProductCorrection:
    """Put other vials, or another unit, in the place of an entry; after the discharge too.

    A recall asks for ever, so a wrong lot is not kept because the patient has gone home. The same key
    corrects once. Raises `NotGiven` and `AlreadyCorrected`.
    """
    there = _begin_product(given, idempotency_key, by=by)
    if there is not None:
        return there
    refuse_future(given_at, at)
    line = given.line
    if isinstance(product, Vials):
        dose = dose_at(line, given.dose_number, protocol=protocol_of(line), at=at)
        read = read_vials(dose, product, given_at=given_at, instead_of=given)
    else:
        read = read_unit(line, product, given_at=given_at, instead_of=given)
    is_moved = minute_of(given.given_at) != minute_of(given_at)
    if not is_moved and all(getattr(given, name) == value for name, value in read.fields.items()):
        raise NotGiven(SAME)
    entry = store_product(
        read,
        line=line,
        dose_number=given.dose_number,
        given_at=given_at,
        entered_at=at,
        entered_by=by,
        idempotency_key=idempotency_key,
    )
    return _close_product(given, entry, why, key=idempotency_key, by=by, at=at)


@transaction.atomic
def take_back_product(
    *, given: GivenProduct, why: Why, idempotency_key: UUID, by: User, at: datetime
) -> ProductCorrection:
    """Take a lot or unit back that this patient did not get; the same key does it once."""
    there = _begin_product(given, idempotency_key, by=by)
    if there is not None:
        return there
    return _close_product(given, None, why, key=idempotency_key, by=by, at=at)


def _begin_event(
    event: AdministrationEvent, key: UUID, *, by: User
) -> tuple[Encounter, EventCorrection | None]:
    encounter = Encounter.objects.select_for_update().get(pk=event.line.order_set.encounter_id)
    there = EventCorrection.objects.filter(replaces=event).select_related("entry", "by").first()
    if there is not None and (there.idempotency_key != key or there.by_id != by.pk):
        raise AlreadyCorrected(there)
    if there is None:
        _refuse_used(AdministrationEvent.as_entered.filter(idempotency_key=key))
        _refuse_used(EventCorrection.objects.filter(idempotency_key=key))
        refuse_closed(encounter)
    return encounter, there


def _begin_product(given: GivenProduct, key: UUID, *, by: User) -> ProductCorrection | None:
    Encounter.objects.select_for_update().get(pk=given.line.order_set.encounter_id)
    there = ProductCorrection.objects.filter(replaces=given).select_related("entry", "by").first()
    if there is not None and (there.idempotency_key != key or there.by_id != by.pk):
        raise AlreadyCorrected(there)
    if there is None:
        _refuse_used(GivenProduct.as_entered.filter(idempotency_key=key))
        _refuse_used(ProductCorrection.objects.filter(idempotency_key=key))
    return there


def _refuse_used(with_key: Any) -> None:
    if with_key.exists():
        raise NotGiven("This form was sent for another entry. Open the page again.")


def _row_instead(
    event: AdministrationEvent, noted: Noted, *, key: UUID, by: User, at: datetime
) -> AdministrationEvent:
    return AdministrationEvent(
        line=event.line,
        dose_number=event.dose_number,
        sequence=next_sequence(event.line, event.dose_number),
        act=event.act,
        happened_at=noted.happened_at,
        entered_at=at,
        entered_by=by,
        # The pump ran as it ran: what is corrected is what was told of it.
        ml_per_h=event.ml_per_h,
        volume_ml="" if noted.volume_ml is None else str(noted.volume_ml),
        grade=noted.grade,
        reason=noted.reason,
        comment=noted.comment,
        idempotency_key=key,
    )


def _is_same(event: AdministrationEvent, entry: AdministrationEvent) -> bool:
    if minute_of(event.happened_at) != minute_of(entry.happened_at):
        return False
    return all(
        getattr(event, name) == getattr(entry, name) for name in ("volume_ml", "grade", "reason", "comment")
    )


def _place_of(event: AdministrationEvent) -> int:
    """The place of a row among those of its minute: that of the first one it goes back to."""
    made = EventCorrection.objects.filter(entry=event).first()
    return event.sequence if made is None else made.place


def _with(
    events: Iterable[AdministrationEvent], event: AdministrationEvent, entry: AdministrationEvent, place: int
) -> list[AdministrationEvent]:
    """The acts of a dose as they would stand, in the order of `AdministrationEvent.objects`."""
    placed = [(minute_of(each.happened_at), _standing_place(each), each) for each in events]
    kept = [row for row in placed if row[2].pk != event.pk]
    kept.append((minute_of(entry.happened_at), place, entry))
    return [each for _, _, each in sorted(kept, key=lambda row: row[:2])]


def _standing_place(event: AdministrationEvent) -> int:
    place: int = event.place  # type: ignore[attr-defined]
    return place


def _refuse_unfit(dose: RunningDose, events: Sequence[AdministrationEvent], *, at: datetime) -> None:
    """Refuse acts of a dose that do not follow from each other, or that run into the doses beside it."""
    _refuse_out_of_order(dose, events)
    start, end = _start_of(events), ended_at(events)
    if dose.number > 1 and start is not None:
        before = ended_at(dose_at(dose.line, dose.number - 1, protocol=dose.protocol, at=at).events)
        if before is not None and minute_of(start) < minute_of(before):
            raise NotGiven("It cannot have begun before the dose before it was over.", field="happened_at")
    following = dose.line.events.filter(dose_number=dose.number + 1, act=Act.START).first()
    if following is None:
        return
    if end is None:
        raise NotGiven(f"Dose {dose.number + 1} has begun, so this one is over. Take that back first.")
    if minute_of(end) > minute_of(following.happened_at):
        raise NotGiven(f"Dose {dose.number + 1} had begun by then.", field="happened_at")


def _refuse_out_of_order(dose: RunningDose, events: Sequence[AdministrationEvent]) -> None:
    course = Course()
    for event in events:
        rate = None if not event.ml_per_h else Decimal(event.ml_per_h)
        follows = {
            Act.STEP_UP: rate_above(course, dose.planned_rates),
            Act.SLOW: rate_below(course, dose.planned_rates),
        }.get(Act(event.act), rate)
        if rate != follows:
            raise _not_fitting(event)
        try:
            course = after(course, as_pump_event(event))
        except CannotHappen:
            raise _not_fitting(event) from None


def _not_fitting(event: AdministrationEvent) -> NotGiven:
    when = timezone.localtime(event.happened_at)
    return NotGiven(
        f"What is noted besides would not fit: {event.get_act_display().lower()} at {when:%H:%M}. "
        "Correct that, or take it back, before this one.",
        field="happened_at",
    )


def _start_of(events: Sequence[AdministrationEvent]) -> datetime | None:
    return events[0].happened_at if events else None


def _close_event(
    event: AdministrationEvent,
    entry: AdministrationEvent | None,
    why: Why,
    encounter: Encounter,
    *,
    key: UUID,
    by: User,
    at: datetime,
) -> EventCorrection:
    made = EventCorrection.objects.create(
        replaces=event,
        entry=entry,
        place=_place_of(event),
        reason=why.reason,
        words=why.words,
        at=at,
        by=by,
        idempotency_key=key,
    )
    _follow(made, encounter, by=by, at=at)
    return made


def _follow(made: EventCorrection, encounter: Encounter, *, by: User, at: datetime) -> None:
    """Let the checks follow what stands now, and write down who corrected what."""
    event, line = made.replaces, made.replaces.line
    dose = dose_at(line, event.dose_number, protocol=protocol_of(line), at=at)
    if MonitoringPlan.objects.filter(order_set_id=line.order_set_id).exists():
        _retime(dose, by=by, at=at)
    if event.act == Act.REACTION:
        asked = withdraw_checks(
            cause=Cause.REACTION, cause_id=event.pk, reason=NOT_ASKED_ANY_MORE, by=by, at=at
        )
        entry = made.entry
        # What was looked at already is not asked for again, unless it turns out worse.
        if entry is not None and (asked or (entry.grade or 0) > (event.grade or 0)):
            watch_reaction(entry, encounter, by=by, at=at)
    record(
        action="administration.corrected" if made.entry else "administration.taken_back",
        by=by,
        at=at,
        object_id=line.order_set_id,
        details={
            "line": line.pk,
            "dose": event.dose_number,
            "act": event.act,
            "replaces": event.pk,
            "entry": None if made.entry is None else made.entry.pk,
            "happened_at": None if made.entry is None else made.entry.happened_at.isoformat(),
            "reason": made.reason,
        },
    )


def _retime(dose: RunningDose, *, by: User, at: datetime) -> None:
    """Tell monitoring every time of a dose as its standing acts have it."""
    line, steps = dose.line, max(len(dose.planned_rates) - 1, 0)
    numbers = range((dose.number - 1) * steps + 1, dose.number * steps + 1) if dose.is_ivig else range(0)
    never = never_of(dose)
    correct_anchors(
        order_set_id=line.order_set_id,
        times=_times_of(dose, numbers),
        never=never,
        by=by,
        at=at,
    )
    shared: dict[str, Any] = {
        "order_set_id": line.order_set_id,
        "reason": NO_MORE_STEPS,
        "by": by,
        "at": at,
    }
    for name in sorted({name for name, _ in never}):
        own = [number for each, number in never if each == name]
        end_checks_of_anchor(name=name, after=min(own) - 1, until=max(own), **shared)
    expect_times(dose, by=by, at=at)


def _times_of(dose: RunningDose, numbers: Sequence[int]) -> dict[tuple[str, int], datetime | None]:
    """The true times of a dose by their anchors; None for what has not happened."""
    kind = dose.line.kind
    start, end = (STARTS[kind], dose.number), (ENDS[kind], dose.number)
    # In the order of the treatment, which is the one in which they move each other.
    times: dict[tuple[str, int], datetime | None] = {start: None}
    times |= {("RI", number): None for number in numbers}
    if dose.is_ivig:
        times["RM", dose.number] = None
    times[start], times[end] = _start_of(dose.events), ended_at(dose.events)
    for event in dose.events:
        if event.act == Act.STEP_UP and event.ml_per_h:
            position = dose.planned_rates.index(Decimal(event.ml_per_h))
            times["RI", numbers[position - 1]] = event.happened_at
            if position == len(numbers):
                times["RM", dose.number] = event.happened_at
    return times


def _close_product(
    given: GivenProduct, entry: GivenProduct | None, why: Why, *, key: UUID, by: User, at: datetime
) -> ProductCorrection:
    made = ProductCorrection.objects.create(
        replaces=given,
        entry=entry,
        reason=why.reason,
        words=why.words,
        at=at,
        by=by,
        idempotency_key=key,
    )
    record(
        action="administration.product_corrected" if entry else "administration.product_taken_back",
        by=by,
        at=at,
        object_id=given.line.order_set_id,
        details={
            "line": given.line_id,
            "dose": given.dose_number,
            "replaces": given.pk,
            "lot_before": given.lot_number,
            "unit_before": given.unit_number,
            "lot": None if entry is None else entry.lot_number,
            "unit": None if entry is None else entry.unit_number,
            "reason": why.reason,
        },
    )
    return made
