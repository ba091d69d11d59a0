"""The gate against the oracle: named patients, every unknown, and thousands of made-up answers."""

import random
from collections.abc import Iterator
from fractions import Fraction
from itertools import product
from typing import Any

import pytest

from protocols.engine.protocol import Protocol

from .decision import BLEEDING_LEVELS, expected_grade
from .gate import CRITICAL, expected_gates
from .scores import four_ts, isth_dic
from .test_against_engine import ADULT, Plain, adult_with, outcome_of, roles_not_held

LEVELS = tuple(level for level in BLEEDING_LEVELS if level != "none")
ROUNDS = 1_500
SEED = 20_261_126

TTP = {"ttp_suspected": True, "immune_cause": "unexplained"}
HIT = {
    "hit_suspected": "unknown",
    "heparin_last_100_days": True,
    "heparin_platelet_fall": "over_50_percent",
    "heparin_timing": "typical",
    "heparin_thrombosis": "new",
    "heparin_other_cause": "none",
}
VITT = {"hit_suspected": "unknown", "heparin_last_100_days": False, "vitt_picture": True}
DIC = {
    "dic_suspected": "unknown",
    "dic_predisposing": True,
    "fibrin_marker": "strong",
    "pt_prolongation_seconds": "7",
    "fibrinogen_g_per_l": "0.8",
}
HELLP = {"obstetric_tma": True, "pregnant": True, "sex": "female"}
DANGEROUS = {"TTP": TTP, "HIT": HIT, "VITT": VITT, "DIC": DIC, "HELLP": HELLP}

# Left open, no, yes; what is left open is said by the key not being there.
ANSWERS: dict[str, tuple[Any, ...]] = {
    "immune_cause": (None, "confirmed", "probable", "unexplained"),
    **dict.fromkeys(
        (
            "clumps",
            "low_count_confirmed",
            "ttp_suspected",
            "schistocytes",
            "haemolysis",
            "dat_positive",
            "hit_suspected",
            "heparin_last_100_days",
            "dic_suspected",
            "dic_predisposing",
            "marrow_failure",
            "obstetric_tma",
            "causative_drug",
            "active_cancer",
            "transplant",
        ),
        (None, False, True),
    ),
    "vitt_picture": (None, None, None, False, True),
    "sample_age_hours": (None, 1, 6, 7, 24, 25),
    "mcv_fl": (None, "89", "91"),
    "inr": (None, "1.4", "1.6"),
    "creatinine_umol_per_l": (None, "80", "200"),
    "reticulocytes_percent": (None, "1", "4"),
    "heparin_platelet_fall": (None, "over_50_percent", "below_30_percent"),
    "heparin_timing": (None, "typical", "too_early"),
    "heparin_thrombosis": (None, "new", "none"),
    "heparin_other_cause": (None, "none", "definite"),
    "fibrin_marker": (None, "none", "strong"),
    "pt_prolongation_seconds": (None, "1", "7"),
    "fibrinogen_g_per_l": (None, "0.5", "3"),
}


def least_scores(facts: Plain) -> dict[str, int]:
    """The points that are sure, where the score says something of this patient (1.6)."""
    least = {}
    signs = [facts.get(key) for key in ("schistocytes", "haemolysis", "ttp_suspected")]
    is_unexplained = facts.get("immune_cause") not in ("confirmed", "probable")
    has_neither = signs[0] is False and signs[1] is False
    if True in signs or (is_unexplained and not has_neither):
        least["plasmic"] = sum(
            [
                facts["platelets_per_ul"] < 30_000,
                Fraction(facts.get("reticulocytes_percent", 0)) > Fraction(5, 2) or signs[1] is True,
                facts.get("active_cancer") is False,
                facts.get("transplant") is False,
                "mcv_fl" in facts and Fraction(facts["mcv_fl"]) < 90,
                "inr" in facts and Fraction(facts["inr"]) < Fraction(3, 2),
                "creatinine_umol_per_l" in facts and Fraction(facts["creatinine_umol_per_l"]) < 176,
            ]
        )
    platelets = Fraction(facts["platelets_per_ul"], 1000)
    if facts.get("heparin_last_100_days") is True:
        # What is open counts as its answer with no points.
        least["four_ts"] = four_ts(
            fall=facts.get("heparin_platelet_fall", "below_30_percent"),
            lowest_e9_per_l=platelets,
            timing=facts.get("heparin_timing", "too_early"),
            thrombosis=facts.get("heparin_thrombosis", "none"),
            other_cause=facts.get("heparin_other_cause", "definite"),
        )
    if facts.get("dic_predisposing") is True:
        least["isth_dic"] = isth_dic(
            platelets_e9_per_l=platelets,
            fibrin_marker=facts.get("fibrin_marker", "none"),
            pt_seconds_longer=Fraction(facts.get("pt_prolongation_seconds", 0)),
            fibrinogen_g_per_l=Fraction(facts.get("fibrinogen_g_per_l", 4)),
        )
    return least


def made_up_patients() -> Iterator[tuple[Plain, str]]:
    rng = random.Random(SEED)
    for _ in range(ROUNDS):
        level = rng.choice(LEVELS)
        facts: Plain = {
            "platelets_per_ul": rng.choice((9_000, 15_000, 24_999, 29_999, 30_000, 60_000, 90_000, 200_000)),
            "bleeding_level": level,
            "urgent_surgery": False,
            "rapid_rise": False,
            "weight_kg": "80",
        }
        # Most answers are harmless, so that many patients pass all gates but one.
        for key, answers in ANSWERS.items():
            answer = rng.choice(answers) if rng.random() < 0.35 else answers[min(1, len(answers) - 1)]
            if answer is not None:
                facts[key] = answer
        if rng.random() < 0.05:
            del facts["weight_kg"]
        yield facts, level


@pytest.mark.hazard("H09", "H24")
def test_gates_of_made_up_patients_agree(protocol: Protocol) -> None:
    wrong, kinds = [], set()
    for facts, level in made_up_patients():
        grade = expected_grade(facts["platelets_per_ul"])
        stops, said = expected_gates(facts | least_scores(facts), grade=grade, level=level)
        found = outcome_of(protocol, facts)["gate"]
        kinds |= stops | said
        if (set(found["stops"]), set(found["said"])) != (stops, said):
            wrong.append(f"{facts}: {found}, expected {stops} and {said}")

    assert not wrong, f"{len(wrong)} disagreements:\n" + "\n".join(wrong[:5])
    assert kinds == {gate.key for gate in protocol.gates}


@pytest.mark.hazard("H09")
@pytest.mark.parametrize("name", DANGEROUS)
@pytest.mark.parametrize("level", ["risk_factors", "active", "active_cns_gi_gu", "life_threatening"])
def test_no_platelet_line_is_ticked_or_unflagged_where_platelets_harm(
    protocol: Protocol, name: str, level: str
) -> None:
    said = outcome_of(protocol, adult_with(21_000, level, False, False, **DANGEROUS[name]))

    platelets = [order for order in said["orders"] if order["kind"] == "platelets"]
    assert all(order["held"] for order in platelets)
    assert said["consult"] == "stat"
    assert said["outcome"] == ("recommendation" if level == "life_threatening" else "gated")


@pytest.mark.hazard("H09", "H01")
@pytest.mark.parametrize("level", ["none", "risk_factors"])
def test_clumped_count_of_a_patient_who_does_not_bleed_is_not_treated(protocol: Protocol, level: str) -> None:
    facts = adult_with(12_000, level, False, False, clumps=True)
    del facts["low_count_confirmed"]

    said = outcome_of(protocol, facts)

    assert said["gate"]["stops"] == ["PSEUDO"]
    assert all(order["held"] for order in said["orders"] if order["kind"] != "consult")


@pytest.mark.parametrize(("count", "level"), list(product((12_000, 30_000, 60_000), BLEEDING_LEVELS)))
def test_clean_immune_patient_meets_no_gate(protocol: Protocol, count: int, level: str) -> None:
    said = outcome_of(protocol, adult_with(count, level, False, False))

    assert said["outcome"] == "recommendation"
    assert said["gate"]["status"] == "clear"


@pytest.mark.parametrize("count", [12_000, 30_000, 60_000])
@pytest.mark.parametrize("immune_cause", ["confirmed", "probable"])
def test_four_answers_clear_the_gate(protocol: Protocol, count: int, immune_cause: str) -> None:
    answers = {"immune_cause": immune_cause, "ttp_suspected": False, "hit_suspected": False, "clumps": False}
    asked = {key: ADULT[key] for key in ("age_years", "sex", "weight_kg", "height_cm", "sample_age_hours")}
    axes = {"bleeding_level": "active", "urgent_surgery": False, "rapid_rise": False}

    said = outcome_of(protocol, {**asked, **axes, "platelets_per_ul": count, **answers})

    assert said["outcome"] == "recommendation"
    assert said["gate"]["status"] == "clear"


OPEN = {
    "TTP": ("ttp_suspected", "schistocytes", "haemolysis"),
    "TTP, smear looked at": ("ttp_suspected", "haemolysis"),
    "HIT": ("hit_suspected", "heparin_last_100_days"),
    "cause": ("immune_cause",),
}


@pytest.mark.hazard("H09", "H24")
@pytest.mark.parametrize("name", OPEN)
@pytest.mark.parametrize(
    ("count", "level"), [(9_000, level) for level in LEVELS] + [(60_000, level) for level in LEVELS[2:]]
)
def test_no_platelet_line_is_free_and_unflagged_while_ttp_or_hit_is_open(
    protocol: Protocol, name: str, count: int, level: str
) -> None:
    whole = adult_with(count, level, False, False)

    said = outcome_of(protocol, {key: value for key, value in whole.items() if key not in OPEN[name]})

    platelets = [order for order in said["orders"] if order["kind"] == "platelets"]
    assert all(order["held"] or order["effects"] for order in platelets)
    if level in CRITICAL:
        assert said["outcome"] == "recommendation"
        assert said["consult"] == "stat"
        assert not any(order["held"] for order in platelets)
    else:
        assert said["outcome"] == "gated"
        assert said["consult"] in ("same_day", "stat")


@pytest.mark.hazard("H09")
@pytest.mark.parametrize("name", OPEN)
def test_platelets_for_the_brain_at_grade_1_are_flagged_while_ttp_or_hit_is_open(
    protocol: Protocol, name: str
) -> None:
    whole = adult_with(90_000, "active_cns_gi_gu", False, False, bleeding_sites=["cns"])
    unknown = {*OPEN[name], *(OPEN["TTP"] if name == "cause" else ())}

    said = outcome_of(protocol, {key: value for key, value in whole.items() if key not in unknown})

    (platelets,) = (order for order in said["orders"] if order["kind"] == "platelets")
    assert platelets["effects"]
    assert not platelets["held"]


CONSULTS = ("none", "info", "same_day", "stat")
GATE_FACTS = (
    "immune_cause",
    "clumps",
    "ttp_suspected",
    "schistocytes",
    "haemolysis",
    "hit_suspected",
    "dic_suspected",
    "marrow_failure",
    "obstetric_tma",
)


@pytest.mark.hazard("H09", "H24")
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("left_open", GATE_FACTS)
def test_gate_fact_left_open_never_lowers_caution(protocol: Protocol, left_open: str, level: str) -> None:
    whole = adult_with(12_000, level, False, False)
    answered = outcome_of(protocol, whole)

    said = outcome_of(protocol, {key: value for key, value in whole.items() if key != left_open})

    assert CONSULTS.index(said["consult"]) >= CONSULTS.index(answered["consult"])
    for kind in ("platelets", "ivig", "corticosteroid"):
        assert roles_not_held(said, kind) <= roles_not_held(answered, kind)


@pytest.mark.hazard("H09", "H24")
@pytest.mark.parametrize("level", LEVELS)
def test_cause_that_nobody_stated_is_treated_as_unexplained(protocol: Protocol, level: str) -> None:
    stated = outcome_of(protocol, adult_with(12_000, level, False, False, immune_cause="unexplained"))
    left_open = outcome_of(protocol, adult_with(12_000, level, False, False, immune_cause="unknown"))

    assert stated["gate"]["stops"] == left_open["gate"]["stops"]
    assert stated["gate"]["said"] == left_open["gate"]["said"]
    assert ("CAUSE_UNPROVEN" in stated["gate"]["said"]) is (level in CRITICAL)
    assert left_open["consult"] == ("stat" if level in CRITICAL else "same_day")
