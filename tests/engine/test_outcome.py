"""Outcomes as plain data: the documented keys, numbers as exact text."""

import json
from typing import Any

import pytest

from protocols.engine.answers import answer_of
from protocols.engine.decision import evaluate
from protocols.engine.facts import UNKNOWN, Facts
from protocols.engine.outcome import outcome_in_short, outcome_to_plain

from .factory import PROTOCOL, D, patient

Plain = dict[str, Any]

OUTCOMES = {
    "recommendation": patient(),
    "gated": patient(clumps=True),
    "not_covered": patient(platelets_per_ul=20),
}


def plain_of(facts: Facts) -> Plain:
    return outcome_to_plain(PROTOCOL, evaluate(PROTOCOL, facts))


def order_of(plain: Plain, code: str) -> Plain:
    found: Plain = next(order for order in plain["orders"] if order["code"] == code)
    return found


@pytest.mark.parametrize("name", OUTCOMES)
def test_outcome_is_named_and_ready_for_json(name: str) -> None:
    plain = plain_of(OUTCOMES[name])

    assert plain["outcome"] == name
    assert json.loads(json.dumps(plain)) == plain


def test_every_outcome_has_the_same_keys() -> None:
    keys = [list(plain_of(facts)) for facts in (*OUTCOMES.values(), Facts())]

    assert all(set(other) == set(keys[0]) for other in keys)


def test_recommendation_says_what_why_and_whom_to_call() -> None:
    plain = plain_of(patient(procedure="BIG", urgent_surgery=True, aetiology="primary_itp"))

    assert (plain["grade"], plain["ctcae_version"], plain["branch"]) == (2, "5.0", "TREAT")
    assert (plain["provenance"], plain["consult"], plain["stop_rule"]) == (
        "source",
        "stat",
        "Stop at twenty.",
    )
    assert plain["dosing_weight"] | {"ledger": []} == {
        "kg": "60",
        "basis": "actual",
        "policy": "ADJUSTED",
        "bmi": plain["dosing_weight"]["bmi"],
        "flags": [],
        "ledger": [],
    }
    assert plain["targets"] == [
        {"platelets_per_ul": 20, "text": "Twenty"},
        {"platelets_per_ul": 15, "text": "big"},
    ]
    assert plain["repeat"] == {"earliest_hours": 20, "conditions": "If low."}
    assert plain["trace"]["decision_rule"] == "R21"
    assert plain["trace"]["bleeding"]["level"] == "active"
    assert [text["key"] for text in plain["texts"]][-1] == "conflict"
    assert [item["key"] for item in plain["monitoring"]] == ["M_ALL", "M_IVIG"]


def test_dose_is_exact_text_with_its_ledger() -> None:
    dose = order_of(plain_of(patient(weight_kg=D("66.0"))), "T_IVIG")["dose"]

    assert {key: dose[key] for key in dose if key != "ledger"} == {
        "regimen": "IVIG",
        "exact": "33",
        "rounded": "30",
        "unit": "g",
        "deviation_percent": "-9.09",
        "capped": False,
        "part_vial": False,
        "range": None,
        "volume_ml": "300",
        "left_over_g": "0",
        "vials": [{"size_g": "20", "count": 1}, {"size_g": "10", "count": 1}],
        "per_kg": "0.5",
        "weight_kg": "66",
        "weight_basis": "actual",
        "product": "P10",
    }
    steps = {step["name"]: step for step in dose["ledger"]}
    assert steps["Calculated amount"]["result"] == "33"
    assert steps["Rounded dose"]["inputs"][0] == {
        "name": "calculated amount",
        "value": "33",
        "unit": "g",
        "from_step": dose["ledger"].index(steps["Calculated amount"]),
    }


def test_dose_of_a_steroid_has_a_range_and_no_vials() -> None:
    dose = order_of(plain_of(patient()), "T_STEROID")["dose"]

    assert (dose["range"], dose["capped"]) == ({"low": "60", "high": "100"}, True)
    assert (dose["vials"], dose["volume_ml"], dose["product"]) == ([], None, None)


def test_dose_per_patient_has_no_weight() -> None:
    dose = order_of(plain_of(patient(bleeding_sites=("cns",))), "T_PLATELETS")["dose"]

    assert (dose["per_kg"], dose["weight_kg"], dose["weight_basis"], dose["volume_ml"]) == (
        None,
        None,
        None,
        "400",
    )


def test_dose_that_is_not_known_is_null() -> None:
    plain = plain_of(patient(weight_kg=UNKNOWN))
    order = order_of(plain, "T_IVIG")

    assert (order["dose"], order["drug"], order["waits_for"]) == (None, None, ["weight_kg"])
    assert plain["dosing_weight"] is None
    assert plain["rate_plan"] is None


def test_body_mass_index_nobody_knows_is_null() -> None:
    assert plain_of(patient(height_cm=UNKNOWN))["dosing_weight"]["bmi"] is None


def test_rate_plan_has_pump_rates_and_running_volumes() -> None:
    plan = plain_of(patient())["rate_plan"]

    assert plan["product"] == "P10"
    assert plan["steps"][0] == {
        "ml_per_h": "60",
        "ml_per_kg_per_h": "1",
        "starts_after_minutes": "0",
        "minutes": "30",
        "running_volume_ml": "30",
    }
    assert (plan["volume_ml"], plan["maximum_ml_per_h"], plan["at_risk"]) == ("300", "240", False)
    # 52.5 minutes at the last rate, and half a minute is not a whole one.
    assert plan["total_minutes"] == 30 + 30 + 52


def test_finding_names_its_rule_effects_and_citation() -> None:
    finding = plain_of(patient(immunoglobulin_reaction=True))["findings"][0]

    assert (finding["rule"], finding["severity"], finding["citation"]) == (
        "S_REACTION",
        "hard_named_haematologist",
        "C10",
    )
    assert finding["effects"] == [
        {"kind": "hold_lines", "target": "ivig"},
        {"kind": "raise_consult", "target": "stat"},
    ]


def test_gated_outcome_frees_no_line() -> None:
    plain = plain_of(patient(clumps=True))

    assert plain["gates"][0]["key"] == "CLUMPS"
    assert plain["reason"] == "Gate CLUMPS"
    assert all(order["held"] for order in plain["orders"] if order["kind"] != "consult")
    assert order_of(plain, "T_IVIG")["role"] == "required"


def test_gated_outcome_of_open_axes_lists_what_is_possible() -> None:
    plain = plain_of(patient(bleeding_level=UNKNOWN, bleeding_findings=UNKNOWN))

    assert plain["reason"] == "The answer depends on facts that are not known."
    assert {"answers": {"bleeding_level": "active"}, "branch": "TREAT", "rule": "R20"} in plain["possible"]
    assert plain["questions"][0] == {"fact": "bleeding_level", "changes": ["which branch applies"]}
    assert plain["trace"]["bleeding"] == {
        "level": None,
        "stated": None,
        "computed": None,
        "at_least": "active",
        "rules": ["B_ACTIVE"],
    }


def test_gated_outcome_without_a_count_has_no_grade() -> None:
    plain = plain_of(Facts())

    assert (plain["grade"], plain["branch"], plain["orders"]) == (None, None, [])
    assert plain["trace"]["grade_band"] is None


def test_not_covered_says_why_and_proposes_nothing() -> None:
    plain = plain_of(patient(platelets_per_ul=20))

    assert (plain["reason"], plain["orders"], plain["branch"]) == ("Nothing is low.", [], None)
    assert plain["trace"]["decision_rule"] == "R00"


@pytest.mark.parametrize(
    "facts",
    [
        *OUTCOMES.values(),
        Facts(),
        patient(platelets_per_ul=UNKNOWN),
        patient(weight_kg=UNKNOWN),
        patient(bleeding_level="life_threatening", clumps=True),
        patient(procedure="BIG", urgent_surgery=True, aetiology="primary_itp"),
    ],
)
def test_outcome_in_short_answers_as_the_whole_does(facts: Facts) -> None:
    whole, short = plain_of(facts), outcome_in_short(evaluate(PROTOCOL, facts))

    assert is_part_of(short, whole)
    assert answer_of(short) == answer_of(whole)


def is_part_of(short: Any, whole: Any) -> bool:
    """Whether all that is in `short` stands in `whole` at the same place, whatever else is there."""
    if isinstance(short, dict):
        return all(key in whole and is_part_of(value, whole[key]) for key, value in short.items())
    if isinstance(short, list):
        return len(short) == len(whole) and all(map(is_part_of, short, whole))
    return bool(short == whole)
