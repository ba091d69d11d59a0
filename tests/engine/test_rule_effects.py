"""What safety rules may say and do beyond holding a line, on the small protocol of these tests."""

from dataclasses import replace
from typing import Any

import pytest

from protocols.engine.behaviour import _met
from protocols.engine.conditions import compile_when
from protocols.engine.decision import evaluate
from protocols.engine.facts import UNKNOWN
from protocols.engine.placeholders import fill, wait_of
from protocols.engine.plain import PlainError, from_plain, to_plain
from protocols.engine.protocol import (
    Comparator,
    EffectKind,
    ExtraOrder,
    OrderKind,
    Protocol,
    Role,
    Severity,
    Timing,
)
from protocols.engine.recommendation import Recommendation
from protocols.engine.review import Problem, find_problems, stops_of

from .factory import BASIS, PROTOCOL, D, ask, if_is, parameter, patient, safety_rule, sound_protocol

RULE = safety_rule("S", Severity.WARNING, if_is("pregnant", "true"))


def with_rule(**changes: Any) -> Protocol:
    return sound_protocol(safety_rules=(replace(RULE, **changes),))


def messages(protocol: Protocol, section: str) -> str:
    return " ".join(problem.message for problem in find_problems(protocol) if problem.section == section)


def extra_order(**changes: Any) -> ExtraOrder:
    row = ExtraOrder(
        key="EXTRA",
        kind=OrderKind.OTHER,
        role=Role.OFFERED,
        timing=Timing.NOW,
        text="Look again",
        basis=BASIS,
    )
    return replace(row, **changes)


def test_line_that_a_rule_removes_is_not_proposed():
    rule = safety_rule("S", Severity.WARNING, if_is("pregnant", "true"), (EffectKind.REMOVE_LINES, "ivig"))
    protocol = sound_protocol(safety_rules=(rule,))

    usual = evaluate(protocol, patient(pregnant=False))
    removed = evaluate(protocol, patient(pregnant=True))

    assert isinstance(usual, Recommendation)
    assert isinstance(removed, Recommendation)
    assert OrderKind.IVIG in {order.kind for order in usual.orders}
    assert OrderKind.IVIG not in {order.kind for order in removed.orders}


@pytest.mark.parametrize(
    ("values", "truth"), [({}, UNKNOWN), ({"plasmic": 6}, True), ({"plasmic": 2}, False)]
)
def test_condition_on_a_score_is_open_until_there_are_points(values: dict[str, Any], truth: Any):
    predicate = compile_when(((ask("plasmic", Comparator.AT_LEAST, "5"),),))

    assert predicate(values) is truth


def test_name_that_is_not_on_the_list_stays_as_it_is_written():
    assert fill("Wait for {colour}.", {"colour": "green"}) == "Wait for {colour}."


def test_name_on_the_list_is_its_value_as_a_text_shows_it():
    values = {"hours_until_repeat": D("11.2"), "planned_volume_6h_ml_per_kg": D("12.25")}

    assert fill("Wait {hours_until_repeat} hours: {planned_volume} mL.", values) == "Wait 12 hours: 12.3 mL."
    assert fill("The weight is {actual_weight}.", values) == "The weight is not known."


def test_text_that_says_how_long_to_wait_says_it_for_a_calendar_too():
    values = {"hours_until_repeat": D("11.2"), "live_vaccine_months": 9}

    assert wait_of("Wait {hours_until_repeat} hours.", values) == {"hours": "11.2"}
    assert wait_of("Vaccinate after {live_vaccine_months} months.", values) == {"months": "9"}
    assert wait_of("The count is {count}.", values) == {}
    assert wait_of("Wait {hours_until_repeat} hours.", {}) == {}


VACCINE = {
    "haemolysis_watch_g_per_kg": "20",
    "haemolysis_watch_from_days": "3",
    "haemolysis_watch_to_days": "6",
    "serology_caution_months": "2",
    "live_vaccine_low_g_per_kg": "0.5",
    "live_vaccine_low_months": "1",
    "live_vaccine_middle_g_per_kg": "100",
    "live_vaccine_middle_months": "2",
    "live_vaccine_high_months": "3",
    "live_vaccine_platelets_months": "4",
}


@pytest.mark.parametrize(
    ("held", "facts", "months"),
    [
        ((), {}, 1),
        ((), {"ivig_last_7_days_g_per_kg": UNKNOWN}, 3),
        (("ivig",), {"bleeding_sites": ("cns",)}, 4),
        (("ivig", "platelets"), {}, None),
    ],
)
def test_live_vaccine_waits_for_what_the_branch_gives(
    held: tuple[str, ...], facts: dict[str, Any], months: int | None
):
    parameters = tuple(parameter(key, value) for key, value in VACCINE.items())
    branches = tuple(
        replace(row, orders=tuple(line for line in row.orders if line.kind.value not in held))
        for row in PROTOCOL.branches
    )
    protocol = sound_protocol(parameters=(*PROTOCOL.parameters, *parameters), branches=branches)

    found = evaluate(protocol, patient(**facts))

    assert isinstance(found, Recommendation)
    assert found.values.get("live_vaccine_months") == months


@pytest.mark.parametrize(("stabilisers", "is_held"), [(("sorbitol",), True), ((), False)])
def test_rule_that_requires_a_product_holds_the_line_of_another(stabilisers: tuple[str, ...], is_held: bool):
    effect = (EffectKind.REQUIRE_PRODUCT, "without_sorbitol")
    rule = safety_rule("S", Severity.WARNING, if_is("pregnant", "true"), effect)
    products = tuple(replace(row, stabilisers=stabilisers) for row in PROTOCOL.products)
    protocol = sound_protocol(safety_rules=(rule,), products=products)

    found = evaluate(protocol, patient(pregnant=True))

    assert isinstance(found, Recommendation)
    held = {order.kind for order in found.orders if order.is_held}
    assert (OrderKind.IVIG in held) is is_held


def test_distance_from_the_usual_count_is_a_share_of_it():
    def values_of(usual: int) -> Any:
        found = evaluate(PROTOCOL, patient(platelets_per_ul=9, usual_platelets_per_ul=usual))
        assert isinstance(found, Recommendation)
        return found.values

    assert values_of(12)["percent_from_usual_count"] == 25
    assert "percent_from_usual_count" not in values_of(0)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"override": replace(RULE.override, reasons=("GONE",))}, "There is no reason GONE."),
        ({"text": "x" * 140}, "The text has 140 characters or more."),
        ({"action": "Wait for {colour}."}, "{colour} is no value that a text can show."),
        (
            {"when": ((ask("order_drugs", Comparator.INCLUDES_ANY, "gone"),),)},
            "gone",
        ),
    ],
)
def test_fault_of_a_rule_is_found(changes: dict[str, Any], words: str):
    assert words in messages(with_rule(**changes), "safety_rules")


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (extra_order(), "No rule adds this line."),
        (extra_order(kind=OrderKind.IVIG), "so it is no drug"),
        (extra_order(text=""), "The line has no text."),
    ],
)
def test_fault_of_a_line_that_rules_add_is_found(row: ExtraOrder, words: str):
    assert words in messages(sound_protocol(extra_orders=(row,)), "extra_orders")


def test_line_that_a_rule_adds_is_no_problem():
    rule = safety_rule("S", Severity.WARNING, if_is("pregnant", "true"), (EffectKind.ADD_LINE, "EXTRA"))

    assert messages(sound_protocol(extra_orders=(extra_order(),), safety_rules=(rule,)), "extra_orders") == ""


def test_protocol_without_a_case_of_its_own_has_a_problem():
    assert "no case of its own" in messages(sound_protocol(cases=()), "cases")


def test_failing_case_stops_a_protocol_that_has_no_problem():
    broken = replace(PROTOCOL.cases[0], branch="WATCH" if PROTOCOL.cases[0].branch != "WATCH" else "TREAT")

    stops = stops_of(sound_protocol(cases=(broken, *PROTOCOL.cases[1:])))

    assert stops_of(PROTOCOL) == ()
    assert [type(stop) for stop in stops] == [Problem]
    assert stops[0].key == broken.key


@pytest.mark.parametrize("facts", [["age_years"], {"age_years": [1]}, {"age_years": {"years": 4}}])
def test_facts_of_a_case_are_texts_numbers_and_answers_only(facts: Any):
    plain = to_plain(PROTOCOL)
    plain["cases"][0]["facts"] = facts

    with pytest.raises(PlainError):
        from_plain(Protocol, plain)


def test_situations_of_a_comparison_meet_a_condition_that_the_first_answer_fails():
    group = (ask("sex", Comparator.IS, "male"),)

    assert _met((PROTOCOL, PROTOCOL), group) == {"sex": "male"}


def test_condition_that_nothing_meets_is_left_out_of_a_situation():
    group = (ask("sex", Comparator.IS, "male"), ask("sex", Comparator.IS, "female"))

    assert _met((PROTOCOL, PROTOCOL), group) == {}


def test_fault_of_the_checklist_is_a_problem_of_the_protocol():
    item = replace(PROTOCOL.monitoring_items[0], anchor="NOWHERE")

    assert messages(
        sound_protocol(monitoring_items=(item, *PROTOCOL.monitoring_items[1:])), "monitoring_items"
    )
