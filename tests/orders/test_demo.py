from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone

from ivigsite.monitoring.models import Observation
from ivigsite.orders.demo import SIGNED_PATIENT, show_demo_checks, sign_demo_order_set
from ivigsite.orders.models import OrderSet
from protocols.engine.monitoring import Status

pytestmark = pytest.mark.django_db


def test_the_demonstration_has_one_signed_order_set_and_keeps_it() -> None:
    call_command("load_protocol", verbosity=0)
    call_command("seed_demo", verbosity=0)

    now = timezone.now()
    first = sign_demo_order_set(at=now - timedelta(minutes=40))
    again = sign_demo_order_set(at=now)
    for _ in range(2):
        show_demo_checks(first, at=now)

    assert first == again == OrderSet.objects.get()
    assert first.encounter.patient.record_number == SIGNED_PATIENT
    assert first.sheet_content.is_demo
    assert first.lines.filter(kind="platelets", dose_amount="2").exists()
    statuses = {task.status(now) for task in first.encounter.tasks.all()}
    assert {Status.DUE, Status.OVERDUE, Status.PLANNED, Status.MISSED} <= statuses
    assert [each.rule for each in Observation.objects.unacknowledged()] == ["LUNGS"]
