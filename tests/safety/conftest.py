from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.safety.world import World


@pytest.fixture
def world(db: None) -> "World":
    # This file is read before Django's models can be.
    from tests.safety.world import build_world

    return build_world()


@pytest.fixture(autouse=True)
def asked_ahead(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What was to be rendered ahead; a thread that renders would outlive the test that began it."""
    from ivigsite.orders import handover_views, views
    from ivigsite.revisions import exchange_views

    asked: list[Any] = []
    monkeypatch.setattr(views, "render_ahead", lambda *, prints: asked.extend(prints))
    monkeypatch.setattr(exchange_views, "begin", asked.append)
    monkeypatch.setattr(handover_views, "render_in_worker", lambda job: b"%PDF-1.7 of this test")
    return asked
