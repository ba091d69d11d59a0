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


# The three publications item by item: what it is called, the fact it asks for, its points while nobody knows,
# and the points of answers on both sides of each border.
HAEMOLYSIS = (
    "Haemolysis: reticulocytes above 2.5 %, no haptoglobin, or indirect bilirubin above 2.0 mg per dL"
)
PUBLISHED: Any = {
    "plasmic": (
        "PLASMIC score for TTP",
        ((0, "low"), (5, "intermediate"), (6, "high")),
        (
            (
                "Platelet count below 30,000 per microlitre",
                ("platelets_per_ul",),
                (0, 1),
                {29_999: 1, 30_000: 0},
            ),
            (
                HAEMOLYSIS,
                ("reticulocytes_percent", "haptoglobin_undetectable", "indirect_bilirubin_umol_per_l"),
                (0, 1),
                {D("2.51"): 1},
            ),
            ("No active cancer in the past year", ("active_cancer",), (0, 1), {False: 1, True: 0}),
            ("No solid-organ or stem-cell transplant", ("transplant",), (0, 1), {False: 1, True: 0}),
            ("MCV below 90 fL", ("mcv_fl",), (0, 1), {D("89.9"): 1, D(90): 0}),
            ("INR below 1.5", ("inr",), (0, 1), {D("1.49"): 1, D("1.5"): 0}),
            (
                "Creatinine below 2.0 mg per dL",
                ("creatinine_umol_per_l",),
                (0, 1),
                {D("176.7"): 1, D("176.8"): 0},
            ),
        ),
    ),
    "four_ts": (
        "4Ts score for HIT",
        ((0, "low"), (4, "intermediate"), (6, "high")),
        (
            (
                "Fall of the count, and the lowest count",
                ("heparin_platelet_fall", "platelets_per_ul"),
                (0, 1, 2),
                {},
            ),
            (
                "Timing of the fall",
                ("heparin_timing",),
                (0, 1, 2),
                {"typical": 2, "late_or_unclear": 1, "too_early": 0},
            ),
            (
                "Thrombosis",
                ("heparin_thrombosis",),
                (0, 1, 2),
                {"new": 2, "progressive_or_suspected": 1, "none": 0},
            ),
            (
                "Other cause of the fall",
                ("heparin_other_cause",),
                (0, 1, 2),
                {"none": 2, "possible": 1, "definite": 0},
            ),
        ),
    ),
    "isth_dic": (
        "ISTH score for overt DIC",
        ((0, "not overt"), (5, "overt")),
        (
            ("Platelet count", ("platelets_per_ul",), (0, 1, 2), {49_999: 2, 50_000: 1, 100_001: 0}),
            (
                "D-dimer or other fibrin marker",
                ("fibrin_marker",),
                (0, 2, 3),
                {"none": 0, "moderate": 2, "strong": 3},
            ),
            (
                "Prolonged prothrombin time",
                ("pt_prolongation_seconds",),
                (0, 1, 2),
                {D("2.9"): 0, D(3): 1, D("6.1"): 2},
            ),
            ("Fibrinogen", ("fibrinogen_g_per_l",), (0, 1), {D("1.0"): 1, D("1.01"): 0}),
        ),
    ),
}


@pytest.mark.parametrize("key", PUBLISHED)
def test_score_is_made_of_the_items_of_its_publication(key: str) -> None:
    title, bands, items = PUBLISHED[key]
    empty = scores_of({})[key]

    assert (empty.key, empty.title, empty.bands) == (key, title, bands)
    assert [(item.label, item.asks, item.possible) for item in empty.items] == [row[:3] for row in items]
    for position, (_, facts, _, points) in enumerate(items):
        for answer, expected in points.items():
            item = scores_of({facts[0]: answer})[key].items[position]
            assert (item.points, item.asks) == (expected, ()), (facts[0], answer)


@pytest.mark.parametrize(
    ("fall", "points"), [("over_50_percent", 2), ("from_30_to_50_percent", 1), ("below_30_percent", 0)]
)
def test_fall_of_the_count_has_the_points_of_its_publication(fall: str, points: int) -> None:
    item = scores_of({"heparin_platelet_fall": fall, "platelets_per_ul": 20_000})["four_ts"].items[0]

    assert item.points == points


@pytest.mark.parametrize(
    ("sign", "border", "above"),
    [
        ("reticulocytes_percent", D("2.5"), D("2.51")),
        # 2.0 mg per dL of bilirubin.
        ("indirect_bilirubin_umol_per_l", D("34.2"), D("34.3")),
    ],
)
def test_sign_of_haemolysis_counts_above_its_border_alone(sign: str, border: Any, above: Any) -> None:
    none: dict[str, Any] = {
        "reticulocytes_percent": 1,
        "haptoglobin_undetectable": False,
        "indirect_bilirubin_umol_per_l": 5,
    }

    assert scores_of({**none, sign: border})["plasmic"].items[1].points == 0
    assert scores_of({**none, sign: above})["plasmic"].items[1].points == 1


def test_smear_alone_does_not_take_the_plasmic_score_away() -> None:
    assert scores_of({"immune_cause": "unexplained", "haemolysis": False})["plasmic"].applies is True
