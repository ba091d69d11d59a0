"""The rate plan: pump settings in mL/h for one product and patient, never above the product's ceiling."""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_HALF_DOWN, Decimal

from .protocol import Product, RateStep

MINUTES_PER_HOUR = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStep:
    """One pump setting, how long it runs and what has gone in when it ends."""

    ml_per_h: Decimal
    ml_per_kg_per_h: Decimal
    starts_after_minutes: Decimal
    minutes: Decimal
    running_volume_ml: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class RatePlan:
    """All steps of one infusion. `cap_ml_per_kg_per_h` is the ceiling that held, `is_at_risk` why it was lowered."""

    product: Product
    steps: tuple[PlannedStep, ...]
    total_minutes: int
    volume_ml: Decimal
    cap_ml_per_kg_per_h: Decimal
    maximum_ml_per_h: Decimal
    is_at_risk: bool


def rate_plan(
    *,
    product: Product,
    dosing_weight_kg: Decimal,
    volume_ml: Decimal,
    pump_step_ml_per_h: Decimal,
    is_at_risk: bool,
) -> RatePlan:
    """The product's steps for this weight; rates are rounded down to the pump's step, so a ceiling always holds.

    The last step runs until the volume is in. An infusion that ends early has fewer steps.
    """
    cap = product.maximum_ml_per_kg_per_h
    if is_at_risk:
        cap = min(cap, product.at_risk_ml_per_kg_per_h)
    steps: list[PlannedStep] = []
    elapsed, infused = Decimal(0), Decimal(0)
    for position, row in enumerate(product.rate_steps):
        rate_per_kg = min(row.ml_per_kg_per_h, cap)
        rate = _pump_rate(rate_per_kg * dosing_weight_kg, pump_step_ml_per_h)
        is_last = position == len(product.rate_steps) - 1
        minutes = _minutes_of(row, rate, volume_ml - infused, is_last)
        infused = min(volume_ml, infused + rate * minutes / MINUTES_PER_HOUR)
        steps.append(
            PlannedStep(
                ml_per_h=rate,
                ml_per_kg_per_h=rate_per_kg,
                starts_after_minutes=elapsed,
                minutes=minutes,
                running_volume_ml=infused,
            )
        )
        elapsed += minutes
        if infused >= volume_ml:
            break
    return RatePlan(
        product=product,
        steps=tuple(steps),
        total_minutes=int(elapsed.quantize(Decimal(1), rounding=ROUND_HALF_DOWN)),
        volume_ml=volume_ml,
        cap_ml_per_kg_per_h=cap,
        maximum_ml_per_h=_pump_rate(cap * dosing_weight_kg, pump_step_ml_per_h),
        is_at_risk=is_at_risk,
    )


def _pump_rate(exact_ml_per_h: Decimal, step: Decimal) -> Decimal:
    settings = (exact_ml_per_h / step).quantize(Decimal(1), rounding=ROUND_DOWN)
    # A body so light that the rate is below one setting of the pump still gets the lowest setting's share.
    return settings * step if settings else exact_ml_per_h


def _minutes_of(row: RateStep, rate: Decimal, left_ml: Decimal, is_last: bool) -> Decimal:
    needed = left_ml * MINUTES_PER_HOUR / rate
    if is_last or needed <= row.minutes:
        # Up to the next hundredth of a minute, so that the whole volume is in.
        return needed.quantize(Decimal("0.01"), rounding=ROUND_CEILING)
    return Decimal(row.minutes)
