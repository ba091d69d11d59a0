"""The arms in time: which starts when in which line, what follows, and what it brings."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from protocols.engine.arrangement import AFTER_PLATELETS, AFTER_START, ARMS, arrange, values_of_plan
from protocols.engine.decision import arrange_chosen, evaluate, plans_of
from protocols.engine.facts import UNKNOWN
from protocols.engine.protocol import (
    ConsultLevel,
    EffectKind,
    OrderKind,
    ProductProperty,
    Role,
    SafetyRule,
    Severity,
    Timing,
)
from protocols.engine.recommendation import Order, Recommendation
from protocols.engine.review import find_problems
from protocols.engine.timed_plan import EventKind, TimedPlan

from .factory import (
    IVIG,
    PLATELETS,
    PROTOCOL,
    STEROID,
    D,
    access,
    if_is,
    infused,
    line,
    patient,
    regimen,
    safety_rule,
    sound_protocol,
)

# 60 kg: 30 g in 300 mL, run at 60, 120 and 240 mL an hour, takes 112 minutes; never above 180 it takes 130.
IVIG_MINUTES = 130
REGIMENS = (
    infused("G_IVIG", "G_IVIG", "0.5"),
    infused("G_TWICE", "G_TWICE", "0.5", doses=2, interval_hours=D(20)),
    regimen("G_STEROID", "G_STEROID", "20", "mg", infuse_over_minutes=50, doses=3, interval_hours=D(24)),
    regimen("G_TABLET", "G_TABLET", "20", "mg", doses=9, interval_hours=D(24)),
    regimen("G_PACK", "G_PACK", "1", "pack", volume_ml_per_unit=D(200), infuse_over_minutes=40),
    regimen(
        "G_EVERY",
        "G_EVERY",
        "1",
        "pack",
        volume_ml_per_unit=D(200),
        infuse_over_minutes=40,
        doses=2,
        interval_hours=D(5),
    ),
)
LINES = (
    line("IVIG", IVIG, Role.REQUIRED, "G_IVIG", group="ivig"),
    line("TWICE", IVIG, Role.ALTERNATIVE, "G_TWICE", group="ivig"),
    line("STEROID", STEROID, Role.REQUIRED, "G_STEROID", group="steroid"),
    line("TABLET", STEROID, Role.ALTERNATIVE, "G_TABLET", group="steroid"),
    line("PACK", PLATELETS, Role.REQUIRED, "G_PACK"),
    replace(
        line("EVERY", PLATELETS, Role.STANDBY, "G_EVERY", start_after_minutes=300), timing=Timing.STANDBY
    ),
    replace(line("ON_CALL", PLATELETS, Role.STANDBY, "G_PACK"), timing=Timing.STANDBY),
    line("LOOK", OrderKind.OTHER, Role.REQUIRED),
)


def triple(**changes: Any) -> Any:
    branches = tuple(
        replace(branch, orders=LINES) if branch.key in ("TREAT", "EMERGENCY") else branch
        for branch in PROTOCOL.branches
    )
    return sound_protocol(branches=branches, regimens=(*PROTOCOL.regimens, *REGIMENS), **changes)


TRIPLE = triple()


def said(protocol: Any = TRIPLE, **facts: Any) -> Recommendation:
    outcome = evaluate(protocol, patient(**facts))
    assert isinstance(outcome, Recommendation)
    return outcome


def planned(**facts: Any) -> TimedPlan:
    plan = said(**facts).timed_plan
    assert plan is not None
    return plan


def gives(plan: TimedPlan) -> list[tuple[str, int, int | None, int | None]]:
    return [
        (event.code, event.after_minutes, event.until_minutes, event.lane)
        for event in plan.events
        if event.kind is EventKind.GIVE
    ]


def test_the_protocol_of_these_tests_arranges_and_is_sound() -> None:
    assert [problem for problem in find_problems(TRIPLE) if problem.section == "access_plans"] == []


@pytest.mark.hazard("H05")
@pytest.mark.parametrize(
    ("facts", "row", "starts"),
    [
        (
            {"venous_lines": 2},
            "APART",
            {"IVIG": (0, 1), "PACK": (0, 2), "STEROID": (40, 2)},
        ),
        (
            {"venous_lines": 1, "bleeding_level": "life_threatening"},
            "URGENT",
            {"PACK": (0, 1), "STEROID": (40, 1), "IVIG": (90, 1)},
        ),
        (
            {"venous_lines": 1},
            "IN_TURN",
            {"STEROID": (0, 1), "IVIG": (50, 1), "PACK": (50 + IVIG_MINUTES, 1)},
        ),
    ],
)
def test_arms_start_as_the_lines_allow(
    facts: Mapping[str, Any], row: str, starts: Mapping[str, tuple[int, int]]
) -> None:
    plan = planned(first_ivig=True, **facts)

    found = {code: (after, lane) for code, after, _, lane in gives(plan) if code in starts}
    assert (plan.access.key, found) == (row, starts)
    assert not plan.shares_a_line


@pytest.mark.parametrize(("level", "row"), [("active", "IN_TURN"), ("life_threatening", "URGENT")])
def test_unknown_number_of_lines_is_planned_as_one_and_asked_for(level: str, row: str) -> None:
    plan = planned(bleeding_level=level, venous_lines=UNKNOWN)

    assert plan.access.key == row
    assert plan.waits_for == ("venous_lines",)
    assert "plan_shares_a_line" not in values_of_plan(plan)


def test_one_infusion_alone_waits_for_no_line() -> None:
    recommendation = said(venous_lines=UNKNOWN)

    plan = arrange_chosen(TRIPLE, recommendation, ("IVIG", "TABLET"))

    assert plan is not None
    assert plan.waits_for == ()
    assert gives(plan) == [("TABLET", 0, None, None), ("IVIG", 0, 112, 1)]


def test_two_infusions_wait_for_the_number_of_lines() -> None:
    plan = arrange_chosen(TRIPLE, said(venous_lines=UNKNOWN), ("IVIG", "PACK"))

    assert plan is not None
    assert [code for code, *_ in gives(plan)] == ["IVIG", "PACK"]
    assert plan.waits_for == ("venous_lines",)


def test_what_is_swallowed_needs_no_line_and_starts_at_once() -> None:
    plan = arrange_chosen(TRIPLE, said(venous_lines=1), ("IVIG", "TABLET", "PACK"))

    assert plan is not None
    assert gives(plan) == [("TABLET", 0, None, None), ("IVIG", 0, 112, 1), ("PACK", 112, 152, 1)]


def test_standing_by_has_its_hours_and_is_marked_as_waiting_for_more() -> None:
    plan = planned(venous_lines=2)

    later = [
        (event.after_minutes, event.dose_number, event.doses, event.is_conditional)
        for event in plan.events
        if event.code == "EVERY" and event.kind is EventKind.GIVE
    ]
    assert later == [(300, 1, 2, True), (600, 2, 2, True)]
    assert "ON_CALL" not in {event.code for event in plan.events}


def test_line_with_an_hour_of_its_own_is_sure_where_it_is_no_standby() -> None:
    recommendation = said(venous_lines=2)
    sure = replace(recommendation.orders[5], timing=Timing.CONCURRENT)
    orders = (recommendation.orders[4], sure)

    plan = arrange(TRIPLE, orders=orders, plans={}, values={}, weight=recommendation.dosing_weight)

    assert plan is not None
    every = next(event for event in plan.events if event.code == "EVERY")
    assert (every.after_minutes, every.is_conditional) == (300, False)


def test_second_infusion_follows_the_first_after_its_interval() -> None:
    plan = arrange_chosen(TRIPLE, said(venous_lines=1), ("TWICE", "STEROID"))

    assert plan is not None
    assert gives(plan) == [("STEROID", 0, 50, 1), ("TWICE", 50, 162, 1), ("TWICE", 1250, 1362, 1)]


def test_counts_follow_each_platelet_dose_and_the_start() -> None:
    plan = planned(venous_lines=2)

    counts = [
        (event.code, event.after_minutes, event.until_minutes, event.is_conditional)
        for event in plan.events
        if event.kind is EventKind.COUNT
    ]
    assert counts == [
        ("PACK", 45, 65, False),
        ("EVERY", 345, 365, True),
        ("EVERY", 645, 665, True),
        ("IVIG", 700, 700, False),
    ]


def test_count_of_the_day_after_hangs_on_what_was_begun() -> None:
    recommendation = said(venous_lines=1)

    steroid = arrange_chosen(TRIPLE, recommendation, ("TABLET",))
    standby = arrange_chosen(TRIPLE, recommendation, ("EVERY",))

    assert steroid is not None
    assert standby is not None
    assert [(event.code, event.after_minutes) for event in steroid.events] == [("TABLET", 0), ("TABLET", 700)]
    assert all(event.is_conditional for event in standby.events)


def test_platelets_without_a_time_of_their_own_are_counted_from_their_start() -> None:
    pushed = regimen("G_PACK", "G_PACK", "1", "pack", volume_ml_per_unit=D(200))
    protocol = triple()
    protocol = replace(
        protocol, regimens=tuple(pushed if row.key == "G_PACK" else row for row in protocol.regimens)
    )

    plan = said(protocol, venous_lines=2).timed_plan

    assert plan is not None
    assert ("PACK", 0, None, None) in gives(plan)
    assert next(event.after_minutes for event in plan.events if event.kind is EventKind.COUNT) == 5
    assert plan.planned_volume_ml == D(500)


def test_the_call_comes_first() -> None:
    plan = planned(bleeding_level="life_threatening", venous_lines=2)

    assert (plan.events[0].kind, plan.events[0].code) == (EventKind.CALL, "consult_stat")


def test_volume_is_what_is_in_when_the_window_closes() -> None:
    apart = planned(venous_lines=2, first_ivig=False)
    in_turn = planned(venous_lines=1, first_ivig=True)

    # 200 minutes. Apart all is in: 300 + 200 mL. In turn the platelets begin at 180 and are half in.
    assert (apart.planned_volume_ml, apart.planned_volume_ml_per_kg) == (D("500.0"), D("8.3"))
    assert in_turn.planned_volume_ml == D("400.0")
    assert (apart.is_over_limit, in_turn.is_over_limit) == (True, False)


def test_infusion_that_outlasts_the_window_counts_in_part() -> None:
    plan = planned(venous_lines=1, bleeding_level="life_threatening", renal_risk_factors=("diabetes",))

    # From minute 90 on: 30 minutes at 60 and 80 at 120 mL an hour, behind 200 mL of platelets.
    assert plan.planned_volume_ml == D(200 + 30 + 160)


@pytest.mark.parametrize("bleeding_level", ["none", "active", "life_threatening"])
@pytest.mark.parametrize("venous_lines", [1, 2, UNKNOWN])
@pytest.mark.parametrize("pregnant", [True, False])
def test_plan_is_the_one_of_all_its_orders_arranged_at_once(
    bleeding_level: str, venous_lines: Any, pregnant: bool
) -> None:
    recommendation = said(bleeding_level=bleeding_level, venous_lines=venous_lines, pregnant=pregnant)
    planned_orders = {
        order.code
        for order in recommendation.orders
        if order.role is Role.REQUIRED or (order.role is Role.STANDBY and not order.is_held)
    }

    assert recommendation.timed_plan == arrange_chosen(TRIPLE, recommendation, planned_orders)


def test_volume_for_each_kg_needs_a_weight() -> None:
    recommendation = said(venous_lines=2)
    packs = tuple(order for order in recommendation.orders if order.code == "PACK")

    plan = arrange(TRIPLE, orders=packs, plans={}, values={}, weight=UNKNOWN)

    assert plan is not None
    assert (plan.planned_volume_ml_per_kg, plan.is_over_limit) == (UNKNOWN, UNKNOWN)
    assert values_of_plan(plan) == {"plan_shares_a_line": False}


def test_dose_nobody_can_compute_leaves_no_plan() -> None:
    recommendation = said(venous_lines=2)
    orders = (replace(recommendation.orders[0], dose=UNKNOWN), recommendation.orders[4])

    plan = arrange(TRIPLE, orders=orders, plans={}, values={}, weight=UNKNOWN)

    assert plan is None
    assert values_of_plan(plan) == {}


def test_nothing_to_give_is_no_plan() -> None:
    assert arrange_chosen(TRIPLE, said(), ("LOOK", "ON_CALL")) is None


def test_line_without_a_dose_of_ours_is_timed_too() -> None:
    bare = next(order for order in said().orders if order.code == "LOOK")
    steroid = replace(bare, kind=STEROID)

    plan = arrange(TRIPLE, orders=(steroid,), plans={}, values={}, weight=UNKNOWN)

    assert plan is not None
    first = plan.events[0]
    assert (first.code, first.after_minutes, first.volume_ml, first.doses) == ("LOOK", 0, None, 1)
    assert plan.planned_volume_ml == 0


def test_two_infusions_in_one_line_at_one_time_are_told() -> None:
    recommendation = said(venous_lines=1)
    orders: dict[str, Order] = {order.code: order for order in recommendation.orders}
    long = replace(plans_of(TRIPLE, recommendation)["IVIG"], total_minutes=320)

    plan = arrange(
        TRIPLE,
        orders=(orders["IVIG"], orders["EVERY"]),
        plans={"IVIG": long},
        values={"venous_lines": 1, "bleeding_level": "active"},
        weight=recommendation.dosing_weight,
    )

    assert plan is not None
    assert plan.shares_a_line
    assert values_of_plan(plan) == {
        "planned_volume_6h_ml_per_kg": plan.planned_volume_ml_per_kg,
        "planned_volume_over_limit": plan.is_over_limit,
        "plan_shares_a_line": True,
    }


@pytest.mark.parametrize(("minutes", "is_shared"), [(300, False), (301, True)])
def test_infusion_that_ends_as_the_next_begins_shares_no_line_with_it(minutes: int, is_shared: bool) -> None:
    recommendation = said(venous_lines=1)
    orders = {order.code: order for order in recommendation.orders}
    long = replace(plans_of(TRIPLE, recommendation)["IVIG"], total_minutes=minutes)

    plan = arrange(
        TRIPLE,
        # The platelets of this line begin at 300 minutes.
        orders=(orders["IVIG"], orders["EVERY"]),
        plans={"IVIG": long},
        values={"venous_lines": 1, "bleeding_level": "active"},
        weight=recommendation.dosing_weight,
    )

    assert plan is not None
    assert plan.shares_a_line is is_shared


def test_counts_say_what_they_follow_and_need_no_line_and_no_volume() -> None:
    events = planned(venous_lines=2).events

    counts = [event for event in events if event.kind is EventKind.COUNT]
    assert {event.text for event in counts} == {AFTER_PLATELETS, AFTER_START}
    assert {(event.lane, event.volume_ml) for event in counts} == {(None, None)}
    words = {order.code: order.text for order in said(venous_lines=2).orders}
    given = [event for event in events if event.kind is EventKind.GIVE]
    assert [event.text for event in given] == [words[event.code] for event in given]


def test_further_doses_of_what_needs_no_line_follow_without_an_end() -> None:
    """Platelets that somebody pushes: the protocol says how often, and not for how long."""
    pushed = regimen("G_PUSH", "G_PUSH", "1", "pack", doses=2, interval_hours=D(5))
    protocol = triple()
    lines = tuple(replace(row, regimen="G_PUSH") if row.key == "PACK" else row for row in LINES)
    branches = tuple(
        replace(branch, orders=lines) if branch.orders == LINES else branch for branch in protocol.branches
    )
    protocol = replace(protocol, branches=branches, regimens=(*protocol.regimens, pushed))

    plan = said(protocol, venous_lines=2).timed_plan

    assert plan is not None
    found = [row for row in gives(plan) if row[0] == "PACK"]
    assert found == [("PACK", 0, None, None), ("PACK", 300, None, None)]
    assert next(event for event in plan.events if event.code == "PACK").doses == 2


def test_start_of_a_line_is_told_by_its_code() -> None:
    plan = planned(venous_lines=1, bleeding_level="life_threatening")

    assert (plan.start_of("IVIG"), plan.start_of("LOOK")) == (90, None)


def test_held_line_is_not_in_the_plan() -> None:
    plan = said(immunoglobulin_reaction=True, venous_lines=2).timed_plan

    assert plan is not None
    assert "IVIG" not in {event.code for event in plan.events}
    assert plan.planned_volume_ml == D(200)


def rule_on_volume(*effects: Any) -> SafetyRule:
    return safety_rule("S_VOLUME", Severity.WARNING, if_is("planned_volume_over_limit", "true"), *effects)


@pytest.mark.hazard("H07")
def test_rule_may_ask_for_the_planned_volume() -> None:
    protocol = triple(safety_rules=(*PROTOCOL.safety_rules, rule_on_volume()))

    fired = [finding.rule for finding in said(protocol, venous_lines=2).findings]
    quiet = [finding.rule for finding in said(protocol, venous_lines=1, first_ivig=True).findings]

    assert "S_VOLUME" in fired
    assert "S_VOLUME" not in quiet


def test_plan_that_calls_somebody_else_still_is_one_and_changes_no_line() -> None:
    intravenous = safety_rule(
        "S_ROUTE", Severity.WARNING, (), (EffectKind.REQUIRE_PRODUCT, ProductProperty.INTRAVENOUS)
    )
    calling = rule_on_volume((EffectKind.RAISE_CONSULT, ConsultLevel.STAT))
    protocol = triple(safety_rules=(*PROTOCOL.safety_rules, intravenous, calling))

    recommendation = said(protocol, venous_lines=2)
    (ivig,) = (order for order in recommendation.orders if order.code == "IVIG")
    plan = recommendation.timed_plan

    assert recommendation.consult is ConsultLevel.STAT
    assert (ivig.role, ivig.is_held, ivig.effects) == (Role.REQUIRED, False, ())
    assert plan is not None
    assert plan.events[0].code == "consult_stat"
    assert "IVIG" in {event.code for event in plan.events}


def test_rule_that_slows_the_rate_may_not_ask_about_the_plan() -> None:
    slowing = next(rule for rule in PROTOCOL.safety_rules if rule.key == "S_KIDNEY")
    rule = replace(rule_on_volume(), effects=slowing.effects)

    problems = find_problems(sound_protocol(safety_rules=(*PROTOCOL.safety_rules, rule)))

    assert ("safety_rules", "S_VOLUME") in {(problem.section, problem.key) for problem in problems}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ((), "must have no conditions"),
        ((access("A", ARMS, when=if_is("clumps", "true")),), "must have no conditions"),
        ((access("A", (IVIG, PLATELETS)),), "corticosteroid must stand in one lane"),
        ((access("A", ARMS, (IVIG,)),), "ivig must stand in one lane"),
        ((access("A", (*ARMS, OrderKind.OTHER)),), "names what is no arm"),
        ((access("A", ARMS, when=if_is("order_kinds", "ivig")), access("B", ARMS)), "order_kinds"),
    ],
)
def test_access_plans_that_would_leave_a_patient_without_are_refused(rows: Any, message: str) -> None:
    problems = find_problems(sound_protocol(access_plans=rows))

    assert any(problem.section == "access_plans" and message in problem.message for problem in problems)
