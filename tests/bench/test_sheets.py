import pytest

from bench.browser import TYPED, keys_kept
from bench.measure import Samples
from bench.sheets import copy_figures, render_figures


def taken(**seconds: float) -> dict[str, Samples]:
    return {name.replace("_", " "): Samples((time,) * 7) for name, time in seconds.items()}


def test_sheet_is_compared_with_itself_as_a_whole_and_with_chromium_per_page():
    times = taken(
        render_process=0.9, tagged=1.2, untagged=1.0, auto_tables=1.6, fresh_page=1.0, same_page=0.5
    )
    pages = {
        "render process": 3,
        "tagged": 4,
        "untagged": 4,
        "auto tables": 4,
        "fresh page": 5,
        "same page": 5,
    }

    tags, tables, fresh, same = render_figures(times, pages)

    assert tags.value == pytest.approx(1.2)
    assert tables.value == pytest.approx(1.2 / 1.6)
    assert fresh.value == pytest.approx((0.9 / 3) / (1.0 / 5))
    assert same.value == pytest.approx((0.9 / 3) / (0.5 / 5))
    assert "as a whole 0.90 ×" in fresh.note


def test_copies_are_judged_by_the_slowest():
    alone, at_once = copy_figures(Samples((1.0, 2.0, 4.0)), Samples((3.0, 5.0, 7.0)))

    assert (alone.value, alone.limit, at_once.value, at_once.limit) == (4.0, 3.0, 7.0, 8.0)


@pytest.mark.parametrize(
    ("typed", "found", "kept"),
    [("18000", "18000", 5), ("18000", "1800", 4), ("18000", "", 0), ("abc", "acb", 2), ("aab", "ab", 1)],
)
def test_keys_that_were_lost_or_swapped_do_not_count(typed: str, found: str, kept: int):
    assert keys_kept(typed, found) == kept


def test_two_hundred_keys_are_typed():
    assert sum(len(text) for text in TYPED.values()) >= 200
