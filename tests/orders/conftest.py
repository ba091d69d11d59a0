from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from django.test import Client

    from tests.scenario import Site


@pytest.fixture(scope="module")
def signed_hours_ago(django_db_setup: None, django_db_blocker: Any) -> "Iterator[tuple[Site, UUID]]":
    """A site and its one order set, signed five hours ago: one world for the whole module.

    Each test takes back what it did to it.
    """
    from datetime import timedelta

    import time_machine
    from django.db import transaction
    from django.test import Client
    from django.utils import timezone

    from ivigsite.orders import views
    from ivigsite.orders.models import OrderSet
    from tests.orders.test_signing import choices, sign
    from tests.scenario import assess, build_site

    with django_db_blocker.unblock(), transaction.atomic(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(views, "render_ahead", lambda *, prints: None)
        signed_at = timezone.now() - timedelta(hours=5)
        with time_machine.travel(signed_at, tick=False):
            site = build_site(at=signed_at)
            client = Client()
            client.force_login(site.physician)
            made = assess(site)
            assert sign(client, made, choices(made)).status_code == 302
        yield site, OrderSet.objects.get().pk
        transaction.set_rollback(True)


@pytest.fixture(scope="module")
def shared_order_set(shared_site: "Site") -> "UUID":
    """The order set that is signed once for all tests of a module that do not commit."""
    from django.test import Client

    from ivigsite.orders import views
    from ivigsite.orders.models import OrderSet
    from tests.orders.test_signing import choices, sign
    from tests.scenario import assess

    client = Client()
    client.force_login(shared_site.physician)
    made = assess(shared_site)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(views, "render_ahead", lambda *, prints: None)
        assert sign(client, made, choices(made)).status_code == 302
    return OrderSet.objects.get().pk


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
