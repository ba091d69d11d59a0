"""A night with the checklist on a tablet: due, entered, alarming, taken on; both themes and a telephone."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import BrowserContext, Page, expect

from ivigsite.monitoring.models import Observation
from tests.browser.steps import arrive, press
from tests.browser.test_accessibility import faults
from tests.monitoring.ward import order_on
from tests.scenario import Site, assess

pytestmark = [pytest.mark.browser, pytest.mark.hazard("H21"), pytest.mark.hazard("H22")]


def test_a_critical_result_shows_its_action_stays_on_the_board_and_is_taken_on_by_name(
    new_context: Callable[..., BrowserContext], site: Site
):
    start = timezone.now().replace(second=0, microsecond=0) - timedelta(hours=50)
    ward = order_on(site, start, assess(site, at=start - timedelta(minutes=30)))
    page: Page = new_context(viewport={"width": 1024, "height": 768}, color_scheme="light").new_page()
    arrive(page)
    found: dict[str, list[str]] = {}

    expect(page.locator(".board-row")).to_contain_text("overdue")
    found["board"] = faults(page)
    # One press from the board to the form, one to the checklist; the rest of a line leads to the encounter.
    entry = page.locator(".board-entry").first
    check = (entry.text_content() or "").removeprefix("Enter: ")
    entry.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(check)
    page.go_back()
    page.locator(".board-checks-link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Checklist")
    found["checklist"] = faults(page)
    page.get_by_role("link", name="Enter Creatinine at 48 hours").click()
    press(page, "Store the result")
    expect(page.get_by_text("There is a problem")).to_be_visible()
    found["refused"] = faults(page)

    page.get_by_label("Creatinine", exact=True).fill("2.1")
    page.get_by_role("radio", name="mg per dL").check()
    press(page, "Store the result")

    expect(page.get_by_text("Stop the immunoglobulin course")).to_be_visible()
    expect(page.get_by_text("2.1 mg per dL")).to_be_visible()
    expect(page.get_by_role("heading", name="Next dose of immunoglobulin on hold")).to_be_visible()
    found["alert"] = faults(page)
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 390, "height": 844})
    found["alert, dark, telephone"] = faults(page)
    page.goto(reverse("handover"))
    found["handover, dark, telephone"] = faults(page)
    page.goto(reverse("board"))
    expect(page.locator(".board-row")).to_contain_text("1 alert")
    page.goto(reverse("checklist", args=[site.encounter.pk]))
    page.get_by_label("What you do about it").fill("Called nephrology")
    press(page, "I take this on")

    expect(page.get_by_text("Stop the immunoglobulin course")).to_have_count(0)
    assert Observation.objects.get().acknowledgement.by == site.physician
    assert ward.task("REN-03").closed_as == "done"
    assert {name: said for name, said in found.items() if said} == {}
