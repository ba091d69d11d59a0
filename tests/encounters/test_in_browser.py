"""The bedside pages in a real browser: typing is never disturbed, and nothing needs a script."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Browser, Page, Request, expect
from pytest_django.live_server_helper import LiveServer

from ivigsite.encounters.models import Assessment
from tests.browser.steps import let_in
from tests.scenario import PASSWORD, Site, assess, build_site

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def sign_in(page: Page, live_server: LiveServer) -> Page:
    page.goto(live_server.url)
    page.get_by_label("User name").fill("physician")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Open encounters")).to_be_visible()
    return page


@pytest.fixture
def site(transactional_db: None, live_server: LiveServer) -> Site:
    return build_site(at=timezone.now())


@pytest.fixture
def bedside(page: Page, site: Site) -> Page:
    let_in(page.context, "physician")
    return page


@pytest.fixture
def previews(bedside: Page) -> list[Request]:
    seen: list[Request] = []
    bedside.on("request", lambda request: seen.append(request) if is_preview(request) else None)
    return seen


def is_preview(request: Request) -> bool:
    return request.method == "POST" and not request.url.endswith(reverse("stay_signed_in"))


def fill_bleed(page: Page) -> None:
    page.get_by_label("Platelet count", exact=True).fill("18")
    choose(page, "platelets_unit", "e9_per_l")
    choose(page, "bleeding_findings", "melaena")
    choose(page, "who_bleeding_grade", "2")
    choose(page, "urgent_surgery", "no")
    choose(page, "rapid_rise", "no")
    page.get_by_label("Weight", exact=True).fill("72")


def choose(page: Page, name: str, value: str) -> None:
    page.locator(f'input[name="{name}"][value="{value}"]').check()


def test_no_key_is_lost_while_the_preview_changes(
    bedside: Page, live_server: LiveServer, site: Site, previews: list[Request]
):
    bedside.goto(live_server.url + reverse("assess", args=[site.encounter.pk]))
    fill_bleed(bedside)
    reason = bedside.locator("#id_rapid_rise_reason")
    choose(bedside, "rapid_rise", "yes")

    reason.press_sequentially("Delivery is expected within the next day", delay=120)

    expect(reason).to_have_value("Delivery is expected within the next day")
    expect(reason).to_be_focused()


def test_one_pause_makes_one_request(bedside: Page, live_server: LiveServer, previews: list[Request]):
    # The clock of the page stands still while no key comes, however slow the machine is.
    bedside.clock.install()
    bedside.goto(live_server.url + reverse("quick_check"))
    bedside.clock.pause_at(bedside.evaluate("Date.now()") + 1000)
    bedside.get_by_label("Weight", exact=True).focus()
    for key in "70.5":
        bedside.keyboard.type(key)
        bedside.clock.run_for(40)
    bedside.get_by_label("Height").focus()
    with bedside.expect_response("**/quick-check/"):
        bedside.clock.run_for(1000)
    bedside.clock.run_for(5000)

    assert len(previews) == 1


def test_advice_appears_beside_the_form_and_is_announced(bedside: Page, live_server: LiveServer):
    bedside.goto(live_server.url + reverse("quick_check"))

    fill_bleed(bedside)

    expect(bedside.get_by_role("heading", name="Grade 4 with active bleeding")).to_be_visible()
    expect(bedside.locator("#platelets-echo")).to_have_text(
        "18,000 per microlitre (18 x 10⁹ per litre), Grade 4"
    )
    expect(bedside.get_by_role("status").filter(has_text="Grade 4")).to_have_count(1)


@pytest.mark.hazard("H01")
def test_implausible_count_is_confirmed_beside_the_form(bedside: Page, live_server: LiveServer):
    bedside.goto(live_server.url + reverse("quick_check"))
    bedside.get_by_label("Platelet count", exact=True).fill("22")
    choose(bedside, "platelets_unit", "per_ul")
    box = bedside.get_by_role("checkbox", name="Did you mean 22 x 10⁹ per litre?")

    box.check()

    expect(bedside.locator("#platelets-echo")).to_contain_text("22 per microlitre")
    expect(bedside.locator("#confirm-platelets")).to_be_checked()
    expect(bedside.locator("#confirm-platelets")).to_be_focused()


def test_what_was_unfolded_stays_unfolded(bedside: Page, live_server: LiveServer):
    bedside.goto(live_server.url + reverse("quick_check"))
    fill_bleed(bedside)
    bedside.locator("#more-unknown > summary").click()

    bedside.get_by_label("Weight", exact=True).fill("80")

    expect(bedside.get_by_text("for 80 kg").first).to_be_visible()
    expect(bedside.locator("#more-unknown")).to_have_attribute("open", "")


def test_assessment_is_made_without_javascript(browser: Browser, live_server: LiveServer, site: Site):
    page = sign_in(browser.new_context(java_script_enabled=False).new_page(), live_server)
    page.goto(live_server.url + reverse("assess", args=[site.encounter.pk]))
    fill_bleed(page)

    page.get_by_role("button", name="Show recommendation").click()
    expect(page.get_by_role("heading", name="Grade 4 with active bleeding")).to_be_visible()
    page.get_by_role("button", name="Save assessment").click()

    expect(page.get_by_role("heading", name="Assessment 1")).to_be_visible()
    assert Assessment.objects.get().grade == 4


def test_panel_is_a_strip_on_a_narrow_screen(bedside: Page, live_server: LiveServer):
    bedside.set_viewport_size({"width": 390, "height": 844})
    bedside.goto(live_server.url + reverse("quick_check"))

    fill_bleed(bedside)

    expect(bedside.locator("#strip-headline")).to_contain_text("Grade 4 with active bleeding")
    expect(bedside.get_by_role("heading", name="Grade 4 with active bleeding")).to_be_hidden()
    bedside.locator("#strip > summary").click()
    expect(bedside.get_by_role("heading", name="Grade 4 with active bleeding")).to_be_visible()


@pytest.mark.parametrize("width", [390, 1440])
def test_pages_have_no_accessibility_problem(bedside: Page, live_server: LiveServer, site: Site, width: int):
    made = assess(site)
    bedside.set_viewport_size({"width": width, "height": 900})
    keys = {
        "encounter": site.encounter.pk,
        "assess": site.encounter.pk,
        "assessment": made.pk,
        "patient": site.encounter.patient_id,
        "correct_patient": site.encounter.patient_id,
    }
    paths = [reverse(name) for name in ("board", "quick_check", "new_patient", "search")]
    paths += [reverse(name, args=[key]) for name, key in keys.items()]

    found = {}
    for path in paths:
        bedside.goto(live_server.url + path)
        found[path] = [problem["id"] for problem in violations(bedside)]

    assert found == {path: [] for path in paths}


def test_page_with_problems_has_no_accessibility_problem(bedside: Page, live_server: LiveServer):
    bedside.goto(live_server.url + reverse("quick_check"))
    bedside.get_by_label("Platelet count", exact=True).fill("22")
    choose(bedside, "platelets_unit", "per_ul")
    bedside.get_by_label("Weight", exact=True).fill("154 lb")

    bedside.get_by_role("button", name="Show recommendation").click()

    expect(bedside).to_have_title("Error: Quick check · IVIG site")
    expect(bedside.get_by_role("alert").filter(has_text="There is a problem")).to_be_focused()
    assert violations(bedside) == []


def violations(page: Page) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (
        Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    )
    return found
