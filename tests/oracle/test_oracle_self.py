"""The oracle must itself reproduce every worked example of the evidence before it may judge the engine."""

from collections import Counter
from fractions import Fraction
from itertools import islice, product

import pytest

from .decision import (
    BLEEDING_LEVELS,
    CONSULT_LEVELS,
    FULL_NAMES,
    expected_branch,
    expected_cell,
    expected_consult,
    expected_grade,
    expected_level,
    expected_lines,
    surgery_still_counts,
)
from .dose import (
    FIRST_EXPOSURE_ML_PER_KG_PER_H,
    PRODUCTS,
    adjusted_weight_kg,
    at_risk_reasons,
    body_mass_index,
    continuous_ml_per_h,
    dosing_weight,
    fewest_vials,
    ideal_weight_kg,
    ivig_grams,
    methylprednisolone_mg,
    nearest_ties_down,
    platelet_dose,
    prednisone_mg,
    rate_plan,
    volume_ml,
)
from .patients import synthetic_patients

# The 25 rows of 1.5 as printed: grade, bleeding, then the cells for (surgery, rapid rise) = NN, NY, YN, YY.
PRINTED_TABLE = """
0 none             N0:E  N0:E  N0:E  N0:E
0 risk_factors     N0:E  N0:E  N0:E  N0:E
0 active           N1:E  N1:E  N1:E  N1:E
0 active_cns_gi_gu N1:E  N1:E  N1:E  N1:E
0 life_threatening N2:E  N2:E  N2:E  N2:E
1 none             G1A:E G1H:E G1P:E G1P:E
1 risk_factors     G1A:E G1H:E G1P:E G1P:E
1 active           G1B:E G1B:E G1B:E G1B:E
1 active_cns_gi_gu G1C:E G1C:E G1C:E G1C:E
1 life_threatening G1C:E G1C:E G1C:E G1C:E
2 none             G2A:S G2B:S SU:C  SU:C
2 risk_factors     G2A:S G2B:S SU:C  SU:C
2 active           G2C:E G2B:S SU:C  SU:C
2 active_cns_gi_gu SC:C  SC:C  SC:C  SC:C
2 life_threatening EM:C  EM:C  EM:C  EM:C
3 none             G3B:E G3D:E SU:C  SU:C
3 risk_factors     G3A:S G3A:S SU:C  SU:C
3 active           G3C:S G3C:S G3C:S G3C:S
3 active_cns_gi_gu G3C:S G3C:S G3C:S G3C:S
3 life_threatening EM:C  EM:C  EM:C  EM:C
4 none             G4D:E G4C:E SU:C  SU:C
4 risk_factors     G4B:C G4B:C SU:C  SU:C
4 active           G4A:S G4A:S G4A:S G4A:S
4 active_cns_gi_gu G4A:S G4A:S G4A:S G4A:S
4 life_threatening EM:S  EM:S  EM:S  EM:S
"""
PROVENANCE = {"S": "source", "C": "context", "E": "extension"}
NEEDS = ((False, False), (False, True), (True, False), (True, True))


def printed_cells() -> dict[tuple[int, str, bool, bool], tuple[str, str]]:
    cells = {}
    for line in PRINTED_TABLE.split("\n")[1:-1]:
        grade, bleeding_level, *entries = line.split()
        for (surgery, rapid_rise), entry in zip(NEEDS, entries, strict=True):
            branch, tag = entry.split(":")
            cells[int(grade), bleeding_level, surgery, rapid_rise] = (
                FULL_NAMES[branch],
                PROVENANCE[tag],
            )
    return cells


def test_nested_ifs_say_what_the_printed_table_says_in_all_100_cells() -> None:
    printed = printed_cells()

    computed = {
        (grade, level, surgery, rapid): expected_cell(grade, level, surgery, rapid)
        for grade, level, (surgery, rapid) in product(range(5), BLEEDING_LEVELS, NEEDS)
    }

    assert len(printed) == 100
    assert computed == printed


def test_provenance_adds_up_to_the_counts_the_evidence_gives() -> None:
    counts = Counter(provenance for _, provenance in printed_cells().values())

    assert counts == {"source": 27, "context": 28, "extension": 45}


def test_every_one_of_the_22_branches_is_reached() -> None:
    reached = {branch for branch, _ in printed_cells().values()}

    assert len(FULL_NAMES) == 22
    assert reached == set(FULL_NAMES.values())


@pytest.mark.parametrize(
    ("platelets_per_ul", "grade"),
    [
        (24_900, 4),
        (24_999, 4),
        (25_000, 3),
        (49_990, 3),
        (50_000, 2),
        (74_900, 2),
        (75_000, 1),
        (149_000, 1),
        (149_999, 1),
        (150_000, 0),
        (0, 4),
    ],
)
@pytest.mark.hazard("H02")
def test_count_on_a_border_belongs_to_the_milder_grade(platelets_per_ul: int, grade: int) -> None:
    assert expected_grade(platelets_per_ul) == grade


def test_lower_limit_of_normal_is_the_laboratory_s_own() -> None:
    assert expected_grade(149_000, lower_limit_of_normal_per_ul=140_000) == 0


@pytest.mark.parametrize(
    ("count", "target", "counts"),
    [
        (79_999, 80_000, True),
        (80_000, 80_000, False),
        (99_999, 100_000, True),
        (20_000, None, True),
    ],
)
def test_surgery_counts_only_below_its_target(count: int, target: int | None, counts: bool) -> None:
    assert surgery_still_counts(count, True, target) is counts
    assert surgery_still_counts(count, False, target) is False


def test_urgent_surgery_at_its_target_leads_to_the_branch_without_surgery() -> None:
    assert expected_branch(50_000, "none", True, False, 50_000) == (
        "G2_STEROID",
        "source",
    )
    assert expected_branch(49_999, "none", True, False, 50_000) == (
        "SURGERY_COMBINED",
        "context",
    )


def test_unknown_words_are_refused() -> None:
    with pytest.raises(ValueError, match="bleeding level"):
        expected_cell(4, "severe", False, False)
    with pytest.raises(ValueError, match="grade"):
        expected_cell(5, "none", False, False)
    with pytest.raises(ValueError, match="branch"):
        expected_consult("G5_ANYTHING")
    with pytest.raises(ValueError, match="branch"):
        expected_lines("G5_ANYTHING")
    with pytest.raises(ValueError, match="policy"):
        dosing_weight(policy="ideal", age_years=40, sex="male", weight_kg=80)


@pytest.mark.parametrize(
    ("branch", "bleeding_level", "hours", "consult"),
    [
        ("N0", "none", None, "none"),
        ("N1", "active", None, "same_day"),
        ("N2", "life_threatening", None, "stat"),
        ("G1A", "none", None, "none"),
        ("G1H", "none", None, "same_day"),
        ("G1P", "none", None, "same_day"),
        ("G1B", "active", None, "same_day"),
        ("G1C", "active_cns_gi_gu", None, "stat"),
        ("G2A", "none", None, "info"),
        ("G2B", "none", None, "info"),
        ("G2B", "active", None, "same_day"),
        ("G2C", "active", None, "same_day"),
        ("SC", "active_cns_gi_gu", None, "stat"),
        ("SU", "none", None, "same_day"),
        ("SU", "none", 12, "same_day"),
        ("SU", "none", 11, "stat"),
        ("G3A", "risk_factors", None, "same_day"),
        ("G3B", "none", None, "same_day"),
        ("G3C", "active", None, "same_day"),
        ("G3C", "active_cns_gi_gu", None, "stat"),
        ("G3D", "none", None, "same_day"),
        ("G4A", "active", None, "same_day"),
        ("G4A", "active_cns_gi_gu", None, "stat"),
        ("G4B", "risk_factors", None, "same_day"),
        ("G4C", "none", None, "same_day"),
        ("G4D", "none", None, "same_day"),
        ("EM", "life_threatening", None, "stat"),
    ],
)
def test_consult_follows_the_branch_and_its_conditions(
    branch: str, bleeding_level: str, hours: int | None, consult: str
) -> None:
    assert expected_consult(FULL_NAMES[branch], bleeding_level, hours) == consult


def test_consult_of_every_cell_is_one_of_the_four_levels_and_no_critical_bleed_waits() -> None:
    for (_, bleeding_level, _, _), (branch, _) in printed_cells().items():
        consult = expected_consult(branch, bleeding_level)

        assert consult in CONSULT_LEVELS
        if bleeding_level == "life_threatening":
            assert consult == "stat"


@pytest.mark.parametrize(
    ("branch", "ivig", "steroid", "platelets"),
    [
        ("G2A", "none", "prednisone", "none"),
        ("G2B", "required", "prednisone", "none"),
        ("G2C", "offered", "prednisone", "none"),
        ("G3A", "required", "prednisone", "standby"),
        ("G3B", "none", "prednisone", "none"),
        ("G3C", "required", "prednisone", "required"),
        ("G4A", "required", "prednisone", "required"),
        ("G4B", "required", "prednisone", "offered"),
        ("G4C", "required", "prednisone", "none"),
        ("EM", "required", "methylprednisolone", "required"),
    ],
)
def test_lines_of_a_branch_have_the_role_the_table_gives(
    branch: str, ivig: str, steroid: str, platelets: str
) -> None:
    lines = expected_lines(FULL_NAMES[branch])

    assert lines.ivig == {ivig}
    assert lines.corticosteroid_default == steroid
    assert lines.platelets == {platelets}


def test_platelets_for_a_brain_bleed_are_given_and_for_a_bowel_bleed_held_at_grade_2() -> None:
    assert expected_lines("SITE_COMBINED", ["cns"]).platelets == {"required"}
    assert "required" not in expected_lines("SITE_COMBINED", ["gi"]).platelets


def test_platelets_for_a_brain_bleed_at_grade_1_end_at_100() -> None:
    assert expected_lines("G1_CRITICAL_BLEED_HAEM_STAT", ["cns"], 99_999).platelets == {"required"}
    assert "required" not in expected_lines("G1_CRITICAL_BLEED_HAEM_STAT", ["cns"], 100_000).platelets
    assert "required" not in expected_lines("G1_CRITICAL_BLEED_HAEM_STAT", ["gi"], 80_000).platelets


def test_only_the_emergency_branch_gives_two_platelet_doses() -> None:
    doses = {branch: expected_lines(branch).platelet_doses for branch in FULL_NAMES.values()}

    assert [branch for branch, number in doses.items() if number != 1] == ["EMERGENCY_COMBINED"]


# Section 8: kg, cm, sex, BMI, ideal, adjusted, dosing weight, basis, flag, rounded grams.
WEIGHT_VECTORS = [
    ("100", "175", "male", "32.65", "70.46", "82.28", "82.28", "adjusted", None, "80"),
    ("70", "175", "male", "22.86", "70.46", "70.28", "70", "actual", None, "70"),
    ("140", "170", "male", "48.44", "65.94", "95.56", "95.56", "adjusted", None, "95"),
    ("95", "160", "female", "37.11", "52.38", "69.43", "69.43", "adjusted", None, "70"),
    ("118", "181", "male", "36.02", "75.90", "92.74", "92.74", "adjusted", None, "95"),
    (
        "80",
        "152.4",
        "female",
        "34.44",
        "45.50",
        "59.30",
        "59.30",
        "adjusted",
        None,
        "60",
    ),
    (
        "88",
        "148",
        "female",
        "40.18",
        "41.52",
        "60.11",
        "88",
        "actual",
        "SHORT_OBESE",
        "90",
    ),
    ("62", "165", "female", "22.77", "56.91", "58.95", "62", "actual", None, "60"),
    ("45", "170", "female", "15.57", "61.44", "54.86", "45", "actual", None, "45"),
    ("45", "150", "female", "20.00", "43.33", "44.00", "45", "actual", None, "45"),
]


@pytest.mark.parametrize(
    (
        "kg",
        "cm",
        "sex",
        "bmi",
        "ideal",
        "adjusted",
        "dosing_kg",
        "basis",
        "flag",
        "grams",
    ),
    WEIGHT_VECTORS,
)
def test_weights_agree_with_the_table_of_section_8(
    kg: str,
    cm: str,
    sex: str,
    bmi: str,
    ideal: str,
    adjusted: str,
    dosing_kg: str,
    basis: str,
    flag: str | None,
    grams: str,
) -> None:
    weight = dosing_weight(policy="default", age_years=40, sex=sex, weight_kg=kg, height_cm=cm)

    assert weight is not None
    assert near(body_mass_index(kg, cm), bmi)
    assert near(ideal_weight_kg(sex, cm), ideal)
    assert near(adjusted_weight_kg(sex, cm, kg), adjusted)
    assert near(weight.kg, dosing_kg)
    assert weight.basis == basis
    assert weight.flags == (frozenset() if flag is None else {flag})
    assert ivig_grams(weight.kg).rounded == Fraction(grams)


def test_child_of_section_8_is_dosed_on_the_actual_weight_in_half_steps() -> None:
    weight = dosing_weight(policy="default", age_years=5, sex="male", weight_kg=18, height_cm=110)

    assert weight is not None
    assert (weight.kg, weight.basis) == (Fraction(18), "actual")
    assert ivig_grams(weight.kg).rounded == Fraction("17.5")


def near(value: Fraction, printed: str, tolerance: str = "0.01") -> bool:
    return abs(value - Fraction(printed)) <= Fraction(tolerance)


def test_body_mass_index_of_exactly_30_is_adjusted_by_the_house_and_not_by_ontario() -> None:
    house, ontario = (
        dosing_weight(policy=policy, age_years=40, sex="male", weight_kg="97.2", height_cm="180")
        for policy in ("default", "ontario")
    )

    assert house is not None and house.basis == "adjusted"
    assert ontario is not None and ontario.basis == "actual"


def test_missing_height_leaves_the_actual_weight_and_says_so() -> None:
    weight = dosing_weight(policy="default", age_years=40, sex="male", weight_kg=120)

    assert weight is not None
    assert (weight.kg, weight.basis) == (Fraction(120), "actual")
    assert weight.flags == {"HEIGHT_MISSING"}


def test_pregnant_woman_is_dosed_on_her_weight_before_pregnancy() -> None:
    known = dosing_weight(
        policy="default",
        age_years=30,
        sex="female",
        weight_kg=78,
        height_cm=165,
        pregnant=True,
        pre_pregnancy_weight_kg=66,
    )
    unknown = dosing_weight(
        policy="default",
        age_years=30,
        sex="female",
        weight_kg=78,
        height_cm=165,
        pregnant=True,
    )

    assert known is not None and (known.kg, known.basis) == (Fraction(66), "pre_pregnancy")
    assert unknown is not None and (unknown.kg, unknown.basis) == (Fraction(78), "actual")


def test_obesity_before_pregnancy_is_adjusted_from_the_weight_before_pregnancy() -> None:
    weight = dosing_weight(
        policy="default",
        age_years=30,
        sex="female",
        weight_kg=105,
        height_cm=160,
        pregnant=True,
        pre_pregnancy_weight_kg=95,
    )

    assert weight is not None
    assert near(weight.kg, "69.43") and weight.basis == "adjusted"


def test_australia_adjusts_every_adult_but_its_four_exclusions() -> None:
    def basis(**changes: object) -> str:
        person = {
            "age_years": 40,
            "sex": "female",
            "weight_kg": "70",
            "height_cm": "165",
        } | changes
        weight = dosing_weight(policy="australia_2026", **person)  # type: ignore[arg-type]
        assert weight is not None
        return weight.basis

    assert basis() == "adjusted"
    assert basis(age_years=17) == "actual"
    assert basis(height_cm="151.9") == "actual"
    assert basis(height_cm="152") == "adjusted"
    assert basis(pregnant=True) == "actual"
    assert basis(weight_kg="50") == "actual"


def test_actual_weight_policy_never_changes_a_weight() -> None:
    weight = dosing_weight(policy="actual", age_years=40, sex="male", weight_kg=140, height_cm=170)

    assert weight is not None
    assert (weight.kg, weight.basis) == (Fraction(140), "actual")


@pytest.mark.parametrize("policy", ["default", "ontario", "australia_2026"])
def test_formula_that_needs_the_sex_gives_no_weight_without_it(policy: str) -> None:
    assert dosing_weight(policy=policy, age_years=40, sex=None, weight_kg=140, height_cm=170) is None


@pytest.mark.parametrize(
    ("exact", "rounded"),
    [
        ("62", "60"),
        ("62.5", "60"),
        ("62.6", "65"),
        ("67.5", "65"),
        ("72.5", "70"),
        ("77.49", "75"),
        ("82.28", "80"),
    ],
)
def test_grams_round_to_the_nearest_five_with_ties_down(exact: str, rounded: str) -> None:
    assert ivig_grams(exact).rounded == Fraction(rounded)


@pytest.mark.parametrize(
    ("kg", "grams", "part_vial"),
    [
        ("30", "30", False),
        ("29.9", "30", False),
        ("18.75", "17.5", False),
        ("12.5", "12.5", False),
        ("11.3", "12.5", True),
        ("11.2", "11.2", True),
        ("11.25", "11.25", True),
        ("11.5", "12.5", False),
        ("3.7", "3.7", True),
    ],
)
def test_small_child_gets_half_steps_or_the_exact_dose(kg: str, grams: str, part_vial: bool) -> None:
    dose = ivig_grams(kg)

    assert dose.part_vial is part_vial
    assert dose.rounded == (Fraction(kg) if part_vial else Fraction(grams))
    assert abs(dose.deviation_percent) <= 10


def test_split_dose_that_rounding_would_change_by_over_a_tenth_is_given_exactly() -> None:
    assert ivig_grams("32", "0.4").part_vial
    assert ivig_grams("32", "0.4").rounded == Fraction("12.8")
    assert not ivig_grams("32").part_vial


def test_five_percent_takes_twice_the_volume_of_ten_percent() -> None:
    assert volume_ml(60, 10) == 600
    assert volume_ml(60, 5) == 1200


@pytest.mark.parametrize(
    ("grams", "sizes", "count"),
    [
        (60, (5, 10, 20, 40), 2),
        (65, (5, 10, 20, 40), 3),
        (80, (5, 10, 20, 40), 2),
        (95, (5, 10, 20, 40), 4),
        (80, (2, 5, 10, 20, 30), 3),
        (95, (2, 5, 10, 20, 30), 4),
        ("17.5", ("2.5", 5, 10, 20, 40), 3),
        ("17.5", (2, 5, 10, 20, 30), None),
        (0, (5, 10), 0),
    ],
)
def test_fewest_vials_sum_exactly(grams: str | int, sizes: tuple[str | int, ...], count: int | None) -> None:
    assert fewest_vials(grams, sizes) == count


@pytest.mark.parametrize(
    ("kg", "exact", "rounded", "capped"),
    [
        ("62", "62", "60", False),
        ("62.5", "62.5", "60", False),
        ("62.6", "62.6", "65", False),
        ("80", "80", "80", False),
        ("82.5", "82.5", "80", True),
        ("140", "140", "80", True),
    ],
)
def test_prednisone_is_rounded_to_five_with_ties_down_and_capped_at_80(
    kg: str, exact: str, rounded: str, capped: bool
) -> None:
    dose = prednisone_mg(kg)

    assert (dose.exact, dose.rounded, dose.capped) == (
        Fraction(exact),
        Fraction(rounded),
        capped,
    )


def test_methylprednisolone_is_a_gram_for_adults_and_never_more_for_a_child() -> None:
    assert methylprednisolone_mg(18, "45").rounded == 1000
    assert methylprednisolone_mg(17, "33.3").rounded == 999
    assert methylprednisolone_mg(17, "33.4").rounded == 1000
    assert methylprednisolone_mg(17, "33.4").capped


def test_platelets_change_from_millilitres_to_a_pack_at_15_kg() -> None:
    assert platelet_dose(40, "70") == (Fraction(1), "adult dose")
    assert platelet_dose(40, "70", adult_doses=2) == (Fraction(2), "adult dose")
    assert platelet_dose(3, "14.9") == (Fraction(149), "mL")
    assert platelet_dose(3, "15", adult_doses=2) == (Fraction(1), "adult dose")


@pytest.mark.parametrize(
    ("product_name", "cap", "rates", "printed_minutes"),
    [
        ("Privigen", None, ("24", "48", "96", "192"), 314),
        ("Gamunex-C", None, ("48", "96", "192", "384"), 189),
        ("Panzyga", None, ("48", "96", "192", "384"), 189),
        ("Kiovig", None, ("40", "80", "160", "320", "480"), 182),
        ("Octagam 10%", None, ("48", "96", "192", "384", "576"), 166),
        ("Privigen", "2.0", ("24", "48", "96", "160"), 358),
        ("Gamunex-C", "2.0", ("48", "96", "160", "160"), 333),
        ("Gammagard S/D", None, ("40", "80", "160", "320"), 364),
        ("Gammagard S/D", "4.0", ("40", "80", "160", "320"), 364),
    ],
)
def test_rate_plan_agrees_with_the_80_kg_examples(
    product_name: str, cap: str | None, rates: tuple[str, ...], printed_minutes: int
) -> None:
    infused = PRODUCTS[product_name]

    plan = rate_plan(infused, 80, volume_ml(80, infused.concentration_percent), cap)

    assert [step.ml_per_h for step in plan.steps] == [Fraction(rate) for rate in rates]
    assert nearest_ties_down(plan.total_minutes, 1) == printed_minutes


def test_rate_plan_agrees_with_the_order_text_of_section_9() -> None:
    plan = rate_plan(PRODUCTS["Privigen"], 62, 600)

    assert [step.ml_per_h for step in plan.steps] == [
        Fraction("18.6"),
        Fraction("37.2"),
        Fraction("74.4"),
        Fraction("148.8"),
    ]


def test_volume_of_a_rate_plan_is_the_volume_ordered() -> None:
    for infused in PRODUCTS.values():
        for kg in ("2.5", "18", "62.6", "140"):
            dose = ivig_grams(kg)
            ordered = volume_ml(dose.rounded, infused.concentration_percent)

            plan = rate_plan(infused, kg, ordered)

            assert sum(step.ml_per_h * step.minutes / 60 for step in plan.steps) == ordered


def test_tiny_volume_ends_before_the_last_step() -> None:
    plan = rate_plan(PRODUCTS["Privigen"], 80, 20)

    assert len(plan.steps) == 2
    assert plan.total_minutes == 40


def test_first_exposure_cap_flattens_the_two_fast_products_only() -> None:
    for name, infused in PRODUCTS.items():
        free = rate_plan(infused, 80, 800)
        capped = rate_plan(infused, 80, 800, FIRST_EXPOSURE_ML_PER_KG_PER_H)

        too_fast = name in (
            "Kiovig",
            "Octagam 10%",
            "Gammagard Liquid",
            "Gammagard Liquid ERC",
        )
        assert (capped != free) is too_fast


def test_continuous_infusion_takes_a_day() -> None:
    assert near(continuous_ml_per_h(volume_ml(80, 10)), "33.3", "0.05")
    assert near(continuous_ml_per_h(volume_ml(70, 10)), "29.2", "0.05")


def test_all_thirteen_products_start_slow_and_never_step_down() -> None:
    assert len(PRODUCTS) == 13
    for infused in PRODUCTS.values():
        assert list(infused.steps_ml_per_kg_per_h) == sorted(infused.steps_ml_per_kg_per_h)
        assert infused.steps_ml_per_kg_per_h[0] <= infused.at_risk_ml_per_kg_per_h


@pytest.mark.parametrize(
    ("age", "kg", "cm", "pregnant", "reasons"),
    [
        (64, "80", "180", False, set()),
        (65, "80", "180", False, {"age"}),
        (40, "97.2", "180", False, {"obesity"}),
        (30, "60", "165", True, {"pregnancy"}),
        (30, "49.9", "165", False, {"low weight"}),
        (10, "30", "140", None, set()),
    ],
)
def test_plain_facts_already_show_some_risks(
    age: int, kg: str, cm: str, pregnant: bool | None, reasons: set[str]
) -> None:
    assert at_risk_reasons(age_years=age, weight_kg=kg, height_cm=cm, pregnant=pregnant) == reasons


def test_same_seed_makes_the_same_patients() -> None:
    first = list(synthetic_patients(count=50, seed=7))

    assert first == list(synthetic_patients(count=50, seed=7))
    assert first != list(synthetic_patients(count=50, seed=8))
    assert list(islice(synthetic_patients(count=5000, seed=7), 50)) == first


def test_patients_reach_every_branch_and_both_sides_of_every_border() -> None:
    patients = list(synthetic_patients(count=5000, seed=20260101))

    branches = {
        expected_branch(
            patient["platelets_per_ul"],  # type: ignore[arg-type]
            str(patient["bleeding_level"]),
            bool(patient["urgent_surgery"]),
            bool(patient["rapid_rise"]),
        )[0]
        for patient in patients
    }
    counts = {patient["platelets_per_ul"] for patient in patients}
    products = {patient["product"] for patient in patients}

    assert branches == set(FULL_NAMES.values())
    assert {24_999, 25_000, 49_999, 50_000, 74_999, 75_000, 149_999, 150_000} <= counts
    assert products == set(PRODUCTS)
    assert {17, 18} <= {patient["age_years"] for patient in patients}
    assert {"152.3", "152.4"} <= {patient.get("height_cm") for patient in patients}


@pytest.mark.parametrize(
    ("who_grade", "findings", "has_risk", "count", "age", "level"),
    [
        (0, (), False, 10_000, 59, "none"),
        (0, (), False, 9_999, 59, "risk_factors"),
        (0, (), False, 10_000, 60, "risk_factors"),
        (0, (), True, 30_000, 40, "risk_factors"),
        (1, (), False, 30_000, 40, "risk_factors"),
        (2, ("skin_only",), False, 30_000, 40, "risk_factors"),
        (2, (), False, 30_000, 40, "active"),
        (1, ("haemoptysis",), False, 30_000, 40, "active"),
        (2, ("melaena", "skin_only"), False, 30_000, 40, "active_cns_gi_gu"),
        (3, ("skin_only",), False, 30_000, 40, "active_cns_gi_gu"),
        (3, ("uncontrolled",), False, 30_000, 40, "life_threatening"),
        (4, (), False, 200_000, 40, "life_threatening"),
    ],
)
def test_bleeding_level_is_the_highest_that_applies(
    who_grade: int, findings: tuple[str, ...], has_risk: bool, count: int, age: int, level: str
) -> None:
    found = expected_level(
        who_bleeding_grade=who_grade,
        findings=frozenset(findings),
        has_risk_factor=has_risk,
        platelets_per_ul=count,
        age_years=age,
    )

    assert found == level


@pytest.mark.parametrize(
    ("kg", "mg"), [("2.5", "2.5"), ("4.9", 5), ("13.75", 14), ("24.9", 25), ("26.2", 25), ("27.5", 25)]
)
def test_prednisone_of_a_small_child_is_rounded_finely(kg: str, mg: int | str) -> None:
    assert prednisone_mg(kg).rounded == Fraction(mg)
