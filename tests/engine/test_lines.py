"""What follows from a patient and the proposed lines: ceilings of the rate, the course, the exposure."""

from dataclasses import replace
from typing import Any

import pytest

from protocols.engine.case import case_of
from protocols.engine.decision import evaluate
from protocols.engine.facts import UNKNOWN, Unknown
from protocols.engine.infusion import RatePlan, rate_plan
from protocols.engine.lines import values_of, values_of_rate
from protocols.engine.recommendation import Order, Recommendation

from .factory import PROTOCOL, D, patient, product

# On 50 kg the maximum of 4 mL per kg per hour is 200 mL per hour, and the at-risk cap of 2 is 100.
CASE = case_of(PROTOCOL, patient(weight_kg=D(50)))


def plan_at(ml_per_h: str, *, is_at_risk: bool = False) -> RatePlan:
    """A plan whose fastest step is set by hand, as a faulty planner could."""
    made = rate_plan(
        product=product("P", "10", "10"),
        dosing_weight_kg=D(50),
        volume_ml=D(500),
        pump_step_ml_per_h=D("0.1"),
        is_at_risk=is_at_risk,
    )
    first, *others = made.steps
    slow = tuple(replace(step, ml_per_h=D(1)) for step in others)
    return replace(made, steps=(*slow, replace(first, ml_per_h=D(ml_per_h))))


@pytest.mark.hazard("H05")
@pytest.mark.parametrize(
    ("ml_per_h", "is_at_risk", "above_maximum", "above_cap"),
    [
        ("200", False, False, False),
        ("200.1", False, True, False),
        ("100", True, False, False),
        ("100.1", True, False, True),
        ("200.1", True, True, True),
        ("1", True, False, False),
    ],
)
def test_plan_above_a_ceiling_is_told(
    ml_per_h: str, is_at_risk: bool, above_maximum: bool, above_cap: bool
) -> None:
    assert values_of_rate(CASE, plan_at(ml_per_h, is_at_risk=is_at_risk)) == {
        "rate_above_product_maximum": above_maximum,
        "rate_above_at_risk_cap": above_cap,
    }


def test_no_infusion_is_above_nothing_and_no_weight_leaves_it_open() -> None:
    nothing = {"rate_above_product_maximum": False, "rate_above_at_risk_cap": False}
    weightless = case_of(PROTOCOL, patient(weight_kg=UNKNOWN))

    assert values_of_rate(CASE, None) == nothing
    assert values_of_rate(CASE, replace(plan_at("1"), steps=())) == nothing
    assert values_of_rate(weightless, plan_at("200.1")) == {}


def lines_of(**facts: Any) -> tuple[Order, ...]:
    said = evaluate(PROTOCOL, patient(**facts))
    assert isinstance(said, Recommendation)
    return said.orders


@pytest.mark.hazard("H07")
@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"first_ivig": True, "ivig_last_7_days_g_per_kg": UNKNOWN}, D("0.5")),
        ({"first_ivig": False, "ivig_last_7_days_g_per_kg": D("0.3")}, D("0.8")),
        ({"first_ivig": False, "ivig_last_7_days_g_per_kg": UNKNOWN}, None),
        ({"first_ivig": UNKNOWN, "ivig_last_7_days_g_per_kg": UNKNOWN}, None),
    ],
)
def test_course_is_what_was_given_and_what_is_proposed(facts: dict[str, Any], expected: Any) -> None:
    case = case_of(PROTOCOL, patient(**facts))

    found = values_of(PROTOCOL, case, lines_of(**facts), None)

    assert found["ivig_day_g_per_kg"] == D("0.5")
    assert found.get("ivig_course_g_per_kg") == expected


@pytest.mark.parametrize(("age", "is_told"), [(17, False), (18, True)])
def test_kidney_function_is_told_from_the_age_its_equation_is_for(age: int, is_told: bool) -> None:
    asked = {"creatinine_umol_per_l": D(80), "sex": "female"}

    values = case_of(PROTOCOL, patient(age_years=age, **asked)).values

    assert ("egfr" in values) is is_told


@pytest.mark.parametrize(
    ("facts", "exposure"),
    [
        ({"first_ivig": True}, "first"),
        ({"first_ivig": False, "hours_since_last_ivig": D(1), "last_product": "P10"}, "same_brand"),
        ({"first_ivig": False, "hours_since_last_ivig": D(1), "last_product": "OTHER"}, "new_brand"),
    ],
)
def test_exposure_is_a_value_of_the_case_for_its_product(facts: dict[str, Any], exposure: str) -> None:
    assert case_of(PROTOCOL, patient(product="P10", **facts)).values["ivig_exposure"] == exposure


def test_flags_of_the_weight_are_values_of_the_case() -> None:
    case = case_of(PROTOCOL, patient(height_cm=UNKNOWN))

    assert not isinstance(case.weight, Unknown)
    assert case.values["weight_flags"] == case.weight.flags
