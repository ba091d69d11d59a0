"""What is kept of a drawn form, and what never is."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from crispy_forms.utils import render_crispy_form
from django.test import Client
from django.urls import reverse

from ivigsite.encounters.assessment_form import AssessmentForm, as_posted
from ivigsite.encounters.fact_fields import fact_fields
from ivigsite.encounters.form_layout import helper_for
from protocols.content_files import load_shipped
from protocols.engine.protocol import Protocol
from tests.scenario import Site

NOW = datetime(2026, 11, 22, 14, 5, tzinfo=UTC)


@pytest.fixture
def protocol() -> Protocol:
    return load_shipped()


def drawn(protocol: Protocol, data: Any = None, **initial: Any) -> str:
    form = AssessmentForm(
        None if data is None else as_posted(data),
        protocol=protocol,
        now=NOW,
        birth_date=date(1981, 4, 3),
        patient_sex="female",
        initial=initial,
    )
    return str(render_crispy_form(form, helper_for(form)))


def test_every_field_is_drawn_once(protocol: Protocol):
    page = drawn(protocol)

    names = set(fact_fields(protocol).by_name) - {"age_years", "sex"}
    for name in names:
        assert f'name="{name}"' in page, name
    assert page.count('id="id_weight_kg"') == 1


@pytest.mark.hazard("H24")
def test_nothing_arrives_chosen(protocol: Protocol):
    page = drawn(protocol)

    assert " checked" not in page
    assert 'value="0"' not in page.replace('name="who_bleeding_grade" value="0"', "")
    assert "selected" not in page.replace('<option value="" selected>', "")


def test_not_known_is_offered_beside_every_choice(protocol: Protocol):
    page = drawn(protocol)

    for name in ("ttp_suspected", "bleeding_sites", "consent", "pregnant", "who_bleeding_grade"):
        assert f'name="{name}" value="unknown"' in page


def test_long_section_opens_by_itself_when_it_holds_an_answer(protocol: Protocol):
    closed = drawn(protocol)
    opened = drawn(protocol, dic_suspected="no")

    assert '<details class="fold" id="fold-cause">' in closed
    assert '<details class="fold" id="fold-cause" open>' in opened
    assert "1 answered" in opened


def test_questions_that_say_whether_it_is_immune_are_seen_at_once(protocol: Protocol):
    page = drawn(protocol)
    section = page[page.index('id="section-cause"') : page.index('id="section-scores"')]
    seen, folded = section.split('<details class="fold" id="fold-cause">')

    asked = ("immune_cause", "ttp_suspected", "hit_suspected", "clumps")
    assert all(f'name="{name}"' in seen and f'name="{name}"' not in folded for name in asked)
    assert 'name="dic_suspected"' in folded


def test_evidence_of_a_bleed_is_folded_until_the_patient_bleeds(protocol: Protocol):
    fold = '<details class="fold" id="fold-bleeding"'

    assert f"{fold}>" in drawn(protocol, bleeding_level="none")
    assert f"{fold} open>" in drawn(protocol, bleeding_level="active")
    assert f"{fold} open>" in drawn(protocol, bleeding_seen_by="A. Nurse")


def test_scores_open_where_what_they_are_about_is_suspected(protocol: Protocol):
    fold = '<details class="fold" id="fold-scores"'

    assert f"{fold}>" in drawn(protocol, ttp_suspected="no", hit_suspected="unknown")
    assert f"{fold} open>" in drawn(protocol, hit_suspected="yes")


def test_long_section_opens_where_something_is_wrong(protocol: Protocol):
    assert '<details class="fold" id="fold-immunoglobulin" open>' in drawn(protocol, {"iga_g_per_l": "x"})


def test_what_was_typed_is_not_kept(protocol: Protocol):
    drawn(protocol, weight_kg="71.25", bleeding_level_reason="Seen by Dr Example")

    kept = fact_fields(protocol).drawn
    assert kept
    assert "71.25" not in str(kept)
    assert "Dr Example" not in str(kept)


def test_drawing_shows_the_answer_of_this_form_and_no_other(protocol: Protocol):
    drawn(protocol, pregnant="yes")

    page = drawn(protocol, pregnant="no")

    assert 'name="pregnant" value="no" id="id_pregnant_1" checked' in page
    assert 'name="pregnant" value="yes" id="id_pregnant_0" checked' not in page


def test_error_is_drawn_for_who_made_it_and_not_kept(protocol: Protocol):
    wrong = drawn(protocol, {"weight_kg": "154 lb"})

    assert "kilograms only" in wrong
    assert "kilograms only" not in drawn(protocol)


def test_drawings_stay_few(protocol: Protocol, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("ivigsite.encounters.drawings.MOST_CHARACTERS", 20_000)

    drawn(protocol)

    assert sum(len(each) for each in fact_fields(protocol).drawn.values()) <= 20_000


@pytest.mark.django_db
def test_every_page_has_a_token_of_its_own(physician: Client, site: Site):
    url = reverse("assess", args=[site.encounter.pk])

    tokens = {str(physician.get(url).context["csrf_token"]) for _ in range(2)}

    assert len(tokens) == 2
