"""Two tabs, two patients, two people: nothing goes to the wrong one, and nothing typed is lost."""

from dataclasses import replace

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from ivigsite.encounters.models import Assessment, Encounter
from ivigsite.orders.models import OrderSet
from tests.browser.steps import (
    BLEED,
    admit_second,
    answer,
    assess_page,
    choose_page,
    control,
    expect_signed,
    press,
    press_on,
    save_assessment,
)
from tests.scenario import PASSWORD, Site, assess

pytestmark = pytest.mark.browser

FIRST = {**BLEED, "weight_kg": "72", "weight_method": "measured"}


@pytest.fixture
def second(site: Site) -> Encounter:
    return admit_second(site)


@pytest.fixture
def other_tab(bedside: Page) -> Page:
    return bedside.context.new_page()


def banner(page: Page) -> str:
    return page.locator(".patient-banner").inner_text()


def test_reassessment_starts_from_what_lasts_and_shows_what_changed(bedside: Page, site: Site):
    save_assessment(bedside, site.encounter, FIRST)
    old = Assessment.objects.values().get()

    bedside.get_by_role("link", name="Reassess").click()
    expect(control(bedside, "weight_kg", "72")).to_have_value("72")
    expect(control(bedside, "weight_method", "measured")).to_be_checked()
    expect(bedside.get_by_label("Platelet count", exact=True)).to_have_value("")
    expect(bedside.locator("input[name=bleeding_findings]:checked")).to_have_count(0)
    answer(bedside, {"platelets": "41", "platelets_unit": "e9_per_l", "weight_kg": "74"})
    press(bedside, "Save assessment")

    changes = bedside.get_by_role("group", name="What changed since assessment 1").get_by_role("row")
    expect(changes.filter(has_text="Platelet count")).to_contain_text("18,000")
    expect(changes.filter(has_text="Platelet count")).to_contain_text("41,000")
    expect(changes.filter(has=bedside.get_by_role("rowheader", name="Weight", exact=True))).to_contain_text(
        "72 kg74 kg"
    )
    assert Assessment.objects.filter(number=1).values().get() == old


@pytest.mark.hazard("H08")
def test_two_tabs_store_each_patients_answers_with_that_patient(
    bedside: Page, other_tab: Page, site: Site, second: Encounter
):
    bedside.goto(assess_page(site.encounter))
    other_tab.goto(assess_page(second))
    answer(bedside, FIRST)
    answer(other_tab, {**FIRST, "platelets": "41", "weight_kg": "55"})

    press(bedside, "Save assessment")
    press(other_tab, "Save assessment")

    expect(bedside.locator("main")).to_contain_text("18,000 per microlitre")
    expect(other_tab.locator("main")).to_contain_text("41,000 per microlitre")
    assert "O'BRIEN-ÑÚÑEZ" in banner(bedside)
    assert "O'BRIEN-NUNES" in banner(other_tab)
    assert site.encounter.assessments.get().facts["weight_kg"] == "72"
    assert second.assessments.get().facts["weight_kg"] == "55"


@pytest.mark.hazard("H08")
def test_form_of_one_patient_cannot_be_stored_with_another(bedside: Page, site: Site, second: Encounter):
    bedside.goto(assess_page(site.encounter))
    answer(bedside, FIRST)

    bedside.locator("#facts-form").evaluate("(form, url) => { form.action = url; }", assess_page(second))
    press(bedside, "Save assessment")

    expect(bedside.get_by_role("heading", name="Somebody else was faster")).to_be_visible()
    assert not Assessment.objects.exists()


@pytest.mark.hazard("H08")
def test_orders_signed_in_one_tab_leave_the_other_patient_alone(
    bedside: Page, other_tab: Page, site: Site, second: Encounter
):
    mine, theirs = assess(site), assess(replace(site, encounter=second), weight_kg="55")
    for page, assessment in ((bedside, mine), (other_tab, theirs)):
        page.goto(choose_page(assessment))
        press(page, "Check before signing")
        page.get_by_label("Your password").fill(PASSWORD)

    press(other_tab, "Sign order set")
    expect_signed(other_tab)
    assert OrderSet.objects.get().encounter == second
    press(bedside, "Sign order set")
    expect_signed(bedside)

    doses = OrderSet.objects.filter(lines__kind="ivig").values_list("encounter", "lines__dose_amount")
    assert dict(doses) == {site.encounter.pk: "70", second.pk: "55"}


@pytest.mark.hazard("H12")
def test_stale_form_shows_both_values_and_keeps_what_was_typed(bedside: Page, other_tab: Page, site: Site):
    bedside.goto(assess_page(site.encounter))
    answer(bedside, {**FIRST, "platelets": "41"})
    save_assessment(other_tab, site.encounter, FIRST)

    press(bedside, "Save assessment")

    conflict = bedside.locator("#problem")
    expect(conflict).to_contain_text("Somebody else assessed this patient while you were typing")
    expect(conflict).to_be_focused()
    row = conflict.get_by_role("row").filter(has_text="Platelet count")
    expect(row).to_contain_text("18,000")
    expect(row).to_contain_text("41,000")
    expect(bedside.get_by_label("Platelet count", exact=True)).to_have_value("41")
    for name, value in FIRST.items():
        if control(bedside, name, value).get_attribute("type") in ("radio", "checkbox"):
            expect(control(bedside, name, value)).to_be_checked()
    assert Assessment.objects.get().facts["platelets_per_ul"] == 18000

    press(bedside, "Save assessment")
    expect(bedside.get_by_role("heading", name="Assessment 2")).to_be_visible()


def test_check_page_of_a_replaced_assessment_signs_nothing(bedside: Page, other_tab: Page, site: Site):
    bedside.goto(choose_page(assess(site)))
    press_on(bedside, "Check before signing")
    save_assessment(other_tab, site.encounter, FIRST)

    bedside.get_by_label("Your password").fill(PASSWORD)
    press(bedside, "Sign order set")

    expect(bedside.get_by_role("heading", name="Nothing was signed")).to_be_visible()
    expect(bedside.locator("#problem")).to_contain_text("newer assessment")
    assert not OrderSet.objects.exists()


def test_stale_correction_of_a_patient_shows_both_values(bedside: Page, other_tab: Page, site: Site):
    path = reverse("correct_patient", args=[site.encounter.patient_id])
    bedside.goto(path)
    other_tab.goto(path)
    bedside.get_by_label("Given name").fill("Tessa")
    other_tab.get_by_label("Given name").fill("Theresa")
    press(other_tab, "Save record")
    expect(other_tab.get_by_role("heading", level=1)).to_contain_text("Theresa")

    press(bedside, "Save record")

    row = bedside.locator("#problem").get_by_role("row").filter(has_text="Given name")
    expect(row).to_contain_text("Theresa")
    expect(row).to_contain_text("Tessa")
    expect(bedside.get_by_label("Given name")).to_have_value("Tessa")
