"""An infusion on a tablet: vials, right and wrong ones, start, a step refused, a reaction that ends it."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse
from playwright.sync_api import BrowserContext, Page, expect

from ivigsite.orders.models import AdministrationEvent, OrderSet
from tests.browser.steps import press, sign_in
from tests.browser.test_accessibility import faults
from tests.orders.test_signing import choices, sign
from tests.scenario import Site, assess, person

pytestmark = pytest.mark.browser


def test_an_infusion_is_noted_on_a_tablet_and_its_lot_is_found_again(
    new_context: Callable[..., BrowserContext], site: Site
):
    made = assess(site)
    client = Client()
    client.force_login(site.physician)
    sign(client, made, choices(made))
    order_set = OrderSet.objects.get()
    person("lead", "haematologist", site.ward)
    page: Page = new_context(viewport={"width": 1024, "height": 768}, color_scheme="light").new_page()
    sign_in(page, "lead")
    found: dict[str, list[str]] = {}

    page.goto(reverse("infusion", args=[order_set.pk]))
    infusion = page.locator(".infusion", has_text="Immunoglobulin")
    found["not started"] = faults(page)
    infusion.get_by_label("Product on the vial").select_option("privigen")
    infusion.get_by_label("Lot number").fill("P 100")
    infusion.get_by_label("Expires on").fill("31-Jan-2099")
    infusion.get_by_label("One vial holds").fill("10")
    infusion.get_by_label("Vials of this lot").fill("7")
    press(infusion, "Note these vials")
    expect(infusion.get_by_text("P100", exact=True)).to_be_visible()
    infusion.get_by_label("Product on the vial").select_option("octagam_10")
    infusion.get_by_label("Lot number").fill("K 77")
    infusion.get_by_label("Expires on").fill("31-Jan-2020")
    infusion.get_by_label("One vial holds").fill("5")
    infusion.get_by_label("Vials of this lot").fill("1")
    press(infusion, "Note these vials")
    expect(infusion.get_by_text("Only if it is in the patient already")).to_be_visible()
    found["asked once more"] = faults(page)
    infusion.get_by_label("Not the product ordered").check()
    infusion.get_by_label("Expired when given").check()
    infusion.get_by_label("How it came about").fill("Taken from the wrong shelf")
    infusion.get_by_label("The rest of a vial is discarded").check()
    press(infusion, "Note these vials")
    expect(infusion.locator(".finding.is-critical").first).to_contain_text("Privigen is ordered")
    found["discrepancy"] = faults(page)
    infusion.get_by_label("Reason, if not as planned").select_option("physician")
    infusion.get_by_role("button", name="Start: ").click()
    expect(infusion.get_by_text("Running", exact=True)).to_be_visible()
    found["running"] = faults(page)
    infusion.get_by_role("link", name="Correct Privigen P100").click()
    form = page.get_by_role("form", name="What is right")
    form.get_by_label("Lot number").fill("P 200")
    press(form, "Store the correction")
    expect(page.locator(".error-summary")).to_contain_text("Choose an answer")
    found["correction refused"] = faults(page)
    form.get_by_label("Why it is corrected").select_option("misread")
    press(form, "Store the correction")
    expect(infusion.locator(".is-corrected")).to_contain_text("Misread or mistyped")
    found["corrected"] = faults(page)
    infusion.get_by_role("button", name="Step up: ").click()
    expect(page.locator(".error-summary")).to_contain_text("Another product than the ordered one")
    found["step refused"] = faults(page)
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 390, "height": 844})
    infusion.get_by_role("radio", name="Grade 4").check()
    press(infusion, "Note the reaction")
    expect(infusion.get_by_text("Stopped, finished for today")).to_be_visible()
    expect(infusion.get_by_text("Adrenaline into the outer thigh muscle: 0.5 mg").first).to_be_visible()
    found["stopped, dark, telephone"] = faults(page)
    page.goto(f"{reverse('lot_recall')}?lot=p200")
    expect(page.get_by_text("9990001112")).to_be_visible()
    page.goto(f"{reverse('lot_recall')}?lot=p100")
    expect(page.get_by_text("Named it until corrected: 1")).to_be_visible()
    found["recall, dark, telephone"] = faults(page)

    assert list(AdministrationEvent.objects.values_list("act", flat=True)) == ["start", "reaction"]
    assert {name: said for name, said in found.items() if said} == {}
