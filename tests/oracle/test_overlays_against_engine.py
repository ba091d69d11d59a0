"""What the oracle reads in the evidence and the engine does not do yet."""

from fractions import Fraction

import pytest

from protocols.engine.protocol import Protocol

from .dose import FIRST_EXPOSURE_ML_PER_KG_PER_H
from .patients import NO_RISK_STATED
from .test_against_engine import (
    Plain,
    adult_with,
    outcome_of,
    roles_not_held,
)


@pytest.mark.parametrize(
    "worse",
    [
        {"platelets_per_ul": 9_999},
        {"age_years": 60},
        {"bleeding_findings": ["melaena"]},
        {"who_bleeding_grade": 4},
    ],
)
def test_level_stated_below_what_the_facts_show_needs_haematology(protocol: Protocol, worse: Plain) -> None:
    said = outcome_of(protocol, adult_with(30_000, "none", False, False) | worse)

    severities = {finding["severity"] for finding in said["findings"] if "BLEED" in finding["rule"]}
    assert severities
    assert all(severity.startswith("hard") for severity in severities)


@pytest.mark.parametrize("gap_in_hours", [8 * 7 * 24 + 1, 8 * 7 * 24 * 2])
def test_gap_over_eight_weeks_is_capped_as_a_first_infusion(protocol: Protocol, gap_in_hours: int) -> None:
    history = {"first_ivig": False, "hours_since_last_ivig": gap_in_hours}

    facts = adult_with(12_000, "active", False, False, product="octagam_10") | NO_RISK_STATED | history

    plan = outcome_of(protocol, facts)["rate_plan"]

    assert max(Fraction(step["ml_per_kg_per_h"]) for step in plan["steps"]) == FIRST_EXPOSURE_ML_PER_KG_PER_H


@pytest.mark.parametrize("count", [5_000, 12_000, 30_000, 60_000])
@pytest.mark.parametrize("skin", [[], ["skin_only"]])
def test_child_without_bleeding_beyond_the_skin_is_observed(
    protocol: Protocol, count: int, skin: list[str]
) -> None:
    level = "risk_factors" if skin or count < 10_000 else "none"
    child = {"age_years": 5, "weight_kg": "18", "height_cm": "110", "bleeding_findings": skin}

    said = outcome_of(protocol, adult_with(count, level, False, False) | child)

    for kind in ("ivig", "corticosteroid", "platelets"):
        assert "required" not in roles_not_held(said, kind)


def test_vials_that_do_not_sum_to_the_dose_are_called_a_part_vial(protocol: Protocol) -> None:
    child = {"age_years": 3, "weight_kg": "17.4", "height_cm": "95", "product": "asceniv"}

    said = outcome_of(protocol, adult_with(12_000, "active", False, False) | child)

    dose = next(order["dose"] for order in said["orders"] if order["kind"] == "ivig")
    assert sum(Fraction(vial["size_g"]) * int(vial["count"]) for vial in dose["vials"]) > Fraction(
        dose["rounded"]
    )
    assert any(finding["rule"] == "HS-16-PART-VIAL" for finding in said["findings"])


@pytest.mark.parametrize("confirmed", [{}, {"low_count_confirmed": False}])
@pytest.mark.hazard("H09")
def test_clumped_count_of_a_bleeding_patient_is_not_acted_on_silently(
    protocol: Protocol, confirmed: Plain
) -> None:
    facts = adult_with(12_000, "active", False, False, clumps=True)
    del facts["low_count_confirmed"]

    said = outcome_of(protocol, facts | confirmed)

    assert said["outcome"] == "gated" or any(
        finding["rule"].startswith("HS-03") for finding in said["findings"]
    )


@pytest.mark.parametrize("count", [1_000_000, 2_000_000])
@pytest.mark.hazard("H01")
def test_count_of_a_million_in_a_bleeding_patient_asks_for_the_unit(protocol: Protocol, count: int) -> None:
    said = outcome_of(protocol, adult_with(count, "active", False, False))

    assert any(finding["rule"].startswith("HS-02") for finding in said["findings"])


@pytest.mark.parametrize(
    ("count", "level", "more", "is_treated"),
    [
        (29_999, "none", {}, True),
        (30_000, "none", {}, False),
        (60_000, "none", {}, False),
        (40_000, "risk_factors", {"bleeding_findings": [], "bleeding_risk_factors": ["falls_risk"]}, False),
        # Any symptomatic bleed is treated (1.7), and so is what the birth or an operation needs.
        (40_000, "risk_factors", {"bleeding_findings": ["skin_only"]}, True),
        (40_000, "active", {"bleeding_findings": ["epistaxis_over_30_min"]}, True),
        (40_000, "none", {"rapid_rise": True}, True),
        (40_000, "none", {"urgent_surgery": True, "procedure": "major_surgery"}, True),
    ],
)
def test_pregnancy_is_treated_below_30_or_with_a_symptomatic_bleed(
    protocol: Protocol, count: int, level: str, more: Plain, is_treated: bool
) -> None:
    asked = {"bleeding_findings": [], "bleeding_risk_factors": [], "who_bleeding_grade": 0}
    if more.get("bleeding_findings"):
        del asked["who_bleeding_grade"]
    woman = adult_with(count, level, False, False, **asked)

    said = outcome_of(protocol, woman | {"sex": "female", "age_years": 30, "pregnant": True} | more)

    assert ("required" in roles_not_held(said, "corticosteroid")) is is_treated
    assert is_treated or not roles_not_held(said, "ivig")
