"""What each dose must be, in exact fractions, from sections 1.7, 2.2 to 2.6, 3.1 and 4.1 of the evidence."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cache

Number = int | str | Decimal | Fraction

POLICIES = ("default", "ontario", "australia_2026", "actual")

SHORTEST_FOR_DEVINE_CM = Fraction("152.4")
SHORTEST_IN_AUSTRALIA_CM = Fraction(152)
OBESE_BMI = Fraction(30)


@dataclass(frozen=True, slots=True, kw_only=True)
class DosingWeight:
    """Kilograms to dose on, which weight they are, and what must be said beside them."""

    kg: Fraction
    basis: str
    flags: frozenset[str] = frozenset()


def ideal_weight_kg(sex: str, height_cm: Number) -> Fraction:
    """Devine (section 8)."""
    start = {"male": Fraction(50), "female": Fraction("45.5")}[sex]
    return start + Fraction("2.3") * (Fraction(height_cm) / Fraction("2.54") - 60)


def adjusted_weight_kg(sex: str, height_cm: Number, weight_kg: Number) -> Fraction:
    """Ideal weight and four tenths of what is over it (section 8)."""
    ideal = ideal_weight_kg(sex, height_cm)
    return ideal + Fraction("0.4") * (Fraction(weight_kg) - ideal)


def body_mass_index(weight_kg: Number, height_cm: Number) -> Fraction:
    """Kilograms per square metre (section 8)."""
    metres = Fraction(height_cm) / 100
    return Fraction(weight_kg) / (metres * metres)


def dosing_weight(
    *,
    policy: str,
    age_years: int,
    sex: str | None,
    weight_kg: Number,
    height_cm: Number | None = None,
    pregnant: bool | None = None,
    pre_pregnancy_weight_kg: Number | None = None,
) -> DosingWeight | None:
    """The weight to dose IVIG on; None where the formula needs a sex that nobody knows."""
    actual = Fraction(weight_kg)
    base, basis = actual, "actual"
    if pregnant and pre_pregnancy_weight_kg is not None:
        base, basis = Fraction(pre_pregnancy_weight_kg), "pre_pregnancy"
    height = None if height_cm is None else Fraction(height_cm)

    if policy == "actual":
        return DosingWeight(kg=actual, basis="actual")
    if policy == "default":
        return _house_default(base, basis, age_years, sex, height)
    if policy == "ontario":
        return _ontario(base, basis, age_years, sex, height)
    if policy == "australia_2026":
        return _australia(actual, age_years, sex, height, pregnant)
    raise ValueError(f"no such policy: {policy}")


def _house_default(
    base: Fraction, basis: str, age_years: int, sex: str | None, height: Fraction | None
) -> DosingWeight | None:
    if age_years < 18:
        return DosingWeight(kg=base, basis=basis)
    if height is None:
        return DosingWeight(kg=base, basis=basis, flags=frozenset({"HEIGHT_MISSING"}))
    if body_mass_index(base, height) < OBESE_BMI:
        return DosingWeight(kg=base, basis=basis)
    if height < SHORTEST_FOR_DEVINE_CM:
        return DosingWeight(kg=base, basis=basis, flags=frozenset({"SHORT_OBESE"}))
    if sex is None:
        return None
    adjusted = adjusted_weight_kg(sex, height, base)
    if adjusted < base:
        return DosingWeight(kg=adjusted, basis="adjusted")
    return DosingWeight(kg=base, basis=basis)


def _ontario(
    base: Fraction, basis: str, age_years: int, sex: str | None, height: Fraction | None
) -> DosingWeight | None:
    if age_years < 18 or height is None:
        return DosingWeight(kg=base, basis=basis)
    if body_mass_index(base, height) <= OBESE_BMI or height < SHORTEST_FOR_DEVINE_CM:
        return DosingWeight(kg=base, basis=basis)
    if sex is None:
        return None
    if base <= {"male": Fraction(50), "female": Fraction("45.5")}[sex]:
        return DosingWeight(kg=base, basis=basis)
    return DosingWeight(kg=adjusted_weight_kg(sex, height, base), basis="adjusted")


def _australia(
    actual: Fraction,
    age_years: int,
    sex: str | None,
    height: Fraction | None,
    pregnant: bool | None,
) -> DosingWeight | None:
    if age_years < 18 or pregnant or height is None or height < SHORTEST_IN_AUSTRALIA_CM:
        return DosingWeight(kg=actual, basis="actual")
    if sex is None:
        return None
    adjusted = adjusted_weight_kg(sex, height, actual)
    if actual < adjusted:
        return DosingWeight(kg=actual, basis="actual")
    return DosingWeight(kg=adjusted, basis="adjusted")


def nearest_ties_down(value: Number, step: Number) -> Fraction:
    """The nearest whole multiple of the step; a tie goes to the smaller one (2.4)."""
    amount, size = Fraction(value), Fraction(step)
    below = (amount // size) * size
    if amount - below > size / 2:
        return below + size
    return below


@dataclass(frozen=True, slots=True, kw_only=True)
class Grams:
    """An immunoglobulin dose before and after rounding."""

    exact: Fraction
    rounded: Fraction
    deviation_percent: Fraction
    part_vial: bool


def ivig_grams(dosing_weight_kg: Number, grams_per_kg: Number = 1) -> Grams:
    """Rounded to 5 g from 30 kg and 2.5 g below, and not at all if more than a tenth away (2.4, HS-16)."""
    weight = Fraction(dosing_weight_kg)
    exact = weight * Fraction(grams_per_kg)
    step = Fraction(5) if weight >= 30 else Fraction("2.5")
    rounded = nearest_ties_down(exact, step)
    deviation = (rounded - exact) / exact * 100
    if abs(deviation) > 10:
        return Grams(exact=exact, rounded=exact, deviation_percent=Fraction(0), part_vial=True)
    return Grams(exact=exact, rounded=rounded, deviation_percent=deviation, part_vial=False)


def volume_ml(grams: Number, concentration_percent: Number) -> Fraction:
    """10 % holds 10 g in 100 mL (2.4)."""
    return Fraction(grams) * 100 / Fraction(concentration_percent)


def fewest_vials(grams: Number, sizes_g: Sequence[Number]) -> int | None:
    """How few vials sum exactly to the dose, found by trying every sum; None when none does."""
    sizes = tuple(sorted(Fraction(size) for size in sizes_g))
    return _fewest_vials(Fraction(grams), sizes)


@cache
def _fewest_vials(grams: Fraction, sizes: tuple[Fraction, ...]) -> int | None:
    reached = {Fraction(0)}
    count = 0
    while reached:
        if grams in reached:
            return count
        reached = {total + size for total in reached for size in sizes if total + size <= grams}
        count += 1
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Milligrams:
    """A corticosteroid dose, before rounding and after rounding and cap."""

    exact: Fraction
    rounded: Fraction
    capped: bool


def prednisone_mg(actual_weight_kg: Number, mg_per_kg: Number = 1) -> Milligrams:
    """Actual weight, nearest 5 mg with ties down, never over 80 mg a day (4.1)."""
    exact = Fraction(actual_weight_kg) * Fraction(mg_per_kg)
    # Below 25 mg a step of 5 can be more than a tenth away, which HS-16 forbids; below 5 mg so can one of 1.
    step = Fraction(5 if exact >= 25 else 1 if exact >= 5 else Fraction(1, 2))
    rounded = min(nearest_ties_down(exact, step), Fraction(80))
    return Milligrams(exact=exact, rounded=rounded, capped=exact > 80)


PREDNISONE_IN_PREGNANCY_MG = (Fraction(10), Fraction(20))
DEXAMETHASONE_MG = Fraction(40)
DEXAMETHASONE_DAYS = 4
METHYLPREDNISOLONE_DAYS = 3


def methylprednisolone_mg(age_years: int, actual_weight_kg: Number) -> Milligrams:
    """1 g for an adult; 30 mg/kg for a child and never over that gram (4.1)."""
    if age_years >= 18:
        return Milligrams(exact=Fraction(1000), rounded=Fraction(1000), capped=False)
    exact = Fraction(actual_weight_kg) * 30
    return Milligrams(exact=exact, rounded=min(exact, Fraction(1000)), capped=exact > 1000)


def platelet_dose(age_years: int, actual_weight_kg: Number, adult_doses: int = 1) -> tuple[Fraction, str]:
    """Adult doses for an adult, a pack for a child of 15 kg or more, millilitres for a smaller one (3.1)."""
    if age_years >= 18:
        return Fraction(adult_doses), "adult dose"
    if Fraction(actual_weight_kg) >= 15:
        return Fraction(1), "adult dose"
    return Fraction(actual_weight_kg) * 10, "mL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """The label facts of 2.5 that a dose or a rate depends on; the steps are those of 2.6 where given."""

    concentration_percent: Fraction
    vials_g: tuple[Fraction, ...]
    steps_ml_per_kg_per_h: tuple[Fraction, ...]
    first_hold_minutes: int
    hold_minutes: int
    at_risk_ml_per_kg_per_h: Fraction
    steps_are_stated: bool


def _product(
    concentration: str,
    vials: str,
    steps: str,
    holds: tuple[int, int],
    at_risk: str,
    *,
    stated: bool = True,
) -> Product:
    return Product(
        concentration_percent=Fraction(concentration),
        vials_g=tuple(Fraction(size) for size in vials.split()),
        steps_ml_per_kg_per_h=tuple(Fraction(step) for step in steps.split()),
        first_hold_minutes=holds[0],
        hold_minutes=holds[1],
        at_risk_ml_per_kg_per_h=Fraction(at_risk),
        steps_are_stated=stated,
    )


# `stated=False`: the evidence gives the first and the last rate; the doubling between is this reader's.
PRODUCTS = {
    "Privigen": _product("10", "2.5 5 10 20 40", "0.3 0.6 1.2 2.4", (30, 30), "2.0"),
    "Gamunex-C": _product("10", "1 2.5 5 10 20 40", "0.6 1.2 2.4 4.8", (30, 30), "2.0"),
    "Gammagard Liquid": _product("10", "1 2.5 5 10 20 30", "0.5 1 2 4 5", (30, 30), "2.0"),
    "Kiovig": _product("10", "1 2.5 5 10 20 30", "0.5 1 2 4 6", (30, 30), "2.0"),
    "Gammagard S/D": _product("5", "5 10", "0.5 1 2 4", (30, 30), "4.0"),
    "Gammagard Liquid ERC": _product("10", "5 10", "0.5 1 2 4 5", (30, 30), "2.0"),
    "Octagam 10%": _product("10", "2 5 10 20 30", "0.6 1.2 2.4 4.8 7.2", (30, 30), "2.0"),
    "Panzyga": _product("10", "1 2.5 5 10 20 30", "0.6 1.2 2.4 4.8", (30, 30), "2.0"),
    "Flebogamma DIF 10%": _product("10", "5 10 20", "0.6 1.2 2.4 4.8", (30, 30), "2.0", stated=False),
    "Gammaplex 10%": _product("10", "5 10 20", "0.3 0.6 1.2 2.4 3.6 4.8", (15, 15), "2.0"),
    "Gammaplex 5%": _product("5", "2.5 5 10 20", "0.6 1.2 2.4 4.8", (15, 15), "4.0", stated=False),
    # +0.8 mg/kg/min at 10 % is +0.48 mL/kg/h; the last rise is cut to the labelled 6 mg/kg/min.
    "Bivigam": _product("10", "5 10", "0.3 0.78 1.26 1.74 2.22 2.7 3.18 3.6", (10, 20), "1.2"),
    "Asceniv": _product("10", "5", "0.3 0.6 1.2 2.4 4.8", (15, 15), "2.0", stated=False),
}

FIRST_EXPOSURE_ML_PER_KG_PER_H = Fraction("4.8")


@dataclass(frozen=True, slots=True, kw_only=True)
class RateStep:
    ml_per_kg_per_h: Fraction
    ml_per_h: Fraction
    minutes: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class RatePlan:
    steps: tuple[RateStep, ...]

    @property
    def total_minutes(self) -> Fraction:
        return sum((step.minutes for step in self.steps), Fraction(0))


def rate_plan(
    product: Product,
    dosing_weight_kg: Number,
    volume: Number,
    cap_ml_per_kg_per_h: Number | None = None,
) -> RatePlan:
    """Each rate held for its minutes, the last until the volume ends; a cap flattens what is above (2.6)."""
    weight, left = Fraction(dosing_weight_kg), Fraction(volume)
    cap = None if cap_ml_per_kg_per_h is None else Fraction(cap_ml_per_kg_per_h)
    steps: list[RateStep] = []
    last = len(product.steps_ml_per_kg_per_h) - 1
    for index, labelled in enumerate(product.steps_ml_per_kg_per_h):
        rate = labelled if cap is None else min(labelled, cap)
        ml_per_h = rate * weight
        to_the_end = left / ml_per_h * 60
        hold = Fraction(product.first_hold_minutes if index == 0 else product.hold_minutes)
        minutes = to_the_end if index == last else min(hold, to_the_end)
        steps.append(RateStep(ml_per_kg_per_h=rate, ml_per_h=ml_per_h, minutes=minutes))
        left -= ml_per_h * minutes / 60
        if left <= 0:
            break
    return RatePlan(steps=tuple(steps))


def continuous_ml_per_h(volume: Number) -> Fraction:
    """The whole dose evenly over a day (3.6)."""
    return Fraction(volume) / 24


def at_risk_reasons(
    *,
    age_years: int,
    weight_kg: Number,
    height_cm: Number | None = None,
    pregnant: bool | None = None,
    is_history_known: bool = True,
) -> frozenset[str]:
    """Which renal, thrombosis or overload factors of 5.2, 5.3 and 3.5 plain facts already show.

    What nobody has asked about counts as there: an unknown never lowers caution.
    """
    reasons: set[str] = set()
    if age_years >= 65:
        reasons.add("age")
    if height_cm is not None and body_mass_index(weight_kg, height_cm) >= OBESE_BMI:
        reasons.add("obesity")
    if pregnant:
        reasons.add("pregnancy")
    if age_years >= 18 and Fraction(weight_kg) < 50:
        reasons.add("low weight")
    if height_cm is None or not is_history_known:
        reasons.add("not known")
    return frozenset(reasons)
