import pytest
from django.conf import LazySettings

from tests.guards import emptying_lifts_guards  # noqa: F401


@pytest.fixture(autouse=True)
def own_urls(settings: LazySettings) -> None:
    settings.ROOT_URLCONF = "tests.accounts.urls"
