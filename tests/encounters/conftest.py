from typing import TYPE_CHECKING

import pytest
from django.test import Client
from django.utils import timezone

from tests.guards import emptying_lifts_guards  # noqa: F401

if TYPE_CHECKING:
    from tests.scenario import Site


@pytest.fixture
def site(db: None) -> "Site":
    # This file is read before Django's models can be.
    from tests.scenario import build_site

    return build_site(at=timezone.now())


@pytest.fixture
def physician(site: "Site", client: Client) -> Client:
    client.force_login(site.physician)
    return client


@pytest.fixture
def nurse(site: "Site", client: Client) -> Client:
    client.force_login(site.nurse)
    return client


@pytest.fixture
def elsewhere(site: "Site", client: Client) -> Client:
    client.force_login(site.elsewhere)
    return client
