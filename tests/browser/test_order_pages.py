"""Choosing and changing lines by keyboard and pointer: focus stays, reasons come when they are needed."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.steps import choose_page, press
from tests.scenario import Site, assess

pytestmark = pytest.mark.browser


@pytest.fixture
def choosing(bedside: Page, site: Site) -> Page:
    """The physician's browser on the page where the lines of a grade 4 bleed are chosen."""
    bedside.goto(choose_page(assess(site)))
    return bedside


def test_focus_stays_on_the_line_while_its_rate_plan_arrives(choosing: Page) -> None:
    first = choosing.locator('input[value="G4A_IVIG"]')
    first.focus()

    choosing.keyboard.press("ArrowDown")

    expect(choosing.locator(".rate-plan")).to_contain_text("29.1")
    expect(choosing.locator('input[value="G4A_IVIG_24H"]')).to_be_focused()
    expect(choosing.locator('input[value="G4A_IVIG_24H"]')).to_be_checked()


def test_focus_stays_on_the_product_while_volumes_and_rates_follow_it(choosing: Page) -> None:
    product = choosing.locator('input[name="product"][value="gammagard_sd"]')
    product.focus()

    choosing.keyboard.press("Space")

    expect(choosing.locator("#order-lines")).to_contain_text("1,400 mL")
    expect(choosing.locator("#order-summary")).to_contain_text("1,400")
    expect(product).to_be_focused()


def test_a_reason_is_asked_where_a_line_is_left_out_and_nowhere_else(choosing: Page) -> None:
    reasons = choosing.get_by_label("Why not the recommended line")
    shown = reasons.filter(visible=True)
    expect(reasons).to_have_count(5)
    expect(shown).to_have_count(0)

    choosing.get_by_role("checkbox", name="platelets 1 adult dose intravenously, once").uncheck()

    expect(shown).to_have_count(1)
    expect(choosing.locator("#order-summary")).to_contain_text("Recommended, not chosen")


def test_change_returns_to_the_line_with_what_was_chosen(choosing: Page) -> None:
    choosing.get_by_role("radio", name="methylPREDNISolone").check()
    expect(choosing.locator("#order-summary")).to_contain_text("methylPREDNISolone")
    choosing.get_by_label("Why not the recommended line").filter(visible=True).select_option("haematology")
    press(choosing, "Check before signing")
    expect(choosing.locator("#order-3")).to_contain_text("methylPREDNISolone")

    choosing.get_by_role("button", name="Change order 3").click()

    expect(choosing.locator("#group-line_corticosteroid:target")).to_be_in_viewport()
    expect(choosing.get_by_role("radio", name="methylPREDNISolone")).to_be_checked()
    expect(choosing.get_by_label("Why not the recommended line").filter(visible=True)).to_have_value(
        "haematology"
    )


def test_everything_to_press_is_large_enough_for_a_finger(choosing: Page) -> None:
    choosing.set_viewport_size({"width": 390, "height": 844})

    too_small = choosing.locator("main").evaluate(
        """main => [...main.querySelectorAll("input:not([type=hidden]), select, button, summary, a[href]")]
          .map((control) => [control, control.getBoundingClientRect()])
          .filter(([, box]) => box.width && (box.width < 24 || box.height < 24))
          .map(([control]) => control.outerHTML.slice(0, 80))"""
    )

    assert too_small == []
