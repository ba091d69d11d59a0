"""From a regimen and a weight to a dose: exact, capped, rounded once, with volume, vials and its ledger."""

from dataclasses import dataclass
from decimal import ROUND_HALF_DOWN, ROUND_HALF_UP, Decimal
from functools import lru_cache

from . import formulas, ledger_check
from .facts import UNKNOWN, Facts, Unknown
from .ledger import Ledger, LedgerStep, Operation, Quantity, result_of
from .protocol import PerUnit, Product, Regimen, RoundingStep, Ties, WeightBasis
from .weight import DosingWeight

PERCENT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class VialPlan:
    """The vials that hold the dose; `left_over_g` is what stays in a part-used one."""

    vials: tuple[tuple[Decimal, int], ...]
    left_over_g: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Dose:
    """One computed dose.

    `exact` is the amount before cap and rounding, `rounded` the amount to give, both in `unit`.
    `deviation_percent` is how far rounding moved the (capped) amount. `part_vial` says that the nearest step would
    have moved it beyond the regimen's limit, so that the exact amount is given from a part-used vial;
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


def compute_dose(
    *,
    regimen: Regimen,
    facts: Facts,
    dosing: DosingWeight | Unknown,
    product: Product | None,
) -> Dose | Unknown:
    """The dose of one regimen for this patient, or unknown while the weight it needs is.

    Raises `LedgerDisagreement` when the independent recomputation gives another result.
    """
    weight = _weight_of(regimen, facts, dosing)
    if weight is UNKNOWN:
        return UNKNOWN
    ledger, weight_kg, basis = weight
    ledger = (*ledger, *_amount_step(regimen, ledger, weight_kg, basis))
    exact = ledger[-1].result if ledger else regimen.amount
    ledger, capped = _with_cap(regimen, ledger, exact)
    before_rounding = ledger[-1].result if ledger else exact
    rounding = _rounding_for(regimen, weight_kg)
    nearest = before_rounding if rounding is None else nearest_multiple(before_rounding, rounding)
    step_deviation = deviation_percent(before_rounding, nearest)
    part_vial = _is_beyond_limit(regimen, before_rounding, nearest)
    rounded = before_rounding if part_vial else nearest
    if rounding is not None and not part_vial:
        ledger = (
            *ledger,
            _rounding_step(regimen, ledger, rounding, before_rounding, rounded),
        )
    used_product = product if regimen.uses_product else None
    volume, vial_plan = None, None
    if used_product is not None:
        ledger, volume, vial_plan = _from_product(used_product, ledger, rounded, regimen.unit)
    elif regimen.volume_ml_per_unit is not None:
        volume = rounded * regimen.volume_ml_per_unit
    ledger_check.verify(ledger)
    low, high = _range(regimen, weight_kg, rounding)
    return Dose(
        regimen=regimen,
        exact=exact,
        capped=capped,
        rounded=rounded,
        unit=regimen.unit,
        deviation_percent=deviation_percent(before_rounding, rounded),
        step_deviation_percent=step_deviation,
        part_vial=part_vial,
        range_low=low,
        range_high=high,
        weight_kg=weight_kg if regimen.per is PerUnit.KG else None,
        weight_basis=basis if regimen.per is PerUnit.KG else "",
        product=used_product,
        volume_ml=volume,
        vial_plan=vial_plan,
        ledger=ledger,
    )


def nearest_multiple(amount: Decimal, rounding: RoundingStep) -> Decimal:
    """The nearest multiple of the row's step; the row says which way a tie goes."""
    ties = ROUND_HALF_DOWN if rounding.ties is Ties.DOWN else ROUND_HALF_UP
    return (amount / rounding.step).quantize(Decimal(1), rounding=ties) * rounding.step


def deviation_percent(before: Decimal, after: Decimal) -> Decimal:
    """How far rounding moved an amount, in percent of the amount before, shown to two decimals."""
    if before == after:
        return Decimal(0)
    return ((after - before) * PERCENT / before).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)


@lru_cache(maxsize=4096)
def fewest_vials(sizes_g: tuple[Decimal, ...], dose_g: Decimal) -> VialPlan:
    """The fewest vials that sum exactly to the dose, larger ones first; else the fewest that leave least over."""
    denominator = _common_denominator((*sizes_g, dose_g))
    sizes = sorted({int(size * denominator) for size in sizes_g}, reverse=True)
    wanted = int(dose_g * denominator)
    fewest: list[tuple[int, ...] | None] = [()]
    for total in range(1, wanted + sizes[0] + 1):
        best: tuple[int, ...] | None = None
        for size in sizes:
            before = fewest[total - size] if size <= total else None
            if before is not None and (best is None or len(before) + 1 < len(best)):
                best = (*before, size)
        fewest.append(best)
        if total >= wanted and best is not None:
            counts = tuple(
                (Decimal(size) / denominator, best.count(size)) for size in sizes if best.count(size)
            )
            return VialPlan(vials=counts, left_over_g=Decimal(total - wanted) / denominator)
    return VialPlan(vials=(), left_over_g=Decimal(0))


def _common_denominator(values: tuple[Decimal, ...]) -> int:
    exponents = (value.normalize().as_tuple().exponent for value in values)
    decimals = max(-exponent if isinstance(exponent, int) else 0 for exponent in exponents)
    return int(10 ** max(decimals, 0))


def _weight_of(
    regimen: Regimen, facts: Facts, dosing: DosingWeight | Unknown
) -> tuple[Ledger, Decimal | None, str] | Unknown:
    if regimen.weight is WeightBasis.DOSING:
        return UNKNOWN if dosing is UNKNOWN else (dosing.ledger, dosing.kg, dosing.basis)
    if regimen.weight is WeightBasis.ACTUAL:
        return UNKNOWN if facts.weight_kg is UNKNOWN else ((), facts.weight_kg, "actual")
    return (), None, ""


def _amount_step(
    regimen: Regimen, ledger: Ledger, weight_kg: Decimal | None, basis: str
) -> tuple[LedgerStep, ...]:
    if regimen.per is PerUnit.PATIENT or weight_kg is None:
        return ()
    kind = "dosing weight" if regimen.weight is WeightBasis.DOSING else "weight"
    name = f"{kind} ({basis.replace('_', ' ')})"
    weight = result_of(ledger, name) if ledger else Quantity(name=name, value=weight_kg, unit="kg")
    return (
        LedgerStep(
            name="Calculated amount",
            operation=Operation.PRODUCT,
            formula=f"{regimen.unit} per kg for each kg of {name}",
            inputs=(
                Quantity(name="per kg", value=regimen.amount, unit=f"{regimen.unit} per kg"),
                weight,
            ),
            result=regimen.amount * weight_kg,
            unit=regimen.unit,
            cites=regimen.basis.cites,
        ),
    )


def _with_cap(regimen: Regimen, ledger: Ledger, exact: Decimal) -> tuple[Ledger, bool]:
    if regimen.cap is None or not ledger:
        return ledger, False
    step = LedgerStep(
        name="Maximum",
        operation=Operation.LESSER,
        formula="the lesser of the calculated amount and the maximum",
        inputs=(
            result_of(ledger, "calculated amount"),
            Quantity(name="maximum", value=regimen.cap, unit=regimen.unit),
        ),
        result=min(exact, regimen.cap),
        unit=regimen.unit,
        cites=regimen.basis.cites,
    )
    return (*ledger, step), exact > regimen.cap


def _rounding_for(regimen: Regimen, weight_kg: Decimal | None) -> RoundingStep | None:
    if weight_kg is None:
        return None
    reached = [row for row in regimen.rounding if row.from_weight_kg <= weight_kg]
    return max(reached, key=lambda row: row.from_weight_kg, default=None)


def _is_beyond_limit(regimen: Regimen, before: Decimal, after: Decimal) -> bool:
    limit = regimen.deviation_limit_percent
    # Compared as products, so that no division decides a border.
    return limit is not None and abs(after - before) * PERCENT > limit * before


def _rounding_step(
    regimen: Regimen,
    ledger: Ledger,
    rounding: RoundingStep,
    before: Decimal,
    rounded: Decimal,
) -> LedgerStep:
    amount = (
        result_of(ledger, "amount") if ledger else Quantity(name="amount", value=before, unit=regimen.unit)
    )
    return LedgerStep(
        name="Rounded dose",
        operation=Operation.NEAREST_TIES_DOWN if rounding.ties is Ties.DOWN else Operation.NEAREST_TIES_UP,
        formula=f"the nearest multiple of the step, an exact half goes {rounding.ties}",
        inputs=(amount, Quantity(name="step", value=rounding.step, unit=regimen.unit)),
        result=rounded,
        unit=regimen.unit,
        cites=regimen.basis.cites,
    )


def _from_product(
    product: Product, ledger: Ledger, dose_g: Decimal, unit: str
) -> tuple[Ledger, Decimal, VialPlan]:
    dose = result_of(ledger, "dose") if ledger else Quantity(name="dose", value=dose_g, unit=unit)
    volume = formulas.volume_ml(grams=dose_g, percent=product.concentration_percent)
    volume_step = LedgerStep(
        name="Volume",
        operation=Operation.VOLUME,
        formula="grams times 100 divided by the concentration in percent",
        inputs=(
            dose,
            Quantity(
                name="concentration",
                value=product.concentration_percent,
                unit="percent",
            ),
        ),
        result=volume,
        unit="mL",
        cites=product.basis.cites,
    )
    plan = fewest_vials(product.vials_g, dose_g)
    return (*ledger, volume_step, *_vial_step(product, plan, unit)), volume, plan


def _vial_step(product: Product, plan: VialPlan, unit: str) -> tuple[LedgerStep, ...]:
    if not plan.vials:
        return ()
    inputs = []
    for size, count in plan.vials:
        inputs.append(Quantity(name="vial", value=size, unit=unit))
        inputs.append(Quantity(name="vials of this size", value=Decimal(count), unit=""))
    return (
        LedgerStep(
            name="Vials",
            operation=Operation.VIALS,
            formula="the sum of vial size times number of vials",
            inputs=tuple(inputs),
            result=sum((size * count for size, count in plan.vials), Decimal(0)),
            unit=unit,
            cites=product.basis.cites,
        ),
    )


def _range(
    regimen: Regimen, weight_kg: Decimal | None, rounding: RoundingStep | None
) -> tuple[Decimal | None, Decimal | None]:
    if regimen.amount_minimum is None or regimen.amount_maximum is None:
        return None, None
    factor = weight_kg if regimen.per is PerUnit.KG and weight_kg is not None else Decimal(1)
    low, high = (
        amount if regimen.cap is None else min(amount, regimen.cap)
        for amount in (regimen.amount_minimum * factor, regimen.amount_maximum * factor)
    )
    if rounding is None:
        return low, high
    return nearest_multiple(low, rounding), nearest_multiple(high, rounding)
