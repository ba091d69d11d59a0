"""From a regimen and a weight to a dose: exact, capped, rounded once, with volume, vials and its ledger."""

import math
from dataclasses import dataclass
from decimal import ROUND_HALF_DOWN, ROUND_HALF_UP, Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Final

from . import formulas, ledger_check
from .arithmetic import exactly
from .facts import UNKNOWN, Facts, Unknown
from .ledger import Ledger, LedgerStep, Operation, Quantity, result_of
from .protocol import PerUnit, Product, Regimen, RoundingStep, Ties, WeightBasis
from .weight import DosingWeight

PERCENT: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class VialPlan:
    """The vials that hold the dose, as grams and number, the largest first.

    `left_over_g` is what stays in a part-used one.
    """

    vials: tuple[tuple[Decimal, int], ...]
    left_over_g: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Dose:
    """One computed dose.

    `exact` is the amount before cap and rounding, `rounded` the amount to give, both in `unit`.
    `deviation_percent` is how far rounding moved the (capped) amount. `part_vial` says that the nearest step
    would have moved it beyond the regimen's limit, so that the exact amount is given from a part-used vial;
    `step_deviation_percent` is how far it would have moved.
    """

    regimen: Regimen
    exact: Decimal
    capped: bool
    rounded: Decimal
    unit: str
    deviation_percent: Decimal
    step_deviation_percent: Decimal
    part_vial: bool
    range_low: Decimal | None
    range_high: Decimal | None
    weight_kg: Decimal | None
    weight_basis: str
    product: Product | None
    volume_ml: Decimal | None
    vial_plan: VialPlan | None
    ledger: Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class _Base:
    """The weight a dose multiplies and the ledger that led to it; an amount per patient has none."""

    ledger: Ledger = ()
    kg: Decimal | None = None
    basis: str = ""


@exactly
def compute_dose(
    *, regimen: Regimen, facts: Facts, dosing: DosingWeight | Unknown, product: Product | None
) -> Dose | Unknown:
    """The dose of one regimen for this patient, or unknown while the weight it needs is.

    Raises `LedgerDisagreement` when the independent recomputation gives another result.
    """
    base = _base_of(regimen, facts, dosing)
    if isinstance(base, Unknown):
        return UNKNOWN
    ledger, amount = _calculated(regimen, base)
    exact = amount.value
    ledger, amount = _at_most_the_cap(regimen, ledger, amount)
    wanted = amount.value
    rounding = _rounding_for(regimen, base.kg)
    nearest = wanted if rounding is None else nearest_multiple(wanted, rounding)
    stays_exact = _must_stay_exact(regimen, wanted, nearest)
    if rounding is not None and not stays_exact:
        ledger, amount = _rounded(regimen, ledger, amount, rounding, nearest)
    used_product = product if regimen.uses_product else None
    ledger, volume_ml, vial_plan = _prepared(regimen, ledger, amount, used_product)
    ledger_check.verify(ledger)
    low, high = _range(regimen, base.kg, rounding)
    step_deviation = deviation_percent(wanted, nearest)
    return Dose(
        regimen=regimen,
        exact=exact,
        capped=wanted < exact,
        rounded=amount.value,
        unit=regimen.unit,
        deviation_percent=Decimal(0) if stays_exact else step_deviation,
        step_deviation_percent=step_deviation,
        part_vial=stays_exact,
        range_low=low,
        range_high=high,
        weight_kg=base.kg,
        weight_basis=base.basis,
        product=used_product,
        volume_ml=volume_ml,
        vial_plan=vial_plan,
        ledger=ledger,
    )


@exactly
def nearest_multiple(amount: Decimal, rounding: RoundingStep) -> Decimal:
    """The nearest multiple of the row's step; the row says which way a tie goes."""
    ties = ROUND_HALF_DOWN if rounding.ties is Ties.DOWN else ROUND_HALF_UP
    return (amount / rounding.step).quantize(Decimal(1), rounding=ties) * rounding.step


@exactly
def deviation_percent(before: Decimal, after: Decimal) -> Decimal:
    """How far rounding moved an amount, in percent of the amount before, to two decimals."""
    if before == after:
        return Decimal(0)
    return ((after - before) * PERCENT / before).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)


@lru_cache(maxsize=4096)
@exactly
def fewest_vials(sizes_g: tuple[Decimal, ...], dose_g: Decimal) -> VialPlan:
    """The fewest vials that sum exactly to the dose; where none do, the fewest that leave least over."""
    decimals = max(0, *(-int(size.as_tuple().exponent) for size in sizes_g))
    grains = {int(size.scaleb(decimals)) for size in sizes_g}
    grain = math.gcd(*grains)
    sizes = sorted((size // grain for size in grains), reverse=True)
    wanted = math.ceil(Fraction(dose_g) * 10**decimals / grain)
    counts = dict(zip(sizes, _fewest(sizes, wanted), strict=True))
    total = sum(size * count for size, count in counts.items())
    return VialPlan(
        vials=tuple(
            (Decimal(size * grain).scaleb(-decimals), count) for size, count in counts.items() if count
        ),
        left_over_g=Decimal(total * grain).scaleb(-decimals) - dose_g,
    )


def _fewest(sizes: list[int], wanted: int) -> list[int]:
    """How many of each size (largest first) make the least total that is not below the wanted one."""
    largest = sizes[0]
    # Of as many smaller vials as the largest has grains, some add up to a multiple of the largest, and fewer
    # of those do it. So all but the last stretch of a big dose is certain, and only that is searched.
    certain = max(0, wanted // largest - largest)
    best: list[tuple[int, ...] | None] = [()]
    while len(best) <= wanted - certain * largest or best[-1] is None:
        options = [
            (*before, size)
            for size in sizes
            if size <= len(best) and (before := best[len(best) - size]) is not None
        ]
        best.append(min(options, key=len, default=None))
    vials = best[-1]
    return [vials.count(size) + (certain if size == largest else 0) for size in sizes]


def _base_of(regimen: Regimen, facts: Facts, dosing: DosingWeight | Unknown) -> _Base | Unknown:
    if regimen.per is PerUnit.PATIENT:
        return _Base()
    if regimen.weight is WeightBasis.DOSING and not isinstance(dosing, Unknown):
        return _Base(ledger=dosing.ledger, kg=dosing.kg, basis=dosing.basis)
    if regimen.weight is WeightBasis.ACTUAL and not isinstance(facts.weight_kg, Unknown):
        return _Base(kg=facts.weight_kg, basis="actual")
    return UNKNOWN


def _calculated(regimen: Regimen, base: _Base) -> tuple[Ledger, Quantity]:
    if base.kg is None:
        return (), Quantity(name="amount", value=regimen.amount, unit=regimen.unit)
    kind = "dosing weight" if regimen.weight is WeightBasis.DOSING else "weight"
    name = f"{kind} ({base.basis.replace('_', ' ')})"
    weight = Quantity(name=name, value=base.kg, unit="kg")
    per_kg = Quantity(name="per kg", value=regimen.amount, unit=f"{regimen.unit} per kg")
    return _add(
        base.ledger,
        LedgerStep(
            name="Calculated amount",
            operation=Operation.PRODUCT,
            formula=f"{regimen.unit} per kg for each kg of {name}",
            inputs=(per_kg, result_of(base.ledger, name) if base.ledger else weight),
            result=regimen.amount * base.kg,
            unit=regimen.unit,
            cites=regimen.basis.cites,
        ),
    )


def _at_most_the_cap(regimen: Regimen, ledger: Ledger, amount: Quantity) -> tuple[Ledger, Quantity]:
    if regimen.cap is None:
        return ledger, amount
    return _add(
        ledger,
        LedgerStep(
            name="Maximum",
            operation=Operation.LESSER,
            formula="the lesser of the calculated amount and the maximum",
            inputs=(amount, Quantity(name="maximum", value=regimen.cap, unit=regimen.unit)),
            result=min(amount.value, regimen.cap),
            unit=regimen.unit,
            cites=regimen.basis.cites,
        ),
    )


def _rounding_for(regimen: Regimen, weight_kg: Decimal | None) -> RoundingStep | None:
    if weight_kg is None:
        return None
    reached = [row for row in regimen.rounding if row.from_weight_kg <= weight_kg]
    return max(reached, key=lambda row: row.from_weight_kg, default=None)


def _must_stay_exact(regimen: Regimen, wanted: Decimal, nearest: Decimal) -> bool:
    """Rounding gives way where it would move the dose too far, to nothing, or over the maximum."""
    if nearest == wanted:
        return False
    if nearest == 0 or (regimen.cap is not None and nearest > regimen.cap):
        return True
    limit = regimen.deviation_limit_percent
    # Compared as products, so that no division decides a border.
    return limit is not None and abs(nearest - wanted) * PERCENT > limit * wanted


def _rounded(
    regimen: Regimen, ledger: Ledger, amount: Quantity, rounding: RoundingStep, nearest: Decimal
) -> tuple[Ledger, Quantity]:
    is_down = rounding.ties is Ties.DOWN
    return _add(
        ledger,
        LedgerStep(
            name="Rounded dose",
            operation=Operation.NEAREST_TIES_DOWN if is_down else Operation.NEAREST_TIES_UP,
            formula=f"the nearest multiple of the step, an exact half goes {rounding.ties}",
            inputs=(amount, Quantity(name="step", value=rounding.step, unit=regimen.unit)),
            result=nearest,
            unit=regimen.unit,
            cites=regimen.basis.cites,
        ),
    )


def _prepared(
    regimen: Regimen, ledger: Ledger, dose: Quantity, product: Product | None
) -> tuple[Ledger, Decimal | None, VialPlan | None]:
    """The volume, and for a product the vials it comes from."""
    if product is None and regimen.volume_ml_per_unit is None:
        return ledger, None, None
    if product is None:
        ledger, volume = _add(ledger, _volume_per_unit(regimen, dose))
        return ledger, volume.value, None
    plan = fewest_vials(product.vials_g, dose.value)
    ledger, volume = _add(ledger, _volume_from(product, dose))
    ledger, _ = _add(ledger, _sum_of_vials(product, dose, plan))
    return ledger, volume.value, plan


def _volume_per_unit(regimen: Regimen, dose: Quantity) -> LedgerStep:
    per_unit = regimen.volume_ml_per_unit or Decimal(0)
    return LedgerStep(
        name="Volume",
        operation=Operation.PRODUCT,
        formula=f"mL for each {regimen.unit}",
        inputs=(dose, Quantity(name=f"mL per {regimen.unit}", value=per_unit, unit="mL")),
        result=dose.value * per_unit,
        unit="mL",
        cites=regimen.basis.cites,
    )


def _volume_from(product: Product, dose: Quantity) -> LedgerStep:
    concentration = product.concentration_percent
    return LedgerStep(
        name="Volume",
        operation=Operation.VOLUME,
        formula="grams times 100 divided by the concentration in percent",
        inputs=(dose, Quantity(name="concentration", value=concentration, unit="percent")),
        result=formulas.volume_ml(grams=dose.value, percent=concentration),
        unit="mL",
        cites=product.basis.cites,
    )


def _sum_of_vials(product: Product, dose: Quantity, plan: VialPlan) -> LedgerStep:
    vials = (
        quantity
        for size, count in plan.vials
        for quantity in (
            Quantity(name="vial", value=size, unit=dose.unit),
            Quantity(name="vials of this size", value=Decimal(count), unit=""),
        )
    )
    return LedgerStep(
        name="Vials",
        operation=Operation.VIALS,
        formula="the sum of vial size times number of vials, which holds the dose",
        inputs=(dose, *vials),
        result=dose.value + plan.left_over_g,
        unit=dose.unit,
        cites=product.basis.cites,
    )


def _add(ledger: Ledger, step: LedgerStep) -> tuple[Ledger, Quantity]:
    longer = (*ledger, step)
    return longer, result_of(longer, step.name.lower())


def _range(
    regimen: Regimen, weight_kg: Decimal | None, rounding: RoundingStep | None
) -> tuple[Decimal | None, Decimal | None]:
    if regimen.amount_minimum is None or regimen.amount_maximum is None:
        return None, None
    low, high = (
        amount if weight_kg is None else amount * weight_kg
        for amount in (regimen.amount_minimum, regimen.amount_maximum)
    )
    if regimen.cap is not None:
        low, high = min(low, regimen.cap), min(high, regimen.cap)
    if rounding is None:
        return low, high
    return nearest_multiple(low, rounding), nearest_multiple(high, rounding)
