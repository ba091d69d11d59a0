"""Outcomes as plain data: the documented keys, numbers as exact text."""

import json
from dataclasses import replace
from typing import Any

import pytest

from protocols.engine.answers import answer_of
from protocols.engine.decision import evaluate
from protocols.engine.facts import UNKNOWN, Facts
from protocols.engine.outcome import (
    outcome_in_short,
    outcome_to_plain,
    rate_plan_to_plain,
    timed_plan_to_plain,
)
from protocols.engine.protocol import EffectKind, OverrideKind, OverridePolicy, Severity, Topic
from protocols.engine.recommendation import Recommendation

from .factory import BASIS, PROTOCOL, D, if_any, if_is, patient, safety_rule, sound_protocol, text

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


def test_outcome_has_the_documented_keys_and_no_others() -> None:
    assert set(plain_of(Facts())) == {
        *("outcome", "grade", "ctcae_version", "branch", "provenance", "consult", "dosing_weight", "orders"),
        *("targets", "stop_rule", "rate_plan", "timed_plan", "gate", "gates", "scores", "findings"),
        *("unjudged", "screening", "monitoring", "texts", "questions", "possible", "reason", "repeat"),
        "trace",
    }


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
        patient(immunoglobulin_reaction=True, consent=UNKNOWN),
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


# Whole parts, as the documented keys have them

HELD: dict[str, Any] = {
    "immunoglobulin_reaction": True,
    "consent": UNKNOWN,
    "first_ivig": True,
    "hours_since_last_ivig": UNKNOWN,
    "renal_risk_factors": UNKNOWN,
    "causative_drug": True,
    "product": "P5",
    "weight_kg": D(61),
    "bleeding_sites": ("cns",),
}
NO_DOSE = {
    "drug": None,
    "dose": None,
    "route": None,
    "frequency": None,
    "duration": None,
    "group": "",
    "start_after_minutes": 0,
    "waits_for": [],
    "held": False,
    "effects": [],
    "citations": ["C10"],
}


def test_line_tells_drug_route_times_and_what_was_done_to_it() -> None:
    orders = plain_of(patient(**HELD))["orders"]

    assert orders[0] == {
        **NO_DOSE,
        "code": "SCREEN_SAMPLE",
        "kind": "other",
        "role": "required",
        "timing": "before",
        "text": "Take a sample. Before the treatment starts.",
    }
    assert {key: value for key, value in orders[1].items() if key != "dose"} == {
        "code": "T_IVIG",
        "kind": "ivig",
        "drug": "drug IVIG",
        "role": "offered",
        "timing": "now",
        "group": "ivig",
        "start_after_minutes": 0,
        "route": "somehow",
        "frequency": "once",
        "duration": "one day",
        "text": "Give T_IVIG",
        "waits_for": [],
        "held": True,
        "effects": [{"by": "S_REACTION", "effect": "hold_lines", "is_certain": True}],
        "citations": ["C10"],
    }
    assert orders[-1] == {
        **NO_DOSE,
        "code": "consult_stat",
        "kind": "consult",
        "role": "required",
        "timing": "consult",
        "text": "Body of consult_stat",
    }


def test_ledger_step_tells_what_was_done_with_which_numbers() -> None:
    ledger = order_of(plain_of(patient(**HELD)), "T_IVIG")["dose"]["ledger"]

    assert ledger[0] == {
        "name": "Calculated amount",
        "operation": "product of two",
        "formula": "g per kg for each kg of dosing weight (actual)",
        "inputs": [
            {"name": "per kg", "value": "0.5", "unit": "g per kg", "from_step": None},
            {"name": "dosing weight (actual)", "value": "61", "unit": "kg", "from_step": None},
        ],
        "result": "30.5",
        "unit": "g",
        "citations": ["C10"],
    }


def test_part_of_a_vial_that_is_left_over_is_told() -> None:
    dose = order_of(plain_of(patient(**HELD)), "T_SLOW")["dose"]

    assert (dose["part_vial"], dose["left_over_g"]) == (True, "0.3")
    assert dose["vials"] == [{"size_g": "10", "count": 1}, {"size_g": "2.5", "count": 1}]


def test_findings_tell_reason_action_and_what_lifts_them() -> None:
    findings = plain_of(patient(**HELD))["findings"]

    assert [finding["rule"] for finding in findings] == ["S_REACTION", "S_CONSENT", "S_LABEL"]
    assert [len(finding.pop("facts_digest")) for finding in findings] == [64, 64, 64]
    assert findings[0] == {
        "rule": "S_REACTION",
        "number": "S_REACTION",
        "severity": "hard_named_haematologist",
        "text": "Rule S_REACTION speaks",
        "action": "Do this.",
        "override": "Name the haematologist, with a reason.",
        "override_policy": {
            "kind": "named",
            "reasons": ["R_OTHER"],
            "named": "Haematologist",
            "second": "",
            "text": "",
        },
        "effects": [
            {"kind": "hold_lines", "target": "ivig"},
            {"kind": "raise_consult", "target": "stat"},
        ],
        "lines": [[["ivig"]]],
        "reads": {"immunoglobulin_reaction": True},
        "wait": {},
        "citation": "C10",
    }
    assert [finding["override"] for finding in findings[1:]] == [
        "Give a reason.",
        "Read it; signing acknowledges it.",
    ]


def test_finding_says_how_long_to_wait_and_cites_each_source() -> None:
    early = replace(
        safety_rule("S_WAIT", Severity.HARD, if_is("repeat_too_early", "true")),
        text="Wait {hours_until_repeat} hours.",
        basis=replace(BASIS, cites=("C10", "C11")),
        override=OverridePolicy(
            kind=OverrideKind.NAMED_AND_SECOND, named="Haematologist", second="Allergist", text="On paper."
        ),
    )
    protocol = sound_protocol(safety_rules=(early,))
    plain = outcome_to_plain(protocol, evaluate(protocol, patient(hours_since_last_ivig=D(5))))

    (finding,) = plain["findings"]
    assert (finding["text"], finding["wait"]) == ("Wait 15 hours.", {"hours": "15"})
    assert finding["citation"] == "C10, C11"
    assert finding["override"] == "Name the haematologist and allergist, with a reason. On paper."


def test_stop_that_nothing_lifts_says_so() -> None:
    stop = safety_rule("S_STOP", Severity.HARD, if_is("clumps", "false"))
    protocol = sound_protocol(safety_rules=(stop,))

    (finding,) = outcome_to_plain(protocol, evaluate(protocol, patient()))["findings"]

    assert finding["override"] == "Nothing lifts this but another order or another fact."


def test_rule_that_cannot_be_judged_says_what_to_ask_and_cites_each_source() -> None:
    open_rule = replace(
        safety_rule(
            "S_KIDNEY",
            Severity.WARNING,
            if_any("renal_risk_factors", "diabetes"),
            (EffectKind.AT_RISK_RATE, ""),
        ),
        basis=replace(BASIS, cites=("C10", "C11")),
    )
    protocol = sound_protocol(safety_rules=(open_rule,))

    (rule,) = outcome_to_plain(protocol, evaluate(protocol, patient(**HELD)))["unjudged"]

    assert rule == {
        "rule": "S_KIDNEY",
        "number": "S_KIDNEY",
        "severity": "warning",
        "text": "Rule S_KIDNEY speaks",
        "asks": ["renal_risk_factors"],
        "until_known": "ask",
        "effects": [{"kind": "at_risk_rate", "target": ""}],
        "citation": "C10, C11",
    }


def test_screening_and_monitoring_are_told_with_their_times() -> None:
    plain = plain_of(patient(**HELD))

    assert plain["screening"] == [
        {
            "key": "SAMPLE",
            "title": "A sample",
            "state": "waits",
            "order": "Take a sample",
            "due": "Before the first line.",
            "changes": [{"result": "Low", "change": "Another product."}],
            "citations": ["C10"],
        }
    ]
    assert plain["monitoring"] == [
        {
            "key": "M_ALL",
            "title": "M_ALL",
            "measured": "something",
            "unit": "things",
            "anchor": "T0",
            "due_minutes": 10,
            "window_minutes": 10,
            "due": "After ten minutes.",
            "citations": ["C10"],
        }
    ]


def test_text_tells_what_others_say() -> None:
    said = replace(
        text("conflict", Topic.CONFLICT), title="A title", source_says="They say one.", others_say="Two."
    )
    protocol = sound_protocol(texts=(*PROTOCOL.texts[:3], said))

    found = outcome_to_plain(protocol, evaluate(protocol, patient()))["texts"][-1]

    assert found == {
        "key": "conflict",
        "topic": "conflict",
        "title": "A title",
        "body": "Body of conflict",
        "source_says": "They say one.",
        "others_say": "Two.",
        "provenance": "study",
        "citations": ["C10"],
    }


def test_gate_that_only_speaks_is_told_apart_from_one_that_stops() -> None:
    said = plain_of(patient(causative_drug=True))
    stopped = plain_of(patient(causative_drug=True, clumps=True, ttp_suspected=UNKNOWN))

    assert said["gate"] == {"status": "said", "stops": [], "said": ["DRUG"], "unjudged": []}
    assert stopped["gate"] == {
        "status": "stopped",
        "stops": ["CLUMPS"],
        "said": ["DRUG"],
        "unjudged": ["TTP"],
    }
    assert plain_of(patient())["gate"] == {"status": "clear", "stops": [], "said": [], "unjudged": []}
    assert stopped["gates"][0] == {
        "code": "CLUMPS",
        "key": "CLUMPS",
        "title": "Gate CLUMPS",
        "text": "Stop.",
        "action": "Ask.",
        "stops": True,
        "consult": "info",
        "platelets": "blocked",
        "ivig": "as_branch",
        "corticosteroid": "as_branch",
        "citations": ["C10"],
    }
    assert stopped["reason"] == "Gate CLUMPS; Gate DRUG"
    assert plain_of(patient(clumps=True, ttp_suspected=True))["reason"] == "Gate CLUMPS; Gate TTP"


@pytest.mark.hazard("H09")
def test_gate_stops_in_life_threatening_bleeding_only_where_its_row_says_so() -> None:
    plain = plain_of(patient(bleeding_level="life_threatening", clumps=True, ttp_suspected=True))

    assert plain["gate"] == {"status": "stopped", "stops": ["TTP"], "said": ["CLUMPS"], "unjudged": []}
    assert {gate["key"]: gate["stops"] for gate in plain["gates"]} == {"CLUMPS": False, "TTP": True}


def test_call_to_haematology_is_never_held_behind_a_gate() -> None:
    held = {order["kind"]: order["held"] for order in plain_of(patient(clumps=True))["orders"]}

    assert held["consult"] is False
    assert held["ivig"] is held["corticosteroid"] is held["other"] is True


def test_running_volume_is_told_to_a_tenth_with_halves_up() -> None:
    said = evaluate(PROTOCOL, patient())
    assert isinstance(said, Recommendation)
    assert said.rate_plan is not None
    first, *others = said.rate_plan.steps
    plan = replace(said.rate_plan, steps=(replace(first, running_volume_ml=D("30.25")), *others))

    plain = rate_plan_to_plain(PROTOCOL, said.facts, plan)

    assert plain is not None
    assert plain["steps"][0]["running_volume_ml"] == "30.3"


def test_body_mass_index_is_told_as_exact_text() -> None:
    assert plain_of(patient(weight_kg=D(60), height_cm=D(200)))["dosing_weight"]["bmi"] == "15"


def test_score_is_told_item_by_item_with_what_is_open() -> None:
    scores = {score["key"]: score for score in plain_of(patient(**HELD))["scores"]}

    dic = scores["isth_dic"]
    assert {key: dic[key] for key in dic if key != "items"} == {
        "key": "isth_dic",
        "title": "ISTH score for overt DIC",
        "applies": None,
        "least": 2,
        "most": 8,
        "group": "not overt to overt",
        "asks": ["dic_predisposing"],
    }
    assert dic["items"][:2] == [
        {"label": "Platelet count", "points": 2, "possible": [2], "asks": []},
        {
            "label": "D-dimer or other fibrin marker",
            "points": None,
            "possible": [0, 2, 3],
            "asks": ["fibrin_marker"],
        },
    ]
    assert scores["plasmic"]["applies"] is True


def test_trace_names_the_rows_that_held_and_that_could_not_be_judged() -> None:
    plain = plain_of(patient(**HELD))

    assert plain["trace"] == {
        "grade_band": "Grade 2",
        "bleeding": {
            "level": "active",
            "stated": "active",
            "computed": "active",
            "at_least": "active",
            "rules": ["B_ACTIVE"],
        },
        "decision_rule": "R20",
        "decision_text": "What R20 says",
        "gates_unjudged": [],
        "rules_fired": ["S_REACTION", "S_CONSENT", "S_LABEL"],
        "rules_unjudged": ["S_KIDNEY"],
        "notes": [],
    }
    assert plain["questions"] == [{"fact": "renal_risk_factors", "changes": ["Rule S_KIDNEY speaks"]}]


def test_timed_plan_is_told_event_by_event() -> None:
    plan = plain_of(patient(bleeding_sites=("cns",), immunoglobulin_reaction=True))["timed_plan"]

    events = plan.pop("events")
    assert plan == {
        "access": "IN_TURN",
        "access_title": "IN_TURN",
        "access_text": "As IN_TURN says.",
        "access_citations": ["C10"],
        "lanes": [["corticosteroid", "ivig", "platelets"]],
        "planned_volume_ml": "400",
        "planned_volume_ml_per_kg": "6.7",
        "limit_ml_per_kg": "8",
        "window_minutes": 200,
        "over_limit": False,
        "waits_for": [],
        "shares_a_line": False,
    }
    assert [(event["kind"], event["code"]) for event in events] == [
        ("call", "consult_stat"),
        ("give", "T_STEROID"),
        ("give", "T_PLATELETS"),
        ("count", "T_PLATELETS"),
        ("count", "T_STEROID"),
    ]
    assert events[2] == {
        "kind": "give",
        "arm": "platelets",
        "code": "T_PLATELETS",
        "text": "Give T_PLATELETS",
        "after_minutes": 0,
        "until_minutes": None,
        "lane": None,
        "dose_number": 1,
        "doses": 1,
        "volume_ml": "400",
        "conditional": False,
    }


def test_timed_plan_whose_volume_per_kg_nobody_can_tell_leaves_it_open() -> None:
    said = evaluate(PROTOCOL, patient(bleeding_sites=("cns",)))
    assert isinstance(said, Recommendation)
    assert said.timed_plan is not None
    open_plan = replace(said.timed_plan, planned_volume_ml_per_kg=UNKNOWN)

    plain = timed_plan_to_plain(open_plan)

    assert plain is not None
    assert (plain["planned_volume_ml_per_kg"], plain["over_limit"]) == (None, None)
    assert timed_plan_to_plain(None) is None


@pytest.mark.parametrize(
    ("facts", "exposure", "watched_minutes"),
    [
        ({"last_product": "P10"}, "same_brand", 35),
        ({"last_product": "P5"}, "new_brand", 90),
        ({"last_product": UNKNOWN}, None, 90),
    ],
)
def test_rate_plan_is_watched_after_the_end_as_the_exposure_asks(
    facts: dict[str, Any], exposure: str | None, watched_minutes: int
) -> None:
    plan = plain_of(patient(weight_kg=D(108), immunoglobulin_reaction=False, **facts))["rate_plan"]

    total = plan["total_minutes"]
    assert plan["exposure"] == exposure
    assert plan["observations"][0] == {"moment": "before", "after_minutes": -40, "until_minutes": 0}
    assert plan["observations"][-1] == {
        "moment": "observed_until",
        "after_minutes": total + watched_minutes,
        "until_minutes": total + watched_minutes,
    }


def test_not_covered_outcome_still_tells_gates_and_questions() -> None:
    plain = plain_of(patient(platelets_per_ul=20, clumps=UNKNOWN))

    assert (plain["outcome"], plain["grade"], plain["consult"]) == ("not_covered", 0, "same_day")
    assert plain["gate"] == {"status": "clear", "stops": [], "said": [], "unjudged": ["CLUMPS"]}
    assert plain["questions"] == [{"fact": "clumps", "changes": ["Gate CLUMPS"]}]
    assert plain["trace"]["grade_band"] == "Grade 0"


def test_gated_outcome_tells_grade_consult_and_scores() -> None:
    plain = plain_of(patient(ttp_suspected=True))

    assert (plain["grade"], plain["consult"], plain["branch"]) == (2, "stat", "TREAT")
    assert [score["key"] for score in plain["scores"]] == ["plasmic", "four_ts", "isth_dic"]
    assert plain["trace"]["decision_rule"] == "R20"


def test_what_does_not_apply_is_null_or_empty() -> None:
    empty = plain_of(Facts())

    nothing = {key: value for key, value in empty.items() if value in (None, [], {})}
    assert nothing == {
        "grade": None,
        "branch": None,
        "provenance": None,
        "dosing_weight": None,
        "orders": [],
        "targets": [],
        "stop_rule": None,
        "rate_plan": None,
        "timed_plan": None,
        "gates": [],
        "findings": [],
        "unjudged": [],
        "screening": [],
        "monitoring": [],
        "texts": [],
        "repeat": None,
        **{key: value for key, value in nothing.items() if key in ("questions", "possible", "scores")},
    }
