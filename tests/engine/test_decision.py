"""What the engine says of one patient: branch, lines, holds, questions and consult."""

from dataclasses import replace
from decimal import localcontext
from typing import Any, Final

import pytest

from protocols.engine import dosing
from protocols.engine.decision import (
    chosen_product,
    compare_policies,
    evaluate,
    is_first_exposure,
    plan_for,
    plans_of,
)
from protocols.engine.dosing import Dose
from protocols.engine.facts import UNKNOWN, Facts
from protocols.engine.protocol import (
    ArmEffect,
    ConsultLevel,
    OrderKind,
    OverrideKind,
    Protocol,
    Role,
    Severity,
)
from protocols.engine.recommendation import Gated, NotCovered, Order, Recommendation
from protocols.engine.weight import DosingWeight

from .factory import (
    PROTOCOL,
    D,
    band,
    decision_rule,
    gate,
    if_from,
    if_is,
    line,
    patient,
    policy,
    safety_rule,
    sound_protocol,
)


def recommended(protocol: Protocol = PROTOCOL, /, **facts: Any) -> Recommendation:
    outcome = evaluate(protocol, patient(**facts))
    assert isinstance(outcome, Recommendation), outcome
    return outcome


def gated(protocol: Protocol = PROTOCOL, /, **facts: Any) -> Gated:
    outcome = evaluate(protocol, patient(**facts))
    assert isinstance(outcome, Gated), outcome
    return outcome


def order_of(recommendation: Recommendation, code: str) -> Order:
    return next(order for order in recommendation.orders if order.code == code)


def asked(outcome: Recommendation | Gated) -> dict[str, tuple[str, ...]]:
    return {question.fact: question.changes for question in outcome.questions}


# Branches


def test_grade_and_bleeding_lead_to_a_branch_with_its_lines_and_doses() -> None:
    said = recommended()

    assert (said.grade.grade, said.branch.key, said.rule.key) == (2, "TREAT", "R20")
    assert [(order.code, order.role) for order in said.orders] == [
        ("T_IVIG", Role.REQUIRED),
        ("T_SLOW", Role.ALTERNATIVE),
        ("T_STEROID", Role.REQUIRED),
        ("T_LOOK", Role.STANDBY),
        ("consult_same_day", Role.REQUIRED),
    ]
    dose = order_of(said, "T_IVIG").dose
    assert isinstance(dose, Dose)
    assert (dose.rounded, dose.volume_ml) == (D(30), D(300))
    assert said.questions == ()
    assert said.findings == ()


def test_line_without_a_regimen_has_no_dose() -> None:
    assert order_of(recommended(), "T_LOOK").dose is None


def test_line_whose_conditions_fail_is_not_proposed() -> None:
    codes = [order.code for order in recommended(bleeding_sites=("gi",)).orders]

    assert "T_PLATELETS" not in codes


def test_line_that_may_apply_is_shown_unticked_with_what_it_waits_for() -> None:
    said = recommended(bleeding_sites=UNKNOWN)
    platelets = order_of(said, "T_PLATELETS")

    assert (platelets.role, platelets.waits_for) == (Role.OFFERED, ("bleeding_sites",))
    assert asked(said)["bleeding_sites"] == ("Give T_PLATELETS",)


def test_target_that_may_apply_is_kept() -> None:
    targets = {
        sites: [target.platelets_per_ul for target in recommended(bleeding_sites=sites).targets]
        for sites in (("gi",), ("cns",), UNKNOWN)
    }

    assert targets == {("gi",): [20], ("cns",): [20, 30], UNKNOWN: [20, 30]}


@pytest.mark.hazard("H03")
def test_patient_the_protocol_does_not_cover_is_told_why_and_to_call() -> None:
    outcome = evaluate(PROTOCOL, patient(platelets_per_ul=20))

    assert isinstance(outcome, NotCovered)
    assert (outcome.reason, outcome.consult) == ("Nothing is low.", ConsultLevel.SAME_DAY)
    assert outcome.trace.decision_rule is not None


def test_patient_not_covered_still_gets_the_consult_of_a_gate() -> None:
    outcome = evaluate(PROTOCOL, patient(platelets_per_ul=20, causative_drug=True))

    assert isinstance(outcome, NotCovered)
    assert outcome.consult is ConsultLevel.STAT


@pytest.mark.hazard("H03")
def test_cell_the_protocol_forgot_is_not_covered() -> None:
    forgetful = sound_protocol(decision_rules=PROTOCOL.decision_rules[:1])

    outcome = evaluate(forgetful, patient())

    assert isinstance(outcome, NotCovered)
    assert "no rule" in outcome.reason


def test_level_is_computed_from_the_findings_where_nobody_states_it() -> None:
    said = recommended(bleeding_level=UNKNOWN, bleeding_findings=("uncontrolled",))

    assert said.branch.key == "EMERGENCY"


def test_kidney_function_counts_for_the_bleeding_level() -> None:
    said = recommended(
        platelets_per_ul=15, bleeding_level=UNKNOWN, who_bleeding_grade=0, creatinine_umol_per_l=D(900)
    )

    assert said.bleeding.level == "risk_factors"
    assert said.bleeding.rules == ("B_RISK",)


def test_kidney_function_of_a_child_is_not_estimated() -> None:
    child = patient(age_years=10, bleeding_level=UNKNOWN, creatinine_umol_per_l=D(900), bleeding_findings=())

    assert evaluate(PROTOCOL, child).bleeding.level == "active"


# Axes that are open


def test_without_a_bleeding_level_every_possible_branch_is_listed() -> None:
    said = gated(bleeding_level=UNKNOWN, bleeding_findings=UNKNOWN)

    assert {(option.answers, option.rule.branch) for option in said.possible} == {
        ((("bleeding_level", "active"),), "TREAT"),
        ((("bleeding_level", "active_cns_gi_gu"),), "TREAT"),
        ((("bleeding_level", "life_threatening"),), "EMERGENCY"),
    }
    assert asked(said)["bleeding_level"] == ("which branch applies",)
    assert said.gates == ()


def test_while_the_branch_is_open_the_most_urgent_consult_counts() -> None:
    assert gated(bleeding_level=UNKNOWN, bleeding_findings=UNKNOWN).consult is ConsultLevel.STAT


def test_open_axes_that_lead_to_one_branch_leave_it_decided() -> None:
    said = recommended(platelets_per_ul=15, urgent_surgery=UNKNOWN, rapid_rise=UNKNOWN)

    assert said.branch.key == "TREAT"
    assert said.questions == ()


def test_rules_that_differ_within_a_branch_count_by_the_strictest() -> None:
    said = recommended(urgent_surgery=UNKNOWN, procedure="BIG")

    assert said.consult is ConsultLevel.STAT
    assert said.procedure_target is not None
    assert asked(said)["urgent_surgery"] == ("which rule applies",)


def test_without_a_count_there_is_no_branch_and_the_count_is_asked() -> None:
    said = gated(platelets_per_ul=UNKNOWN)

    assert (said.grade, said.possible, said.provisional) == (None, (), None)
    assert asked(said)["platelets_per_ul"] == ("which branch applies",)
    assert said.consult is ConsultLevel.SAME_DAY


def test_life_threatening_bleeding_without_a_count_is_urgent() -> None:
    assert gated(platelets_per_ul=UNKNOWN, bleeding_level="life_threatening").consult is ConsultLevel.STAT


def test_empty_form_is_no_emergency() -> None:
    outcome = evaluate(PROTOCOL, Facts())

    assert isinstance(outcome, Gated)
    assert outcome.consult is ConsultLevel.NONE


def test_bleeding_shown_without_a_count_is_urgent() -> None:
    outcome = evaluate(PROTOCOL, Facts(bleeding_findings=("melaena", "uncontrolled")))

    assert outcome.consult is ConsultLevel.STAT


def test_count_in_no_band_is_told_and_not_guessed() -> None:
    holey = sound_protocol(grade_bands=(band(2, 0, 3), band(0, 20, None)))

    outcome = evaluate(holey, patient())

    assert isinstance(outcome, Gated)
    assert outcome.trace.notes == ("5 per microlitre is in no grade.",)


# Surgery


@pytest.mark.parametrize("surgery", [True, UNKNOWN])
def test_surgery_no_longer_counts_at_the_target_of_its_procedure(surgery: Any) -> None:
    at_target = recommended(urgent_surgery=surgery, procedure="SMALL")

    assert at_target.rule.key == "R20"
    assert at_target.trace.notes == ("The count is already at the target for small.",)
    assert at_target.procedure_target is None


def test_surgery_counts_below_the_target_of_its_procedure() -> None:
    below = recommended(urgent_surgery=True, procedure="BIG")

    assert (below.rule.key, below.consult, below.trace.notes) == ("R21", ConsultLevel.STAT, ())
    assert below.procedure_target is not None
    assert below.procedure_target.key == "BIG"


def test_surgery_of_an_unnamed_procedure_counts() -> None:
    said = recommended(urgent_surgery=True)

    assert said.rule.key == "R21"
    assert said.procedure_target is None


def test_branch_can_hold_the_target_of_the_procedure() -> None:
    said = recommended(bleeding_level="life_threatening", procedure="BIG")

    assert said.procedure_target is not None


# Gates


def test_gate_that_stops_leaves_only_what_would_be_proposed() -> None:
    said = gated(clumps=True)

    assert [gate.key for gate in said.gates] == ["CLUMPS"]
    assert said.provisional is not None
    assert said.provisional.branch.key == "TREAT"
    assert said.consult is ConsultLevel.SAME_DAY
    assert said.possible == ()


def test_gate_does_not_stop_life_threatening_bleeding_unless_it_says_so() -> None:
    said = recommended(clumps=True, bleeding_level="life_threatening")
    stopped = gated(ttp_suspected=True, bleeding_level="life_threatening")

    assert [gate.key for gate in said.gates] == ["CLUMPS"]
    assert stopped.consult is ConsultLevel.STAT


@pytest.mark.hazard("H09")
def test_line_a_gate_blocks_stays_visible_and_never_arrives_ticked() -> None:
    said = recommended(clumps=True, bleeding_level="life_threatening")
    platelets, ivig = order_of(said, "E_PLATELETS"), order_of(said, "E_IVIG")

    assert (platelets.is_held, platelets.role) == (True, Role.OFFERED)
    assert (ivig.is_held, ivig.role) == (False, Role.REQUIRED)


GOES_ON: Final = (ArmEffect.AS_BRANCH, ArmEffect.WITH_CALL)


@pytest.mark.parametrize("effect", [e for e in ArmEffect if e not in GOES_ON])
def test_every_effect_of_a_gate_that_lets_no_line_go_on_holds_the_arm(effect: ArmEffect) -> None:
    strict = sound_protocol(
        gates=(gate("ANY", if_is("sex", "male"), stops=False, ivig=effect, corticosteroid=effect),)
    )

    said = recommended(strict, bleeding_sites=("cns",))

    assert {order.kind for order in said.orders if order.is_held} == {
        OrderKind.IVIG,
        OrderKind.CORTICOSTEROID,
        OrderKind.PLATELETS,
    }


@pytest.mark.hazard("H09")
def test_line_that_a_gate_asks_to_call_about_is_marked_and_goes_on() -> None:
    calling = sound_protocol(
        gates=(
            gate(
                "ANY",
                if_is("sex", "male"),
                stops=False,
                platelets=ArmEffect.WITH_CALL,
                ivig=ArmEffect.AS_BRANCH,
                corticosteroid=ArmEffect.AS_BRANCH,
            ),
        )
    )

    said = recommended(calling, bleeding_level="life_threatening")

    platelets, ivig = order_of(said, "E_PLATELETS"), order_of(said, "E_IVIG")
    assert (platelets.is_held, platelets.role) == (False, Role.REQUIRED)
    assert [mark.kind for mark in platelets.effects] == ["with_call"]
    assert ivig.effects == ()


def test_gate_that_does_not_stop_raises_the_consult_alone() -> None:
    said = recommended(causative_drug=True)

    assert said.consult is ConsultLevel.STAT
    assert not any(order.is_held for order in said.orders)


def test_gate_nobody_can_judge_is_listed_and_asked() -> None:
    said = recommended(ttp_suspected=UNKNOWN)

    assert said.trace.gates_unjudged == ("TTP",)
    assert asked(said)["ttp_suspected"] == ("Gate TTP",)


def test_gate_comes_before_a_case_that_is_not_covered() -> None:
    said = gated(platelets_per_ul=20, clumps=True)

    assert said.provisional is None
    assert [gate.key for gate in said.gates] == ["CLUMPS"]


# Regimens


@pytest.mark.parametrize(
    ("facts", "key"),
    [
        ({}, "STEROID_ADULT"),
        ({"age_years": 10}, "STEROID_CHILD"),
        ({"sex": "female", "pregnant": True, "pre_pregnancy_weight_kg": D(60)}, "STEROID_PREGNANT"),
    ],
)
def test_first_regimen_of_the_family_that_holds_is_used(facts: dict[str, Any], key: str) -> None:
    dose = order_of(recommended(**facts), "T_STEROID").dose

    assert isinstance(dose, Dose)
    assert dose.regimen.key == key


def test_earlier_regimen_that_may_hold_is_asked_about() -> None:
    said = recommended(pregnant=UNKNOWN)
    steroid = order_of(said, "T_STEROID")

    assert isinstance(steroid.dose, Dose)
    assert steroid.dose.regimen.key == "STEROID_ADULT"
    assert steroid.waits_for == ("pregnant",)
    assert "Give T_STEROID" in asked(said)["pregnant"]


def test_where_no_regimen_is_sure_the_first_that_may_hold_is_shown() -> None:
    steroid = order_of(recommended(pregnant=UNKNOWN, age_years=UNKNOWN), "T_STEROID")

    assert isinstance(steroid.dose, Dose)
    assert steroid.dose.regimen.key == "STEROID_PREGNANT"
    assert steroid.waits_for == ("pregnant", "age_years")


def test_line_that_no_regimen_doses_is_held_and_stops_signing() -> None:
    no_children = sound_protocol(regimens=tuple(r for r in PROTOCOL.regimens if r.key != "STEROID_CHILD"))

    said = recommended(no_children, age_years=10)
    steroid = order_of(said, "T_STEROID")

    assert (steroid.dose, steroid.is_held, steroid.role) == (UNKNOWN, True, Role.OFFERED)
    assert [(finding.rule, finding.severity) for finding in said.holds] == [("NO_REGIMEN", Severity.HARD)]
    assert not order_of(said, "T_IVIG").is_held


def test_line_of_a_family_that_does_not_exist_is_held() -> None:
    said = recommended(sound_protocol(regimens=()))

    assert {order.code for order in said.orders if order.is_held} == {"T_IVIG", "T_SLOW", "T_STEROID"}
    assert order_of(said, "T_SLOW").role is Role.ALTERNATIVE


def test_line_waits_for_the_weight_it_needs() -> None:
    said = recommended(weight_kg=UNKNOWN)
    ivig = order_of(said, "T_IVIG")

    assert (ivig.dose, ivig.waits_for) == (UNKNOWN, ("weight_kg",))
    assert asked(said)["weight_kg"][0] == "Give T_IVIG"
    assert (said.dosing_weight, said.rate_plan) == (UNKNOWN, None)


@pytest.mark.hazard("H06")
def test_two_calculations_that_disagree_block_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dosing, "nearest_multiple", lambda *_: D("30.1"))

    said = recommended()
    ivig = order_of(said, "T_IVIG")

    assert (ivig.dose, ivig.is_held, ivig.role) == (UNKNOWN, True, Role.OFFERED)
    assert {finding.rule for finding in said.holds} == {"LEDGER"}
    assert said.findings[0].override.kind is OverrideKind.NONE
    assert said.rate_plan is None


# Findings


def test_finding_holds_its_lines_and_raises_the_consult() -> None:
    said = recommended(immunoglobulin_reaction=True)

    assert [finding.rule for finding in said.findings] == ["S_REACTION"]
    assert {order.code for order in said.orders if order.is_held} == {"T_IVIG", "T_SLOW"}
    assert said.consult is ConsultLevel.STAT
    assert said.holds == said.findings
    assert said.trace.rules_fired == ("S_REACTION",)


def test_finding_about_a_line_nobody_proposed_stops_that_line_alone() -> None:
    said = recommended(platelets_per_ul=15, bleeding_level="none", immunoglobulin_reaction=True)

    assert said.branch.key == "WATCH"
    assert order_of(said, "W_IVIG").is_held
    assert [finding.rule for finding in said.findings] == ["S_REACTION"]
    assert said.holds == ()


def test_warning_stops_nothing() -> None:
    said = recommended(renal_risk_factors=("diabetes",))

    assert [finding.rule for finding in said.findings] == ["S_KIDNEY"]
    assert said.holds == ()


def test_hard_findings_come_first() -> None:
    said = recommended(
        product="P5",
        renal_risk_factors=("diabetes",),
        ivig_last_7_days_g_per_kg=D(2),
        hours_since_last_ivig=D(10),
    )

    assert [finding.rule for finding in said.findings] == ["S_COURSE", "S_EARLY", "S_KIDNEY", "S_LABEL"]


def test_rule_nobody_can_judge_is_listed_and_asked() -> None:
    said = recommended(renal_risk_factors=UNKNOWN)

    assert said.trace.rules_unjudged == ("S_KIDNEY",)
    assert asked(said)["renal_risk_factors"] == ("Rule S_KIDNEY speaks",)


def test_rule_on_a_derived_fact_asks_what_it_is_made_from() -> None:
    said = recommended(ivig_last_7_days_g_per_kg=UNKNOWN)

    assert asked(said) == {"ivig_last_7_days_g_per_kg": ("Rule S_COURSE speaks",)}


def test_first_immunoglobulin_is_never_a_second_dose() -> None:
    said = recommended(first_ivig=True, ivig_last_7_days_g_per_kg=UNKNOWN, hours_since_last_ivig=UNKNOWN)

    assert said.trace.rules_unjudged == ()


def test_time_since_the_last_dose_is_asked_where_a_repeat_rule_needs_it() -> None:
    said = recommended(hours_since_last_ivig=UNKNOWN)
    without_rule = recommended(
        hours_since_last_ivig=UNKNOWN, bleeding_level="life_threatening", weight_kg=D(20)
    )

    assert "Rule S_EARLY speaks" in asked(said)["hours_since_last_ivig"]
    assert "Rule S_EARLY speaks" not in asked(without_rule).get("hours_since_last_ivig", ())
    assert said.repeat is not None
    assert without_rule.repeat is None


def values_seen(protocol_rule: str, fact: str, value: str, **facts: Any) -> bool:
    rule = safety_rule("S", Severity.WARNING, if_is(fact, value))
    said = recommended(sound_protocol(safety_rules=(rule,)), **facts)
    return bool(protocol_rule in said.trace.rules_fired)


@pytest.mark.parametrize(
    ("fact", "value", "facts"),
    [
        ("grade", "2", {}),
        ("branch", "TREAT", {}),
        ("bmi", "20", {"weight_kg": D(80), "height_cm": D(200)}),
        ("egfr", "66", {"creatinine_umol_per_l": D(85), "age_years": 65, "sex": "female"}),
        ("dosing_weight_kg", "60", {}),
        ("weight_basis", "actual", {}),
        ("ivig_day_g_per_kg", "0.5", {}),
        ("ivig_course_g_per_kg", "1.5", {"ivig_last_7_days_g_per_kg": D(1)}),
        ("ivig_deviation_percent", "0", {}),
        ("ivig_deviation_percent", "29.03", {"weight_kg": D(31)}),
        ("ivig_left_over_g", "0", {}),
        ("ivig_left_over_g", "4.5", {"weight_kg": D(31)}),
        ("prednisone_uncapped_mg", "120", {}),
        ("prednisone_uncapped_mg", "0", {"age_years": 10}),
        ("steroid_days", "20", {}),
        ("product", "P10", {}),
        ("product_route", "iv", {}),
        ("product_iga_depleted", "true", {"product": "P5"}),
        ("product_itp_labelled", "true", {}),
        ("product_withdrawn", "true", {"product": "P5"}),
        ("repeat_too_early", "true", {"hours_since_last_ivig": D("19.9")}),
        ("repeat_too_early", "false", {"hours_since_last_ivig": D(20)}),
        ("findings_suggest_higher_level", "true", {"bleeding_findings": ("melaena",)}),
        ("count_at_procedure_target", "true", {"procedure": "SMALL"}),
        ("count_below_procedure_target", "true", {"procedure": "BIG"}),
        # Without a line of its kind a patient gets none of it.
        ("prednisone_uncapped_mg", "0", {"bleeding_level": "life_threatening"}),
        ("steroid_days", "0", {"bleeding_level": "life_threatening"}),
    ],
)
def test_rules_may_ask_what_follows_from_the_facts(fact: str, value: str, facts: dict[str, Any]) -> None:
    assert values_seen("S", fact, value, **facts)


def test_patient_without_immunoglobulin_gets_none_of_it() -> None:
    plain = replace(PROTOCOL.branches[0], orders=(line("W", OrderKind.OTHER, Role.REQUIRED),))
    rules = (
        safety_rule("DAY", Severity.WARNING, if_is("ivig_day_g_per_kg", "0")),
        safety_rule("COURSE", Severity.WARNING, if_is("ivig_course_g_per_kg", "0")),
        safety_rule("LEFT", Severity.WARNING, if_is("ivig_left_over_g", "0")),
    )

    said = recommended(
        sound_protocol(branches=(plain, *PROTOCOL.branches[1:]), safety_rules=rules),
        platelets_per_ul=15,
        bleeding_level="none",
    )

    assert said.trace.rules_fired == ("DAY", "COURSE", "LEFT")


def test_days_of_a_steroid_that_names_none_are_unknown() -> None:
    rule = safety_rule("S", Severity.WARNING, if_from("steroid_days", "1"))

    said = recommended(sound_protocol(safety_rules=(rule,)), age_years=10)

    assert said.trace.rules_unjudged == ("S",)


# What the facts name and the protocol does not have


@pytest.mark.parametrize(
    ("fact", "word", "held"),
    [
        ("product", "product", {"T_IVIG", "T_SLOW"}),
        ("policy", "dosing weight policy", {"T_IVIG", "T_SLOW"}),
        ("procedure", "procedure", set()),
    ],
)
def test_row_that_is_not_there_is_told_and_never_replaced(fact: str, word: str, held: set[str]) -> None:
    said = recommended(**{fact: "GONE"})

    assert [finding.rule for finding in said.holds] == ["NO_SUCH_ROW"]
    assert said.findings[0].text == f"This version of the protocol has no {word} GONE."
    assert {order.code for order in said.orders if order.is_held} == held


def test_dose_without_a_policy_is_unknown_and_the_weight_is_not_asked_again() -> None:
    ivig = order_of(recommended(policy="GONE"), "T_IVIG")

    assert (ivig.dose, ivig.waits_for) == (UNKNOWN, ())


def test_product_is_the_one_named_or_the_one_suggested() -> None:
    assert chosen_product(PROTOCOL, patient()).key == "P10"
    assert chosen_product(PROTOCOL, patient(product="P5")).key == "P5"
    with pytest.raises(KeyError):
        chosen_product(PROTOCOL, patient(product="GONE"))


# Rates, monitoring, texts


def test_rate_plan_is_that_of_the_required_line() -> None:
    plan = recommended().rate_plan

    assert plan is not None
    assert [step.ml_per_h for step in plan.steps] == [D(60), D(120), D(240)]


def test_finding_can_slow_the_infusion() -> None:
    plan = recommended(renal_risk_factors=("diabetes",)).rate_plan

    assert plan is not None
    assert (plan.is_at_risk, plan.cap_ml_per_kg_per_h) == (True, D(2))


@pytest.mark.parametrize(
    ("facts", "is_first"),
    [
        ({"first_ivig": True}, True),
        ({"first_ivig": UNKNOWN}, UNKNOWN),
        ({"first_ivig": False, "hours_since_last_ivig": D(100)}, False),
        ({"first_ivig": False, "hours_since_last_ivig": D("100.1")}, True),
        ({"first_ivig": False, "hours_since_last_ivig": UNKNOWN}, UNKNOWN),
    ],
)
def test_first_exposure_is_slower_and_so_is_one_nobody_knows_of(facts: dict[str, Any], is_first: Any) -> None:
    said = recommended(**facts, weight_kg=D(100))

    assert is_first_exposure(PROTOCOL, said.facts) is is_first
    assert said.rate_plan is not None
    assert said.rate_plan.cap_ml_per_kg_per_h == (D(4) if is_first is False else D(3))


def test_first_exposure_is_asked_only_where_it_changes_the_rate() -> None:
    assert "the infusion rate" in asked(recommended(first_ivig=UNKNOWN))["first_ivig"]
    assert "the infusion rate" in asked(recommended(hours_since_last_ivig=UNKNOWN))["hours_since_last_ivig"]
    at_risk = recommended(first_ivig=UNKNOWN, renal_risk_factors=("diabetes",))
    assert "first_ivig" not in asked(at_risk)


def test_protocol_may_say_nothing_of_a_first_exposure() -> None:
    quiet = sound_protocol(
        parameters=tuple(row for row in PROTOCOL.parameters if not row.key.startswith("first_exposure"))
    )

    said = recommended(quiet, first_ivig=True)

    assert said.rate_plan is not None
    assert said.rate_plan.cap_ml_per_kg_per_h == D(4)
    assert is_first_exposure(quiet, patient(hours_since_last_ivig=UNKNOWN)) is False


def test_line_is_planned_as_a_first_exposure_unless_somebody_says_otherwise() -> None:
    said = recommended()
    weight = said.dosing_weight
    assert isinstance(weight, DosingWeight)
    ivig = order_of(said, "T_IVIG")

    cautious = plan_for(PROTOCOL, ivig, weight, is_at_risk=False)
    known = plan_for(PROTOCOL, ivig, weight, is_at_risk=False, is_first_exposure=False)

    assert cautious is not None
    assert known is not None
    assert (cautious.cap_ml_per_kg_per_h, known.cap_ml_per_kg_per_h) == (D(3), D(4))
    assert plan_for(PROTOCOL, order_of(said, "T_LOOK"), weight, is_at_risk=False) is None
    assert plan_for(PROTOCOL, order_of(said, "T_STEROID"), weight, is_at_risk=False) is None


def test_regimen_with_its_own_time_is_infused_evenly() -> None:
    plan = recommended(bleeding_level="life_threatening").rate_plan

    assert plan is not None
    assert [step.ml_per_h for step in plan.steps] == [D(30)]


def test_held_line_has_no_rate_plan() -> None:
    assert recommended(immunoglobulin_reaction=True).rate_plan is None


def test_monitoring_follows_the_required_lines_and_keeps_what_may_apply() -> None:
    def keys(**facts: Any) -> list[str]:
        return [item.key for item in recommended(**facts).monitoring]

    assert keys() == ["M_ALL", "M_IVIG"]
    assert keys(renal_risk_factors=UNKNOWN) == ["M_ALL", "M_IVIG", "M_DIABETES"]
    assert keys(immunoglobulin_reaction=True) == ["M_ALL"]


def test_texts_are_those_whose_conditions_hold() -> None:
    def keys(aetiology: Any) -> list[str]:
        return [text.key for text in recommended(aetiology=aetiology).texts if text.topic == "conflict"]

    assert keys("primary_itp") == ["conflict"]
    assert keys("secondary_itp") == []
    assert keys(UNKNOWN) == []


def test_consult_line_says_how_soon() -> None:
    assert order_of(recommended(), "consult_same_day").role is Role.REQUIRED
    informed = sound_protocol(
        gates=(
            gate(
                "INFO",
                if_is("sex", "male"),
                stops=False,
                platelets=ArmEffect.AS_BRANCH,
                consult=ConsultLevel.INFO,
            ),
        )
    )
    watch = {"platelets_per_ul": 15, "bleeding_level": "none"}
    assert order_of(recommended(informed, **watch), "consult_info").role is Role.OFFERED
    assert [order.kind for order in recommended(**watch).orders] == [OrderKind.OTHER, OrderKind.IVIG]


def test_weight_that_could_change_is_asked_about() -> None:
    assert asked(recommended(height_cm=UNKNOWN)) == {"height_cm": ("the dosing weight",)}


# Policies


def test_policies_are_compared_with_the_one_in_use() -> None:
    obese = patient(weight_kg=D(100), height_cm=D("152.4"))

    results = {
        result.policy: (result.dose_g, result.difference_g) for result in compare_policies(PROTOCOL, obese)
    }

    assert results == {
        "ADJUSTED": (D(40), D(0)),
        "STRICT": (D(40), D(0)),
        "EVERYBODY": (D(40), D(0)),
        "ACTUAL": (D(50), D(10)),
    }


def test_policy_that_is_compared_has_its_title_and_its_weight() -> None:
    results = compare_policies(PROTOCOL, patient(weight_kg=D(100), height_cm=D("152.4")))

    assert [result.title for result in results] == [f"Policy {result.policy}" for result in results]
    assert [result.weight.policy.key for result in results] == [result.policy for result in results]


def test_policies_cannot_be_compared_without_a_weight_a_policy_or_a_regimen() -> None:
    assert compare_policies(PROTOCOL, patient(weight_kg=UNKNOWN)) == ()
    assert compare_policies(PROTOCOL, patient(policy="GONE")) == ()
    assert compare_policies(sound_protocol(regimens=PROTOCOL.regimens[3:]), patient()) == ()


def test_policy_the_facts_name_is_used() -> None:
    obese = {"weight_kg": D(100), "height_cm": D("152.4")}

    assert (
        order_of(recommended(**obese, policy="ACTUAL"), "T_IVIG").dose
        != order_of(recommended(**obese), "T_IVIG").dose
    )
    differences = [
        result.difference_g for result in compare_policies(PROTOCOL, patient(**obese, policy="ACTUAL"))
    ]
    assert differences == [D(-10), D(-10), D(-10), D(0)]


# Always


def test_evaluation_does_not_depend_on_the_decimal_context_of_the_caller() -> None:
    facts = patient(weight_kg=D("97.3"), height_cm=D("161.7"), creatinine_umol_per_l=D("81.7"))
    expected = evaluate(PROTOCOL, facts)
    compared = compare_policies(PROTOCOL, facts)

    with localcontext() as context:
        context.prec = 2
        assert evaluate(PROTOCOL, facts) == expected
        assert compare_policies(PROTOCOL, facts) == compared


def test_protocol_without_policies_but_one_needs_no_height() -> None:
    plain = sound_protocol(weight_policies=(policy("ADJUSTED", uses_pre_pregnancy_weight=False),))

    assert recommended(plain, height_cm=UNKNOWN).questions == ()


def test_rules_may_lead_to_the_same_reason_for_not_covering() -> None:
    rules = (
        *PROTOCOL.decision_rules[1:],
        decision_rule(
            "R01",
            (0,),
            ("active",),
            None,
            surgery=(True,),
            not_covered="Not here.",
            consult_at_least=ConsultLevel.STAT,
        ),
        decision_rule("R02", (0,), ("active",), None, surgery=(False,), not_covered="Not here."),
    )

    outcome = evaluate(
        sound_protocol(decision_rules=rules), patient(platelets_per_ul=20, urgent_surgery=UNKNOWN)
    )

    assert isinstance(outcome, NotCovered)
    assert outcome.consult is ConsultLevel.STAT


# What an outcome carries besides its lines


@pytest.mark.hazard("H24")
def test_stopped_patient_keeps_the_facts_questions_and_trace_of_what_is_provisional() -> None:
    said = gated(clumps=True, bleeding_sites=UNKNOWN)

    provisional = said.provisional
    assert provisional is not None
    assert (said.facts, said.grade) == (provisional.facts, provisional.grade)
    assert said.questions == provisional.questions != ()
    assert said.trace == provisional.trace
    assert said.trace.grade_band is said.grade


def test_stopped_patient_is_called_about_as_urgently_as_what_is_provisional() -> None:
    """The gate itself would only inform."""
    said = gated(clumps=True, immunoglobulin_reaction=True)

    assert said.provisional is not None
    assert said.provisional.consult is said.consult is ConsultLevel.STAT


def test_patient_nobody_knows_anything_of_is_called_about_by_rank_and_not_by_name() -> None:
    quiet = sound_protocol(gates=(gate("ANY", if_is("sex", "male"), consult=ConsultLevel.INFO),))

    said = gated(quiet, platelets_per_ul=UNKNOWN, bleeding_level=UNKNOWN, bleeding_sites=UNKNOWN)

    # "none" comes behind "info" in the alphabet.
    assert said.consult.rank >= ConsultLevel.INFO.rank


def test_patient_the_protocol_does_not_cover_keeps_the_facts() -> None:
    facts = patient(platelets_per_ul=20)

    assert evaluate(PROTOCOL, facts).facts == facts


@pytest.mark.hazard("H10")
@pytest.mark.parametrize(("factors", "is_at_risk"), [((), False), (("diabetes",), True)])
def test_risk_of_the_infusion_is_told_and_every_line_is_planned_by_it(
    factors: tuple[str, ...], is_at_risk: bool
) -> None:
    said = recommended(renal_risk_factors=factors, first_ivig=False)

    assert said.is_at_risk is is_at_risk
    plans = plans_of(PROTOCOL, said)
    assert {plan.is_at_risk for plan in plans.values()} == {is_at_risk}


def test_level_that_the_findings_show_is_told_to_the_rules_where_nobody_said_one() -> None:
    said = recommended(bleeding_level=UNKNOWN)

    assert isinstance(said.bleeding.computed, str)
    assert said.values["bleeding_level"] == said.bleeding.computed


def test_finding_says_the_product_by_its_name() -> None:
    rule = replace(safety_rule("S_NAME", Severity.WARNING, ()), text="Given as {product}")

    said = recommended(sound_protocol(safety_rules=(rule,)))

    assert said.rate_plan is not None
    assert [finding.text for finding in said.findings] == [f"Given as {said.rate_plan.product.name}"]


def test_call_stands_first_in_time_with_the_words_of_its_row() -> None:
    said = recommended()
    (row,) = (text for text in PROTOCOL.texts if text.key == "consult_same_day")

    call = order_of(said, "consult_same_day")

    assert (call.text, call.group, call.start_after_minutes) == (row.body, "", 0)
