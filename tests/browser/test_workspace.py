"""An author changes a dose, a boundary, a checklist time and a text with nothing but the pages; axe looks."""

from collections.abc import Callable

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import BrowserContext, Locator, Page, expect

from ivigsite.accounts.models import User
from protocols.actions import save_row
from protocols.engine.answers import Part, Tally, tally_to_plain
from protocols.mapping import read_rows
from protocols.models import Proof, ProofKind, ProofState, ProtocolVersion, Text
from protocols.proving import seal_of, version_in_force
from tests.browser.steps import follow, press, press_on
from tests.browser.test_accessibility import faults, too_wide
from tests.protocols.factory import draft
from tests.scenario import PASSWORD, Site, shipped

pytestmark = pytest.mark.browser


def sign_in_as_author(page: Page) -> None:
    page.goto(reverse("protocols:versions"))
    page.get_by_label("User name").fill("author")
    page.get_by_label("Password").fill(PASSWORD)
    press_on(page, "Sign in")


def open_section(page: Page, section: str) -> None:
    follow(page, page.locator(f'.reading-nav a[href$="/workspace/{section}/"]'))


def open_row(page: Page, section: str, key: str) -> None:
    open_section(page, section)
    follow(page, page.locator("tbody th").get_by_role("link", name=key, exact=True))


def save(page: Page, key: str) -> None:
    press(page, "Save")
    expect(page.get_by_text(f"{key} is saved.")).to_be_visible()


def prove(version: ProtocolVersion, kind: ProofKind, state: ProofState) -> None:
    """A proof that is half made, or one that has found something."""
    version.refresh_from_db()
    base, now, tally = version_in_force(version), timezone.now(), Tally()
    tally.add({(Part.BRANCH, ""): "G1"}, {(Part.BRANCH, ""): "G2"}, {"weight_kg": "70"})
    Proof.objects.create(
        protocol_version=version,
        kind=kind,
        state=state,
        seal=seal_of(version),
        base=base,
        base_seal=base.seal if base else "",
        asked_by=version.author,
        asked_at=now,
        heard_at=now,
        done=1,
        total=9,
        result=tally_to_plain(tally),
        finished_at=now if state is ProofState.DONE else None,
    )


def add_condition(page: Page, form: Locator, group: int, place: int) -> Locator:
    """A further condition on the weight, in the row edited in its place; returns the field of its value."""
    with page.expect_response("**/in-place/"):
        form.locator(f'button[name="add"][value="when-{group}"]').click()
    fact = form.locator(f'[name="when-{group}-{place}-fact"]')
    # What is new listens only once it has settled.
    expect(form.locator(".htmx-added")).to_have_count(0)
    with page.expect_response("**/in-place/"):
        fact.select_option("weight_kg")
    value = form.locator(f'[name="when-{group}-{place}-values"]')
    expect(value).to_be_visible()
    return value


def test_author_changes_a_dose_a_boundary_a_checklist_time_and_a_text_without_code(
    new_context: Callable[..., BrowserContext], site: Site
) -> None:
    assert User.objects.filter(username="author").exists()
    page = new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce").new_page()
    sign_in_as_author(page)
    page.get_by_role("link", name="Workspace of version 1").click()
    page.get_by_role("link", name="Start a draft as a copy").click()
    page.get_by_label("Say why").fill("Four small changes.")
    page.get_by_label("Your password").fill(PASSWORD)
    press(page, "Start a draft as a copy")
    expect(page.get_by_text("No problems; all")).to_be_visible()

    open_row(page, "regimens", "IVIG_1")
    page.get_by_label("Amount", exact=True).fill("0.8")
    save(page, "IVIG_1")
    open_row(page, "grade_bands", "4")
    page.get_by_label("Upper border").fill("20000")
    press(page, "Save")
    expect(page.get_by_text("is in no grade").first).to_be_visible()
    page.locator("tbody th").get_by_role("link", name="3", exact=True).click()
    page.get_by_label("Lower border").fill("20000")
    press_on(page, "Save")
    open_section(page, "monitoring_items")
    page.get_by_role("link", name="Edit here VIT-02").click()
    expect(page.get_by_role("form", name="VIT-02")).to_be_focused()
    page.get_by_label("Due", exact=True).fill("soon")
    with page.expect_response("**/in-place/"):
        page.get_by_role("button", name="Save VIT-02").click()
    expect(page.locator(".error-summary")).to_be_focused()
    page.get_by_label("Due", exact=True).fill("20")
    with page.expect_response("**/monitoring_items/?at=*"):
        page.get_by_role("button", name="Save VIT-02").click()
    expect(page.get_by_role("link", name="Edit here VIT-02")).to_be_focused()
    expect(page.locator("tr", has=page.get_by_role("link", name="VIT-02", exact=True))).to_contain_text("20")
    assert too_wide(page) == []
    with page.expect_response("**/monitoring_items/?at=*"):
        page.get_by_role("button", name="Up VIT-02").click()
    expect(page.get_by_role("button", name="Down VIT-02")).to_be_focused()
    open_row(page, "texts", "consult_stat")
    page.get_by_label("Title").fill("Phone haematology at once")
    save(page, "consult_stat")

    # A second tab is quicker, and this one is told so.
    open_row(page, "texts", "consult_stat")
    quicker = page.context.new_page()
    quicker.goto(page.url)
    quicker.get_by_label("Title").fill("Phone haematology now")
    save(quicker, "consult_stat")
    page.get_by_label("Title").fill("Phone haematology at once")
    press(page, "Save")
    expect(page.locator(".error-summary")).to_be_focused()
    save(page, "consult_stat")
    page.set_viewport_size({"width": 390, "height": 844})
    expect(page.get_by_role("link", name="Checklist")).to_be_hidden()
    page.get_by_text("Sections: Texts").click()
    expect(page.get_by_role("link", name="Checklist")).to_be_visible()
    page.set_viewport_size({"width": 1440, "height": 900})

    open_section(page, "safety_rules")
    page.get_by_role("link", name="Edit here HS-03", exact=True).click()
    in_place = page.get_by_role("form", name="HS-03", exact=True)
    value = add_condition(page, in_place, 0, 3)
    assert too_wide(page) == []
    value.fill("many")
    with page.expect_response("**/in-place/"):
        page.get_by_role("button", name="Save HS-03", exact=True).click()
    expect(page.locator(".error-summary")).to_be_focused()
    expect(value).to_have_value("many")
    open_row(page, "safety_rules", "HS-03")
    page.locator('button[name="add"][value="when-0"]').click()
    added = page.locator('[name="when-0-3-fact"]')
    added.select_option("weight_kg")
    expect(page.locator('[name="when-0-3-values"]')).to_be_visible()
    page.goto(reverse("workspace_grid", args=[ProtocolVersion.objects.get(number=2).pk]))
    assert too_wide(page) == []

    protocol = read_rows(ProtocolVersion.objects.get(number=2))
    doses = {row.key: row.amount for row in protocol.regimens}
    bands = {band.grade: (band.lower_per_ul, band.upper_per_ul) for band in protocol.grade_bands}
    assert str(doses["IVIG_1"]) == "0.8"
    assert (bands[4], bands[3]) == ((0, 20000), (20000, 50000))
    assert [(item.key, item.due_minutes) for item in protocol.monitoring_items][:2] == [
        ("VIT-02", 20),
        ("VIT-01", shipped().monitoring_items[0].due_minutes),
    ]
    assert next(t.title for t in protocol.texts if t.key == "consult_stat") == "Phone haematology at once"


def test_workspace_has_no_fault_that_axe_finds(
    new_context: Callable[..., BrowserContext], site: Site
) -> None:
    """On a small version, with a row or two of each kind: axe takes minutes for a table of a hundred rows."""
    assert User.objects.filter(username="author").exists()
    page = new_context(reduced_motion="reduce").new_page()
    sign_in_as_author(page)
    version = draft()
    page.goto(reverse("workspace", args=[version.pk]))
    found = {"hub": faults(page)}

    open_row(page, "regimens", "R20")
    found["row with numbers"] = faults(page)
    save(page, "R20")
    found["section"] = faults(page)
    open_row(page, "grade_bands", "1")
    page.get_by_label("Upper border").fill("9")
    press(page, "Save")
    expect(page.get_by_text("is in no grade").first).to_be_visible()
    found["section with problems"] = faults(page)
    open_section(page, "monitoring_items")
    page.get_by_role("link", name="Edit here M10").click()
    page.get_by_label("Due", exact=True).fill("soon")
    with page.expect_response("**/in-place/"):
        page.get_by_role("button", name="Save M10").click()
    expect(page.locator(".error-summary")).to_be_focused()
    found["row in its place, refused"] = faults(page)

    open_row(page, "texts", "consult_stat")
    version.refresh_from_db()
    quicker = Text.objects.get(protocol_version=version, key="consult_stat")
    quicker.title = "Phone haematology now"
    save_row(row=quicker, seen=version.version, by=version.author, at=timezone.now())
    page.get_by_label("Title").fill("Phone haematology at once")
    press(page, "Save")
    expect(page.locator(".error-summary")).to_be_focused()
    found["row that somebody else changed"] = faults(page)
    save(page, "consult_stat")

    open_section(page, "safety_rules")
    page.get_by_role("link", name="Edit here S10", exact=True).click()
    in_place = page.get_by_role("form", name="S10", exact=True)
    value = add_condition(page, in_place, 0, 1)
    found["row with conditions in its place"] = faults(page)
    value.fill("many")
    with page.expect_response("**/in-place/"):
        page.get_by_role("button", name="Save S10", exact=True).click()
    expect(page.locator(".error-summary")).to_be_focused()
    found["conditions refused in the row's place"] = faults(page)
    open_row(page, "safety_rules", "S10")
    found["row with conditions"] = faults(page)
    page.goto(reverse("workspace_grid", args=[version.pk]))
    found["grid"] = faults(page)

    open_section(page, "regimens")
    page.get_by_role("link", name="Edit here R20", exact=True).click()
    page.get_by_role("button", name="The rest of this row R20").click()
    page.get_by_role("group", name="The rest of this row").wait_for()
    found["all of a row in its place"] = faults(page)
    for kind, state in ((ProofKind.COMPARISON, ProofState.RUNNING), (ProofKind.REPLAY, ProofState.DONE)):
        prove(version, kind, state)
        page.goto(reverse("proof", args=[version.pk, kind]))
        found[f"{kind}, {state}"] = faults(page)

    assert {name: said for name, said in found.items() if said} == {}
