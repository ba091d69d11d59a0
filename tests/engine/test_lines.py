"""Whether a planned infusion passes a ceiling, asked of the plan itself and not of how it was made."""

from dataclasses import replace

import pytest

from protocols.engine.case import case_of
from protocols.engine.facts import UNKNOWN
from protocols.engine.infusion import RatePlan, rate_plan
from protocols.engine.lines import values_of_rate

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
