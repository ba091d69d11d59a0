"""What must hold for every patient, every dose and every condition."""

import json
from dataclasses import replace
from itertools import combinations_with_replacement
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from protocols.engine.conditions import compile_when
from protocols.engine.decision import evaluate
from protocols.engine.dosing import Dose, compute_dose, fewest_vials, nearest_multiple
from protocols.engine.facts import UNKNOWN, Facts, known
from protocols.engine.facts_json import facts_from_plain, facts_to_plain
from protocols.engine.grading import grade_for
from protocols.engine.infusion import rate_plan
from protocols.engine.ledger_check import LedgerDisagreement, verify
from protocols.engine.numbers import count_e9_per_l, parse_count_e9_per_l
from protocols.engine.outcome import outcome_to_plain
from protocols.engine.plain import canonical_json, from_plain, seal
from protocols.engine.protocol import PerUnit, Protocol, RateStep, Role, Ties, WeightBasis
from protocols.engine.recommendation import Gated, NotCovered, Outcome, Recommendation
from protocols.engine.weight import DosingWeight, dosing_weight
from tests.engine.factory import KNOWN, PROTOCOL, D, infused, patient, product, regimen, sound_protocol, step

from .strategies import amounts, any_facts, complete_facts, weights, whens, without

counts = st.integers(0, 2_000_000)
ties = st.sampled_from(list(Ties))
steps = st.decimals("0.1", "50", places=1).filter(lambda size: size > 0)
vial_sizes = st.lists(
    st.sampled_from([D(size) for size in ("1", "2", "2.5", "5", "10", "20", "30", "40")]),
    min_size=1,
    unique=True,
)


# Grades and counts


@given(counts, counts)
def test_lower_count_never_has_a_milder_grade(one: int, other: int) -> None:
    low, high = sorted((one, other))

    assert grade_for(PROTOCOL.grade_bands, low).grade >= grade_for(PROTOCOL.grade_bands, high).grade


@given(counts)
def test_count_is_the_same_in_both_units(count: int) -> None:
    text = count_e9_per_l(count).replace(",", "")

    assert parse_count_e9_per_l(text) == count


# Doses


@given(weights, amounts)
def test_dose_before_cap_and_rounding_is_rate_times_weight(weight: D, amount: D) -> None:
    plain = regimen("R", "F", str(amount), "mg", per=PerUnit.KG, weight=WeightBasis.ACTUAL)

    assert dose_of(plain, weight).exact == amount * weight


@given(weights, amounts, amounts, steps, ties)
@pytest.mark.hazard("H07")
def test_cap_is_never_exceeded(weight: D, amount: D, cap: D, size: D, tie: Ties) -> None:
    dose = dose_of(
        regimen(
            "R",
            "F",
            str(amount),
            "mg",
            amount_minimum=amount,
            amount_maximum=amount,
            per=PerUnit.KG,
            weight=WeightBasis.ACTUAL,
            cap=cap,
            rounding=(step(str(size), ties=tie),),
        ),
        weight,
    )

    assert dose.rounded <= cap
    assert dose.capped is (amount * weight > cap)


@given(amounts, steps, ties)
@pytest.mark.hazard("H06")
def test_rounding_moves_a_dose_by_at_most_half_a_step(amount: D, size: D, tie: Ties) -> None:
    nearest = nearest_multiple(amount, step(str(size), ties=tie))

    assert nearest % size == 0
    assert abs(nearest - amount) * 2 <= size
    if abs(nearest - amount) * 2 == size:
        assert (nearest > amount) is (tie is Ties.UP)


@given(weights, amounts)
def test_dose_is_never_nothing_and_never_rounded_beyond_the_limit(weight: D, amount: D) -> None:
    dose = dose_of(infused("R", "F", str(amount)), weight)

    assert dose.rounded > 0
    assert abs(dose.rounded - dose.exact) * 10 <= dose.exact


@given(st.decimals("2", "200", places=1), st.decimals("1", "200", places=1))
def test_heavier_patient_never_gets_a_smaller_capped_dose(weight: D, more: D) -> None:
    plain = regimen(
        "R", "F", "2", "mg", per=PerUnit.KG, weight=WeightBasis.ACTUAL, rounding=(step("1"),), cap=D(100)
    )

    assert dose_of(plain, weight + more).rounded >= dose_of(plain, weight).rounded


@given(vial_sizes, st.integers(1, 60))
def test_vials_sum_exactly_to_the_dose_and_no_fewer_do(sizes: list[D], halves: int) -> None:
    dose = D(halves) / 2
    plan = fewest_vials(tuple(sizes), dose)
    total = sum((size * count for size, count in plan.vials), D(0))
    fewest = sum(count for _, count in plan.vials)

    assert total == dose + plan.left_over_g
    assert plan.left_over_g >= 0
    for number in range(1, min(fewest, 5)):
        for tried in combinations_with_replacement(sizes, number):
            assert not dose <= sum(tried) <= total


@given(vial_sizes, st.decimals("0.01", "2000", places=2))
def test_least_is_left_over(sizes: list[D], dose: D) -> None:
    plan = fewest_vials(tuple(sizes), dose)

    assert 0 <= plan.left_over_g < max(sizes)
    # Without the smallest vial of the plan the rest never holds the dose.
    assert plan.left_over_g < min(size for size, _ in plan.vials)


# Ledgers


@settings(max_examples=60)
@given(weights, st.decimals("110", "220", places=1), st.sampled_from(["female", "male"]), amounts)
def test_ledger_of_every_dose_is_accepted(weight: D, height: D, sex: str, amount: D) -> None:
    for dose in doses_for(weight, height, sex, amount):
        verify(dose.ledger)


@settings(max_examples=60)
@given(
    st.decimals("60", "200", places=1),
    st.decimals("150", "200", places=1),
    st.data(),
    st.decimals("-10", "10", places=3).filter(bool),
)
@pytest.mark.hazard("H06")
def test_ledger_with_any_changed_result_is_refused(
    weight: D, height: D, data: st.DataObject, change: D
) -> None:
    ledger = doses_for(weight, height, "male", D(1))[0].ledger
    position = data.draw(st.integers(0, len(ledger) - 1))
    forged = replace(ledger[position], result=ledger[position].result + change)

    with pytest.raises(LedgerDisagreement):
        verify((*ledger[:position], forged, *ledger[position + 1 :]))


@settings(max_examples=60)
@given(st.data(), st.decimals("-10", "10", places=3).filter(bool))
def test_ledger_with_any_changed_input_that_matters_is_refused(data: st.DataObject, change: D) -> None:
    ledger = doses_for(D(100), D("152.4"), "male", D(1))[0].ledger
    position = data.draw(st.integers(0, len(ledger) - 1))
    entry = ledger[position]
    place = data.draw(st.integers(0, len(entry.inputs) - 1))
    quantity = entry.inputs[place]
    # A greater maximum and a step that leads to the same multiple are as true as the ones that stood there.
    assume(entry.name not in ("Maximum", "Dosing weight", "Rounded dose") or quantity.from_step is not None)
    changed = (
        *entry.inputs[:place],
        replace(quantity, value=quantity.value + change),
        *entry.inputs[place + 1 :],
    )
    forged = (*ledger[:position], replace(entry, inputs=changed), *ledger[position + 1 :])

    with pytest.raises(LedgerDisagreement):
        verify(forged)


# Infusions


@given(
    st.decimals("1", "200", places=1),
    st.decimals("1", "2000", places=1),
    st.lists(st.decimals("0.1", "10", places=1), min_size=1, max_size=5).map(sorted),
    st.decimals("0.1", "5", places=1),
    st.booleans(),
    st.none() | st.integers(10, 2000),
)
def test_rate_plan_keeps_its_ceilings_and_gives_the_whole_volume(
    weight: D, volume: D, rates: list[D], at_risk: D, is_at_risk: bool, even_over: int | None
) -> None:
    infused_product = product(
        "P",
        "10",
        "10",
        rate_steps=tuple(RateStep(ml_per_kg_per_h=rate, minutes=30) for rate in rates),
        maximum_ml_per_kg_per_h=rates[-1],
        at_risk_ml_per_kg_per_h=at_risk,
    )

    plan = rate_plan(
        product=infused_product,
        dosing_weight_kg=weight,
        volume_ml=volume,
        pump_step_ml_per_h=D("0.1"),
        is_at_risk=is_at_risk,
        infuse_over_minutes=even_over,
    )

    ceiling = min(rates[-1], at_risk) if is_at_risk else rates[-1]
    assert all(step.ml_per_h <= ceiling * weight for step in plan.steps)
    assert [step.ml_per_h for step in plan.steps] == sorted(step.ml_per_h for step in plan.steps)
    assert plan.steps[-1].running_volume_ml == volume
    given_ml = sum((step.ml_per_h * step.minutes / 60 for step in plan.steps), D(0))
    assert volume <= given_ml <= volume + plan.steps[-1].ml_per_h
    assert abs(sum((step.minutes for step in plan.steps), D(0)) - plan.total_minutes) <= D("0.5")


# Weights


@given(weights, st.decimals("110", "220", places=1), st.sampled_from(["female", "male"]), st.integers(0, 100))
def test_dosing_weight_is_never_above_the_actual_one(weight: D, height: D, sex: str, age: int) -> None:
    facts = patient(weight_kg=weight, height_cm=height, sex=sex, age_years=age)
    for policy in PROTOCOL.weight_policies:
        found = dosing_weight(policy, facts)

        assert isinstance(found, DosingWeight)
        assert 0 < found.kg <= weight


# Conditions


@given(st.data(), whens)
def test_learning_a_fact_never_turns_a_settled_answer(data: st.DataObject, when: Any) -> None:
    test = compile_when(when)
    before = known(data.draw(any_facts(test.facts)))
    after = known(data.draw(any_facts(test.facts))) | before

    if test(before) is not UNKNOWN:
        assert test(after) is test(before)


@given(st.data(), whens)
def test_unknown_answer_names_facts_that_are_missing_and_no_others(data: st.DataObject, when: Any) -> None:
    test = compile_when(when)
    values = known(data.draw(any_facts(test.facts)))
    missing = test.missing(values)

    assert missing or test(values) is not UNKNOWN
    assert set(missing).isdisjoint(values)


# Evaluation


@settings(max_examples=150)
@given(any_facts())
@pytest.mark.hazard("H03")
def test_every_patient_gets_an_outcome_that_json_can_hold(facts: Facts) -> None:
    plain = outcome_to_plain(PROTOCOL, evaluate(PROTOCOL, facts))

    assert plain["outcome"] in ("recommendation", "gated", "not_covered")
    json.dumps(plain)


@given(any_facts())
def test_evaluation_gives_the_same_answer_twice(facts: Facts) -> None:
    assert evaluate(PROTOCOL, facts) == evaluate(sound_protocol(), facts)


@given(complete_facts())
def test_facts_come_back_from_json(facts: Facts) -> None:
    plain = facts_to_plain(facts)

    assert facts_to_plain(facts_from_plain(json.loads(json.dumps(plain)))) == plain


@given(complete_facts(), st.randoms(use_true_random=False))
def test_order_of_answers_makes_no_difference(facts: Facts, random: Any) -> None:
    items = list(facts_to_plain(facts).items())
    random.shuffle(items)
    shuffled = {
        key: random.sample(item, len(item)) if isinstance(item, list) else item for key, item in items
    }

    one = facts_from_plain(dict(facts_to_plain(facts)))
    other = facts_from_plain(shuffled)

    assert one == other
    assert evaluate(PROTOCOL, one) == evaluate(PROTOCOL, other)


@settings(max_examples=60)
@given(complete_facts())
@pytest.mark.hazard("H24")
def test_unknown_never_lowers_caution(facts: Facts) -> None:
    """What a complete case brings to light stays when a fact goes missing, or that very fact is asked for."""
    complete = evaluate(PROTOCOL, facts)
    for key in [*KNOWN, "procedure"]:
        less = evaluate(PROTOCOL, without(facts, key))
        # Where nobody states the level, findings that are all known give it.
        is_level_from_findings = key == "bleeding_level" and less.bleeding.level is not UNKNOWN
        if key in asked(less) or is_level_from_findings:
            continue
        assert gates(complete) <= gates(less), key
        assert findings(complete) <= findings(less), key
        assert held(complete) <= held(less), key
        assert complete.consult.rank <= less.consult.rank, key


@settings(max_examples=100)
@given(
    complete_facts(), st.sampled_from(["bleeding_level", "urgent_surgery", "rapid_rise", "platelets_per_ul"])
)
@pytest.mark.hazard("H24")
def test_open_axis_never_lowers_the_consult_of_the_branch(facts: Facts, axis: str) -> None:
    # Rules that raise the consult speak only once the branch is known.
    quiet = sound_protocol(safety_rules=())
    complete, less = evaluate(quiet, facts), evaluate(quiet, without(facts, axis))
    # Where nobody states the level, the findings alone say what is possible.
    assume(axis != "bleeding_level" or complete.bleeding.level in less.bleeding.possible)

    assert less.consult.rank >= complete.consult.rank


@settings(max_examples=100)
@given(complete_facts(), st.sampled_from([*KNOWN, "procedure"]))
def test_line_that_is_required_is_dosed_and_free_or_says_what_it_waits_for(
    facts: Facts, missing: str
) -> None:
    outcome = evaluate(PROTOCOL, without(facts, missing))
    orders = outcome.orders if isinstance(outcome, Recommendation) else ()

    for order in orders:
        assert not (order.is_held and order.role is Role.REQUIRED)
        assert order.dose is not UNKNOWN or order.is_held or order.waits_for


# Plain data


@given(st.text(max_size=20), amounts, st.integers(1, 40))
def test_protocol_comes_back_from_plain_data_and_seals_alike(title: str, amount: D, doses: int) -> None:
    assume(title.isprintable())
    changed = sound_protocol(
        title=title, regimens=(replace(PROTOCOL.regimens[0], amount=amount, doses=doses),)
    )

    again = from_plain(Protocol, json.loads(canonical_json(changed)))

    assert again == changed
    assert seal(again) == seal(changed)
    assert (seal(changed) == seal(PROTOCOL)) is (changed == PROTOCOL)


def dose_of(chosen: Any, weight: D) -> Dose:
    dose = compute_dose(
        regimen=chosen,
        facts=patient(weight_kg=weight),
        dosing=dosing_weight(PROTOCOL.weight_policies[-1], patient(weight_kg=weight)),
        product=PROTOCOL.products[0],
    )
    assert isinstance(dose, Dose)
    return dose


def doses_for(weight: D, height: D, sex: str, amount: D) -> list[Dose]:
    """An immunoglobulin dose, capped, on the weight of each policy."""
    facts = patient(weight_kg=weight, height_cm=height, sex=sex)
    chosen = infused("R", "F", str(amount), cap=D(10_000))
    found = [
        compute_dose(
            regimen=chosen, facts=facts, dosing=dosing_weight(policy, facts), product=PROTOCOL.products[0]
        )
        for policy in PROTOCOL.weight_policies
    ]
    return [dose for dose in found if isinstance(dose, Dose)]


def asked(outcome: Outcome) -> set[str]:
    return {question.fact for question in outcome.questions}


def gates(outcome: Outcome) -> set[str]:
    return {gate.key for gate in outcome.gates}


def findings(outcome: Outcome) -> set[str]:
    if isinstance(outcome, Gated):
        return set() if outcome.provisional is None else findings(outcome.provisional)
    return set() if isinstance(outcome, NotCovered) else {finding.rule for finding in outcome.findings}


def held(outcome: Outcome) -> set[str]:
    if not isinstance(outcome, Recommendation):
        return set()
    return {order.code for order in outcome.orders if order.is_held}
