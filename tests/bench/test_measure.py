from collections.abc import Callable

import pytest

from bench.measure import Samples, interleave


class Clock:
    """A clock that moves only when something says that it takes time."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def takes(self, *seconds: float) -> Callable[[], None]:
        """A thing that takes these times in turn, the last of them from then on."""
        left = list(seconds)

        def run() -> None:
            self.now += left[0]
            del left[: len(left) > 1]

        return run


def test_subjects_take_turns_in_every_round():
    order: list[str] = []

    interleave({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, rounds=7, warm_up=1)

    assert order == ["a", "b"] * 8


def test_each_subject_is_charged_its_own_time():
    clock = Clock()

    taken = interleave({"fast": clock.takes(1), "slow": clock.takes(3)}, rounds=7, clock=clock)

    assert list(taken["fast"].seconds) == [1] * 7
    assert list(taken["slow"].seconds) == [3] * 7


def test_rounds_of_warming_up_are_not_counted():
    clock = Clock()

    taken = interleave({"first slow": clock.takes(60, 50, 1)}, rounds=7, warm_up=2, clock=clock)

    assert list(taken["first slow"].seconds) == [1] * 7


def test_too_few_rounds_are_refused():
    with pytest.raises(ValueError, match="7 or more"):
        interleave({"a": lambda: None}, rounds=6)


def test_ratio_compares_medians_so_that_one_slow_round_does_not_count():
    baseline = Samples((1, 1, 1, 1, 1, 1, 90))
    measured = Samples((2, 2, 2, 2, 2, 2, 2))

    assert measured.ratio_to(baseline) == 2
    assert baseline.ratio_to(measured) == 0.5


@pytest.mark.parametrize(
    ("count", "expected_ms"), [(1, 1000), (19, 19_000), (20, 19_000), (21, 20_000), (100, 95_000)]
)
def test_p95_is_a_time_that_was_measured_and_that_95_percent_kept_to(count: int, expected_ms: float):
    samples = Samples(tuple(float(number) for number in range(count, 0, -1)))

    assert samples.p95_ms == expected_ms


def test_times_are_given_in_the_unit_of_their_name():
    samples = Samples((0.2, 0.1, 0.4))

    assert samples.median_s == 0.2
    assert samples.median_ms == 200
    assert samples.worst_s == 0.4
