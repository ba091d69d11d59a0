"""The checklist: due times against a plain oracle, and results against tables written by hand."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from protocols.content_files import load_shipped
from protocols.engine.facts import UNKNOWN
from protocols.engine.monitoring import (
    Background,
    Level,
    PlannedItem,
    Result,
    Run,
    Status,
    derive,
    follow_up,
    judge,
    plan_items,
    risk_factors_told,
    schedule,
    status_of,
)
from protocols.engine.protocol import MonitoringItem, OrderKind, Protocol, Repeat
from protocols.engine.reactions import is_ivig_haemolysis, is_taco, is_trali

from .factory import BASIS, D, parameter, sound_protocol

pytestmark = pytest.mark.hazard("H21")

ZONES = [ZoneInfo(name) for name in ("Europe/London", "America/New_York", "Australia/Lord_Howe", "UTC")]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOUR = 60


@pytest.fixture(scope="module")
def protocol() -> Protocol:
    return load_shipped()


def item(**changes: object) -> MonitoringItem:
    values: dict[str, object] = {
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
    return MonitoringItem(**values | changes)  # type: ignore[arg-type]


def minutes(planned: PlannedItem, **anchors: list[int]) -> list[int | None]:
    return [check.due_minute for check in schedule([planned], anchors=anchors)]


def test_check_is_due_after_its_anchor_counts_before_and_is_overdue_after_its_window():
    (check,) = schedule([PlannedItem(item=item(), repeats=())], anchors={"T0": [1000]})

    assert (check.from_minute, check.due_minute, check.overdue_minute) == (1005, 1010, 1030)


def test_check_without_its_anchor_waits():
    (check,) = schedule([PlannedItem(item=item(anchor="DC"), repeats=())], anchors={"T0": [1000]})

    assert (check.from_minute, check.due_minute, check.overdue_minute) == (None, None, None)


def test_check_comes_once_for_each_of_its_anchors():
    assert minutes(PlannedItem(item=item(), repeats=()), T0=[0, 100]) == [10, 110]


def test_repeats_end_with_their_anchor_and_share_the_times_they_have_in_common():
    repeats = (Repeat(every_minutes=60, until_anchor="TE"), Repeat(every_minutes=30, until_anchor="TE"))

    assert minutes(PlannedItem(item=item(repeats=repeats), repeats=(0,)), T0=[0], TE=[130]) == [10, 70, 130]
    assert minutes(PlannedItem(item=item(repeats=repeats), repeats=(0, 1)), T0=[0], TE=[100]) == [
        10,
        40,
        70,
        100,
    ]
    assert minutes(PlannedItem(item=item(repeats=repeats), repeats=(0,)), T0=[0]) == [10]


def test_repeat_may_begin_at_a_time_of_its_own():
    repeats = (Repeat(every_minutes=100, from_minutes=50, until_anchor="T0", until_minutes=250),)

    assert minutes(PlannedItem(item=item(repeats=repeats), repeats=(0,)), T0=[0]) == [10, 50, 150, 250]


def test_two_checks_of_one_rule_at_one_minute_are_one():
    repeats = (Repeat(every_minutes=90, until_anchor="TE"),)
    often = PlannedItem(item=item(repeats=repeats), repeats=(0,))
    once = PlannedItem(item=item(key="N", due_minutes=100), repeats=())

    checks = schedule([often, once], anchors={"T0": [0], "TE": [100]})

    assert [(check.item.key, check.due_minute) for check in checks] == [("M", 10), ("N", 100)]


def test_check_from_an_anchor_that_never_comes_stands_before_no_other():
    own = PlannedItem(item=item(anchor="RI"), repeats=())
    other = PlannedItem(item=item(key="N"), repeats=())
    anchors = {"RI": [0, 100], "T0": [0]}

    assert [check.item.key for check in schedule([own, other], anchors=anchors)] == ["M", "M"]
    left = schedule([own, other], anchors=anchors, never={("RI", 1)})
    assert [(check.item.key, check.due_minute) for check in left] == [("N", 10), ("M", 110)]


def test_follow_up_counts_from_what_asked_for_it_and_is_never_due_before_now():
    row = item(anchor="F0")

    assert follow_up(row, event_minute=100, now_minute=105, anchors={}).due_minute == 110
    assert follow_up(row, event_minute=100, now_minute=500, anchors={}).due_minute == 500
    assert follow_up(item(), event_minute=100, now_minute=0, anchors={"T0": [7]}).due_minute == 17


def test_ten_thousand_schedules_agree_with_a_plain_oracle_in_utc_over_both_clock_changes():
    chance = random.Random(21)
    for _ in range(10_000):
        zone = chance.choice(ZONES)
        # The nights of the clock changes of 2026 and the days around them, as a wall clock shows them.
        night = chance.choice([(3, 8), (3, 29), (4, 5), (10, 4), (10, 25), (11, 1), (6, 15)])
        hour, minute, fold = chance.randrange(24), chance.randrange(60), chance.randrange(2)
        start = datetime(2026, *night, hour, minute, tzinfo=zone, fold=fold)
        length, every = chance.randrange(30, 3000), chance.randrange(10, 700)
        due, late = chance.randrange(-120, 3000), chance.randrange(0, 300)
        row = item(
            due_minutes=due,
            window_minutes=late,
            repeats=(Repeat(every_minutes=every, until_anchor="TE", until_minutes=60),),
        )
        begins = int((start.astimezone(UTC) - EPOCH).total_seconds()) // 60

        found = schedule(
            [PlannedItem(item=row, repeats=(0,))], anchors={"T0": [begins], "TE": [begins + length]}
        )

        # The oracle: seconds on the one clock that never changes.
        second = start.timestamp() + due * 60
        last = start.timestamp() + (length + 60) * 60
        expected = [second]
        while second + every * 60 <= last:
            second += every * 60
            expected.append(second)
        assert [each.due_minute * 60 for each in found if each.due_minute is not None] == expected
        now = expected[0] + chance.randrange(-100, 400) * 60
        status = status_of(
            closed_as="",
            due=expected[0],
            overdue=expected[0] + late * 60,
            next_due=expected[1] if len(expected) > 1 else None,
            now=now,
        )
        if now < expected[0]:
            assert status is Status.PLANNED
        elif len(expected) > 1 and now >= expected[1]:
            assert status is Status.MISSED
        else:
            assert status is (Status.OVERDUE if now > expected[0] + late * 60 else Status.DUE)


@pytest.mark.parametrize(
    ("now", "status"),
    [
        (9, Status.PLANNED),
        (10, Status.WAITING),
        (59, Status.WAITING),
        (60, Status.OVERDUE),
        (70, Status.MISSED),
    ],
)
def test_check_waits_for_its_start_between_its_time_and_the_longest_wait(now: int, status: Status):
    times = {"due": 10, "overdue": 20, "next_due": 70, "waits_until": 60}

    assert status_of(closed_as="", now=now, **times) is status
    assert status_of(closed_as="done", now=now, **times) is Status.DONE


def test_wall_clock_arithmetic_would_have_been_an_hour_wrong():
    before = datetime(2026, 10, 25, 0, 30, tzinfo=ZoneInfo("Europe/London"))

    by_wall = before + timedelta(hours=4)

    assert by_wall.astimezone(UTC) - before.astimezone(UTC) == timedelta(hours=5)


@pytest.mark.parametrize("closed_as", ["done", "declined", "ended"])
def test_what_is_closed_keeps_its_status_for_ever(closed_as: str):
    assert status_of(closed_as=closed_as, due=1, overdue=2, next_due=3, now=99) == closed_as


# Which items are for whom, written by hand from section 6.
IVIG, PLATELETS, STEROID = OrderKind.IVIG, OrderKind.PLATELETS, OrderKind.CORTICOSTEROID
WHO = [
    ("REN-02", {"at_risk": True}, {IVIG}, True),
    ("REN-02", {"at_risk": False, "ivig_course_g_per_kg": D(1)}, {IVIG}, False),
    ("REN-02", {"at_risk": False, "ivig_course_g_per_kg": D(2)}, {IVIG}, True),
    ("REN-02", {"ivig_course_g_per_kg": D(1)}, {IVIG}, True),
    ("REN-03", {"at_risk": False}, {IVIG}, True),
    ("REN-03", {"at_risk": True}, {STEROID}, False),
    ("REN-04", {"at_risk": False}, {IVIG}, False),
    ("REN-04", {"at_risk": True}, {IVIG}, True),
    ("REN-06", {"at_risk": True}, {IVIG}, False),
    ("THR-05", {"at_risk": False}, {IVIG}, False),
    ("THR-05", {"at_risk": True}, {IVIG}, True),
    ("VIT-07", {"ivig_exposure": "first"}, {IVIG}, True),
    ("VIT-07", {"ivig_exposure": "after_gap"}, {IVIG}, True),
    ("VIT-07", {"ivig_exposure": "new_brand"}, {IVIG}, True),
    ("VIT-07", {}, {IVIG}, True),
    ("VIT-07", {"ivig_exposure": "same_brand"}, {IVIG}, False),
    ("VIT-07-KNOWN", {"ivig_exposure": "same_brand"}, {IVIG}, True),
    ("VIT-07-KNOWN", {"ivig_exposure": "new_brand"}, {IVIG}, False),
    ("VIT-07-KNOWN", {}, {IVIG}, False),
    ("VIT-08-END", {}, {PLATELETS}, True),
    ("VIT-08-END", {}, {IVIG}, False),
    ("VIT-08-60", {"overload_risk_factors": ()}, {PLATELETS}, False),
    ("VIT-08-60", {"overload_risk_factors": ("heart_failure",)}, {PLATELETS}, True),
    ("HAE-02", {"blood_group": "o", "ivig_course_g_per_kg": D(1)}, {IVIG}, False),
    ("HAE-02", {"blood_group": "o", "ivig_course_g_per_kg": D(2)}, {IVIG}, True),
    ("HAE-02", {"blood_group": "a", "ivig_course_g_per_kg": D(1)}, {IVIG}, True),
    ("HAE-02", {"ivig_course_g_per_kg": D(1)}, {IVIG}, True),
    ("HAE-03", {"blood_group": "a", "ivig_course_g_per_kg": D(1)}, {IVIG}, False),
    ("HAE-03", {"blood_group": "a", "ivig_course_g_per_kg": D(2)}, {IVIG}, True),
    ("HAE-03", {"blood_group": "o", "ivig_course_g_per_kg": D(2)}, {IVIG}, False),
    ("HAE-04", {}, {IVIG}, False),
    ("PUL-01-PE", {}, {PLATELETS}, True),
    ("PLT-10", {"branch": "G4_TRIPLE"}, {STEROID}, True),
    ("PLT-10", {"branch": "G2_STEROID"}, {STEROID}, False),
    ("STE-02", {}, {STEROID}, True),
    ("STE-02", {}, {IVIG}, False),
    ("STE-06-21", {"aetiology": "primary_itp"}, {STEROID}, True),
    ("STE-06-21", {"aetiology": "checkpoint_inhibitor"}, {STEROID}, False),
    ("GLU-01", {"product_stabilisers": ("maltose",)}, {IVIG}, True),
    ("GLU-01", {"product_stabilisers": ("proline",)}, {IVIG}, False),
    ("LAB-01", {"bleeding_risk_factors": ("fever_or_sepsis",)}, {IVIG}, True),
    ("LAB-01", {"bleeding_risk_factors": ()}, {IVIG}, False),
    ("SER-01", {}, {IVIG}, True),
    ("SER-01", {}, {PLATELETS}, False),
]
ALWAYS_WITH_IVIG = (
    *("VIT-01", "VIT-02", "VIT-03", "VIT-04", "VIT-05", "VIT-06", "REN-01", "REN-03", "REN-05", "REN-07"),
    *("THR-01-BEFORE", "THR-01", "THR-01-END", "THR-02", "THR-03", "THR-04", "THR-06"),
    *("AMS-01", "AMS-02", "AMS-03", "AMS-04", "HAE-01"),
    *("PUL-01", "PUL-01-END", "PUL-02-6", "PUL-02-12", "PLT-01", "PLT-03", "PLT-04", "PLT-05", "PLT-06"),
    *("PLT-07", "PLT-08", "PLT-09", "BLD-01", "LAB-02", "SER-01", "VAX-01"),
)


@pytest.mark.parametrize(("key", "values", "kinds", "expected"), WHO)
def test_item_of_the_checklist_is_for_whom_the_evidence_says(
    protocol: Protocol, key: str, values: dict[str, object], kinds: set[OrderKind], expected: bool
):
    planned = plan_items(protocol, values=values, kinds=frozenset(kinds))

    assert (key in {each.item.key for each in planned}) is expected


def test_rule_adds_an_item_to_the_orders_it_is_about_and_to_no_others(protocol: Protocol):
    def keys(*kinds: OrderKind) -> set[str]:
        values = {"at_risk": False}
        planned = plan_items(protocol, values=values, kinds=frozenset(kinds), added={"REN-04", "REN-06"})
        return {each.item.key for each in planned}

    assert "REN-04" in keys(IVIG)
    assert "REN-04" not in keys(STEROID)
    assert "REN-06" not in keys(IVIG)


def test_what_is_for_everybody_is_planned_with_every_immunoglobulin(protocol: Protocol):
    keys = {each.item.key for each in plan_items(protocol, values={}, kinds=frozenset({IVIG}))}

    assert keys >= set(ALWAYS_WITH_IVIG)


def times_of(protocol: Protocol, *keys: str, anchors: dict[str, list[int]], **values: object) -> list[int]:
    """When one is asked for any of these items, for a patient of whom this is known."""
    planned = plan_items(protocol, values=values, kinds=frozenset({IVIG, PLATELETS, STEROID}))
    found = schedule([each for each in planned if each.item.key in keys], anchors=anchors)
    return sorted(check.due_minute for check in found if check.due_minute is not None)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"at_risk": False}, [60, 120, 180]),
        ({"at_risk": True}, [30, 60, 90, 120, 150, 180, 210]),
        ({}, [30, 60, 90, 120, 150, 180, 210]),
    ],
)
def test_vital_signs_at_the_highest_rate_come_twice_as_often_at_risk(
    protocol: Protocol, values: dict[str, object], expected: list[int]
):
    anchors = {"RM": [0], "TE": [210]}

    assert times_of(protocol, "VIT-04", "VIT-04-RISK", anchors=anchors, **values) == expected


def test_glucose_is_measured_4_times_a_day_in_a_short_course_or_diabetes(protocol: Protocol):
    def times(**values: object) -> list[int]:
        return times_of(protocol, "STE-02", "STE-02-OFTEN", anchors={"S0": [0]}, **values)

    known = {"renal_risk_factors": (), "glucose_monitored": False, "steroid_days": 28}
    often = list(range(6 * HOUR, 73 * HOUR, 6 * HOUR))
    assert times(**known) == [24 * HOUR, 48 * HOUR, 72 * HOUR]
    assert times(**{**known, "steroid_days": 4}) == often
    assert times(**{**known, "renal_risk_factors": ("diabetes",)}) == often


def test_kidney_function_of_a_patient_at_risk_is_from_the_day_before(protocol: Protocol):
    def times(**values: object) -> list[int]:
        return times_of(protocol, "REN-01", "REN-01-RISK", anchors={"T0": [0]}, **values)

    assert times(at_risk=False) == [-48 * HOUR]
    assert times(at_risk=True) == times() == [-48 * HOUR, -24 * HOUR]


def test_thrombosis_and_lungs_are_looked_at_with_the_vital_signs(protocol: Protocol):
    # A highest rate that is reached between two hours: the vital signs are counted from it.
    anchors = {"T0": [0], "RI": [30, 60, 90], "RM": [90], "TE": [300]}
    steps, hours, halves, end = [15, 30, 60, 90], [150, 210, 270], [120, 180, 240, 300], [300, 330]

    def times(*items: str, is_risk: bool) -> list[int]:
        return sorted(set(times_of(protocol, *items, anchors=anchors, at_risk=is_risk)))

    thrombosis = ("THR-01-BEFORE", "THR-01", "THR-01-RI", "THR-01-RM", "THR-01-RISK", "THR-01-END")
    lungs = ("PUL-01", "PUL-01-RI", "PUL-01-RM", "PUL-01-RISK", "PUL-01-END")
    vitals = ("VIT-01", "VIT-02", "VIT-03", "VIT-04", "VIT-04-RISK", "VIT-05", "VIT-06")
    for items in (vitals, thrombosis):
        assert times(*items, is_risk=False) == sorted({-60, *steps, *hours, *end})
        assert times(*items, is_risk=True) == sorted({-60, *steps, *hours, *halves, *end})
    assert times(*lungs, is_risk=False) == sorted({*steps, *hours, 300})
    assert times(*lungs, is_risk=True) == sorted({*steps, *hours, *halves})
    doses = {"P0": [0, 500], "PE": [30, 530]}
    assert times_of(protocol, "PUL-01-P15", "PUL-01-PE", anchors=doses) == [15, 30, 515, 530]


def test_urine_is_measured_a_day_longer_at_risk(protocol: Protocol):
    def times(**values: object) -> list[int]:
        anchors = {"T0": [0], "TE": [300]}
        return times_of(protocol, "REN-07", "REN-07-RISK", anchors=anchors, **values)

    assert times(at_risk=False) == [6 * HOUR, 12 * HOUR, 18 * HOUR, 24 * HOUR]
    assert times(at_risk=True) == times() == [hours * HOUR for hours in range(6, 49, 6)]


NORMAL_VITALS = {
    "temperature_c": D("36.8"),
    "heart_rate_per_min": 80,
    "systolic_mmhg": 120,
    "respiratory_rate_per_min": 16,
    "oxygen_saturation_percent": 98,
    "on_oxygen": False,
    "rigors": False,
}
KNOWN = {
    "age_years": 50,
    "sex": "male",
    "weight_kg": D(70),
    "thrombosis_risk_factors": (),
    "overload_risk_factors": (),
    "bleeding_sites": ("other",),
    "branch": "G4_TRIPLE",
}


def judged(
    protocol: Protocol, rule: str, values: dict[str, object], *earlier: Result, **facts: object
) -> Level:
    background = Background(facts={**KNOWN, **facts}, earlier=earlier, start_minute=1000)
    return judge(protocol, rule, Result(minute=1000 + 48 * HOUR, values=values), background).level


VITALS = [
    ({}, Level.NORMAL),
    ({"temperature_c": D("37.8")}, Level.ALERT),
    ({"temperature_c": D("37.7")}, Level.NORMAL),
    ({"temperature_c": D("38.0")}, Level.ALERT),
    ({"temperature_c": D("38.7")}, Level.ALERT),
    ({"temperature_c": D("38.8")}, Level.CRITICAL),
    ({"temperature_c": D("39.0")}, Level.CRITICAL),
    ({"rigors": True}, Level.CRITICAL),
    ({"systolic_mmhg": 101}, Level.NORMAL),
    ({"systolic_mmhg": 100}, Level.ALERT),
    ({"systolic_mmhg": 91}, Level.ALERT),
    ({"systolic_mmhg": 90}, Level.CRITICAL),
    ({"systolic_mmhg": 139}, Level.NORMAL),
    ({"systolic_mmhg": 140}, Level.ALERT),
    ({"systolic_mmhg": 179}, Level.ALERT),
    ({"systolic_mmhg": 180}, Level.CRITICAL),
    ({"heart_rate_per_min": 99}, Level.NORMAL),
    ({"heart_rate_per_min": 100}, Level.ALERT),
    ({"heart_rate_per_min": 119}, Level.ALERT),
    ({"heart_rate_per_min": 120}, Level.CRITICAL),
    ({"heart_rate_per_min": 49}, Level.ALERT),
    ({"respiratory_rate_per_min": 20}, Level.NORMAL),
    ({"respiratory_rate_per_min": 21}, Level.ALERT),
    ({"respiratory_rate_per_min": 25}, Level.CRITICAL),
    ({"respiratory_rate_per_min": 11}, Level.ALERT),
    ({"oxygen_saturation_percent": 95}, Level.NORMAL),
    ({"oxygen_saturation_percent": 94}, Level.ALERT),
    ({"oxygen_saturation_percent": 91}, Level.ALERT),
    ({"oxygen_saturation_percent": 90}, Level.CRITICAL),
    ({"on_oxygen": True}, Level.CRITICAL),
]


@pytest.mark.parametrize(("changes", "level"), VITALS)
def test_vital_signs_are_judged_by_their_limits_and_their_change(
    protocol: Protocol, changes: dict[str, object], level: Level
):
    before = Result(minute=950, values=NORMAL_VITALS)

    assert judged(protocol, "VITALS", {**NORMAL_VITALS, **changes}, before) is level


def test_vital_signs_without_a_set_to_compare_with_are_not_called_normal(protocol: Protocol):
    background = Background(facts=KNOWN, start_minute=1000)
    judgement = judge(protocol, "VITALS", Result(minute=1100, values=NORMAL_VITALS), background)

    assert judgement.level is Level.NOT_JUDGED
    assert "systolic_fall_mmhg" in judgement.missing
    assert (
        judge(protocol, "VITALS", Result(minute=990, values=NORMAL_VITALS), background).level is Level.NORMAL
    )


SHOCK = {**NORMAL_VITALS, "systolic_mmhg": 100}
WELL = {**NORMAL_VITALS, "systolic_mmhg": 140}


def vital_signs(protocol: Protocol, systolic_mmhg: int, minute: int, *runs: Run) -> Level:
    """Judged after a set in shock at minute 950 and a good one at minute 2900."""
    earlier = (Result(minute=950, values=SHOCK), Result(minute=2900, values=WELL))
    background = Background(facts=KNOWN, earlier=earlier, start_minute=1000, runs=runs)
    values = {**NORMAL_VITALS, "systolic_mmhg": systolic_mmhg}
    return judge(protocol, "VITALS", Result(minute=minute, values=values), background).level


def test_vital_signs_are_compared_with_those_before_the_dose_that_runs(protocol: Protocol):
    first, second = Run(start_minute=1000, end_minute=1300), Run(start_minute=3000, end_minute=3300)

    # A fall by 30 in the second dose, which against the shock before the first would be no fall at all.
    assert vital_signs(protocol, 110, 3015, first, second) is Level.CRITICAL
    assert vital_signs(protocol, 110, 3015, first) is Level.NORMAL
    assert vital_signs(protocol, 139, 3400, first, second) is Level.NORMAL
    # Before any product a set is what later ones are compared with.
    assert vital_signs(protocol, 110, 1000, first, second) is Level.NORMAL


def test_vital_signs_of_doses_that_run_together_are_judged_by_the_larger_change(protocol: Protocol):
    long, open_ended = Run(start_minute=1000, end_minute=3100), Run(start_minute=1000)
    second = Run(start_minute=3000, end_minute=3300)

    assert vital_signs(protocol, 131, 3015, second) is Level.NORMAL
    # 9 below the set before the second dose, 31 above that before the first, which runs still.
    assert vital_signs(protocol, 131, 3015, long, second) is Level.ALERT
    assert vital_signs(protocol, 131, 3015, open_ended, second) is Level.ALERT
    assert vital_signs(protocol, 110, 3015, long, second) is Level.CRITICAL


def test_oxygen_is_newly_needed_when_one_of_the_doses_began_without_it(protocol: Protocol):
    earlier = (
        Result(minute=950, values={**NORMAL_VITALS, "on_oxygen": False}),
        Result(minute=1050, values={**NORMAL_VITALS, "on_oxygen": True}),
    )
    runs = (Run(start_minute=1000, end_minute=1300), Run(start_minute=1100))
    now = Result(minute=1200, values={**NORMAL_VITALS, "on_oxygen": True})

    def newly(*runs: Run) -> object:
        return derive(now, Background(facts=KNOWN, earlier=earlier, runs=runs)).get("oxygen_newly_needed")

    assert newly(*runs) is True
    assert newly(runs[1]) is False
    assert newly(Run(start_minute=900)) is None


def creatinine(protocol: Protocol, baseline: str, current: str, hours: int) -> tuple[object, Level]:
    values = {"creatinine_umol_per_l": D(baseline) * D("88.4")}
    result = Result(minute=1000 + hours * HOUR, values={"creatinine_umol_per_l": D(current) * D("88.4")})
    background = Background(facts=KNOWN, earlier=(Result(minute=1000, values=values),), start_minute=1000)
    judgement = judge(protocol, "CREATININE", result, background)
    return judgement.derived.get("kdigo_stage"), judgement.level


@pytest.mark.parametrize(
    ("baseline", "current", "hours", "stage", "level"),
    [
        ("0.9", "1.1", 24, 0, Level.NORMAL),
        ("0.9", "1.2", 40, 1, Level.ALERT),
        ("0.9", "1.2", 60, 0, Level.NORMAL),
        ("0.9", "1.9", 48, 2, Level.CRITICAL),
        ("1.0", "3.0", 48, 3, Level.CRITICAL),
        ("2.6", "4.1", 120, 3, Level.CRITICAL),
        ("3.9", "4.0", 24, 0, Level.NORMAL),
        ("1.0", "1.4", 200, None, Level.NOT_JUDGED),
        ("1.0", "1.5", 200, None, Level.ALERT),
        ("1.0", "2.0", 200, None, Level.CRITICAL),
    ],
)
def test_creatinine_gets_the_kdigo_stage_of_the_published_vectors(
    protocol: Protocol, baseline: str, current: str, hours: int, stage: int | None, level: Level
):
    # Beyond seven days only the ratio to the baseline speaks.
    assert creatinine(protocol, baseline, current, hours) == (stage, level)


def test_worst_stage_counts_when_a_recent_value_says_more_than_the_baseline(protocol: Protocol):
    earlier = (
        Result(minute=1000, values={"creatinine_umol_per_l": D(100)}),
        Result(minute=1000 + 30 * HOUR, values={"creatinine_umol_per_l": D(70)}),
    )

    assert judged(protocol, "CREATININE", {"creatinine_umol_per_l": D(104)}, *earlier) is Level.ALERT
    assert (
        judged(protocol, "CREATININE", {"creatinine_umol_per_l": D(90), "renal_replacement": True})
        is Level.CRITICAL
    )


def test_high_creatinine_before_treatment_follows_the_estimated_filtration(protocol: Protocol):
    assert judged(protocol, "RENAL_BEFORE", {"creatinine_umol_per_l": D(80)}) is Level.NORMAL
    assert judged(protocol, "RENAL_BEFORE", {"creatinine_umol_per_l": D(150)}) is Level.ALERT
    assert judged(protocol, "RENAL_BEFORE", {"creatinine_umol_per_l": D(300)}) is Level.CRITICAL
    unknown = judged(protocol, "RENAL_BEFORE", {"creatinine_umol_per_l": D(80)}, sex=UNKNOWN)
    assert unknown is Level.NOT_JUDGED
    assert (
        judged(protocol, "RENAL_BEFORE", {"creatinine_umol_per_l": D(80)}, age_years=10) is Level.NOT_JUDGED
    )


def urine(ml: int, hours: str) -> dict[str, object]:
    return {"urine_ml": ml, "urine_hours": D(hours)}


@pytest.mark.parametrize(
    ("now", "before", "gap", "level"),
    [
        (urine(210, "6"), None, 0, Level.NORMAL),
        (urine(209, "6"), None, 0, Level.ALERT),
        (urine(100, "3"), None, 0, Level.NOT_JUDGED),
        (urine(200, "6"), urine(200, "6"), 0, Level.CRITICAL),
        (urine(200, "6"), urine(200, "6"), 300, Level.ALERT),
        (urine(0, "6"), urine(0, "6"), 0, Level.CRITICAL),
    ],
)
def test_urine_output_adds_up_over_unbroken_stretches(
    protocol: Protocol, now: dict[str, object], before: dict[str, object] | None, gap: int, level: Level
):
    minute = 1000 + 48 * HOUR - 6 * HOUR - gap
    earlier = () if before is None else (Result(minute=minute, values=before),)

    assert (
        judged(protocol, "URINE", now, *earlier, Result(minute=900, values={"who_bleeding_grade": 1}))
        is level
    )


def test_urine_output_without_a_weight_cannot_be_judged(protocol: Protocol):
    background = Background(facts={}, start_minute=1000)

    assert (
        judge(protocol, "URINE", Result(minute=1100, values=urine(500, "6")), background).level
        is Level.NOT_JUDGED
    )


@pytest.mark.parametrize(
    ("before", "now", "facts", "level"),
    [
        ("120", "111", {}, Level.NORMAL),
        ("120", "110", {}, Level.ALERT),
        ("120", "101", {}, Level.ALERT),
        ("120", "100", {}, Level.CRITICAL),
        ("75", "69", {}, Level.CRITICAL),
        ("82", "79", {}, Level.NORMAL),
        ("82", "79", {"overload_risk_factors": ("heart_failure",)}, Level.CRITICAL),
        ("82", "79", {"thrombosis_risk_factors": ("cardiovascular",)}, Level.CRITICAL),
        ("82", "79", {"thrombosis_risk_factors": UNKNOWN}, Level.NOT_JUDGED),
    ],
)
def test_haemoglobin_is_judged_by_its_fall_its_level_and_the_heart(
    protocol: Protocol, before: str, now: str, facts: dict[str, object], level: Level
):
    baseline = Result(minute=900, values={"haemoglobin_g_per_l": D(before)})
    values = {"haemoglobin_g_per_l": D(now), "dark_urine": False}
    known = {key: value for key, value in facts.items() if value is not UNKNOWN}
    background_facts = {
        key: value for key, value in {**KNOWN, **known}.items() if facts.get(key) is not UNKNOWN
    }
    background = Background(facts=background_facts, earlier=(baseline,), start_minute=1000)

    judgement = judge(protocol, "HAEMOGLOBIN", Result(minute=1000 + 48 * HOUR, values=values), background)

    assert judgement.level is level
    if level is Level.ALERT:
        assert set(judgement.follow_ups) == {"HAE-SCREEN", "HAE-AGAIN", "HAE-03"}
        assert judgement.holds == (OrderKind.IVIG,)
        assert judgement.reasons == ("haemoglobin_fall_g_per_l",)


def test_haemoglobin_without_a_baseline_is_not_called_normal(protocol: Protocol):
    values = {"haemoglobin_g_per_l": D(120), "dark_urine": False}

    assert judged(protocol, "HAEMOGLOBIN", values) is Level.NOT_JUDGED


def test_haemolysis_by_the_case_definition_is_an_alert_and_a_positive_test_alone_is_not(protocol: Protocol):
    baseline = Result(minute=900, values={"haemoglobin_g_per_l": D(120)})
    signs = {"reticulocytes_raised": True, "ldh_raised": True, "bilirubin_raised": False, "dark_urine": False}
    panel = {"haemoglobin_g_per_l": D(118), "dat_positive": True, "no_other_cause": True, **signs}

    assert judged(protocol, "HAEMOLYSIS", panel, baseline) is Level.NORMAL
    assert judged(protocol, "HAEMOLYSIS", {**panel, "haemoglobin_g_per_l": D(109)}, baseline) is Level.ALERT


def test_case_definition_of_haemolysis_needs_fall_time_test_and_two_signs():
    whole: dict[str, object] = {
        "fall_g_per_l": D(10),
        "hours_after_ivig": D(240),
        "dat_positive": True,
        "signs": (True, True, False),
        "no_other_cause": True,
    }

    assert is_ivig_haemolysis(**whole) is True  # type: ignore[arg-type]
    failing: tuple[dict[str, object], ...] = (
        {"fall_g_per_l": D("9.9")},
        {"hours_after_ivig": D(241)},
        {"dat_positive": False},
        {"signs": (True, False, False)},
        {"no_other_cause": False},
    )
    for change in failing:
        assert is_ivig_haemolysis(**whole | change) is False  # type: ignore[arg-type]
    unsettled: tuple[dict[str, object], ...] = (
        {"fall_g_per_l": UNKNOWN},
        {"hours_after_ivig": UNKNOWN},
        {"signs": (True, UNKNOWN, False)},
    )
    for change in unsettled:
        assert is_ivig_haemolysis(**whole | change) is UNKNOWN  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"pf_ratio": 301, "saturation_percent": 89}, True),
        ({"pf_ratio": 301, "saturation_percent": 95, "on_oxygen": False}, False),
        ({"pf_ratio": 301, "saturation_percent": 95, "on_oxygen": True}, False),
        ({"pf_ratio": UNKNOWN, "saturation_percent": 95, "on_oxygen": True}, UNKNOWN),
        ({"pf_ratio": UNKNOWN, "saturation_percent": UNKNOWN}, UNKNOWN),
        ({"bilateral_oedema": False}, False),
        ({"left_atrial_hypertension": True}, False),
        ({"left_atrial_hypertension": UNKNOWN}, UNKNOWN),
        ({"hours_after_product": D("6.1")}, False),
        ({"hours_after_product": UNKNOWN}, UNKNOWN),
    ],
)
def test_acute_lung_injury_by_its_published_criteria(changes: dict[str, object], expected: object):
    values: dict[str, object] = {
        "pf_ratio": 300,
        "saturation_percent": UNKNOWN,
        "on_oxygen": UNKNOWN,
        "bilateral_oedema": True,
        "left_atrial_hypertension": False,
        "hours_after_product": D(6),
    }

    assert is_trali(**values | changes) is expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("signs", "hours", "expected"),
    [
        (("respiratory_distress", "fluid_overload", "natriuretic_peptide"), D(12), True),
        (("respiratory_distress", "fluid_overload", "natriuretic_peptide"), D(13), False),
        (("respiratory_distress", "fluid_overload"), D(2), False),
        (("cardiovascular_change", "fluid_overload", "natriuretic_peptide"), D(2), False),
        (UNKNOWN, D(2), UNKNOWN),
        (("respiratory_distress", "fluid_overload", "natriuretic_peptide"), UNKNOWN, UNKNOWN),
    ],
)
def test_circulatory_overload_by_its_published_criteria(signs: object, hours: object, expected: object):
    assert is_taco(overload_signs=signs, hours_after_product=hours) is expected  # type: ignore[arg-type]


MENINGITIS = [
    (3, (), False, Level.NORMAL),
    (4, (), False, Level.ALERT),
    (0, ("fever",), False, Level.ALERT),
    (7, (), False, Level.CRITICAL),
    (2, ("fever", "stiff_neck"), False, Level.CRITICAL),
    (0, (), True, Level.CRITICAL),
]


@pytest.mark.parametrize(("score", "signs", "drowsy", "level"), MENINGITIS)
def test_meningitis_signs(protocol: Protocol, score: int, signs: tuple[str, ...], drowsy: bool, level: Level):
    values = {"headache_score": score, "meningitis_signs": signs, "drowsy": drowsy, "focal_sign": False}

    assert judged(protocol, "MENINGITIS", values) is level


LUNGS = {
    "oxygen_saturation_percent": 97,
    "respiratory_rate_per_min": 16,
    "new_crackles": False,
    "pink_sputum": False,
}


@pytest.mark.parametrize(
    ("rule", "values", "level"),
    [
        ("LUNGS", LUNGS, Level.NORMAL),
        ("LUNGS", {**LUNGS, "new_crackles": True}, Level.ALERT),
        ("LUNGS", {**LUNGS, "positive_balance_ml": 1500}, Level.NORMAL),
        ("LUNGS", {**LUNGS, "positive_balance_ml": 1501}, Level.ALERT),
        ("LUNGS", {**LUNGS, "pf_ratio": 300}, Level.CRITICAL),
        ("LUNGS", {**LUNGS, "pink_sputum": True}, Level.CRITICAL),
        (
            "LUNG_WORKUP",
            {
                "hours_after_product": D(3),
                "overload_signs": ("respiratory_distress", "pulmonary_oedema", "fluid_overload"),
                "bilateral_oedema": True,
            },
            Level.CRITICAL,
        ),
        ("THROMBOSIS", {"thrombosis_signs": ()}, Level.NORMAL),
        ("THROMBOSIS", {"thrombosis_signs": ("speech",)}, Level.CRITICAL),
        ("GLUCOSE", {"glucose_mmol_per_l": D("11.0")}, Level.NORMAL),
        ("GLUCOSE", {"glucose_mmol_per_l": D("11.1")}, Level.ALERT),
        ("GLUCOSE", {"glucose_mmol_per_l": D("16.7")}, Level.CRITICAL),
        ("GLUCOSE", {"glucose_mmol_per_l": D("6"), "ketones": True}, Level.CRITICAL),
        ("STEROID_BP", {"systolic_mmhg": 159, "diastolic_mmhg": 99}, Level.NORMAL),
        ("STEROID_BP", {"systolic_mmhg": 160, "diastolic_mmhg": 80}, Level.ALERT),
        ("POTASSIUM", {"potassium_mmol_per_l": D("3.4")}, Level.ALERT),
        ("POTASSIUM", {"potassium_mmol_per_l": D("4")}, Level.NORMAL),
        ("COUNT", {"platelets_per_ul": 3000}, Level.NORMAL),
        # Nobody has said which count is asked for.
        ("COUNT_AFTER_PLATELETS", {"platelets_per_ul": 3000}, Level.NOT_JUDGED),
        ("COUNT_24H", {"platelets_per_ul": 49_999}, Level.ALERT),
        ("COUNT_24H", {"platelets_per_ul": 50_000}, Level.NORMAL),
        ("BLEEDING", {"who_bleeding_grade": 3}, Level.CRITICAL),
        ("BLEEDING", {"who_bleeding_grade": 1}, Level.NOT_JUDGED),
    ],
)
def test_other_results_are_judged_by_hand_written_limits(
    protocol: Protocol, rule: str, values: dict[str, object], level: Level
):
    assert judged(protocol, rule, values) is level


def test_bleeding_that_steps_up_is_an_alert(protocol: Protocol):
    before = Result(minute=900, values={"who_bleeding_grade": 1})

    assert judged(protocol, "BLEEDING", {"who_bleeding_grade": 2}, before) is Level.ALERT
    assert judged(protocol, "BLEEDING", {"who_bleeding_grade": 1}, before) is Level.NORMAL
    assert judged(protocol, "BLEEDING", {"who_bleeding_grade": 2}, who_bleeding_grade=1) is Level.ALERT


def test_fall_of_haemoglobin_is_told_from_its_highest_after_red_cells_too(protocol: Protocol):
    before = Result(minute=900, values={"haemoglobin_g_per_l": D(75)})
    transfused = Result(minute=1500, values={"haemoglobin_g_per_l": D(101)})
    now = {"haemoglobin_g_per_l": D(81), "dark_urine": False}

    assert judged(protocol, "HAEMOGLOBIN", now, before) is Level.NORMAL
    assert judged(protocol, "HAEMOGLOBIN", now, before, transfused) is Level.CRITICAL
    assert judged(protocol, "HAEMOGLOBIN", now, transfused) is Level.NOT_JUDGED


def counted(protocol: Protocol, rule: str, count: int, *units: Run) -> Level:
    counts = [(900, 10_000), (1100, 120_000), (2000, 60_000)]
    earlier = tuple(Result(minute=minute, values={"platelets_per_ul": each}) for minute, each in counts)
    background = Background(facts=KNOWN, earlier=earlier, start_minute=1000, units=units)
    return judge(protocol, rule, Result(minute=5000, values={"platelets_per_ul": count}), background).level


@pytest.mark.hazard("H24")
def test_count_that_platelets_lifted_is_no_peak_and_never_normal(protocol: Protocol):
    long_ago, just_now, runs = (
        Run(start_minute=1020, end_minute=1050),
        Run(start_minute=4000, end_minute=4100),
        Run(start_minute=4900),
    )

    # Half of the lifted 120,000 is no loss; half of the patient's own is.
    assert counted(protocol, "COUNT_LATE", 55_000) is Level.ALERT
    assert counted(protocol, "COUNT_LATE", 55_000, long_ago) is Level.NORMAL
    for rule in ("COUNT_24H", "COUNT_DAY_4", "COUNT_LATE"):
        assert counted(protocol, rule, 62_000, long_ago) is Level.NORMAL
        assert counted(protocol, rule, 62_000, long_ago, just_now) is Level.NOT_JUDGED
        assert counted(protocol, rule, 62_000, long_ago, runs) is Level.NOT_JUDGED
        assert counted(protocol, rule, 12_000, long_ago, just_now) is Level.ALERT


@pytest.mark.parametrize(
    ("targets", "count", "level"),
    [
        ((), 3_000, Level.NORMAL),
        ((30_000, 70_000), 69_999, Level.ALERT),
        ((70_000, 30_000), 70_000, Level.NORMAL),
        ((30_000,), 29_999, Level.ALERT),
        (UNKNOWN, 500_000, Level.NOT_JUDGED),
    ],
)
def test_count_after_platelets_is_held_against_every_target(
    protocol: Protocol, targets: Any, count: int, level: Level
):
    background = Background(facts=KNOWN, start_minute=1000, targets=targets)
    result = Result(minute=5000, values={"platelets_per_ul": count})

    found = judge(protocol, "COUNT_AFTER_PLATELETS", result, background)

    assert found.level is level
    if level is Level.ALERT:
        assert "next platelet dose" in found.action
        assert "ABO-compatible, fresh unit" in found.action


@pytest.mark.parametrize(("count", "level"), [(74_999, Level.ALERT), (75_000, Level.NORMAL)])
def test_count_at_24_hours_is_held_against_the_target_of_the_procedure(
    protocol: Protocol, count: int, level: Level
):
    facts = {**KNOWN, "branch": "SURGERY_COMBINED"}
    background = Background(facts=facts, start_minute=1000, targets=(75_000,))

    found = judge(protocol, "COUNT_24H", Result(minute=5000, values={"platelets_per_ul": count}), background)

    assert found.level is level


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"temperature_c": D("41.9")}, ()),
        ({"temperature_c": D("42.0")}, ("fever_or_sepsis",)),
        ({"meningitis_signs": ("fever",)}, ("fever_or_sepsis",)),
        ({"meningitis_signs": ("vomiting",)}, ()),
        ({}, ()),
    ],
)
def test_fever_is_told_by_a_temperature_or_by_whoever_saw_it(values: dict[str, Any], told: tuple[str, ...]):
    protocol = sound_protocol(parameters=(parameter("fever_from_c", "42"),))

    assert risk_factors_told(protocol, Result(minute=10, values=values)) == told


def test_temperature_is_no_fever_where_nobody_says_from_when():
    hot = Result(minute=10, values={"temperature_c": D(60)})

    assert risk_factors_told(sound_protocol(parameters=()), hot) == ()


def test_count_after_platelets_is_never_own_where_nobody_says_how_long_they_lift_it():
    count = Result(minute=90_000, values={"platelets_per_ul": 62_000})
    background = Background(facts={}, start_minute=1000, units=(Run(start_minute=1, end_minute=2),))

    assert "own_platelets_per_ul" not in derive(count, background)
    assert derive(count, background, influenced_hours=D(24))["own_platelets_per_ul"] == 62_000


def test_count_is_compared_with_its_baseline_and_its_peak(protocol: Protocol):
    counts = [(900, 10_000), (2000, 100_000), (2500, 80_000)]
    earlier = [Result(minute=minute, values={"platelets_per_ul": count}) for minute, count in counts]

    assert judged(protocol, "COUNT_LATE", {"platelets_per_ul": 50_000}, *earlier) is Level.NORMAL
    assert judged(protocol, "COUNT_LATE", {"platelets_per_ul": 49_000}, *earlier) is Level.ALERT
    assert judged(protocol, "COUNT_DAY_4", {"platelets_per_ul": 29_000}, earlier[0]) is Level.ALERT
    assert judged(protocol, "COUNT_DAY_4", {"platelets_per_ul": 31_000}, earlier[0]) is Level.NORMAL


def test_without_a_start_the_first_value_is_the_baseline(
    protocol: Protocol,
):
    earlier = (
        Result(minute=10, values={"platelets_per_ul": 10_000}),
        Result(minute=20, values=NORMAL_VITALS),
    )
    background = Background(facts=KNOWN, earlier=earlier, start_minute=None)

    count = judge(protocol, "COUNT", Result(minute=50, values={"platelets_per_ul": 25_000}), background)
    vitals = judge(
        protocol, "VITALS", Result(minute=50, values={**NORMAL_VITALS, "on_oxygen": True}), background
    )
    first = judge(
        protocol,
        "VITALS",
        Result(minute=5, values={**NORMAL_VITALS, "on_oxygen": True}),
        Background(facts=KNOWN, start_minute=None),
    )

    assert count.derived["platelet_rise_per_ul"] == 15_000
    assert vitals.level is Level.CRITICAL
    assert "oxygen_newly_needed" not in first.derived
