"""Bleeding is evidence and no tick: what is missing or old holds the order set, and never an emergency."""

import pytest

from protocols.engine.protocol import Protocol

from .test_against_engine import Plain, adult_with, outcome_of

EVIDENCE: Plain = {
    "bleeding_sites": ["gi"],
    "who_bleeding_grade": 2,
    "bleeding_findings": ["epistaxis_over_30_min"],
    "bleeding_seen_age_hours": "1",
    "bleeding_seen_by": "Test Night-Nurse",
    "bleeding_instructed_by": "Test Night-Registrar",
}
HOLDS = ("hard", "hard_named_haematologist")


def evidence_findings(said: Plain) -> dict[str, str]:
    return {
        finding["rule"]: finding["severity"]
        for finding in said["findings"]
        if finding["rule"].startswith("BLEED-E")
    }


def bleeding(protocol: Protocol, level: str, **changes: object) -> dict[str, str]:
    facts = adult_with(21_000, level, False, False) | EVIDENCE | changes
    known = {key: value for key, value in facts.items() if value is not None}
    return evidence_findings(outcome_of(protocol, known))


LEFT_OUT: tuple[Plain, ...] = (
    {"bleeding_sites": None},
    {"bleeding_seen_age_hours": None},
    {"bleeding_seen_by": None},
    {"bleeding_instructed_by": None},
    {"who_bleeding_grade": None, "bleeding_findings": None},
)


@pytest.mark.hazard("H24")
@pytest.mark.parametrize("left_out", LEFT_OUT)
@pytest.mark.parametrize("level", ["active", "active_cns_gi_gu"])
def test_active_bleeding_is_not_signed_for_without_its_evidence(
    protocol: Protocol, level: str, left_out: Plain
) -> None:
    assert bleeding(protocol, level) == {}
    assert bleeding(protocol, level, **left_out) == {"BLEED-EVIDENCE": "hard"}


@pytest.mark.parametrize("left_out", LEFT_OUT)
def test_life_threatening_bleeding_says_what_is_missing_and_waits_for_nothing(
    protocol: Protocol, left_out: Plain
) -> None:
    said = bleeding(protocol, "life_threatening", **left_out)

    assert said == {"BLEED-EVIDENCE-CRITICAL": "information"}


@pytest.mark.parametrize("only", [{"who_bleeding_grade": None}, {"bleeding_findings": None}])
def test_grade_or_finding_is_enough_for_the_severity(protocol: Protocol, only: Plain) -> None:
    assert bleeding(protocol, "active", **only) == {}


@pytest.mark.parametrize(("hours", "is_expired"), [("6", False), ("6.01", True)])
def test_evidence_expires_after_six_hours(protocol: Protocol, hours: str, is_expired: bool) -> None:
    said = bleeding(protocol, "active", bleeding_seen_age_hours=hours)

    assert said == ({"BLEED-EXPIRED": "hard"} if is_expired else {})


@pytest.mark.parametrize("level", ["none", "risk_factors"])
def test_no_evidence_is_asked_where_nobody_bleeds(protocol: Protocol, level: str) -> None:
    facts = adult_with(21_000, level, False, False)

    assert evidence_findings(outcome_of(protocol, facts)) == {}


# Overlays: what they add and whom they call, besides the branch


@pytest.mark.parametrize(
    ("facts", "added", "rule"),
    [
        ({"aetiology": "checkpoint_inhibitor"}, {"HOLD_CHECKPOINT", "CALL_ONCOLOGY"}, "OV-CHECKPOINT"),
        ({"pregnant": True, "sex": "female"}, {"CALL_OBSTETRICS"}, "OV-PREGNANCY"),
        ({"ivig_refused": True}, {"ASK_OTHER_AGENTS"}, "OUT-IVIG-3-4"),
    ],
)
def test_overlay_adds_its_lines_and_says_which_rule_did_it(
    protocol: Protocol, facts: Plain, added: set[str], rule: str
) -> None:
    plain = adult_with(21_000, "active", False, False)
    before = {order["code"] for order in outcome_of(protocol, plain)["orders"]}

    orders = {order["code"]: order for order in outcome_of(protocol, plain | facts)["orders"]}

    assert added <= orders.keys() - before
    assert all(rule in {effect["by"] for effect in orders[code]["effects"]} for code in added)


def test_child_without_bleeding_calls_paediatric_haematology(protocol: Protocol) -> None:
    child = {"age_years": 5, "weight_kg": "18", "height_cm": "110"}

    said = outcome_of(protocol, adult_with(21_000, "none", False, False) | child)

    assert "CALL_PAEDIATRICS" in {order["code"] for order in said["orders"]}


@pytest.mark.parametrize(
    ("count", "level", "is_said"),
    [
        (20_000, "none", True),
        (15_000, "none", True),
        (25_000, "none", True),
        (14_999, "none", False),
        (25_001, "none", False),
        (20_000, "active", False),
    ],
)
def test_count_within_a_quarter_of_the_usual_one_is_called_the_usual_one(
    protocol: Protocol, count: int, level: str, is_said: bool
) -> None:
    said = outcome_of(protocol, adult_with(count, level, False, False, usual_platelets_per_ul=20_000))

    assert ("OV-USUAL-COUNT" in {finding["rule"] for finding in said["findings"]}) is is_said


def test_usual_count_of_nothing_is_compared_with_nothing(protocol: Protocol) -> None:
    said = outcome_of(protocol, adult_with(20_000, "none", False, False, usual_platelets_per_ul=0))

    assert "OV-USUAL-COUNT" not in {finding["rule"] for finding in said["findings"]}
