"""Every patient who received a lot or a unit, over all wards, whatever became of the order."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import models
from django.db.models import Prefetch

from ivigsite.encounters.models import Encounter
from ivigsite.orders.infusion_forms import lot_of
from ivigsite.orders.models import Discrepancy, GivenProduct, UnitLabel
from ivigsite.orders.signals import named_on_paper

CSV_HEAD: Final = (
    *("patient", "record_number", "birth_date", "ward", "bed", "encounter"),
    *("product", "lot_number", "unit_number", "expires_on", "vials", "grams_each"),
    *("amount",),
    *("abo_group", "rhd", "collected_on"),
    *("given_at", "entered_at", "entered_by", "order_set", "discrepancies"),
)
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """One entry of a lot or unit, and who received it."""

    patient: str
    record_number: str
    birth_date: str
    ward: str
    bed: str
    encounter: str
    product: str
    lot_number: str
    unit_number: str
    expires_on: str
    # Of vials: how many and what one holds; empty for a unit and for what is known from paper alone.
    vials: str
    grams: str
    amount: str
    # Of a platelet unit; empty for vials.
    abo_group: str
    rhd: str
    collected_on: str
    group_words: str
    given_at: datetime
    entered_at: datetime
    entered_by: str
    order_set: str
    # What should not have been given, in words; most often nothing.
    discrepancies: tuple[str, ...]

    @property
    def cells(self) -> tuple[str, ...]:
        """In the order of `CSV_HEAD`."""
        return (
            *(self.patient, self.record_number, self.birth_date, self.ward, self.bed, self.encounter),
            *(self.product, self.lot_number, self.unit_number, self.expires_on, self.vials, self.grams),
            self.amount,
            *(self.abo_group, self.rhd, self.collected_on),
            *(self.given_at.isoformat(), self.entered_at.isoformat(), self.entered_by, self.order_set),
            "; ".join(self.discrepancies),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OnceNamed:
    """An entry that named the lot or unit until it was corrected, and what was said of that."""

    recipient: Recipient
    because: str
    now: str
    corrected_at: datetime
    corrected_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """Who received a lot or unit, and who is not among them because of a correction."""

    recipients: tuple[Recipient, ...]
    once: tuple[OnceNamed, ...]


def recipients(*, product: str, lot: str, unit: str) -> list[Recipient]:
    """By lot, and product where one is named, or by unit number; by patient, in a fixed number of queries."""
    found = [_recipient(row) for row in _named(GivenProduct.objects.all(), product, lot, unit)]
    found += [each for told in _on_paper(product, lot, unit) for each in told.recipients]
    return sorted(found, key=lambda each: (each.patient, each.given_at))


def once_named(*, product: str, lot: str, unit: str) -> list[OnceNamed]:
    """Who is not on the list because of a correction: a wrong correction must not hide anybody."""
    gone = GivenProduct.as_entered.exclude(replaced_by=None)
    found = _named(gone.select_related("replaced_by__by", "replaced_by__entry"), product, lot, unit)
    named = [_once_named(row) for row in found if not _still_named(row)]
    return [*named, *(each for told in _on_paper(product, lot, unit) for each in told.once)]


def _on_paper(product: str, lot: str, unit: str) -> list[Named]:
    """What the floors above know from downtime forms."""
    answers: list[tuple[Any, Any]] = named_on_paper.send(
        sender=GivenProduct, number=lot_of(unit or lot), product="" if unit else product
    )
    return [answer for _, answer in answers]


def _named(
    rows: models.QuerySet[GivenProduct], product: str, lot: str, unit: str
) -> models.QuerySet[GivenProduct]:
    rows = rows.select_related(
        "entered_by", "line__order_set__encounter__patient", "line__order_set__encounter__ward"
    )
    if unit:
        rows = rows.filter(unit_number=lot_of(unit))
    else:
        rows = rows.filter(lot_number=lot_of(lot))
        if product:
            rows = rows.filter(product_name__icontains=product)
    return rows.prefetch_related(Prefetch("discrepancies", Discrepancy.as_entered.all())).order_by(
        "line__order_set__encounter__patient__family_name",
        "line__order_set__encounter__patient__given_name",
        "given_at",
    )


def _still_named(row: GivenProduct) -> bool:
    entry = row.replaced_by.entry
    numbers = ("lot_number", "unit_number", "product_name")
    return entry is not None and all(getattr(entry, name) == getattr(row, name) for name in numbers)


def _once_named(row: GivenProduct) -> OnceNamed:
    correction = row.replaced_by
    entry = correction.entry
    return OnceNamed(
        recipient=_recipient(row),
        because=correction.because,
        now="taken back" if entry is None else f"{entry.product_name} {entry.lot_number}{entry.unit_number}",
        corrected_at=correction.at,
        corrected_by=correction.by.full_name,
    )


def _discrepancy(found: Discrepancy) -> str:
    against = f" ({found.ordered})" if found.ordered else ""
    return f"{found.get_kind_display()}{against}: {found.reason}"


def without_formula(text: str) -> str:
    """A spreadsheet runs a cell that begins like a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def recipient_in(encounter: Encounter, label: UnitLabel | None, **of_entry: Any) -> Recipient:
    """Who received something, in the words of every recall; `of_entry` is what its entry says besides."""
    patient = encounter.patient
    collected_on = None if label is None else label.collected_on
    return Recipient(
        patient=f"{patient.family_name.upper()}, {patient.given_name}",
        record_number=patient.record_number,
        birth_date=f"{patient.birth_date:%d %b %Y}",
        ward=encounter.ward.name,
        bed=encounter.bed,
        encounter="open" if encounter.is_open else "closed",
        abo_group="" if label is None else label.abo_words,
        rhd="" if label is None else label.rhd_words,
        collected_on="" if collected_on is None else f"{collected_on:%d %b %Y}",
        group_words="" if label is None else label.words,
        **of_entry,
    )


def _recipient(row: GivenProduct) -> Recipient:
    order_set = row.line.order_set
    return recipient_in(
        order_set.encounter,
        row.label,
        product=row.product_name,
        lot_number=row.lot_number,
        unit_number=row.unit_number,
        expires_on=f"{row.expires_on:%d %b %Y}",
        vials=str(row.vials) if row.grams else "",
        grams=row.grams,
        amount=f"{row.vials} \N{MULTIPLICATION SIGN} {row.grams} g" if row.grams else "1 unit",
        given_at=row.given_at,
        entered_at=row.entered_at,
        entered_by=row.entered_by.full_name,
        order_set=order_set.code,
        discrepancies=tuple(_discrepancy(each) for each in row.discrepancies.all()),
    )
