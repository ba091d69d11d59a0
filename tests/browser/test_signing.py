"""What stands between a recommendation and a signature."""

from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import Page, Request, Route, expect

from ivigsite.orders.models import OrderSet
from tests.browser.steps import assess_page, choose_page, expect_signed, press, sign_out, unfold
from tests.scenario import PASSWORD, Site, assess

pytestmark = pytest.mark.browser

UNKEPT = {"Cache-Control": "no-store"}

# Between them they show lines of every role.
CASES: dict[str, dict[str, Any]] = {
    "grade 4, active": {},
    "grade 4, gut": {"bleeding_level": "active_cns_gi_gu", "bleeding_sites": ["gi"]},
    "grade 4, life-threatening": {"bleeding_level": "life_threatening", "bleeding_sites": ["cns"]},
    "grade 4, no bleeding": {"bleeding_level": "none", "bleeding_sites": []},
    "grade 3, active": {"platelets_per_ul": 35000},
    "grade 2, active": {"platelets_per_ul": 60000},
    "grade 4, surgery": {"urgent_surgery": True, "procedure": "major_surgery", "hours_to_procedure": "6"},
}
LINES = """lines => lines.map(line => ({
  role: [...line.classList].find(name => name.startsWith("is-") && name !== "is-held")?.slice(3),
  held: line.classList.contains("is-held"),
  checked: line.querySelector("input").checked}))"""


@pytest.fixture
def check(bedside: Page, site: Site) -> Page:
    """The check page of a complete case, with the password typed."""
    bedside.goto(choose_page(assess(site)))
    press(bedside, "Check before signing")
    bedside.get_by_label("Your password").fill(PASSWORD)
    return bedside


@pytest.mark.hazard("H24")
def test_only_recommended_lines_arrive_ticked(bedside: Page, site: Site):
    shown: set[str] = set()
    for case, facts in CASES.items():
        bedside.goto(choose_page(assess(site, **facts)))
        lines = bedside.locator(".order-line").evaluate_all(LINES)

        assert lines, case
        shown |= {line["role"] for line in lines}
        assert {line["role"] for line in lines if line["checked"]} <= {"required", "none"}, case
        assert all(line["checked"] for line in lines if line["role"] == "required" and not line["held"]), case
    assert shown >= {"required", "alternative", "offered", "standby"}


@pytest.mark.hazard("H05")
def test_no_dose_can_be_typed_anywhere(bedside: Page, site: Site):
    bedside.goto(choose_page(assess(site, bleeding_level="life_threatening", bleeding_sites=["cns"])))
    choosing = typed_into(bedside)
    press(bedside, "Check before signing")
    # Until the page has come there is nothing to type into at all.
    expect(bedside.get_by_label("Your password")).to_be_visible()
    signing = typed_into(bedside)

    assert {name for name in choosing if not name.endswith(("_reason", "_comment"))} == {
        "starts_at",
        "policy_by",
    }
    assert signing == {"password"}


def typed_into(page: Page) -> set[str]:
    """The names of everything on the page that takes more than a tick."""
    fields = page.locator("main :is(input, select, textarea)")
    shown = fields.evaluate_all(
        """fields => fields.filter(field => !["radio", "checkbox", "hidden"].includes(field.type))
             .map(field => field.name)"""
    )
    return set(shown)


def test_new_form_answers_nothing_and_offers_not_known_everywhere(bedside: Page, site: Site):
    bedside.goto(assess_page(site.encounter))
    unfold(bedside)

    answered = bedside.locator("#facts-form").evaluate(
        """form => [...form.elements].filter(field => !["hidden", "submit", "fieldset"].includes(field.type))
             .filter(field => ["radio", "checkbox"].includes(field.type) ? field.checked : field.value)
             .map(field => field.name)"""
    )
    options = bedside.locator("#facts-form :is([type=radio], [type=checkbox])")
    offered = options.evaluate_all("options => options.map(option => [option.name, option.value])")

    assert answered == []
    with_unknown = {name for name, value in offered if value == "unknown"}
    without = {name for name, _ in offered} - with_unknown
    assert {"platelets_unit", "creatinine_umol_per_l_unit"} <= without
    assert {name for name in without if not name.endswith("_unit")} == set()


@pytest.mark.hazard("H13")
def test_double_click_signs_one_order_set_and_makes_one_copy_that_is_said_to_be_made(check: Page):
    check.get_by_role("button", name="Sign order set").dblclick()

    expect_signed(check)
    assert OrderSet.objects.count() == 1
    asked: list[Request] = []
    check.on("request", lambda request: asked.append(request) if request.url.endswith("/print/") else None)
    # The page stays, as it does until a file comes.
    check.route("**/print/", lambda route: route.fulfill(status=204, headers=UNKEPT))
    check.get_by_role("button", name="Print A4", exact=True).dblclick()
    expect(check.get_by_role("status").filter(has_text="The copy is being made")).to_be_visible()
    assert len(asked) == 1


@pytest.mark.hazard("H13")
def test_answer_lost_on_the_way_leaves_one_order_set_that_is_shown(check: Page, site: Site):
    def lose(route: Route) -> None:
        route.fetch(max_redirects=0)
        route.abort()

    check.route("**/orders/sign/", lose)
    press(check, "Sign order set")
    check.wait_for_url("chrome-error://**")

    check.goto(reverse("encounter", args=[site.encounter.pk]))

    code = OrderSet.objects.get().code
    expect(check.get_by_role("region", name="Order sets")).to_contain_text(f"{code} In force")


def test_wrong_password_signs_nothing_and_says_so(check: Page):
    check.get_by_label("Your password").fill("not my password")
    press(check, "Sign order set")

    expect(check.locator(".error-summary")).to_be_focused()
    expect(check.get_by_label("Your password")).to_have_value("")
    assert check.title().startswith("Error: ")
    assert not OrderSet.objects.exists()


@pytest.mark.hazard("H08")
def test_back_after_signing_out_shows_no_patient(bedside: Page, site: Site):
    for path in (reverse("encounter", args=[site.encounter.pk]), assess_page(site.encounter)):
        bedside.goto(path)
        expect(bedside.locator("body")).to_contain_text("9990001112")
    sign_out(bedside)

    for _ in range(2):
        bedside.go_back()
        expect(bedside.get_by_role("heading", name="Sign in")).to_be_visible()
        expect(bedside.locator("body")).not_to_contain_text("9990001112")


def test_void_order_set_is_marked_and_says_who_and_why(check: Page):
    press(check, "Sign order set")
    expect_signed(check)

    check.get_by_role("link", name="Void this order set").click()
    check.get_by_label("Reason").fill("Wrong patient in the bed")
    check.get_by_label("Your password").fill(PASSWORD)
    press(check, "Void order set")

    expect(check.locator("main")).to_contain_text("Do not follow this order set", ignore_case=True)
    expect(check.locator("main")).to_contain_text("Wrong patient in the bed")
    expect(check.locator("main")).not_to_contain_text("Signed, in force")
