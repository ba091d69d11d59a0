"""What only a real browser can show: nothing fails in silence, and no idle screen keeps a patient on it."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import LazySettings
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from ivigsite.accounts.models import SignIn, User
from ivigsite.accounts.roles import Theme
from tests.accounts.factory import make_user
from tests.accounts.urls_in_browser import STATUSES
from tests.browser.steps import let_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def user(own_urls: None, settings: LazySettings) -> User:
    settings.ROOT_URLCONF = "tests.accounts.urls_in_browser"
    return make_user()


@pytest.fixture
def signed_in(page: Page, live_server: LiveServer, user: User) -> Iterator[Page]:
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if "Policy" in message.text else None)
    page.clock.install()
    let_in(page.context, user.username)
    page.goto(f"{live_server.url}/try/")
    yield page
    assert complaints == []


def leave_idle_for(seconds: int) -> None:
    SignIn.objects.update(last_active_at=timezone.now() - timedelta(seconds=seconds))


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.hazard("H14")
def test_answer_that_is_an_error_is_said_and_nothing_else_changes(signed_in: Page, status: int):
    signed_in.get_by_role("button", name=str(status)).click()

    expect(signed_in.get_by_role("alert").locator("h1")).to_be_visible()
    expect(signed_in.locator("#app-alert")).not_to_contain_text("Sign out")
    expect(signed_in.locator("#target")).to_have_text("as it was")


@pytest.mark.hazard("H14")
def test_error_without_words_is_said_in_ours(signed_in: Page):
    signed_in.get_by_role("button", name="502").click()

    expect(signed_in.get_by_role("alert")).to_contain_text("The server answered with 502.")


def test_invalid_form_goes_where_the_form_is(signed_in: Page):
    signed_in.get_by_role("button", name="422").click()

    expect(signed_in.locator("#target")).to_contain_text("There is a problem with what was sent")
    expect(signed_in.locator("#app-alert")).to_be_empty()


def test_lost_connection_is_said_and_taken_back_when_it_returns(signed_in: Page):
    button = signed_in.get_by_role("button", name="page", exact=True)

    signed_in.context.set_offline(True)
    button.click()
    expect(signed_in.get_by_role("alert")).to_contain_text("No connection")

    signed_in.context.set_offline(False)
    button.click()
    expect(signed_in.locator("#app-alert")).to_be_empty()
    expect(signed_in.locator("#target")).to_contain_text("for Example Physician")


def test_fragment_of_an_ended_session_never_shows_a_login_form_inside_the_page(signed_in: Page):
    leave_idle_for(601)

    signed_in.get_by_role("button", name="page", exact=True).click()

    signed_in.wait_for_url("**/login/?next=%2Ftry%2F&because=idle")
    expect(signed_in.get_by_role("status")).to_contain_text("without activity")


def test_warning_comes_a_minute_before_and_staying_takes_it_away(signed_in: Page):
    leave_idle_for(545)
    signed_in.clock.fast_forward(546_000)

    dialog = signed_in.get_by_role("dialog")
    expect(dialog).to_contain_text("You will be signed out in")
    with signed_in.expect_response("**/me/stay/"):
        signed_in.get_by_role("button", name="Stay signed in").click()

    expect(dialog).to_be_hidden()
    assert timezone.now() - SignIn.objects.get().last_active_at < timedelta(seconds=30)


def test_no_warning_comes_while_another_tab_is_busy(signed_in: Page):
    with signed_in.expect_response("**/me/stay/") as asked:
        signed_in.clock.fast_forward(546_000)

    assert asked.value.status == 204
    expect(signed_in.get_by_role("dialog")).to_be_hidden()


def test_asking_how_long_is_left_does_not_keep_the_session_alive(signed_in: Page):
    leave_idle_for(100)
    before = SignIn.objects.get().last_active_at

    with signed_in.expect_response("**/me/stay/"):
        signed_in.clock.fast_forward(546_000)

    assert SignIn.objects.get().last_active_at == before


def test_screen_is_cleared_when_the_session_has_ended(signed_in: Page):
    leave_idle_for(601)

    signed_in.clock.fast_forward(601_000)

    signed_in.wait_for_url("**/login/?**")
    expect(signed_in.get_by_text("as it was")).to_have_count(0)


def test_back_after_signing_out_shows_nothing(signed_in: Page):
    signed_in.locator("#user-menu summary").click()
    signed_in.get_by_role("button", name="Sign out").click()
    signed_in.wait_for_url("**/login/?because=signed_out")

    signed_in.go_back()

    expect(signed_in.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(signed_in.get_by_text("as it was")).to_have_count(0)


@pytest.mark.hazard("H21")
def test_list_that_stopped_refreshing_says_so(signed_in: Page):
    expect(signed_in.locator("#lost")).to_be_hidden()

    signed_in.clock.fast_forward(66_000)

    expect(signed_in.locator("#lost")).to_contain_text("This list has stopped refreshing.")


def test_problem_has_the_focus(page: Page, live_server: LiveServer, user: User):
    page.goto(f"{live_server.url}/login/")
    page.get_by_role("button", name="Sign in").click()

    expect(page.locator(".error-summary")).to_be_focused()
    page.get_by_role("link", name="Enter your password.").click()
    expect(page.get_by_label("Password")).to_be_focused()


@pytest.mark.parametrize("theme", [Theme.LIGHT, Theme.DARK])
@pytest.mark.parametrize("path", ["/try/", "/me/", "/me/password/", "/nothing/"])
def test_page_has_no_fault_that_axe_finds(signed_in: Page, user: User, path: str, theme: Theme):
    User.objects.update(theme=theme)

    signed_in.goto(signed_in.url.replace("/try/", path))

    assert faults(signed_in) == []


@pytest.mark.parametrize("width", [1440, 390])
def test_sign_in_page_has_no_fault_that_axe_finds(
    page: Page, live_server: LiveServer, user: User, width: int
):
    page.set_viewport_size({"width": width, "height": 844})
    page.goto(f"{live_server.url}/login/")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_selector(".error-summary")

    assert faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def faults(page: Page) -> list[str]:
    result = Axe().run(
        page, options={"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}
    )
    return [
        f"{violation['id']}: {node['html']}"
        for violation in result.response["violations"]
        for node in violation["nodes"]
    ]
