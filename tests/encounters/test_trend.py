from datetime import UTC, datetime, timedelta

import pytest

from ivigsite.encounters.trend import BAND_HEIGHT, MARGIN, WIDTH, draw_trend
from protocols.engine.protocol import Basis, GradeBand, Provenance

AT = datetime(2030, 1, 1, tzinfo=UTC)
BASIS = Basis(cites=(), provenance=Provenance.STUDY)
# Numbers nobody treats by.
BANDS = tuple(
    GradeBand(grade=grade, label="", lower_per_ul=lower, upper_per_ul=upper, basis=BASIS)
    for grade, lower, upper in ((2, 0, 10), (1, 10, 20), (0, 20, None))
)


def test_patient_without_a_count_has_no_trend():
    assert draw_trend([], BANDS) is None


def test_bands_lie_from_the_worst_grade_upwards():
    trend = draw_trend([(AT, 5)], BANDS)

    assert trend is not None
    assert [(band.grade, band.y) for band in trend.bands] == [(2, 16), (1, 8), (0, 0)]
    assert trend.height == 3 * BAND_HEIGHT


@pytest.mark.parametrize(
    ("count", "y"),
    [
        (0, "24.0"),
        (5, "20.0"),
        (10, "16.0"),
        (15, "12.0"),
        (20, "8.0"),
        (30, "4.0"),
        (40, "0.0"),
        (9999, "0.0"),
    ],
)
def test_dot_stands_in_the_band_of_its_count(count: int, y: str):
    trend = draw_trend([(AT, count)], BANDS)

    assert trend is not None
    assert trend.dots[0].y == y


def test_dots_stand_by_their_time():
    counts = [(AT, 5), (AT + timedelta(hours=1), 5), (AT + timedelta(hours=4), 5)]

    trend = draw_trend(counts, BANDS)

    assert trend is not None
    assert [dot.x for dot in trend.dots] == [f"{MARGIN}.0", "32.5", f"{WIDTH - MARGIN}.0"]


def test_counts_of_one_moment_do_not_divide_by_nothing():
    trend = draw_trend([(AT, 5), (AT, 6)], BANDS)

    assert trend is not None
    assert {dot.x for dot in trend.dots} == {f"{WIDTH - MARGIN}.0"}
