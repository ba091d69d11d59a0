"""Sums of doses given and what follows from them; the numbers are not clinical."""

from decimal import Decimal
from typing import Any

import pytest

from protocols.engine.cumulative import (
    MINUTES_PER_DAY,
    NEEDED_PARAMETERS,
    DoseGiven,
    Watch,
    haemolysis_watch,
    numbers_of,
    sum_in_days,
    vaccine_months,
    windows_of,
)
from protocols.engine.facts import UNKNOWN

D = Decimal
NUMBERS = {
    "haemolysis_watch_g_per_kg": D(20),
    "haemolysis_watch_from_days": D(3),
    "haemolysis_watch_to_days": D(6),
    "serology_caution_months": D(2),
    "live_vaccine_low_g_per_kg": D(5),
    "live_vaccine_low_months": D(1),
    "live_vaccine_middle_g_per_kg": D(10),
    "live_vaccine_middle_months": D(2),
    "live_vaccine_high_months": D(3),
    "live_vaccine_platelets_months": D(4),
}


def dose(day: int, g_per_kg: Any) -> DoseGiven:
    return DoseGiven(minute=day * MINUTES_PER_DAY, g_per_kg=g_per_kg)


def test_sum_takes_what_was_begun_within_the_days_and_not_what_is_to_come():
    doses = [dose(0, D(8)), dose(1, D("4.5")), dose(7, D(2)), dose(8, D(100))]

    assert sum_in_days(doses, days=7, now_minute=7 * MINUTES_PER_DAY) == D("6.5")
    assert sum_in_days(doses, days=8, now_minute=7 * MINUTES_PER_DAY) == D("14.5")
    assert sum_in_days([], days=7, now_minute=0) == 0


def test_one_amount_that_is_not_known_makes_the_sum_unknown_while_it_counts():
    doses = [dose(0, UNKNOWN), dose(1, D(3))]

    assert sum_in_days(doses, days=7, now_minute=2 * MINUTES_PER_DAY) is UNKNOWN
    assert sum_in_days(doses, days=7, now_minute=7 * MINUTES_PER_DAY) == 3


@pytest.mark.parametrize(
    ("group", "g_per_kg", "expected"),
    [
        ("o", D(50), Watch.NONE),
        ("a", D(20), Watch.WARNING),
        ("ab", D("19.99"), Watch.INFORMATION),
        ("b", D(0), Watch.NONE),
        ("b", D("0.01"), Watch.INFORMATION),
        (UNKNOWN, D(20), Watch.WARNING),
        (UNKNOWN, UNKNOWN, Watch.WARNING),
        ("o", UNKNOWN, Watch.NONE),
    ],
)
def test_haemolysis_is_watched_by_group_and_amount(group: Any, g_per_kg: Any, expected: Watch):
    assert haemolysis_watch(blood_group=group, g_per_kg=g_per_kg, numbers=NUMBERS) is expected


@pytest.mark.parametrize(
    ("g_per_kg", "months"), [(D(5), 1), (D("5.1"), 2), (D(10), 2), (D("10.1"), 3), (UNKNOWN, 3)]
)
def test_live_vaccine_waits_longer_after_more_and_longest_when_unknown(g_per_kg: Any, months: int):
    assert vaccine_months(g_per_kg, NUMBERS) == months


def test_version_without_all_the_numbers_has_none():
    assert set(NUMBERS) == set(NEEDED_PARAMETERS)
    assert numbers_of(NUMBERS) == NUMBERS
    assert numbers_of({}) is None


def test_days_of_the_sums_are_told_by_the_version_or_not_at_all():
    told = {"exposure_recent_days": D(4), "exposure_course_days": D(9), "other": D(1)}

    assert windows_of(told) == (4, 9)
    assert windows_of({"exposure_recent_days": D(4)}) is None
