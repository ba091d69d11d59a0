"""Every published vector, the borders between them, and what must hold for any patient."""

import re
from collections.abc import Callable
from decimal import ROUND_DOWN, Decimal, localcontext
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.engine import formulas

D = Decimal


def decimals(low: str, high: str, places: int = 2) -> st.SearchStrategy[Decimal]:
    return st.decimals(D(low), D(high), places=places)


sexes = st.sampled_from(["female", "male"])
creatinines = decimals("0.10", "20.00")
weights = decimals("1.0", "300.0", places=1)
heights = decimals("30.0", "250.0", places=1)


def same(value: Decimal, published: str) -> bool:
    """Equal when rounded to the digits the vector was printed with."""
    expected = D(published)
    return abs(value - expected) <= D("0.5").scaleb(int(expected.as_tuple().exponent))


# Body size

BODY_VECTORS = [
    # kg, cm, sex, BMI, IBW, adjusted, BSA
    ("100", "175", "male", "32.65", "70.46", "82.28", "2.205"),
    ("70", "175", "male", "22.86", "70.46", "70.28", "1.845"),
    ("140", "170", "male", "48.44", "65.94", "95.56", "2.571"),
    ("95", "160", "female", "37.11", "52.38", "69.43", "2.055"),
    ("118", "181", "male", "36.02", "75.90", "92.74", "2.436"),
    ("80", "152.4", "female", "34.44", "45.50", "59.30", "1.840"),
    ("88", "148", "female", "40.18", "41.52", "60.11", "1.902"),
    ("62", "165", "female", "22.77", "56.91", "58.95", "1.686"),
    ("45", "170", "female", "15.57", "61.44", "54.86", "1.458"),
    ("45", "150", "female", "20.00", "43.33", "44.00", "1.369"),
]


@pytest.mark.parametrize(("kg", "cm", "sex", "bmi", "ideal", "adjusted", "surface"), BODY_VECTORS)
def test_body_size_gives_the_published_vector(
    kg: str, cm: str, sex: str, bmi: str, ideal: str, adjusted: str, surface: str
) -> None:
    weight_kg, height_cm = D(kg), D(cm)

    ideal_kg = formulas.ideal_body_weight_kg(height_cm=height_cm, sex=sex)
    adjusted_kg = formulas.adjusted_body_weight_kg(weight_kg=weight_kg, ideal_kg=ideal_kg, factor=D("0.4"))

    assert same(formulas.bmi(weight_kg=weight_kg, height_cm=height_cm), bmi)
    assert same(ideal_kg, ideal)
    assert same(adjusted_kg, adjusted)
    assert same(formulas.body_surface_area_m2(weight_kg=weight_kg, height_cm=height_cm), surface)


def test_body_size_of_a_child_gives_the_published_vector() -> None:
    assert same(formulas.bmi(weight_kg=D(18), height_cm=D(110)), "14.88")
    assert same(formulas.body_surface_area_m2(weight_kg=D(18), height_cm=D(110)), "0.742")


def test_bmi_on_a_border_is_exact() -> None:
    assert formulas.bmi(weight_kg=D("76.8"), height_cm=D(160)) == 30


def test_ideal_weight_at_sixty_inches_is_the_base_weight() -> None:
    assert formulas.ideal_body_weight_kg(height_cm=D("152.4"), sex="female") == D("45.5")
    assert formulas.ideal_body_weight_kg(height_cm=D("152.4"), sex="male") == 50


def test_ideal_weight_is_refused_where_the_line_has_left_the_possible() -> None:
    with pytest.raises(ValueError, match="too small"):
        formulas.ideal_body_weight_kg(height_cm=D(90), sex="female")


@pytest.mark.parametrize("factor", ["-0.1", "1.1", "NaN", "Infinity"])
def test_adjusted_weight_refuses_a_factor_that_is_no_share(factor: str) -> None:
    with pytest.raises(ValueError, match="factor"):
        formulas.adjusted_body_weight_kg(weight_kg=D(100), ideal_kg=D(70), factor=D(factor))


@given(weights, weights, decimals("0", "1"))
def test_adjusted_weight_lies_between_ideal_and_actual_weight(
    weight_kg: Decimal, ideal_kg: Decimal, factor: Decimal
) -> None:
    adjusted = formulas.adjusted_body_weight_kg(weight_kg=weight_kg, ideal_kg=ideal_kg, factor=factor)

    assert min(weight_kg, ideal_kg) <= adjusted <= max(weight_kg, ideal_kg)


@given(weights, heights)
def test_heavier_people_of_one_height_have_more_mass_index_and_surface(
    weight_kg: Decimal, height_cm: Decimal
) -> None:
    heavier = weight_kg + D("0.1")

    assert formulas.bmi(weight_kg=heavier, height_cm=height_cm) > formulas.bmi(
        weight_kg=weight_kg, height_cm=height_cm
    )
    assert formulas.body_surface_area_m2(
        weight_kg=heavier, height_cm=height_cm
    ) > formulas.body_surface_area_m2(weight_kg=weight_kg, height_cm=height_cm)


@given(decimals("110.0", "230.0", places=1), sexes)
def test_taller_people_have_more_ideal_weight(height_cm: Decimal, sex: str) -> None:
    shorter = formulas.ideal_body_weight_kg(height_cm=height_cm, sex=sex)

    assert formulas.ideal_body_weight_kg(height_cm=height_cm + D("0.1"), sex=sex) > shorter


# Kidney

EGFR_VECTORS = [
    ("1.09", 55, "male", "80.15", 80),
    ("1.1", 50, "male", "81.78", 82),
    ("0.9", 30, "male", "117.83", 118),
    ("0.7", 30, "female", "119.24", 119),
    ("0.5", 25, "female", "133.40", 133),
    ("1.2", 60, "female", "51.82", 52),
    ("2.4", 78, "male", "26.94", 27),
    ("4.0", 70, "female", "11.48", 11),
]


@pytest.mark.parametrize(("creatinine", "age_years", "sex", "egfr", "reported"), EGFR_VECTORS)
def test_egfr_gives_the_published_vector(
    creatinine: str, age_years: int, sex: str, egfr: str, reported: int
) -> None:
    value = formulas.egfr_ml_per_min_per_1_73m2(
        creatinine_mg_per_dl=D(creatinine), age_years=age_years, sex=sex
    )

    assert same(value, egfr)
    assert formulas.report_egfr(value) == reported


def test_egfr_from_micromoles_gives_the_published_vector() -> None:
    creatinine = formulas.creatinine_mg_per_dl(umol_per_l=D(85))

    value = formulas.egfr_ml_per_min_per_1_73m2(creatinine_mg_per_dl=creatinine, age_years=65, sex="female")

    assert same(creatinine, "0.9615")
    assert same(value, "65.53")
    assert formulas.report_egfr(value) == 66


@pytest.mark.parametrize(("estimate", "reported"), [("59.4999", 59), ("59.5", 60), ("60.5", 61)])
def test_reported_egfr_rounds_halves_up(estimate: str, reported: int) -> None:
    assert formulas.report_egfr(D(estimate)) == reported


@pytest.mark.parametrize(("sex", "kappa"), [("female", "0.7"), ("male", "0.9")])
def test_egfr_has_no_jump_where_its_two_branches_meet(sex: str, kappa: str) -> None:
    def egfr(creatinine: Decimal) -> Decimal:
        return formulas.egfr_ml_per_min_per_1_73m2(creatinine_mg_per_dl=creatinine, age_years=40, sex=sex)

    tiny = D("1e-9")
    below, at, above = egfr(D(kappa) - tiny), egfr(D(kappa)), egfr(D(kappa) + tiny)

    assert above < at < below
    assert below - above < D("1e-6")


@given(creatinines, st.integers(18, 110), sexes)
def test_egfr_falls_with_creatinine_and_with_age(creatinine: Decimal, age_years: int, sex: str) -> None:
    def egfr(creatinine: Decimal, age_years: int) -> Decimal:
        return formulas.egfr_ml_per_min_per_1_73m2(
            creatinine_mg_per_dl=creatinine, age_years=age_years, sex=sex
        )

    assert egfr(creatinine + D("0.01"), age_years) < egfr(creatinine, age_years)
    assert egfr(creatinine, age_years + 1) < egfr(creatinine, age_years)


def test_egfr_refuses_children() -> None:
    with pytest.raises(ValueError, match="18 years"):
        formulas.egfr_ml_per_min_per_1_73m2(creatinine_mg_per_dl=D("0.5"), age_years=17, sex="male")


CLEARANCE_VECTORS = [
    ("1.09", 55, "male", "90", "97.48"),
    ("1.0", 40, "male", "72", "100.00"),
    ("2.4", 78, "male", "80", "28.70"),
    ("0.6", 25, "female", "50", "113.14"),
    ("1.5", 85, "female", "45", "19.48"),
]


@pytest.mark.parametrize(("creatinine", "age_years", "sex", "kg", "clearance"), CLEARANCE_VECTORS)
def test_creatinine_clearance_gives_the_published_vector(
    creatinine: str, age_years: int, sex: str, kg: str, clearance: str
) -> None:
    value = formulas.creatinine_clearance_ml_per_min(
        creatinine_mg_per_dl=D(creatinine), age_years=age_years, weight_kg=D(kg), sex=sex
    )

    assert same(value, clearance)


def test_creatinine_clearance_from_micromoles_gives_the_published_vector() -> None:
    value = formulas.creatinine_clearance_ml_per_min(
        creatinine_mg_per_dl=formulas.creatinine_mg_per_dl(umol_per_l=D(85)),
        age_years=65,
        weight_kg=D(60),
        sex="female",
    )

    assert same(value, "55.25")


@pytest.mark.parametrize("age_years", [17, 140])
def test_creatinine_clearance_refuses_an_age_outside_its_range(age_years: int) -> None:
    with pytest.raises(ValueError, match="18 to 139"):
        formulas.creatinine_clearance_ml_per_min(
            creatinine_mg_per_dl=D(1), age_years=age_years, weight_kg=D(70), sex="male"
        )


@given(creatinines, st.integers(18, 138), weights, sexes)
def test_creatinine_clearance_falls_with_age_and_rises_with_weight(
    creatinine: Decimal, age_years: int, weight_kg: Decimal, sex: str
) -> None:
    def clearance(age_years: int, weight_kg: Decimal) -> Decimal:
        return formulas.creatinine_clearance_ml_per_min(
            creatinine_mg_per_dl=creatinine, age_years=age_years, weight_kg=weight_kg, sex=sex
        )

    assert 0 < clearance(age_years + 1, weight_kg) < clearance(age_years, weight_kg)
    assert clearance(age_years, weight_kg + 1) > clearance(age_years, weight_kg)


@given(creatinines)
def test_creatinine_survives_the_way_to_the_other_unit_and_back(creatinine: Decimal) -> None:
    there = formulas.creatinine_umol_per_l(mg_per_dl=creatinine)

    assert formulas.creatinine_mg_per_dl(umol_per_l=there) == creatinine


def test_one_milligram_per_decilitre_is_88_4_micromoles_per_litre() -> None:
    assert formulas.creatinine_umol_per_l(mg_per_dl=D(1)) == D("88.4")


# Acute kidney injury

KDIGO_VECTORS = [
    ("0.9", "1.1", 24, 0),
    ("0.9", "1.2", 40, 1),
    ("0.9", "1.2", 60, 0),
    ("0.9", "1.9", 48, 2),
    ("1.0", "3.0", 72, 3),
    ("2.6", "4.1", 120, 3),
    ("3.9", "4.0", 24, 0),
]

KDIGO_BORDERS = [
    ("1.00", "1.29", 24, 0),
    ("1.00", "1.30", 48, 1),
    ("1.00", "1.30", 49, 0),
    ("2.00", "2.295", 24, 1),
    ("2.00", "2.294", 24, 0),
    ("1.00", "1.49", 168, 0),
    ("1.00", "1.50", 168, 1),
    ("1.00", "1.95", 72, 1),
    ("1.00", "2.00", 72, 2),
    ("1.00", "2.95", 72, 2),
    ("3.7", "4.0", 48, 3),
    ("3.7", "4.0", 49, 0),
    ("3.69", "3.99", 48, 1),
    ("1.2", "0.9", 24, 0),
]


@pytest.mark.parametrize(("baseline", "current", "hours", "stage"), KDIGO_VECTORS + KDIGO_BORDERS)
def test_kidney_injury_stage_from_milligrams(baseline: str, current: str, hours: int, stage: int) -> None:
    assert stage == formulas.kdigo_creatinine_stage(
        baseline=D(baseline), current=D(current), hours_apart=D(hours), unit="mg_per_dl"
    )


@pytest.mark.parametrize(
    ("baseline", "current", "hours", "stage"),
    [
        ("80", "106", 48, 0),
        ("80", "106.5", 48, 1),
        ("80", "107", 48, 1),
        ("80", "107", 49, 0),
        ("100", "150", 168, 1),
        ("100", "199", 168, 1),
        ("100", "200", 168, 2),
        ("100", "300", 168, 3),
        ("320", "353", 24, 1),
        ("320", "353.6", 24, 3),
        ("340", "354", 24, 0),
    ],
)
def test_kidney_injury_stage_from_micromoles(baseline: str, current: str, hours: int, stage: int) -> None:
    assert stage == formulas.kdigo_creatinine_stage(
        baseline=D(baseline), current=D(current), hours_apart=D(hours), unit="umol_per_l"
    )


@given(st.integers(1, 1000), st.sampled_from([(D("1.5"), 1), (D(2), 2), (D(3), 3)]))
def test_kidney_injury_stage_keeps_its_border_after_a_change_of_unit(
    baseline: int, border: tuple[Decimal, int]
) -> None:
    times, stage = border

    def converted(umol_per_l: Decimal) -> Decimal:
        return formulas.creatinine_mg_per_dl(umol_per_l=umol_per_l)

    found = formulas.kdigo_creatinine_stage(
        baseline=converted(D(baseline)),
        current=converted(baseline * times),
        hours_apart=D(72),
        unit="mg_per_dl",
    )

    assert found == (3 if converted(baseline * times) >= 4 else stage)


@given(creatinines, creatinines, st.integers(1, 168), st.sampled_from(["mg_per_dl", "umol_per_l"]))
def test_kidney_injury_stage_never_falls_when_creatinine_rises(
    baseline: Decimal, current: Decimal, hours: int, unit: Any
) -> None:
    def stage(current: Decimal) -> int:
        return formulas.kdigo_creatinine_stage(
            baseline=baseline, current=current, hours_apart=D(hours), unit=unit
        )

    assert stage(current) <= stage(current + D("0.01")) <= 3


def test_kidney_injury_stage_refuses_samples_more_than_a_week_apart() -> None:
    with pytest.raises(ValueError, match="7 days"):
        formulas.kdigo_creatinine_stage(baseline=D(1), current=D(3), hours_apart=D(169), unit="mg_per_dl")


@pytest.mark.parametrize(
    ("ml_per_kg_per_h", "hours", "stage"),
    [
        ("0.5", "48", 0),
        ("0.49", "5.9", 0),
        ("0.49", "6", 1),
        ("0.49", "11.9", 1),
        ("0.49", "12", 2),
        ("0.3", "24", 2),
        ("0.29", "23.9", 2),
        ("0.29", "24", 3),
        ("0", "5.9", 0),
        ("0", "11.9", 1),
        ("0", "12", 3),
    ],
)
def test_kidney_injury_stage_from_urine(ml_per_kg_per_h: str, hours: str, stage: int) -> None:
    assert formulas.kdigo_urine_stage(ml_per_kg_per_h=D(ml_per_kg_per_h), hours=D(hours)) == stage


@pytest.mark.parametrize("ml_per_kg_per_h", ["-0.1", "NaN"])
def test_kidney_injury_stage_refuses_an_impossible_urine_output(ml_per_kg_per_h: str) -> None:
    with pytest.raises(ValueError, match="ml_per_kg_per_h"):
        formulas.kdigo_urine_stage(ml_per_kg_per_h=D(ml_per_kg_per_h), hours=D(6))


@pytest.mark.parametrize(("egfr", "stage"), [("34.9", 3), ("35", 0)])
def test_kidney_injury_stage_of_a_child_from_the_filtration_rate(egfr: str, stage: int) -> None:
    assert formulas.kdigo_child_egfr_stage(egfr_ml_per_min_per_1_73m2=D(egfr), age_years=17) == stage


@pytest.mark.parametrize("age_years", [-1, 18])
def test_kidney_injury_stage_of_a_child_refuses_other_ages(age_years: int) -> None:
    with pytest.raises(ValueError, match="under 18"):
        formulas.kdigo_child_egfr_stage(egfr_ml_per_min_per_1_73m2=D(30), age_years=age_years)


def test_kidney_injury_stage_of_the_patient_is_the_worst_one() -> None:
    assert formulas.kdigo_worst_stage(stages=[0, 2, 1], renal_replacement=False) == 2
    assert formulas.kdigo_worst_stage(stages=[0], renal_replacement=True) == 3
    assert formulas.kdigo_worst_stage(stages=[], renal_replacement=True) == 3


def test_kidney_injury_that_nobody_judged_is_not_stage_zero() -> None:
    with pytest.raises(ValueError, match="empty"):
        formulas.kdigo_worst_stage(stages=[], renal_replacement=False)


# Platelet transfusion

CCI_VECTORS = [
    (10_000, 30_000, "1.8", "3.0", "12000"),
    (10_000, 50_000, "2.0", "4.0", "20000"),
    (8_000, 12_000, "1.85", "3.0", "2467"),
    (8_000, 13_000, "1.85", "3.0", "3083"),
    (5_000, 45_000, "1.7", "3.2", "21250"),
    (20_000, 20_000, "2.0", "3.0", "0"),
    (6_000, 26_000, "1.95", "6.0", "6500"),
    (20_000, 17_000, "2.0", "3.0", "-2000"),
]


@pytest.mark.parametrize(("before", "after", "bsa", "given_e11", "increment"), CCI_VECTORS)
def test_corrected_count_increment_gives_the_published_vector(
    before: int, after: int, bsa: str, given_e11: str, increment: str
) -> None:
    value = formulas.corrected_count_increment(
        before_per_ul=before, after_per_ul=after, bsa_m2=D(bsa), platelets_given_e11=D(given_e11)
    )

    assert same(value, increment)


@pytest.mark.parametrize(("before", "after"), [(-1, 10), (10, -1)])
def test_corrected_count_increment_refuses_a_negative_count(before: int, after: int) -> None:
    with pytest.raises(ValueError, match="negative"):
        formulas.corrected_count_increment(
            before_per_ul=before, after_per_ul=after, bsa_m2=D(2), platelets_given_e11=D(3)
        )


@given(
    st.integers(0, 150_000),
    st.integers(0, 150_000),
    decimals("0.20", "3.00"),
    decimals("0.5", "8.0", places=1),
)
def test_corrected_count_increment_of_a_rise_mirrors_that_of_the_fall(
    before: int, after: int, bsa: Decimal, given_e11: Decimal
) -> None:
    def increment(before: int, after: int) -> Decimal:
        return formulas.corrected_count_increment(
            before_per_ul=before, after_per_ul=after, bsa_m2=bsa, platelets_given_e11=given_e11
        )

    assert increment(before, after) == -increment(after, before)


# Immunoglobulin volumes and rates


@pytest.mark.parametrize(
    ("ml_per_kg_per_h", "percent", "mg_per_kg_per_min"),
    [
        ("0.3", "10", "0.5"),
        ("0.6", "10", "1"),
        ("2.0", "10", "3.33"),
        ("2.4", "10", "4"),
        ("4.8", "10", "8"),
        ("7.2", "10", "12"),
        ("4.0", "5", "3.33"),
    ],
)
def test_rate_gives_the_published_vector_in_both_directions(
    ml_per_kg_per_h: str, percent: str, mg_per_kg_per_min: str
) -> None:
    mg_per_ml = formulas.concentration_mg_per_ml(percent=D(percent))

    by_mass = formulas.rate_mg_per_kg_per_min(ml_per_kg_per_h=D(ml_per_kg_per_h), mg_per_ml=mg_per_ml)
    by_volume = formulas.rate_ml_per_kg_per_h(mg_per_kg_per_min=D(mg_per_kg_per_min), mg_per_ml=mg_per_ml)

    assert same(by_mass, mg_per_kg_per_min)
    assert same(by_volume, ml_per_kg_per_h)


@given(decimals("0.01", "20.00"), decimals("1", "20", places=0))
def test_rate_survives_the_way_to_the_other_unit_and_back(ml_per_kg_per_h: Decimal, percent: Decimal) -> None:
    mg_per_ml = formulas.concentration_mg_per_ml(percent=percent)

    there = formulas.rate_mg_per_kg_per_min(ml_per_kg_per_h=ml_per_kg_per_h, mg_per_ml=mg_per_ml)
    back = formulas.rate_ml_per_kg_per_h(mg_per_kg_per_min=there, mg_per_ml=mg_per_ml)

    assert round(back, 20) == ml_per_kg_per_h


@pytest.mark.parametrize(
    ("grams", "percent", "ml"), [("80", "10", "800"), ("80", "5", "1600"), ("2.5", "10", "25")]
)
def test_volume_follows_from_grams_and_concentration(grams: str, percent: str, ml: str) -> None:
    assert formulas.volume_ml(grams=D(grams), percent=D(percent)) == D(ml)


# What holds for all of them

ONE_VALID_CALL: list[tuple[Callable[..., Any], dict[str, Any]]] = [
    (formulas.bmi, {"weight_kg": D(70), "height_cm": D(175)}),
    (formulas.ideal_body_weight_kg, {"height_cm": D(175), "sex": "male"}),
    (formulas.adjusted_body_weight_kg, {"weight_kg": D(100), "ideal_kg": D(70), "factor": D("0.4")}),
    (formulas.body_surface_area_m2, {"weight_kg": D(70), "height_cm": D(175)}),
    (formulas.creatinine_mg_per_dl, {"umol_per_l": D(85)}),
    (formulas.creatinine_umol_per_l, {"mg_per_dl": D(1)}),
    (
        formulas.egfr_ml_per_min_per_1_73m2,
        {"creatinine_mg_per_dl": D("1.09"), "age_years": 55, "sex": "male"},
    ),
    (formulas.report_egfr, {"egfr": D(80)}),
    (
        formulas.creatinine_clearance_ml_per_min,
        {"creatinine_mg_per_dl": D("1.09"), "age_years": 55, "weight_kg": D(90), "sex": "male"},
    ),
    (
        formulas.corrected_count_increment,
        {
            "before_per_ul": 10_000,
            "after_per_ul": 30_000,
            "bsa_m2": D("1.83"),
            "platelets_given_e11": D("3.1"),
        },
    ),
    (
        formulas.kdigo_creatinine_stage,
        {"baseline": D(1), "current": D(2), "hours_apart": D(24), "unit": "mg_per_dl"},
    ),
    (formulas.kdigo_urine_stage, {"ml_per_kg_per_h": D("0.4"), "hours": D(6)}),
    (formulas.kdigo_child_egfr_stage, {"egfr_ml_per_min_per_1_73m2": D(30), "age_years": 5}),
    (formulas.concentration_mg_per_ml, {"percent": D(10)}),
    (formulas.volume_ml, {"grams": D(70), "percent": D(3)}),
    (formulas.rate_mg_per_kg_per_min, {"ml_per_kg_per_h": D(2), "mg_per_ml": D(100)}),
    (formulas.rate_ml_per_kg_per_h, {"mg_per_kg_per_min": D(2), "mg_per_ml": D(70)}),
]

POSITIVE_ARGUMENTS = [
    pytest.param(function, arguments, name, id=f"{function.__name__}-{name}")
    for function, arguments in ONE_VALID_CALL
    for name, value in arguments.items()
    if isinstance(value, Decimal) and name not in ("factor", "ml_per_kg_per_h")
]


@pytest.mark.parametrize("bad", ["0", "-1", "NaN", "sNaN", "Infinity"])
@pytest.mark.parametrize(("function", "arguments", "name"), POSITIVE_ARGUMENTS)
def test_what_is_not_above_zero_is_refused_by_its_name(
    function: Callable[..., Any], arguments: dict[str, Any], name: str, bad: str
) -> None:
    with pytest.raises(ValueError, match=name):
        function(**arguments | {name: D(bad)})


@pytest.mark.parametrize(("function", "arguments"), [call for call in ONE_VALID_CALL if "sex" in call[1]])
def test_any_other_sex_is_refused_not_guessed(
    function: Callable[..., Any], arguments: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match="sex"):
        function(**arguments | {"sex": "unknown"})


@pytest.mark.parametrize(("function", "arguments"), ONE_VALID_CALL)
def test_precision_and_rounding_of_the_caller_change_nothing(
    function: Callable[..., Any], arguments: dict[str, Any]
) -> None:
    usual = function(**arguments)

    with localcontext(prec=4, rounding=ROUND_DOWN):
        under_a_coarse_context = function(**arguments)

    assert under_a_coarse_context == usual
    assert isinstance(usual, Decimal | int)


@pytest.mark.parametrize(
    ("refused", "words"),
    [
        (
            lambda: formulas.ideal_body_weight_kg(height_cm=D(30), sex="female"),
            "height_cm is too small for the Devine equation",
        ),
        (
            lambda: formulas.adjusted_body_weight_kg(weight_kg=D(90), ideal_kg=D(60), factor=D("1.1")),
            "factor must lie between 0 and 1",
        ),
        (
            lambda: formulas.egfr_ml_per_min_per_1_73m2(creatinine_mg_per_dl=D(1), age_years=17, sex="male"),
            "CKD-EPI 2021 is for adults of 18 years and above",
        ),
        (
            lambda: formulas.creatinine_clearance_ml_per_min(
                creatinine_mg_per_dl=D(1), age_years=140, weight_kg=D(70), sex="male"
            ),
            "Cockcroft-Gault is for adults from 18 to 139 years",
        ),
        (
            lambda: formulas.corrected_count_increment(
                before_per_ul=-1, after_per_ul=1, bsa_m2=D(2), platelets_given_e11=D(3)
            ),
            "a platelet count cannot be negative",
        ),
        (
            lambda: formulas.kdigo_creatinine_stage(
                baseline=D(1), current=D(2), hours_apart=D(169), unit="mg_per_dl"
            ),
            "KDIGO compares creatinines at most 7 days apart",
        ),
        (
            lambda: formulas.kdigo_urine_stage(ml_per_kg_per_h=D(-1), hours=D(6)),
            "ml_per_kg_per_h must not be negative",
        ),
        (
            lambda: formulas.kdigo_child_egfr_stage(egfr_ml_per_min_per_1_73m2=D(20), age_years=18),
            "this KDIGO criterion is for patients under 18 years",
        ),
        (
            lambda: formulas.ideal_body_weight_kg(height_cm=D(170), sex="unknown"),
            "sex must be female or male",
        ),
        (
            lambda: formulas.rate_mg_per_kg_per_min(ml_per_kg_per_h=D(0), mg_per_ml=D(100)),
            "ml_per_kg_per_h must be above zero",
        ),
    ],
)
def test_refusal_says_in_whole_words_what_is_wrong(refused: Callable[[], Any], words: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(words)}$"):
        refused()


def test_borders_of_what_is_refused_are_allowed() -> None:
    assert formulas.adjusted_body_weight_kg(weight_kg=D(90), ideal_kg=D(60), factor=D(1)) == D(90)
    assert formulas.kdigo_child_egfr_stage(egfr_ml_per_min_per_1_73m2=D(34), age_years=0) == 3
    assert formulas.ideal_body_weight_kg(height_cm=D("102.5"), sex="female") < 1
