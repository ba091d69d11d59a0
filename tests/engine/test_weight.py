"""The dosing weight by each kind of policy: who is adjusted, who is not, and what is flagged."""

from typing import Any

import pytest

from protocols.engine.facts import UNKNOWN, Facts
from protocols.engine.ledger_check import verify
from protocols.engine.protocol import WeightPolicy
from protocols.engine.weight import DosingWeight, dosing_weight

from .factory import D, adjusting, patient, policy

# At 152.4 cm, 60 inches, the ideal weight is 50 kg (male) or 45.5 kg (female): half-way to 100 kg is 75.
TALL = {"height_cm": D("152.4"), "weight_kg": D(100)}
ADJUSTED = adjusting("ADJUSTED")
STRICT = adjusting(
    "STRICT",
    bmi_at_threshold_counts=False,
    minimum_weight_kg_female=D(40),
    minimum_weight_kg_male=D(50),
)
EVERYBODY = adjusting(
    "EVERYBODY", bmi_threshold=None, adjusts_in_pregnancy=False, uses_pre_pregnancy_weight=False
)
ACTUAL = policy("ACTUAL", uses_pre_pregnancy_weight=False)


def weigh(chosen: WeightPolicy, **facts: Any) -> DosingWeight:
    weight = dosing_weight(chosen, patient(**facts))
    assert isinstance(weight, DosingWeight)
    return weight


def test_without_a_weight_there_is_no_dosing_weight() -> None:
    assert dosing_weight(ADJUSTED, Facts(height_cm=D(180), sex="male")) is UNKNOWN


def test_obese_adult_is_dosed_on_the_adjusted_weight() -> None:
    weight = weigh(ADJUSTED, **TALL)

    assert (weight.kg, weight.basis, weight.flags, weight.unknowns) == (D(75), "adjusted", (), ())


def test_ideal_weight_depends_on_sex() -> None:
    assert weigh(ADJUSTED, **TALL, sex="female").kg == D("72.75")


def test_adjusted_weight_has_a_ledger_that_the_checker_accepts() -> None:
    ledger = weigh(ADJUSTED, **TALL).ledger

    assert [step.name for step in ledger] == [
        "Body mass index",
        "Ideal body weight (Devine)",
        "Adjusted body weight",
        "Dosing weight",
    ]
    verify(ledger)


def test_weight_used_as_it_is_needs_no_ledger() -> None:
    assert weigh(ACTUAL, **TALL).ledger == ()


@pytest.mark.parametrize(("chosen", "is_adjusted"), [(ADJUSTED, True), (STRICT, False)])
def test_policy_says_whether_an_index_on_the_threshold_counts(
    chosen: WeightPolicy, is_adjusted: bool
) -> None:
    on_threshold = weigh(chosen, weight_kg=D(80), height_cm=D(200))
    above = weigh(chosen, weight_kg=D(100), height_cm=D(200))

    assert on_threshold.bmi == chosen.bmi_threshold
    assert (on_threshold.ledger != ()) is is_adjusted
    assert above.ledger != ()


def test_thin_adult_is_dosed_on_the_actual_weight() -> None:
    weight = weigh(ADJUSTED, weight_kg=D(60), height_cm=D(180))

    assert (weight.kg, weight.basis, weight.ledger) == (D(60), "actual", ())


def test_short_obese_adult_keeps_the_actual_weight_and_is_flagged() -> None:
    weight = weigh(ADJUSTED, weight_kg=D(60), height_cm=D("109.9"))

    assert (weight.kg, weight.flags) == (D(60), ("short_obese",))


def test_adult_at_the_minimum_height_is_adjusted() -> None:
    assert weigh(ADJUSTED, weight_kg=D(60), height_cm=D(110)).basis == "adjusted"


def test_short_adult_is_not_flagged_where_everybody_is_adjusted() -> None:
    weight = weigh(EVERYBODY, weight_kg=D(60), height_cm=D("109.9"))

    assert (weight.kg, weight.flags) == (D(60), ())


def test_adult_below_the_ideal_weight_is_never_dosed_above_the_actual_one() -> None:
    weight = weigh(EVERYBODY, weight_kg=D(40), height_cm=D("152.4"))

    assert (weight.kg, weight.basis) == (D(40), "actual")
    verify(weight.ledger)


@pytest.mark.parametrize(("sex", "least"), [("female", D(40)), ("male", D(50))])
def test_adult_of_exactly_the_minimum_weight_is_not_adjusted(sex: str, least: D) -> None:
    # Short enough to have a high index at the minimum weight.
    at_least = weigh(STRICT, sex=sex, weight_kg=least, height_cm=D(120))
    above = weigh(STRICT, sex=sex, weight_kg=least + D("0.1"), height_cm=D(120))

    assert at_least.ledger == ()
    assert above.basis == "adjusted"


def test_child_is_dosed_on_the_actual_weight() -> None:
    weight = weigh(ADJUSTED, **TALL, age_years=19)

    assert (weight.kg, weight.basis, weight.unknowns) == (D(100), "actual", ())


def test_missing_height_is_flagged_and_asked() -> None:
    weight = weigh(ADJUSTED, weight_kg=D(100), height_cm=UNKNOWN)

    assert (weight.kg, weight.flags, weight.unknowns) == (D(100), ("height_missing",), ("height_cm",))
    assert weight.bmi is UNKNOWN


def test_missing_sex_is_flagged_and_asked_of_an_obese_adult() -> None:
    weight = weigh(ADJUSTED, **TALL, sex=UNKNOWN)

    assert (weight.kg, weight.flags, weight.unknowns) == (D(100), ("sex_missing",), ("sex",))


def test_missing_sex_is_not_asked_where_it_changes_nothing() -> None:
    assert weigh(ADJUSTED, sex=UNKNOWN).unknowns == ()


def test_missing_age_is_asked_where_a_child_would_be_dosed_otherwise() -> None:
    weight = weigh(ADJUSTED, **TALL, age_years=UNKNOWN)

    assert weight.unknowns == ("age_years",)
    assert weigh(ACTUAL, **TALL, age_years=UNKNOWN).unknowns == ()


def test_pregnant_patient_is_dosed_on_the_weight_before() -> None:
    pregnant = {"sex": "female", "pregnant": True, "height_cm": D(180)}

    weight = weigh(ADJUSTED, **pregnant, weight_kg=D(70), pre_pregnancy_weight_kg=D(60))

    assert (weight.kg, weight.basis) == (D(60), "pre_pregnancy")
    assert weigh(ACTUAL, **pregnant, weight_kg=D(70), pre_pregnancy_weight_kg=D(60)).kg == D(70)


def test_weight_before_pregnancy_is_adjusted_too() -> None:
    weight = weigh(
        ADJUSTED,
        sex="female",
        pregnant=True,
        height_cm=D("152.4"),
        weight_kg=D(120),
        pre_pregnancy_weight_kg=D(100),
    )

    assert (weight.kg, weight.basis) == (D("72.75"), "adjusted")
    assert weight.ledger[0].inputs[0].name == "weight before pregnancy"


def test_missing_weight_before_pregnancy_is_flagged_and_asked() -> None:
    weight = weigh(ADJUSTED, sex="female", pregnant=True)

    assert (weight.kg, weight.basis) == (D(60), "actual")
    assert weight.flags == ("pre_pregnancy_weight_missing",)
    assert weight.unknowns == ("pre_pregnancy_weight_kg",)


def test_pregnant_patient_is_not_adjusted_where_the_policy_says_so() -> None:
    pregnant = {"sex": "female", "pregnant": True, "pre_pregnancy_weight_kg": D(90)}

    assert weigh(EVERYBODY, **TALL, **pregnant).kg == D(100)


@pytest.mark.parametrize(("sex", "asked"), [("female", ("pregnant",)), ("male", ())])
def test_pregnancy_is_asked_of_women_where_it_changes_the_weight(sex: str, asked: tuple[str, ...]) -> None:
    assert weigh(ADJUSTED, sex=sex, pregnant=UNKNOWN).unknowns == asked
    assert weigh(EVERYBODY, sex=sex, pregnant=UNKNOWN, **TALL).unknowns == asked
    assert weigh(ACTUAL, sex=sex, pregnant=UNKNOWN).unknowns == ()
