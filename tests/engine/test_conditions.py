"""Conditions in three-valued logic: true, false and unknown, and what to ask while it is unknown."""

from typing import Any

import pytest

from protocols.engine.conditions import BadCondition, compile_when, facts_asked
from protocols.engine.facts import UNKNOWN
from protocols.engine.protocol import Comparator

from .factory import D, ask, if_below

AGE_OVER_20 = ask("age_years", Comparator.ABOVE, "20")
IS_MALE = ask("sex", Comparator.IS, "male")
IS_PREGNANT = ask("pregnant", Comparator.IS, "true")


@pytest.mark.parametrize(
    ("fact", "comparator", "values", "value", "expected"),
    [
        ("age_years", Comparator.BELOW, ("20",), 19, True),
        ("age_years", Comparator.BELOW, ("20",), 20, False),
        ("age_years", Comparator.AT_MOST, ("20",), 20, True),
        ("age_years", Comparator.AT_MOST, ("20",), 21, False),
        ("age_years", Comparator.ABOVE, ("20",), 21, True),
        ("age_years", Comparator.ABOVE, ("20",), 20, False),
        ("age_years", Comparator.AT_LEAST, ("20",), 20, True),
        ("age_years", Comparator.AT_LEAST, ("20",), 19, False),
        ("age_years", Comparator.IS, ("20", "30"), 30, True),
        ("age_years", Comparator.IS_NOT, ("20", "30"), 30, False),
        ("weight_kg", Comparator.ABOVE, ("20.5",), D("20.50"), False),
        ("weight_kg", Comparator.IS, ("20.5",), D("20.50"), True),
        ("sex", Comparator.IS, ("male",), "male", True),
        ("sex", Comparator.IS_NOT, ("male",), "female", True),
        ("pregnant", Comparator.IS, ("true",), True, True),
        ("pregnant", Comparator.IS, ("false",), True, False),
        ("procedure", Comparator.IS, ("BIG",), "BIG", True),
        ("bleeding_sites", Comparator.INCLUDES_ANY, ("gi", "gu"), ("cns", "gi"), True),
        ("bleeding_sites", Comparator.INCLUDES_ANY, ("gi",), (), False),
        ("bleeding_sites", Comparator.INCLUDES_NONE, ("gi",), ("cns",), True),
        ("bleeding_sites", Comparator.INCLUDES_NONE, ("gi",), ("gi",), False),
    ],
)
def test_condition_compares_a_known_fact(
    fact: str, comparator: Comparator, values: tuple[str, ...], value: Any, expected: bool
) -> None:
    holds = compile_when(((ask(fact, comparator, *values),),))

    assert holds({fact: value}) is expected


@pytest.mark.parametrize(
    "comparator", [c for c in Comparator if c not in (Comparator.KNOWN, Comparator.UNKNOWN)]
)
def test_every_comparison_of_an_unknown_fact_is_unknown(comparator: Comparator) -> None:
    is_set = comparator in (Comparator.INCLUDES_ANY, Comparator.INCLUDES_NONE)
    condition = ask("bleeding_sites", comparator, "gi") if is_set else ask("age_years", comparator, "20")
    holds = compile_when(((condition,),))

    assert holds({}) is UNKNOWN
    assert holds({condition.fact: UNKNOWN}) is UNKNOWN


def test_known_and_unknown_ask_about_knowing_itself() -> None:
    is_known = compile_when(((ask("consent", Comparator.KNOWN),),))
    is_unknown = compile_when(((ask("consent", Comparator.UNKNOWN),),))

    assert (is_known({}), is_unknown({})) == (False, True)
    assert (is_known({"consent": "refused"}), is_unknown({"consent": "refused"})) == (True, False)


def test_no_conditions_always_hold() -> None:
    always = compile_when(())

    assert always({}) is True
    assert always.missing({}) == ()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"age_years": 30, "sex": "male"}, True),
        ({"age_years": 10, "sex": "male"}, False),
        ({"age_years": 30}, UNKNOWN),
        # One condition that fails settles the group, whatever the unknown one says.
        ({"age_years": 10}, False),
        ({"sex": "female"}, False),
        ({}, UNKNOWN),
    ],
)
def test_all_conditions_of_a_group_must_hold(values: dict[str, Any], expected: object) -> None:
    assert compile_when(((AGE_OVER_20, IS_MALE),))(values) is expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"age_years": 30}, True),
        ({"age_years": 10, "pregnant": False}, False),
        ({"age_years": 10}, UNKNOWN),
        # One group that holds settles the answer, whatever the unknown one says.
        ({"pregnant": True}, True),
        ({"pregnant": False}, UNKNOWN),
    ],
)
def test_any_group_is_enough(values: dict[str, Any], expected: object) -> None:
    assert compile_when(((AGE_OVER_20,), (IS_PREGNANT,)))(values) is expected


def test_only_facts_that_could_settle_the_answer_are_missing() -> None:
    holds = compile_when(((AGE_OVER_20, IS_MALE), (IS_PREGNANT, IS_MALE)))

    assert holds.missing({}) == ("age_years", "sex", "pregnant")
    # The first group has failed, so that nothing in it matters any more.
    assert holds.missing({"age_years": 10}) == ("pregnant", "sex")
    assert holds.missing({"pregnant": False, "age_years": 30}) == ("sex",)


def test_derived_facts_are_missing_as_what_they_are_made_from() -> None:
    kidney = compile_when(if_below("egfr", "30"))

    assert kidney.missing({"age_years": 30}) == ("creatinine_umol_per_l", "sex")
    # For a child there is no estimate, and nothing to ask that would give one.
    assert kidney.missing({"age_years": 10, "creatinine_umol_per_l": D(80), "sex": "male"}) == ()


def test_groups_that_hold_are_told_by_their_place_and_open_ones_are_not() -> None:
    either = compile_when(((AGE_OVER_20, IS_MALE), (IS_PREGNANT,), (AGE_OVER_20,)))

    assert either.groups_that_hold({"age_years": 30, "sex": "female", "pregnant": True}) == (1, 2)
    assert either.groups_that_hold({"age_years": 30}) == (2,)
    assert either.groups_that_hold({}) == ()


def test_nothing_is_asked_of_a_group_that_is_sure_not_to_hold() -> None:
    either = compile_when(((AGE_OVER_20, IS_MALE), (AGE_OVER_20, IS_PREGNANT)))

    assert either.missing({"age_years": 10}) == ()
    assert either.missing({"age_years": 30, "sex": "female"}) == ("pregnant",)


def test_fact_that_is_to_be_unknown_and_is_so_is_not_asked() -> None:
    both = compile_when(((ask("sex", Comparator.UNKNOWN), IS_PREGNANT),))

    assert both.missing({}) == ("pregnant",)
    assert both.missing_in((0,), {}) == ("pregnant",)


@pytest.mark.parametrize(("points", "expected"), [(5, True), (4, False)])
def test_score_given_as_a_number_is_compared_as_one(points: int, expected: bool) -> None:
    assert compile_when(((ask("plasmic", Comparator.AT_LEAST, "5"),),))({"plasmic": points}) is expected


def test_facts_asked_are_named_once_in_order() -> None:
    assert facts_asked(((AGE_OVER_20, IS_MALE), (IS_MALE, IS_PREGNANT))) == ("age_years", "sex", "pregnant")


@pytest.mark.parametrize(
    ("fact", "comparator", "values", "words"),
    [
        ("no_such_fact", Comparator.IS, ("1",), "no fact is called"),
        ("sex", Comparator.BELOW, ("1",), "cannot be compared"),
        ("bleeding_sites", Comparator.IS, ("gi",), "cannot be compared"),
        ("age_years", Comparator.INCLUDES_ANY, ("1",), "cannot be compared"),
        ("age_years", Comparator.BELOW, (), "has 0 values"),
        ("age_years", Comparator.BELOW, ("1", "2"), "has 2 values"),
        ("age_years", Comparator.IS, (), "has 0 values"),
        ("age_years", Comparator.BELOW, ("old",), "is a number"),
        ("age_years", Comparator.BELOW, ("1e1",), "is a number"),
        ("age_years", Comparator.BELOW, ("NaN",), "is a number"),
        ("pregnant", Comparator.IS, ("yes",), "written true or false"),
        ("sex", Comparator.IS, ("both",), "cannot be 'both'"),
        ("consent", Comparator.KNOWN, ("recorded",), "takes no values"),
    ],
)
def test_condition_that_makes_no_sense_is_refused(
    fact: str, comparator: Comparator, values: tuple[str, ...], words: str
) -> None:
    with pytest.raises(BadCondition, match=words):
        compile_when(((ask(fact, comparator, *values),),))


def test_predicate_knows_the_facts_it_asks_each_once_in_their_order() -> None:
    when = (
        (ask("sex", Comparator.IS, "male"), ask("clumps", Comparator.IS, "true")),
        (ask("clumps", Comparator.IS, "false"),),
    )

    assert compile_when(when).facts == ("sex", "clumps")
