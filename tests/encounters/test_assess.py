"""Assessing: the preview beside the form, storing once, and what happens when two people are at it."""

import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from ivigsite.audit.models import AuditEntry
from ivigsite.encounters.actions import close_encounter, save_draft
from ivigsite.encounters.models import Assessment, AssessmentDraft, Encounter
from ivigsite.parsing.dates import format_datetime
from tests.encounters.answers import BLEED, saving
from tests.scenario import Site, assess

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


def url(site: Site) -> str:
    return reverse("assess", args=[site.encounter.pk])


def preview(client: Client, site: Site, **answers: Any) -> str:
    response = client.post(url(site), {**BLEED, **answers}, headers=HTMX)
    assert response.status_code == 200
    return str(response.content.decode())


def save(client: Client, site: Site, **answers: Any) -> Any:
    return client.post(url(site), {**saving(site.encounter), **answers})


def test_preview_is_the_recommendation_and_never_the_form(physician: Client, site: Site):
    page = preview(physician, site)

    assert page.lstrip().startswith('<div class="panel recommendation" id="recommendation"')
    assert "<form" not in page
    assert "<html" not in page
    assert 'name="platelets"' not in page
    assert "Grade 4 with active bleeding" in page


def test_preview_stores_nothing(physician: Client, site: Site):
    preview(physician, site)

    assert Assessment.objects.count() == 0
    assert AssessmentDraft.objects.count() == 0
    assert not AuditEntry.objects.filter(action="assessment.made").exists()


@pytest.mark.hazard("H01")
def test_preview_echoes_the_count_in_both_units_with_its_grade(physician: Client, site: Site):
    page = preview(physician, site, platelets="24", platelets_unit="e9_per_l")

    assert "24,000 per microlitre (24 x 10⁹ per litre), Grade 4" in page


def test_preview_tells_a_screen_reader_in_one_sentence(physician: Client, site: Site):
    page = preview(physician, site)

    announced = re.search(r'<span id="announcement" hx-swap-oob="true">(.*?)</span>', page)
    assert announced
    assert announced[1] == "Grade 4 with active bleeding. Grade 4."


def test_preview_goes_on_when_one_field_cannot_be_read(physician: Client, site: Site):
    page = preview(physician, site, weight_kg="154 lb")

    assert "Not used yet" in page
    assert "kilograms only" in page
    assert "Stop: Count or weight missing" in page


def test_preview_gives_no_grade_to_a_count_that_cannot_be_read(physician: Client, site: Site):
    page = preview(physician, site, platelets="25.000", platelets_unit="per_ul")

    assert "No recommendation yet" in page
    assert "data-grade" not in page


@pytest.mark.hazard("H01")
def test_implausible_count_is_confirmed_in_the_panel(physician: Client, site: Site):
    asked = preview(physician, site, platelets="22", platelets_unit="per_ul")
    token = re.search(r'name="confirmed" value="([^"]+)"', asked)
    assert token

    confirmed = preview(physician, site, platelets="22", platelets_unit="per_ul", confirmed=token[1])

    assert "Did you mean 22 x 10⁹ per litre?" in asked
    assert "data-grade" not in asked
    assert "22 per microlitre" in confirmed
    # Ticked still, or the next preview would ask again.
    assert re.search(r'value="[^"]+" id="confirm-platelets" checked', confirmed)


def test_empty_form_shows_no_recommendation(physician: Client, site: Site):
    response = physician.post(url(site), {"platelets": ""}, headers=HTMX)

    assert "Start with the platelet count" in response.content.decode()


def test_gate_stops_even_without_a_count(physician: Client, site: Site):
    response = physician.post(url(site), {"ttp_suspected": "yes"}, headers=HTMX)

    assert "TTP" in response.content.decode()


@pytest.mark.hazard("H24")
def test_unknown_answer_is_listed_with_what_it_would_change(physician: Client, site: Site):
    page = preview(physician, site)

    assert '<a href="#div_id_ttp_suspected">TTP or other thrombotic microangiopathy suspected</a>' in page


def test_disclaimer_and_review_status_stand_with_the_advice(physician: Client, site: Site):
    page = preview(physician, site)

    assert "pending human" in page
    assert "version 1: approved" in page


def test_page_without_javascript_shows_the_recommendation(physician: Client, site: Site):
    response = physician.post(url(site), {**BLEED, "preview": "1"})

    page = response.content.decode()
    assert response.status_code == 200
    assert "Grade 4 with active bleeding" in page
    assert 'name="weight_kg" value="72"' in page
    assert Assessment.objects.count() == 0


def test_page_without_javascript_echoes_the_count_in_both_units_in_the_panel(physician: Client, site: Site):
    answers = {**BLEED, "platelets": "24", "platelets_unit": "e9_per_l", "preview": "1"}
    page = physician.post(url(site), answers).content.decode()

    panel = page[page.index('id="recommendation"') :]
    assert "24,000 per microlitre (24 x 10⁹ per litre)" in panel


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("platelets", "25_000"),
        ("weight_kg", "7e1"),
        ("weight_kg", "700"),
        ("sampled_at", "9999-12-31T23:59:00-05:00"),
        ("bleeding_level_reason", "a\0b"),
        ("aetiology", "nonsense"),
        ("creatinine_umol_per_l", "NaN"),
        ("venous_lines", "999999999999999999999"),
        ("hours_since_last_ivig", "1e400"),
    ],
)
@pytest.mark.parametrize("button", ["save", "preview"])
def test_bad_input_is_refused_and_kept(physician: Client, site: Site, name: str, value: str, button: str):
    data = saving(site.encounter, **{name: value})
    data[button] = data.pop("save")

    response = physician.post(url(site), data)

    page = response.content.decode()
    assert response.status_code == 422
    assert "There is a problem" in page
    assert 'value="18"' in page or name == "platelets"
    assert value in page or "\0" in value or name == "aetiology"
    assert Assessment.objects.count() == 0


def test_each_mistake_in_the_summary_names_its_question(physician: Client, site: Site):
    page = save(physician, site, platelets="25_000", height_cm="168.55").content.decode()

    listed = re.findall(r'<a href="#id_(?:platelets|height_cm)">([^<]+)</a>', page)
    assert [line.partition(":")[0] for line in listed] == ["Platelet count", "Height"]
    assert listed[1] == "Height: Enter at most 1 digit after the decimal point."


def test_saved_assessment_keeps_words_facts_and_outcome(physician: Client, site: Site):
    sampled = format_datetime(timezone.now(), timezone.get_default_timezone())

    response = save(physician, site, sampled_at=sampled)

    made = Assessment.objects.get()
    assert response.url == reverse("assessment", args=[made.pk])
    assert made.entered["platelets"] == "18"
    assert made.facts["platelets_per_ul"] == made.platelets_per_ul == 18000
    assert made.outcome["branch"] == "G4_TRIPLE"
    assert (made.grade, made.number, made.made_by) == (4, 1, site.physician)
    assert made.seal == site.version.seal
    assert made.sampled_at is not None
    assert "version" not in made.entered


def test_confirmed_value_is_audited(physician: Client, site: Site):
    data = saving(site.encounter, platelets="0", confirmed="platelets:0")

    physician.post(url(site), data)

    entry = AuditEntry.objects.get(action="assessment.made")
    assert "clumping checked" in entry.details["confirmed"][0]


def test_double_click_stores_once_and_answers_the_same(physician: Client, site: Site):
    data = saving(site.encounter)

    first, second = save(physician, site, **data), save(physician, site, **data)

    assert first.url == second.url
    assert Assessment.objects.count() == 1


@pytest.mark.hazard("H08")
def test_form_of_another_patients_page_is_refused(physician: Client, site: Site):
    data = saving(site.encounter, encounter=str(uuid4()))

    response = physician.post(url(site), data)

    assert response.status_code == 409
    assert Assessment.objects.count() == 0


def test_key_of_another_act_is_refused(physician: Client, site: Site):
    data = saving(site.encounter)
    physician.post(url(site), data)
    colleague = Client()
    site.nurse.role = "physician"
    site.nurse.save()
    colleague.force_login(site.nurse)

    response = colleague.post(url(site), {**data, "version": "2"})

    assert response.status_code == 409
    assert Assessment.objects.count() == 1


@pytest.mark.parametrize("name", ["encounter", "version", "idempotency_key"])
@pytest.mark.parametrize("value", ["", "nonsense"])
def test_form_that_lacks_its_hidden_parts_is_refused(physician: Client, site: Site, name: str, value: str):
    response = physician.post(url(site), saving(site.encounter, **{name: value}))

    assert response.status_code == 422
    assert "Load the page again" in response.content.decode() or value
    assert Assessment.objects.count() == 0


@pytest.mark.hazard("H12")
def test_second_of_two_people_sees_both_versions_and_loses_nothing(physician: Client, site: Site):
    mine = saving(site.encounter, platelets="40", who_bleeding_grade="1", bleeding_level_reason="Mine")
    assess(site)

    response = physician.post(url(site), mine)

    page = response.content.decode()
    assert response.status_code == 409
    assert Assessment.objects.count() == 1
    assert "<td>18,000 per microlitre (18 x 10⁹ per litre)</td>" in page
    assert "<td>40,000 per microlitre (40 x 10⁹ per litre)</td>" in page
    assert 'value="40"' in page
    assert 'value="Mine"' in page
    assert 'name="version" value="2"' in page


def test_after_the_conflict_the_same_form_can_be_saved(physician: Client, site: Site):
    mine = saving(site.encounter, platelets="40")
    assess(site)
    conflict = physician.post(url(site), mine)
    hidden = conflict.context["save"].initial

    response = physician.post(url(site), {**mine, **{name: str(value) for name, value in hidden.items()}})

    assert response.status_code == 302
    assert [made.number for made in Assessment.objects.order_by("number")] == [1, 2]


def test_closed_encounter_takes_no_assessment(physician: Client, site: Site):
    data = saving(site.encounter)
    close_encounter(encounter=site.encounter, version=1, reason="Home", by=site.physician, at=timezone.now())

    response = physician.post(url(site), data)

    assert response.status_code == 409
    assert "closed" in response.content.decode()
    assert Assessment.objects.count() == 0


def test_reassessment_starts_from_what_lasts(physician: Client, site: Site):
    physician.post(url(site), saving(site.encounter, height_cm="168", ttp_suspected="no"))

    page = physician.get(url(site)).content.decode()

    assert 'name="height_cm" value="168"' in page
    assert 'name="ttp_suspected" value="no" id="id_ttp_suspected_1" checked' in page
    assert 'name="platelets" value=' not in page
    assert 'value="melaena" id="id_bleeding_findings_9" checked' not in page


def test_new_assessment_replaces_the_last_and_shows_what_changed(physician: Client, site: Site):
    physician.post(url(site), saving(site.encounter))
    response = save(physician, site, platelets="31")

    page = physician.get(response.url).content.decode()

    newest = Assessment.objects.get(number=2)
    assert newest.replaces == Assessment.objects.get(number=1)
    assert "What changed since assessment 1" in page
    assert "<td>18,000 per microlitre (18 x 10⁹ per litre)</td>" in page
    assert "<td>31,000 per microlitre (31 x 10⁹ per litre)</td>" in page


def test_replaced_assessment_offers_no_orders(physician: Client, site: Site):
    first, second = assess(site), assess(site)

    old = physician.get(reverse("assessment", args=[first.pk])).content.decode()
    new = physician.get(reverse("assessment", args=[second.pk])).content.decode()

    assert reverse("choose_orders", args=[first.pk]) not in old
    assert "A newer assessment has replaced this one" in old
    assert reverse("choose_orders", args=[second.pk]) in new


def test_stopped_assessment_offers_no_orders(physician: Client, site: Site):
    made = assess(site, ttp_suspected=True)

    page = physician.get(reverse("assessment", args=[made.pk])).content.decode()

    assert "Not to be ordered yet" in page
    assert reverse("choose_orders", args=[made.pk]) not in page


def test_draft_fills_the_form_and_goes_with_the_assessment(physician: Client, site: Site):
    now = timezone.now()
    save_draft(encounter=site.encounter, entered={"platelets": "12"}, by=site.physician, at=now)

    page = physician.get(url(site)).content.decode()
    physician.post(url(site), saving(site.encounter))

    assert 'name="platelets" value="12"' in page
    assert not AssessmentDraft.objects.exists()


def test_draft_of_yesterday_is_not_used(physician: Client, site: Site):
    at = timezone.now() - timedelta(hours=25)
    save_draft(encounter=site.encounter, entered={"platelets": "12"}, by=site.physician, at=at)

    assert 'name="platelets" value="12"' not in physician.get(url(site)).content.decode()


def test_one_persons_draft_is_not_anothers(physician: Client, site: Site):
    save_draft(encounter=site.encounter, entered={"platelets": "12"}, by=site.elsewhere, at=timezone.now())

    assert 'name="platelets" value="12"' not in physician.get(url(site)).content.decode()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE encounters_assessment SET number = 9",
        "DELETE FROM encounters_assessment",
        "UPDATE encounters_encounter SET close_reason = 'other'",
        "DELETE FROM encounters_encounter",
    ],
)
def test_the_past_does_not_change_even_by_raw_sql(site: Site, statement: str):
    assess(site)
    current = Encounter.objects.get(pk=site.encounter.pk)
    close_encounter(
        encounter=current, version=current.version, reason="Home", by=site.physician, at=timezone.now()
    )

    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)

    assert Assessment.objects.get().number == 1


def test_patient_has_one_open_encounter(site: Site):
    with pytest.raises(DatabaseError), transaction.atomic():
        Encounter.objects.create(
            patient=site.encounter.patient,
            ward=site.ward,
            owner=site.physician,
            protocol_version=site.version,
            opened_at=timezone.now(),
            opened_by=site.physician,
            idempotency_key=uuid4(),
        )


def test_reassessing_marks_what_is_carried_over_until_it_is_changed(physician: Client, site: Site):
    first = physician.get(url(site)).content.decode()
    save(physician, site)
    made = timezone.localtime(Assessment.objects.get().made_at)
    mark = f"Carried over from {made:%H:%M, %d-%b-%Y}, unless you change it."

    def field(page: str, name: str) -> str:
        return page[page.index(f'id="div_id_{name}"') :].split('id="div_id_', 2)[1]

    again = physician.get(url(site)).content.decode()
    changed = physician.post(url(site), {**BLEED, "weight_kg": "73", "preview": "1"}).content.decode()

    assert "Carried over" not in first
    assert mark in field(again, "weight_kg")
    assert mark not in field(again, "platelets")
    assert mark not in field(changed, "weight_kg")
