"""Which patients two versions are asked about: each border and cell, then all else around a few."""

from dataclasses import replace
from itertools import islice, product
from typing import Any

import pytest

from protocols.engine.answers import Answer, Part, Tally
from protocols.engine.behaviour import (
    Situation,
    _answers,
    _cells,
    _counts,
    _groups_of,
    _mentioned,
    _met,
    _numbers,
    _own_cases,
    _varied,
    answer_to,
    situations_between,
)
from protocols.engine.facts import CATALOGUE, FACT_BY_KEY, LEVELS, UNKNOWN, Facts, Kind
from protocols.engine.facts_json import facts_to_plain
from protocols.engine.protocol import Comparator, InputLimit, Protocol, Severity, WorkedCase

from .factory import (
    ANSWERED,
    BASIS,
    PROTOCOL,
    D,
    ask,
    case,
    if_any,
    if_below,
    if_from,
    if_is,
    patient,
    safety_rule,
    sound_protocol,
)

YES_NO = (False, True)
OF_BIG = case("OF_BIG", {"platelets_per_ul": 5, **ANSWERED, "procedure": "BIG"}, branch="TREAT")
FROM_BIG = case("FROM_BIG", {"weight_kg": "30"}, starts_from="OF_BIG", branch="TREAT")


def limit(fact: str, low: int, high: int, **more: Any) -> InputLimit:
    return InputLimit(fact=fact, population="any", minimum=D(low), maximum=D(high), basis=BASIS, **more)


def small_protocol(*cases: WorkedCase, **changes: Any) -> Protocol:
    """Weights from 10 to 71 and ages from 4 to 90, which adds few borders to those of the rows."""
    limits = (
        limit("weight_kg", 10, 71),
        limit("age_years", 2, 92, soft_minimum=D(4), soft_maximum=D(90)),
    )
    return sound_protocol(**{"cases": cases or (OF_BIG, FROM_BIG), "input_limits": limits} | changes)


SMALL = small_protocol()
LOWER = replace(SMALL, regimens=(replace(SMALL.regimens[0], amount=D("0.4")), *SMALL.regimens[1:]))
ASKING = replace(
    SMALL,
    safety_rules=(
        safety_rule("S_COUNT", Severity.HARD, if_below("platelets_per_ul", "7")),
        safety_rule("S_IGA", Severity.HARD, if_below("iga_g_per_l", "0.5")),
        safety_rule("S_WEIGHT", Severity.HARD, if_from("weight_kg", "0")),
        safety_rule("S_CREATININE", Severity.HARD, if_from("creatinine_umol_per_l", "0")),
    ),
)
TWICE = (SMALL, SMALL)
BOTH = (SMALL, ASKING)
WEIGHTS = [D(kg) for kg in ("10", "20.2", "30", "30.3", "31", "40.5", "50", "50.7", "51", "60.8", "71")]
FEW_WEIGHTS = [D(kg) for kg in ("10", "30.3", "50", "60.8")]
AGES = [4, 18, 20, 33, 47, 61, 76, 90]


def numbers(fact: str, before: Protocol, after: Protocol) -> list[Any]:
    return list(_numbers((before, after), FACT_BY_KEY[fact]))


def answers(fact: str, before: Protocol = SMALL, after: Protocol = SMALL) -> list[Any]:
    return list(_answers((before, after), FACT_BY_KEY[fact]))


def every_answer() -> list[dict[str, Any]]:
    return [{row.key: answer} for row in CATALOGUE for answer in (*_answers(TWICE, row), UNKNOWN)]


def test_counts_are_the_borders_of_either_version_and_the_count_below_each() -> None:
    assert _counts(TWICE) == (0, 9, 10, 19, 20)
    assert _counts(BOTH) == (0, 6, 7, 9, 10, 19, 20)
    assert _counts((ASKING, SMALL)) == (0, 6, 7, 9, 10, 19, 20)


def test_weights_are_even_steps_of_their_range_and_where_rounding_or_a_cap_begins() -> None:
    assert numbers("weight_kg", SMALL, SMALL) == WEIGHTS
    assert [str(kg) for kg in numbers("weight_kg", SMALL, SMALL)][:3] == ["10.0", "20.2", "30.0"]


def test_without_limits_only_the_borders_of_rows_are_weights() -> None:
    bare = small_protocol(input_limits=())

    assert numbers("weight_kg", bare, bare) == [30, 31, 50, 51]
    assert numbers("weight_kg", bare, SMALL) == WEIGHTS


def test_cap_for_a_whole_patient_is_the_border_of_no_weight() -> None:
    regimens = tuple(replace(row, cap=D(77)) if row.key == "PLATELETS" else row for row in SMALL.regimens)

    assert numbers("weight_kg", SMALL, replace(SMALL, regimens=regimens)) == WEIGHTS


def test_ages_are_whole_years_between_the_soft_limits_and_where_adults_begin() -> None:
    later = replace(SMALL, weight_policies=(replace(SMALL.weight_policies[0], adult_from_years=25),))
    asking = replace(SMALL, gates=(replace(SMALL.gates[0], when=if_from("age_years", "23")),))

    assert numbers("age_years", SMALL, SMALL) == AGES
    assert [str(age) for age in numbers("age_years", SMALL, SMALL)] == [str(age) for age in AGES]
    assert numbers("age_years", SMALL, later) == sorted([*AGES, 25])
    assert numbers("age_years", SMALL, asking) == sorted([*AGES, 23])


def test_number_below_one_is_tried_and_none_is_not() -> None:
    assert numbers("iga_g_per_l", SMALL, ASKING) == [D("0.5")]
    assert numbers("creatinine_umol_per_l", SMALL, ASKING) == []


def test_what_conditions_of_rows_lines_and_targets_compare_with_is_mentioned() -> None:
    aimed = replace(
        SMALL.branches[1],
        targets=(replace(SMALL.branches[1].targets[1], when=if_any("bleeding_sites", "gi")),),
    )

    assert _mentioned(TWICE, "bleeding_sites") == {"cns"}
    assert _mentioned((SMALL, replace(SMALL, branches=(aimed,))), "bleeding_sites") == {"cns", "gi"}
    assert _mentioned(TWICE, "age_years") == {"20"}
    assert _mentioned(TWICE, "height_cm") == set()


def test_groups_of_a_row_are_those_of_both_versions_and_of_no_other_row() -> None:
    other = replace(SMALL.gates[0], when=if_is("clumps", "false"))
    both = (SMALL, replace(SMALL, gates=(other, *SMALL.gates[1:])))

    assert list(_groups_of(both, frozenset({("gates", "CLUMPS")}))) == [
        *if_is("clumps", "true"),
        *if_is("clumps", "false"),
    ]
    assert list(_groups_of(TWICE, frozenset({("grade_bands", "1")}))) == []


def test_answers_are_all_that_either_version_can_tell_apart() -> None:
    more = replace(SMALL, products=(*SMALL.products, replace(SMALL.products[0], key="P7")))

    assert answers("clumps") == [False, True]
    assert answers("sex") == list(FACT_BY_KEY["sex"].choice_keys)
    assert answers("bleeding_sites") == [(), *((key,) for key in FACT_BY_KEY["bleeding_sites"].choice_keys)]
    assert answers("product", SMALL, more) == ["P10", "P5", "P7"]
    assert answers("age_years", small_protocol(input_limits=()), ASKING) == answers("age_years")
    assert answers("age_years")[:6] == [3, 4, 5, 17, 18, 19]


def test_border_finer_than_a_tenth_is_an_answer_itself() -> None:
    asking = replace(SMALL, gates=(replace(SMALL.gates[0], when=if_below("iga_g_per_l", "0.06")),))

    assert answers("iga_g_per_l", SMALL, asking) == [D("0.03"), D("0.06"), D("0.08"), D("0.1"), D("1.1")]


def test_zero_is_an_answer_only_where_a_number_can_be_zero() -> None:
    assert answers("creatinine_umol_per_l", SMALL, SMALL) == []
    assert answers("iga_g_per_l", SMALL, SMALL) == [0]
    assert answers("iga_g_per_l", SMALL, ASKING) == [D("0.25"), D("0.5"), D("1.5")]
    assert answers("weight_kg", SMALL, ASKING)[:3] == [5, 10, D("15.1")]


def test_words_that_nothing_compares_are_no_answer() -> None:
    words = [row for row in CATALOGUE if row.kind is Kind.TEXT]

    assert [_answers(TWICE, row) for row in words] == [()] * 2


def test_group_is_met_by_the_first_answer_to_each_fact_that_can_be_asked() -> None:
    group = (
        ask("age_years", Comparator.AT_LEAST, "20"),
        ask("order_kinds", Comparator.INCLUDES_ANY, "ivig"),
        ask("clumps", Comparator.IS, "true"),
        ask("age_years", Comparator.BELOW, "30"),
        ask("consent", Comparator.UNKNOWN),
    )

    assert _met(TWICE, group) == {"age_years": 20, "clumps": True, "consent": UNKNOWN}
    assert _met(TWICE, (ask("age_years", Comparator.BELOW, "0"), ask("sex", Comparator.IS, "female"))) == {
        "sex": "female"
    }


def test_cells_are_each_count_level_and_yes_or_no_then_each_procedure_at_its_target_and_below() -> None:
    base, _ = _own_cases((SMALL, replace(SMALL, cases=())))

    found = list(_cells(TWICE))

    assert base.procedure == "BIG"
    assert found == [
        *(
            replace(
                base,
                platelets_per_ul=count,
                bleeding_level=level,
                urgent_surgery=surgery,
                rapid_rise=rise,
                procedure=UNKNOWN,
            )
            for count, level, surgery, rise in product((0, 9, 10, 19, 20), LEVELS, YES_NO, YES_NO)
        ),
        *(
            replace(base, platelets_per_ul=count, urgent_surgery=True, procedure=key)
            for key, count in (("BIG", 14), ("BIG", 15), ("SMALL", 4), ("SMALL", 5))
        ),
    ]


def varied(*patients: Facts) -> list[Facts]:
    changed = frozenset({("gates", "CLUMPS"), ("safety_rules", "S_CONSENT"), ("regimens", "STEROID_ADULT")})
    return list(_varied(TWICE, patients, changed))


def around(one: Facts, singles: list[dict[str, Any]]) -> list[Facts]:
    return [
        *(replace(one, weight_kg=kg, age_years=age) for kg, age in product(WEIGHTS, AGES)),
        *(replace(one, weight_kg=kg, product=key) for kg, key in product(FEW_WEIGHTS, ("P10", "P5"))),
        *(replace(one, **single) for single in singles),
    ]


def test_around_two_patients_every_answer_is_tried_and_around_others_what_a_change_asks() -> None:
    met: list[dict[str, Any]] = [{"age_years": 20}, {"clumps": True}, {"consent": UNKNOWN}] * 2
    asked = [single for single in every_answer() if single.keys() <= {"age_years", "clumps", "consent"}]
    first, second, third = (patient(platelets_per_ul=count) for count in (1, 2, 3))

    assert varied(first, second, third) == [
        *around(first, every_answer() + met),
        *around(second, every_answer() + met),
        *around(third, asked + met),
    ]


def test_where_there_are_few_weights_all_of_them_are_tried_with_each_product() -> None:
    bare = small_protocol(input_limits=())
    tried = list(_varied((bare, bare), [patient()], frozenset()))

    assert [(one.weight_kg, one.product) for one in tried if one.product is not UNKNOWN][:8] == [
        *product((D(30), D(31), D(50), D(51)), ("P10", "P5"))
    ]


FEWER = small_protocol(OF_BIG, input_limits=(), procedure_targets=PROTOCOL.procedure_targets[:1])
FEWER_LOWER = replace(FEWER, regimens=LOWER.regimens)


def test_cells_come_first_then_what_surrounds_the_first_patient_of_each_branch() -> None:
    both = (FEWER, FEWER_LOWER)
    cells = list(dict.fromkeys((*_own_cases(both), *_cells(both))))
    found = list(islice(situations_between(*both), len(cells) + 2))
    patients: dict[tuple[str, ...], Facts] = {}
    for situation in found[:-2]:
        patients.setdefault(situation.branches, situation.facts)
    known = set(cells)
    around_them = dict.fromkeys(_varied(both, patients.values(), frozenset({("regimens", "IVIG")})))
    rest = [facts for facts in around_them if facts not in known]

    assert len(patients) == 4
    assert [situation.facts for situation in found] == cells + rest[:2]
    assert [situation.of for situation in found] == [None] * len(cells) + [len(cells) + len(rest)] * 2


def test_each_situation_holds_what_either_version_says() -> None:
    first = next(situations_between(FEWER, FEWER_LOWER))

    assert first.before == answer_to(FEWER, first.facts)
    assert first.after == answer_to(FEWER_LOWER, first.facts)
    assert first.before != first.after


def test_words_of_a_source_leave_nothing_but_cells_to_try() -> None:
    after = replace(FEWER, citations=(replace(FEWER.citations[0], passage="They said eleven."),))

    said = [situation.of for situation in situations_between(FEWER, after)]

    assert said == [len(said)] * 103


class Heard(Tally):
    """Keeps what it was told."""

    def add(self, before: Answer, after: Answer, example: dict[str, Any]) -> None:
        self.told = (before, after, example)


@pytest.mark.parametrize("differs", YES_NO)
def test_only_a_difference_brings_an_example(*, differs: bool) -> None:
    before = {(Part.DOSE, "X"): "40 g"}
    after = {(Part.DOSE, "X"): "35 g"} if differs else dict(before)
    heard = Heard()

    Situation(facts=patient(), before=before, after=after, of=None).count_in(heard)

    assert heard.told == (before, after, facts_to_plain(patient()) if differs else {})
