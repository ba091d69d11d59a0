"""What follows from a result and those before it, border by border, and what its rule makes of it."""

from typing import Any

import pytest

from protocols.engine.facts import UNKNOWN
from protocols.engine.monitoring import Background, Judgement, Level, Result, Run, derive, judge
from protocols.engine.protocol import CheckGroup, Comparator, OrderKind, Protocol, ResultRule

from .factory import BASIS, D, ask, sound_protocol

pytestmark = pytest.mark.hazard("H21")

HOUR = 60


def at(minute: int, **values: Any) -> Result:
    return Result(minute=minute, values=values)


def followed(result: Result, *earlier: Result, facts: dict[str, Any] | None = None, **more: Any) -> Any:
    """What follows from a result; `more` is the rest of the background."""
    hours = more.pop("influenced_hours", None)
    background = Background(facts=facts or {}, earlier=earlier, **more)
    return derive(result, background, influenced_hours=hours)


# The rule


RULE = ResultRule(
    key="R",
    title="Warmth",
    group=CheckGroup.OTHER,
    asks=("temperature_c", "drowsy"),
    needs=("temperature_c",),
    alert=(
        (ask("temperature_c", Comparator.ABOVE, "10"),),
        (ask("dark_urine", Comparator.IS, "true"),),
        (ask("temperature_c", Comparator.ABOVE, "5"), ask("spherocytes", Comparator.IS, "true")),
    ),
    critical=((ask("temperature_c", Comparator.ABOVE, "20"), ask("drowsy", Comparator.IS, "true")),),
    alert_action="Look.",
    critical_action="Call.",
    alert_follow_ups=("M_ALL",),
    critical_follow_ups=("M_IVIG",),
    alert_holds=(OrderKind.IVIG,),
    critical_holds=(OrderKind.PLATELETS,),
    basis=BASIS,
)
SURE = {"drowsy": False, "dark_urine": False, "spherocytes": False}


def said(**values: Any) -> Judgement:
    protocol: Protocol = sound_protocol(result_rules=(RULE,))
    judgement = judge(protocol, "R", at(0, **values), Background(facts={}))
    assert judgement.derived == {}
    return judgement


def test_critical_result_asks_for_what_its_rule_says_and_names_its_values() -> None:
    assert said(temperature_c=D(21), **SURE | {"drowsy": True}) == Judgement(
        level=Level.CRITICAL,
        derived={},
        action="Call.",
        missing=(),
        reasons=("temperature_c", "drowsy"),
        follow_ups=("M_IVIG",),
        holds=(OrderKind.PLATELETS,),
    )


def test_alert_says_what_could_still_make_it_critical() -> None:
    alert = said(temperature_c=D(21), dark_urine=True, spherocytes=True)

    assert (alert.level, alert.action, alert.missing) == (Level.ALERT, "Look.", ("drowsy",))
    assert alert.reasons == ("temperature_c", "dark_urine", "spherocytes")
    assert (alert.follow_ups, alert.holds) == (("M_ALL",), (OrderKind.IVIG,))
    assert said(temperature_c=D(11), **SURE).missing == ()


def test_result_that_could_be_abnormal_is_not_judged_and_says_what_is_missing() -> None:
    open_ = said(temperature_c=D(6), drowsy=False, dark_urine=False)

    assert open_ == Judgement(
        level=Level.NOT_JUDGED,
        derived={},
        action="",
        missing=("spherocytes",),
        reasons=(),
        follow_ups=(),
        holds=(),
    )
    assert said(drowsy=True).missing == ("temperature_c", "dark_urine", "spherocytes")


def test_normal_result_asks_for_nothing() -> None:
    assert said(temperature_c=D(1), **SURE) == Judgement(
        level=Level.NORMAL, derived={}, action="", missing=(), reasons=(), follow_ups=(), holds=()
    )


# Vital signs


def test_change_is_against_the_last_set_before_the_start_whatever_stands_after_it() -> None:
    sets = (at(90, heart_rate_per_min=60), at(100, heart_rate_per_min=70), at(101, heart_rate_per_min=99))

    assert followed(at(200, heart_rate_per_min=75), *sets, start_minute=100) == {
        "heart_rate_rise_per_min": 5,
        "heart_rate_fall_per_min": -5,
    }
    # Without a start the first there is; a set of the same minute is earlier too.
    assert followed(at(200, heart_rate_per_min=75), *reversed(sets))["heart_rate_rise_per_min"] == 15
    assert followed(at(90, temperature_c=D(5)), at(90, temperature_c=D(3))) == {"temperature_rise_c": D(2)}


def test_temperature_has_a_rise_alone_and_what_was_not_measured_has_no_change() -> None:
    before = at(0, temperature_c=D(3), systolic_mmhg=50)

    assert followed(at(10, systolic_mmhg=40), before) == {"systolic_rise_mmhg": -10, "systolic_fall_mmhg": 10}
    assert followed(at(10, temperature_c=D(2)), before) == {"temperature_rise_c": D(-1)}
    assert followed(at(10, heart_rate_per_min=9), before) == {}


@pytest.mark.parametrize(
    ("on_oxygen", "before", "newly"),
    [
        (False, True, False),
        (False, None, False),
        (True, False, True),
        (True, True, False),
        (True, None, None),
    ],
)
def test_oxygen_is_newly_needed_where_it_was_not_before(on_oxygen: bool, before: Any, newly: Any) -> None:
    earlier = () if before is None else (at(0, on_oxygen=before),)

    found = followed(at(10, on_oxygen=on_oxygen), *earlier)

    assert found == ({} if newly is None else {"oxygen_newly_needed": newly})


def test_dose_that_begins_or_ends_at_the_minute_of_another_counts() -> None:
    sets = (at(50, systolic_mmhg=10), at(150, systolic_mmhg=30))
    until, after = Run(start_minute=60, end_minute=160), Run(start_minute=160)

    def rise(minute: int, *runs: Run) -> Any:
        return followed(at(minute, systolic_mmhg=40), *sets, runs=runs).get("systolic_rise_mmhg")

    # At its own first minute a dose does not run yet; it ended at the minute at which the next began.
    assert rise(160, until, after) == 30
    assert rise(161, until, after) == 30
    assert rise(161, after) == 10
    assert rise(161, Run(start_minute=60, end_minute=159), after) == 10
    # Before any dose a set is what later ones are compared with.
    assert rise(60, until) == 0


# Kidneys


def test_creatinine_is_compared_with_each_of_a_week_and_never_with_itself() -> None:
    def stage(hours: int, earlier_umol_per_l: int, minutes: int = 0) -> Any:
        before = at(0, creatinine_umol_per_l=D(earlier_umol_per_l))
        now = at(hours * HOUR + minutes, creatinine_umol_per_l=D(160))
        return followed(now, before).get("kdigo_stage")

    assert stage(168, 80) == 2
    assert stage(168, 80, minutes=1) is None
    assert stage(0, 80) is None
    assert stage(0, 80, minutes=1) == 2
    assert stage(1, 160) == 0


def test_creatinine_ratio_is_against_the_last_from_before_the_start() -> None:
    earlier = (at(0, creatinine_umol_per_l=D(50)), at(10, creatinine_umol_per_l=D(80)))

    assert followed(at(20, creatinine_umol_per_l=D(160)), *earlier, start_minute=10)["creatinine_ratio"] == 2
    assert followed(at(20, creatinine_umol_per_l=D(160)), start_minute=10) == {}


def test_renal_replacement_is_the_worst_stage_without_any_creatinine() -> None:
    assert followed(at(0, renal_replacement=True)) == {"kdigo_stage": 3}
    assert followed(at(0, renal_replacement=False)) == {}


@pytest.mark.parametrize(
    ("facts", "is_told"),
    [
        ({"age_years": 18, "sex": "male"}, True),
        ({"age_years": 17, "sex": "male"}, False),
        ({"age_years": 18}, False),
        ({"sex": "male"}, False),
        ({"age_years": UNKNOWN, "sex": "male"}, False),
    ],
)
def test_filtration_is_estimated_for_adults_whose_age_and_sex_are_known(
    facts: dict[str, Any], is_told: bool
) -> None:
    found = followed(at(0, creatinine_umol_per_l=D(100)), facts=facts)

    assert ("egfr" in found) is is_told


# Urine, of a patient of 50 kg


def urine(*stretches: tuple[int, int, int], between: tuple[Result, ...] = ()) -> Any:
    """What follows from the last of the stretches: at an hour, mL, over so many hours."""
    results = [at(hour * HOUR, urine_ml=ml, urine_hours=D(hours)) for hour, ml, hours in stretches]
    return followed(results[-1], *results[:-1], *between, facts={"weight_kg": D(50)})


def test_urine_of_unbroken_stretches_is_added_up() -> None:
    # 300 mL in 12 h are 0.5 mL per kg and hour, which is no stage; the last 6 h alone are stage 1.
    assert urine((6, 200, 6), (12, 100, 6))["urine_stage"] == 1
    assert urine((6, 199, 6), (12, 100, 6))["urine_stage"] == 2
    assert urine((6, 0, 6), (12, 0, 6))["urine_stage"] == 3


def test_gap_of_an_hour_breaks_no_stretch_and_a_longer_one_does() -> None:
    assert urine((6, 100, 6), (13, 100, 6))["urine_stage"] == 2
    assert urine((6, 100, 6), (14, 100, 6))["urine_stage"] == 1


def test_other_results_between_two_stretches_break_none() -> None:
    between = (at(7 * HOUR, heart_rate_per_min=50), at(8 * HOUR, urine_ml=7))

    assert urine((6, 100, 6), (12, 100, 6), between=between)["urine_stage"] == 2


def test_too_little_urine_for_too_short_a_time_is_no_stage_and_not_normal() -> None:
    assert urine((5, 10, 5)) == {"urine_ml_per_kg_per_h": D("0.04")}
    assert urine((5, 125, 5)) == {"urine_ml_per_kg_per_h": D("0.5"), "urine_stage": 0}
    assert urine((6, 149, 6))["urine_stage"] == 1
    assert followed(at(0, urine_ml=10, urine_hours=D(5))) == {}
    assert followed(at(0, urine_ml=10), facts={"weight_kg": D(50)}) == {}


# Blood


def test_fall_of_haemoglobin_is_from_its_highest_since_the_last_before_the_start() -> None:
    def fall(minute: int, *earlier: Result, **more: Any) -> Any:
        result = at(minute, haemoglobin_g_per_l=D(70))
        return followed(result, *earlier, **more).get("haemoglobin_fall_g_per_l")

    before, at_start = at(0, haemoglobin_g_per_l=D(120)), at(10, haemoglobin_g_per_l=D(90))
    later = at(20, haemoglobin_g_per_l=D(100))

    assert fall(30, before, at_start, start_minute=10) == 20
    assert fall(30, before, at_start, later, start_minute=10) == 30
    assert fall(10, before, start_minute=10) == 0
    assert fall(30, before, at_start) == 50
    assert fall(30, start_minute=10) is None


def test_signs_of_haemolysis_are_counted_and_the_definition_needs_a_start() -> None:
    signs = {"ldh_raised": True, "bilirubin_raised": True, "spherocytes": False, "dark_urine": UNKNOWN}
    sure = {**signs, "dat_positive": True, "no_other_cause": True, "haemoglobin_g_per_l": D(70)}
    before = at(0, haemoglobin_g_per_l=D(90))

    assert followed(at(30, **sure), before, start_minute=10) == {
        "haemoglobin_fall_g_per_l": D(20),
        "haemolysis_signs": 2,
        "is_haemolysis": True,
    }
    assert "is_haemolysis" not in followed(at(30, **sure), before)
    assert followed(at(30, **signs), start_minute=10) == {"haemolysis_signs": 2}
    assert followed(at(30, **sure | {"no_other_cause": False}), before)["is_haemolysis"] is False


SIGNS = (
    "reticulocytes_raised",
    "ldh_raised",
    "haptoglobin_low",
    "bilirubin_raised",
    "dark_urine",
    "spherocytes",
)


@pytest.mark.parametrize("sign", [sign for sign in SIGNS if sign != "ldh_raised"])
def test_each_sign_of_haemolysis_counts_and_one_nobody_looked_for_leaves_it_open(sign: str) -> None:
    rest: dict[str, Any] = {"dat_positive": True, "no_other_cause": True, "haemoglobin_g_per_l": D(70)}
    before = at(0, haemoglobin_g_per_l=D(90))
    none: dict[str, Any] = dict.fromkeys(SIGNS, False)

    def found(values: dict[str, Any]) -> Any:
        return followed(at(30, **rest, **values), before, start_minute=10)

    assert found(none | {"ldh_raised": True, sign: True})["is_haemolysis"] is True
    assert found(none | {"ldh_raised": True, sign: True})["haemolysis_signs"] == 2
    assert found(none | {"ldh_raised": True})["is_haemolysis"] is False
    unseen = {key: value for key, value in none.items() if key != sign} | {"ldh_raised": True}
    assert "is_haemolysis" not in found(unseen)
    assert found(unseen)["haemolysis_signs"] == 1


@pytest.mark.parametrize("unknown", ["dat_positive", "no_other_cause", "haemoglobin_g_per_l"])
def test_haemolysis_is_open_while_a_part_of_its_definition_is(unknown: str) -> None:
    sure: dict[str, Any] = {
        **dict.fromkeys(SIGNS, True),
        "dat_positive": True,
        "no_other_cause": True,
        "haemoglobin_g_per_l": D(70),
    }
    before = at(0, haemoglobin_g_per_l=D(90))
    part = {key: value for key, value in sure.items() if key != unknown}

    assert followed(at(30, **sure), before, start_minute=10)["is_haemolysis"] is True
    assert "is_haemolysis" not in followed(at(30, **part), before, start_minute=10)
    # Ten days and a minute after the start it is none, whatever else is so.
    assert followed(at(10 + 240 * HOUR + 1, **sure), before, start_minute=10)["is_haemolysis"] is False


LUNGS: dict[str, Any] = {
    "bilateral_oedema": True,
    "left_atrial_hypertension": False,
    "hours_after_product": D(1),
    "oxygen_saturation_percent": 95,
    "on_oxygen": False,
    "pf_ratio": 200,
    "overload_signs": ("respiratory_distress", "fluid_overload", "natriuretic_peptide"),
}


@pytest.mark.parametrize(
    ("unknown", "is_trali", "is_taco"),
    [
        ((), True, True),
        (("bilateral_oedema",), None, True),
        (("left_atrial_hypertension",), None, True),
        (("hours_after_product",), None, None),
        (("pf_ratio",), False, True),
        (("pf_ratio", "oxygen_saturation_percent"), None, True),
        (("pf_ratio", "on_oxygen"), None, True),
        (("overload_signs",), True, None),
    ],
)
def test_lungs_are_open_while_a_part_of_their_definitions_is(
    unknown: tuple[str, ...], is_trali: Any, is_taco: Any
) -> None:
    found = followed(at(0, **{key: value for key, value in LUNGS.items() if key not in unknown}))

    assert (found.get("is_trali"), found.get("is_taco")) == (is_trali, is_taco)


def test_lungs_are_judged_where_somebody_looked_at_them() -> None:
    lungs: dict[str, Any] = {
        "bilateral_oedema": True,
        "left_atrial_hypertension": False,
        "hours_after_product": D(1),
        "oxygen_saturation_percent": 80,
        "on_oxygen": False,
    }
    overload = ("respiratory_distress", "fluid_overload", "natriuretic_peptide")

    assert followed(at(0, **lungs))["is_trali"] is True
    assert followed(at(0, pf_ratio=500, **lungs | {"oxygen_saturation_percent": 99}))["is_trali"] is False
    assert followed(at(0, overload_signs=overload, hours_after_product=D(1)))["is_taco"] is True
    assert "is_taco" not in followed(at(0, overload_signs=overload))
    assert "is_trali" not in followed(at(0, pf_ratio=100))


def test_signs_of_meningitis_are_counted() -> None:
    assert followed(at(0, meningitis_signs=("fever", "vomiting"))) == {"meningitis_sign_count": 2}


# Counts


def test_bleeding_steps_up_against_the_last_grade_told() -> None:
    earlier = (at(0, who_bleeding_grade=1), at(10, who_bleeding_grade=3))

    def step(grade: int, *before: Result, **facts: Any) -> Any:
        return followed(at(20, who_bleeding_grade=grade), *before, facts=facts).get("bleeding_step_up")

    assert (step(3, *earlier), step(4, *earlier)) == (False, True)
    assert (step(2, who_bleeding_grade=2), step(3, who_bleeding_grade=2)) == (False, True)
    assert step(3) is None


def test_count_is_held_against_targets_baseline_and_peak() -> None:
    counts = [at(minute, platelets_per_ul=count) for minute, count in ((0, 10), (20, 80), (30, 60))]

    assert followed(at(40, platelets_per_ul=40), *counts, start_minute=5, targets=(40, 30)) == {
        "count_below_target": False,
        "platelet_rise_per_ul": 30,
        "own_platelets_per_ul": 40,
        "own_platelet_rise_per_ul": 30,
        "fall_from_peak_percent": D(50),
    }
    assert followed(at(40, platelets_per_ul=40), targets=(30, 41))["count_below_target"] is True
    assert followed(at(40, platelets_per_ul=40), targets=())["count_below_target"] is False
    assert followed(at(40, platelets_per_ul=40)) == {"own_platelets_per_ul": 40}


def test_count_rises_from_the_last_before_the_start_which_is_no_peak() -> None:
    counts = [at(minute, platelets_per_ul=count) for minute, count in ((0, 10), (5, 90), (20, 80))]

    found = followed(at(40, platelets_per_ul=40), *counts, start_minute=5)

    assert (found["platelet_rise_per_ul"], found["fall_from_peak_percent"]) == (-50, D(50))


def test_count_is_lifted_from_the_start_of_the_platelets_until_their_hours_are_over() -> None:
    unit = Run(start_minute=100, end_minute=200)

    def is_own(minute: int, *units: Run, hours: int | None = 1) -> bool:
        influenced = None if hours is None else D(hours)
        found = followed(at(minute, platelets_per_ul=40), units=units, influenced_hours=influenced)
        return "own_platelets_per_ul" in found

    assert [is_own(minute, unit) for minute in (99, 100, 260, 261)] == [True, False, False, True]
    assert not is_own(9000, Run(start_minute=100))
    assert not is_own(9000, unit, hours=None)
    assert not is_own(150, Run(start_minute=0, end_minute=1), unit)


def test_lifted_count_is_no_peak_and_has_no_rise_of_its_own() -> None:
    unit = Run(start_minute=15, end_minute=25)
    counts = [at(minute, platelets_per_ul=count) for minute, count in ((0, 10), (20, 80), (90, 60))]
    more: dict[str, Any] = {"start_minute": 5, "units": (unit,), "influenced_hours": D(1)}

    assert followed(at(95, platelets_per_ul=30), *counts, **more)["fall_from_peak_percent"] == D(50)
    assert followed(at(30, platelets_per_ul=50), *counts, **more) == {"platelet_rise_per_ul": 40}
