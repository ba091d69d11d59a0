from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from django.test import Client

    from tests.scenario import Site


@pytest.fixture
def site(db: None) -> "Site":
    from django.utils import timezone

    from tests.scenario import build_site

    return build_site(at=timezone.now())


@pytest.fixture
def physician(site: "Site", client: "Client") -> "Client":
    client.force_login(site.physician)
    return client


@pytest.fixture(autouse=True)
def asked_ahead(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What was to be rendered ahead; the real thing has tests of its own, its thread outlives a test."""
    from ivigsite.orders import views

    asked: list[Any] = []
    monkeypatch.setattr(views, "render_ahead", lambda *, prints: asked.extend(prints))
    return asked
