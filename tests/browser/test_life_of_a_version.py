"""One version through its whole life in a browser: three people, each with what only they may do."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from django.urls import reverse
from playwright.sync_api import BrowserContext, Page, expect

from protocols import actions
from protocols.lifecycle import State
from protocols.mapping import load_protocol_value
from protocols.models import ProtocolVersion
from protocols.proving import prove_at_once
from tests.browser.steps import follow, press, press_on
from tests.browser.test_accessibility import faults
from tests.browser.test_workspace import open_row, open_section, save
from tests.protocols.factory import AT, REVIEW_DUE, small_protocol
from tests.revisions.versions import who
from tests.scenario import PASSWORD, Site

pytestmark = pytest.mark.browser


def first_version() -> ProtocolVersion:
    """A small protocol in force beside the shipped one, so that its proofs take a moment."""
    said: dict[str, Any] = {"at": AT}
    version = actions.import_draft(protocol=small_protocol(), change_note="First.", by=who("author"), **said)
    version = actions.submit(version=version, by=who("author"), **said)
    version = actions.start_review(version=version, by=who("reviewer"), **said)
    version = actions.record_review(version=version, comment="Read.", by=who("reviewer"), **said)
    prove_at_once(version=version, by=who("approver"), **said)
    return actions.approve(
        version=version, seal=version.seal, review_due_on=REVIEW_DUE, by=who("approver"), **said
    )


def take(page: Page, version: ProtocolVersion, label: str, words: str = "") -> None:
    page.goto(reverse("workspace", args=[version.pk]))
    page.get_by_role("link", name=label, exact=True).click()
    if words:
        page.get_by_label("Say why").fill(words)
    page.get_by_label("Your password").fill(PASSWORD)
    press(page, label)
    expect(page.get_by_role("heading", level=1, name="workspace")).to_be_visible()


@pytest.mark.hazard("H20")
def test_three_people_take_a_changed_version_into_force(
    new_context: Callable[..., BrowserContext], site: Site
) -> None:
    before = first_version()

    def sit_down(username: str) -> Page:
        page = new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce").new_page()
        page.goto(reverse("workspace", args=[before.pk]))
        page.get_by_label("User name").fill(username)
        page.get_by_label("Password").fill(PASSWORD)
        press_on(page, "Sign in")
        return page

    found: dict[str, Any] = {}
    author, reviewer, approver = (sit_down(name) for name in ("author", "reviewer", "approver"))

    # The author: a copy, a boundary, a dose, a checklist time and a text.
    take(author, before, "Start a draft as a copy", "Four small changes.")
    version = ProtocolVersion.objects.get(slug=before.slug, number=2)
    author.goto(reverse("workspace_header", args=[version.pk]))
    found["about"] = faults(author)
    author.goto(reverse("workspace", args=[version.pk]))
    open_row(author, "grade_bands", "1")
    author.get_by_label("Upper border").fill("12")
    press(author, "Save")
    expect(author.get_by_text("10 is in grades 1 and 0.").first).to_be_visible()
    follow(author, author.locator("tbody th").get_by_role("link", name="0", exact=True))
    author.get_by_label("Lower border").fill("12")
    press(author, "Save")
    expect(author.get_by_text("No problems; all")).to_be_visible()
    open_row(author, "regimens", "R20")
    author.get_by_label("Amount", exact=True).fill("0.6")
    save(author, "R20")
    open_row(author, "monitoring_items", "M10")
    author.get_by_label("Due", exact=True).fill("25")
    save(author, "M10")
    open_row(author, "texts", "consult_info")
    author.get_by_label("Title").fill("Whom to phone")
    save(author, "consult_info")
    # The case that expected the old dose fails, and keeps the version back until it is judged again.
    expect(author.get_by_text("1 of 1 cases fails")).to_be_visible()
    open_row(author, "cases", "CASE10")
    author.locator('[name="doses-0-amount"]').fill("25")
    save(author, "CASE10")
    expect(author.get_by_text("No problems; all 1 cases pass.")).to_be_visible()
    take(author, version, "Submit for review")

    for name, arguments in (
        ("import_version", []),
        ("workspace_try", [version.pk]),
        ("compare", [version.pk]),
        ("protocols:version", [version.pk]),
    ):
        author.goto(reverse(name, args=arguments))
        found[name] = faults(author)

    # The reviewer: a comment on a row, which the author answers, and the review.
    take(reviewer, version, "Start the review")
    open_section(reviewer, "regimens")
    follow(reviewer, reviewer.get_by_role("link", name="Comments on R20"))
    reviewer.get_by_label("Your comment").fill("Why 0.6?")
    press(reviewer, "Store it")
    expect(reviewer.get_by_text("No answer yet")).to_be_visible()
    found["comments"] = faults(reviewer)
    author.goto(reviewer.url)
    author.get_by_label("An answer to").check()
    author.get_by_label("Your comment").fill("The new label says so.")
    press(author, "Store it")
    expect(author.get_by_text("The new label says so.")).to_be_visible()
    take(reviewer, version, "Record the review", "Read every row.")

    # The approver: refused without proofs, then both, read and confirmed.
    approver.goto(reverse("workspace", args=[version.pk]))
    for kind in ("comparison", "replay"):
        press_on(approver, f"Ask for the {kind}")
        call_command("run_jobs", "--once", verbosity=0)
        approver.reload()
        expect(approver.get_by_role("heading", name="would change")).to_be_visible()
        found[kind] = faults(approver)
        press_on(approver, "I have read this and confirm it")
    approver.get_by_role("link", name="Approve", exact=True).click()
    expect(approver.get_by_text("Why 0.6?")).to_be_visible()
    expect(approver.get_by_text("The new label says so.")).to_be_visible()
    found["approve"] = faults(approver)
    approver.get_by_label("The next review is due").select_option("365")
    approver.get_by_label("Your password").fill(PASSWORD)
    press(approver, "Approve")
    expect(approver.locator("#state")).to_contain_text("Approved")

    approver.goto(reverse("recall", args=[version.pk]))
    found["recall"] = faults(approver)
    assert {name: said for name, said in found.items() if said} == {}
    version.refresh_from_db()
    before.refresh_from_db()
    protocol = load_protocol_value(version)
    assert (version.state, before.state) == (State.APPROVED, State.RETIRED)
    assert [person.username for person in (version.author, version.reviewer, version.approver)] == [
        "author",
        "reviewer",
        "approver",
    ]
    assert str(protocol.regimens[0].amount) == "0.6"
    assert [band.lower_per_ul for band in protocol.grade_bands] == [0, 12]
    assert protocol.monitoring_items[0].due_minutes == 25
    assert next(text.title for text in protocol.texts if text.key == "consult_info") == "Whom to phone"
