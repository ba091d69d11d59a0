"""Numbers here are made up; none of them is a dose."""

from decimal import Decimal
from fractions import Fraction

import pytest

from protocols.engine.anaphylaxis import adrenaline_dose
from protocols.engine.facts import UNKNOWN

PARAMETERS = {
    "adrenaline_mg_per_kg": Decimal("0.02"),
    "adrenaline_max_mg": Decimal("1.1"),
    "adrenaline_repeat_minutes": Decimal(7),
}


@pytest.mark.parametrize("tenths", [1, 33, 127, 549, 550, 551, 700, 2500])
def test_dose_is_the_oracle_in_fractions_cut_to_a_hundredth(tenths: int):
    weight = Fraction(tenths, 10)
    exact = min(weight * Fraction(2, 100), Fraction(11, 10))

    dose = adrenaline_dose(weight_kg=Decimal(tenths) / 10, parameters=PARAMETERS)

    assert dose.mg == Decimal(exact * 100 // 1) / 100
    assert dose.is_known
    assert dose.weight_kg == Decimal(tenths) / 10
    assert dose.is_capped is (weight * Fraction(2, 100) > Fraction(11, 10))
    assert dose.repeat_minutes == 7


def test_dose_without_a_weight_is_unknown_and_the_rule_stays():
    dose = adrenaline_dose(weight_kg=UNKNOWN, parameters=PARAMETERS)

    assert dose.mg is UNKNOWN
    assert not dose.is_known
    assert not dose.is_capped
    assert (dose.mg_per_kg, dose.maximum_mg) == (Decimal("0.02"), Decimal("1.1"))
