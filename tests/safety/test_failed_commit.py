"""A commit that fails: whoever signed is told, and nothing is there. Apart, because it commits."""

import pytest
from django.db import OperationalError, connection
from django.urls import reverse

from ivigsite.audit.actions import find_problems
from tests.orders.test_signing import choices
from tests.safety.test_all_or_nothing import rows
from tests.safety.world import build_world, client_of, signature
from tests.scenario import assess

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.hazard("H14")
def test_a_commit_that_fails_signs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    world = build_world()
    visitor = client_of(world.site.physician, raise_request_exception=False)
    made = assess(world.site)
    posted = signature(visitor, made, choices(made))
    before = rows()

    def fail() -> None:
        raise OperationalError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(connection, "_commit", fail)
        answer = visitor.post(reverse("sign_orders", args=[made.pk]), posted)

    assert answer.status_code == 500
    assert rows() == before
    assert find_problems() == []
