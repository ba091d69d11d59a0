from collections.abc import Callable, Iterator
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone
from playwright.sync_api import BrowserContext, Page
from pytest_django.live_server_helper import LiveServer

from tests.browser.watch import Watch

if TYPE_CHECKING:
    from ivigsite.orders.models import SheetPrint
    from tests.scenario import Site

RENDER_SECONDS = 30


@pytest.fixture
def watch() -> Iterator[Watch]:
    """Fail a test when a page breaks its policy, logs an error or may be kept; who plants one clears it."""
    watch = Watch()
    yield watch
    assert watch.complaints == []
    assert watch.kept == []


@pytest.fixture
def new_context(
    new_context: Callable[..., BrowserContext], live_server: LiveServer, watch: Watch
) -> Callable[..., BrowserContext]:
    """A browser of somebody's own, at our site and watched."""

    def watched(**options: Any) -> BrowserContext:
        context = new_context(base_url=live_server.url, **options)
        watch.over(context)
        return context

    return watched


@pytest.fixture
def site(transactional_db: None, live_server: LiveServer) -> "Site":
    # This file is read before Django's models can be.
    from tests.scenario import build_site

    return build_site(at=timezone.now())


@pytest.fixture(autouse=True)
def rendered(site: "Site", monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let every sheet begun in a test be finished before its rows go."""
    from ivigsite.orders import views
    from ivigsite.orders.actions import render_ahead

    begun: list[Event] = []

    def remembered(*, prints: "list[SheetPrint]") -> None:
        for print_ in prints:
            done = Event()
            begun.append(done)
            render_ahead(prints=[print_], then=done.set)

    monkeypatch.setattr(views, "render_ahead", remembered)
    yield
    assert all(done.wait(RENDER_SECONDS) for done in begun)


@pytest.fixture
def bedside(page: Page, site: "Site") -> Page:
    """The physician's browser, signed in and on the board."""
    from tests.browser.steps import arrive

    arrive(page)
    return page
