"""Doses: exact, capped, rounded once, with volume and vials; rounding and vials by the evidence's vectors."""

from dataclasses import replace
from decimal import getcontext, localcontext
from typing import Any

import pytest

from protocols.engine import dosing
from protocols.engine.dosing import Dose, compute_dose, deviation_percent, fewest_vials, nearest_multiple
from protocols.engine.facts import UNKNOWN, Facts
from protocols.engine.ledger import LedgerStep, Operation
from protocols.engine.ledger_check import LedgerDisagreement
from protocols.engine.protocol import CapKind, PerUnit, Regimen, Ties, WeightBasis
from protocols.engine.weight import dosing_weight

from .factory import PROTOCOL, D, adjusting, infused, patient, policy, product, regimen, step

ACTUAL = policy("ACTUAL", uses_pre_pregnancy_weight=False)
P10 = PROTOCOL.products[0]
IVIG = infused("IVIG", "F", "0.5")
STEROID = regimen(
    "STEROID",
    "F",
    "2",
    "mg",
    amount_minimum=D(1),
    amount_maximum=D(3),
    per=PerUnit.KG,
    weight=WeightBasis.ACTUAL,
    rounding=(step("10"),),
    cap=D(100),
    cap_kind=CapKind.SOFT,
)
PACK = regimen("PACK", "F", "2", "pack", amount_minimum=D(1), amount_maximum=D(3), volume_ml_per_unit=D(200))


def dose_of(chosen: Regimen, weight_kg: str, **more: Any) -> Dose:
    facts = patient(weight_kg=D(weight_kg), **more)
    dose = compute_dose(regimen=chosen, facts=facts, dosing=dosing_weight(ACTUAL, facts), product=P10)
    assert isinstance(dose, Dose)
    return dose


@pytest.mark.parametrize(
    ("amount", "rounded"),
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
def test_rounding_goes_to_the_nearest_five_with_ties_down(amount: str, rounded: str) -> None:
    assert nearest_multiple(D(amount), step("5")) == D(rounded)


def test_tie_goes_up_where_the_row_says_so() -> None:
    assert nearest_multiple(D("62.5"), step("5", ties=Ties.UP)) == D(65)
    assert nearest_multiple(D("62.4"), step("5", ties=Ties.UP)) == D(60)


@pytest.mark.parametrize(
    ("sizes", "dose", "vials"),
    [
        ("5 10 20 40", "60", ((40, 1), (20, 1))),
        ("5 10 20 40", "65", ((40, 1), (20, 1), (5, 1))),
        ("5 10 20 40", "80", ((40, 2),)),
        ("5 10 20 40", "95", ((40, 2), (10, 1), (5, 1))),
        ("2 5 10 20 30", "80", ((30, 2), (20, 1))),
        ("2 5 10 20 30", "95", ((30, 3), (5, 1))),
        # The largest vial first is not always the fewest: 30 + 10 + 10 against 25 + 25.
        ("10 25 30", "50", ((25, 2),)),
    ],
)
def test_fewest_vials_sum_exactly_to_the_dose(
    sizes: str, dose: str, vials: tuple[tuple[int, int], ...]
) -> None:
    plan = fewest_vials(tuple(D(size) for size in sizes.split()), D(dose))

    assert plan.vials == tuple((D(size), count) for size, count in vials)
    assert plan.left_over_g == 0


def test_dose_no_vials_sum_to_leaves_as_little_over_as_can_be() -> None:
    plan = fewest_vials((D("2.5"), D(10)), D("11.3"))

    assert plan.vials == ((D(10), 1), (D("2.5"), 1))
    assert plan.left_over_g == D("1.2")


def test_dose_below_the_smallest_vial_takes_that_vial() -> None:
    assert fewest_vials((D(5), D(10)), D("0.1")).vials == ((D(5), 1),)


def test_dose_of_any_size_and_precision_finds_its_vials_at_once() -> None:
    plan = fewest_vials((D("2.5"), D(5), D(40)), D("99999999.000000000000000000000000000001"))

    assert sum(size * count for size, count in plan.vials) == D(100_000_000)
    assert len(plan.vials) == 1


def test_dose_is_rate_times_weight_then_rounded() -> None:
    dose = dose_of(IVIG, "66")

    assert (dose.exact, dose.rounded, dose.unit) == (D(33), D(30), "g")
    assert dose.deviation_percent == D("-9.09")
    assert (dose.weight_kg, dose.weight_basis) == (D(66), "actual")
    assert not dose.part_vial
    assert dose.range_low is None


def test_product_gives_the_volume_and_the_vials() -> None:
    dose = dose_of(IVIG, "66")

    assert dose.volume_ml == D(300)
    assert dose.vial_plan is not None
    assert dose.vial_plan.vials == ((D(20), 1), (D(10), 1))
    assert dose.product is P10


def test_step_is_chosen_by_the_weight_that_is_dosed() -> None:
    assert dose_of(IVIG, "29.9").rounded == D(15)
    assert dose_of(infused("IVIG", "F", "1"), "30").rounded == D(30)
    assert dose_of(infused("IVIG", "F", "1"), "29").rounded == D("27.5") + D("2.5")


def test_rounding_too_far_gives_the_exact_dose_from_a_part_used_vial() -> None:
    dose = dose_of(IVIG, "31")

    assert dose.part_vial
    assert dose.rounded == dose.exact == D("15.5")
    assert dose.deviation_percent == 0
    assert dose.step_deviation_percent == D("29.03")
    assert dose.vial_plan is not None
    assert (dose.vial_plan.vials, dose.vial_plan.left_over_g) == (((D(20), 1),), D("4.5"))


def test_rounding_by_exactly_the_limit_is_rounding() -> None:
    whole = replace(IVIG, amount=D(1))

    at_the_limit = dose_of(replace(whole, rounding=(step("9"),)), "10")
    beyond = dose_of(replace(whole, rounding=(step("8.9"),)), "10")

    assert (at_the_limit.deviation_percent, at_the_limit.part_vial) == (D("-10.00"), False)
    assert (beyond.step_deviation_percent, beyond.part_vial) == (D("-11.00"), True)


def test_amount_above_the_cap_is_capped_and_told() -> None:
    dose = dose_of(STEROID, "60")

    assert (dose.exact, dose.rounded, dose.capped) == (D(120), D(100), True)
    assert dose.deviation_percent == 0
    assert (dose.range_low, dose.range_high) == (D(60), D(100))


def test_amount_on_the_cap_is_not_capped() -> None:
    dose = dose_of(STEROID, "50")

    assert (dose.rounded, dose.capped) == (D(100), False)


def test_rounding_never_passes_the_cap() -> None:
    odd = replace(STEROID, cap=D(98))

    assert dose_of(odd, "60").rounded == D(98)


def test_rounding_never_rounds_to_nothing() -> None:
    dose = dose_of(STEROID, "2")

    assert (dose.rounded, dose.part_vial) == (D(4), True)


def test_amount_per_patient_needs_no_weight_and_no_ledger() -> None:
    dose = compute_dose(
        regimen=replace(PACK, volume_ml_per_unit=None), facts=Facts(), dosing=UNKNOWN, product=None
    )

    assert isinstance(dose, Dose)
    assert (dose.exact, dose.rounded, dose.weight_kg, dose.weight_basis) == (D(2), D(2), None, "")
    assert (dose.range_low, dose.range_high) == (D(1), D(3))
    assert (dose.ledger, dose.volume_ml, dose.vial_plan) == ((), None, None)


def test_amount_per_patient_ignores_a_weight_it_does_not_need() -> None:
    assert dose_of(replace(PACK, weight=WeightBasis.DOSING), "60").rounded == D(2)


def test_amount_per_patient_is_capped_too() -> None:
    assert dose_of(replace(PACK, cap=D(1)), "60").rounded == D(1)


def test_volume_per_unit_stands_in_the_ledger() -> None:
    dose = dose_of(PACK, "60")

    assert dose.volume_ml == D(400)
    assert [(entry.name, entry.result) for entry in dose.ledger] == [("Volume", D(400))]


@pytest.mark.parametrize("chosen", [IVIG, STEROID, replace(STEROID, weight=None)])
def test_dose_is_unknown_without_the_weight_it_needs(chosen: Regimen) -> None:
    assert compute_dose(regimen=chosen, facts=Facts(), dosing=UNKNOWN, product=P10) is UNKNOWN


def test_dose_per_kg_of_no_weight_in_particular_is_unknown() -> None:
    facts = patient()
    weight = dosing_weight(ACTUAL, facts)

    assert (
        compute_dose(regimen=replace(STEROID, weight=None), facts=facts, dosing=weight, product=None)
        is UNKNOWN
    )


def test_steroid_is_dosed_on_the_actual_weight_where_the_dosing_weight_is_adjusted() -> None:
    facts = patient(weight_kg=D(100), height_cm=D("152.4"))
    weight = dosing_weight(adjusting("ADJUSTED"), facts)
    small = replace(STEROID, amount=D("0.5"), amount_minimum=None, amount_maximum=None)

    steroid = compute_dose(regimen=small, facts=facts, dosing=weight, product=None)
    ivig = compute_dose(regimen=IVIG, facts=facts, dosing=weight, product=None)

    assert isinstance(steroid, Dose)
    assert isinstance(ivig, Dose)
    assert (steroid.exact, steroid.weight_basis) == (D(50), "actual")
    assert (ivig.exact, ivig.weight_basis) == (D("37.5"), "adjusted")


def test_ledger_goes_from_the_weight_to_the_vials() -> None:
    facts = patient(weight_kg=D(100), height_cm=D("152.4"))
    capped = replace(IVIG, cap=D(30), cap_kind=CapKind.HARD)
    weight = dosing_weight(adjusting("ADJUSTED"), facts)

    dose = compute_dose(regimen=capped, facts=facts, dosing=weight, product=P10)

    assert isinstance(dose, Dose)
    assert [entry.name for entry in dose.ledger] == [
        "Body mass index",
        "Ideal body weight (Devine)",
        "Adjusted body weight",
        "Dosing weight",
        "Calculated amount",
        "Maximum",
        "Rounded dose",
        "Volume",
        "Vials",
    ]
    assert all(entry.cites for entry in dose.ledger)
    assert all(entry.unit for entry in dose.ledger)


def test_dose_the_checker_does_not_agree_with_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def off_by_a_little(*_: object) -> D:
        return D("30.1")

    monkeypatch.setattr(dosing, "nearest_multiple", off_by_a_little)

    with pytest.raises(LedgerDisagreement, match="Rounded dose"):
        dose_of(IVIG, "60")


def test_vials_that_hold_less_than_the_dose_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    short = dosing.VialPlan(vials=((D(10), 1),), left_over_g=D(-20))
    monkeypatch.setattr(dosing, "fewest_vials", lambda *_: short)

    with pytest.raises(LedgerDisagreement, match="Vials"):
        dose_of(IVIG, "60")


def test_deviation_is_a_percentage_to_two_decimals() -> None:
    assert deviation_percent(D(3), D(2)) == D("-33.33")
    assert deviation_percent(D(3), D(3)) == 0
    assert deviation_percent(D(8), D("8.0004")) == D("0.01")


def test_dose_does_not_depend_on_the_decimal_context_of_the_caller() -> None:
    facts = patient(weight_kg=D("97.3"), height_cm=D("161.7"))

    def dose() -> object:
        return compute_dose(
            regimen=IVIG, facts=facts, dosing=dosing_weight(adjusting("A"), facts), product=P10
        )

    expected = dose()
    before = getcontext().prec
    with localcontext() as context:
        context.prec = 3
        fewest_vials.cache_clear()
        assert dose() == expected
    assert getcontext().prec == before


def test_sixteen_and_a_half_percent_gives_a_volume_without_end_that_the_checker_accepts() -> None:
    facts = patient()
    odd = product("ODD", "16.5", "10")

    dose = compute_dose(regimen=IVIG, facts=facts, dosing=dosing_weight(ACTUAL, facts), product=odd)

    assert isinstance(dose, Dose)
    assert dose.volume_ml is not None
    assert round(dose.volume_ml, 2) == D("181.82")


def test_ledger_step_names_its_operation() -> None:
    steps: tuple[LedgerStep, ...] = dose_of(STEROID, "60").ledger

    assert [entry.operation for entry in steps] == [
        Operation.PRODUCT,
        Operation.LESSER,
        Operation.NEAREST_TIES_DOWN,
    ]


def test_range_is_rounded_as_the_dose_is() -> None:
    dose = dose_of(replace(STEROID, amount=D("1.5"), amount_maximum=D("1.6")), "56")

    assert (dose.exact, dose.rounded) == (D(84), D(80))
    assert (dose.range_low, dose.range_high) == (D(60), D(90))
