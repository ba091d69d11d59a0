"""An infusion on a tablet, told from its paper: vials right and wrong, signs, steps, reactions, the end."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import BrowserContext, Locator, Page, expect

from ivigsite.orders.models import AdministrationEvent, OrderSet
from tests.browser.steps import arrive, press
from tests.browser.test_accessibility import faults
from tests.orders.test_signing import choices, sign
from tests.scenario import Site, assess, person

pytestmark = pytest.mark.browser


SIGNS = {
    "Temperature": "36.8",
    "Heart rate": "72",
    "Systolic blood pressure": "124",
    "Diastolic blood pressure": "76",
    "Breathing rate": "14",
    "Oxygen saturation": "98",
}


def ago(minutes: int) -> str:
    return f"{timezone.localtime() - timedelta(minutes=minutes):%d-%b-%Y %H:%M}"


def enter_signs(page: Page, infusion: Locator, check: str, *, minutes_ago: int, **chosen: str) -> None:
    """Normal signs for a check of the page, and back to it."""
    back = page.url
    infusion.get_by_role("link", name=f"Enter: {check}").first.click()
    for label, value in SIGNS.items():
        page.get_by_label(label, exact=True).fill(value)
    for name, value in chosen.items():
        page.locator(f'input[name="{name}"][value="{value}"]').check()
    page.get_by_label("Taken at").fill(ago(minutes_ago))
    press(page, "Store the result")
    expect(page.get_by_text(": normal.").first).to_be_visible()
    page.goto(back)


def do(infusion: Locator, act: str, *, minutes_ago: int, reason: str = "") -> None:
    """One act at the pump, told with its time."""
    form = infusion.get_by_role("form", name="What was done")
    form.get_by_label("When").fill(ago(minutes_ago))
    if reason:
        form.get_by_label("Reason, if not as planned").select_option(reason)
    form.get_by_role("button", name=act).click()


def test_an_infusion_is_noted_on_a_tablet_and_its_lot_is_found_again(
    new_context: Callable[..., BrowserContext], site: Site
):
    with time_machine.travel(timezone.now() - timedelta(minutes=110)):
        made = assess(site)
        client = Client()
        client.force_login(site.physician)
        sign(client, made, choices(made))
    order_set = OrderSet.objects.get()
    person("lead", "haematologist", site.ward)
    page: Page = new_context(viewport={"width": 1024, "height": 768}, color_scheme="light").new_page()
    arrive(page, "lead")
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
    enter_signs(page, infusion, "Vital signs before", minutes_ago=95, on_oxygen="no", fluid_status="balanced")
    do(infusion, "Start: ", minutes_ago=90, reason="physician")
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
    do(infusion, "Step up: ", minutes_ago=58)
    expect(page.locator(".error-summary")).to_contain_text("Another product than the ordered one")
    found["step refused"] = faults(page)
    do(infusion, "Step up: 42 mL per h", minutes_ago=58, reason="signs_elsewhere")
    expect(infusion.locator(".infusion-now")).to_contain_text("42")
    reaction = infusion.get_by_role("form", name="Reaction")
    reaction.get_by_role("radio", name="Grade 2").check()
    reaction.get_by_label("When").fill(ago(50))
    press(reaction, "Note the reaction")
    expect(infusion.get_by_text("Paused", exact=True)).to_be_visible()
    expect(infusion.locator(".infusion-hint")).to_contain_text("10.5 mL per h")
    found["paused"] = faults(page)
    # 21 was borne; half of it, from half an hour after the reaction.
    do(infusion, "Go on after the reaction: 10.5 mL per h", minutes_ago=30)
    expect(page.locator(".error-summary")).to_contain_text("settled long enough")
    do(infusion, "Go on after the reaction: 10.5 mL per h", minutes_ago=15)
    expect(infusion.get_by_text("Running", exact=True)).to_be_visible()
    expect(infusion.get_by_text("none: no faster today")).to_be_visible()
    expect(infusion.get_by_role("button", name="Step up")).to_have_count(0)
    found["restarted"] = faults(page)
    enter_signs(page, infusion, "Vital signs once more", minutes_ago=10, on_oxygen="no", rigors="no")
    infusion.get_by_label("Volume given, read off the pump").fill("28")
    do(infusion, "Finish", minutes_ago=5)
    expect(infusion.get_by_text("Finished", exact=True)).to_be_visible()
    expect(infusion.get_by_text("28 mL")).to_be_visible()
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 390, "height": 844})
    infusion.get_by_role("radio", name="Grade 4").check()
    press(infusion, "Note the reaction")
    expect(infusion.get_by_text("Adrenaline into the outer thigh muscle: 0.5 mg").first).to_be_visible()
    found["reaction after the end, dark, telephone"] = faults(page)
    page.goto(f"{reverse('lot_recall')}?lot=p200")
    expect(page.get_by_text("9990001112")).to_be_visible()
    page.goto(f"{reverse('lot_recall')}?lot=p100")
    expect(page.get_by_text("Named it until corrected: 1")).to_be_visible()
    found["recall, dark, telephone"] = faults(page)

    assert list(AdministrationEvent.objects.values_list("act", flat=True)) == [
        *("start", "step_up", "reaction", "restart", "finish", "reaction")
    ]
    assert {name: said for name, said in found.items() if said} == {}
