"""Numbers that are implausible for what they are: a slipped unit or decimal point, found in time."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from .plain import decimal_text
from .protocol import PerUnit, PlausibleRange, Product, Protocol, Quantity, Regimen

_WORDS: Final[dict[Quantity, str]] = {
    Quantity.AMOUNT_PER_KG: "dose per kg",
    Quantity.AMOUNT_PER_PATIENT: "dose for a patient",
    Quantity.CAP: "cap",
    Quantity.INTERVAL: "interval",
    Quantity.DURATION: "duration",
    Quantity.INFUSION_TIME: "infusion time",
    Quantity.CONCENTRATION: "concentration",
    Quantity.VIAL: "vial size",
    Quantity.INFUSION_RATE: "infusion rate",
    Quantity.COUNT_TARGET: "target count",
    Quantity.GRADE_BORDER: "border of a grade",
    Quantity.EARLIEST_REPEAT: "earliest repeat",
    Quantity.PARAMETER: "value",
}
_RATE_UNIT: Final = "mL per kg per h"
_COUNT_UNIT: Final = "per microlitre"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One number of a row, with what it is, of what, and in which unit."""

    section: str
    key: str
    field: str
    quantity: Quantity
    subject: str
    unit: str
    value: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Implausible:
    """A number outside its range, or one that no range speaks of."""

    measured: Measured
    message: str


def implausible_numbers(protocol: Protocol) -> Iterator[Implausible]:
    """Every number that its range does not allow; one whose unit no range knows is implausible too."""
    ranges = {(row.quantity, row.subject, row.unit): row for row in protocol.plausible_ranges}
    for measured in measured_numbers(protocol):
        quantity, unit = measured.quantity, measured.unit
        row = ranges.get((quantity, measured.subject, unit)) or ranges.get((quantity, "", unit))
        if message := _message(measured, row):
            yield Implausible(measured=measured, message=message)


def measured_numbers(protocol: Protocol) -> Iterator[Measured]:
    """Every number of the protocol that a slip could make dangerous."""
    for regimen in protocol.regimens:
        yield from _of_regimen(regimen)
    for product in protocol.products:
        yield from _of_product(product)
    for band in protocol.grade_bands:
        for name, border in (("lower_per_ul", band.lower_per_ul), ("upper_per_ul", band.upper_per_ul)):
            if border:
                yield Measured(
                    section="grade_bands",
                    key=str(band.grade),
                    field=name,
                    quantity=Quantity.GRADE_BORDER,
                    subject="",
                    unit=_COUNT_UNIT,
                    value=Decimal(border),
                )
    targets = [
        ("branches", branch.key, "targets", target.platelets_per_ul)
        for branch in protocol.branches
        for target in branch.targets
    ]
    targets += [
        ("procedure_targets", row.key, "platelets_per_ul", row.platelets_per_ul)
        for row in protocol.procedure_targets
    ]
    for section, key, name, count in targets:
        yield Measured(
            section=section,
            key=key,
            field=name,
            quantity=Quantity.COUNT_TARGET,
            subject="",
            unit=_COUNT_UNIT,
            value=Decimal(count),
        )
    for rule in protocol.repeat_rules:
        yield Measured(
            section="repeat_rules",
            key=rule.key,
            field="earliest_hours",
            quantity=Quantity.EARLIEST_REPEAT,
            subject="",
            unit="hours",
            value=Decimal(rule.earliest_hours),
        )
    # Only where a range speaks of it: what a parameter means, its key alone says.
    spoken_of = {row.subject for row in protocol.plausible_ranges if row.quantity is Quantity.PARAMETER}
    for parameter in protocol.parameters:
        if parameter.key in spoken_of:
            yield Measured(
                section="parameters",
                key=parameter.key,
                field="value",
                quantity=Quantity.PARAMETER,
                subject=parameter.key,
                unit=parameter.unit,
                value=parameter.value,
            )


def _of_regimen(regimen: Regimen) -> Iterator[Measured]:
    amount = Quantity.AMOUNT_PER_KG if regimen.per is PerUnit.KG else Quantity.AMOUNT_PER_PATIENT
    numbers: tuple[tuple[str, Quantity, str, Decimal | int | None], ...] = (
        ("amount", amount, regimen.unit, regimen.amount),
        ("amount_minimum", amount, regimen.unit, regimen.amount_minimum),
        ("amount_maximum", amount, regimen.unit, regimen.amount_maximum),
        ("cap", Quantity.CAP, regimen.unit, regimen.cap),
        ("interval_hours", Quantity.INTERVAL, "hours", regimen.interval_hours),
        ("duration_days", Quantity.DURATION, "days", regimen.duration_days),
        ("infuse_over_minutes", Quantity.INFUSION_TIME, "minutes", regimen.infuse_over_minutes),
    )
    for name, quantity, unit, value in numbers:
        if value is not None:
            yield Measured(
                section="regimens",
                key=regimen.key,
                field=name,
                quantity=quantity,
                subject=regimen.drug,
                unit=unit,
                value=Decimal(value),
            )


def _of_product(product: Product) -> Iterator[Measured]:
    numbers = [
        ("concentration_percent", Quantity.CONCENTRATION, "percent", product.concentration_percent),
        ("maximum_ml_per_kg_per_h", Quantity.INFUSION_RATE, _RATE_UNIT, product.maximum_ml_per_kg_per_h),
        ("at_risk_ml_per_kg_per_h", Quantity.INFUSION_RATE, _RATE_UNIT, product.at_risk_ml_per_kg_per_h),
        *(
            ("rate_steps", Quantity.INFUSION_RATE, _RATE_UNIT, step.ml_per_kg_per_h)
            for step in product.rate_steps
        ),
        *(("vials_g", Quantity.VIAL, "g", size) for size in product.vials_g),
    ]
    for name, quantity, unit, value in numbers:
        yield Measured(
            section="products",
            key=product.key,
            field=name,
            quantity=quantity,
            subject=product.drug,
            unit=unit,
            value=value,
        )


def _message(measured: Measured, row: PlausibleRange | None) -> str:
    what = f"{_WORDS[measured.quantity]} of {measured.subject}".removesuffix(" of ")
    shown = f"{decimal_text(measured.value)} {measured.unit}".rstrip()
    if row is None:
        return f"{shown}: no limits say what the {what} in this unit can be."
    if row.minimum <= measured.value <= row.maximum:
        return ""
    limits = f"{decimal_text(row.minimum)} and {decimal_text(row.maximum)}"
    return f"{shown} is implausible as {what}: it lies between {limits}."
