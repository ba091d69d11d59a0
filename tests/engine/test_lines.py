"""What follows from a patient and the proposed lines: ceilings of the rate, the course, the exposure."""

from dataclasses import replace
from typing import Any

import pytest

from protocols.engine import dosing
from protocols.engine.case import case_of
from protocols.engine.decision import evaluate
from protocols.engine.dosing import Dose
from protocols.engine.facts import UNKNOWN, Unknown
from protocols.engine.infusion import RatePlan, rate_plan
from protocols.engine.lines import propose, values_of, values_of_rate
from protocols.engine.protocol import (
    Branch,
    OrderKind,
    OrderTemplate,
    OverrideKind,
    OverridePolicy,
    Protocol,
    Role,
    Severity,
)
from protocols.engine.recommendation import Finding, Order, Recommendation

from .factory import PROTOCOL, TREAT_LINES, D, if_is, line, patient, product, sound_protocol

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


TREAT = next(branch for branch in PROTOCOL.branches if branch.key == "TREAT")


def treating(*lines: OrderTemplate) -> tuple[Protocol, Branch]:
    """The small protocol with a branch of these lines."""
    branch = replace(TREAT, orders=lines)
    others = tuple(row for row in PROTOCOL.branches if row.key != branch.key)
    return sound_protocol(branches=(*others, branch)), branch


def proposed(protocol: Protocol, branch: Branch, **facts: Any) -> list[tuple[Order, Finding | None]]:
    lines = propose(protocol, case_of(protocol, patient(**facts)), branch)
    return [(line.order, line.finding) for line in lines]


def test_line_is_what_its_row_says() -> None:
    row = replace(TREAT_LINES[0], group="one of them", start_after_minutes=7)
    protocol, branch = treating(row)

    ((order, finding),) = proposed(protocol, branch)

    assert isinstance(order.dose, Dose)
    assert (finding, order.template, order.is_held, order.waits_for) == (None, row, False, ())
    assert (order.code, order.kind, order.role) == ("T_IVIG", OrderKind.IVIG, Role.REQUIRED)
    assert (order.timing, order.group, order.start_after_minutes) == (row.timing, "one of them", 7)
    assert (order.text, order.cites) == ("Give T_IVIG", ("C10",))


def test_line_may_ask_for_its_own_branch() -> None:
    here = line("HERE", OrderKind.OTHER, Role.REQUIRED, when=if_is("branch", "TREAT"))
    elsewhere = line("ELSEWHERE", OrderKind.OTHER, Role.REQUIRED, when=if_is("branch", "WATCH"))
    protocol, branch = treating(here, elsewhere)

    assert [order.code for order, _ in proposed(protocol, branch)] == ["HERE"]


def test_line_that_no_regimen_doses_says_whom_to_call_and_nothing_lifts_it() -> None:
    row = line("T_ODD", OrderKind.IVIG, Role.REQUIRED, "F_NONE")

    ((order, finding),) = proposed(*treating(row))

    assert (order.dose, order.is_held, order.role) == (UNKNOWN, True, Role.OFFERED)
    assert finding == Finding(
        rule="NO_REGIMEN",
        number="NO_REGIMEN",
        severity=Severity.HARD,
        text="The protocol has no dose of Give T_ODD for this patient.",
        action="Call haematology for the dose.",
        override=OverridePolicy(kind=OverrideKind.NONE),
        effects=(),
        cites=("C10",),
    )


@pytest.mark.hazard("H06")
def test_dose_that_two_calculations_disagree_about_is_not_shown_and_stops_its_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dosing, "nearest_multiple", lambda *_: D("30.1"))

    ((order, finding),) = proposed(*treating(TREAT_LINES[0]))

    assert finding is not None
    assert (order.dose, order.is_held, order.role) == (UNKNOWN, True, Role.OFFERED)
    assert (finding.rule, finding.number, finding.severity) == ("LEDGER", "LEDGER", Severity.HARD)
    assert finding.text == "Two independent calculations of this dose disagree."
    told, _, why = finding.action.partition("; report it. ")
    assert told == "Do not order Give T_IVIG from this screen"
    assert "Rounded dose" in why
    assert (finding.override, finding.effects, finding.cites) == (
        OverridePolicy(kind=OverrideKind.NONE),
        (),
        ("C10",),
    )


def test_course_of_several_doses_counts_each_of_them() -> None:
    slow = replace(TREAT_LINES[1], role=Role.REQUIRED)
    protocol, branch = treating(slow)
    case = case_of(protocol, patient(first_ivig=True))

    found = values_of(protocol, case, [order for order, _ in proposed(protocol, branch)], None)

    assert (found["ivig_day_g_per_kg"], found["ivig_course_g_per_kg"]) == (D("0.2"), D("0.4"))


@pytest.mark.parametrize("role", [Role.REQUIRED, Role.OFFERED])
def test_kind_is_counted_by_its_required_line_else_by_its_first(role: Role) -> None:
    offered, slow = replace(TREAT_LINES[0], role=Role.OFFERED), replace(TREAT_LINES[1], role=role)
    protocol, branch = treating(offered, slow)
    case = case_of(protocol, patient(first_ivig=True))

    found = values_of(protocol, case, [order for order, _ in proposed(protocol, branch)], None)

    assert found["ivig_day_g_per_kg"] == (D("0.2") if role is Role.REQUIRED else D("0.5"))


@pytest.mark.hazard("H07")
@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"hours_since_last_ivig": D(5)}, {"repeat_too_early": True, "hours_until_repeat": D(15)}),
        ({"hours_since_last_ivig": D(20)}, {"repeat_too_early": False, "hours_until_repeat": D(0)}),
        ({"hours_since_last_ivig": D(21)}, {"repeat_too_early": False, "hours_until_repeat": D(0)}),
        ({"hours_since_last_ivig": UNKNOWN, "first_ivig": True}, {"repeat_too_early": False}),
        ({"hours_since_last_ivig": UNKNOWN, "first_ivig": False}, {}),
        ({"hours_since_last_ivig": UNKNOWN, "first_ivig": UNKNOWN}, {}),
    ],
)
def test_second_dose_is_told_how_long_it_has_to_wait(facts: dict[str, Any], expected: dict[str, Any]) -> None:
    case = case_of(PROTOCOL, patient(**facts))

    found = values_of(PROTOCOL, case, (), PROTOCOL.repeat_rules[0])

    told = {key: found[key] for key in ("repeat_too_early", "hours_until_repeat") if key in found}
    assert told == expected
