"""When one looks at the patient around an infusion."""

import pytest

from protocols.engine import lookup
from protocols.engine.infusion import RatePlan
from protocols.engine.observation import Moment, observation_points

from .factory import PROTOCOL, D
from .test_infusion import infusing, plan_of

PARAMETERS = lookup.of(PROTOCOL).parameters


def looks(plan: RatePlan, *, is_same_brand: bool = True) -> list[tuple[str, int, int]]:
    points = observation_points(plan, PARAMETERS, is_same_brand=is_same_brand)
    return [(point.moment.value, point.after_minutes, point.until_minutes) for point in points]


def test_each_increase_the_plateau_the_end_and_after_it_are_looked_at() -> None:
    plan = plan_of(infusing("1", "2", "4"), kg="60", ml="540")

    assert plan.total_minutes == 172
    assert looks(plan) == [
        ("before", -40, 0),
        ("after_start", 10, 10),
        ("before_increase", 30, 30),
        ("before_increase", 60, 60),
        ("at_plateau", 110, 110),
        ("at_plateau", 160, 160),
        ("at_end", 172, 172),
        ("after_end", 192, 212),
        ("observed_until", 207, 207),
    ]


def test_new_exposure_is_watched_for_longer() -> None:
    plan = plan_of(infusing("1", "2", "4"), kg="60", ml="540")

    assert looks(plan, is_same_brand=False)[-1] == ("observed_until", 172 + 90, 172 + 90)


def test_patient_at_risk_is_looked_at_more_often_at_the_height_of_it() -> None:
    plan = plan_of(infusing("1", "2", "4"), kg="60", ml="300", is_at_risk=True)

    plateau = [after for moment, after, _ in looks(plan) if moment == "at_plateau"]
    assert [step.ml_per_h for step in plan.steps] == [D(60), D(120), D(120)]
    assert plateau == [55, 80, 105, 130, 155]


def test_rate_that_a_cap_holds_is_no_increase() -> None:
    plan = plan_of(infusing("1", "2", "4"), kg="60", ml="300", is_at_risk=True)

    assert [after for moment, after, _ in looks(plan) if moment == "before_increase"] == [30]


def test_even_rate_is_looked_at_twice_before_the_regular_times() -> None:
    plan = plan_of(infusing("1", "2", "4"), kg="60", ml="150", infuse_over_minutes=150)

    assert [after for _, after, _ in looks(plan) if 0 < after < plan.total_minutes] == [10, 20, 50, 100]


@pytest.mark.parametrize("minutes", ["10", "20", "50"])
def test_two_looks_at_one_minute_are_one_and_an_increase_is_never_lost(minutes: str) -> None:
    product = infusing("1", "4")
    steps = tuple(
        type(step)(ml_per_kg_per_h=step.ml_per_kg_per_h, minutes=int(minutes)) for step in product.rate_steps
    )
    plan = plan_of(
        type(product)(**{f: getattr(product, f) for f in product.__slots__} | {"rate_steps": steps})
    )

    afters = [after for _, after, _ in looks(plan)]
    at_the_step = next(moment for moment, after, _ in looks(plan) if after == int(minutes))

    assert at_the_step == "before_increase"
    assert afters.count(int(minutes)) == 1


def test_look_at_the_minute_of_the_end_is_the_one_at_the_end() -> None:
    plan = plan_of(infusing("1", "2"), kg="60", ml="10")

    assert plan.total_minutes == 10
    assert [moment for moment, after, _ in looks(plan) if after == 10] == ["at_end"]


def test_infusion_over_before_the_first_look_is_looked_at_when_it_ends() -> None:
    plan = plan_of(infusing("1", "2"), kg="60", ml="5")

    assert [moment for moment, after, _ in looks(plan) if after >= 0][:2] == ["at_end", "after_end"]
    assert {Moment(moment) for moment, _, _ in looks(plan)} == {
        Moment.BEFORE,
        Moment.AT_END,
        Moment.AFTER_END,
        Moment.OBSERVED_UNTIL,
    }
