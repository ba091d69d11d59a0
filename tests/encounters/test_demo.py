"""The demonstration: fictional people and patients, brought in once."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.conf import LazySettings
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from ivigsite.accounts.models import User
from ivigsite.accounts.roles import Role
from ivigsite.audit.actions import find_problems
from ivigsite.encounters.demo import DEMO_PATIENTS, DEMO_USERS, is_seeded
from ivigsite.encounters.models import Assessment, Encounter, Patient
from protocols.models import ProtocolVersion
from protocols.reading import current_version
from tests.worlds import shared_rows

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def seeded(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    with shared_rows(django_db_blocker):
        call_command("seed_demo", verbosity=0)
        call_command("load_protocol", verbosity=0)
        yield


@pytest.mark.usefixtures("seeded")
def test_demo_has_its_people_with_known_passwords():
    for demo in DEMO_USERS:
        assert len(demo.password) >= 12
        assert authenticate(username=demo.username, password=demo.password) is not None
    roles = [user.kind for user in DEMO_USERS]
    assert roles.count(Role.PHYSICIAN) == 2
    assert set(roles) == set(Role) - {Role.ADMIN}


@pytest.mark.usefixtures("seeded")
@pytest.mark.hazard("H20")
def test_three_demo_people_approved_the_protocol():
    version = current_version()

    assert version is not None
    assert len({version.author, version.reviewer, version.approver}) == 3
    assert "nobody has checked" in version.review_comment
    # Loading what is shipped finds it there; and its history reads in the order in which it was made.
    assert ProtocolVersion.objects.count() == 1
    kinds = list(version.events.order_by("at").values_list("kind", flat=True))
    assert kinds[:2] == ["imported", "submitted"]
    assert kinds[-1] == "approved"
    moments = [version.created_at, version.submitted_at, version.reviewed_at, version.approved_at]
    assert moments == sorted(moment for moment in moments if moment)


@pytest.mark.usefixtures("seeded")
def test_eight_patients_are_in_different_states():
    outcomes = list(
        Assessment.objects.filter(assessment=None).values_list("outcome__outcome", "outcome__branch")
    )

    assert Patient.objects.count() == len(DEMO_PATIENTS) == 8
    assert Encounter.objects.filter(assessments=None).count() == 1
    assert Encounter.objects.filter(emergencies__ending=None, emergencies__isnull=False).count() == 1
    assert len(outcomes) == len(set(outcomes)) == 7
    assert ("gated", "EMERGENCY_COMBINED") not in outcomes
    assert {kind for kind, _ in outcomes} >= {"recommendation", "gated"}


@pytest.mark.usefixtures("seeded")
def test_patients_are_plainly_fictional():
    for patient in Patient.objects.all():
        assert re.fullmatch(r"DEMO-\d{4}", patient.record_number)


@pytest.mark.usefixtures("seeded")
def test_seeding_again_changes_nothing():
    def counts() -> list[int]:
        return [m.objects.count() for m in (User, Patient, Encounter, Assessment, ProtocolVersion)]

    before = counts()

    call_command("seed_demo", verbosity=0)

    assert is_seeded()
    assert counts() == before


@pytest.mark.usefixtures("seeded")
def test_seeding_happened_in_the_past_and_was_audited():
    now = timezone.now()

    assert all(now - timedelta(days=3) < made.made_at <= now for made in Assessment.objects.all())
    assert find_problems() == []


def test_real_site_gets_no_fictional_people(settings: LazySettings):
    settings.DEMO = False
    before = User.objects.count()

    with pytest.raises(CommandError, match="real site"):
        call_command("seed_demo")

    assert User.objects.count() == before
