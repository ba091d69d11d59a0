"""The answer beside the form while somebody types: it never gets in their way, and never fails in silence."""

import re

import pytest
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import Http404
from django.urls import reverse
from playwright.sync_api import Page, Request, Route, expect

from ivigsite.encounters import views
from protocols.reading import NoApprovedProtocol
from tests.browser.steps import BLEED, answer, assess_page, control, failing_with, headline
from tests.browser.watch import Watch
from tests.revisions.versions import withdraw_version
from tests.scenario import Site

pytestmark = pytest.mark.browser

PAUSE_MS = 350
BETWEEN_KEYS_MS = 120
HALF_MINUTE_MS = 31_000
PREVIEW = "**/assess/"
WEIGHED = {**BLEED, "weight_kg": "72"}


@pytest.fixture
def form(bedside: Page, site: Site) -> Page:
    bedside.goto(assess_page(site.encounter))
    return bedside


@pytest.fixture
def still_form(bedside: Page, site: Site) -> Page:
    """The form in a browser whose clock moves only when the test moves it."""
    bedside.clock.install()
    bedside.goto(assess_page(site.encounter))
    bedside.clock.pause_at(bedside.evaluate("Date.now()") + 1000)
    return bedside


@pytest.fixture
def asked(bedside: Page) -> list[Request]:
    """Every request for an answer."""
    asked: list[Request] = []
    bedside.on("request", lambda request: asked.append(request) if is_preview(request) else None)
    return asked


def is_preview(request: Request) -> bool:
    return request.method == "POST" and "hx-request" in request.headers


def type_slowly(page: Page, text: str) -> None:
    for key in text:
        page.keyboard.type(key)
        page.clock.run_for(BETWEEN_KEYS_MS)


def test_newer_question_takes_the_place_of_one_that_is_still_under_way(form: Page, asked: list[Request]):
    """As on a slow ward network: the first question is never answered."""
    held: list[Route] = []

    def hold_the_first(route: Route) -> None:
        if held or not is_preview(route.request):
            route.continue_()
        else:
            held.append(route)

    form.route(PREVIEW, hold_the_first)
    with form.expect_request(is_preview):
        answer(form, BLEED)
    answer(form, {"weight_kg": "72"})

    expect(headline(form)).to_have_text("Grade 4 with active bleeding")
    expect(form.locator("#recommendation .dose-amount").first).to_contain_text("70 g")
    expect(form.locator("#app-alert")).to_be_empty()
    assert len(held) == 1 < len(asked)


def test_each_pause_in_typing_makes_one_request(still_form: Page, asked: list[Request]):
    still_form.get_by_label("Weight", exact=True).focus()
    type_slowly(still_form, "72.5")
    assert asked == []

    with still_form.expect_response(PREVIEW):
        still_form.clock.run_for(PAUSE_MS)
    still_form.get_by_label("Height").focus()
    type_slowly(still_form, "168")
    with still_form.expect_response(PREVIEW):
        still_form.clock.run_for(PAUSE_MS)
    still_form.clock.run_for(10 * PAUSE_MS)

    assert len(asked) == 2


def test_answer_that_arrives_while_somebody_types_leaves_the_field_alone(still_form: Page):
    answer(still_form, WEIGHED | {"rapid_rise": "yes"})
    held: list[Route] = []
    still_form.route(PREVIEW, lambda route: held.append(route))  # noqa: PLW0108
    reason = still_form.locator("#id_rapid_rise_reason")
    reason.fill("Delivery today")
    with still_form.expect_request(PREVIEW):
        still_form.clock.run_for(PAUSE_MS)

    still_form.keyboard.press("Home")
    type_slowly(still_form, "No ")
    with still_form.expect_response(PREVIEW):
        held[0].continue_()
    expect(headline(still_form)).to_have_text("Grade 4 with active bleeding")

    expect(reason).to_have_value("No Delivery today")
    expect(reason).to_be_focused()
    assert reason.evaluate("field => [field.selectionStart, field.selectionEnd]") == [3, 3]


def test_no_key_is_lost_at_the_speed_of_typing(form: Page):
    answer(form, WEIGHED | {"rapid_rise": "yes"})
    words = "Delivery within a day, spinal block wanted"

    form.locator("#id_rapid_rise_reason").press_sequentially(words, delay=BETWEEN_KEYS_MS)

    expect(form.locator("#id_rapid_rise_reason")).to_have_value(words)
    expect(form.locator("#id_rapid_rise_reason")).to_be_focused()


def test_answer_brings_the_recommendation_and_never_the_form(form: Page):
    with form.expect_response(PREVIEW) as answered:
        answer(form, {"platelets": "18", "platelets_unit": "e9_per_l"})

    body = answered.value.text()
    assert "<form" not in body
    assert set(re.findall(r' name="([^"]*)"', body)) <= {"confirmed"}
    expect(form.locator("#recommendation")).to_have_count(1)


def test_value_that_cannot_be_read_is_named_in_the_panel_and_kept(form: Page):
    answer(form, {"platelets": "18", "platelets_unit": "e9_per_l", "weight_kg": "7o"})

    expect(form.locator("#recommendation .not-used")).to_contain_text("Weight")
    expect(control(form, "weight_kg", "7o")).to_have_value("7o")
    expect(form.locator("#recommendation")).to_contain_text("18,000 per microlitre")


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (RuntimeError("planted"), "Something went wrong on the server"),
        (PermissionDenied(), "You may not do this"),
        (Http404(), "There is no such page"),
        (SuspiciousOperation(), "cannot be read"),
    ],
    ids=["500", "403", "404", "400"],
)
def test_failure_of_the_server_is_said_and_what_was_typed_stays(
    form: Page, watch: Watch, monkeypatch: pytest.MonkeyPatch, failure: Exception, words: str
):
    answer(form, WEIGHED)
    expect(headline(form)).to_have_text("Grade 4 with active bleeding")

    with monkeypatch.context() as broken:
        broken.setattr(views, "preview", failing_with(failure))
        answer(form, {"weight_kg": "80"})
        expect(form.locator("#app-alert")).to_contain_text(words)

    expect(form.locator("#app-alert h1")).to_be_visible()
    expect(form.get_by_label("Weight", exact=True)).to_have_value("80")
    expect(headline(form)).to_have_text("Grade 4 with active bleeding")
    answer(form, {"height_cm": "168"})
    expect(form.locator("#app-alert")).to_be_empty()
    watch.complaints.clear()


def test_withdrawn_protocol_is_said_beside_the_quick_check(
    bedside: Page, watch: Watch, monkeypatch: pytest.MonkeyPatch
):
    bedside.goto(reverse("quick_check"))

    monkeypatch.setattr(views, "current_protocol", failing_with(NoApprovedProtocol()))
    answer(bedside, WEIGHED)

    expect(bedside.locator("#app-alert h1")).to_be_visible()
    expect(bedside.locator("#app-alert")).to_contain_text("protocol")
    expect(bedside.get_by_label("Weight", exact=True)).to_have_value("72")
    watch.complaints.clear()


@pytest.mark.hazard("H14")
def test_lost_connection_is_said_and_taken_back(form: Page, watch: Watch):
    form.context.set_offline(True)
    answer(form, {"weight_kg": "72"})
    expect(form.locator("#app-alert")).to_contain_text("No connection")
    expect(form.get_by_label("Weight", exact=True)).to_have_value("72")

    form.context.set_offline(False)
    answer(form, WEIGHED)

    expect(headline(form)).to_have_text("Grade 4 with active bleeding")
    expect(form.locator("#app-alert")).to_be_empty()
    watch.complaints.clear()


@pytest.mark.hazard("H14")
def test_server_that_does_not_answer_is_said(form: Page, watch: Watch):
    form.evaluate("htmx.config.timeout = 100")
    form.route(PREVIEW, lambda route: None)

    answer(form, {"weight_kg": "72"})

    expect(form.locator("#app-alert")).to_contain_text("No answer")
    watch.complaints.clear()


@pytest.mark.hazard("H19")
def test_a_form_that_lies_open_says_that_its_protocol_is_withdrawn_and_when_it_can_no_longer_hear(
    still_form: Page, site: Site, watch: Watch
):
    reason = still_form.get_by_label("Weight", exact=True)
    reason.fill("7")
    withdraw_version(site.version)

    with still_form.expect_response("**/standing/"):
        still_form.clock.run_for(HALF_MINUTE_MS)
    expect(still_form.locator("#standing")).to_contain_text("Protocol withdrawn: nothing can be signed on it")
    expect(reason).to_be_focused()
    expect(reason).to_have_value("7")
    expect(still_form.locator("#standing-lost")).to_be_hidden()
    still_form.set_viewport_size({"width": 390, "height": 844})
    said = still_form.locator("#standing p").bounding_box()
    assert said is not None
    assert said["x"] + said["width"] <= 390

    still_form.route("**/standing/**", lambda route: route.abort())
    still_form.clock.run_for(3 * HALF_MINUTE_MS)
    expect(still_form.locator("#standing-lost")).to_be_visible()
    expect(still_form.locator("#standing")).to_contain_text("Protocol withdrawn")
    expect(reason).to_have_value("7")
    watch.complaints.clear()
