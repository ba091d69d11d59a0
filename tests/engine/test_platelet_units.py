from decimal import Decimal
from typing import Any

import pytest

from protocols.engine.facts import UNKNOWN
from protocols.engine.platelet_units import all_of, is_abo_compatible, is_fresh, is_plasma_compatible

# Written from the table that blood banks print, apart from the code: a patient's row, the units it takes.
TAKES = {"o": {"o"}, "a": {"o", "a"}, "b": {"o", "b"}, "ab": {"o", "a", "b", "ab"}}


@pytest.mark.parametrize("patient", TAKES)
@pytest.mark.parametrize("unit", TAKES)
def test_unit_is_compatible_by_the_printed_table(patient: str, unit: str):
    assert is_abo_compatible(patient=patient, unit=unit) is (unit in TAKES[patient])


@pytest.mark.parametrize(
    ("patient", "unit", "expected"),
    [
        (UNKNOWN, UNKNOWN, UNKNOWN),
        (UNKNOWN, "a", UNKNOWN),
        (UNKNOWN, "ab", UNKNOWN),
        ("o", UNKNOWN, UNKNOWN),
        ("b", UNKNOWN, UNKNOWN),
        # Everybody takes group O, and a patient of group AB takes every unit.
        (UNKNOWN, "o", True),
        ("ab", UNKNOWN, True),
    ],
)
def test_unknown_group_is_unknown_unless_every_answer_says_the_same(patient: Any, unit: Any, expected: Any):
    assert is_abo_compatible(patient=patient, unit=unit) is expected


@pytest.mark.parametrize(
    ("given_minute", "expected"),
    [
        (1_000, True),
        # 10 hours after the first minute of the day of collection, and after its last.
        (1_599, True),
        (1_600, UNKNOWN),
        (2_599, UNKNOWN),
        (2_600, False),
        (9_000, False),
    ],
)
def test_unit_is_fresh_only_if_the_whole_day_of_collection_says_so(given_minute: int, expected: Any):
    found = is_fresh(
        collected_from=1_000, collected_until=2_000, given_minute=given_minute, fresh_hours=Decimal(10)
    )

    assert found is expected


@pytest.mark.parametrize(
    ("first", "last", "hours"),
    [(UNKNOWN, 2_000, Decimal(10)), (1_000, UNKNOWN, Decimal(10)), (1_000, 2_000, UNKNOWN)],
)
def test_age_is_unknown_without_a_day_or_a_limit(first: Any, last: Any, hours: Any):
    found = is_fresh(collected_from=first, collected_until=last, given_minute=1_001, fresh_hours=hours)

    assert found is UNKNOWN


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ((), UNKNOWN),
        ((True,), True),
        ((True, True), True),
        ((True, UNKNOWN), UNKNOWN),
        ((UNKNOWN, False), False),
        ((True, False), False),
    ],
)
def test_dose_is_suitable_when_all_its_units_are(told: Any, expected: Any):
    assert all_of(told) is expected


# The same banks' table for plasma: a patient's row, the donors whose plasma it takes.
TAKES_PLASMA = {"o": {"o", "a", "b", "ab"}, "a": {"a", "ab"}, "b": {"b", "ab"}, "ab": {"ab"}}


@pytest.mark.parametrize("patient", TAKES_PLASMA)
@pytest.mark.parametrize("unit", TAKES_PLASMA)
def test_plasma_of_a_unit_is_compatible_by_the_printed_table(patient: str, unit: str):
    assert is_plasma_compatible(patient=patient, unit=unit) is (unit in TAKES_PLASMA[patient])


@pytest.mark.parametrize(
    ("patient", "unit", "expected"),
    [(UNKNOWN, "o", UNKNOWN), ("a", UNKNOWN, UNKNOWN), (UNKNOWN, "ab", True), ("o", UNKNOWN, True)],
)
def test_plasma_of_an_unknown_group_is_unknown_unless_every_answer_says_the_same(
    patient: Any, unit: Any, expected: Any
):
    assert is_plasma_compatible(patient=patient, unit=unit) is expected
