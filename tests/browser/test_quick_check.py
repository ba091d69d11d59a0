"""The answer without a patient, and how it becomes the first assessment of one."""

import pytest
from playwright.sync_api import Page, expect

from ivigsite.encounters.models import Assessment, Patient
from tests.browser.steps import BLEED, PATIENT, answer, control, headline, press, unfold

pytestmark = pytest.mark.browser

ASKED = {**BLEED, "age_years": "41", "sex": "female", "weight_kg": "72", "weight_method": "measured"}
GATE = {"clumps": "no", "ttp_suspected": "no", "aetiology": "primary_itp"}


def test_quick_check_answers_beside_the_questions_and_starts_an_encounter(bedside: Page):
    bedside.get_by_role("link", name="Quick check").click()
    unfold(bedside)
    folded = bedside.locator("#fold-cause > summary")
    expect(folded).to_contain_text("none answered yet")
    answer(bedside, {**ASKED, **GATE})
    expect(folded).to_contain_text("1 answered")
    expect(headline(bedside)).to_have_text("Grade 4 with active bleeding")
    expect(bedside.get_by_role("region", name="Can both be given?")).to_contain_text(
        "Yes: both are recommended here."
    )
    known_before = Patient.objects.count()
    press(bedside, "Start an encounter with this")

    expect(bedside.locator("main")).to_contain_text("The answers of your quick check are kept")
    assert Patient.objects.count() == known_before
    answer(bedside, PATIENT)
    bedside.get_by_label("Ward", exact=True).select_option(label="Haematology ward")
    press(bedside, "Open encounter")

    expect(bedside.get_by_role("heading", name="New assessment")).to_be_visible()
    for name, value in {**BLEED, **GATE, "weight_kg": "72", "weight_method": "measured"}.items():
        carried = control(bedside, name, value)
        if carried.get_attribute("type") in ("radio", "checkbox"):
            expect(carried).to_be_checked()
        else:
            expect(carried).to_have_value(value)
    expect(headline(bedside)).to_have_text("Grade 4 with active bleeding")
    assert not Assessment.objects.exists()


@pytest.mark.hazard("H09")
def test_quick_check_stops_where_another_cause_is_suspected(bedside: Page):
    bedside.get_by_role("link", name="Quick check").click()
    unfold(bedside)
    answer(bedside, {**ASKED, **GATE, "ttp_suspected": "yes"})

    stop = bedside.get_by_role("region", name="Is the count real, and is it immune?")
    expect(stop).to_contain_text("TTP or another thrombotic microangiopathy is possible")
    expect(stop.locator("div").filter(has=bedside.get_by_text("IVIG", exact=True)).last).to_contain_text(
        "stopped"
    )
    expect(bedside.locator("#recommendation")).to_contain_text("Not to be ordered yet.")
    answers = bedside.get_by_role("region", name="Can both be given?").locator(".both-answer")
    expect(answers).to_have_count(1)
    expect(answers).to_contain_text("Not while this stop stands")
