"""Who sees what: only the wards one belongs to, and another ward looks like nothing at all."""

import re
from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from django.test import Client
from django.urls import reverse

from ivigsite.audit.models import AuditEntry
from tests.encounters.answers import saving
from tests.scenario import Site, assess

pytestmark = pytest.mark.django_db

PAGES: dict[str, Callable[[Site], UUID]] = {
    "encounter": lambda site: site.encounter.pk,
    "assess": lambda site: site.encounter.pk,
    "patient": lambda site: site.encounter.patient_id,
    "correct_patient": lambda site: site.encounter.patient_id,
    "assessment": lambda site: assess(site).pk,
}


def without_request_id(page: bytes) -> str:
    return re.sub(r'class="mono">[0-9a-f-]+<|value="[^"]{40,}"|data-seconds-left="\d+"', "", page.decode())


@pytest.mark.parametrize("name", PAGES)
def test_page_of_another_ward_is_the_page_of_nothing(elsewhere: Client, site: Site, name: str):
    there = PAGES[name](site)

    theirs = elsewhere.get(reverse(name, args=[there]))
    nothing = elsewhere.get(reverse(name, args=[uuid4()]))

    assert (theirs.status_code, nothing.status_code) == (404, 404)
    assert without_request_id(theirs.content) == without_request_id(nothing.content)


@pytest.mark.parametrize("name", PAGES)
def test_refusal_is_audited(elsewhere: Client, site: Site, name: str):
    there = PAGES[name](site)

    elsewhere.get(reverse(name, args=[there]))

    entry = AuditEntry.objects.filter(action__endswith=".denied").get()
    assert (entry.object_id, entry.actor) == (there, site.elsewhere)


@pytest.mark.parametrize("name", ["encounter", "patient", "assessment"])
def test_looking_is_audited(physician: Client, site: Site, name: str):
    there = PAGES[name](site)

    physician.get(reverse(name, args=[there]))

    assert AuditEntry.objects.filter(action=f"{name}.viewed", object_id=there).count() == 1


@pytest.mark.parametrize("path", ["/encounters/abc/", "/encounters/1/", "/patients/x/", "/assessments/%41/"])
def test_address_that_is_no_key_is_not_found(physician: Client, path: str):
    assert physician.get(path).status_code == 404


@pytest.mark.parametrize("name", ["assess", "correct_patient"])
def test_nurse_reads_and_does_not_write(nurse: Client, site: Site, name: str):
    assert nurse.get(reverse(name, args=[PAGES[name](site)])).status_code == 403
    assert nurse.get(reverse("encounter", args=[site.encounter.pk])).status_code == 200


def test_nurse_is_offered_nothing_she_may_not_do(nurse: Client, site: Site):
    made = assess(site)

    page = nurse.get(reverse("encounter", args=[site.encounter.pk])).content.decode()

    assert "Reassess" not in page
    assert "Close this encounter" not in page
    assert reverse("choose_orders", args=[made.pk]) not in page


def test_another_ward_cannot_be_written_to(elsewhere: Client, site: Site):
    response = elsewhere.post(reverse("assess", args=[site.encounter.pk]), saving(site.encounter))

    assert response.status_code == 404
    assert site.encounter.assessments.count() == 0


def test_who_is_not_signed_in_is_sent_to_the_login_page(client: Client, site: Site):
    for name in ("board", "quick_check", "search", "new_patient"):
        assert client.get(reverse(name)).status_code == 302


def test_what_changes_something_is_not_reached_by_a_link(physician: Client, site: Site):
    assert physician.get(reverse("open_encounter", args=[site.encounter.patient_id])).status_code == 405


def test_a_version_of_thousands_of_digits_is_a_conflict_and_no_fault(physician: Client, site: Site):
    patient = site.encounter.patient
    details = {
        "record_number": patient.record_number,
        "family_name": "Another",
        "given_name": "Name",
        "birth_date": "03-Apr-1981",
        "sex": "female",
        "allergies_known": "none_known",
        "version": "9" * 5000,
    }

    answer = physician.post(reverse("correct_patient", args=[patient.pk]), details)

    assert answer.status_code == 409
