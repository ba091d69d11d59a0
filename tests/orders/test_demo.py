import pytest
from django.core.management import call_command
from django.utils import timezone

from ivigsite.orders.demo import SIGNED_PATIENT, sign_demo_order_set
from ivigsite.orders.models import OrderSet

pytestmark = pytest.mark.django_db


def test_the_demonstration_has_one_signed_order_set_and_keeps_it() -> None:
    call_command("load_protocol", verbosity=0)
    call_command("seed_demo", verbosity=0)

    first = sign_demo_order_set(at=timezone.now())
    again = sign_demo_order_set(at=timezone.now())

    assert first == again == OrderSet.objects.get()
    assert first.encounter.patient.record_number == SIGNED_PATIENT
    assert first.sheet_content.is_demo
    assert first.lines.filter(kind="platelets", dose_amount="2").exists()
