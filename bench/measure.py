"""Times, taken in turns: what is compared is measured in the same seconds of the same run."""

import math
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

FEWEST_ROUNDS = 7
WARM_UP_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Samples:
    """The seconds that one thing took, round by round."""

    seconds: tuple[float, ...]

    @property
    def median_s(self) -> float:
        return statistics.median(self.seconds)

    @property
    def median_ms(self) -> float:
        return self.median_s * 1000

    @property
    def p95_ms(self) -> float:
        """The time that 95 % of the rounds kept to; a value that was measured, never one in between."""
        return sorted(self.seconds)[math.ceil(0.95 * len(self.seconds)) - 1] * 1000

    @property
    def worst_s(self) -> float:
        return max(self.seconds)

    def ratio_to(self, baseline: "Samples") -> float:
        return self.median_s / baseline.median_s


def interleave(
    subjects: Mapping[str, Callable[[], object]],
    *,
    rounds: int,
    warm_up: int = WARM_UP_ROUNDS,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Samples]:
    """Run every subject once a round, so that whatever slows the machine down slows all of them."""
    if rounds < FEWEST_ROUNDS:
        raise ValueError(f"A median of {rounds} rounds says too little; take {FEWEST_ROUNDS} or more.")
    seconds: dict[str, list[float]] = {name: [] for name in subjects}
    for number in range(warm_up + rounds):
        for name, call in subjects.items():
            start = clock()
            call()
            took = clock() - start
            if number >= warm_up:
                seconds[name].append(took)
    return {name: Samples(tuple(taken)) for name, taken in seconds.items()}
