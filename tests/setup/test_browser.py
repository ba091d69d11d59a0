"""The browser that the journeys are driven with."""

import pytest
from playwright.sync_api import Error, Page
from pytest_django.live_server_helper import LiveServer

pytestmark = pytest.mark.browser


def test_sign_in_page_loads_its_styles_and_scripts_within_the_policy(page: Page, live_server: LiveServer):
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("requestfailed", lambda request: complaints.append(request.url))

    page.goto(f"{live_server.url}/login/")

    assert page.locator("main").is_visible()
    assert page.evaluate("typeof htmx.version") == "string"
    assert page.evaluate("document.styleSheets.length") > 0
    assert complaints == []


def test_browser_cannot_leave_this_machine(page: Page):
    with pytest.raises(Error, match="ERR_NAME_NOT_RESOLVED"):
        page.goto("http://hospital.example/")


def test_test_cannot_leave_this_machine():
    import socket

    with pytest.raises(OSError, match="tests stay on this machine"):
        socket.create_connection(("192.0.2.1", 80), timeout=1)
