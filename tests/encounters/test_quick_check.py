"""The quick check: an answer without a patient, which an encounter can start from."""

import re
from typing import Any
from uuid import uuid4

import pytest
from django.core import signing
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from ivigsite.encounters.models import AssessmentDraft, Encounter, Patient
from protocols.actions import withdraw
from protocols.models import ProtocolVersion
from tests.encounters.answers import BLEED, PATIENT
from tests.scenario import Site

pytestmark = pytest.mark.django_db

CHECK: dict[str, Any] = {**BLEED, "age_years": "50", "sex": "female"}


def test_quick_check_answers_whether_both_can_be_given(physician: Client, site: Site):
    response = physician.post(reverse("quick_check"), CHECK, headers={"HX-Request": "true"})

    page = response.content.decode()
    assert "Can both be given?" in page
    assert "In life-threatening bleeding, yes: IVIG and platelets are given at the same time" in page
    assert "<form" not in page


def test_quick_check_works_without_javascript(physician: Client, site: Site):
    response = physician.post(reverse("quick_check"), {**CHECK, "preview": "1"})

    assert response.status_code == 200
    assert "Grade 4 with active bleeding" in response.content.decode()


def test_quick_check_starts_with_nothing_chosen(physician: Client, site: Site):
    page = physician.get(reverse("quick_check")).content.decode()

    assert " checked" not in page
    assert "Start with the platelet count" in page


def test_quick_check_stores_nothing(physician: Client, site: Site):
    physician.post(reverse("quick_check"), CHECK)

    assert (Patient.objects.count(), Encounter.objects.count()) == (1, 1)


@pytest.mark.parametrize("method", ["get", "post"])
def test_empty_request_of_htmx_is_answered(physician: Client, site: Site, method: str):
    response = getattr(physician, method)(reverse("quick_check"), headers={"HX-Request": "true"})

    assert response.status_code == 200


def test_answers_of_a_quick_check_fill_the_assessment(physician: Client, site: Site):
    page = physician.post(reverse("new_patient"), CHECK).content.decode()
    carried = re.search(r'name="carried" value="([^"]+)"', page)
    assert carried

    opened: Any = physician.post(
        reverse("new_patient"),
        {
            **PATIENT,
            "ward": str(site.ward.pk),
            "bed": "",
            "idempotency_key": str(uuid4()),
            "carried": carried[1],
        },
    )

    form = physician.get(opened.url).content.decode()
    assert 'name="platelets" value="18"' in form
    assert 'value="melaena"' in form
    draft = AssessmentDraft.objects.get()
    assert draft.entered["weight_kg"] == "72"
    assert "age_years" not in draft.entered


@pytest.mark.parametrize(
    "carried",
    ["", "nonsense", "[" * 1000, signing.dumps({"platelets": "1"}, salt="another")],
    ids=["nothing", "nonsense", "brackets", "signed for something else"],
)
def test_carried_answers_that_nobody_signed_are_dropped(physician: Client, site: Site, carried: str):
    response = physician.post(
        reverse("new_patient"),
        {
            **PATIENT,
            "ward": str(site.ward.pk),
            "idempotency_key": str(uuid4()),
            "carried": carried,
        },
    )

    assert response.status_code == 302
    assert not AssessmentDraft.objects.exists()


def test_nurse_may_ask_and_is_not_offered_an_encounter(nurse: Client, site: Site):
    page = nurse.get(reverse("quick_check")).content.decode()

    assert "Start an encounter with this" not in page


def test_without_an_approved_protocol_nothing_is_computed(physician: Client, site: Site):
    version = ProtocolVersion.objects.get(pk=site.version.pk)
    withdraw(version=version, reason="Wrong", by=site.physician, at=timezone.now())

    response = physician.post(reverse("quick_check"), CHECK)

    assert response.status_code == 503
    assert "No protocol is approved" in response.content.decode()
