"""Noting what is given: what is done to an infusion, which vials and units go in; one transaction each."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from ivigsite.accounts.models import User
from ivigsite.audit.actions import record
from ivigsite.encounters.models import Encounter
from ivigsite.monitoring.actions import (
    NO_MORE_STEPS,
    add_check,
    chain,
    end_checks_of_anchor,
    set_anchor,
)
from ivigsite.monitoring.models import Cause, MonitoringPlan
from ivigsite.monitoring.selectors import held_by
from ivigsite.monitoring.times import minute_of
from ivigsite.orders.actions import state_name
from ivigsite.orders.check_times import expect_times
from ivigsite.orders.discrepancies import (
    NOTHING_SAID,
    AllTheSame,
    Found,
    keep,
    of_expiry,
    of_product,
    unconfirmed,
)
from ivigsite.orders.models import AboGroup, AdministrationEvent, GivenProduct, OrderLine, RhD
from ivigsite.orders.reactions import reactions_of, words_of
from ivigsite.orders.running import (
    OTHER_PRODUCT,
    RunningDose,
    current_dose,
    dose_at,
    interval_of,
    protocol_of,
)
from protocols.engine.course import (
    SEVERE,
    THREATENS_LIFE,
    Act,
    CannotHappen,
    PumpEvent,
    State,
    acts_after,
    after,
)
from protocols.engine.facts import UNKNOWN, Unknown
from protocols.engine.lookup import of as rows_of
from protocols.engine.protocol import OrderKind, Protocol
from protocols.mapping import load_protocol_value

# After a reaction the patient is looked at twice; the second look is in no version before it was written.
SIGNS_AGAIN: Final = ("VIT-AGAIN", "VIT-AGAIN-30")
STARTS: Final = {OrderKind.IVIG.value: "T0", OrderKind.PLATELETS.value: "P0"}
ENDS: Final = {OrderKind.IVIG.value: "TE", OrderKind.PLATELETS.value: "PE"}
_GOES_ON: Final = (Act.START, Act.STEP_UP, Act.RESUME, Act.RESTART)


class NotGiven(Exception):
    """It may not be noted or done like this, and why in one sentence; `field` is the answer it is about."""

    def __init__(self, reason: str, *, field: str | None = None) -> None:
        super().__init__(reason)
        self.field = field


class NotConfirmed(NotGiven):
    """It should not have been given, and nobody has said that it was all the same, and why."""

    def __init__(self, found: Found) -> None:
        super().__init__(found.words, field=found.field)


class SeenTooOld(Exception):
    """Somebody else has noted something since the page was opened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """One act as it is told: what, when it happened, and what was said of it."""

    act: Act
    happened_at: datetime
    reason: str = ""
    comment: str = ""
    grade: int | None = None
    volume_ml: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Vials:
    """Vials of one lot, as they are read off them; a product that is not listed goes by its name."""

    product: str
    lot_number: str
    expires_on: date
    grams: Decimal
    count: int
    is_more_than_ordered: bool = False
    product_name: str = ""
    all_the_same: AllTheSame = NOTHING_SAID


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One platelet unit, as it is read off it; what the label does not tell stays not known."""

    unit_number: str
    product_name: str
    expires_on: date
    is_known_elsewhere: bool = False
    all_the_same: AllTheSame = NOTHING_SAID
    abo_group: str | Unknown = UNKNOWN
    is_rhd_positive: bool | Unknown = UNKNOWN
    collected_on: date | Unknown = UNKNOWN


@transaction.atomic
def note_event(
    *,
    line: OrderLine,
    dose_number: int,
    noted: Noted,
    seen: int,
    idempotency_key: UUID,
    by: User,
    at: datetime,
) -> AdministrationEvent:
    """Note what was done to a dose, move the checks that hang on it; the same key notes once.

    `seen` is the `entries` of the dose that the page had shown. The rate is worked out here from the signed
    plan.
    Raises `NotGiven` and `SeenTooOld`.
    """
    encounter = Encounter.objects.select_for_update().get(pk=line.order_set.encounter_id)
    there = AdministrationEvent.as_entered.filter(idempotency_key=idempotency_key).first()
    if there is not None:
        if there.line_id != line.pk or there.entered_by_id != by.pk:
            raise NotGiven("This form was sent for another entry. Open the page again.")
        return there
    refuse_closed(encounter)
    refuse_future(noted.happened_at, at)
    protocol = protocol_of(line)
    dose = _dose_now(line, dose_number, protocol=protocol, at=at)
    if dose.entries != seen:
        raise SeenTooOld
    _refuse_unfit(dose, noted, encounter=encounter, at=at)
    rate = _rate_of(dose, noted)
    event = PumpEvent(
        act=noted.act, minute=minute_of(noted.happened_at), ml_per_h=rate, grade=noted.grade or 0
    )
    try:
        course = after(dose.course, event)
    except CannotHappen:
        raise NotGiven("This does not fit what is noted already.") from None
    made = AdministrationEvent.objects.create(
        line=line,
        dose_number=dose_number,
        sequence=next_sequence(line, dose_number),
        act=noted.act,
        happened_at=noted.happened_at,
        entered_at=at,
        entered_by=by,
        ml_per_h="" if rate is None else str(rate),
        volume_ml="" if noted.volume_ml is None else str(noted.volume_ml),
        grade=noted.grade,
        reason=noted.reason,
        comment=noted.comment,
        idempotency_key=idempotency_key,
    )
    _move_checks(dose, noted, rate, ends=course.state in (State.STOPPED, State.FINISHED), by=by, at=at)
    if noted.act is Act.REACTION:
        watch_reaction(made, encounter, by=by, at=at)
    record(
        action=f"administration.{noted.act}",
        by=by,
        at=at,
        object_id=line.order_set_id,
        details={
            "line": line.pk,
            "dose": dose_number,
            "happened_at": noted.happened_at.isoformat(),
            "grade": noted.grade,
            "reason": noted.reason,
        },
    )
    return made


@transaction.atomic
def note_vials(
    *,
    line: OrderLine,
    dose_number: int,
    vials: Vials,
    given_at: datetime,
    idempotency_key: UUID,
    by: User,
    at: datetime,
) -> GivenProduct:
    """Note vials of one lot; refused when of a size it does not come in, and when more than is ordered.

    Expired, or of another product, they are refused until that is confirmed with a reason: `NotConfirmed`.
    """
    encounter, there = _begin_product(line, idempotency_key, given_at=given_at, by=by, at=at)
    if there is not None:
        return there
    dose = dose_at(line, dose_number, protocol=protocol_of(line), at=at)
    read = read_vials(dose, vials, given_at=given_at)
    made = store_product(
        read,
        line=line,
        dose_number=dose_number,
        given_at=given_at,
        entered_at=at,
        entered_by=by,
        idempotency_key=idempotency_key,
    )
    _recorded_product(made, read, encounter, by=by, at=at)
    return made


@transaction.atomic
def note_unit(
    *,
    line: OrderLine,
    dose_number: int,
    unit: Unit,
    given_at: datetime,
    idempotency_key: UUID,
    by: User,
    at: datetime,
) -> GivenProduct:
    """Note one platelet unit; refused when entered for this line already, asked when elsewhere or expired."""
    encounter, there = _begin_product(line, idempotency_key, given_at=given_at, by=by, at=at)
    if there is not None:
        return there
    read = read_unit(line, unit, given_at=given_at)
    made = store_product(
        read,
        line=line,
        dose_number=dose_number,
        given_at=given_at,
        entered_at=at,
        entered_by=by,
        idempotency_key=idempotency_key,
    )
    _recorded_product(made, read, encounter, by=by, at=at)
    return made


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What a row of a product says, and in which ways it should not have been given."""

    fields: Mapping[str, Any]
    found: tuple[Found, ...]
    all_the_same: AllTheSame


def read_vials(
    dose: RunningDose, vials: Vials, *, given_at: datetime, instead_of: GivenProduct | None = None
) -> Read:
    """What a row of these vials says; raises `NotGiven` and `NotConfirmed`.

    What they are entered in the place of is not counted beside them.
    """
    found = discrepancies_of_vials(dose, vials, given_at=given_at)
    _refuse_unconfirmed(found, vials.all_the_same)
    known = rows_of(dose.protocol).products.get(vials.product)
    if known is not None and vials.grams not in known.vials_g:
        sizes = ", ".join(f"{size:f}" for size in known.vials_g)
        raise NotGiven(f"{known.name} comes in vials of {sizes} g.", field="grams")
    counted = Decimal(0) if instead_of is None else Decimal(instead_of.grams) * instead_of.vials
    total = dose.grams_given - counted + vials.grams * vials.count
    ordered = dose.grams_ordered
    # A correction that leaves the amount as it was does not ask about it again.
    is_more = ordered is not None and total > max(ordered, dose.grams_given)
    if is_more and not vials.is_more_than_ordered:
        raise NotGiven(
            f"These vials make {total:f} g; {ordered:f} g is ordered. "
            "Tick that the rest of a vial is discarded, or correct the vials.",
            field="confirmed",
        )
    return Read(
        fields={
            "product": vials.product,
            "product_name": _name_of(dose, vials),
            "lot_number": vials.lot_number,
            "expires_on": vials.expires_on,
            "grams": f"{vials.grams:f}",
            "vials": vials.count,
        },
        found=found,
        all_the_same=vials.all_the_same,
    )


def read_unit(
    line: OrderLine, unit: Unit, *, given_at: datetime, instead_of: GivenProduct | None = None
) -> Read:
    """What a row of this unit says; raises `NotGiven` and `NotConfirmed`."""
    collected_on = None if isinstance(unit.collected_on, Unknown) else unit.collected_on
    _refuse_uncollected(collected_on, unit.expires_on, given_at=given_at)
    found = tuple(of_expiry(unit.expires_on, given_at))
    _refuse_unconfirmed(found, unit.all_the_same)
    same = GivenProduct.objects.filter(unit_number=unit.unit_number)
    if instead_of is not None:
        same = same.exclude(pk=instead_of.pk)
    if same.filter(line=line).exists():
        raise NotGiven("This unit is entered already.", field="unit_number")
    if same.exists() and not unit.is_known_elsewhere:
        raise NotGiven(
            "This unit is on record for another order. Read the label again; tick if it was split.",
            field="confirmed",
        )
    return Read(
        fields={
            "product": OrderKind.PLATELETS.value,
            "product_name": unit.product_name or "Platelets",
            "unit_number": unit.unit_number,
            "expires_on": unit.expires_on,
            "abo_group": AboGroup.UNKNOWN if isinstance(unit.abo_group, Unknown) else unit.abo_group,
            "rhd": _rhd(unit.is_rhd_positive),
            "collected_on": collected_on,
        },
        found=found,
        all_the_same=unit.all_the_same,
    )


def _refuse_uncollected(collected_on: date | None, expires_on: date, *, given_at: datetime) -> None:
    if collected_on is None:
        return
    if collected_on > expires_on:
        raise NotGiven(
            "It cannot have been collected after it expires. Read both dates.", field="collected_on"
        )
    if collected_on > timezone.localdate(given_at):
        raise NotGiven("It cannot have been collected after it was given.", field="collected_on")


def _rhd(is_positive: bool | Unknown) -> RhD:
    if isinstance(is_positive, Unknown):
        return RhD.UNKNOWN
    return RhD.POSITIVE if is_positive else RhD.NEGATIVE


def discrepancies_of_vials(dose: RunningDose, vials: Vials, *, given_at: datetime) -> tuple[Found, ...]:
    """In which ways these vials should not have been given."""
    ordered = rows_of(dose.protocol).products[dose.product]
    name = _name_of(dose, vials)
    return (
        *of_product(key=vials.product, name=name, ordered_key=ordered.key, ordered_name=ordered.name),
        *of_expiry(vials.expires_on, given_at),
    )


def store_product(read: Read, **about: Any) -> GivenProduct:
    """Store a row, and with it what is wrong with it; `about` are the fields beside what was read."""
    made = GivenProduct.objects.create(**read.fields, **about)
    keep(made, read.found, read.all_the_same)
    return made


def _name_of(dose: RunningDose, vials: Vials) -> str:
    known = rows_of(dose.protocol).products.get(vials.product)
    if known is not None:
        return known.name
    if not vials.product_name:
        raise NotGiven("Type the name of the product.", field="product_name")
    return vials.product_name


def _refuse_unconfirmed(found: Iterable[Found], said: AllTheSame) -> None:
    for each in unconfirmed(found, said):
        raise NotConfirmed(each)


def next_sequence(line: OrderLine, dose_number: int) -> int:
    """The number of the next row of a dose, of those corrected too."""
    rows = AdministrationEvent.as_entered.filter(line=line, dose_number=dose_number)
    return int(rows.aggregate(last=Max("sequence"))["last"] or 0) + 1


def _begin_product(
    line: OrderLine, key: UUID, *, given_at: datetime, by: User, at: datetime
) -> tuple[Encounter, GivenProduct | None]:
    encounter = Encounter.objects.select_for_update().get(pk=line.order_set.encounter_id)
    there = GivenProduct.as_entered.filter(idempotency_key=key).first()
    if there is not None and (there.line_id != line.pk or there.entered_by_id != by.pk):
        raise NotGiven("This form was sent for another entry. Open the page again.")
    if there is None:
        refuse_closed(encounter)
        refuse_future(given_at, at)
    return encounter, there


def _recorded_product(
    made: GivenProduct, read: Read, encounter: Encounter, *, by: User, at: datetime
) -> None:
    record(
        action="administration.product",
        by=by,
        at=at,
        object_id=made.line.order_set_id,
        details={
            "line": made.line_id,
            "dose": made.dose_number,
            "product": made.product,
            "lot": made.lot_number,
            "unit": made.unit_number,
            "vials": made.vials,
            "encounter": encounter.pk,
            "discrepancies": [each.kind for each in read.found],
        },
    )


def _dose_now(line: OrderLine, number: int, *, protocol: Protocol, at: datetime) -> RunningDose:
    current = current_dose(line, protocol=protocol, at=at)
    if number == current.number:
        return current
    if 0 < number < current.number:
        return dose_at(line, number, protocol=protocol, at=at)
    raise NotGiven("The dose before it is not finished.")


def refuse_closed(encounter: Encounter) -> None:
    if not encounter.is_open:
        raise NotGiven("The encounter is closed: nothing more can be entered.")


def refuse_future(moment: datetime, at: datetime) -> None:
    if moment > at:
        raise NotGiven("Enter a time that has been.", field="happened_at")


def _refuse_unfit(dose: RunningDose, noted: Noted, *, encounter: Encounter, at: datetime) -> None:
    course = dose.course
    if noted.act not in acts_after(course):
        raise NotGiven("This does not fit what is noted already.")
    if course.started is not None and minute_of(noted.happened_at) < course.minute:
        last = dose.events[-1]
        raise NotGiven(
            f"It cannot have happened before what is noted last: {last.get_act_display().lower()}.",
            field="happened_at",
        )
    if noted.act in _GOES_ON and not dose.line.order_set.is_active:
        raise NotGiven("This order set is no longer in force. Nothing goes on or is started on it.")
    if noted.act is Act.START:
        _refuse_start(dose, noted, encounter=encounter, at=at)
    if noted.act is Act.STEP_UP:
        _refuse_step(dose, noted)
    if noted.act in (Act.RESUME, Act.RESTART) and dose.hold is not None and not noted.reason:
        raise NotGiven(
            f"{dose.hold_words} Have the hold released on the checklist first, or give the reason.",
            field="reason",
        )
    if noted.act is Act.RESTART and not noted.reason:
        settled = dose.restart_from
        if settled is not None and noted.happened_at < settled:
            raise NotGiven(
                "The reaction has not been settled long enough. Wait, or give the reason.", field="reason"
            )
    refuse_untold(dose, noted)


def refuse_untold(dose: RunningDose, noted: Noted) -> None:
    """Refuse a stop without its reason, and more volume than was ordered without one."""
    if noted.act is Act.STOP and not noted.reason:
        raise NotGiven("Say why it is stopped for good.", field="reason")
    planned = dose.plan.volume_ml if dose.plan else None
    if planned is not None and noted.volume_ml is not None and noted.volume_ml > planned and not noted.reason:
        raise NotGiven(
            f"More than the {planned:f} mL ordered. Read the pump again, or give the reason.",
            field="volume_ml",
        )


def _refuse_start(dose: RunningDose, noted: Noted, *, encounter: Encounter, at: datetime) -> None:
    line = dose.line
    if dose.other_products and not noted.reason:
        raise NotGiven(f"{OTHER_PRODUCT} Call the physician, or give the reason.", field="reason")
    if state_name(line.order_set, at=at) not in ("signed", "copy"):
        raise NotGiven("This order set is past its time. Reassess, and sign a new one.")
    refuse_before_signed(line, noted.happened_at)
    if result := held_by(encounter).get(line.kind):
        raise NotGiven(
            f"A result holds the next dose ({result.title}, {result.get_level_display().lower()}). "
            "Release the hold on the checklist first."
        )
    if line.events.filter(act=Act.REACTION, grade__gte=SEVERE).exists():
        raise NotGiven(
            "A severe reaction ended an earlier dose of this order. Reassess; it needs new orders."
        )
    if line.kind == OrderKind.IVIG:
        known = line.order_set.assessment.as_facts().immunoglobulin_reaction is True
        severe = [] if known else reactions_of(encounter.patient, grade=THREATENS_LIFE)
        if severe:
            raise NotGiven(
                f"Do not give immunoglobulin: {words_of(severe[0])} is on record. Call haematology."
            )
    before = line.events.filter(act=Act.START, dose_number=dose.number - 1).first()
    interval = interval_of(line, dose.protocol)
    if before is not None and noted.happened_at < before.happened_at + interval and not noted.reason:
        raise NotGiven(
            "The interval to the dose before is not over. Wait, or give the reason.", field="reason"
        )


def refuse_before_signed(line: OrderLine, started_at: datetime) -> None:
    if started_at < line.order_set.signed_at.replace(second=0, microsecond=0):
        raise NotGiven("It cannot have begun before it was signed.", field="happened_at")


def _refuse_step(dose: RunningDose, noted: Noted) -> None:
    step = dose.step_up(noted.happened_at)
    if step is None:
        raise NotGiven("This is the highest rate of the plan.")
    if step.is_barred:
        raise NotGiven(f"{step.obstacle} Do not step up: stop the infusion and call the physician.")
    if step.obstacle and not noted.reason:
        raise NotGiven(f"{step.obstacle} Enter them first, or give the reason.", field="reason")


def _rate_of(dose: RunningDose, noted: Noted) -> Decimal | None:
    if noted.act is Act.START:
        return dose.planned_rates[0] if dose.planned_rates else None
    if noted.act is Act.STEP_UP:
        return dose.next_rate
    if noted.act is Act.SLOW:
        if dose.slower_rate is None:
            raise NotGiven("This is the lowest rate of the plan. Pause it instead.")
        return dose.slower_rate
    if noted.act is Act.RESTART:
        if dose.planned_rates and dose.restart_rate is None:
            raise NotGiven("The rate to go on at is not known. Call the physician.")
        return dose.restart_rate
    return None


def _move_checks(
    dose: RunningDose, noted: Noted, rate: Decimal | None, *, ends: bool, by: User, at: datetime
) -> None:
    """Tell monitoring the true times, so that everything counted from them moves."""
    order_set_id, kind = dose.line.order_set_id, dose.line.kind
    if not MonitoringPlan.objects.filter(order_set_id=order_set_id).exists():
        return

    def happened(name: str, number: int) -> None:
        set_anchor(
            order_set_id=order_set_id, name=name, number=number, true_at=noted.happened_at, by=by, at=at
        )

    was_over = dose.course.state in (State.STOPPED, State.FINISHED)
    if noted.act is Act.START:
        happened(STARTS[kind], dose.number)
    if noted.act is Act.STEP_UP and rate is not None:
        position = dose.planned_rates.index(rate)
        per_dose = len(dose.planned_rates) - 1
        happened("RI", (dose.number - 1) * per_dose + position)
        if position == per_dose:
            happened("RM", dose.number)
    if dose.is_ivig and not was_over and (ends or noted.act is Act.RESTART):
        steps = max(len(dose.planned_rates) - 1, 0)
        shared: dict[str, Any] = {"order_set_id": order_set_id, "reason": NO_MORE_STEPS, "by": by, "at": at}
        end_checks_of_anchor(name="RI", after=(dose.number - 1) * steps, until=dose.number * steps, **shared)
        if ends:
            # After a restart the hourly signs go on, at the lower rate.
            end_checks_of_anchor(name="RM", after=dose.number - 1, until=dose.number, **shared)
    if ends and not was_over:
        happened(ENDS[kind], dose.number)
    elif not was_over:
        expect_times(dose_at(dose.line, dose.number, protocol=dose.protocol, at=at), by=by, at=at)


def watch_reaction(event: AdministrationEvent, encounter: Encounter, *, by: User, at: datetime) -> None:
    """Ask for the vital signs after a reaction, in the order of their times."""
    plan = MonitoringPlan.objects.filter(order_set_id=event.line.order_set_id).first()
    there = rows_of(load_protocol_value(encounter.protocol_version)).items
    for item in SIGNS_AGAIN:
        if item in there:
            add_check(
                encounter=encounter,
                plan=plan,
                item=item,
                cause=Cause.REACTION,
                cause_id=event.pk,
                asked_at=event.happened_at,
                by=by,
                at=at,
            )
    chain(encounter)
