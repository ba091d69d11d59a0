"""The three scores against the oracle: every combination of borders, and answers left open."""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from itertools import product
from typing import Any

import pytest

from protocols.engine.facts import UNKNOWN
from protocols.engine.facts_json import facts_from_plain
from protocols.engine.scores import Score, scores_of

from . import scores as oracle

YES_NO = (False, True)

# Each fact at its border and one step to either side.
PLASMIC: Mapping[str, tuple[Any, ...]] = {
    "platelets_per_ul": (29_999, 30_000),
    "reticulocytes_percent": ("2.5", "2.51"),
    "haptoglobin_undetectable": YES_NO,
    # 2.0 mg per dL is 34.2 micromol per L.
    "indirect_bilirubin_umol_per_l": ("34.2", "34.21"),
    "active_cancer": YES_NO,
    "transplant": YES_NO,
    "mcv_fl": ("89.9", "90"),
    "inr": ("1.49", "1.5"),
    # 2.0 mg per dL is 176.8 micromol per L.
    "creatinine_umol_per_l": ("176.7", "176.8"),
}
FOUR_TS: Mapping[str, tuple[Any, ...]] = {
    "platelets_per_ul": (9_999, 10_000, 19_999, 20_000),
    "heparin_platelet_fall": ("over_50_percent", "from_30_to_50_percent", "below_30_percent"),
    "heparin_timing": ("typical", "late_or_unclear", "too_early"),
    "heparin_thrombosis": ("new", "progressive_or_suspected", "none"),
    "heparin_other_cause": ("none", "possible", "definite"),
}
ISTH_DIC: Mapping[str, tuple[Any, ...]] = {
    "platelets_per_ul": (49_999, 50_000, 100_000, 100_001),
    "fibrin_marker": ("none", "moderate", "strong"),
    "pt_prolongation_seconds": ("2.9", "3", "6", "6.1"),
    "fibrinogen_g_per_l": ("0.99", "1", "1.01"),
}
SCORES = {"plasmic": PLASMIC, "four_ts": FOUR_TS, "isth_dic": ISTH_DIC}


def score_of(key: str, facts: Mapping[str, Any]) -> Score:
    read = facts_from_plain(facts)
    known = {name: getattr(read, name) for name in facts if getattr(read, name) is not UNKNOWN}
    return scores_of(known)[key]


def combinations(answers: Mapping[str, tuple[Any, ...]]) -> Iterable[dict[str, Any]]:
    return (dict(zip(answers, values, strict=True)) for values in product(*answers.values()))


def expected(key: str, facts: Mapping[str, Any]) -> int:
    platelets = Fraction(facts["platelets_per_ul"], 1000)
    if key == "plasmic":
        return oracle.plasmic(
            platelets_e9_per_l=platelets,
            reticulocytes_percent=Fraction(facts["reticulocytes_percent"]),
            haptoglobin_undetectable=facts["haptoglobin_undetectable"],
            indirect_bilirubin_mg_per_dl=Fraction(facts["indirect_bilirubin_umol_per_l"]) / Fraction("17.1"),
            active_cancer=facts["active_cancer"],
            transplant=facts["transplant"],
            mcv_fl=Fraction(facts["mcv_fl"]),
            inr=Fraction(facts["inr"]),
            creatinine_mg_per_dl=Fraction(facts["creatinine_umol_per_l"]) / Fraction("88.4"),
        )
    if key == "four_ts":
        return oracle.four_ts(
            fall=facts["heparin_platelet_fall"],
            lowest_e9_per_l=platelets,
            timing=facts["heparin_timing"],
            thrombosis=facts["heparin_thrombosis"],
            other_cause=facts["heparin_other_cause"],
        )
    return oracle.isth_dic(
        platelets_e9_per_l=platelets,
        fibrin_marker=facts["fibrin_marker"],
        pt_seconds_longer=Fraction(facts["pt_prolongation_seconds"]),
        fibrinogen_g_per_l=Fraction(facts["fibrinogen_g_per_l"]),
    )


GROUPS = {
    "plasmic": oracle.plasmic_group,
    "four_ts": oracle.four_ts_group,
    "isth_dic": oracle.isth_dic_group,
}


@pytest.mark.parametrize("key", SCORES)
def test_score_and_its_group_agree_in_every_combination_of_borders(key: str) -> None:
    wrong = []
    for facts in combinations(SCORES[key]):
        score, points = score_of(key, facts), expected(key, facts)
        if (score.least, score.most, score.group) != (points, points, GROUPS[key](points)):
            wrong.append(f"{facts}: {score.least} to {score.most} {score.group}, expected {points}")

    assert not wrong, wrong[:10]


@pytest.mark.parametrize("key", SCORES)
def test_every_number_of_points_is_reached(key: str) -> None:
    reached = {expected(key, facts) for facts in combinations(SCORES[key])}

    assert reached == set(range({"plasmic": 8, "four_ts": 9, "isth_dic": 9}[key]))


@pytest.mark.parametrize("key", SCORES)
def test_open_answers_leave_exactly_the_points_that_some_answer_gives(key: str) -> None:
    """The least and the most are those of the best and the worst answer to what is open."""
    answers = SCORES[key]
    wrong = []
    for number, facts in enumerate(combinations(answers)):
        # A different set of answers is left open each time, over all of them many times.
        left_open = [name for place, name in enumerate(answers) if (number * 37 + 11) >> place & 1]
        known = {name: value for name, value in facts.items() if name not in left_open}
        tried = combinations({name: answers[name] for name in left_open})
        points = {expected(key, facts | more) for more in tried}
        score = score_of(key, known)
        if (score.least, score.most) != (min(points), max(points)):
            wrong.append(f"{known}: {score.least} to {score.most}, expected {sorted(points)}")

    assert not wrong, wrong[:10]


@pytest.mark.parametrize("key", SCORES)
def test_nothing_known_leaves_every_point_open(key: str) -> None:
    score = score_of(key, {})

    assert (score.least, score.most) == (0, {"plasmic": 7, "four_ts": 8, "isth_dic": 8}[key])
    assert all(item.points is UNKNOWN for item in score.items)
