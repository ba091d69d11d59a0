"""From the board to the page that is signed in an emergency: each click and key counted, scripts or not.

Time is told, not asserted: it depends on the machine. What a person does is counted, and has a ceiling.
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import BrowserContext, Locator, Page, expect

from ivigsite.encounters.models import Assessment, EmergencyEnding
from ivigsite.orders.models import OrderSet
from tests.browser.steps import arrive, expect_signed, register
from tests.encounters.emergency_answers import clock_time
from tests.scenario import PASSWORD, Site

pytestmark = pytest.mark.browser

MOST_ACTIONS = 25
# As bench/browser.py types: a person with one hand free, not a script.
MS_BETWEEN_KEYS = 120


@dataclass
class Hands:
    """A person's two hands: each click and each key is one action."""

    page: Page
    clicks: int = 0
    keys: int = 0
    began: float = field(default_factory=time.monotonic)

    @property
    def actions(self) -> int:
        return self.clicks + self.keys

    def press(self, target: Locator) -> None:
        target.click()
        self.clicks += 1

    def choose(self, name: str, value: str) -> None:
        self.press(self.page.locator(f'main [name="{name}"][value="{value}"]'))

    def type(self, name: str, text: str) -> None:
        self.press(self.page.locator(f'main [name="{name}"]'))
        self.page.keyboard.type(text, delay=MS_BETWEEN_KEYS)
        self.keys += len(text)

    def told(self) -> str:
        seconds = time.monotonic() - self.began
        return f"{self.actions} actions ({self.clicks} clicks, {self.keys} keys) in {seconds:.1f} s"


def answer_everything(hands: Hands) -> None:
    """All eight questions, none left open."""
    hands.type("platelets", "6")
    hands.choose("platelets_unit", "e9_per_l")
    hands.type("sampled_at", clock_time(timezone.now() - timedelta(minutes=40)))
    hands.type("weight_kg", "85")
    hands.choose("weight_source", "by_eye")
    hands.choose("bleeding_sites", "cns")
    hands.choose("ttp_suspected", "no")
    hands.choose("hit_suspected", "unknown")
    hands.choose("clumps", "no")
    hands.choose("immunoglobulin_reaction", "no")


def from_board_to_sign_page(page: Page) -> Hands:
    hands = Hands(page)
    row = page.locator(".board-row").filter(has_text="O'Brien-Ñúñez")
    hands.press(row.get_by_role("button", name="Emergency"))
    expect(page.get_by_role("heading", name="Life-threatening bleeding")).to_be_visible()
    answer_everything(hands)
    hands.press(page.get_by_role("button", name="Continue to check and sign"))
    expect(page.get_by_role("heading", name="Check, then sign")).to_be_visible()
    expect(page.get_by_label("Your password")).to_be_visible()
    return hands


@pytest.mark.hazard("H25")
@pytest.mark.parametrize("has_scripts", [True, False])
def test_board_to_sign_page_takes_at_most_25_actions(
    new_context: Callable[..., BrowserContext],
    site: Site,
    has_scripts: bool,
    record_property: Callable[[str, object], None],
):
    page = new_context(java_script_enabled=has_scripts).new_page()
    arrive(page)

    hands = from_board_to_sign_page(page)

    record_property("board_to_sign_page", hands.told())
    print(f"board to sign page, scripts {has_scripts}: {hands.told()}")
    assert hands.actions <= MOST_ACTIONS
    for dose in ("85 g", "2 adult doses", "1,000 mg"):
        expect(page.locator(".em-sign")).to_contain_text(dose)
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Sign order set").click()
    expect_signed(page)
    expect(page.locator("main")).to_contain_text("EMERGENCY started")
    assert OrderSet.objects.get().lines.filter(kind="platelets", dose_amount="2").exists()
    assert EmergencyEnding.objects.get().kind == "treated"


def test_clock_survives_reload_and_runs_by_the_servers_time(bedside: Page, site: Site):
    bedside.get_by_role("button", name="Emergency").click()
    clock = bedside.locator(".em-clock")
    started = clock.locator("time").inner_text()
    assert re.fullmatch(r"\d\d:\d\d:\d\d", started)

    bedside.clock.install()
    bedside.reload()
    expect(clock.locator("time")).to_have_text(started)
    before = clock.locator(".em-elapsed").inner_text()
    bedside.clock.run_for(61_000)

    expect(clock.locator(".em-elapsed")).to_have_text(re.compile(r"^1 min \d+ s$"))
    assert clock.locator(".em-elapsed").inner_text() != before
    for page in (reverse("board"), site.encounter.get_absolute_url()):
        bedside.goto(page)
        expect(bedside.locator("main")).to_contain_text(started)


def test_new_patient_in_an_emergency_is_signed_for(bedside: Page, site: Site):
    register(bedside, button="Open encounter as emergency", arrives_at="Life-threatening bleeding")
    hands = Hands(bedside)

    answer_everything(hands)
    hands.press(bedside.get_by_role("button", name="Continue to check and sign"))

    expect(bedside.locator(".em-sign")).to_contain_text("85 g")
    expect(bedside.locator(".em-sign")).to_contain_text("treatment cannot wait for consent")


@pytest.mark.hazard("H14")
def test_wrong_password_keeps_the_page_of_the_emergency_and_says_so(bedside: Page, site: Site):
    from_board_to_sign_page(bedside)
    bedside.get_by_label("Your password").fill("wrong password altogether")
    bedside.get_by_role("button", name="Sign order set").click()

    expect(bedside.locator(".error-summary")).to_be_focused()
    expect(bedside.locator(".em-clock")).to_be_visible()
    assert not OrderSet.objects.exists()
    assert Assessment.objects.count() == 1
