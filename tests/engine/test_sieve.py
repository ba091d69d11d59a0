"""Rows judged together say what each of them says alone."""

from itertools import product
from typing import Any

import pytest

from protocols.engine.conditions import BadCondition, compile_when
from protocols.engine.facts import UNKNOWN
from protocols.engine.protocol import Comparator, When
from protocols.engine.scores import scores_of
from protocols.engine.sieve import sieve

from .factory import D, ask, if_any, if_below, if_from, if_is

IS_MALE = ask("sex", Comparator.IS, "male")
IS_PREGNANT = ask("pregnant", Comparator.IS, "true")
OVER_20 = ask("age_years", Comparator.ABOVE, "20")

WHENS: dict[str, When] = {
    "always": (),
    "male": if_is("sex", "male"),
    "not male": ((ask("sex", Comparator.IS_NOT, "male"),),),
    "no sex": ((ask("sex", Comparator.UNKNOWN),),),
    "pregnant": if_is("pregnant", "true"),
    "of age": ((OVER_20, IS_MALE), (IS_PREGNANT, OVER_20)),
    "either": ((OVER_20,), (IS_PREGNANT,), (IS_MALE,)),
    "man of age or pregnant": ((OVER_20, IS_MALE), (IS_PREGNANT,)),
    "twice the same": ((IS_MALE, IS_MALE),),
    "kilograms": if_below("weight_kg", "30.5"),
    "gut": if_any("bleeding_sites", "gi", "gu"),
    "not the head": ((ask("bleeding_sites", Comparator.INCLUDES_NONE, "cns"),),),
    "big": if_is("procedure", "BIG"),
    "any procedure": ((ask("procedure", Comparator.KNOWN),),),
    "score": if_from("plasmic", "6"),
}
ANSWERS: dict[str, tuple[Any, ...]] = {
    "sex": (UNKNOWN, "male", "female"),
    "pregnant": (UNKNOWN, True, False),
    "age_years": (UNKNOWN, 20, 21),
    "weight_kg": (UNKNOWN, D("30.49"), D("30.50")),
    "bleeding_sites": (UNKNOWN, (), ("gi",), ("cns", "gu")),
    "procedure": (UNKNOWN, "BIG", "SMALL"),
}
SCORES: tuple[dict[str, Any], ...] = (
    {},
    scores_of({}),
    scores_of({"schistocytes": False, "haemolysis": False}),
    scores_of(
        {
            "schistocytes": True,
            "platelets_per_ul": 10,
            "haemolysis": True,
            "active_cancer": False,
            "transplant": False,
            "mcv_fl": D(10),
            "inr": D(1),
        }
    ),
)


def test_rows_say_together_what_each_says_alone() -> None:
    rows = sieve((when, name) for name, when in WHENS.items())
    alone = {name: compile_when(when) for name, when in WHENS.items()}

    for answers in product(*ANSWERS.values()):
        for scores in SCORES:
            values = {**dict(zip(ANSWERS, answers, strict=True)), **scores}
            expected = {name: truth for name, says in alone.items() if (truth := says(values)) is not False}

            left = rows.sift(values).each
            assert {name: truth for truth, _, name, _ in left} == expected
            for truth, predicate, _, groups in left:
                if truth is True:
                    assert groups == predicate.groups_that_hold(values)
                else:
                    told = {fact: value for fact, value in values.items() if value is not UNKNOWN}
                    assert predicate.missing_in(groups, told) == predicate.missing(told)


def test_rows_come_in_their_order_each_with_its_own_predicate() -> None:
    rows = sieve((when, name) for name, when in WHENS.items())

    assert [name for _, _, name, _ in rows.sift({"sex": "male"}).each] == [
        name for name, when in WHENS.items() if compile_when(when)({"sex": "male"}) is not False
    ]
    assert all(predicate is compile_when(WHENS[name]) for _, predicate, name, _ in rows.sift({}).each)


def test_rows_are_judged_into_those_that_hold_and_those_to_ask_about() -> None:
    rows = sieve(
        [(if_is("sex", sex), sex) for sex in ("female", "male")] + [(if_is("pregnant", "true"), "pregnant")]
    )

    held, unjudged = rows.judge({"sex": "female"})

    assert held == ("female",)
    assert unjudged == (("pregnant", ("pregnant",)),)
    assert rows.sift({"sex": "female"}).held == ("female",)
    assert rows.sift({"sex": "female"}).possible == ("female", "pregnant")


def test_no_rows_say_nothing() -> None:
    assert sieve([]).sift({"sex": "male"}).each == ()


def test_conditions_that_cannot_be_read_are_refused() -> None:
    with pytest.raises(BadCondition):
        sieve([(((ask("no_such_fact", Comparator.KNOWN),),), "row")])
