"""Case definitions at their borders, and open while what is not known could still make the difference."""

from decimal import Decimal
from typing import Any

import pytest

from protocols.engine.facts import UNKNOWN
from protocols.engine.reactions import is_ivig_haemolysis, is_taco, is_trali

D = Decimal
MEETS_TRALI: dict[str, Any] = {
    "pf_ratio": 300,
    "saturation_percent": UNKNOWN,
    "on_oxygen": UNKNOWN,
    "bilateral_oedema": True,
    "left_atrial_hypertension": False,
    "hours_after_product": D(6),
}
MEETS_HAEMOLYSIS: dict[str, Any] = {
    "fall_g_per_l": D(10),
    "hours_after_ivig": D(240),
    "dat_positive": True,
    "signs": (True, True, False),
    "no_other_cause": True,
}


@pytest.mark.parametrize(
    ("pf_ratio", "saturation_percent", "on_oxygen", "expected"),
    [
        (300, UNKNOWN, UNKNOWN, True),
        (301, UNKNOWN, UNKNOWN, False),
        (UNKNOWN, 89, UNKNOWN, True),
        (UNKNOWN, 89, True, True),
        (UNKNOWN, 89, False, True),
        (UNKNOWN, 90, False, False),
        (UNKNOWN, 90, True, UNKNOWN),
        (UNKNOWN, 90, UNKNOWN, UNKNOWN),
        (UNKNOWN, UNKNOWN, False, UNKNOWN),
        (300, 90, False, True),
        (301, 89, False, True),
        (301, 90, False, False),
        (301, 90, True, False),
        (300, 90, True, True),
    ],
)
def test_low_oxygen_is_told_by_the_gas_or_by_the_probe_on_room_air(
    pf_ratio: Any, saturation_percent: Any, on_oxygen: Any, expected: Any
) -> None:
    measured = {"pf_ratio": pf_ratio, "saturation_percent": saturation_percent, "on_oxygen": on_oxygen}

    assert is_trali(**MEETS_TRALI | measured) is expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"hours_after_product": D("6.1")}, False),
        ({"hours_after_product": UNKNOWN}, UNKNOWN),
        ({"bilateral_oedema": False}, False),
        ({"bilateral_oedema": UNKNOWN}, UNKNOWN),
        ({"left_atrial_hypertension": True}, False),
        ({"left_atrial_hypertension": UNKNOWN}, UNKNOWN),
        ({"left_atrial_hypertension": UNKNOWN, "bilateral_oedema": False}, False),
    ],
)
def test_lung_injury_asks_for_each_of_its_criteria(changes: dict[str, Any], expected: Any) -> None:
    assert is_trali(**MEETS_TRALI | changes) is expected


@pytest.mark.parametrize(
    ("signs", "hours", "expected"),
    [
        (("respiratory_distress", "fluid_overload", "natriuretic_peptide"), D(12), True),
        (("pulmonary_oedema", "fluid_overload", "natriuretic_peptide"), D(12), True),
        (("cardiovascular_change", "fluid_overload", "natriuretic_peptide"), D(12), False),
        (("respiratory_distress", "fluid_overload"), D(12), False),
        (("respiratory_distress", "fluid_overload", "natriuretic_peptide"), D("12.1"), False),
        (("respiratory_distress", "fluid_overload", "natriuretic_peptide"), UNKNOWN, UNKNOWN),
        (("respiratory_distress", "fluid_overload"), UNKNOWN, False),
        (UNKNOWN, D(1), UNKNOWN),
        (UNKNOWN, D(13), UNKNOWN),
    ],
)
def test_overload_asks_for_three_criteria_with_one_of_the_lungs(
    signs: Any, hours: Any, expected: Any
) -> None:
    assert is_taco(overload_signs=signs, hours_after_product=hours) is expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"fall_g_per_l": D("9.9")}, False),
        ({"fall_g_per_l": UNKNOWN}, UNKNOWN),
        ({"hours_after_ivig": D("240.1")}, False),
        ({"hours_after_ivig": UNKNOWN}, UNKNOWN),
        ({"dat_positive": False}, False),
        ({"dat_positive": UNKNOWN}, UNKNOWN),
        ({"no_other_cause": False}, False),
        ({"no_other_cause": UNKNOWN}, UNKNOWN),
        ({"signs": (True, False, False)}, False),
        ({"signs": (True, UNKNOWN, False)}, UNKNOWN),
        ({"signs": (False, UNKNOWN, False)}, False),
        ({"signs": (False, UNKNOWN, UNKNOWN)}, UNKNOWN),
        ({"signs": (True, True, UNKNOWN)}, True),
        ({"signs": (True, True, True)}, True),
    ],
)
def test_haemolysis_asks_for_each_of_its_criteria(changes: dict[str, Any], expected: Any) -> None:
    assert is_ivig_haemolysis(**MEETS_HAEMOLYSIS | changes) is expected
