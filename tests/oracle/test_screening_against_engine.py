"""The panel of evidence 5.1: what must be sampled before what, and who waits for it, as plain ifs."""

from itertools import product

import pytest

from protocols.engine.protocol import Protocol

from .test_against_engine import ADULT, Plain, adult_with, outcome_of

CRITICAL = ("active_cns_gi_gu", "life_threatening")
TAKEN: Plain = {
    "group_and_screen_taken": True,
    "serology_sample_taken": True,
    "iga_g_per_l": "1.2",
    "creatinine_umol_per_l": "80",
    "creatinine_age_hours": "10",
    "renal_risk_factors": [],
    "thrombosis_risk_factors": [],
    "first_ivig": True,
    "baseline_samples": ["smear", "coagulation", "haemolysis", "electrolytes", "glucose", "liver"],
}


def states(protocol: Protocol, level: str, **changes: object) -> dict[str, str]:
    facts = adult_with(21_000, level, False, False) | TAKEN | changes
    said = outcome_of(protocol, {key: value for key, value in facts.items() if value is not None})
    return {item["key"]: item["state"] for item in said["screening"]}


@pytest.mark.hazard("H10")
@pytest.mark.parametrize("level", ["risk_factors", "active", *CRITICAL])
def test_everything_taken_is_in_order_and_adds_no_line(protocol: Protocol, level: str) -> None:
    assert set(states(protocol, level).values()) == {"done"}


@pytest.mark.hazard("H10")
@pytest.mark.parametrize(
    ("level", "first"), list(product(("risk_factors", "active", *CRITICAL), (True, None)))
)
def test_iga_is_waited_for_before_a_first_dose_unless_bleeding_is_critical(
    protocol: Protocol, level: str, first: bool | None
) -> None:
    state = states(protocol, level, iga_g_per_l=None, first_ivig=first)["IGA"]

    assert state == ("send" if level in CRITICAL else "waits")


def test_iga_is_not_asked_of_somebody_who_had_immunoglobulin(protocol: Protocol) -> None:
    assert "IGA" not in states(protocol, "active", iga_g_per_l=None, first_ivig=False)


@pytest.mark.parametrize("level", ["risk_factors", "active", *CRITICAL])
@pytest.mark.parametrize(
    ("key", "fact"), [("SEROLOGY", "serology_sample_taken"), ("GROUP_DAT", "group_and_screen_taken")]
)
def test_samples_come_before_immunoglobulin_and_delay_no_emergency(
    protocol: Protocol, key: str, fact: str, level: str
) -> None:
    assert states(protocol, level, **{fact: None})[key] == (
        "send" if level == "life_threatening" else "waits"
    )


@pytest.mark.parametrize(
    ("level", "hours", "is_fresh"),
    [
        ("risk_factors", 24, True),
        ("risk_factors", 25, False),
        ("active", 6, True),
        ("active", 7, False),
    ],
)
def test_count_is_fresh_for_a_day_and_for_six_hours_while_bleeding(
    protocol: Protocol, level: str, hours: int, is_fresh: bool
) -> None:
    assert (states(protocol, level, sample_age_hours=hours)["COUNT_SMEAR"] == "done") is is_fresh


@pytest.mark.parametrize(
    ("hours", "risks", "age", "is_fresh"),
    [
        ("24", ["diabetes"], 40, True),
        ("24.01", ["diabetes"], 40, False),
        ("48", [], 65, True),
        ("48.01", [], 65, False),
        ("30", [], 66, False),
        ("30", None, 40, False),
    ],
)
def test_creatinine_is_fresh_for_two_days_and_for_one_at_risk(
    protocol: Protocol, hours: str, risks: list[str] | None, age: int, is_fresh: bool
) -> None:
    said = states(
        protocol, "risk_factors", creatinine_age_hours=hours, renal_risk_factors=risks, age_years=age
    )

    assert (said["RENAL"] == "done") is is_fresh


@pytest.mark.hazard("H24")
def test_nothing_known_is_nothing_done_and_every_sample_is_a_line(protocol: Protocol) -> None:
    bare = {key: ADULT[key] for key in ("age_years", "sex", "weight_kg", "immune_cause")}
    axes = {
        "platelets_per_ul": 21_000,
        "bleeding_level": "active",
        "urgent_surgery": False,
        "rapid_rise": False,
    }

    said = outcome_of(protocol, {**bare, **axes})

    assert {item["state"] for item in said["screening"]} == {"waits", "send"}
    lines = {order["code"] for order in said["orders"] if order["timing"] == "before"}
    assert lines == {f"SCREEN_{item['key']}" for item in said["screening"]}


@pytest.mark.parametrize(("changes", "is_asked"), [({}, False), ({"sex": "female", "pregnant": None}, True)])
def test_pregnancy_test_is_for_women_of_childbearing_age(
    protocol: Protocol, changes: Plain, is_asked: bool
) -> None:
    said = states(protocol, "active", **changes)

    assert ("PREGNANCY" in said) is is_asked


def test_viscosity_is_asked_only_of_those_it_may_harm(protocol: Protocol) -> None:
    assert "VISCOSITY" not in states(protocol, "active")
    assert states(protocol, "active", renal_risk_factors=["paraproteinaemia"])["VISCOSITY"] == "send"
