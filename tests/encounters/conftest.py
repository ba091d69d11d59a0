from typing import TYPE_CHECKING

import pytest
from django.test import Client

from tests.guards import emptying_lifts_guards  # noqa: F401

if TYPE_CHECKING:
    from tests.scenario import Site


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
