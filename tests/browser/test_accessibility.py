"""Every page of the journeys, looked at by axe with no rule left out: both themes, and a narrow screen."""

from collections.abc import Callable, Iterator, Mapping
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from playwright.sync_api import BrowserContext, Page, expect

from ivigsite.accounts.roles import Role
from ivigsite.encounters import views as encounter_views
from ivigsite.encounters.models import Assessment, Encounter
from ivigsite.orders import views as order_views
from ivigsite.orders.models import OrderSet
from ivigsite.orders.sheet.documents import Document
from ivigsite.orders.sheet.furniture import code_text
from ivigsite.orders.sheet.jobs import SheetFailed
from protocols.reading import NoApprovedProtocol
from tests.browser.steps import (
    BLEED,
    answer,
    arrive,
    assess_page,
    choose_page,
    expect_signed,
    failing_with,
    follow,
    headline,
    press,
    press_on,
    sign_in,
    sign_out,
    unfold,
)
from tests.browser.watch import Watch
from tests.encounters.emergency_answers import emergency_answers
from tests.protocols.factory import draft
from tests.revisions.versions import replace_version
from tests.scenario import PASSWORD, Site, assess, person

pytestmark = pytest.mark.browser

Theme = Literal["light", "dark"]
EVERY_RULE = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}
# A telephone, a tablet, a desk.
WIDTHS = (390, 1024, 1440)
# The dark theme differs from the light one in its colours and in nothing else: every rule is asked at both
# ends of the widths, and once in each theme.
LOOKS: Mapping[int, Theme] = {390: "dark", 1440: "light"}
BLEED_WEIGHED = {**BLEED, "weight_kg": "72", "weight_method": "measured"}
# Lower than the findings give, which asks for a reason.
CONTRADICTED = {**BLEED_WEIGHED, "bleeding_level": "none"}

Walk = Callable[[Page, Site, pytest.MonkeyPatch], Iterator[str]]


def signing_in(page: Page, site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    page.goto(reverse("login"))
    yield "sign in"
    press(page, "Sign in")
    expect(page.locator(".error-summary")).to_be_focused()
    yield "sign in, refused"
    sign_in(page)
    yield "board, not assessed"
    page.goto(reverse("me"))
    yield "personalise"
    page.goto(reverse("protocols:versions"))
    yield "versions of the protocol"
    page.goto(reverse("protocols:policy"))
    yield "editorial policy"
    page.goto(reverse("protocols:search"))
    page.get_by_label("Ask the protocol").fill("IgA before the first dose")
    press_on(page, "Ask")
    yield "answers of the protocol"
    sign_out(page)
    yield "signed out"


def assessing(page: Page, site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    arrive(page)
    page.goto(reverse("quick_check"))
    unfold(page)
    yield "quick check"
    answer(page, BLEED_WEIGHED)
    expect(headline(page)).to_have_text("Grade 4 with active bleeding")
    yield "quick check, answered"
    page.goto(reverse("new_patient"))
    yield "new patient"
    press(page, "Open encounter")
    expect(page.locator(".error-summary")).to_be_focused()
    yield "new patient, refused"
    page.goto(assess_page(site.encounter))
    unfold(page)
    yield "assess"
    answer(page, CONTRADICTED)
    press(page, "Save assessment")
    expect(page.locator(".error-summary")).to_be_focused()
    yield "assess, refused"
    page.goto(assess_page(site.encounter))
    answer(page, BLEED_WEIGHED)
    assess(site)
    press(page, "Save assessment")
    expect(page.locator("#problem")).to_be_focused()
    yield "assess, somebody else was faster"
    press(page, "Save assessment")
    expect(page.get_by_role("heading", name="Assessment 2")).to_be_visible()
    yield "assessment that changed something"


def ordering(page: Page, site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    arrive(page)
    stopped = assess(site, ttp_suspected=True)
    page.goto(stopped.get_absolute_url())
    yield "assessment, stopped"
    page.goto(choose_page(stopped))
    yield "orders that cannot be chosen"
    page.goto(choose_page(assess(site, overload_risk_factors=["heart_failure"])))
    yield "choose orders, with a reason to give"
    assessment = assess(site, bleeding_level="life_threatening", bleeding_sites=["cns"])
    page.goto(choose_page(assessment))
    yield "choose orders"
    page.get_by_label("Start time").fill("soon")
    press(page, "Check before signing")
    expect(page.locator(".error-summary")).to_be_focused()
    yield "choose orders, refused"
    page.goto(choose_page(assessment))
    press_on(page, "Check before signing")
    yield "check"
    press(page, "Sign order set")
    expect(page.locator(".error-summary")).to_be_focused()
    yield "check, refused"
    page.get_by_label("Your password").fill(PASSWORD)
    press(page, "Sign order set")
    expect_signed(page)
    yield "order set"
    signed = page.url
    for document in (Document.ORDER_SET, Document.NURSE_CHART, Document.ISSUE_SHEET, Document.HANDOVER_CARD):
        page.goto(reverse("html_sheet", args=[OrderSet.objects.get().pk, document]))
        yield f"{document} as a page"
    page.goto(reverse("checklist", args=[site.encounter.pk]))
    yield "checklist"
    page.goto(reverse("find_status"))
    yield "status, no code yet"
    page.goto(reverse("status", args=[code_text(OrderSet.objects.get().sheet_content)]))
    yield "status of a code"
    page.goto(signed)
    with monkeypatch.context() as broken:
        broken.setattr(order_views, "render_print", failing_with(SheetFailed("It took too long.")))
        press_on(page, "Print US Letter")
        yield "sheet that failed"
        follow(page, page.get_by_role("link", name="Back to the order set"))
    follow(page, page.get_by_role("link", name="Void this order set"))
    yield "void"
    press(page, "Void order set")
    expect(page.locator(".error-summary")).to_be_focused()
    yield "void, refused"
    page.get_by_label("Reason").fill("Wrong bed")
    page.get_by_label("Your password").fill(PASSWORD)
    press_on(page, "Void order set")
    yield "order set, void"
    page.goto(site.encounter.get_absolute_url())
    yield "encounter"
    follow(page, page.get_by_role("link", name="Enter orders from paper"))
    yield "orders from paper"
    press(page, "Enter this line")
    expect(page.locator(".error-summary")).to_be_focused()
    yield "orders from paper, refused"
    follow(page, page.get_by_role("link", name="Downtime", exact=True))
    yield "downtime, nothing written"
    sign_out(page)
    # Who may look at it has no board to begin with.
    page.goto(reverse("recall", args=[site.version.pk]))
    page.get_by_label("User name").fill("approver")
    page.get_by_label("Password").fill(PASSWORD)
    press(page, "Sign in")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Recall")
    yield "recall list"


def in_an_emergency(page: Page, site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    arrive(page)
    follow(page, page.get_by_role("button", name="Emergency"))
    yield "emergency screen"
    press(page, "Continue to check and sign")
    expect(page.locator(".error-summary")).to_be_focused()
    yield "emergency screen, refused"
    path = reverse("emergency", args=[site.encounter.pk])
    answers = emergency_answers(site.encounter)
    for name in ("platelets", "sampled_at", "weight_kg"):
        page.locator(f'main [name="{name}"]').fill(answers[name])
    for name in ("platelets_unit", "weight_source", "bleeding_sites"):
        value = answers[name] if isinstance(answers[name], str) else answers[name][0]
        page.locator(f'input[name="{name}"][value="{value}"]').check()
    press(page, "Continue to check and sign")
    expect(page.get_by_role("heading", name="Check, then sign")).to_be_visible()
    yield "emergency, check"
    page.goto(site.encounter.get_absolute_url())
    yield "encounter in an emergency"
    press(page, "Stand down the emergency")
    expect(page.locator(".error-summary")).to_be_focused()
    yield "stand down, refused"
    page.goto(reverse("board"))
    yield "board with an emergency"
    page.goto(path)
    page.locator('input[name="ttp_suspected"][value="yes"]').check()
    press(page, "Continue to check and sign")
    expect(page.get_by_role("heading", name="On hold until a haematologist agrees")).to_be_visible()
    yield "emergency, check with lines on hold"
    page.goto(reverse("emergency_orders", args=[site.encounter.assessments.earliest("number").pk]))
    expect(page.get_by_role("heading", name="Nothing can be signed yet")).to_be_visible()
    yield "emergency, stopped"


def looking_up(page: Page, site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    assess(site)
    arrive(page)
    yield "board"
    page.get_by_role("searchbox").fill("nobody")
    page.keyboard.press("Enter")
    expect(page.get_by_text("No patient of your wards matches")).to_be_visible()
    yield "search, nothing found"
    page.get_by_role("searchbox").fill("brien nunez")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="O'BRIEN-ÑÚÑEZ").wait_for()
    yield "search, found"
    follow(page, page.get_by_role("link", name="O'BRIEN-ÑÚÑEZ"))
    yield "patient"
    follow(page, page.get_by_role("link", name="Correct record"))
    yield "correct patient"
    page.goto("/nowhere/")
    yield "no such page"
    with monkeypatch.context() as broken:
        broken.setattr(encounter_views, "current_protocol", failing_with(NoApprovedProtocol()))
        page.goto(reverse("quick_check"))
        yield "no protocol"
        broken.setattr(encounter_views, "current_protocol", failing_with(RuntimeError("planted")))
        page.goto(reverse("quick_check"))
        yield "fault of the server"
    replace_version()
    page.goto(reverse("board"))
    yield "board, a note of what changed"
    page.goto(reverse("move_encounter", args=[site.encounter.pk]))
    yield "move to another version"
    page.goto(reverse("choose_orders", args=[Assessment.objects.get().pk]))
    yield "orders on a replaced version"
    encounter = Encounter.objects.get()
    page.goto(reverse("discharge", args=[encounter.pk]))
    yield "discharge"
    page.get_by_label("Moved to another hospital or team").check()
    page.get_by_role("button", name="Close and write the papers").click()
    page.get_by_role("heading", name="Discharge papers").wait_for()
    yield "discharge papers"
    page.goto(assess_page(encounter))
    yield "closed"


@pytest.mark.parametrize("walk", [signing_in, assessing, ordering, in_an_emergency, looking_up])
def test_no_page_has_a_fault_that_axe_finds_or_is_too_wide(
    new_context: Callable[..., BrowserContext],
    site: Site,
    watch: Watch,
    monkeypatch: pytest.MonkeyPatch,
    walk: Walk,
):
    page = new_context(reduced_motion="reduce").new_page()

    found = {name: faults(page) for name in walk(page, site, monkeypatch)}

    # The faults of the server that were planted; whatever else was said is kept.
    watch.complaints = [said for said in watch.complaints if "status of 50" not in said]
    assert {name: said for name, said in found.items() if said} == {}


def test_protocol_has_no_fault_that_axe_finds(bedside: Page):
    # A small one, with a row or two of each kind: axe takes minutes for a book on one page.
    bedside.goto(reverse("protocols:version", args=[draft().pk]))

    assert faults(bedside) == []


def test_longest_menu_fits_every_screen(new_context: Callable[..., BrowserContext], site: Site):
    person("haematologist", Role.HAEMATOLOGIST, site.ward)
    page = new_context().new_page()
    arrive(page, "haematologist")

    assert too_wide(page) == []


def faults(page: Page) -> list[str]:
    """What the width says of the page on each screen, and axe in each look; it is left light and wide."""
    return [
        f"{width} px: {said}"
        for width in WIDTHS
        for said in (*too_wide_at(page, width), *(look(page, LOOKS[width]) if width in LOOKS else ()))
    ]


def too_wide(page: Page) -> list[str]:
    """The widths at which the page is wider than its window; it is left as wide as it was."""
    before = page.viewport_size
    found = [f"{width} px: {said}" for width in WIDTHS for said in too_wide_at(page, width)]
    if before is not None:
        page.set_viewport_size(before)
    return found


def too_wide_at(page: Page, width: int) -> list[str]:
    page.set_viewport_size({"width": width, "height": 900})
    too_much = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return [f"{too_much} px too wide"] if too_much else []


def look(page: Page, theme: Theme) -> list[str]:
    # A colour on its way from one theme to the other belongs to neither.
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    # Half a megabyte of script, and `Axe().run` would bring it for every look.
    if not page.evaluate("'axe' in window"):
        page.evaluate(Axe().axe_script)
    broken = page.evaluate("options => axe.run(options)", EVERY_RULE)["violations"]
    return [f"{theme}: {rule['id']}: {node['html']}" for rule in broken for node in rule["nodes"]]
