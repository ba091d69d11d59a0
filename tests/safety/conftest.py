from collections.abc import Iterator
from copy import deepcopy
from typing import TYPE_CHECKING

import pytest
from pytest_django import DjangoDbBlocker

if TYPE_CHECKING:
    from tests.safety.world import World


@pytest.fixture(scope="module")
def shared_world(
    nothing_ahead: None, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator["World"]:
    """The world of every test of a module, where none of them commits."""
    # This file is read before Django's models can be.
    from tests.safety.world import build_world
    from tests.worlds import shared_rows

    with shared_rows(django_db_blocker):
        yield build_world()


@pytest.fixture
def world(shared_world: "World", db: None) -> "World":
    """The rows that the module shares as objects of the test's own: what it sets on them stays with it."""
    return deepcopy(shared_world)


@pytest.fixture(autouse=True, scope="module")
def nothing_ahead() -> Iterator[None]:
    """Nothing is rendered ahead: a thread that renders would outlive the test that began it."""
    from ivigsite.orders import handover_views, views
    from ivigsite.revisions import exchange_views

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(views, "render_ahead", lambda *, prints: None)
        patch.setattr(exchange_views, "begin", lambda _job: None)
        patch.setattr(handover_views, "render_in_worker", lambda _job: b"%PDF-1.7 of this test")
        yield
