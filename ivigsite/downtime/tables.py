"""The numbers of the downtime pack, each asked of the engine: doses by weight, vials, pump rates.

A table must be read right by somebody in a hurry, so that a weight between two rows always has the row above
it as its answer: the smaller dose, the slower rate.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from itertools import groupby
from typing import Final

from protocols.engine.anaphylaxis import adrenaline_dose
from protocols.engine.dosing import Dose, compute_dose
from protocols.engine.facts import Facts, Unknown
from protocols.engine.infusion import PlannedStep, RatePlan, rate_plan
from protocols.engine.lines import FIRST_EXPOSURE_RATE
from protocols.engine.lookup import of
from protocols.engine.protocol import InputLimit, PerUnit, Product, Protocol, Regimen, WeightPolicy
from protocols.engine.weight import dosing_weight

WEIGHT: Final = "weight_kg"
HEIGHT: Final = "height_cm"
ADULT: Final = "adult"
TENTH: Final = Decimal("0.1")
# Which weights and heights are printed; between them the row above holds.
FINE_STEP_KG, COARSE_STEP_KG, COARSE_FROM_KG = 5, 10, 100
HEIGHT_STEP_CM: Final = 5
ADRENALINE_WEIGHTS_KG: Final = (5, 10, 15, 20, 25, 30, 40, 50)


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseBand:
    """From one weight up to another, to a tenth of a kg, the dose is the same."""

    from_kg: Decimal
    to_kg: Decimal
    dose: Dose
    even_ml_per_h: Decimal | None = None
    """The pump's one rate, where the regimen says how long to infuse."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RateRow:
    """The pump's settings for one dosing weight."""

    weight_kg: Decimal
    plan: RatePlan


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjustedRow:
    """The dosing weights for one actual weight, a column for each height; None: the actual weight holds."""

    weight_kg: Decimal
    dosing_kg: tuple[Decimal | None, ...]


def weight_range(protocol: Protocol) -> tuple[Decimal, Decimal]:
    """The weights that are plausible in an adult; outside them there is no table."""
    return _soft_range(_limit(protocol, WEIGHT))


def dose_bands(protocol: Protocol, regimen: Regimen, product: Product | None = None) -> tuple[DoseBand, ...]:
    """Every dose of a regimen per kg, with the weights it is for.

    Where rounding would move the dose too far the engine keeps the exact amount, which is another at each
    tenth of a kg: these weights stand one by one, at each whole kg and where they begin.
    """
    least, most = (int(kg * 10) for kg in weight_range(protocol))
    policy = of(protocol).policies[protocol.default_policy]
    doses = _Doses(regimen, policy, product)
    return tuple(
        DoseBand(
            from_kg=Decimal(start) * TENTH,
            to_kg=Decimal(end) * TENTH,
            dose=doses.at(start),
            even_ml_per_h=_even_rate(protocol, doses.at(start)),
        )
        for start, end in _shown(doses, least, most)
    )


def rate_rows(protocol: Protocol, product: Product, *, is_at_risk: bool) -> tuple[RateRow, ...]:
    """The pump's settings for each printed weight, as a first exposure: nobody can look up an earlier one."""
    regimen = first_regimen(protocol)
    parameters = of(protocol).parameters
    policy = of(protocol).policies[protocol.default_policy]
    doses = _Doses(regimen, policy, product)
    rows = []
    for kg in printed_weights(protocol):
        volume_ml = doses.at(int(kg * 10)).volume_ml
        if volume_ml is None:
            raise ValueError(f"{regimen.key} has no volume in {product.key}")
        plan = rate_plan(
            product=product,
            dosing_weight_kg=kg,
            volume_ml=volume_ml,
            pump_step_ml_per_h=parameters["pump_rate_step_ml_per_h"],
            is_at_risk=is_at_risk,
            ceiling_ml_per_kg_per_h=parameters.get(FIRST_EXPOSURE_RATE),
        )
        rows.append(RateRow(weight_kg=kg, plan=plan))
    return tuple(rows)


def settings_of(plan: RatePlan) -> tuple[tuple[PlannedStep, Decimal], ...]:
    """The rates that differ, each with its minutes; the steps held at a ceiling are one."""
    runs = [list(run) for _, run in groupby(plan.steps, key=lambda step: step.ml_per_h)]
    return tuple((run[0], sum((step.minutes for step in run), Decimal(0))) for run in runs)


def adjusted_rows(protocol: Protocol, sex: str) -> tuple[tuple[Decimal, ...], tuple[AdjustedRow, ...]]:
    """Heights and the dosing weights under them, to a tenth below; nothing where the policy adjusts none."""
    policy = of(protocol).policies[protocol.default_policy]
    low, high = _soft_range(_limit(protocol, HEIGHT))
    heights = tuple(Decimal(cm) for cm in _multiples(low, high, HEIGHT_STEP_CM))
    rows = (
        AdjustedRow(
            weight_kg=kg,
            dosing_kg=tuple(_adjusted(policy, kg=kg, height_cm=cm, sex=sex) for cm in heights),
        )
        for kg in printed_weights(protocol)
    )
    wanted = tuple(row for row in rows if any(kg is not None for kg in row.dosing_kg))
    used = [position for position in range(len(heights)) if any(row.dosing_kg[position] for row in wanted)]
    return (
        tuple(heights[position] for position in used),
        tuple(
            AdjustedRow(
                weight_kg=row.weight_kg, dosing_kg=tuple(row.dosing_kg[position] for position in used)
            )
            for row in wanted
        ),
    )


def adrenaline_rows(protocol: Protocol) -> tuple[tuple[Decimal, Decimal], ...]:
    """Weight in kg and dose in mg."""
    parameters = of(protocol).parameters
    doses = (adrenaline_dose(weight_kg=Decimal(kg), parameters=parameters) for kg in ADRENALINE_WEIGHTS_KG)
    return tuple(
        (dose.weight_kg, dose.mg)
        for dose in doses
        if not isinstance(dose.weight_kg, Unknown) and not isinstance(dose.mg, Unknown)
    )


def printed_weights(protocol: Protocol) -> tuple[Decimal, ...]:
    least, most = weight_range(protocol)
    fine = [kg for kg in _multiples(least, most, FINE_STEP_KG) if kg < COARSE_FROM_KG]
    return tuple(
        map(Decimal, (*fine, *_multiples(max(least, Decimal(COARSE_FROM_KG)), most, COARSE_STEP_KG)))
    )


def first_regimen(protocol: Protocol) -> Regimen:
    """The immunoglobulin regimen with the largest dose; its steps are those of all the others."""
    return max(
        (row for row in immunoglobulin(protocol) if row.infuse_over_minutes is None),
        key=lambda row: row.amount,
    )


def immunoglobulin(protocol: Protocol) -> tuple[Regimen, ...]:
    """The regimens per kg that come from vials."""
    return tuple(row for row in protocol.regimens if row.uses_product and row.per is PerUnit.KG)


def dosed_alike(regimens: Iterable[Regimen]) -> tuple[tuple[Regimen, ...], ...]:
    """Regimens whose one dose is the same at every weight, together: they share a table."""
    groups: dict[tuple[object, ...], list[Regimen]] = {}
    for row in regimens:
        same = (
            row.drug,
            row.amount,
            row.unit,
            row.weight,
            row.rounding,
            row.deviation_limit_percent,
            row.cap,
        )
        groups.setdefault(same, []).append(row)
    return tuple(tuple(group) for group in groups.values())


class _Doses:
    """The doses of one regimen by weight in tenths of a kg, each worked out once."""

    def __init__(self, regimen: Regimen, policy: WeightPolicy, product: Product | None) -> None:
        self._regimen, self._policy, self._product = regimen, policy, product
        self._known: dict[int, Dose] = {}

    def at(self, tenths: int) -> Dose:
        if tenths not in self._known:
            facts = Facts(weight_kg=Decimal(tenths) * TENTH)
            dose = compute_dose(
                regimen=self._regimen,
                facts=facts,
                dosing=dosing_weight(self._policy, facts),
                product=self._product,
            )
            if isinstance(dose, Unknown):
                raise ValueError(f"{self._regimen.key} cannot be dosed by weight alone")
            self._known[tenths] = dose
        return self._known[tenths]

    def are_alike(self, one: int, other: int) -> bool:
        first, second = self.at(one), self.at(other)
        return (first.rounded, first.part_vial) == (second.rounded, second.part_vial)


def _shown(doses: _Doses, least: int, most: int) -> Iterator[tuple[int, int]]:
    start = least
    begins_a_run = True
    while start <= most:
        end = start if doses.at(start).part_vial else _last_like(doses, start, most)
        is_single = doses.at(start).part_vial
        if not is_single or begins_a_run or start % 10 == 0:
            yield start, end
        begins_a_run = not is_single
        start = end + 1


def _last_like(doses: _Doses, start: int, most: int) -> int:
    """The last weight with the dose of the first one.

    A heavier patient never gets a smaller dose, and rounding that gives way does so between two doses; so the
    first that differs ends the band. Looked for in growing strides and then by halves.
    """
    stride = 1
    while start + stride <= most and doses.are_alike(start, start + stride):
        stride *= 2
    low, high = start + stride // 2, min(start + stride, most + 1)
    while high - low > 1:
        middle = (low + high) // 2
        if doses.are_alike(start, middle):
            low = middle
        else:
            high = middle
    return low


def _even_rate(protocol: Protocol, dose: Dose) -> Decimal | None:
    minutes, product = dose.regimen.infuse_over_minutes, dose.product
    if minutes is None or product is None or dose.volume_ml is None or dose.weight_kg is None:
        return None
    parameters = of(protocol).parameters
    plan = rate_plan(
        product=product,
        dosing_weight_kg=dose.weight_kg,
        volume_ml=dose.volume_ml,
        pump_step_ml_per_h=parameters["pump_rate_step_ml_per_h"],
        is_at_risk=True,
        ceiling_ml_per_kg_per_h=parameters.get(FIRST_EXPOSURE_RATE),
        infuse_over_minutes=minutes,
    )
    return plan.steps[0].ml_per_h


def _adjusted(policy: WeightPolicy, *, kg: Decimal, height_cm: Decimal, sex: str) -> Decimal | None:
    facts = Facts(
        weight_kg=kg, height_cm=height_cm, sex=sex, age_years=policy.adult_from_years, pregnant=False
    )
    found = dosing_weight(policy, facts)
    if isinstance(found, Unknown) or found.basis != "adjusted":
        return None
    return found.kg.quantize(TENTH, rounding=ROUND_DOWN)


def _limit(protocol: Protocol, fact: str) -> InputLimit:
    return next(row for row in protocol.input_limits if row.fact == fact and row.population == ADULT)


def _soft_range(limit: InputLimit) -> tuple[Decimal, Decimal]:
    low = limit.minimum if limit.soft_minimum is None else limit.soft_minimum
    high = limit.maximum if limit.soft_maximum is None else limit.soft_maximum
    return low, high


def _multiples(low: Decimal, high: Decimal, step: int) -> Iterator[int]:
    first = -(-int(low) // step) * step
    return iter(range(first, int(high) + 1, step))
