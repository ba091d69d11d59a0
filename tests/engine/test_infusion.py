"""Rate plans: the worked examples of the evidence, and what always holds."""

from typing import Any

import pytest

from protocols.engine.infusion import RatePlan, infused_by, rate_plan, restart_plan
from protocols.engine.protocol import Product, RateStep

from .factory import PROTOCOL, D, product

P10 = PROTOCOL.products[0]


def infusing(*rates: str, concentration: str = "10", at_risk: str = "2.0") -> Product:
    return product(
        "P",
        concentration,
        "10",
        rate_steps=tuple(RateStep(ml_per_kg_per_h=D(rate), minutes=30) for rate in rates),
        maximum_ml_per_kg_per_h=D(rates[-1]),
        at_risk_ml_per_kg_per_h=D(at_risk),
    )


def plan_of(
    infused: Product, *, kg: str = "80", ml: str = "800", is_at_risk: bool = False, **more: Any
) -> RatePlan:
    return rate_plan(
        product=infused,
        dosing_weight_kg=D(kg),
        volume_ml=D(ml),
        pump_step_ml_per_h=D("0.1"),
        is_at_risk=is_at_risk,
        **more,
    )


WORKED = [
    # rates in mL/kg/h, volume, at risk, pump rates, hours and minutes
    ("0.3 0.6 1.2 2.4", "800", False, "24 48 96 192", (5, 14)),
    ("0.6 1.2 2.4 4.8", "800", False, "48 96 192 384", (3, 9)),
    ("0.5 1 2 4 6", "800", False, "40 80 160 320 480", (3, 2)),
    ("0.6 1.2 2.4 4.8 7.2", "800", False, "48 96 192 384 576", (2, 46)),
    ("0.3 0.6 1.2 2.4", "800", True, "24 48 96 160", (5, 58)),
    ("0.6 1.2 2.4 4.8", "800", True, "48 96 160 160", (5, 33)),
    ("0.5 1 2 4", "1600", False, "40 80 160 320", (6, 4)),
]


@pytest.mark.parametrize(("rates", "ml", "is_at_risk", "pump", "hours"), WORKED)
def test_worked_example_gives_the_published_rates_and_time(
    rates: str, ml: str, is_at_risk: bool, pump: str, hours: tuple[int, int]
) -> None:
    plan = plan_of(infusing(*rates.split()), ml=ml, is_at_risk=is_at_risk)

    assert [step.ml_per_h for step in plan.steps] == [D(rate) for rate in pump.split()]
    assert divmod(plan.total_minutes, 60) == hours


def test_running_volume_ends_at_the_whole_volume() -> None:
    plan = plan_of(infusing("0.3", "0.6", "1.2", "2.4"))

    assert [step.running_volume_ml for step in plan.steps] == [D(12), D(36), D(84), D(800)]
    assert [step.starts_after_minutes for step in plan.steps] == [D(0), D(30), D(60), D(90)]
    assert plan.steps[-1].minutes == D("223.75")


def test_infusion_that_ends_early_has_fewer_steps() -> None:
    plan = plan_of(P10, kg="10", ml="10")

    assert [step.ml_per_h for step in plan.steps] == [D(10), D(20)]
    assert plan.steps[-1].running_volume_ml == D(10)
    assert plan.total_minutes == 45


def test_volume_that_fits_the_first_step_exactly_has_one_step() -> None:
    plan = plan_of(P10, kg="10", ml="5")

    assert [step.minutes for step in plan.steps] == [D(30)]


def test_rate_is_rounded_down_to_the_step_of_the_pump() -> None:
    plan = rate_plan(
        product=P10,
        dosing_weight_kg=D("60.9"),
        volume_ml=D(300),
        pump_step_ml_per_h=D(5),
        is_at_risk=False,
    )

    assert [step.ml_per_h for step in plan.steps] == [D(60), D(120), D(240)]
    assert plan.maximum_ml_per_h == D(240)


def test_rate_below_the_lowest_setting_of_the_pump_stays_exact() -> None:
    plan = plan_of(P10, kg="0.05", ml="1")

    assert plan.steps[0].ml_per_h == D("0.05")


def test_lowest_of_all_ceilings_holds() -> None:
    uncapped = plan_of(P10)
    at_risk = plan_of(P10, is_at_risk=True)
    first = plan_of(P10, ceiling_ml_per_kg_per_h=D(3))
    both = plan_of(P10, is_at_risk=True, ceiling_ml_per_kg_per_h=D(3))
    higher = plan_of(P10, ceiling_ml_per_kg_per_h=D(9))

    caps = [plan.cap_ml_per_kg_per_h for plan in (uncapped, at_risk, first, both, higher)]
    assert caps == [D(4), D(2), D(3), D(2), D(4)]
    assert [step.ml_per_kg_per_h for step in first.steps] == [D(1), D(2), D(3)]
    assert (at_risk.is_at_risk, first.is_at_risk) == (True, False)


def test_regimen_with_its_own_time_runs_at_one_even_rate() -> None:
    plan = plan_of(P10, infuse_over_minutes=24 * 60)

    assert [step.ml_per_h for step in plan.steps] == [D("33.3")]
    assert plan.steps[0].ml_per_kg_per_h == D("0.416")
    assert plan.steps[0].running_volume_ml == D(800)
    # The pump's step rounds the rate down, so it takes a minute longer.
    assert plan.total_minutes == 24 * 60 + 1


def test_even_rate_is_held_by_the_ceiling_too() -> None:
    plan = plan_of(P10, kg="10", is_at_risk=True, infuse_over_minutes=60)

    assert [step.ml_per_h for step in plan.steps] == [D(20)]
    assert plan.total_minutes == 40 * 60


def restarted(infused: Product, *, borne: str, stopped: Product | None = None, **more: Any) -> RatePlan:
    return restart_plan(
        product=infused,
        stopped=stopped or infused,
        dosing_weight_kg=D(80),
        remaining_ml=D(400),
        last_tolerated_ml_per_h=D(borne),
        share_of_last_tolerated=D("0.5"),
        pump_step_ml_per_h=D("0.1"),
        **{"is_at_risk": False, **more},
    )


@pytest.mark.parametrize(("borne", "resumed", "minutes"), [("192", "96", 250), ("24", "12", 2000)])
def test_infusion_goes_on_at_its_share_of_the_last_tolerated_rate(
    borne: str, resumed: str, minutes: int
) -> None:
    plan = restarted(infusing("0.3", "0.6", "1.2", "2.4"), borne=borne)

    assert [step.ml_per_h for step in plan.steps] == [D(resumed)]
    assert (plan.total_minutes, plan.maximum_ml_per_h) == (minutes, D(resumed))
    assert plan.steps[-1].running_volume_ml == D(400)


def test_resumed_infusion_keeps_every_ceiling() -> None:
    fast = restarted(infusing("0.6", "2.4", "7.2"), borne="900")
    at_risk = restarted(infusing("0.6", "2.4", "7.2"), borne="576", is_at_risk=True)
    first = restarted(infusing("0.6", "2.4", "7.2"), borne="576", ceiling_ml_per_kg_per_h=D(1))

    assert fast.maximum_ml_per_h == D(450)
    assert at_risk.maximum_ml_per_h == D(160)
    assert first.maximum_ml_per_h == D(80)


def test_another_brand_begins_anew_and_stays_below_the_share() -> None:
    one, other = infusing("0.3", "0.6", "1.2", "2.4"), product("Q", "10", "10")

    plan = restarted(other, stopped=one, borne="192")

    # Its own steps are 1, 2 and 4 mL per kg an hour; half of what was borne is 1.2.
    assert [step.ml_per_h for step in plan.steps] == [D(80), D(96), D(96)]
    assert plan.steps[0].starts_after_minutes == 0


@pytest.mark.parametrize(
    ("minutes", "ml"), [(0, "0"), (15, "6"), (30, "12"), (45, "24"), (90, "84"), (120, "180"), (999, "800")]
)
def test_volume_that_is_in_by_a_minute_follows_the_steps(minutes: int, ml: str) -> None:
    plan = plan_of(infusing("0.3", "0.6", "1.2", "2.4"))

    assert infused_by(plan, minutes) == D(ml)


def test_nothing_is_in_before_the_start() -> None:
    assert infused_by(plan_of(infusing("0.3", "0.6")), -60) == 0


def test_even_rate_per_kg_is_shown_to_the_nearest_thousandth_and_a_half_goes_up() -> None:
    # 8 mL in an hour for 64 kg is 0.125; 0.3 mL for 64 kg is 0.0046875.
    assert plan_of(P10, kg="64", ml="8", infuse_over_minutes=60).steps[0].ml_per_kg_per_h == D("0.125")
    # 0.1 mL an hour for 40 kg is 0.0025: half to even would make it 0.002.
    assert plan_of(P10, kg="40", ml="0.1", infuse_over_minutes=60).steps[0].ml_per_kg_per_h == D("0.003")


def test_minutes_of_the_last_step_are_rounded_up_so_that_the_whole_volume_is_in() -> None:
    # 10 mL at 30 mL an hour are 20 minutes; 10.001 mL take 20.002, shown as 20.01.
    plan = plan_of(P10, kg="10", ml="10.001", infuse_over_minutes=20)

    assert plan.steps[-1].ml_per_h == D(30)
    assert plan.steps[-1].minutes == D("20.01")


def test_half_a_minute_at_the_end_is_not_a_minute_more() -> None:
    # 10.75 mL at 30 mL an hour are 21.5 minutes; half to even would make it 22.
    plan = rate_plan(
        product=P10,
        dosing_weight_kg=D(10),
        volume_ml=D("10.75"),
        pump_step_ml_per_h=D(30),
        is_at_risk=False,
        infuse_over_minutes=20,
    )
    assert plan.steps[0].minutes == D("21.5")
    assert plan.total_minutes == 21


def test_volume_at_the_very_end_of_a_step_is_the_whole_step() -> None:
    plan = plan_of(P10, kg="10", ml="5")

    assert infused_by(plan, 30) == D(5)
