"""The rate plan: pump settings in mL/h for one product and patient, never above the ceilings that hold."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_HALF_DOWN, ROUND_HALF_UP, Decimal
from typing import Final

from .arithmetic import exactly
from .protocol import Product

MINUTES_PER_HOUR: Final = 60


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
    """All steps of one infusion; `cap_ml_per_kg_per_h` is the ceiling that held, `is_at_risk` a reason."""

    product: Product
    steps: tuple[PlannedStep, ...]
    total_minutes: int
    volume_ml: Decimal
    cap_ml_per_kg_per_h: Decimal
    maximum_ml_per_h: Decimal
    is_at_risk: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Setting:
    """A pump rate to be held; without minutes until the volume is in."""

    ml_per_h: Decimal
    ml_per_kg_per_h: Decimal
    minutes: Decimal | None


@exactly
def rate_plan(
    *,
    product: Product,
    dosing_weight_kg: Decimal,
    volume_ml: Decimal,
    pump_step_ml_per_h: Decimal,
    is_at_risk: bool,
    ceiling_ml_per_kg_per_h: Decimal | None = None,
    infuse_over_minutes: int | None = None,
) -> RatePlan:
    """The product's steps for this weight, or one even rate where the regimen says how long to infuse.

    Rates are rounded down to the pump's step, so that all ceilings hold: the product's, the at-risk one, the
    given one. The last step runs until the volume is in. An infusion that ends early has fewer steps.
    """
    ceilings = [product.maximum_ml_per_kg_per_h]
    if is_at_risk:
        ceilings.append(product.at_risk_ml_per_kg_per_h)
    if ceiling_ml_per_kg_per_h is not None:
        ceilings.append(ceiling_ml_per_kg_per_h)
    cap = min(ceilings)
    maximum = _pump_rate(cap * dosing_weight_kg, pump_step_ml_per_h)
    if infuse_over_minutes is None:
        settings = _stepped(product, dosing_weight_kg, cap, pump_step_ml_per_h)
    else:
        even = _pump_rate(volume_ml * MINUTES_PER_HOUR / infuse_over_minutes, pump_step_ml_per_h)
        settings = _even(min(even, maximum), dosing_weight_kg)
    steps, total_minutes = _run(settings, volume_ml)
    return RatePlan(
        product=product,
        steps=steps,
        total_minutes=total_minutes,
        volume_ml=volume_ml,
        cap_ml_per_kg_per_h=cap,
        maximum_ml_per_h=maximum,
        is_at_risk=is_at_risk,
    )


@exactly
def restart_plan(
    *,
    product: Product,
    stopped: Product,
    dosing_weight_kg: Decimal,
    remaining_ml: Decimal,
    last_tolerated_ml_per_h: Decimal,
    share_of_last_tolerated: Decimal,
    pump_step_ml_per_h: Decimal,
    is_at_risk: bool,
    ceiling_ml_per_kg_per_h: Decimal | None = None,
) -> RatePlan:
    """How an infusion goes on after a reaction: the protocol's share of the rate last borne, never faster.

    With another product than the one that was stopped it begins anew at that product's first step; no step is
    faster than the share there either.
    """
    borne = last_tolerated_ml_per_h * share_of_last_tolerated / dosing_weight_kg
    ceilings = [borne] if ceiling_ml_per_kg_per_h is None else [borne, ceiling_ml_per_kg_per_h]
    plan = rate_plan(
        product=product,
        dosing_weight_kg=dosing_weight_kg,
        volume_ml=remaining_ml,
        pump_step_ml_per_h=pump_step_ml_per_h,
        is_at_risk=is_at_risk,
        ceiling_ml_per_kg_per_h=min(ceilings),
    )
    if product.key != stopped.key:
        return plan
    steps, total_minutes = _run(_even(plan.maximum_ml_per_h, dosing_weight_kg), remaining_ml)
    return replace(plan, steps=steps, total_minutes=total_minutes)


def infused_by(plan: RatePlan, minutes: int) -> Decimal:
    """What is in, in mL, so many minutes after the start."""
    infused = Decimal(0)
    for step in plan.steps:
        if step.starts_after_minutes + step.minutes > minutes:
            running = max(Decimal(0), minutes - step.starts_after_minutes)
            return infused + step.ml_per_h * running / MINUTES_PER_HOUR
        infused = step.running_volume_ml
    return infused


def _run(settings: tuple[_Setting, ...], volume_ml: Decimal) -> tuple[tuple[PlannedStep, ...], int]:
    """The steps of these settings, and the whole minutes they take together."""
    steps = tuple(_planned(settings, volume_ml))
    elapsed = steps[-1].starts_after_minutes + steps[-1].minutes
    return steps, int(elapsed.quantize(Decimal(1), rounding=ROUND_HALF_DOWN))


def _stepped(
    product: Product, weight_kg: Decimal, cap_ml_per_kg_per_h: Decimal, pump_step: Decimal
) -> tuple[_Setting, ...]:
    last = len(product.rate_steps) - 1
    per_kg = [min(row.ml_per_kg_per_h, cap_ml_per_kg_per_h) for row in product.rate_steps]
    return tuple(
        _Setting(
            ml_per_h=_pump_rate(per_kg[position] * weight_kg, pump_step),
            ml_per_kg_per_h=per_kg[position],
            minutes=None if position == last else Decimal(row.minutes),
        )
        for position, row in enumerate(product.rate_steps)
    )


def _even(ml_per_h: Decimal, weight_kg: Decimal) -> tuple[_Setting, ...]:
    per_kg = (ml_per_h / weight_kg).quantize(Decimal("0.001"), rounding=ROUND_HALF_UP)
    return (_Setting(ml_per_h=ml_per_h, ml_per_kg_per_h=per_kg, minutes=None),)


def _planned(settings: tuple[_Setting, ...], volume_ml: Decimal) -> Iterator[PlannedStep]:
    elapsed, infused = Decimal(0), Decimal(0)
    for setting in settings:
        if infused == volume_ml:
            break
        needed = (volume_ml - infused) * MINUTES_PER_HOUR / setting.ml_per_h
        minutes, is_last = setting.minutes, False
        if minutes is None or needed <= minutes:
            # Up to the next hundredth of a minute, so that the whole volume is in.
            minutes, is_last = needed.quantize(Decimal("0.01"), rounding=ROUND_CEILING), True
        infused = volume_ml if is_last else infused + setting.ml_per_h * minutes / MINUTES_PER_HOUR
        yield PlannedStep(
            ml_per_h=setting.ml_per_h,
            ml_per_kg_per_h=setting.ml_per_kg_per_h,
            starts_after_minutes=elapsed,
            minutes=minutes,
            running_volume_ml=infused,
        )
        elapsed += minutes


def _pump_rate(exact_ml_per_h: Decimal, step: Decimal) -> Decimal:
    settings = (exact_ml_per_h / step).quantize(Decimal(1), rounding=ROUND_DOWN)
    # A body so light that the rate is below one setting of the pump still gets the lowest setting's share.
    return settings * step if settings else exact_ml_per_h
