"""Checks one by one: their numbers, their order, and which end of a repeat belongs to which start."""

from typing import Any

import pytest

from protocols.engine.monitoring import (
    DueCheck,
    PlannedItem,
    Result,
    Status,
    applies,
    follow_up,
    plan_items,
    risk_factors_told,
    schedule,
    status_of,
)
from protocols.engine.protocol import MonitoringItem, OrderKind, Repeat

from .factory import BASIS, D, if_any, if_is, parameter, sound_protocol

pytestmark = pytest.mark.hazard("H21")

IVIG, PLATELETS = OrderKind.IVIG, OrderKind.PLATELETS


def item(**changes: Any) -> MonitoringItem:
    values: dict[str, Any] = {
        "key": "M",
        "title": "Something",
        "measured": "",
        "unit": "",
        "anchor": "T0",
        "due_minutes": 10,
        "window_minutes": 20,
        "early_minutes": 5,
        "due_text": "Then.",
        "rule": "R",
        "kinds": (),
        "basis": BASIS,
    }
    return MonitoringItem(**values | changes)


def planned(*repeats: Repeat, **changes: Any) -> PlannedItem:
    return PlannedItem(item=item(repeats=repeats, **changes), repeats=tuple(range(len(repeats))))


def numbered(*items: PlannedItem, **anchors: list[int]) -> list[tuple[str, int, int, int | None]]:
    return [
        (check.item.key, check.anchor_number, check.position, check.due_minute)
        for check in schedule(items, anchors=anchors)
    ]


def test_check_is_numbered_by_its_anchor_and_by_its_repeat() -> None:
    every = Repeat(every_minutes=30, until_anchor="TE")

    assert numbered(planned(every), T0=[0, 1000], TE=[70, 1040]) == [
        ("M", 1, 1, 10),
        ("M", 1, 2, 40),
        ("M", 1, 3, 70),
        ("M", 2, 1, 1010),
        ("M", 2, 2, 1040),
    ]


def test_repeat_of_a_start_whose_end_is_not_noted_ends_with_the_last_one_noted() -> None:
    every = Repeat(every_minutes=30, until_anchor="TE")

    assert numbered(planned(every), T0=[0, 100], TE=[45]) == [
        ("M", 1, 1, 10),
        ("M", 1, 2, 40),
        ("M", 2, 1, 110),
    ]
    assert numbered(planned(every), T0=[0], TE=[45, 500]) == [("M", 1, 1, 10), ("M", 1, 2, 40)]
    assert numbered(planned(every), T0=[0, 100, 200], TE=[45, 240]) == [
        ("M", 1, 1, 10),
        ("M", 1, 2, 40),
        ("M", 2, 1, 110),
        ("M", 2, 2, 140),
        ("M", 2, 3, 170),
        ("M", 2, 4, 200),
        ("M", 3, 1, 210),
        ("M", 2, 5, 230),
        ("M", 3, 2, 240),
    ]


def test_repeat_never_comes_after_its_end() -> None:
    every = Repeat(every_minutes=30, until_anchor="TE", until_minutes=-1)

    assert numbered(planned(every), T0=[0], TE=[41]) == [("M", 1, 1, 10), ("M", 1, 2, 40)]
    assert numbered(planned(every), T0=[0], TE=[40]) == [("M", 1, 1, 10)]


def test_check_that_waits_for_its_start_stands_last_and_once() -> None:
    waiting = planned(anchor="DC", key="W")
    other = planned(anchor="DC", key="V")

    checks = schedule([waiting, other, waiting, planned(due_minutes=-3)], anchors={"T0": [0]})

    assert [check.item.key for check in checks] == ["M", "W", "V"]
    assert checks[1] == DueCheck(
        item=waiting.item,
        anchor_number=1,
        position=1,
        from_minute=None,
        due_minute=None,
        overdue_minute=None,
    )


def test_checks_stand_in_the_order_of_their_times_from_before_the_start_on() -> None:
    times = [planned(key=key, rule=key, due_minutes=due) for key, due in (("A", 1), ("B", 0), ("C", -1))]

    assert [key for key, *_ in numbered(*times, T0=[0])] == ["C", "B", "A"]


def test_own_time_of_an_item_stands_for_a_repeat_at_the_same_minute() -> None:
    often = planned(Repeat(every_minutes=20, until_anchor="TE"), key="OFTEN")
    once = planned(key="ONCE", due_minutes=30)

    assert numbered(often, once, T0=[0], TE=[35]) == [("OFTEN", 1, 1, 10), ("ONCE", 1, 1, 30)]
    # Of two rules both are there.
    assert len(numbered(often, planned(key="ONCE", due_minutes=30, rule="S"), T0=[0], TE=[35])) == 3


def test_follow_up_is_the_one_check_after_the_last_of_its_starts() -> None:
    row = item()

    assert follow_up(row, event_minute=3, now_minute=0, anchors={"T0": [100, 200]}) == DueCheck(
        item=row, anchor_number=1, position=1, from_minute=205, due_minute=210, overdue_minute=230
    )
    assert follow_up(row, event_minute=3, now_minute=0, anchors={}).due_minute == 13
    assert follow_up(row, event_minute=3, now_minute=0, anchors={"T0": []}).due_minute == 13
    assert follow_up(row, event_minute=3, now_minute=77, anchors={}).due_minute == 77


@pytest.mark.parametrize(
    ("changes", "kinds", "expected"),
    [
        ({}, {IVIG}, True),
        ({}, set(), True),
        ({"kinds": (IVIG,)}, {IVIG, PLATELETS}, True),
        ({"kinds": (IVIG,)}, {PLATELETS}, False),
        ({"is_follow_up": True}, {IVIG}, False),
        ({"when": if_is("at_risk", "true")}, {IVIG}, False),
        ({"when": if_is("pregnant", "true")}, {IVIG}, True),
        ({"when": if_any("order_kinds", "ivig")}, {IVIG, PLATELETS}, True),
        ({"when": if_any("order_kinds", "ivig")}, {PLATELETS}, False),
    ],
)
def test_check_is_for_its_orders_and_for_whom_it_may_be(
    changes: dict[str, Any], kinds: set[OrderKind], expected: bool
) -> None:
    # Whether she is pregnant nobody knows.
    assert applies(item(**changes), values={"at_risk": False}, kinds=frozenset(kinds)) is expected


def test_plan_keeps_the_repeats_that_hold_or_may_hold() -> None:
    rows = (
        item(
            key="ONE",
            repeats=(
                Repeat(every_minutes=10, until_anchor="TE", when=if_is("at_risk", "true")),
                Repeat(every_minutes=20, until_anchor="TE", when=if_is("at_risk", "false")),
                Repeat(every_minutes=30, until_anchor="TE", when=if_is("pregnant", "true")),
                Repeat(every_minutes=40, until_anchor="TE"),
            ),
        ),
        item(key="ADDED", when=if_is("at_risk", "true")),
        item(key="OTHERS", kinds=(PLATELETS,)),
    )
    protocol = sound_protocol(monitoring_items=rows)
    told: dict[str, Any] = {"values": {"at_risk": False}, "kinds": frozenset({IVIG})}

    assert plan_items(protocol, **told) == (PlannedItem(item=rows[0], repeats=(1, 2, 3)),)
    assert [each.item.key for each in plan_items(protocol, **told, added=("ADDED", "OTHERS"))] == [
        "ONE",
        "ADDED",
    ]


@pytest.mark.parametrize(
    ("now", "status"),
    [(9, Status.PLANNED), (10, Status.DUE), (20, Status.DUE), (21, Status.OVERDUE), (30, Status.MISSED)],
)
def test_check_is_due_up_to_the_end_of_its_window_and_missed_when_the_next_one_is_due(
    now: int, status: Status
) -> None:
    assert status_of(closed_as="", due=10, overdue=20, next_due=30, now=now) is status
    assert status_of(closed_as="", due=None, overdue=None, next_due=None, now=now) is Status.PLANNED


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"temperature_c": D(40)}, ("fever_or_sepsis",)),
        ({"temperature_c": D("39.9")}, ()),
        ({"meningitis_signs": ("fever",)}, ("fever_or_sepsis",)),
        ({"meningitis_signs": ("vomiting",), "temperature_c": D(40)}, ("fever_or_sepsis",)),
        ({"meningitis_signs": ()}, ()),
        ({}, ()),
    ],
)
def test_fever_is_a_risk_from_the_temperature_of_the_protocol_on(
    values: dict[str, Any], told: tuple[str, ...]
) -> None:
    protocol = sound_protocol(parameters=(parameter("fever_from_c", "40"),))

    assert risk_factors_told(protocol, Result(minute=0, values=values)) == told
