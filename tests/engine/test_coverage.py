"""The situations that conditions tell apart: enough of them to meet every border, and each only once."""

from typing import Any

import pytest

from protocols.engine import coverage
from protocols.engine.coverage import (
    TooManySituations,
    can_hold,
    numbers_between,
    row_keys,
    situations,
    whole_numbers_between,
)
from protocols.engine.facts import FACT_BY_KEY, UNKNOWN
from protocols.engine.protocol import Comparator, When

from .factory import PROTOCOL, D, ask, if_any, if_below, if_from, if_is


def tried(*whens: When, branches: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    return [dict(values) for values in situations(PROTOCOL, whens, branches)]


def answers(fact: str, *whens: When) -> set[Any]:
    return {values[fact] for values in tried(*whens)}


def test_yes_or_no_is_tried_both_ways() -> None:
    assert answers("clumps", if_is("clumps", "true")) == {True, False}


def test_knowing_is_tried_as_an_answer_only_where_it_is_asked() -> None:
    assert answers("clumps", ((ask("clumps", Comparator.UNKNOWN),),)) == {True, False, UNKNOWN}
    assert answers("clumps", ((ask("clumps", Comparator.KNOWN),),)) == {True, False, UNKNOWN}


def test_choices_are_tried_in_every_combination_of_those_asked() -> None:
    asked = if_any("bleeding_sites", "cns", "other")

    assert answers("bleeding_sites", asked) == {(), ("cns",), ("other",), ("cns", "other")}
    assert answers("bleeding_sites", if_any("bleeding_sites", "cns"), if_any("bleeding_sites", "cns")) == {
        (),
        ("cns",),
    }


def test_one_choice_is_tried_as_each_there_is() -> None:
    assert answers("sex", if_is("sex", "male")) == set(FACT_BY_KEY["sex"].choice_keys)


def test_row_is_tried_as_each_row_there_is() -> None:
    assert answers("product", if_is("product", "P10")) == {"P10", "P5"}
    assert row_keys(PROTOCOL, FACT_BY_KEY["procedure"]) == ("BIG", "SMALL")


def test_branch_is_tried_as_each_one_given() -> None:
    asked = if_is("branch", "TREAT")

    assert [values["branch"] for values in tried(asked, branches=("WATCH", "TREAT"))] == ["WATCH", "TREAT"]
    assert tried(asked, branches=()) == []


def test_numbers_are_tried_at_between_and_beside_their_borders() -> None:
    assert answers("age_years", if_from("age_years", "20")) == {19, 20, 21}
    assert answers("weight_kg", if_from("weight_kg", "10"), if_below("weight_kg", "20")) == {
        D(5),
        D(10),
        D(15),
        D(20),
        D(21),
    }


def test_numbers_are_never_tried_below_nothing() -> None:
    assert whole_numbers_between([D(0)]) == (0, 1)
    assert whole_numbers_between([D(5), D(6)]) == (4, 5, 6, 7)
    assert whole_numbers_between([]) == (0,)
    assert numbers_between([]) == (D(0),)
    assert numbers_between([D(0)]) == (D(0), D(1))
    assert numbers_between([D(-4)]) == ()


def test_situations_are_every_combination_of_the_answers() -> None:
    two = tried(if_is("clumps", "true"), if_from("age_years", "20"))

    assert len(two) == 6
    assert {(values["clumps"], values["age_years"]) for values in two} == {
        (clumps, age) for clumps in (True, False) for age in (19, 20, 21)
    }
    assert tried() == [{}]


def test_more_situations_than_can_be_tried_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coverage, "_MOST_SITUATIONS", 6)
    assert len(tried(if_is("clumps", "true"), if_from("age_years", "20"))) == 6

    monkeypatch.setattr(coverage, "_MOST_SITUATIONS", 5)
    with pytest.raises(TooManySituations):
        tried(if_is("clumps", "true"), if_from("age_years", "20"))


@pytest.mark.parametrize(
    ("when", "holds"),
    [
        ((), True),
        (((),), True),
        (if_is("clumps", "true"), True),
        (((ask("clumps", Comparator.IS, "true"), ask("clumps", Comparator.IS, "false")),), False),
        (((ask("age_years", Comparator.BELOW, "20"), ask("age_years", Comparator.AT_LEAST, "20")),), False),
        (((ask("age_years", Comparator.BELOW, "21"), ask("age_years", Comparator.AT_LEAST, "20")),), True),
        (((ask("weight_kg", Comparator.BELOW, "21"), ask("weight_kg", Comparator.ABOVE, "20")),), True),
        (((ask("clumps", Comparator.IS, "true"), ask("clumps", Comparator.UNKNOWN)),), False),
        (((ask("clumps", Comparator.UNKNOWN), ask("sex", Comparator.IS, "male")),), True),
        (((ask("consent", Comparator.KNOWN),),), True),
    ],
)
def test_conditions_that_contradict_themselves_cannot_hold(when: When, holds: bool) -> None:
    assert can_hold(PROTOCOL, when) is holds


def test_one_group_that_can_hold_is_enough() -> None:
    never = (ask("clumps", Comparator.IS, "true"), ask("clumps", Comparator.IS, "false"))

    assert can_hold(PROTOCOL, (never, (ask("clumps", Comparator.IS, "true"),)))
    assert not can_hold(PROTOCOL, (never, never))
