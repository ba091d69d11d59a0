"""Checks are made, moved, done, declined and ended; results are judged, corrected and taken on."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, transaction
from django.urls import reverse
from django.utils import timezone

from ivigsite.audit.models import AuditEntry
from ivigsite.encounters.actions import close_encounter
from ivigsite.encounters.models import Encounter
from ivigsite.monitoring import actions
from ivigsite.monitoring.actions import Entered, set_anchor
from ivigsite.monitoring.board import START_OPEN, board_checks
from ivigsite.monitoring.models import Cause, MonitoringPlan, MonitoringTask, Observation
from ivigsite.monitoring.reassessment import changed_facts, encounters_with_changed_facts
from ivigsite.monitoring.selectors import held_by
from protocols.engine import lookup
from protocols.engine.monitoring import Status
from protocols.mapping import SealBroken, load_protocol_value
from tests.monitoring.ward import Ward, build_ward, enter, order_on
from tests.scenario import assess

pytestmark = [pytest.mark.django_db, pytest.mark.hazard("H21")]

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
MENINGITIS = {"headache_score": 0, "meningitis_signs": ("fever",), "drowsy": False, "focal_sign": False}
AKI = {"creatinine_umol_per_l": Decimal(200)}


def test_signing_makes_each_check_at_its_time_and_missed_ones_collapse_into_one(ward: Ward):
    now = timezone.now()

    assert ward.task("REN-03").due_at == ward.start + 48 * HOUR
    assert ward.task("VIT-04", 2).due_at == ward.start + 3 * HOUR
    assert ward.task("THR-06").due_at is None
    for kind in ("creatinine", "vital_signs", "count", "thrombosis"):
        current = MonitoringTask.objects.current(now).filter(kind=kind)
        assert current.count() == 1, kind
    assert ward.task("VIT-02").status(now) is Status.MISSED
    assert ward.task("REN-03").status(now) is Status.DUE
    assert ward.task("REN-05").status(now) is Status.PLANNED


def test_true_times_move_the_checks_of_their_treatment_and_end_what_no_longer_fits(ward: Ward):
    late, end = ward.start + 2 * HOUR, ward.start + 3.5 * HOUR
    set_anchor(order_set_id=ward.order_set_id, name="T0", true_at=late, by=ward.site.nurse, at=timezone.now())

    assert ward.task("REN-03").due_at == late + 48 * HOUR
    assert ward.task("VIT-05").due_at == late + 5 * HOUR
    assert ward.task("STE-04").due_at == ward.start + 48 * HOUR

    set_anchor(
        order_set_id=ward.order_set_id,
        name="TE",
        true_at=late + 1.5 * HOUR,
        by=ward.site.nurse,
        at=timezone.now(),
    )

    assert ward.task("VIT-05").due_at == end
    ended = MonitoringTask.objects.filter(item="VIT-04", closed_as="ended")
    assert ended.exists()
    assert {task.close_reason for task in ended} == {actions.NO_LONGER_DUE}
    with pytest.raises(actions.FromTheFuture):
        set_anchor(
            order_set_id=ward.order_set_id,
            name="TE",
            true_at=timezone.now() + HOUR,
            by=ward.site.nurse,
            at=timezone.now(),
        )


def test_check_counted_from_a_start_that_nobody_noted_waits_and_asks_for_the_start(db: None):
    ward = build_ward(hours_ago=2)
    now, clerk = timezone.now(), ward.client()
    kinds = MonitoringTask.objects.current(now).values_list("kind", flat=True)

    # What comes before the start stays to be done; nothing after it replaces it or is overdue.
    assert ward.task("VIT-01").status(now) is Status.DUE
    assert ward.task("PLT-01").status(now) is Status.DUE
    for item in ("VIT-02", "VIT-03", "THR-01", "PUL-01", "PUL-01-PE"):
        assert ward.task(item).status(now) is Status.WAITING
    assert sorted(kinds).count("vital_signs") == 1
    # Bleeding and counts are watched whether or not a start is noted.
    assert ward.task("BLD-01").waits_until is None
    assert ward.task("PLT-10").waits_until is None
    assert board_checks(ward.site.nurse, at=now)[ward.site.encounter.pk].is_start_open
    checklist = clerk.get(reverse("checklist", args=[ward.site.encounter.pk]))
    assert [start.kind for start in checklist.context["checklist"].not_begun] == [
        "immunoglobulin",
        "platelets",
    ]
    assert reverse("infusion", args=[ward.order_set_id]) in checklist.content.decode()
    assert "Start not noted" in clerk.get(reverse("board")).content.decode()
    assert START_OPEN in clerk.get(reverse("handover")).content.decode()

    began = now - 10 * timedelta(minutes=1)
    set_anchor(order_set_id=ward.order_set_id, name="T0", true_at=began, by=ward.site.nurse, at=now)

    assert ward.task("VIT-02").status(began + timedelta(minutes=15)) is Status.DUE
    assert ward.task("VIT-01").status(began + timedelta(minutes=15)) is Status.MISSED
    assert ward.task("PUL-01-PE").status(now) is Status.WAITING


def test_check_does_not_wait_for_a_start_for_ever(ward: Ward):
    # 50 hours ago, when an order set may be begun for 24: it may have been given, and nobody noted it.
    day = ward.start + 24 * HOUR

    assert ward.task("AMS-01").status(day - timedelta(minutes=1)) is Status.WAITING
    assert ward.task("AMS-01").status(day) is not Status.WAITING
    assert ward.task("REN-03").status(timezone.now()) is Status.DUE
    assert ward.task("VIT-01").overdue_at == day


def test_discharge_gives_the_checks_that_waited_for_it_their_time(ward: Ward):
    at = timezone.now()
    set_anchor(order_set_id=ward.order_set_id, name="DC", true_at=at, by=ward.site.physician, at=at)

    due_at = ward.task("THR-06").due_at
    assert due_at is not None
    assert abs(due_at - at) < timedelta(minutes=1)


def test_rise_of_creatinine_holds_the_next_dose_and_makes_what_it_asks_for(ward: Ward):
    task = ward.task("REN-03")
    observation = enter(ward, "CREATININE", AKI, ward.start + 48 * HOUR, task)

    task.refresh_from_db()
    assert (task.closed_as, task.closed_by) == ("done", ward.site.nurse)
    assert observation.level == "critical"
    assert observation.derived["kdigo_stage"] == 2
    assert "nephrology" in observation.action
    asked = MonitoringTask.objects.filter(cause="follow_up", cause_id=observation.pk)
    assert {task.item for task in asked} == {"REN-AGAIN", "HAE-SCREEN", "REN-06"}
    assert held_by(ward.site.encounter) == {"ivig": observation}
    assert ward.task("REN-06").due_at == ward.start + 10 * 24 * HOUR

    actions.acknowledge(observation=observation, comment="", by=ward.site.nurse, at=timezone.now())
    again = actions.acknowledge(
        observation=observation, comment="", by=ward.site.physician, at=timezone.now()
    )
    assert again.by == ward.site.nurse
    assert not Observation.objects.unacknowledged().exists()
    assert held_by(ward.site.encounter)

    actions.release_hold(observation=observation, reason="Agreed", by=ward.site.physician, at=timezone.now())
    assert held_by(ward.site.encounter) == {}


def test_vital_signs_of_a_later_dose_are_compared_with_those_before_it(ward: Ward):
    again = ward.start + 24 * HOUR
    order_on(ward.site, again, ward.assessment)
    signs = {
        "temperature_c": Decimal("36.8"),
        "heart_rate_per_min": 80,
        "respiratory_rate_per_min": 16,
        "oxygen_saturation_percent": 97,
        "on_oxygen": False,
        "rigors": False,
    }

    def systolic(mmhg: int, taken_at: datetime) -> str:
        return enter(ward, "VITALS", {**signs, "systolic_mmhg": mmhg}, taken_at).level

    minute = timedelta(minutes=1)
    assert systolic(100, ward.start - 5 * minute) == "normal"
    assert systolic(100, ward.start + 15 * minute) == "normal"
    systolic(140, again - 5 * minute)
    # No fall against the first dose, and one of 30 against this one.
    assert systolic(110, again + 15 * minute) == "critical"


def test_count_after_platelets_is_stored_as_not_judged_and_a_low_one_as_low(ward: Ward):
    later = ward.start + 24 * HOUR

    def level(per_ul: int, taken_at: datetime) -> str:
        return enter(ward, "COUNT_24H", {"platelets_per_ul": per_ul}, taken_at).level

    assert level(62_000, later) == "normal"
    for name, true_at in (("P0", later - 3 * HOUR), ("PE", later - 2 * HOUR)):
        set_anchor(
            order_set_id=ward.order_set_id, name=name, true_at=true_at, by=ward.site.nurse, at=timezone.now()
        )
    assert level(62_000, later) == "not_judged"
    assert level(12_000, later) == "alert"


def test_correction_is_a_new_row_and_takes_back_what_the_wrong_one_asked_for(ward: Ward):
    wrong = enter(ward, "CREATININE", AKI, ward.start + 48 * HOUR, ward.task("REN-03"))
    right = actions.correct_observation(
        observation=wrong,
        entered=Entered(
            typed={}, values={"creatinine_umol_per_l": Decimal(82)}, taken_at=ward.start + 48 * HOUR
        ),
        reason="Wrong patient's sample",
        idempotency_key=uuid4(),
        by=ward.site.nurse,
        at=timezone.now(),
    )

    assert (right.level, right.replaces) == ("normal", wrong)
    assert held_by(ward.site.encounter) == {}
    open_follow_ups = MonitoringTask.objects.open().filter(cause="follow_up")
    assert not open_follow_ups.exists()
    assert set(Observation.objects.standing()) == {right}
    with pytest.raises(actions.AlreadyCorrected):
        actions.correct_observation(
            observation=wrong,
            entered=Entered(typed={}, values=AKI, taken_at=ward.start),
            reason="Again",
            idempotency_key=uuid4(),
            by=ward.site.nurse,
            at=timezone.now(),
        )


def test_result_is_stored_once_never_from_the_future_nor_before_it_counts(ward: Ward):
    key = uuid4()
    shared: dict[str, Any] = {"encounter": ward.site.encounter, "rule": "CREATININE", "by": ward.site.nurse}
    now = timezone.now()
    entered = Entered(typed={}, values=AKI, taken_at=now)

    first = actions.record_observation(**shared, entered=entered, idempotency_key=key, at=now)
    second = actions.record_observation(**shared, entered=entered, idempotency_key=key, at=now)

    assert first == second
    other = {**shared, "by": ward.site.physician}
    tomorrow = Entered(typed={}, values=AKI, taken_at=now + HOUR)
    with pytest.raises(actions.ResultKeyTaken):
        actions.record_observation(**other, entered=entered, idempotency_key=key, at=now)
    with pytest.raises(actions.FromTheFuture):
        actions.record_observation(**shared, entered=tomorrow, idempotency_key=uuid4(), at=now)
    with pytest.raises(actions.TooEarly) as early:
        enter(ward, "CREATININE", AKI, ward.start + 6 * HOUR, ward.task("REN-05"))
    assert early.value.counts_from == ward.start + 5 * 24 * HOUR


def test_declined_check_keeps_its_reason_and_is_not_declined_twice(ward: Ward):
    task = actions.decline_task(
        task=ward.task("AMS-03"), reason="Asleep", by=ward.site.nurse, at=timezone.now()
    )

    assert (task.closed_as, task.close_reason) == ("declined", "Asleep")
    with pytest.raises(actions.NotOpen):
        actions.decline_task(task=task, reason="Again", by=ward.site.nurse, at=timezone.now())
    with pytest.raises(actions.NotOpen):
        enter(ward, "MENINGITIS", {}, timezone.now(), task)
    assert AuditEntry.objects.filter(action="task.declined").count() == 1


def test_void_orders_end_their_checks_unless_the_treatment_has_truly_begun(ward: Ward):
    at = timezone.now()
    set_anchor(order_set_id=ward.order_set_id, name="T0", true_at=ward.start, by=ward.site.nurse, at=at)
    actions.end_tasks(order_set_id=ward.order_set_id, reason="Void", by=ward.site.physician, at=at)

    assert ward.task("REN-05").is_open
    assert ward.task("PLT-06").is_open
    assert ward.task("STE-04").close_reason == "Void"
    assert ward.task("PUL-01-PE").close_reason == "Void"
    assert actions.end_tasks(order_set_id=uuid4(), reason="Void", by=ward.site.physician, at=at) == 0


def test_checks_go_on_when_nobody_can_tell_which_belong_to_what_has_begun(
    ward: Ward, monkeypatch: pytest.MonkeyPatch
):
    at = timezone.now()
    actions.set_anchor(
        order_set_id=ward.order_set_id, name="T0", true_at=ward.start, by=ward.site.nurse, at=at
    )
    before = MonitoringTask.objects.open().count()

    def broken(version: Any) -> Any:
        raise SealBroken(str(version))

    monkeypatch.setattr(actions, "load_protocol_value", broken)

    assert actions.end_tasks(order_set_id=ward.order_set_id, reason="Void", by=ward.site.nurse, at=at) == 0
    assert MonitoringTask.objects.open().count() == before


def test_checks_of_what_has_not_begun_end_even_while_the_protocol_cannot_be_read(
    ward: Ward, monkeypatch: pytest.MonkeyPatch
):
    def broken(version: Any) -> Any:
        raise SealBroken(str(version))

    monkeypatch.setattr(actions, "load_protocol_value", broken)

    actions.end_tasks(
        order_set_id=ward.order_set_id, reason="Void", by=ward.site.physician, at=timezone.now()
    )

    assert not MonitoringTask.objects.open().exists()


def test_closing_the_encounter_ends_every_check_with_the_reason(ward: Ward):
    encounter = Encounter.objects.get(pk=ward.site.encounter.pk)
    close_encounter(
        encounter=encounter,
        version=encounter.version,
        reason="Went home",
        by=ward.site.physician,
        at=timezone.now(),
    )

    assert not MonitoringTask.objects.open().exists()
    assert ward.task("REN-05").close_reason == "The encounter was closed: Went home"
    with pytest.raises(actions.EncounterIsClosed):
        enter(ward, "CREATININE", AKI, timezone.now())


def test_new_risk_of_a_reassessment_adds_its_checks(db: None):
    ward = build_ward(hours_ago=20)
    assert not MonitoringTask.objects.filter(item="REN-04").exists()

    assess(ward.site, renal_risk_factors=["diabetes"])

    added = ward.task("REN-04")
    assert (added.cause, added.due_at) == ("new_facts", ward.start + 72 * HOUR)
    assess(ward.site, renal_risk_factors=["diabetes"])
    assert MonitoringTask.objects.filter(item="REN-04").count() == 1
    # What is asked for more often at risk comes with the risk: urine on the second day, glucose by the clock.
    longer = MonitoringTask.objects.open().filter(item="REN-07-RISK").latest("due_at")
    assert longer.due_at == ward.start + 48 * HOUR
    assert MonitoringTask.objects.open().filter(item="STE-02-OFTEN", cause="new_facts").exists()
    # The half hours of an infusion that is over are not asked for any more.
    assert not MonitoringTask.objects.filter(item="VIT-04-RISK").exists()


def test_fever_first_seen_in_a_result_adds_its_check_at_once_and_once(db: None):
    ward = build_ward(bleeding_risk_factors=[])
    vitals = {
        "temperature_c": Decimal("37.9"),
        "heart_rate_per_min": 80,
        "systolic_mmhg": 120,
        "respiratory_rate_per_min": 14,
        "oxygen_saturation_percent": 98,
    }
    enter(ward, "VITALS", vitals, ward.start + 20 * HOUR)
    assert not MonitoringTask.objects.filter(item="LAB-01").exists()

    enter(ward, "VITALS", vitals | {"temperature_c": Decimal("38.0")}, ward.start + 30 * HOUR)

    added = ward.task("LAB-01")
    assert (added.cause, added.due_at) == ("new_facts", ward.start + 48 * HOUR)
    enter(ward, "MENINGITIS", MENINGITIS, ward.start + 31 * HOUR)
    assess(ward.site, bleeding_risk_factors=["fever_or_sepsis"])
    assert MonitoringTask.objects.filter(item="LAB-01").count() == 1


def test_corrected_fever_ends_the_check_that_nothing_else_asks_for(db: None):
    ward = build_ward(bleeding_risk_factors=[])
    vitals = {
        "heart_rate_per_min": 80,
        "systolic_mmhg": 120,
        "respiratory_rate_per_min": 14,
        "oxygen_saturation_percent": 98,
    }

    def measured(degrees: str, hours: int) -> Observation:
        return enter(ward, "VITALS", vitals | {"temperature_c": Decimal(degrees)}, ward.start + hours * HOUR)

    def corrected(wrong: Observation, degrees: str) -> Observation:
        return actions.correct_observation(
            observation=wrong,
            entered=Entered(
                typed={}, values=vitals | {"temperature_c": Decimal(degrees)}, taken_at=wrong.taken_at
            ),
            reason="Read from another chart",
            idempotency_key=uuid4(),
            by=ward.site.nurse,
            at=timezone.now(),
        )

    first, second = measured("38.4", 30), measured("38.6", 34)
    corrected(first, "36.9")
    assert ward.task("LAB-01").is_open

    still_hot = corrected(second, "38.1")
    assert ward.task("LAB-01").is_open

    corrected(still_hot, "37.1")
    ended = ward.task("LAB-01")
    assert (ended.closed_as, ended.close_reason) == ("ended", actions.RESULT_CORRECTED)
    assert ended.closed_by == ward.site.nurse
    assert "LAB-01" not in MonitoringPlan.objects.get().items

    again = measured("38.2", 36)
    assert MonitoringTask.objects.open().filter(item="LAB-01").count() == 1
    assert MonitoringTask.objects.filter(item="LAB-01").count() == 2

    # What an assessment asks for as well stays.
    assess(ward.site, bleeding_risk_factors=["fever_or_sepsis"])
    corrected(again, "37.0")
    assert MonitoringTask.objects.open().filter(item="LAB-01").count() == 1


def test_corrected_fever_leaves_the_check_of_orders_that_knew_of_it(db: None):
    ward = build_ward(bleeding_risk_factors=["fever_or_sepsis"])
    assess(ward.site, bleeding_risk_factors=[])
    hot = enter(ward, "MENINGITIS", MENINGITIS, ward.start + 31 * HOUR)

    actions.correct_observation(
        observation=hot,
        entered=Entered(typed={}, values=MENINGITIS | {"meningitis_signs": ()}, taken_at=hot.taken_at),
        reason="Read from another chart",
        idempotency_key=uuid4(),
        by=ward.site.nurse,
        at=timezone.now(),
    )

    assert ward.task("LAB-01").cause == "orders"
    assert ward.task("LAB-01").is_open


def test_check_that_stood_for_two_leaves_the_other_when_its_steps_do_not_come(db: None):
    ward = build_ward(hours_ago=0)
    for name in ("T0", "P0"):
        set_anchor(
            order_set_id=ward.order_set_id,
            name=name,
            true_at=ward.start,
            by=ward.site.nurse,
            at=timezone.now(),
        )
    tasks = MonitoringTask.objects.filter(encounter=ward.site.encounter)
    # The end of the platelets and the first step up fall on one minute: one look serves both.
    assert ward.task("VIT-03").due_at == ward.start + 0.5 * HOUR
    assert not tasks.filter(item="VIT-08-END").exists()

    actions.end_checks_of_anchor(
        order_set_id=ward.order_set_id,
        name="RI",
        after=0,
        until=2,
        reason=actions.NO_MORE_STEPS,
        by=ward.site.nurse,
        at=timezone.now(),
    )

    assert not tasks.open().filter(item="VIT-03").exists()
    look = ward.task("VIT-08-END")
    assert (look.due_at, look.closed_as, look.cause) == (ward.start + 0.5 * HOUR, "", "orders")
    assert look.next_due_at is not None
    # Times that move later leave it so, and it moves with its own.
    set_anchor(
        order_set_id=ward.order_set_id,
        name="P0",
        true_at=ward.start - 10 * MINUTE,
        by=ward.site.nurse,
        at=timezone.now(),
    )
    assert ward.task("VIT-08-END").due_at == ward.start + 20 * MINUTE
    assert not tasks.open().filter(item="VIT-03").exists()


def test_ended_orders_leave_the_checks_of_what_has_begun_and_of_that_alone(db: None):
    ward = build_ward(hours_ago=0)
    set_anchor(
        order_set_id=ward.order_set_id, name="P0", true_at=ward.start, by=ward.site.nurse, at=timezone.now()
    )
    tasks = MonitoringTask.objects.filter(encounter=ward.site.encounter)
    assert ward.task("VIT-02").is_open
    assert not tasks.filter(item__in=["VIT-08-15", "VIT-08-END", "VIT-08-BEFORE"]).exists()

    actions.end_tasks(
        order_set_id=ward.order_set_id, reason="Order set void", by=ward.site.physician, at=timezone.now()
    )

    assert ward.task("VIT-02").close_reason == "Order set void"
    assert ward.task("VIT-08-15").due_at == ward.start + 0.25 * HOUR
    assert ward.task("VIT-08-END").due_at == ward.start + 0.5 * HOUR
    rows = lookup.of(load_protocol_value(ward.site.version)).items
    left = {task.item for task in tasks.open()}
    assert all(not rows[item].kinds or "platelets" in rows[item].kinds for item in left)
    set_anchor(
        order_set_id=ward.order_set_id, name="PE", true_at=ward.start, by=ward.site.nurse, at=timezone.now()
    )
    assert {task.item for task in tasks.open()} == left


def test_promise_to_monitor_makes_a_check_of_its_own(ward: Ward):
    for text in ("Kidney risk accepted", "Overload risk accepted"):
        actions.add_check(
            encounter=ward.site.encounter,
            item=actions.PROMISED,
            cause=Cause.PROMISE,
            about=text,
            by=ward.site.physician,
            at=timezone.now(),
        )

    kinds = MonitoringTask.objects.filter(item="PROMISED").values_list("kind", flat=True)
    assert len(set(kinds)) == 2


def test_facts_have_changed_when_a_result_would_change_the_answer(ward: Ward):
    assert changed_facts(ward.site.encounter) == ()
    enter(ward, "COUNT", {"platelets_per_ul": 18_500}, timezone.now())
    assert changed_facts(ward.site.encounter) == ()
    assert encounters_with_changed_facts(ward.site.nurse) == frozenset()

    enter(ward, "COUNT", {"platelets_per_ul": 62_000}, timezone.now())

    assert encounters_with_changed_facts(ward.site.nurse) == {ward.site.encounter.pk}
    assert encounters_with_changed_facts(ward.site.elsewhere) == frozenset()
    (words,) = changed_facts(ward.site.encounter)
    assert "18" in words
    assert "62" in words
    assess(ward.site, platelets_per_ul=62_000)
    assert changed_facts(ward.site.encounter) == ()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE monitoring_observation SET level = 'normal'",
        "DELETE FROM monitoring_observation",
        "UPDATE monitoring_acknowledgement SET comment = 'x'",
        "DELETE FROM monitoring_holdrelease",
        "UPDATE monitoring_monitoringtask SET close_reason = 'x' WHERE closed_as = 'done'",
    ],
)
def test_results_and_what_was_done_of_them_cannot_be_rewritten_by_raw_sql(ward: Ward, statement: str):
    observation = enter(ward, "CREATININE", AKI, ward.start + 48 * HOUR, ward.task("REN-03"))
    actions.acknowledge(observation=observation, comment="", by=ward.site.nurse, at=timezone.now())
    actions.release_hold(observation=observation, reason="Yes", by=ward.site.physician, at=timezone.now())

    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
