"""The lines a branch proposes for one patient, each dosed, and what they come to for the safety rules."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from . import lookup
from .case import Case
from .conditions import Predicate, Values
from .cumulative import numbers_of, vaccine_months
from .dosing import Dose, compute_dose
from .facts import UNKNOWN, Facts, Unknown
from .infusion import RatePlan, rate_plan
from .ledger_check import LedgerDisagreement
from .protocol import (
    Branch,
    CapKind,
    OrderKind,
    OrderTemplate,
    OverrideKind,
    OverridePolicy,
    Protocol,
    Regimen,
    RepeatRule,
    Role,
    Severity,
)
from .recommendation import Finding, Order
from .weight import DosingWeight

LEDGER_RULE: Final = "LEDGER"
NO_REGIMEN_RULE: Final = "NO_REGIMEN"
# A parameter that a protocol may leave out; without it a first exposure is like any other.
FIRST_EXPOSURE_RATE: Final = "first_exposure_max_ml_per_kg_per_h"

Asks = tuple[tuple[str, str], ...]
"""Facts to ask, each with what its answer could change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One proposed line, why it cannot be dosed if so, and the facts it waits for."""

    order: Order
    finding: Finding | None
    asks: Asks


def propose(protocol: Protocol, case: Case, branch: Branch) -> tuple[Line, ...]:
    """The lines of the branch that apply or may apply; one that may is shown and never arrives ticked."""
    values = {**case.values, "branch": branch.key}
    lines = []
    for predicate, template in lookup.of(protocol).orders[branch.key]:
        truth = predicate(values)
        if truth is True:
            lines.append(_line(protocol, case, values, template, template.role, ()))
        elif truth is UNKNOWN:
            lines.append(_line(protocol, case, values, template, Role.OFFERED, predicate.missing(values)))
    return tuple(lines)


def values_of(
    protocol: Protocol, case: Case, orders: Sequence[Order], repeat: RepeatRule | None
) -> dict[str, Any]:
    """What the proposed lines come to: kinds, grams per kg, days, and what has to wait for how long."""
    doses = (order.dose for order in orders)
    values: dict[str, Any] = {
        "order_kinds": tuple(dict.fromkeys(order.kind.value for order in orders)),
        "order_drugs": tuple(dict.fromkeys(dose.regimen.drug for dose in doses if isinstance(dose, Dose))),
    }
    values |= _ivig_values(case.facts, _main(orders, OrderKind.IVIG))
    values |= _steroid_values(_main(orders, OrderKind.CORTICOSTEROID))
    values |= _vaccine_values(protocol, values)
    return values | _repeat_values(case.facts, repeat)


def values_of_rate(case: Case, plan: RatePlan | None) -> dict[str, Any]:
    """Whether the planned infusion passes a ceiling."""
    if isinstance(case.weight, Unknown):
        return {}
    fastest = max((step.ml_per_h for step in plan.steps), default=Decimal(0)) if plan else Decimal(0)
    ceilings = () if plan is None else (plan.product.maximum_ml_per_kg_per_h,)
    capped = () if plan is None or not plan.is_at_risk else (plan.product.at_risk_ml_per_kg_per_h,)
    return {
        "rate_above_product_maximum": any(fastest > rate * case.weight.kg for rate in ceilings),
        "rate_above_at_risk_cap": any(fastest > rate * case.weight.kg for rate in capped),
    }


def plan_for(
    protocol: Protocol,
    order: Order,
    weight: DosingWeight,
    *,
    is_at_risk: bool,
    is_first_exposure: bool = True,
) -> RatePlan | None:
    """The rate plan of one order line, or None for a line that no product and rate belong to.

    Where nobody says otherwise it is planned as a first exposure, which is the slower one.
    """
    dose = order.dose
    if not isinstance(dose, Dose) or dose.product is None or dose.volume_ml is None:
        return None
    parameters = lookup.of(protocol).parameters
    return rate_plan(
        product=dose.product,
        dosing_weight_kg=weight.kg,
        volume_ml=dose.volume_ml,
        pump_step_ml_per_h=parameters["pump_rate_step_ml_per_h"],
        is_at_risk=is_at_risk,
        ceiling_ml_per_kg_per_h=parameters.get(FIRST_EXPOSURE_RATE) if is_first_exposure else None,
        infuse_over_minutes=dose.regimen.infuse_over_minutes,
    )


def _line(
    protocol: Protocol,
    case: Case,
    values: Values,
    template: OrderTemplate,
    role: Role,
    missing: tuple[str, ...],
) -> Line:
    dose: Dose | Unknown | None = None
    finding: Finding | None = None
    if template.regimen:
        regimen, waits_for = _regimen(lookup.of(protocol).families.get(template.regimen, ()), values)
        dose, finding = _dose(case, template, regimen)
        missing = tuple(dict.fromkeys((*missing, *waits_for, *_weight_to_ask(case, dose))))
    order = Order(
        code=template.key,
        kind=template.kind,
        role=role if finding is None or role is not Role.REQUIRED else Role.OFFERED,
        timing=template.timing,
        group=template.group,
        start_after_minutes=template.start_after_minutes,
        text=template.text,
        template=template,
        dose=dose,
        waits_for=missing,
        is_held=finding is not None,
        cites=template.basis.cites,
    )
    return Line(order=order, finding=finding, asks=tuple((fact, template.text) for fact in missing))


def _regimen(
    members: Sequence[tuple[Predicate, Regimen]], values: Values
) -> tuple[Regimen | None, tuple[str, ...]]:
    """The family's first member that holds, with the facts that could still make it an earlier one.

    Where none is sure, the first that may hold. None where nothing applies.
    """
    missing: tuple[str, ...] = ()
    first_possible: Regimen | None = None
    for predicate, regimen in members:
        truth = predicate(values)
        if truth is True:
            return regimen, missing
        if truth is UNKNOWN:
            missing = (*missing, *predicate.missing(values))
            first_possible = first_possible or regimen
    return first_possible, missing


def _dose(
    case: Case, template: OrderTemplate, regimen: Regimen | None
) -> tuple[Dose | Unknown, Finding | None]:
    if regimen is None:
        text = f"The protocol has no dose of {template.text} for this patient."
        return UNKNOWN, _blocking(NO_REGIMEN_RULE, template, text, "Call haematology for the dose.")
    try:
        return (
            compute_dose(regimen=regimen, facts=case.facts, dosing=case.weight, product=case.product),
            None,
        )
    except LedgerDisagreement as disagreement:
        text = "Two independent calculations of this dose disagree."
        action = f"Do not order {template.text} from this screen; report it. {disagreement}"
        return UNKNOWN, _blocking(LEDGER_RULE, template, text, action)


def _blocking(rule: str, template: OrderTemplate, text: str, action: str) -> Finding:
    return Finding(
        rule=rule,
        number=rule,
        severity=Severity.HARD,
        text=text,
        action=action,
        override=OverridePolicy(kind=OverrideKind.NONE),
        effects=(),
        cites=template.basis.cites,
    )


def _weight_to_ask(case: Case, dose: Dose | Unknown) -> tuple[str, ...]:
    return ("weight_kg",) if dose is UNKNOWN and case.facts.weight_kg is UNKNOWN else ()


def _main(orders: Sequence[Order], kind: OrderKind) -> Order | None:
    """The line of a kind that stands for it: the required one, else the first."""
    lines = [order for order in orders if order.kind is kind]
    return next((order for order in lines if order.role is Role.REQUIRED), lines[0] if lines else None)


def _ivig_values(facts: Facts, order: Order | None) -> dict[str, Any]:
    """Grams per kg as prescribed, before rounding; a patient without a line gets none."""
    day = course = deviation = left_over = Decimal(0)
    if order is not None:
        if not isinstance(order.dose, Dose):
            return {}
        regimen = order.dose.regimen
        day, course = regimen.amount, regimen.amount * regimen.doses
        deviation = abs(order.dose.step_deviation_percent)
        plan = order.dose.vial_plan
        left_over = plan.left_over_g if plan is not None else left_over
    values = {
        "ivig_day_g_per_kg": day,
        "ivig_deviation_percent": deviation,
        "ivig_left_over_g": left_over,
    }
    before = facts.ivig_last_7_days_g_per_kg
    if before is UNKNOWN and facts.first_ivig is True:
        before = Decimal(0)
    return values if before is UNKNOWN else values | {"ivig_course_g_per_kg": before + course}


def _steroid_values(order: Order | None) -> dict[str, Any]:
    if order is None:
        return {"steroid_days": 0, "prednisone_uncapped_mg": Decimal(0)}
    if not isinstance(order.dose, Dose):
        return {}
    regimen = order.dose.regimen
    # The soft cap is the one of predniSONE, which haematology may lift.
    values = {"prednisone_uncapped_mg": order.dose.exact if regimen.cap_kind is CapKind.SOFT else Decimal(0)}
    return values if regimen.duration_days is None else values | {"steroid_days": regimen.duration_days}


def _vaccine_values(protocol: Protocol, values: Values) -> dict[str, Any]:
    """The longest interval that these lines ask of a live vaccine; no line, no interval."""
    numbers = numbers_of(lookup.of(protocol).parameters)
    if numbers is None:
        return {}
    if OrderKind.IVIG.value in values["order_kinds"]:
        return {"live_vaccine_months": vaccine_months(values.get("ivig_course_g_per_kg", UNKNOWN), numbers)}
    if OrderKind.PLATELETS.value in values["order_kinds"]:
        return {"live_vaccine_months": int(numbers["live_vaccine_platelets_months"])}
    return {}


def _repeat_values(facts: Facts, repeat: RepeatRule | None) -> dict[str, Any]:
    """Whether a second dose comes too early, and for how long it still does."""
    if repeat is None:
        return {"repeat_too_early": False}
    if facts.hours_since_last_ivig is UNKNOWN:
        return {"repeat_too_early": False} if facts.first_ivig is True else {}
    left = repeat.earliest_hours - facts.hours_since_last_ivig
    return {"repeat_too_early": left > 0, "hours_until_repeat": max(left, Decimal(0))}
