from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from ivigsite import demo
from ivigsite.monitoring.models import Observation
from ivigsite.orders import demo as demo_orders
from ivigsite.orders.demo import SIGNED_PATIENT, show_demo_checks, sign_demo_order_set
from ivigsite.orders.models import OrderSet
from protocols.engine.monitoring import Status

pytestmark = pytest.mark.django_db


def test_the_demonstration_has_one_signed_order_set_and_keeps_it() -> None:
    call_command("seed_demo", verbosity=0)

    now = timezone.now()
    first = sign_demo_order_set(at=now - timedelta(minutes=40))
    again = sign_demo_order_set(at=now)
    for _ in range(2):
        show_demo_checks(first, at=now)

    assert first == again == OrderSet.objects.get()
    assert first.encounter.patient.record_number == SIGNED_PATIENT
    assert first.sheet_content.is_demo
    platelets = first.lines.get(kind="platelets", dose_amount="2")
    # What the checks count from was noted at the bedside, with the unit that a recall would ask for.
    assert [event.act for event in platelets.events.all()] == ["start"]
    assert [product.unit_number for product in platelets.given.all()] == ["DEMO-UNIT-0001"]
    statuses = {task.status(now) for task in first.encounter.tasks.all()}
    assert {Status.DUE, Status.OVERDUE, Status.PLANNED, Status.MISSED} <= statuses
    assert [each.rule for each in Observation.objects.unacknowledged()] == ["LUNGS"]


def test_folder_of_an_earlier_demonstration_is_named_instead_of_failing_within(
    monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path
) -> None:
    settings.VAR_DIR = tmp_path
    # Signed before there were plans; the database it stands in has everything else.
    monkeypatch.setattr(demo_orders, "sign_demo_order_set", lambda *, at: OrderSet(pk=uuid4()))

    with pytest.raises(CommandError, match="of an earlier version") as refused:
        demo.prepare_database()

    assert str(tmp_path) in str(refused.value)
