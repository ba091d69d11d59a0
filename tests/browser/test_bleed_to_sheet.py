"""A grade 4 bleed from the login page to the printed sheet: with a mouse, without scripts, by keyboard."""

import re
from collections.abc import Callable

import pypdfium2
import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from ivigsite.encounters.models import Assessment
from ivigsite.orders.models import OrderSet
from tests.browser.steps import (
    PATIENT,
    Answers,
    answer,
    control,
    dose_of,
    expect_signed,
    headline,
    press,
    register,
    sign_in,
    unfold,
    whole_case,
)
from tests.scenario import PASSWORD, Site

pytestmark = pytest.mark.browser

IVIG = "immune globulin intravenous (human)"
DOSES = ("70 g", "1 adult dose", "70 mg")
MOST_TABS = 400


def printed(page: Page) -> list[str]:
    """The pages of the sheet that comes when it is asked for, as text with single spaces."""
    with page.expect_response(lambda answer: answer.headers.get("content-type") == "application/pdf") as file:
        press(page, "Print A4")
    # A browser shows the file or puts it away, so it is fetched from its address.
    answered = page.request.get(file.value.url)
    assert answered.headers["content-type"] == "application/pdf"
    assert answered.body().startswith(b"%PDF")
    with pypdfium2.PdfDocument(answered.body()) as document:
        return [re.sub(r"\s+", " ", sheet.get_textpage().get_text_range()) for sheet in document]


def assert_sheet_is_whole(pages: list[str]) -> None:
    whole = " ".join(pages)
    for dose in DOSES:
        assert dose in whole
    for number, text in enumerate(pages, start=1):
        assert "EXAMPLEBLEED" in text.upper()
        assert PATIENT["record_number"] in text
        assert f"Page {number} of {len(pages)}" in text


def test_bleeding_patient_goes_from_login_to_printed_sheet(page: Page, site: Site):
    sign_in(page)
    register(page)

    answer(page, {"platelets": "18", "platelets_unit": "e9_per_l"})
    expect(page.locator("#platelets-echo")).to_have_text(
        "18,000 per microlitre (18 x 10⁹ per litre), Grade 4"
    )
    unfold(page)
    answer(page, whole_case())
    expect(headline(page)).to_have_text("Grade 4 with active bleeding")
    expect(page.locator("#recommendation .dose-amount").first).to_contain_text("70 g")
    expect(page.locator("#recommendation .consult")).to_contain_text("haematology")
    press(page, "Save assessment")

    expect(page.get_by_role("heading", name="Assessment 1")).to_be_visible()
    page.get_by_role("link", name="Choose orders").click()
    expect(dose_of(page, IVIG)).to_contain_text("700 mL")
    page.get_by_role("radio", name="Gammaplex 5%").check()
    expect(dose_of(page, IVIG)).to_contain_text("1,400 mL")
    expect(dose_of(page, IVIG).locator(".amount")).to_have_text("70 g")
    press(page, "Check before signing")

    expect(page.get_by_role("heading", name="Check, then sign")).to_be_visible()
    for dose in DOSES:
        expect(page.locator("main")).to_contain_text(dose)
    assert not OrderSet.objects.exists()
    page.get_by_label("Your password").fill(PASSWORD)
    press(page, "Sign order set")

    expect_signed(page)
    assert_sheet_is_whole(printed(page))


def test_same_journey_needs_no_script(site: Site, new_context: Callable[..., BrowserContext]):
    page = new_context(java_script_enabled=False).new_page()
    sign_in(page)
    register(page)

    unfold(page)
    answer(page, whole_case())
    press(page, "Show recommendation")
    expect(headline(page)).to_have_text("Grade 4 with active bleeding")
    expect(page.locator("#recommendation")).to_contain_text("18,000 per microlitre (18 x 10⁹ per litre)")
    expect(page.get_by_label("Platelet count", exact=True)).to_have_value("18")
    press(page, "Save assessment")
    page.get_by_role("link", name="Choose orders").click()
    page.get_by_role("radio", name="Gammaplex 5%").check()
    page.locator("button[name=update]").click()
    expect(dose_of(page, IVIG)).to_contain_text("1,400 mL")
    press(page, "Check before signing")
    page.get_by_label("Your password").fill(PASSWORD)
    press(page, "Sign order set")

    expect_signed(page)
    assert_sheet_is_whole(printed(page))


def test_order_set_is_signed_by_keyboard_alone(page: Page, site: Site):
    page.goto("/")
    type_into(page, page.get_by_label("User name"), "physician")
    type_into(page, page.get_by_label("Password"), PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/")
    activate(page, page.get_by_role("navigation").get_by_role("link", name="New patient"))
    expect(page.get_by_role("heading", name="New patient")).to_be_visible()
    fill_by_keyboard(page, PATIENT)
    tab_to(page, page.get_by_label("Ward", exact=True))
    page.keyboard.type("Haem")
    activate(page, page.get_by_role("button", name="Open encounter", exact=True))
    expect(page.get_by_role("heading", name="New assessment")).to_be_visible()

    fill_by_keyboard(page, whole_case())
    activate(page, page.get_by_role("button", name="Save assessment"))
    activate(page, page.get_by_role("link", name="Choose orders"))
    activate(page, page.get_by_role("button", name="Check before signing"))
    type_into(page, page.get_by_label("Your password"), PASSWORD)
    page.keyboard.press("Enter")

    expect_signed(page)
    assert Assessment.objects.get().facts["platelets_per_ul"] == 18000
    assert OrderSet.objects.get().lines.filter(kind="ivig", dose_amount="70", dose_unit="g").exists()


def tab_to(page: Page, target: Locator) -> None:
    """Press Tab until it stands on this element, or, for a radio button, on one of its group."""
    name = target.get_attribute("name") if target.get_attribute("type") == "radio" else None
    # Found by its label once: to look for it again after each key takes longer than the key.
    element = target.element_handle()
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        if element.evaluate(
            """(element, name) => document.activeElement === element
                 || (name !== null && document.activeElement.name === name)""",
            name,
        ):
            return
    raise AssertionError(f"Tab never reaches {target}")


def activate(page: Page, target: Locator) -> None:
    target.wait_for()
    tab_to(page, target)
    page.keyboard.press("Enter")


def type_into(page: Page, target: Locator, text: str) -> None:
    target.wait_for()
    tab_to(page, target)
    page.keyboard.type(text)


def fill_by_keyboard(page: Page, answers: Answers) -> None:
    # Of a page that is still on its way not everything is there to be unfolded.
    page.wait_for_load_state()
    for name, value in answers.items():
        found = control(page, name, value)
        fold = page.locator(f'details.fold:not([open]):has([name="{name}"]) > summary')
        if fold.count():
            activate(page, fold)
        kind = found.get_attribute("type")
        tab_to(page, found)
        if kind == "checkbox":
            page.keyboard.press("Space")
        elif kind == "radio":
            choose_by_arrows(page, found)
        else:
            page.keyboard.type(value)


def choose_by_arrows(page: Page, option: Locator) -> None:
    """From the radio button that has the focus to this one."""
    page.keyboard.press("Space")
    group = page.locator(f'input[type="radio"][name="{option.get_attribute("name")}"]')
    for _ in range(group.count()):
        if option.is_checked():
            return
        page.keyboard.press("ArrowDown")
    raise AssertionError(f"The arrows never reach {option}")
