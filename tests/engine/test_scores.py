"""When a score says something, what it asks for, and what a threshold is while items are open."""

from typing import Any

import pytest

from protocols.engine.conditions import compile_when
from protocols.engine.facts import UNKNOWN
from protocols.engine.protocol import Comparator, Condition
from protocols.engine.scores import Score, ScoreItem, scores_of

from .factory import D


def score(*possible: tuple[int, ...], applies: Any = True, asks: tuple[str, ...] = ("inr",)) -> Score:
    items = tuple(ScoreItem(label="Item", possible=points, asks=()) for points in possible)
    return Score(
        key="plasmic",
        title="A score",
        applies=applies,
        items=items,
        asks=asks,
        bands=((0, "few"), (3, "many")),
    )


def threshold(comparator: Comparator, points: str) -> Any:
    return compile_when(((Condition(fact="plasmic", comparator=comparator, values=(points,)),),))


@pytest.mark.parametrize(
    ("least_wanted", "found"), [("2", True), ("3", True), ("4", UNKNOWN), ("5", UNKNOWN), ("6", False)]
)
def test_threshold_is_reached_excluded_or_open(least_wanted: str, found: Any) -> None:
    # Three points are sure and five are possible.
    made = score((1,), (2,), (0, 2))

    assert threshold(Comparator.AT_LEAST, least_wanted)({"plasmic": made}) is found


def test_exact_number_of_points_is_open_while_others_are_possible() -> None:
    made = score((1,), (0, 2))

    assert threshold(Comparator.IS, "2")({"plasmic": made}) is UNKNOWN
    assert threshold(Comparator.IS, "4")({"plasmic": made}) is False


def test_score_that_does_not_apply_reaches_no_threshold() -> None:
    made = score((5,), applies=False)

    assert threshold(Comparator.AT_LEAST, "1")({"plasmic": made}) is False
    assert threshold(Comparator.AT_MOST, "9")({"plasmic": made}) is False


def test_score_that_may_apply_leaves_a_reached_threshold_open() -> None:
    made = score((5,), applies=UNKNOWN)

    assert threshold(Comparator.AT_LEAST, "1")({"plasmic": made}) is UNKNOWN
    assert threshold(Comparator.AT_LEAST, "6")({"plasmic": made}) is False


def test_open_threshold_asks_for_what_the_score_asks() -> None:
    made = score((0, 9), asks=("inr", "mcv_fl"))

    assert threshold(Comparator.AT_LEAST, "1").missing({"plasmic": made}) == ("inr", "mcv_fl")


def test_group_names_both_ends_while_the_points_are_open() -> None:
    assert score((2,)).group == "few"
    assert score((3,)).group == "many"
    assert score((2, 3)).group == "few to many"


# PLASMIC: for the signs of a microangiopathy, or a count nobody explains


@pytest.mark.parametrize(
    ("known", "applies"),
    [
        ({}, True),
        ({"immune_cause": "unexplained"}, True),
        ({"immune_cause": "confirmed"}, UNKNOWN),
        ({"immune_cause": "probable"}, UNKNOWN),
        ({"immune_cause": "confirmed", "schistocytes": True}, True),
        ({"immune_cause": "confirmed", "haemolysis": True}, True),
        ({"immune_cause": "confirmed", "ttp_suspected": True}, True),
        ({"immune_cause": "unexplained", "schistocytes": False}, True),
        ({"immune_cause": "unexplained", "schistocytes": False, "haemolysis": False}, False),
        ({"immune_cause": "unexplained", "schistocytes": False, "haemolysis": True}, True),
    ],
)
def test_plasmic_applies_to_signs_of_microangiopathy_and_to_the_unexplained(
    known: dict[str, Any], applies: Any
) -> None:
    assert scores_of(known)["plasmic"].applies is applies


def test_plasmic_asks_first_whether_the_cause_is_immune() -> None:
    assert scores_of({})["plasmic"].asks == ("immune_cause",)


def test_plasmic_asks_its_items_where_the_cause_is_unexplained() -> None:
    asks = scores_of({"immune_cause": "unexplained", "inr": 1, "mcv_fl": 85})["plasmic"].asks

    assert {"reticulocytes_percent", "active_cancer", "creatinine_umol_per_l"} <= set(asks)
    assert not {"inr", "mcv_fl"} & set(asks)


@pytest.mark.parametrize("immune_cause", ["confirmed", "probable"])
def test_plasmic_asks_nothing_of_an_immune_patient(immune_cause: str) -> None:
    assert scores_of({"immune_cause": immune_cause})["plasmic"].asks == ()


def test_plasmic_asks_its_items_at_the_first_sign_whatever_the_cause_is_called() -> None:
    asks = scores_of({"schistocytes": True})["plasmic"].asks

    assert "immune_cause" not in asks
    assert "mcv_fl" in asks


def test_one_sign_of_haemolysis_is_enough_and_only_all_three_exclude_it() -> None:
    none = {
        "reticulocytes_percent": 1,
        "haptoglobin_undetectable": False,
        "indirect_bilirubin_umol_per_l": 5,
    }

    assert scores_of(none)["plasmic"].items[1].points == 0
    assert scores_of({**none, "reticulocytes_percent": 9})["plasmic"].items[1].points == 1
    assert scores_of({"haptoglobin_undetectable": True})["plasmic"].items[1].points == 1
    assert scores_of({"haemolysis": True})["plasmic"].items[1].points == 1
    two = {key: value for key, value in none.items() if key != "haptoglobin_undetectable"}
    assert scores_of(two)["plasmic"].items[1].asks == ("haptoglobin_undetectable",)


# 4Ts and ISTH: after heparin, and with a disorder that can cause DIC


@pytest.mark.parametrize(
    ("key", "exposure", "statement", "first_item"),
    [
        ("four_ts", "heparin_last_100_days", "hit_suspected", "heparin_timing"),
        ("isth_dic", "dic_predisposing", "dic_suspected", "fibrin_marker"),
    ],
)
def test_score_after_an_exposure_asks_for_it_first_and_for_nothing_once_somebody_has_concluded(
    key: str, exposure: str, statement: str, first_item: str
) -> None:
    def made(**known: Any) -> Score:
        return scores_of(known)[key]

    assert made().applies is UNKNOWN
    assert made().asks == (exposure,)
    assert first_item in made(**{exposure: True}).asks
    assert made(**{exposure: True, statement: False}).asks == ()
    assert made(**{statement: False}).asks == ()
    assert made(**{exposure: True, statement: False}).applies is True
    assert made(**{exposure: False}).applies is False


def test_count_too_low_for_the_item_settles_it_without_the_fall() -> None:
    fall = scores_of({"platelets_per_ul": 9_000})["four_ts"].items[0]

    assert (fall.points, fall.asks) == (0, ())


@pytest.mark.parametrize(("per_ul", "points"), [(20_000, 2), (19_999, 1), (10_000, 1), (9_999, 0)], ids=str)
def test_lowest_count_of_the_four_ts_has_the_points_of_its_publication(per_ul: int, points: int) -> None:
    fall = scores_of({"platelets_per_ul": per_ul, "heparin_platelet_fall": "over_50_percent"})["four_ts"]

    assert fall.items[0].points == points


@pytest.mark.parametrize(
    ("per_ul", "points"), [(49_999, 2), (50_000, 1), (100_000, 1), (100_001, 0)], ids=str
)
def test_count_of_the_isth_score_has_the_points_of_its_publication(per_ul: int, points: int) -> None:
    assert scores_of({"platelets_per_ul": per_ul})["isth_dic"].items[0].points == points


@pytest.mark.parametrize(("seconds", "points"), [("2.9", 0), ("3", 1), ("6", 1), ("6.1", 2)])
def test_prothrombin_time_of_the_isth_score_has_the_points_of_its_publication(
    seconds: str, points: int
) -> None:
    assert scores_of({"pt_prolongation_seconds": D(seconds)})["isth_dic"].items[2].points == points
