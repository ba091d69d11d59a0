import html
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
import time_machine
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from ivigsite.audit.models import AuditEntry
from ivigsite.monitoring.actions import Entered, record_observation, release_hold
from ivigsite.monitoring.board import handover_lines
from ivigsite.monitoring.models import Anchor, MonitoringTask, Observation
from ivigsite.monitoring.reassessment import changed_facts, encounters_with_changed_facts
from ivigsite.orders.actions import void_order_set
from ivigsite.orders.administration import (
    Noted,
    NotGiven,
    SeenTooOld,
    Unit,
    Vials,
    note_event,
    note_unit,
    note_vials,
)
from ivigsite.orders.models import AdministrationEvent, GivenProduct, OrderLine, OrderSet
from ivigsite.orders.running import RunningDose, adrenaline_for, current_dose, protocol_of
from protocols.engine.course import Act, State
from tests.orders.course import entered
from tests.orders.test_signing import check, choices
from tests.scenario import Site, assess, person

pytestmark = pytest.mark.django_db

NORMAL = {
    "temperature_c": Decimal("36.8"),
    "heart_rate_per_min": 72,
    "systolic_mmhg": 124,
    "respiratory_rate_per_min": 14,
    "oxygen_saturation_percent": 98,
    "on_oxygen": False,
    "rigors": False,
}
BEFORE = {**NORMAL, "fluid_status": "balanced"}
del BEFORE["rigors"]


@pytest.fixture
def order_set(shared_order_set: UUID, db: None) -> OrderSet:
    return OrderSet.objects.select_related("encounter__patient", "assessment").get(pk=shared_order_set)


@pytest.fixture
def line(order_set: OrderSet) -> OrderLine:
    return OrderLine.objects.select_related("order_set__encounter").get(order_set=order_set, kind="ivig")


class Bedside:
    """One dose told act by act, by a clock that the test moves: `at` is the moment of entry."""

    def __init__(self, line: OrderLine, site: Site, number: int = 1) -> None:
        self.line, self.site, self.number = line, site, number
        self.start = line.order_set.signed_at.replace(second=0, microsecond=0) + timedelta(minutes=3)

    def at(self, minute: int) -> Any:
        return self.start + timedelta(minutes=minute)

    @property
    def dose(self) -> RunningDose:
        return current_dose(self.line, protocol=protocol_of(self.line), at=self.at(0))

    def note(self, act: Act, minute: int, **told: Any) -> AdministrationEvent:
        key = told.pop("key", None) or uuid4()
        seen = told.pop("seen", None)
        return note_event(
            line=self.line,
            dose_number=self.number,
            noted=Noted(act=act, happened_at=self.at(minute), **told),
            seen=self.dose.entries if seen is None else seen,
            idempotency_key=key,
            by=self.site.nurse,
            at=self.at(minute + 1),
        )

    def signs(self, minute: int, **changes: Any) -> None:
        """Vital signs taken at a minute, for every check that waits for them."""
        tasks: list[Any] = self.dose.open_checks(self.at(minute)) or [None]
        for task in tasks:
            rule = task.rule if task else "VITALS"
            values = (BEFORE if rule == "VITALS_BEFORE" else NORMAL) | changes
            record_observation(
                encounter=self.line.order_set.encounter,
                rule=rule,
                entered=Entered(typed={}, values=values, taken_at=self.at(minute)),
                task=task,
                idempotency_key=uuid4(),
                by=self.site.nurse,
                at=self.at(minute),
            )


@pytest.fixture
def bedside(line: OrderLine, site: Site) -> Bedside:
    return Bedside(line, site)


def test_start_begins_at_the_first_rate_of_the_signed_plan(bedside: Bedside):
    event = bedside.note(Act.START, 0)

    plan = bedside.line.order_set.sheet_content.rate_plan
    assert plan is not None
    assert Decimal(event.ml_per_h) == plan.steps[0].ml_per_h
    assert bedside.dose.course.state is State.RUNNING


def test_true_start_moves_the_checks_that_count_from_it(bedside: Bedside):
    bedside.note(Act.START, 0)

    anchor = Anchor.objects.get(plan__order_set_id=bedside.line.order_set_id, name="T0", number=1)
    quarter = MonitoringTask.objects.get(item="VIT-02", anchor_number=1)
    assert anchor.true_at == bedside.start
    assert quarter.due_at == bedside.at(15)


def test_step_up_without_vital_signs_is_refused_and_with_a_reason_taken(bedside: Bedside):
    bedside.note(Act.START, 0)

    with pytest.raises(NotGiven, match="No vital signs"):
        bedside.note(Act.STEP_UP, 30)
    taken = bedside.note(Act.STEP_UP, 30, reason="physician")

    assert Decimal(taken.ml_per_h) == bedside.dose.planned_rates[1]


def test_step_up_after_normal_vital_signs_needs_no_reason_and_tells_monitoring(bedside: Bedside):
    bedside.signs(-2)
    bedside.note(Act.START, 0)
    bedside.signs(15)
    bedside.signs(29)

    bedside.note(Act.STEP_UP, 30)

    increase = Anchor.objects.get(plan__order_set_id=bedside.line.order_set_id, name="RI", number=1)
    assert increase.true_at == bedside.at(30)


@pytest.mark.parametrize(
    ("minute", "words"), [(30, "Still to enter"), (16, "whole step")], ids=["check open", "too early"]
)
def test_step_up_waits_for_the_check_and_the_time_of_its_step(bedside: Bedside, minute: int, words: str):
    bedside.signs(-2)
    bedside.note(Act.START, 0)
    bedside.signs(15)

    with pytest.raises(NotGiven, match=words):
        bedside.note(Act.STEP_UP, minute)


def test_step_up_after_an_alert_needs_a_reason(bedside: Bedside):
    bedside.signs(-2)
    bedside.note(Act.START, 0)
    bedside.signs(29, heart_rate_per_min=115)

    with pytest.raises(NotGiven, match="not normal"):
        bedside.note(Act.STEP_UP, 30)


def test_step_up_after_critical_vital_signs_is_refused_with_any_reason(bedside: Bedside):
    bedside.signs(-2)
    bedside.note(Act.START, 0)
    bedside.signs(29, systolic_mmhg=84)

    with pytest.raises(NotGiven, match="Do not step up"):
        bedside.note(Act.STEP_UP, 30, reason="physician")


@pytest.mark.hazard("H21")
def test_alert_of_the_checklist_stands_on_the_infusion_page_until_it_is_taken_on(
    bedside: Bedside, physician: Client
):
    bedside.signs(-2)
    bedside.note(Act.START, 0)
    page = reverse("infusion", args=[bedside.line.order_set_id])
    assert "What needs you now" not in physician.get(page).content.decode()

    bedside.signs(29, systolic_mmhg=84)

    alert = Observation.objects.unacknowledged()[0]
    shown = physician.get(page).content.decode()
    assert "What needs you now" in shown
    assert alert.action in html.unescape(shown)
    for each in Observation.objects.unacknowledged():
        physician.post(reverse("acknowledge", args=[each.pk]), {"comment": "At the bedside"})
    assert "What needs you now" not in physician.get(page).content.decode()


@pytest.mark.hazard("H21")
def test_result_that_holds_the_dose_keeps_what_runs_from_going_faster_or_on(
    bedside: Bedside, physician: Client
):
    bedside.signs(-2)
    bedside.note(Act.START, 0)
    bedside.signs(15)
    bedside.signs(29)
    entered(bedside.site, "THROMBOSIS", {"thrombosis_signs": ("speech",)}, bedside.at(29))

    with pytest.raises(NotGiven, match="A result holds it: Thrombosis signs, critical"):
        bedside.note(Act.STEP_UP, 30, reason="physician")
    bedside.note(Act.PAUSE, 31)
    with pytest.raises(NotGiven, match="A result holds it") as refused:
        bedside.note(Act.RESUME, 40)
    assert refused.value.field == "reason"
    shown = html.unescape(
        physician.get(reverse("infusion", args=[bedside.line.order_set_id])).content.decode()
    )
    assert "Nothing is started or made faster until a physician releases the hold" in shown

    bedside.note(Act.RESUME, 41, reason="physician")
    held = Observation.objects.holding().get()
    release_hold(observation=held, reason="Excluded", by=bedside.site.physician, at=bedside.at(42))
    bedside.signs(72)
    bedside.note(Act.STEP_UP, 73)


def test_alert_that_holds_the_dose_asks_for_a_reason_to_step_up(bedside: Bedside):
    bedside.signs(-2)
    bedside.note(Act.START, 0)
    bedside.signs(15)
    bedside.signs(29)
    meningitis = {"headache_score": 5, "meningitis_signs": (), "drowsy": False, "focal_sign": False}
    entered(bedside.site, "MENINGITIS", meningitis, bedside.at(29))

    with pytest.raises(NotGiven, match="A result holds it: Meningitis signs, alert"):
        bedside.note(Act.STEP_UP, 30)
    bedside.note(Act.STEP_UP, 30, reason="physician")


def ends_of(bedside: Bedside) -> Any:
    return Anchor.objects.get(plan__order_set_id=bedside.line.order_set_id, name="TE", number=1).at


def vital_signs_after(moment: Any) -> int:
    return MonitoringTask.objects.open().filter(item="VIT-04", due_at__gt=moment).count()


@pytest.mark.hazard("H21")
def test_infusion_that_goes_on_slower_is_watched_to_its_new_end(bedside: Bedside):
    bedside.note(Act.START, 0)
    planned = ends_of(bedside)
    bedside.note(Act.REACTION, 12, grade=2)
    assert ends_of(bedside) == planned

    bedside.note(Act.RESTART, 45)

    dose = bedside.dose
    assert dose.plan is not None
    in_by_12 = dose.planned_rates[0] * 12 / 60
    rate = Decimal(int(dose.planned_rates[0] / 2 * 10)) / 10
    left = int((dose.plan.volume_ml - in_by_12) / rate * 60)
    assert abs((ends_of(bedside) - bedside.at(45)).total_seconds() / 60 - left) <= 1
    # From the restart on it runs at its highest rate: a look each hour, from the first to the last.
    looks = MonitoringTask.objects.open().filter(item="VIT-04").order_by("due_at")
    assert looks[0].due_at == bedside.at(45 + 60)
    assert looks.count() == left // 60
    assert not MonitoringTask.objects.open().filter(item="VIT-03").exists()

    bedside.note(Act.FINISH, 300)
    assert vital_signs_after(bedside.at(300)) == 0


def test_looks_that_a_shorter_course_had_ended_come_back_with_a_longer_one(bedside: Bedside):
    bedside.note(Act.START, 0)
    bedside.note(Act.STEP_UP, 30, reason="physician")
    planned, planned_looks = ends_of(bedside), vital_signs_after(bedside.at(30))
    bedside.note(Act.SLOW, 40)
    slower, more_looks = ends_of(bedside), vital_signs_after(bedside.at(30))
    bedside.note(Act.STEP_UP, 75, reason="physician")
    assert planned < ends_of(bedside) < slower + timedelta(hours=1)
    bedside.note(Act.SLOW, 76)

    assert slower > planned
    assert more_looks >= planned_looks
    assert vital_signs_after(bedside.at(30)) >= more_looks - 1
    open_looks = MonitoringTask.objects.open().filter(item="VIT-04")
    assert open_looks.count() == open_looks.values("due_at").distinct().count()


def test_time_on_another_day_is_shown_with_its_date(bedside: Bedside, physician: Client):
    bedside.note(Act.START, 0)
    bedside.note(Act.REACTION, 12, grade=2)
    bedside.note(Act.RESTART, 45)
    end = timezone.localtime(bedside.dose.ends_at)

    page = physician.get(reverse("infusion", args=[bedside.line.order_set_id])).content.decode()

    assert f"{end.day} {end:%b}, {end:%H:}" in page


@pytest.mark.hazard("H05")
def test_infusion_page_has_no_field_for_a_rate(bedside: Bedside, physician: Client):
    page = physician.get(reverse("infusion", args=[bedside.line.order_set_id]))

    names = {name for shown in page.context["shown"] for name in shown.act_form.fields}
    assert names
    assert not {name for name in names if "rate" in name or "per_h" in name}


def test_grade_2_pauses_and_goes_on_at_half_the_rate_last_borne(bedside: Bedside):
    bedside.note(Act.START, 0)
    bedside.note(Act.STEP_UP, 30, reason="physician")
    bedside.note(Act.STEP_UP, 60, reason="physician")
    bedside.note(Act.REACTION, 70, grade=2)
    borne = bedside.dose.planned_rates[1]

    with pytest.raises(NotGiven, match="settled"):
        bedside.note(Act.RESTART, 80)
    again = bedside.note(Act.RESTART, 100)

    assert bedside.dose.course.is_capped
    # A whole mL per hour below half, worked out here apart from the engine.
    assert Decimal(again.ml_per_h) == Decimal(int(borne / 2))
    assert Act.STEP_UP not in bedside.dose.acts
    assert not MonitoringTask.objects.open().filter(item="VIT-03").exists()


@pytest.mark.parametrize("grade", [3, 4])
def test_severe_reaction_ends_the_dose_and_tells_monitoring_when(bedside: Bedside, grade: int):
    bedside.note(Act.START, 0)

    event = bedside.note(Act.REACTION, 12, grade=grade)

    end = Anchor.objects.get(plan__order_set_id=bedside.line.order_set_id, name="TE", number=1)
    assert bedside.dose.course.state is State.STOPPED
    assert bedside.dose.acts == (Act.REACTION,)
    (line,) = handover_lines(bedside.site.nurse, ward="", at=bedside.at(20))
    assert any(said.startswith(f"Reaction of grade {grade} to immunoglobulin, ") for said in line.noted)
    assert end.true_at == bedside.at(12)
    looks = MonitoringTask.objects.open().filter(cause="reaction", cause_id=event.pk).order_by("due_at")
    assert [(look.item, look.due_at) for look in looks] == [
        ("VIT-AGAIN", bedside.at(12 + 15)),
        ("VIT-AGAIN-30", bedside.at(12 + 30)),
    ]
    assert looks[0].next_due_at == looks[1].due_at


def test_handover_tells_where_each_dose_stands(bedside: Bedside):
    def told() -> tuple[str, ...]:
        (found,) = handover_lines(bedside.site.nurse, ward="", at=bedside.at(200))
        return found.given

    def clock(minute: int) -> str:
        return f"{timezone.localtime(bedside.at(minute)):%d-%b %H:%M}"

    before = told()
    first = bedside.note(Act.START, 0)
    running = told()
    bedside.note(Act.PAUSE, 30)
    paused = told()
    bedside.note(Act.STOP, 90, volume_ml=Decimal(196), reason="reaction")
    # What is seen after the end does not move it.
    bedside.note(Act.REACTION, 120, grade=1)

    begun = f"Immunoglobulin {bedside.dose.dose_words}: begun {clock(0)}"
    assert before == ()
    assert running == (f"{begun}, running at {first.ml_per_h} mL per h",)
    assert paused == (f"{begun}, paused {clock(30)}",)
    assert told() == (f"{begun}, stopped {clock(90)} after 196 mL",)


def test_life_threatening_reaction_refuses_immunoglobulin_until_the_assessment_knows(
    bedside: Bedside, site: Site, physician: Client
):
    bedside.note(Act.START, 0)
    bedside.note(Act.REACTION, 12, grade=4)
    denying = assess(site, at=bedside.at(20))

    refused = check(physician, denying, choices(denying))
    form = physician.get(reverse("assess", args=[site.encounter.pk]))

    assert "grade 4 reaction" in refused.content.decode()
    assert form.context["form"]["immunoglobulin_reaction"].value() == "yes"
    assert "Grade 4 reaction" in form.content.decode() or "grade 4 reaction" in form.content.decode()


def test_life_threatening_reaction_overtakes_an_assessment_that_does_not_know_it(
    bedside: Bedside, site: Site, physician: Client
):
    def overtaken() -> tuple[tuple[str, ...], frozenset[UUID]]:
        return changed_facts(site.encounter), encounters_with_changed_facts(site.nurse)

    bedside.note(Act.START, 0)
    before = overtaken()
    bedside.note(Act.REACTION, 12, grade=4)
    known_of, on_board = overtaken()
    page = physician.get(reverse("choose_orders", args=[bedside.line.order_set.assessment_id]))
    elsewhere = encounters_with_changed_facts(site.elsewhere)
    assess(site, at=bedside.at(20), immunoglobulin_reaction=True)

    assert before == ((), frozenset())
    (words,) = known_of
    assert words.startswith(
        "Anaphylaxis or severe reaction to human immunoglobulin: No before, a grade 4 reaction"
    )
    assert on_board == {site.encounter.pk}
    assert elsewhere == frozenset()
    assert "this assessment does not know it. Reassess the patient first." in page.content.decode()
    assert "Another brand" not in page.content.decode()
    assert overtaken() == ((), frozenset())


def test_milder_reaction_refuses_nothing(bedside: Bedside, site: Site, physician: Client):
    bedside.note(Act.START, 0)
    bedside.note(Act.REACTION, 12, grade=1)
    again = assess(site, at=bedside.at(20))

    assert check(physician, again, choices(again)).status_code == 200


def test_running_dose_stops_another_order_on_its_assessment_and_none_on_a_new_one(
    bedside: Bedside, site: Site, physician: Client
):
    made = bedside.line.order_set.assessment
    before = check(physician, made, choices(made)).content.decode()
    bedside.note(Act.START, 0)

    # Soon enough for whoever is signed in to be so still.
    with time_machine.travel(bedside.at(2), tick=False):
        stopped = check(physician, made, choices(made))
        again = assess(site, at=bedside.at(1))
        known = check(physician, again, choices(again)).content.decode()

    assert stopped.status_code == 422
    assert "override_W-16_by" in stopped.context["form"].errors
    assert "noted after this assessment." in stopped.content.decode()
    assert "noted after this assessment." not in before
    assert "noted after this assessment." not in known


def test_severe_reaction_warns_of_the_same_product(bedside: Bedside, site: Site, physician: Client):
    bedside.note(Act.START, 0)
    bedside.note(Act.REACTION, 12, grade=3)
    again = assess(site, at=bedside.at(20))

    shown = check(physician, again, choices(again))

    assert shown.status_code == 200
    assert "grade 3 reaction to" in shown.content.decode()


@pytest.mark.hazard("H13")
def test_same_key_notes_once(bedside: Bedside):
    key = uuid4()

    first = bedside.note(Act.START, 0, key=key)
    again = bedside.note(Act.START, 0, key=key, seen=0)

    assert first.pk == again.pk
    assert AdministrationEvent.objects.count() == 1


@pytest.mark.hazard("H13")
def test_page_that_has_not_seen_the_last_entry_notes_nothing(bedside: Bedside):
    bedside.note(Act.START, 0)

    with pytest.raises(SeenTooOld):
        bedside.note(Act.PAUSE, 5, seen=0)


def test_event_from_the_future_or_before_the_last_one_is_refused(bedside: Bedside, site: Site):
    bedside.note(Act.START, 10)

    with pytest.raises(NotGiven, match="before what is noted last"):
        bedside.note(Act.PAUSE, 5)
    with pytest.raises(NotGiven, match="has been"):
        note_event(
            line=bedside.line,
            dose_number=1,
            noted=Noted(act=Act.PAUSE, happened_at=bedside.at(40)),
            seen=1,
            idempotency_key=uuid4(),
            by=site.nurse,
            at=bedside.at(30),
        )


def test_nothing_is_started_on_a_void_order_set_but_what_runs_is_stopped(bedside: Bedside, site: Site):
    bedside.note(Act.START, 0)
    void_order_set(order_set=bedside.line.order_set, reason="Wrong", by=site.physician, at=bedside.at(5))
    line = OrderLine.objects.select_related("order_set__encounter", "order_set__ending").get(
        pk=bedside.line.pk
    )
    bedside.line = line

    with pytest.raises(NotGiven, match="no longer in force"):
        bedside.note(Act.STEP_UP, 30, reason="physician")
    bedside.note(Act.STOP, 31, reason="physician")

    assert bedside.dose.course.state is State.STOPPED


def vials(bedside: Bedside, **changes: Any) -> GivenProduct:
    told = {
        "product": "privigen",
        "lot_number": "P100",
        "expires_on": date(2099, 1, 31),
        "grams": Decimal(10),
        "count": 2,
    }
    return note_vials(
        line=bedside.line,
        dose_number=1,
        vials=Vials(**{**told, **changes}),
        given_at=bedside.at(0),
        idempotency_key=uuid4(),
        by=bedside.site.nurse,
        at=bedside.at(1),
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"product": "octagam_10"}, "is ordered"),
        ({"expires_on": date(2020, 1, 31)}, "expired"),
        ({"grams": Decimal(7)}, "comes in vials"),
        ({"count": 8}, "is ordered. Tick"),
    ],
    ids=["wrong product", "expired", "no such vial", "too many"],
)
@pytest.mark.hazard("H05")
def test_vials_that_do_not_fit_the_order_are_refused(bedside: Bedside, changes: dict[str, Any], words: str):
    with pytest.raises(NotGiven, match=words):
        vials(bedside, **changes)

    assert not GivenProduct.objects.exists()


def test_vials_that_fit_are_kept_with_who_entered_them(bedside: Bedside, site: Site):
    kept = vials(bedside)

    assert (kept.lot_number, kept.grams, kept.vials) == ("P100", "10", 2)
    assert kept.entered_by == site.nurse
    assert bedside.dose.grams_given == 20
    assert AuditEntry.objects.filter(action="administration.product").exists()


def test_platelet_unit_is_entered_once_and_asked_about_in_another_order(order_set: OrderSet, site: Site):
    line = order_set.lines.get(kind="platelets")
    told: dict[str, Any] = {
        "line": line,
        "dose_number": 1,
        "unit": Unit(unit_number="G1234", product_name="", expires_on=date(2099, 1, 1)),
        "given_at": order_set.signed_at,
        "by": site.nurse,
        "at": timezone.now(),
    }
    note_unit(idempotency_key=uuid4(), **told)

    with pytest.raises(NotGiven, match="already"):
        note_unit(idempotency_key=uuid4(), **told)

    assert GivenProduct.objects.get().unit_number == "G1234"


@pytest.mark.parametrize("table", ["orders_administrationevent", "orders_givenproduct"])
@pytest.mark.parametrize("sql", ["UPDATE {} SET dose_number = 9", "DELETE FROM {}"])
def test_what_was_noted_never_changes(bedside: Bedside, table: str, sql: str):
    bedside.note(Act.START, 0)
    vials(bedside)

    with pytest.raises(DatabaseError, match="do not change"), transaction.atomic():
        connection.cursor().execute(sql.format(table))


def test_adrenaline_follows_the_weight_of_the_assessment(bedside: Bedside):
    dose = adrenaline_for(bedside.line, protocol_of(bedside.line))

    # 70 kg at 0.01 mg per kg is above the cap of 0.5 mg.
    assert (dose.mg, dose.is_capped, dose.repeat_minutes) == (Decimal("0.50"), True, 5)


def page_of(client: Client, order_set: OrderSet) -> Any:
    return client.get(reverse("infusion", args=[order_set.pk]))


def posted(page: Any, line: OrderLine, form: str, **answers: str) -> dict[str, str]:
    shown = next(each for each in page.context["shown"] if each.dose.line.pk == line.pk)
    fields = getattr(shown, {"act": "act_form", "reaction": "reaction_form"}.get(form, "product_form"))
    names = ("form", "line", "dose_number", "seen", "idempotency_key", "happened_at")
    return {name: str(fields[name].value()) for name in names} | answers


def test_nurse_notes_a_whole_infusion_by_the_page(order_set: OrderSet, line: OrderLine, site: Site):
    nurse = Client()
    nurse.force_login(site.nurse)
    to = reverse("note_given", args=[order_set.pk])
    vial = {
        "product": "privigen",
        "lot_number": "p 100",
        "expires_on": "31-Jan-2099",
        "grams": "10",
        "count": "7",
    }

    answers = [nurse.post(to, posted(page_of(nurse, order_set), line, "vials", **vial))]
    for act, more in (("start", {}), ("pause", {}), ("resume", {}), ("finish", {"volume_ml": "690"})):
        answers.append(nurse.post(to, posted(page_of(nurse, order_set), line, "act", act=act, **more)))

    assert [answer.status_code for answer in answers] == [302] * 5
    acts = list(line.events.order_by("sequence").values_list("act", flat=True))
    assert acts == ["start", "pause", "resume", "finish"]
    assert line.given.get().lot_number == "P100"
    page = page_of(nurse, order_set).content.decode()
    assert "690 mL given" in page
    assert 'Read off the pump</dt><dd class="num">690 <small>of 700 mL' in page
    assert "Finished" in page


def test_refused_entry_keeps_what_was_typed(order_set: OrderSet, line: OrderLine, site: Site):
    nurse = Client()
    nurse.force_login(site.nurse)
    vial = {
        "product": "privigen",
        "lot_number": "P100",
        "expires_on": "31-Jan-2020",
        "grams": "10",
        "count": "2",
    }

    answer = nurse.post(
        reverse("note_given", args=[order_set.pk]),
        posted(page_of(nurse, order_set), line, "vials", **vial),
    )

    assert answer.status_code == 422
    words = answer.content.decode()
    assert "It has expired" in words
    assert 'value="P100"' in words


def test_pharmacist_reads_the_page_and_notes_nothing(order_set: OrderSet, line: OrderLine, site: Site):
    client = Client()
    client.force_login(person("pharmacist", "pharmacist", site.ward))

    page = page_of(client, order_set)

    assert page.status_code == 200
    assert "What was done" not in page.content.decode()
    assert client.post(reverse("note_given", args=[order_set.pk])).status_code == 403


def test_recall_lists_who_received_a_lot_over_all_wards_and_is_recorded(bedside: Bedside, site: Site):
    vials(bedside, lot_number="P100")
    client = Client()
    # On no ward of the patient: a recall asks about everybody.
    client.force_login(person("pharmacist", "pharmacist", site.other_ward))

    page = client.get(reverse("lot_recall"), {"lot": "p100", "product": "Privigen"})
    nobody = client.get(reverse("lot_recall"), {"lot": "P101"})

    assert "9990001112" in page.content.decode()
    assert "Nobody is on record" in nobody.content.decode()
    looked = AuditEntry.objects.filter(action="lot.recalled")
    assert {entry.details["lot"]: entry.details["rows"] for entry in looked} == {"p100": 1, "P101": 0}


def test_recall_file_runs_no_formula(bedside: Bedside, site: Site):
    vials(bedside, lot_number="=1+1")
    client = Client()
    client.force_login(person("pharmacist", "pharmacist", site.other_ward))

    answer = client.get(reverse("lot_recall_csv"), {"lot": "=1+1"})

    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert "'=1+1" in answer.content.decode()


def test_recall_asks_for_one_number(site: Site):
    client = Client()
    client.force_login(person("pharmacist", "pharmacist", site.ward))

    both = client.get(reverse("lot_recall"), {"lot": "A", "unit": "B"})

    assert both.status_code == 422
    assert "or a unit number" in both.content.decode()
