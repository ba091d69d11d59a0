"""Checklist, entry, board and handover as a nurse and a physician use them."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.html import strip_tags
from pytest_django.fixtures import DjangoAssertNumQueries

from ivigsite.audit.models import AuditEntry
from ivigsite.encounters.actions import start_emergency
from ivigsite.monitoring.board import board_checks, entries_of, handover_lines
from ivigsite.monitoring.models import MonitoringTask, Observation
from ivigsite.monitoring.selectors import show
from ivigsite.orders import handover_views
from ivigsite.orders.handover_paper import handover_paper
from ivigsite.orders.sheet.jobs import SheetFailed
from protocols.engine.monitoring import Status
from tests.monitoring.ward import Ward, enter
from tests.scenario import person
from tests.sheet.reading import pages_of

pytestmark = [pytest.mark.django_db, pytest.mark.hazard("H21")]


def moment(at: Any) -> str:
    return timezone.localtime(at).strftime("%d-%b-%Y %H:%M")


def posted(at: Any, **values: str) -> dict[str, str]:
    return {"taken_at": moment(at), "idempotency_key": str(uuid4()), **values}


def text(client: Client, name: str, *args: Any, **query: str) -> str:
    return str(client.get(reverse(name, args=args), query).content.decode())


def test_checklist_groups_what_is_due_and_says_the_time(ward: Ward):
    page = ward.client().get(reverse("checklist", args=[ward.site.encounter.pk]))
    shown = page.context["checklist"]
    words = page.content.decode()

    assert shown.overdue + shown.due == len([check for group in shown.groups for check in group.current])
    assert {group.title for group in shown.groups} >= {"Kidney", "Vital signs", "Thrombosis", "Meningitis"}
    assert "missed, replaced by a later check" in words
    assert "As of" in words


def test_overdue_check_says_since_when_it_is_late(
    ward: Ward,
):
    page = ward.client().get(reverse("checklist", args=[ward.site.encounter.pk]))
    late = [
        check
        for group in page.context["checklist"].groups
        for check in group.current
        if check.status == "overdue"
    ]

    words = " ".join(strip_tags(page.content.decode()).split())

    assert any(check.task.due_at != check.task.overdue_at for check in late)
    for check in late:
        since = timezone.localtime(check.task.overdue_at)
        assert f"Overdue since {since.day} {since:%b, %H:%M}, {check.when}" in words


def test_result_in_another_unit_is_stored_as_typed_and_its_action_stands_in_place(ward: Ward):
    nurse = ward.client()
    task = ward.task("REN-03")
    answer = nurse.post(
        task.get_absolute_url(),
        posted(
            ward.start + timedelta(hours=48),
            creatinine_umol_per_l="2.1",
            creatinine_umol_per_l_unit="mg_per_dl",
            renal_replacement="no",
        ),
    )

    observation = Observation.objects.get()
    assert answer.status_code == 302
    assert answer["Location"].endswith(f"#alert-{observation.pk}")
    assert observation.entered["creatinine_umol_per_l"] == "2.1"
    assert observation.values["creatinine_umol_per_l"] == "185.64"
    page = text(nurse, "checklist", ward.site.encounter.pk)
    assert "Stop the immunoglobulin course" in page
    assert "2.1 mg per dL" in page
    assert "I take this on" in page
    assert "Release the hold" not in page
    assert "1 alert" in text(nurse, "board")

    nurse.post(reverse("acknowledge", args=[observation.pk]), {"comment": "Called nephrology"})
    assert "1 alert" not in text(nurse, "board")
    physician = ward.client(nurse=False)
    refused = physician.post(reverse("release_hold", args=[observation.pk]), {"reason": ""})
    assert refused.status_code == 422
    physician.post(reverse("release_hold", args=[observation.pk]), {"reason": "Nephrology agrees"})
    assert "on hold" not in text(physician, "checklist", ward.site.encounter.pk)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "Enter a value."),
        ({"creatinine_umol_per_l": "85"}, "Choose"),
        ({"creatinine_umol_per_l": "8,5", "creatinine_umol_per_l_unit": "umol_per_l"}, "8,5"),
        ({"creatinine_umol_per_l": "900000", "creatinine_umol_per_l_unit": "umol_per_l"}, "900000"),
    ],
)
def test_bad_result_is_refused_in_words_and_nothing_typed_is_lost(
    ward: Ward, values: dict[str, str], words: str
):
    answer = ward.client().post(
        ward.task("REN-03").get_absolute_url(), posted(ward.start + timedelta(hours=48), **values)
    )

    assert answer.status_code == 422
    assert "There is a problem" in answer.content.decode()
    assert words in answer.content.decode()
    assert not Observation.objects.exists()


def test_each_mistake_of_a_form_is_listed_by_the_name_of_its_question(ward: Ward):
    answer = ward.client().post(ward.task("VIT-02").get_absolute_url(), posted(ward.start))

    page = answer.content.decode()
    summary = page[page.index('class="error-summary"') : page.index("</ul>", page.index("error-summary"))]
    listed = re.findall(r'<a href="#(id_[a-z_]+)">([^<]+)</a>', summary)
    assert ("id_temperature_c", "Temperature: Enter a value.") in listed
    assert ("id_heart_rate_per_min", "Heart rate: Enter a value.") in listed
    assert len({words for _, words in listed}) == len(listed)


def test_time_in_the_future_or_before_the_check_counts_is_refused(ward: Ward):
    nurse = ward.client()
    count = {"creatinine_umol_per_l": "85", "creatinine_umol_per_l_unit": "umol_per_l"}
    late = nurse.post(
        ward.task("REN-05").get_absolute_url(), posted(timezone.now() - timedelta(hours=1), **count)
    )
    future = nurse.post(
        ward.task("REN-03").get_absolute_url(), posted(timezone.now() + timedelta(hours=1), **count)
    )

    assert late.status_code == future.status_code == 422
    assert "This check counts from" in late.content.decode()
    assert "must be from the past" in future.content.decode()


def test_normal_result_says_so_quietly_and_a_correction_names_what_it_replaces(ward: Ward):
    nurse = ward.client()
    task = ward.task("AMS-03")
    values = {"headache_score": "2", "meningitis_signs": "none", "drowsy": "no", "focal_sign": "no"}
    taken = ward.start + timedelta(hours=49)
    page = nurse.post(task.get_absolute_url(), posted(taken, **values), follow=True)
    assert "Meningitis signs at 48 hours: normal." in page.content.decode()

    first = Observation.objects.get()
    form = nurse.get(reverse("correct_result", args=[first.pk]))
    assert 'value="2"' in form.content.decode()
    wrong = {**values, "headache_score": "8"}
    refused = nurse.post(reverse("correct_result", args=[first.pk]), posted(taken, **wrong))
    assert refused.status_code == 422
    nurse.post(reverse("correct_result", args=[first.pk]), posted(taken, **wrong, reason="Typed wrongly"))

    corrected = Observation.objects.get(replaces=first)
    assert corrected.level == "critical"
    assert nurse.get(reverse("correct_result", args=[first.pk])).status_code == 302
    assert nurse.get(task.get_absolute_url()).status_code == 302


def test_check_is_declined_with_a_reason_and_not_without(ward: Ward):
    nurse = ward.client()
    address = reverse("decline_check", args=[ward.task("AMS-03").pk])

    assert nurse.post(address, {"reason": ""}).status_code == 422
    assert nurse.post(address, {"reason": "Asleep"}).status_code == 302
    assert nurse.post(address, {"reason": "Asleep"}).status_code == 302
    assert "declined by Nurse. Asleep" in text(nurse, "checklist", ward.site.encounter.pk)


def test_extra_result_is_entered_without_a_check_and_an_unknown_kind_is_not_there(ward: Ward):
    nurse = ward.client()
    address = reverse("extra_result", args=[ward.site.encounter.pk, "THROMBOSIS"])
    values = {"thrombosis_signs": "speech", "limbs_examined": "yes"}

    assert nurse.get(address).status_code == 200
    nurse.post(address, posted(timezone.now() - timedelta(minutes=2), **values))

    assert Observation.objects.get().level == "critical"
    missing = reverse("extra_result", args=[ward.site.encounter.pk, "NOTHING"])
    assert nurse.get(missing).status_code == 404


def test_board_and_encounter_show_what_is_due_and_the_filter_keeps_what_needs_somebody(ward: Ward):
    nurse = ward.client()
    board = text(nurse, "board")

    assert "overdue" in board
    assert "O&#x27;Brien" in text(nurse, "board", show="overdue")
    MonitoringTask.objects.open().update(
        closed_as="ended", closed_at=timezone.now(), closed_by=ward.site.nurse, close_reason="Test"
    )
    assert "O&#x27;Brien" not in text(nurse, "board", show="overdue")
    assert "Open the checklist" in text(nurse, "encounter", ward.site.encounter.pk)


def test_board_asks_for_checks_and_reactions_in_four_queries(
    ward: Ward, django_assert_num_queries: DjangoAssertNumQueries
):
    with django_assert_num_queries(4):
        checks = board_checks(ward.site.nurse, at=timezone.now())

    assert checks[ward.site.encounter.pk].overdue > 0
    assert board_checks(ward.site.elsewhere, at=timezone.now()) == {}


def test_board_leads_to_the_form_of_what_is_due_in_one_press(
    ward: Ward, django_assert_num_queries: DjangoAssertNumQueries
):
    nurse, now = ward.client(), timezone.now()
    with django_assert_num_queries(1):
        (entries,) = entries_of([ward.site.encounter.pk], at=now).values()
    board = text(nurse, "board")
    current = MonitoringTask.objects.current(now)

    assert len(entries) == 3 < current.count()
    newest = current.order_by("-due_at", "item")[:3]
    assert [entry.task_id for entry in entries] == [task.pk for task in newest]
    assert [entry.is_overdue for entry in entries] == [task.status(now) is Status.OVERDUE for task in newest]
    for entry in entries:
        assert f'href="{reverse("record_result", args=[entry.task_id])}">Enter: {entry.title}</a>' in board
    form = nurse.get(reverse("record_result", args=[ward.task("REN-03").pk])).content.decode()
    assert form.count(" autofocus") == 1
    # Whoever enters no results is led to none, and a list where nothing is due asks for nothing.
    reader = Client()
    reader.force_login(person("pharmacist", "pharmacist", ward.site.ward))
    assert "Enter: " not in text(reader, "board")
    with django_assert_num_queries(0):
        assert entries_of([], at=now) == {}


def test_result_is_said_as_people_say_it(ward: Ward):
    dark = enter(
        ward, "HAEMOGLOBIN", {"haemoglobin_g_per_l": Decimal(120), "dark_urine": True}, timezone.now()
    )
    grade = enter(ward, "BLEEDING", {"who_bleeding_grade": 3}, timezone.now())

    assert (show(dark).because, show(grade).because) == ("Dark urine", "WHO bleeding grade 3")
    assert show(grade).values == (("WHO bleeding grade", "3"),)


def test_changed_facts_are_told_and_carried_into_the_next_assessment(ward: Ward):
    physician = ward.client(nurse=False)
    nurse = ward.client()
    nurse.post(
        reverse("extra_result", args=[ward.site.encounter.pk, "COUNT"]),
        posted(timezone.now(), platelets_per_ul="62", platelets_per_ul_unit="e9_per_l"),
    )

    assert "Facts have changed" in text(physician, "encounter", ward.site.encounter.pk)
    board = text(nurse, "board")
    assert "Facts have changed" in board
    # The count beside the grade is that of the assessment; whoever looks must not take it for today's.
    assert "Newest count 62,000 per microlitre" in board
    form = physician.get(reverse("assess", args=[ward.site.encounter.pk])).context["form"]
    assert form["platelets"].value() == "62"
    assert form["platelets_unit"].value() == "e9_per_l"
    assert form["sampled_at"].value()


def test_handover_lists_who_needs_what(ward: Ward):
    enter(ward, "THROMBOSIS", {"thrombosis_signs": ("speech",)}, timezone.now())
    page = text(ward.client(), "handover")

    assert "O&#x27;Brien" in page
    assert "Critical: Thrombosis signs" in page
    assert "Overdue:" in page
    assert "On hold: immunoglobulin, platelets" in page


@pytest.mark.hazard("H24")
def test_handover_tells_the_newest_count_with_its_time(ward: Ward):
    taken_at = ward.start + timedelta(hours=30)
    enter(ward, "COUNT", {"platelets_per_ul": 45_000}, ward.start + timedelta(hours=20))
    enter(ward, "COUNT", {"platelets_per_ul": 61_000}, taken_at)
    enter(ward, "COUNT", {"platelets_per_ul": 12_000}, ward.start - timedelta(days=2))

    (line,) = handover_lines(ward.site.nurse, ward="", at=timezone.now())

    when = f"{timezone.localtime(taken_at):%d-%b %H:%M}"
    assert line.count == f"61,000 per microlitre (61 x 10\u2079 per litre), {when}"
    assert "when assessed" in line.grade
    assert line.count in text(ward.client(), "handover")


@pytest.mark.hazard("H24")
def test_handover_tells_that_an_emergency_runs(ward: Ward):
    enter(ward, "COUNT", {"platelets_per_ul": 62_000}, timezone.now())
    (before,) = handover_lines(ward.site.nurse, ward="", at=timezone.now())
    started = start_emergency(encounter=ward.site.encounter, by=ward.site.physician, at=timezone.now())

    (line,) = handover_lines(ward.site.nurse, ward="", at=timezone.now())

    said = f"Emergency: its clock runs since {timezone.localtime(started.started_at):%d-%b %H:%M}"
    assert said not in before.noted
    assert line.noted[0] == said
    assert said in text(ward.client(), "handover")


def test_handover_is_one_printed_page_with_what_the_list_says(ward: Ward):
    enter(ward, "THROMBOSIS", {"thrombosis_signs": ("speech",)}, timezone.now())
    enter(ward, "COUNT", {"platelets_per_ul": 62_000}, timezone.now())
    nurse = ward.client()

    answer = nurse.get(reverse("handover_file"), {"ward": "HAEM"})

    pages = pages_of(answer.content)
    words = " ".join(pages[0])
    assert answer["Content-Type"] == "application/pdf"
    assert len(pages) == 1
    for said in (
        "Haematology ward",
        "Bed 12: O'BRIEN-ÑÚÑEZ, Test",
        "born 03-Apr-1981",
        "9990001112",
        "62,000 per microlitre",
        "Critical: Thrombosis signs",
        "On hold: immunoglobulin, platelets",
        "Facts have changed",
        "Overdue:",
        "Next:",
    ):
        assert said in words
    assert AuditEntry.objects.get(action="handover.printed").details == {"ward": "HAEM"}
    assert reverse("handover_file") in text(nurse, "handover")


def test_handover_on_paper_shows_no_patient_of_another_ward(ward: Ward):
    stranger = Client()
    stranger.force_login(ward.site.elsewhere)

    paper = handover_paper(ward.site.elsewhere, ward="HAEM", at=timezone.now())

    assert [part.heading for part in paper.parts] == ["No open encounter"]
    assert "9990001112" not in text(stranger, "handover")


def test_file_that_cannot_be_made_says_so_and_leads_back(ward: Ward, monkeypatch: pytest.MonkeyPatch):
    def fails(job: Any) -> bytes:
        raise SheetFailed("The sheet took too long to make.")

    monkeypatch.setattr(handover_views, "render_in_worker", fails)

    answer = ward.client().get(reverse("handover_file"))

    assert answer.status_code == 503
    assert "The sheet took too long to make." in answer.content.decode()
    assert f'href="{reverse("handover")}"' in answer.content.decode()
    assert not AuditEntry.objects.filter(action="handover.printed").exists()
