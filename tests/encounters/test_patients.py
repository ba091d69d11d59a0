"""Registering, finding, correcting: two people are never taken for one, and nothing typed is lost."""

from importlib import import_module
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client
from django.urls import reverse

from ivigsite.audit.models import AuditEntry
from ivigsite.encounters.models import Encounter, Patient
from tests.encounters.answers import PATIENT
from tests.scenario import Site

pytestmark = pytest.mark.django_db


def admission(site: Site, **changes: str) -> dict[str, str]:
    return {
        **PATIENT,
        "ward": str(site.ward.pk),
        "bed": "7",
        "idempotency_key": str(uuid4()),
        **changes,
    }


def admit(client: Client, data: dict[str, str]) -> Any:
    return client.post(reverse("new_patient"), data)


def correction(patient: Patient, **changes: str) -> dict[str, str]:
    return {
        **PATIENT,
        "record_number": patient.record_number,
        "family_name": patient.family_name,
        "given_name": patient.given_name,
        "title": patient.title,
        "birth_date": "03-Apr-1981",
        "version": str(patient.version),
        **changes,
    }


def test_new_patient_gets_an_encounter_and_goes_on_to_the_form(physician: Client, site: Site):
    response = admit(physician, admission(site))

    opened = Encounter.objects.get(patient__record_number="9434765919")
    assert response.status_code == 302
    assert response.url == reverse("assess", args=[opened.pk])
    assert (opened.bed, opened.owner) == ("7", site.physician)
    assert opened.protocol_version == site.version


def test_double_click_admits_once_and_answers_the_same(physician: Client, site: Site):
    data = admission(site)

    first, second = admit(physician, data), admit(physician, data)

    assert first.url == second.url
    assert Patient.objects.filter(record_number="9434765919").count() == 1
    assert AuditEntry.objects.filter(action="patient.registered").count() == 2  # one is the site's own


def test_key_of_somebody_else_opens_nothing(physician: Client, site: Site):
    data = admission(site)
    admit(physician, data)
    client = Client()
    client.force_login(site.elsewhere)

    response = admit(client, {**data, "record_number": "1", "ward": str(site.other_ward.pk)})

    assert response.status_code == 409
    assert not Patient.objects.filter(record_number="1").exists()


def test_known_patient_is_found_by_number_name_and_birth_date(elsewhere: Client, site: Site):
    known = site.encounter.patient
    Encounter.objects.filter(pk=site.encounter.pk).update(
        closed_at=site.encounter.opened_at, closed_by=site.physician, close_reason="Moved"
    )
    data = admission(
        site,
        record_number="9990001112",
        family_name="o’brien-nunez",
        given_name="TEST",
        birth_date="3-Apr-1981",
        ward=str(site.other_ward.pk),
    )

    response = admit(elsewhere, data)

    assert response.status_code == 302
    assert Patient.objects.count() == 1
    assert known.encounters.count() == 2


@pytest.mark.parametrize(
    "changes", [{"family_name": "Somebody"}, {"given_name": "Else"}, {"birth_date": "4-Apr-1981"}]
)
def test_record_number_alone_finds_nobody(physician: Client, site: Site, changes: dict[str, str]):
    data = admission(
        site,
        record_number="9990001112",
        family_name="O'Brien-Ñúñez",
        given_name="Test",
        birth_date="3-Apr-1981",
    )

    response = admit(physician, {**data, **changes})

    assert response.status_code == 422
    assert b"another name or date of birth" in response.content
    assert Encounter.objects.count() == 1


def test_patient_who_lies_elsewhere_is_not_opened_twice(elsewhere: Client, site: Site):
    data = admission(
        site,
        record_number="9990001112",
        family_name="O'Brien-Ñúñez",
        given_name="Test",
        birth_date="3-Apr-1981",
        ward=str(site.other_ward.pk),
    )

    response = admit(elsewhere, data)

    assert response.status_code == 422
    assert b"open encounter on another ward" in response.content


def test_ward_of_others_cannot_be_chosen(physician: Client, site: Site):
    response = admit(physician, admission(site, ward=str(site.other_ward.pk)))

    assert response.status_code == 422
    assert Patient.objects.count() == 1


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("birth_date", "03/04/1980", ""),
        ("birth_date", "1-Jan-2099", "today or before"),
        ("birth_date", "1-Jan-1899", "1900"),
        ("given_name", "txt\u202eevil", "hidden character"),
        ("family_name", "a\0b", "hidden character"),
        ("family_name", "", "Enter the name"),
        ("allergies", "x" * 5000, "at most 500"),
        ("record_number", "12/34", ""),
        ("sex", "nonsense", "Choose one"),
    ],
)
def test_bad_input_is_refused_in_words_and_kept(
    physician: Client, site: Site, name: str, value: str, says: str
):
    changes = {name: value, **({"allergies_known": "listed"} if name == "allergies" else {})}

    response = admit(physician, admission(site, **changes))

    assert response.status_code == 422
    page = response.content.decode()
    assert "There is a problem" in page
    assert says in page
    assert "<title>Error:" in page
    assert 'value="Maja"' in page or name == "given_name"
    assert not Patient.objects.filter(record_number="9434765919").exists()


@pytest.mark.parametrize("family_name", ["O'Brien-Ñúñez", "<script>alert(1)</script>a", "李小龍"])
def test_name_is_stored_and_shown_exactly(physician: Client, site: Site, family_name: str):
    admit(physician, admission(site, family_name=family_name))

    patient = Patient.objects.get(record_number="9434765919")
    page = physician.get(reverse("patient", args=[patient.pk])).content.decode()
    assert patient.family_name == family_name
    assert "<script>alert(1)" not in page


@pytest.mark.parametrize(
    ("known", "listed", "name"),
    [("listed", "", "allergies"), ("none_known", "Penicillin", "allergies_known")],
)
def test_allergies_do_not_contradict_themselves(
    physician: Client, site: Site, known: str, listed: str, name: str
):
    response = admit(physician, admission(site, allergies_known=known, allergies=listed))

    assert response.status_code == 422
    assert name in response.context["form"].errors


def test_corrected_record_keeps_who_changed_what(physician: Client, site: Site):
    patient = site.encounter.patient

    response = physician.post(
        reverse("correct_patient", args=[patient.pk]), correction(patient, given_name="Corrected")
    )

    patient.refresh_from_db()
    entry = AuditEntry.objects.get(action="patient.corrected")
    assert response.status_code == 302
    assert (patient.given_name, patient.version) == ("Corrected", 2)
    assert "given_name" in entry.details["changed"]
    assert "Corrected" not in str(entry.details)


@pytest.mark.hazard("H12")
def test_second_correction_shows_both_values_and_stores_neither(physician: Client, site: Site):
    patient = site.encounter.patient
    url = reverse("correct_patient", args=[patient.pk])
    physician.post(url, correction(patient, given_name="Theirs"))

    response = physician.post(url, correction(patient, given_name="Mine"))

    patient.refresh_from_db()
    page = response.content.decode()
    assert response.status_code == 409
    assert patient.given_name == "Theirs"
    assert "<td>Theirs</td><td>Mine</td>" in page
    assert 'value="Mine"' in page
    assert 'name="version" value="2"' in page


def test_record_number_of_another_patient_is_refused_in_a_correction(physician: Client, site: Site):
    admit(physician, admission(site))
    patient = site.encounter.patient

    response = physician.post(
        reverse("correct_patient", args=[patient.pk]), correction(patient, record_number="9434765919")
    )

    assert response.status_code == 422


@pytest.mark.parametrize(
    "query", ["o'brien", "obrien", "O’Brien Nunez", "NUNEZ", "nunez test", "9990001112", "999000"]
)
def test_search_finds_with_and_without_accents(physician: Client, site: Site, query: str):
    response = physician.post(reverse("search"), {"q": query})

    assert response.context["patients"] == [site.encounter.patient]


def test_patient_stored_with_apostrophe_and_hyphen_for_search_is_found_after_the_migration(
    physician: Client, site: Site
):
    module = import_module("ivigsite.encounters.migrations.0004_search_without_apostrophes")
    Patient.objects.update(search_text="9990001112 o'brien-nunez test")

    module.leave_out_apostrophes_and_hyphens(apps, connection.schema_editor())

    patient = Patient.objects.get()
    assert patient.search_text == "9990001112 obrien nunez test"
    patient.remember_for_search()
    assert patient.search_text == "9990001112 obrien nunez test"


@pytest.mark.parametrize("query", ["", "   ", "nobody", "\0", "%", "_"])
def test_search_without_a_hit_says_so(physician: Client, site: Site, query: str):
    response = physician.post(reverse("search"), {"q": query})

    assert response.status_code == 200
    assert response.context["patients"] == []


def test_search_stays_on_the_wards_of_who_asks(elsewhere: Client, site: Site):
    assert elsewhere.post(reverse("search"), {"q": "obrien"}).context["patients"] == []


def test_search_is_audited_without_its_words(physician: Client, site: Site):
    physician.post(reverse("search"), {"q": "o'brien"})

    entry = AuditEntry.objects.get(action="patients.searched")
    assert entry.details == {"found": 1}
