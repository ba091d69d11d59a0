"""Bringing paper orders back into the site, with the paper's times and people kept apart from the entry's."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from ivigsite.accounts.models import User
from ivigsite.audit.actions import record
from ivigsite.downtime import tables
from ivigsite.downtime.build import adult_regimens
from ivigsite.downtime.models import NUMBER_GAP, PaperOrder
from ivigsite.encounters.models import Encounter
from protocols.engine.protocol import PerUnit, Protocol


class CannotEnter(Exception):
    """Why this cannot be entered, and beside which field that is said."""

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True, kw_only=True)
class OnPaper:
    """What stands on one line of a downtime form."""

    form_number: str
    drug: str
    dose_amount: Decimal
    dose_unit: str
    details: str
    ordered_at: datetime
    ordered_by: str
    given_at: datetime | None
    given_by: str
    # Of the label; of platelets its group and day too. Empty where the paper tells nothing.
    label_numbers: tuple[str, ...] = ()
    abo_group: str = ""
    rhd: str = ""
    collected_on: date | None = None

    @property
    def has_label(self) -> bool:
        return bool(self.label_numbers or self.abo_group or self.rhd or self.collected_on)


@transaction.atomic
def enter_paper_order(
    *,
    encounter: Encounter,
    on_paper: OnPaper,
    idempotency_key: UUID,
    by: User,
    at: datetime,
    corrects: PaperOrder | None = None,
    reason: str = "",
) -> PaperOrder:
    """Store one line as it stands on the paper; the same key stores once. Raises `CannotEnter`."""
    encounter = Encounter.objects.select_for_update().get(pk=encounter.pk)
    there = PaperOrder.objects.filter(idempotency_key=idempotency_key).first()
    if there is not None:
        if there.encounter_id != encounter.pk or there.entered_by_id != by.pk:
            raise CannotEnter("This form was sent for another entry. Open the page again.")
        return there
    _refuse_unfit(encounter, on_paper, at=at)
    if corrects is not None and PaperOrder.objects.filter(corrects=corrects).exists():
        raise CannotEnter("It was corrected meanwhile. Open the page again and correct the newest entry.")
    made = PaperOrder.objects.create(
        encounter=encounter,
        protocol_version=encounter.protocol_version,
        form_number=on_paper.form_number,
        drug=on_paper.drug,
        dose_amount=str(on_paper.dose_amount),
        dose_unit=on_paper.dose_unit,
        details=on_paper.details,
        ordered_at=on_paper.ordered_at,
        ordered_by=on_paper.ordered_by,
        given_at=on_paper.given_at,
        given_by=on_paper.given_by,
        label_numbers=NUMBER_GAP.join(on_paper.label_numbers),
        abo_group=on_paper.abo_group,
        rhd=on_paper.rhd,
        collected_on=on_paper.collected_on,
        entered_at=at,
        entered_by=by,
        corrects=corrects,
        reason=reason,
        idempotency_key=idempotency_key,
    )
    record(
        action="downtime.entered" if corrects is None else "downtime.corrected",
        by=by,
        at=at,
        object_id=encounter.pk,
        details={"entry": str(made.pk), "ordered_at": on_paper.ordered_at.isoformat()},
    )
    return made


def drugs_of(protocol: Protocol) -> dict[str, str]:
    """What can have been ordered on a form of this version, each with the unit of its dose."""
    return {f"{row.drug}, {row.unit}": row.unit for row in protocol.regimens}


def most_on_a_form(protocol: Protocol, drug: str, unit: str) -> Decimal:
    """The largest dose that any table or form of the version has for an adult, for one drug and unit."""
    families = dict.fromkeys(row.family for row in protocol.regimens)
    doses = [Decimal(0)]
    for regimen in (row for family in families for row in adult_regimens(protocol, family)):
        if (regimen.drug, regimen.unit) != (drug, unit):
            continue
        if regimen.per is PerUnit.PATIENT:
            doses.append(regimen.amount_maximum or regimen.amount)
        else:
            doses.append(tables.dose_bands(protocol, regimen)[-1].dose.rounded)
    return max(doses)


def _refuse_unfit(encounter: Encounter, on_paper: OnPaper, *, at: datetime) -> None:
    if not encounter.is_open:
        raise CannotEnter("The encounter is closed: nothing more can be entered.")
    if on_paper.ordered_at > at:
        raise CannotEnter("Enter a time that has been.", field="ordered_at")
    if on_paper.given_at is not None and not on_paper.ordered_at <= on_paper.given_at <= at:
        raise CannotEnter("Enter a time after the order and before now.", field="given_at")
    if on_paper.has_label and on_paper.given_at is None:
        raise CannotEnter("A label is of what was given: enter who gave it and when.", field="label_numbers")
    if (
        on_paper.collected_on is not None
        and on_paper.given_at is not None
        and on_paper.collected_on > timezone.localdate(on_paper.given_at)
    ):
        raise CannotEnter("It was collected after it was given. Read it again.", field="collected_on")
