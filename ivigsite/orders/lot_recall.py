"""Every patient who received a lot or a unit, over all wards, whatever became of the order."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ivigsite.orders.infusion_forms import lot_of
from ivigsite.orders.models import GivenProduct

CSV_HEAD: Final = (
    *("patient", "record_number", "birth_date", "ward", "bed", "encounter"),
    *("product", "lot_number", "unit_number", "expires_on", "vials", "grams_each"),
    *("given_at", "entered_at", "entered_by", "order_set"),
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
    vials: int
    grams: str
    given_at: datetime
    entered_at: datetime
    entered_by: str
    order_set: str

    @property
    def cells(self) -> tuple[str, ...]:
        """In the order of `CSV_HEAD`."""
        return (
            *(self.patient, self.record_number, self.birth_date, self.ward, self.bed, self.encounter),
            *(self.product, self.lot_number, self.unit_number, self.expires_on, str(self.vials), self.grams),
            *(self.given_at.isoformat(), self.entered_at.isoformat(), self.entered_by, self.order_set),
        )


def recipients(*, product: str, lot: str, unit: str) -> list[Recipient]:
    """By lot, and product where one is named, or by unit number; by patient, in one query."""
    rows = GivenProduct.objects.select_related(
        "entered_by", "line__order_set__encounter__patient", "line__order_set__encounter__ward"
    )
    if unit:
        rows = rows.filter(unit_number=lot_of(unit))
    else:
        rows = rows.filter(lot_number=lot_of(lot))
        if product:
            rows = rows.filter(product_name__icontains=product)
    return [
        _recipient(row)
        for row in rows.order_by(
            "line__order_set__encounter__patient__family_name",
            "line__order_set__encounter__patient__given_name",
            "given_at",
        )
    ]


def without_formula(text: str) -> str:
    """A spreadsheet runs a cell that begins like a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _recipient(row: GivenProduct) -> Recipient:
    order_set = row.line.order_set
    encounter = order_set.encounter
    patient = encounter.patient
    return Recipient(
        patient=f"{patient.family_name.upper()}, {patient.given_name}",
        record_number=patient.record_number,
        birth_date=f"{patient.birth_date:%d %b %Y}",
        ward=encounter.ward.name,
        bed=encounter.bed,
        encounter="open" if encounter.is_open else "closed",
        product=row.product_name,
        lot_number=row.lot_number,
        unit_number=row.unit_number,
        expires_on=f"{row.expires_on:%d %b %Y}",
        vials=row.vials,
        grams=row.grams,
        given_at=row.given_at,
        entered_at=row.entered_at,
        entered_by=row.entered_by.full_name,
        order_set=order_set.code,
    )
