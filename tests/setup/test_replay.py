"""The protocol that tests write as rows is the one that its life has made, at the time they ask for."""

from datetime import UTC, datetime

import pytest
from django.apps import apps
from django.db import transaction

from protocols.mapping import check_seal
from protocols.models import Proof
from tests.replay import Replay, _read
from tests.scenario import _live

pytestmark = pytest.mark.django_db

FIRST = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
THEN = datetime(2026, 11, 22, 14, 5, 30, 123456, tzinfo=UTC)


def test_second_version_of_a_process_is_the_first_moved_in_time() -> None:
    replay = Replay(_live)
    with transaction.atomic():
        replay.version(FIRST)
        counts = {table: len(_read(table)) for table in apps.get_app_config("protocols").get_models()}
        transaction.set_rollback(True)

    version = replay.version(THEN)

    assert {table: len(_read(table)) for table in counts} == counts
    assert check_seal(version).slug == version.slug
    assert {version.created_at, version.submitted_at, version.approved_at} == {THEN}
    assert set(Proof.objects.values_list("asked_at", "finished_at")) == {(THEN, THEN)}
    assert set(version.events.values_list("at", flat=True)) == {THEN}
    assert version.author.username == "author"
