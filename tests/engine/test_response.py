"""Response by the published rules, against a table written by hand and a second reading of the rules."""

from decimal import Decimal
from itertools import product
from typing import Any

import pytest

from protocols.engine.facts import UNKNOWN
from protocols.engine.protocol import Comparator, Condition, When
from protocols.engine.response import (
    MINUTES_PER_DAY,
    NEEDED_PARAMETERS,
    BleedingAt,
    CountAt,
    Increment,
    JudgedCount,
    Refractoriness,
    Response,
    ResponseClass,
    UnitGiven,
    bleeding_at,
    classify,
    increments_of,
    is_influenced,
    judge_counts,
    needs_of_repeat,
    numbers_of,
    refractoriness_of,
    relapse_of,
    response_of,
)

D = Decimal
CR, R, NR, OPEN, NOT = (
    ResponseClass.COMPLETE,
    ResponseClass.RESPONSE,
    ResponseClass.NONE,
    ResponseClass.UNKNOWN,
    ResponseClass.NOT_CLASSIFIABLE,
)
# The numbers of the protocol, here not clinical: 10 hours of influence, a watch from day 20 to day 30.
NUMBERS = {
    "transfusion_influences_hours": D(10),
    "response_bleeding_within_hours": D(20),
    "count_after_platelets_from_minutes": D(5),
    "count_after_platelets_to_minutes": D(50),
    "count_max_age_hours": D(10),
    "cci_good_per_ul": D(7000),
    "platelet_yield_e11": D(3),
    "relapse_watch_from_days": D(20),
    "relapse_watch_to_days": D(30),
    "repeat_dose_adequate_count_per_ul": D(60000),
}
# A late count that has lost the response: below 40,000, or by more than 60 % less than the highest.
LOST: When = (
    (Condition(fact="platelets_per_ul", comparator=Comparator.BELOW, values=("40000",)),),
    (Condition(fact="fall_from_peak_percent", comparator=Comparator.ABOVE, values=("60",)),),
)


def judged(*days_and_counts: tuple[float, int], baseline: Any = 10000, grade: int = 0, **more: Any) -> Any:
    """Counts on days after minute 0, with the same bleeding seen beside each."""
    counts = [CountAt(minute=int(day * MINUTES_PER_DAY), per_ul=per_ul) for day, per_ul in days_and_counts]
    seen = [BleedingAt(minute=count.minute, who_grade=grade) for count in counts]
    return judge_counts(
        counts,
        **{
            "start_minute": 0,
            "baseline_per_ul": baseline,
            "seen": seen,
            "units": (),
            "numbers": NUMBERS,
            **more,
        },
    )


def standing(*days_and_counts: tuple[float, int], **more: Any) -> Response:
    found = response_of(judged(*days_and_counts, **more))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("per_ul", "baseline", "bleeding", "expected"),
    [
        (100_000, 10_000, False, CR),
        (99_999, 10_000, False, R),
        (30_000, 15_000, False, R),
        (29_999, 10_000, False, NR),
        (30_000, 15_001, False, NR),
        (100_000, 10_000, True, NR),
        (45_000, 10_000, True, NR),
        (100_000, 10_000, UNKNOWN, OPEN),
        (30_000, 10_000, UNKNOWN, OPEN),
        (29_999, 10_000, UNKNOWN, NR),
        # With a baseline of 50,000 the doubled count is the complete one.
        (99_999, 50_000, False, NR),
        (100_000, 50_000, False, CR),
        (500_000, 100_000, False, NOT),
        (500_000, UNKNOWN, False, OPEN),
        (5_000, UNKNOWN, True, OPEN),
    ],
)
def test_one_count_has_the_published_class(per_ul: int, baseline: Any, bleeding: Any, expected: Any):
    assert classify(per_ul=per_ul, baseline_per_ul=baseline, bleeding=bleeding) is expected


def test_classes_agree_with_a_second_reading_of_the_rules():
    edges = (0, 9_999, 19_999, 20_000, 29_999, 30_000, 59_999, 60_000, 99_999, 100_000, 100_001, 300_000)
    for per_ul, baseline, bleeding in product(edges, edges, (True, False)):
        if baseline >= 100_000:
            expected = "not_classifiable"
        elif bleeding:
            expected = "none"
        elif per_ul >= 100_000:
            expected = "complete"
        elif per_ul >= 30_000 and per_ul / 2 >= baseline:
            expected = "response"
        else:
            expected = "none"
        assert classify(per_ul=per_ul, baseline_per_ul=baseline, bleeding=bleeding) == expected


def test_response_is_provisional_until_a_second_count_a_week_later():
    early = standing((2, 50_000), (8, 60_000))
    late = standing((2, 50_000), (9, 60_000))

    assert (early.response, early.is_confirmed) == (R, False)
    assert early.confirms_from == 9 * MINUTES_PER_DAY
    assert (late.is_confirmed, late.confirmed_at, late.confirms_from) == (True, 9 * MINUTES_PER_DAY, None)
    assert late.first_response_at == late.since == 2 * MINUTES_PER_DAY


def test_no_response_is_confirmed_after_a_day():
    assert not standing((2, 20_000), (2.9, 20_000)).is_confirmed
    assert standing((2, 20_000), (3, 20_000)).is_confirmed
    assert standing((2, 20_000)).first_response_at is None


def test_complete_counts_support_a_response_and_a_response_breaks_the_run_of_complete_ones():
    down = standing((2, 120_000), (9, 60_000))
    up = standing((2, 60_000), (9, 120_000))

    assert (down.response, down.since, down.is_confirmed) == (R, 2 * MINUTES_PER_DAY, True)
    assert (down.lost, down.is_loss_confirmed) == (CR, False)
    assert (up.response, up.since, up.is_confirmed, up.lost) == (CR, 9 * MINUTES_PER_DAY, False, None)


def test_loss_is_dated_and_confirmed_after_a_day():
    once = standing((2, 60_000), (9, 60_000), (14, 20_000))
    twice = standing((2, 60_000), (9, 60_000), (14, 20_000), (15, 15_000))

    assert (once.response, once.lost, once.lost_at) == (NR, R, 14 * MINUTES_PER_DAY)
    assert not once.is_loss_confirmed
    assert twice.is_loss_confirmed
    assert twice.is_confirmed


def test_bleeding_makes_a_high_count_no_response():
    assert standing((2, 150_000), grade=1).response is NR


def test_counts_lifted_by_platelets_before_the_start_or_without_a_class_are_left_out():
    units = (UnitGiven(start_minute=0, end_minute=60),)
    lifted = judged((0.2, 90_000), (1, 20_000), units=units)

    assert [each.is_influenced for each in lifted] == [True, False]
    assert lifted[0].response is OPEN
    found = response_of(lifted)
    assert found is not None
    assert found.response is NR
    assert judged((0, 90_000), (-1, 90_000)) == ()
    assert response_of(judged((2, 90_000), seen=())) is None
    assert response_of(()) is None


def test_influence_ends_so_many_hours_after_the_end_and_never_without_an_end():
    done, running = UnitGiven(start_minute=100, end_minute=160), UnitGiven(start_minute=100)

    assert not is_influenced(99, [done], hours=D(10))
    assert is_influenced(100, [done], hours=D(10))
    assert is_influenced(760, [done], hours=D(10))
    assert not is_influenced(761, [done], hours=D(10))
    assert is_influenced(100_000, [running], hours=D(10))
    # An end that nobody noted, but which was over by 160.
    untold = UnitGiven(start_minute=100, latest_end_minute=160)
    assert is_influenced(760, [untold], hours=D(10))
    assert not is_influenced(761, [untold], hours=D(10))


def test_bleeding_about_a_count_is_the_worst_seen_near_it():
    seen = (BleedingAt(minute=0, who_grade=0), BleedingAt(minute=600, who_grade=2))

    assert bleeding_at(0, seen, within_hours=D(9)) is False
    assert bleeding_at(0, seen, within_hours=D(10)) is True
    assert bleeding_at(5_000, seen, within_hours=D(10)) is UNKNOWN


# Before and after a unit, surface and yield as published: williams.medicine.wisc.edu/cci.htm.
@pytest.mark.parametrize(
    ("rise", "surface", "given", "expected"),
    [(20_000, D("1.8"), D(3), D(12_000)), (40_000, D(2), D(4), D(20_000)), (-2_000, D(2), D(4), D(-1_000))],
)
def test_corrected_increment_is_that_of_the_published_examples(
    rise: int, surface: Decimal, given: Decimal, expected: Decimal
):
    (found,) = increments_of(
        [UnitGiven(start_minute=0, end_minute=30)],
        [CountAt(minute=0, per_ul=10_000), CountAt(minute=60, per_ul=10_000 + rise)],
        bsa_m2=surface,
        numbers={**NUMBERS, "platelet_yield_e11": given},
    )

    assert found.cci == expected
    assert found.is_good is (expected >= 7_000)
    assert found.missing == ()


@pytest.mark.parametrize(
    ("units", "counts", "surface", "missing"),
    [
        ([(0, None)], [(0, 10), (60, 20)], D(2), ("end", "after")),
        ([(0, 30)], [(60, 20)], D(2), ("before",)),
        ([(0, 30)], [(-601, 10), (60, 20)], D(2), ("before",)),
        ([(0, 30)], [(0, 10), (34, 20)], D(2), ("after",)),
        ([(0, 30)], [(0, 10), (81, 20)], D(2), ("after",)),
        ([(0, 30)], [(0, 10), (60, 20)], UNKNOWN, ("surface",)),
        ([(0, 30), (40, 50)], [(0, 10), (70, 20)], D(2), ("alone",)),
    ],
)
def test_increment_without_all_it_needs_is_unknown_and_says_what_is_missing(
    units: Any, counts: Any, surface: Any, missing: tuple[str, ...]
):
    found = increments_of(
        [UnitGiven(start_minute=start, end_minute=end) for start, end in units],
        [CountAt(minute=minute, per_ul=per_ul) for minute, per_ul in counts],
        bsa_m2=surface,
        numbers=NUMBERS,
    )[0]

    assert found.cci is UNKNOWN
    assert found.is_good is UNKNOWN
    assert found.missing == missing


def test_increment_is_between_the_last_count_before_and_the_first_in_the_window_after() -> None:
    """Both windows hold their ends: 600 minutes before the start, 5 to 50 minutes after the end."""
    unit = UnitGiven(start_minute=1000, end_minute=1030)
    counts = {
        minute: CountAt(minute=minute, per_ul=minute) for minute in (400, 900, 1000, 1034, 1035, 1080, 1081)
    }

    def found(*minutes: int) -> Increment:
        times = [counts[minute] for minute in minutes]
        return increments_of([unit], times, bsa_m2=D(2), numbers=NUMBERS)[0]

    whole = found(900, 400, 1000, 1081, 1080, 1035, 1034)
    assert (whole.unit, whole.before, whole.after) == (unit, counts[1000], counts[1035])
    edges = found(400, 1080)
    assert (edges.before, edges.after) == (counts[400], counts[1080])


@pytest.mark.parametrize(("start", "is_alone"), [(-1, True), (0, False), (60, False), (61, True)])
def test_unit_that_begins_between_the_two_counts_takes_part_in_the_rise(start: int, is_alone: bool) -> None:
    units = [UnitGiven(start_minute=10, end_minute=30), UnitGiven(start_minute=start, end_minute=start + 1)]
    counts = [CountAt(minute=0, per_ul=10_000), CountAt(minute=60, per_ul=30_000)]

    found = increments_of(units, counts, bsa_m2=D(2), numbers=NUMBERS)

    (own,) = (each for each in found if each.unit == units[0])
    assert ("alone" not in own.missing) is is_alone


def test_increment_at_the_border_is_good() -> None:
    (found,) = increments_of(
        [UnitGiven(start_minute=0, end_minute=30)],
        [CountAt(minute=0, per_ul=0), CountAt(minute=60, per_ul=10_500)],
        bsa_m2=D(2),
        numbers=NUMBERS,
    )

    assert (found.cci, found.is_good) == (D(7_000), True)


SUITS: dict[str, tuple[Any, Any]] = {
    "yes": (True, True),
    "not_abo": (False, True),
    "old": (True, False),
    "open": (True, UNKNOWN),
}


def increment(good: Any, suits: str = "open") -> Increment:
    compatible, fresh = SUITS[suits]
    unit = UnitGiven(start_minute=0, is_abo_compatible=compatible, is_fresh=fresh)
    return Increment(unit=unit, before=None, after=None, cci=UNKNOWN, is_good=good, missing=())


@pytest.mark.parametrize(
    ("good", "expected"),
    [
        ((), "unknown"),
        ((False,), "unknown"),
        ((False, False), "refractory"),
        ((True, False, False), "refractory"),
        ((False, True, False), "not_refractory"),
        ((True, True), "not_refractory"),
        ((False, UNKNOWN), "unknown"),
        ((False, UNKNOWN, False), "unknown"),
        ((True, UNKNOWN), "not_refractory"),
    ],
)
def test_two_poor_increments_in_a_row_of_suitable_units_are_refractory(good: Any, expected: str):
    assert refractoriness_of([increment(each, "yes") for each in good]) is Refractoriness(expected)


@pytest.mark.hazard("H24")
@pytest.mark.parametrize(
    ("units", "expected"),
    [
        (("yes", "open"), "if_suitable"),
        (("open", "open"), "if_suitable"),
        (("not_abo", "yes"), "unsuitable"),
        (("yes", "old"), "unsuitable"),
        (("open", "old"), "unsuitable"),
        # One pair that tells it is enough, wherever it stands.
        (("old", "yes", "yes"), "refractory"),
        (("old", "open", "yes"), "if_suitable"),
    ],
)
def test_poor_increments_are_not_called_refractory_unless_the_units_are_known_to_suit(
    units: tuple[str, ...], expected: str
):
    assert refractoriness_of([increment(False, each) for each in units]) is Refractoriness(expected)


@pytest.mark.parametrize(
    ("counts", "found_on"),
    [
        ([(2, 80_000), (20, 39_999)], 20),
        ([(2, 80_000), (20, 40_000)], None),
        ([(2, 200_000), (25, 79_999), (26, 10_000)], 25),
        ([(2, 200_000), (25, 80_000)], None),
        ([(2, 80_000), (19.9, 10_000)], None),
        ([(2, 80_000), (30.1, 10_000)], None),
        # What was never there is not lost.
        ([(2, 20_000), (25, 10_000)], None),
    ],
)
def test_relapse_is_a_low_count_or_a_far_fall_within_its_days(counts: Any, found_on: Any):
    watch = relapse_of(judged(*counts), start_minute=0, numbers=NUMBERS, lost=LOST)

    assert (watch.from_minute, watch.to_minute) == (20 * MINUTES_PER_DAY, 30 * MINUTES_PER_DAY)
    assert (watch.found and watch.found.minute / MINUTES_PER_DAY) == found_on


def test_count_lifted_by_platelets_shows_no_relapse():
    lifted = tuple(
        JudgedCount(count=each.count, is_influenced=True, bleeding=False, response=OPEN)
        if each.count.per_ul < 40_000
        else each
        for each in judged((2, 80_000), (20, 20_000))
    )

    assert relapse_of(lifted, start_minute=0, numbers=NUMBERS, lost=LOST).found is None


@pytest.mark.parametrize(
    ("per_ul", "bleeding", "reason"),
    [
        (59_999, False, True),
        (60_000, False, False),
        (60_000, True, True),
        (60_000, UNKNOWN, UNKNOWN),
        (None, False, UNKNOWN),
        (None, True, True),
    ],
)
def test_second_dose_needs_a_reason(per_ul: Any, bleeding: Any, reason: Any):
    needs = needs_of_repeat(
        due_minute=100,
        now_minute=100,
        count=None if per_ul is None else CountAt(minute=90, per_ul=per_ul),
        adequate_per_ul=60_000,
        bleeding=bleeding,
        checks={"kidney": True, "clots": UNKNOWN},
    )

    assert {need.key: need.is_met for need in needs} == {
        "time": True,
        "reason": reason,
        "kidney": True,
        "clots": UNKNOWN,
        "haematology": UNKNOWN,
    }


def test_second_dose_is_not_due_a_minute_early():
    needs = needs_of_repeat(
        due_minute=100, now_minute=99, count=None, adequate_per_ul=1, bleeding=UNKNOWN, checks={}
    )

    assert needs[0].is_met is False


def test_version_without_all_the_numbers_has_none():
    assert numbers_of(NUMBERS) == NUMBERS
    assert set(NUMBERS) == set(NEEDED_PARAMETERS)
    assert numbers_of({"cci_good_per_ul": D(7000)}) is None
