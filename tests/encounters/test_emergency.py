"""The emergency screen: eight questions, what is left open unknown, nothing typed lost."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.http import QueryDict
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from ivigsite.encounters.actions import close_encounter, start_emergency
from ivigsite.encounters.emergency_form import EmergencyForm
from ivigsite.encounters.models import Assessment, EmergencyStart, Encounter
from protocols.engine.facts import UNKNOWN
from tests.encounters.answers import PATIENT
from tests.encounters.emergency_answers import emergency_answers
from tests.scenario import Site, assess

pytestmark = pytest.mark.django_db


def address(site: Site) -> str:
    return reverse("emergency", args=[site.encounter.pk])


def send(client: Client, site: Site, **changes: Any) -> Any:
    return client.post(address(site), emergency_answers(site.encounter, **changes))


def facts_of(client: Client, site: Site, **changes: Any) -> dict[str, Any]:
    answered = send(client, site, **changes)
    assert answered.status_code == 302, answered.content.decode()
    facts: dict[str, Any] = Assessment.objects.latest("number").facts
    return facts


def test_one_press_on_the_board_starts_the_clock_and_shows_the_screen(physician: Client, site: Site):
    board = physician.get(reverse("board")).content.decode()
    press = reverse("start_emergency", args=[site.encounter.pk])

    shown = physician.post(press, follow=True)

    assert f'formaction="{press}"' in board
    assert shown.redirect_chain == [(address(site), 302)]
    assert "started" in shown.content.decode()
    assert EmergencyStart.objects.get().started_by == site.physician


def test_screen_asks_at_most_eight_questions(physician: Client, site: Site):
    form = physician.get(address(site)).context["form"]

    asked = {name for name in form.fields if not name.endswith("_unit") and name != "confirmed"}

    # How the weight is known belongs to the weight, as its unit belongs to the count.
    assert len(asked - {"weight_source"}) == 8


def test_answers_become_an_assessment_and_lead_to_signing(physician: Client, site: Site):
    answered = send(physician, site)

    made = Assessment.objects.get()
    assert answered["Location"] == reverse("emergency_orders", args=[made.pk])
    assert made.outcome["branch"] == "EMERGENCY_COMBINED"
    assert made.facts["bleeding_level"] == "life_threatening"
    assert made.facts["platelets_per_ul"] == 6000
    assert made.facts["weight_method"] == "estimated"
    assert made.entered["weight_estimate_reason"] == "By eye, cannot be weighed now"
    assert made.facts["consent"] == "emergency"


def test_continuing_starts_the_clock_where_nobody_pressed(physician: Client, site: Site):
    send(physician, site)

    assert EmergencyStart.objects.get().started_at == Assessment.objects.get().made_at


@pytest.mark.hazard("H24")
def test_what_is_left_open_is_unknown_and_never_no(physician: Client, site: Site):
    facts = facts_of(
        physician,
        site,
        ttp_suspected=None,
        hit_suspected="unknown",
        clumps=None,
        immunoglobulin_reaction=None,
        bleeding_sites=None,
    )

    assert facts.keys().isdisjoint(
        {"ttp_suspected", "hit_suspected", "clumps", "immunoglobulin_reaction", "bleeding_sites"}
    )
    assert facts.keys().isdisjoint({"dic_suspected", "creatinine_umol_per_l", "thrombosis_risk_factors"})


def test_gate_that_is_answered_is_known(physician: Client, site: Site):
    for gate in ("ttp_suspected", "hit_suspected", "clumps"):
        for answer, fact in (("no", False), ("yes", True)):
            assert facts_of(physician, site, **{gate: answer})[gate] is fact


def test_weight_says_how_it_is_known(physician: Client, site: Site):
    for source, method, reason in (
        ("measured_today", "measured", None),
        ("told", "estimated", "Patient or family says"),
        ("old_record", "estimated", "From an old record"),
    ):
        facts = facts_of(physician, site, weight_source=source)

        made = Assessment.objects.latest("number")
        assert facts["weight_method"] == method
        assert made.entered.get("weight_estimate_reason") == reason
        assert made.weighed_on == timezone.localdate()


BAD_ANSWERS: list[tuple[str, Any, str]] = [
    ("platelets", None, "Enter the platelet count"),
    ("platelets_unit", None, "Choose the unit"),
    ("platelets", "18,00", ""),
    ("platelets", "-5", ""),
    ("platelets", "18000", "Did you mean"),
    ("sampled_at", None, "Enter the time of the sample"),
    ("sampled_at", "yesterday", "Write the date"),
    ("sampled_at", "2570", "There is no such time"),
    ("weight_kg", None, "Enter the weight"),
    ("weight_kg", "85 lb", "kilogram"),
    ("weight_kg", "8500", ""),
    ("weight_source", None, "measured or estimated"),
    ("weight_source", "recorded", "Choose one of the answers"),
    ("bleeding_sites", ["cns", "none"], "Choose one of the answers"),
    ("ttp_suspected", "maybe", "Choose one of the answers"),
]


def test_bad_answer_is_refused_in_words_and_nothing_typed_is_lost(physician: Client, site: Site):
    for name, value, words in BAD_ANSWERS:
        typed = emergency_answers(site.encounter, **{name: value})

        answered = physician.post(address(site), typed)

        page = answered.content.decode()
        assert answered.status_code == 422, (name, value)
        assert name in answered.context["form"].errors, (name, value)
        assert words in page, (name, value, answered.context["form"].errors)
        assert "There is a problem" in page
        for field in ("platelets", "sampled_at", "weight_kg"):
            assert field not in typed or f'value="{typed[field]}"' in page, (name, value)
    assert not Assessment.objects.exists()


def test_unlikely_weight_is_asked_again_and_then_taken(physician: Client, site: Site):
    asked = send(physician, site, weight_kg="270")
    assert asked.status_code == 422
    question = asked.context["form"].questions[0]

    answered = send(physician, site, weight_kg="270", confirmed=[question.token])

    assert question.token in asked.content.decode()
    assert answered.status_code == 302


def test_what_an_earlier_assessment_knows_is_not_lost(physician: Client, site: Site):
    assess(site, weight_kg="85", hyperprolinaemia=True, consent="recorded")
    last = Assessment.objects.get()
    # As a form would have stored it: what was typed is where the next form starts from.
    entered = {
        "hyperprolinaemia": "yes",
        "height_cm": "170",
        "consent": "recorded",
        "weight_kg": "85",
        "weight_method": "measured",
        "bleeding_findings": ["melaena"],
    }

    form = form_of(site, last, entered, weight_source="recorded")

    assert form.is_valid(), form.errors
    facts = form.to_entry().facts
    assert facts.hyperprolinaemia is True
    assert facts.consent == "recorded"
    assert form.to_entry().weighed_on == last.weighed_on
    assert "bleeding_findings" not in form.to_entry().entered


def test_recorded_weight_is_only_taken_for_itself(physician: Client, site: Site):
    last = assess(site, weight_kg="85")

    form = form_of(site, last, {"weight_method": "measured"}, weight_kg="95", weight_source="recorded")

    assert "85 kg" in form.errors["weight_source"][0]


def test_carried_answer_that_can_be_used_no_more_becomes_unknown(physician: Client, site: Site):
    last = assess(site)

    form = form_of(site, last, {"height_cm": "ten", "hyperprolinaemia": "yes"})

    assert form.is_valid(), form.errors
    assert form.to_entry().facts.hyperprolinaemia is True
    assert "height_cm" not in form.to_entry().entered


@pytest.mark.hazard("H10")
@pytest.mark.parametrize("is_drafted", [False, True])
def test_unlikely_answer_that_was_stored_is_not_lost_because_nobody_asks_again(
    physician: Client, site: Site, is_drafted: bool
):
    """An IgA below detection is asked again of who types it; here it says which products may kill."""
    known = {"iga_g_per_l": "0.005", "iga_g_per_l_unit": "g_per_l"}

    form = form_of(site, assess(site), known, is_drafted=is_drafted)

    assert form.is_valid(), form.errors
    entry = form.to_entry()
    assert entry.facts.iga_g_per_l == Decimal("0.005")
    assert entry.confirmed == ()
    assert form.confirmed_before == ()


def test_unlikely_answer_of_a_draft_that_nobody_stored_stays_unknown(physician: Client, site: Site):
    last = assess(site)
    stored = {"iga_g_per_l": "0.005", "iga_g_per_l_unit": "mg_per_dl"}
    typed = {"iga_g_per_l": "0.005", "iga_g_per_l_unit": "g_per_l"}

    form = form_of(site, last, typed, is_drafted=True, stored=stored)

    assert form.is_valid(), form.errors
    assert form.to_entry().facts.iga_g_per_l is UNKNOWN


def form_of(
    site: Site,
    last: Assessment,
    entered: dict[str, Any],
    *,
    is_drafted: bool = False,
    stored: dict[str, Any] | None = None,
    **changes: Any,
) -> EmergencyForm:
    from ivigsite.encounters.assessment_form import as_posted
    from ivigsite.encounters.selectors import StartingAnswers
    from protocols.mapping import load_protocol_value

    last.entered = entered if stored is None else stored
    data: QueryDict = as_posted(emergency_answers(site.encounter, **changes))
    return EmergencyForm(
        data,
        protocol=load_protocol_value(site.version),
        patient=site.encounter.patient,
        started=StartingAnswers(
            answers=entered, last=last, drafted_at=timezone.now() if is_drafted else None
        ),
        emergency_since=None,
        now=timezone.now(),
    )


@pytest.mark.hazard("H13")
def test_sending_the_screen_twice_stores_one_assessment_and_starts_one_clock(physician: Client, site: Site):
    data = emergency_answers(site.encounter)

    first, second = (physician.post(address(site), data) for _ in range(2))

    assert first["Location"] == second["Location"]
    assert Assessment.objects.count() == EmergencyStart.objects.count() == 1


def test_somebody_elses_change_loses_nothing_that_was_typed(physician: Client, site: Site):
    data = emergency_answers(site.encounter)
    assess(site)

    answered = physician.post(address(site), data)

    assert answered.status_code == 409
    assert 'name="platelets" value="6"' in answered.content.decode()
    again = answered.context["save"].initial
    data |= {"version": str(again["version"]), "idempotency_key": str(again["idempotency_key"])}
    assert physician.post(address(site), data).status_code == 302


def test_form_of_another_encounter_is_not_taken(physician: Client, site: Site):
    answered = send(physician, site, encounter=str(uuid4()))

    assert answered.status_code == 409
    assert not Assessment.objects.exists()


def test_back_from_signing_the_answers_are_still_there(physician: Client, site: Site):
    physician.post(reverse("start_emergency", args=[site.encounter.pk]))
    send(physician, site)

    form = physician.get(address(site)).context["form"]

    assert form["platelets"].value() == "6"
    assert form["weight_source"].value() == "by_eye"
    assert form["bleeding_sites"].value() == ["cns"]


def test_closed_encounter_has_no_emergency(physician: Client, site: Site):
    encounter = Encounter.objects.get()
    close_encounter(
        encounter=encounter, version=encounter.version, reason="Gone", by=site.physician, at=timezone.now()
    )

    assert physician.get(address(site)).status_code == 409
    assert physician.post(reverse("start_emergency", args=[encounter.pk])).status_code == 409
    assert not EmergencyStart.objects.exists()


def test_new_patient_can_be_admitted_straight_into_an_emergency(physician: Client, site: Site):
    data = {
        **PATIENT,
        "ward": str(site.ward.pk),
        "bed": "",
        "idempotency_key": str(uuid4()),
        "emergency": "1",
    }

    shown = physician.post(reverse("new_patient"), data, follow=True)

    opened = Encounter.objects.get(patient__family_name="Examplesson")
    assert shown.redirect_chain == [(reverse("emergency", args=[opened.pk]), 302)]
    assert EmergencyStart.objects.get().encounter == opened


def test_quick_check_goes_on_as_an_emergency_with_its_answers(physician: Client, site: Site):
    checked = {"platelets": "6", "platelets_unit": "e9_per_l", "weight_kg": "85", "hit_suspected": "no"}
    asked = physician.post(reverse("new_patient"), {**checked, "emergency": "1"})
    data = {
        **PATIENT,
        "carried": asked.context["carried"],
        "ward": str(site.ward.pk),
        "bed": "",
        "idempotency_key": str(uuid4()),
        "emergency": "1",
    }

    shown = physician.post(reverse("new_patient"), data, follow=True)

    assert asked.context["is_emergency"]
    form = shown.context["form"]
    assert {name: form[name].value() for name in checked} == checked


def test_running_emergency_leads_the_board_with_its_clock(physician: Client, site: Site):
    began = timezone.now() - timedelta(minutes=3, seconds=5)
    start_emergency(encounter=site.encounter, by=site.physician, at=began)

    answered = physician.get(reverse("board_rows"))

    row = answered.context["rows"][0]
    assert row.emergency_at == began
    assert row.emergency_elapsed.startswith("3 min ")
    assert "Emergency" in answered.content.decode()


def test_nurse_sees_the_clock_and_cannot_start_or_stop_it(nurse: Client, site: Site):
    start_emergency(encounter=site.encounter, by=site.physician, at=timezone.now())

    board, page = nurse.get(reverse("board")), nurse.get(site.encounter.get_absolute_url())

    assert "Emergency" in board.content.decode()
    assert "em-press" not in board.content.decode()
    assert "Stand down" not in page.content.decode()
    assert nurse.post(reverse("start_emergency", args=[site.encounter.pk])).status_code == 403


def test_standing_down_asks_why_and_stops_the_clock(physician: Client, site: Site):
    start_emergency(encounter=site.encounter, by=site.physician, at=timezone.now())
    path = reverse("stand_down_emergency", args=[site.encounter.pk])

    refused = physician.post(path, {"reason": "other", "comment": ""})
    done = physician.post(path, {"reason": "by_mistake", "comment": "Next row"}, follow=True)
    again = physician.post(path, {"reason": "by_mistake"}, follow=True)

    assert refused.status_code == 422
    assert "Say which other reason." in refused.content.decode()
    assert "stood down after" in done.content.decode()
    assert "over already" in again.content.decode()


def test_open_questions_stand_on_the_encounter_page_until_they_are_answered(physician: Client, site: Site):
    send(physician, site)

    page = physician.get(site.encounter.get_absolute_url())

    assert "Open from the emergency" in page.content.decode()
    labels = {question.label for question in page.context["advice"].questions}
    assert any("HIT" in label for label in labels)
    assert any("creatinine" in label.lower() for label in labels)
