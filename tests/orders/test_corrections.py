"""What was noted wrongly at the bedside: another row in its place, or none; what is counted follows."""

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from ivigsite.audit.models import AuditEntry
from ivigsite.encounters.models import Encounter
from ivigsite.monitoring.models import Anchor, MonitoringTask
from ivigsite.orders import running
from ivigsite.orders.administration import Noted, NotGiven, Unit, Vials, note_unit, note_vials
from ivigsite.orders.corrections import (
    AlreadyCorrected,
    Why,
    correct_event,
    correct_product,
    take_back_event,
    take_back_product,
)
from ivigsite.orders.exposure_summary import exposure_of
from ivigsite.orders.given import given_in
from ivigsite.orders.lot_recall import recipients
from ivigsite.orders.models import (
    AdministrationEvent,
    CorrectionReason,
    EventCorrection,
    GivenProduct,
    OrderLine,
)
from ivigsite.orders.reactions import reactions_of
from ivigsite.orders.response import course_of
from protocols.engine.course import Act, State
from tests.orders.test_infusion import Bedside
from tests.orders.test_signing import check, choices
from tests.scenario import Site, assess, person

pytestmark = pytest.mark.django_db
MISREAD = Why(reason=CorrectionReason.MISREAD, words="")


@pytest.fixture
def site(signed_hours_ago: tuple[Site, UUID], db: None) -> Site:
    return signed_hours_ago[0]


@pytest.fixture
def line(signed_hours_ago: tuple[Site, UUID], db: None) -> OrderLine:
    return OrderLine.objects.select_related("order_set__encounter", "order_set__assessment").get(
        order_set=signed_hours_ago[1], kind="ivig"
    )


@pytest.fixture
def bedside(line: OrderLine, site: Site) -> "Corrected":
    return Corrected(line, site)


class Corrected(Bedside):
    """A dose told act by act, and corrected."""

    def correct(
        self, event: AdministrationEvent, minute: int, at: int | None = None, **told: Any
    ) -> EventCorrection:
        noted = {"grade": event.grade, "reason": event.reason, "comment": event.comment, **told}
        return correct_event(
            event=event,
            noted=Noted(act=Act(event.act), happened_at=self.at(minute), **noted),
            why=MISREAD,
            idempotency_key=uuid4(),
            by=self.site.nurse,
            at=self.at(240 if at is None else at),
        )

    def take_back(self, event: AdministrationEvent) -> EventCorrection:
        return take_back_event(
            event=event, why=MISREAD, idempotency_key=uuid4(), by=self.site.nurse, at=self.at(240)
        )

    def vials(self, **changes: Any) -> GivenProduct:
        return note_vials(
            line=self.line,
            dose_number=1,
            vials=fitting(**changes),
            given_at=self.at(0),
            idempotency_key=uuid4(),
            by=self.site.nurse,
            at=self.at(1),
        )

    def correct_vials(self, given: GivenProduct, **changes: Any) -> GivenProduct:
        made = correct_product(
            given=given,
            product=fitting(**changes),
            given_at=self.at(0),
            why=MISREAD,
            idempotency_key=uuid4(),
            by=self.site.nurse,
            at=self.at(240),
        )
        assert made.entry is not None
        return made.entry


def fitting(**changes: Any) -> Vials:
    told: dict[str, Any] = {
        "product": "privigen",
        "lot_number": "P100",
        "expires_on": date(2099, 1, 31),
        "grams": Decimal(10),
        "count": 2,
    }
    return Vials(**{**told, **changes})


def checks_of(bedside: Bedside) -> tuple[Any, Any]:
    """Every open check with its times, and every time that checks are counted from."""
    tasks = MonitoringTask.objects.open().filter(encounter=bedside.site.encounter)
    names = ("item", "anchor_number", "position", "counts_from", "due_at", "overdue_at", "next_due_at")
    anchors = Anchor.objects.filter(plan__order_set_id=bedside.line.order_set_id)
    return (
        sorted(tasks.values_list(*names), key=str),
        sorted((each.name, each.number, each.planned_at, each.true_at) for each in anchors),
    )


def start_late(bedside: Corrected, is_right: bool) -> None:
    event = bedside.note(Act.START, 20 if is_right else 0)
    if not is_right:
        bedside.correct(event, 20)


def start_late_after_steps(bedside: Corrected, is_right: bool) -> None:
    event = bedside.note(Act.START, 12 if is_right else 0)
    bedside.note(Act.STEP_UP, 40, reason="physician")
    bedside.note(Act.STEP_UP, 75, reason="physician")
    if not is_right:
        bedside.correct(event, 12)


def step_early(bedside: Corrected, is_right: bool) -> None:
    bedside.note(Act.START, 0)
    event = bedside.note(Act.STEP_UP, 31 if is_right else 50, reason="physician")
    if not is_right:
        bedside.correct(event, 31)


def stop_in_error(bedside: Corrected, is_right: bool) -> None:
    bedside.note(Act.START, 0)
    bedside.note(Act.STEP_UP, 30, reason="physician")
    if not is_right:
        bedside.take_back(bedside.note(Act.STOP, 40, reason="physician"))


def finish_late(bedside: Corrected, is_right: bool) -> None:
    bedside.note(Act.START, 0)
    event = bedside.note(Act.FINISH, 200 if is_right else 150)
    if not is_right:
        bedside.correct(event, 200)


def all_steps_and_last_taken_back(bedside: Corrected, is_right: bool) -> None:
    bedside.note(Act.START, 0)
    minutes = [30 * number for number in range(1, len(bedside.dose.planned_rates))]
    for minute in minutes[:-1]:
        bedside.note(Act.STEP_UP, minute, reason="physician")
    if not is_right:
        bedside.take_back(bedside.note(Act.STEP_UP, minutes[-1], reason="physician"))


def start_in_error(bedside: Corrected, is_right: bool) -> None:
    if not is_right:
        bedside.take_back(bedside.note(Act.START, 0))


def corrected_twice(bedside: Corrected, is_right: bool) -> None:
    event = bedside.note(Act.START, 25 if is_right else 0)
    if not is_right:
        made = bedside.correct(event, 10)
        assert made.entry is not None
        bedside.correct(made.entry, 25)


@pytest.mark.hazard("H21")
@pytest.mark.parametrize(
    "told",
    [
        start_late,
        start_late_after_steps,
        step_early,
        stop_in_error,
        finish_late,
        all_steps_and_last_taken_back,
        start_in_error,
        corrected_twice,
    ],
    ids=lambda told: told.__name__,
)
def test_checks_after_a_correction_are_those_of_what_is_right_at_once(
    bedside: Corrected, told: Callable[[Corrected, bool], None]
):
    untouched = checks_of(bedside)
    with transaction.atomic():
        told(bedside, True)
        right = checks_of(bedside)
        transaction.set_rollback(True)
    assert checks_of(bedside) == untouched

    told(bedside, False)

    assert checks_of(bedside) == right


def test_reaction_that_turns_out_milder_does_not_end_the_dose_any_more(bedside: Corrected):
    bedside.note(Act.START, 0)
    event = bedside.note(Act.REACTION, 12, grade=3)
    closed = MonitoringTask.objects.filter(closed_as="ended").count()

    made = bedside.correct(event, 12, grade=2)

    assert made.entry is not None
    assert bedside.dose.course.state is State.PAUSED
    assert Anchor.objects.get(plan__order_set_id=bedside.line.order_set_id, name="TE").true_at is None
    again = MonitoringTask.objects.open().filter(cause="reaction")
    assert {task.item for task in again} == {"VIT-AGAIN", "VIT-AGAIN-30"}
    assert {task.cause_id for task in again} == {made.entry.pk}
    # What had been ended stays ended; what is due after all is a row of its own.
    assert MonitoringTask.objects.filter(closed_as="ended").count() > closed
    assert MonitoringTask.objects.open().filter(cause="correction", item="VIT-03").exists()


def test_reaction_that_turns_out_worse_ends_the_dose_and_asks_again(bedside: Corrected):
    bedside.note(Act.START, 0)
    event = bedside.note(Act.REACTION, 12, grade=1)

    bedside.correct(event, 12, grade=4)

    assert bedside.dose.course.state is State.STOPPED
    end = Anchor.objects.get(plan__order_set_id=bedside.line.order_set_id, name="TE")
    assert end.true_at == bedside.at(12)
    assert not MonitoringTask.objects.open().filter(item="VIT-03").exists()


def test_reaction_moved_before_a_step_stands_before_it(bedside: Corrected):
    bedside.note(Act.START, 0)
    bedside.note(Act.STEP_UP, 30, reason="physician")
    event = bedside.note(Act.REACTION, 45, grade=1)

    bedside.correct(event, 20)

    assert [each.act for each in bedside.dose.events] == ["start", "reaction", "step_up"]


def test_correction_in_the_minute_of_another_act_keeps_its_place(bedside: Corrected):
    event = bedside.note(Act.START, 0)
    bedside.note(Act.PAUSE, 10)
    bedside.correct(event, 10)

    assert [each.act for each in bedside.dose.events] == ["start", "pause"]


@pytest.mark.parametrize(
    ("minute", "words"),
    [(40, "would not fit: stepped up"), (-30, "before it was signed"), (300, "has been")],
)
def test_start_is_not_moved_to_where_it_does_not_fit(bedside: Corrected, minute: int, words: str):
    event = bedside.note(Act.START, 0)
    bedside.note(Act.STEP_UP, 30, reason="physician")

    with pytest.raises(NotGiven, match=words):
        bedside.correct(event, minute)

    assert not EventCorrection.objects.exists()
    assert AdministrationEvent.as_entered.count() == 2


def test_step_that_later_steps_rest_on_is_not_taken_back(bedside: Corrected):
    bedside.note(Act.START, 0)
    event = bedside.note(Act.STEP_UP, 30, reason="physician")
    bedside.note(Act.STEP_UP, 60, reason="physician")

    with pytest.raises(NotGiven, match="would not fit"):
        bedside.take_back(event)


def test_dose_that_another_follows_stays_over(
    bedside: Corrected, line: OrderLine, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(running, "doses_of", lambda _line, _protocol: 2)
    bedside.note(Act.START, 0)
    event = bedside.note(Act.FINISH, 100)
    second = Corrected(line, bedside.site, number=2)
    second.note(Act.START, 110, reason="physician")

    with pytest.raises(NotGiven, match="Dose 2 has begun"):
        bedside.take_back(event)
    with pytest.raises(NotGiven, match="Dose 2 had begun"):
        bedside.correct(event, 120)
    with pytest.raises(NotGiven, match="before the dose before"):
        second.correct(AdministrationEvent.objects.get(dose_number=2), 90)


def test_correction_that_changes_nothing_is_refused(bedside: Corrected):
    event = bedside.note(Act.START, 0)

    with pytest.raises(NotGiven, match="Nothing is different"):
        bedside.correct(event, 0)


@pytest.mark.hazard("H12")
def test_one_row_is_corrected_once_and_the_second_is_told_by_whom(bedside: Corrected, site: Site):
    event = bedside.note(Act.START, 0)
    bedside.correct(event, 5)

    with pytest.raises(AlreadyCorrected) as refused:
        bedside.take_back(event)

    assert refused.value.by.by == site.nurse


@pytest.mark.hazard("H13")
def test_same_key_corrects_once(bedside: Corrected, site: Site):
    event = bedside.note(Act.START, 0)
    told: dict[str, Any] = {
        "event": event,
        "noted": Noted(act=Act.START, happened_at=bedside.at(7)),
        "why": MISREAD,
        "idempotency_key": uuid4(),
        "by": site.nurse,
        "at": bedside.at(60),
    }

    first, again = correct_event(**told), correct_event(**told)

    assert first == again
    assert AdministrationEvent.as_entered.count() == 2


def test_page_that_has_not_seen_a_correction_notes_nothing(bedside: Corrected):
    event = bedside.note(Act.START, 0)
    before = bedside.dose.entries
    bedside.correct(event, 2)
    seen = bedside.dose.entries
    bedside.note(Act.PAUSE, 10)

    assert before < seen < bedside.dose.entries


def test_wrong_lot_leaves_the_recall_and_the_right_one_enters_it(bedside: Corrected):
    kept = bedside.vials(lot_number="P100")

    bedside.correct_vials(kept, lot_number="P101")

    assert [row.lot_number for row in recipients(product="", lot="P101", unit="")] == ["P101"]
    assert recipients(product="", lot="P100", unit="") == []


def test_recall_tells_apart_who_would_be_on_the_list_but_for_a_correction(bedside: Corrected, site: Site):
    counted_wrong = bedside.vials(lot_number="P100")
    bedside.correct_vials(counted_wrong, lot_number="P100", count=3)
    misread = bedside.vials(lot_number="P100", count=1)
    bedside.correct_vials(misread, lot_number="P101", count=1)
    client = Client()
    client.force_login(person("pharmacist", "pharmacist", site.other_ward))

    page = client.get(reverse("lot_recall"), {"lot": "p100"})

    # The one whose count alone was wrong is on the list itself, and not told twice.
    assert [row.vials for row in page.context["rows"]] == ["3"]
    assert [(row.recipient.lot_number, row.now) for row in page.context["once_named"]] == [
        ("P100", "Privigen P101")
    ]
    assert "Named it until corrected: 1" in page.content.decode()


def test_what_does_not_stand_is_in_no_sum_no_course_and_no_list_of_reactions(bedside: Corrected, site: Site):
    kept = bedside.vials(count=2)
    begun = bedside.note(Act.START, 0)
    reaction = bedside.note(Act.REACTION, 12, grade=4)

    bedside.correct_vials(kept, count=3)
    bedside.correct(begun, 4)
    bedside.take_back(reaction)

    encounter = Encounter.objects.get(pk=site.encounter.pk)
    (dose,) = given_in(encounter).doses
    assert (dose.started_at, dose.grams, dose.ended_at) == (bedside.at(4), Decimal(30), None)
    assert not dose.reactions
    course = course_of(encounter, at=bedside.at(300))
    assert (course.start, course.reactions) == (bedside.at(4), ())
    assert reactions_of(encounter.patient, grade=1) == []
    assert bedside.dose.grams_given == 30
    assert bedside.dose.course.state is State.RUNNING


def test_start_taken_back_gives_no_exposure(bedside: Corrected, site: Site):
    bedside.take_back(bedside.note(Act.START, 0))

    assert exposure_of(Encounter.objects.get(pk=site.encounter.pk), at=bedside.at(300)) is None
    assert not bedside.dose.events
    bedside.note(Act.START, 30)
    assert bedside.dose.course.state is State.RUNNING


def test_correction_of_the_lot_does_not_ask_about_the_amount_again(bedside: Corrected):
    kept = bedside.vials(count=8, is_more_than_ordered=True)

    bedside.correct_vials(kept, count=8, lot_number="P101")

    assert bedside.dose.grams_given == 80


def test_vials_that_do_not_fit_the_order_correct_nothing(bedside: Corrected):
    kept = bedside.vials(count=5)

    # Six of ten grams are ordered at most: those replaced are not counted beside the new ones.
    bedside.correct_vials(kept, count=6)
    with pytest.raises(NotGiven, match="Tick that the rest"):
        bedside.correct_vials(GivenProduct.objects.get(), count=30)


def test_unit_taken_back_may_be_entered_where_it_was_given(bedside: Corrected, site: Site):
    line = bedside.line.order_set.lines.get(kind="platelets")
    told: dict[str, Any] = {
        "line": line,
        "dose_number": 1,
        "unit": Unit(unit_number="G1234", product_name="", expires_on=date(2099, 1, 1)),
        "given_at": bedside.at(0),
        "by": site.nurse,
        "at": bedside.at(1),
    }
    kept = note_unit(idempotency_key=uuid4(), **told)

    take_back_product(
        given=kept,
        why=Why(reason=CorrectionReason.ELSEWHERE, words="Bed 4"),
        idempotency_key=uuid4(),
        by=site.nurse,
        at=bedside.at(5),
    )

    assert recipients(product="", lot="", unit="G1234") == []
    note_unit(idempotency_key=uuid4(), **told)
    assert len(recipients(product="", lot="", unit="G1234")) == 1
    assert AuditEntry.objects.filter(action="administration.product_taken_back").exists()


@pytest.mark.parametrize("table", ["orders_eventcorrection", "orders_productcorrection"])
@pytest.mark.parametrize("sql", ["UPDATE {} SET words = 'x'", "DELETE FROM {}"])
def test_correction_never_changes(bedside: Corrected, table: str, sql: str):
    bedside.correct(bedside.note(Act.START, 0), 5)
    bedside.correct_vials(bedside.vials(), count=3)

    with pytest.raises(DatabaseError, match="do not change"), transaction.atomic():
        connection.cursor().execute(sql.format(table))


def test_one_row_has_one_correction_for_the_database_too(bedside: Corrected, site: Site):
    event = bedside.note(Act.START, 0)
    bedside.correct(event, 5)

    with pytest.raises(DatabaseError), transaction.atomic():
        EventCorrection.objects.create(
            replaces=event, place=1, reason="twice", at=bedside.at(9), by=site.nurse, idempotency_key=uuid4()
        )


def posted(form: Any, **answers: str) -> dict[str, str]:
    """The form as it is shown, with these answers."""
    return {field.name: _text(field) for field in form} | answers


def _text(field: Any) -> str:
    shown = field.value()
    return "" if shown in (None, False) else str(shown)


def nurse_of(site: Site) -> Client:
    client = Client()
    client.force_login(site.nurse)
    return client


def test_nurse_corrects_the_time_by_the_page_and_the_old_one_stays_readable(bedside: Corrected, site: Site):
    event = bedside.note(Act.START, 0)
    nurse, to = nurse_of(site), reverse("correct_act", args=[event.pk])
    right = timezone.localtime(bedside.at(2))

    page = nurse.get(to)
    answer = nurse.post(
        to,
        posted(
            page.context["form"],
            happened_at=f"{right:%d-%b-%Y %H:%M}",
            why="wrong_time",
            why_words="Read off the pump <i>",
        ),
    )

    assert (page.status_code, answer.status_code) == (200, 302), answer.context["form"].errors
    assert bedside.dose.events[0].happened_at == bedside.at(2)
    shown = nurse.get(reverse("infusion", args=[bedside.line.order_set_id])).content.decode()
    assert "The time was wrong: Read off the pump &lt;i&gt;" in shown
    assert "Corrected, it was" in shown
    assert shown.count("<s>") == 1
    assert AuditEntry.objects.filter(action="administration.corrected").exists()


def test_nurse_takes_an_act_back_by_the_page(bedside: Corrected, site: Site):
    event = bedside.note(Act.START, 0)
    nurse, to = nurse_of(site), reverse("correct_act", args=[event.pk])

    form = nurse.get(to).context["take_back"]
    answer = nurse.post(to, posted(form, why="not_done", do="take_back"))

    assert answer.status_code == 302
    assert bedside.dose.events == ()
    shown = nurse.get(reverse("infusion", args=[bedside.line.order_set_id])).content.decode()
    assert "Taken back" in shown
    assert "It was not done, or not given" in shown


def test_correction_without_a_reason_is_refused_and_keeps_what_was_typed(bedside: Corrected, site: Site):
    kept = bedside.vials()
    nurse, to = nurse_of(site), reverse("correct_given", args=[kept.pk])

    form = nurse.get(to).context["form"]
    none = nurse.post(to, posted(form, lot_number="P777"))
    other = nurse.post(to, posted(form, lot_number="P777", why="other"))

    assert (none.status_code, other.status_code) == (422, 422)
    assert "Choose an answer." in none.content.decode()
    assert "Say which reason." in other.content.decode()
    assert 'value="P777"' in none.content.decode()
    assert GivenProduct.as_entered.count() == 1


@pytest.mark.hazard("H12")
def test_second_of_two_people_gets_a_conflict_with_both_values(bedside: Corrected, site: Site):
    kept = bedside.vials()
    nurse, to = nurse_of(site), reverse("correct_given", args=[kept.pk])
    form = nurse.get(to).context["form"]
    bedside.correct_vials(kept, lot_number="FIRST")

    answer = nurse.post(to, posted(form, lot_number="SECOND", why="misread"))

    words = answer.content.decode()
    assert answer.status_code == 409, answer.context["form"].errors
    assert "FIRST" in words
    assert 'value="SECOND"' in words
    assert GivenProduct.objects.get().lot_number == "FIRST"
    assert nurse.get(to).status_code == 302


def test_wrong_lot_is_corrected_after_the_discharge_but_no_act_is(bedside: Corrected, site: Site):
    kept = bedside.vials()
    event = bedside.note(Act.START, 0)
    Encounter.objects.filter(pk=site.encounter.pk).update(
        closed_at=bedside.at(9), closed_by=site.physician, close_reason="Home"
    )

    bedside.correct_vials(kept, lot_number="P999")
    with pytest.raises(NotGiven, match="closed"):
        bedside.take_back(event)


def test_entry_of_another_ward_is_not_there_and_the_attempt_is_recorded(bedside: Corrected, site: Site):
    kept, event = bedside.vials(), bedside.note(Act.START, 0)
    client = Client()
    client.force_login(person("elsewhere-nurse", "nurse", site.other_ward))

    act = client.get(reverse("correct_act", args=[event.pk]))
    given = client.get(reverse("correct_given", args=[kept.pk]))

    assert (act.status_code, given.status_code) == (404, 404)
    assert AuditEntry.objects.filter(action="administration.denied").count() == 2


def test_reaction_taken_back_does_not_refuse_the_next_order(bedside: Corrected, site: Site):
    bedside.note(Act.START, 0)
    event = bedside.note(Act.REACTION, 12, grade=4)
    physician = Client()
    physician.force_login(site.physician)
    again = assess(site)
    assert "grade 4 reaction" in check(physician, again, choices(again)).content.decode()

    bedside.take_back(event)

    assert check(physician, again, choices(again)).status_code == 200


# Who asks for rows that do not stand: keys and numbers of rows, the history, and what is corrected itself.
OF_THE_HISTORY = {
    "administration.py",
    "correction_views.py",
    "corrections.py",
    "infusion_log.py",
    "lot_recall.py",
    "models.py",
    "running.py",
}


def test_nobody_else_reads_rows_that_do_not_stand():
    site = Path(running.__file__).parents[1]

    asking = {
        path.name for path in site.rglob("*.py") if re.search(r"as_entered\b|_base_manager", path.read_text())
    }

    assert asking <= OF_THE_HISTORY
    assert AdministrationEvent._default_manager.name == GivenProduct._default_manager.name == "objects"
