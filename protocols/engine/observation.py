"""When to look at the patient around an infusion: before it, at each step, at its height, and after."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from .infusion import RatePlan


class Moment(StrEnum):
    """Why one looks just then."""

    BEFORE = "before"
    AFTER_START = "after_start"
    BEFORE_INCREASE = "before_increase"
    AT_PLATEAU = "at_plateau"
    AT_END = "at_end"
    AFTER_END = "after_end"
    OBSERVED_UNTIL = "observed_until"


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservationPoint:
    """One look at the patient, in minutes after the start; from `after_minutes` until `until_minutes`."""

    moment: Moment
    after_minutes: int
    until_minutes: int


NEEDED_PARAMETERS: Final = (
    "observe_before_start_minutes",
    "observe_after_start_minutes",
    "observe_even_rate_minutes",
    "observe_plateau_minutes",
    "observe_plateau_at_risk_minutes",
    "observe_after_end_from_minutes",
    "observe_after_end_to_minutes",
    "observed_until_new_exposure_minutes",
    "observed_until_same_brand_minutes",
)


def observation_points(
    plan: RatePlan, parameters: Mapping[str, Decimal], *, is_same_brand: bool
) -> tuple[ObservationPoint, ...]:
    """Every look this rate plan asks for, in order; two that fall on one minute are one, the first named.

    `is_same_brand` only where it is sure that this patient had this product lately and bore it: all others
    are watched longer after the end.
    """
    minutes = {key: int(parameters[key]) for key in NEEDED_PARAMETERS}
    looks = [
        ObservationPoint(
            moment=Moment.BEFORE, after_minutes=-minutes["observe_before_start_minutes"], until_minutes=0
        ),
        *_one_a_minute(_during(plan, minutes), plan.total_minutes),
        _at(Moment.AT_END, plan.total_minutes),
        *_after(plan, minutes, is_same_brand=is_same_brand),
    ]
    return tuple(looks)


def _during(plan: RatePlan, minutes: Mapping[str, int]) -> Iterator[ObservationPoint]:
    rates = [step.ml_per_h for step in plan.steps]
    # Increases first, so that a look at the same minute cannot stand in for one.
    for before, step in zip(rates, plan.steps[1:], strict=False):
        if step.ml_per_h > before:
            yield _at(Moment.BEFORE_INCREASE, int(step.starts_after_minutes))
    yield _at(Moment.AFTER_START, minutes["observe_after_start_minutes"])
    if len(set(rates)) == 1:
        yield _at(Moment.AFTER_START, minutes["observe_even_rate_minutes"])
    highest = next(step for step in plan.steps if step.ml_per_h == max(rates))
    every = minutes["observe_plateau_at_risk_minutes" if plan.is_at_risk else "observe_plateau_minutes"]
    start = int(highest.starts_after_minutes)
    for after in range(start + every, plan.total_minutes, every):
        yield _at(Moment.AT_PLATEAU, after)


def _one_a_minute(looks: Iterator[ObservationPoint], end: int) -> list[ObservationPoint]:
    by_minute: dict[int, ObservationPoint] = {}
    for look in looks:
        if look.after_minutes < end:
            by_minute.setdefault(look.after_minutes, look)
    return [by_minute[minute] for minute in sorted(by_minute)]


def _after(plan: RatePlan, minutes: Mapping[str, int], *, is_same_brand: bool) -> Iterator[ObservationPoint]:
    end = plan.total_minutes
    yield ObservationPoint(
        moment=Moment.AFTER_END,
        after_minutes=end + minutes["observe_after_end_from_minutes"],
        until_minutes=end + minutes["observe_after_end_to_minutes"],
    )
    watched = "observed_until_same_brand_minutes" if is_same_brand else "observed_until_new_exposure_minutes"
    yield _at(Moment.OBSERVED_UNTIL, end + minutes[watched])


def _at(moment: Moment, after: int) -> ObservationPoint:
    return ObservationPoint(moment=moment, after_minutes=after, until_minutes=after)
