"""The clock of an emergency: started once, stopped once, with who and when, and never changed."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.utils import timezone

from ivigsite.audit.models import AuditEntry
from ivigsite.encounters.actions import (
    EncounterClosed,
    NoEmergency,
    close_encounter,
    end_emergency,
    stand_down_emergency,
    start_emergency,
)
from ivigsite.encounters.models import (
    EmergencyEnding,
    EmergencyEndingKind,
    EmergencyStart,
    Encounter,
    StandDownReason,
)
from tests.scenario import Site

pytestmark = pytest.mark.django_db

EMERGENCY_TABLES = (EmergencyStart, EmergencyEnding)


def start(site: Site) -> EmergencyStart:
    return start_emergency(encounter=site.encounter, by=site.physician, at=timezone.now())


def stand_down(site: Site, reason: str = StandDownReason.BY_MISTAKE, comment: str = "") -> EmergencyEnding:
    return stand_down_emergency(
        encounter=site.encounter, reason=reason, comment=comment, by=site.physician, at=timezone.now()
    )


@pytest.mark.hazard("H13")
def test_pressing_twice_starts_one_clock(site: Site):
    first = start(site)

    again = start_emergency(
        encounter=site.encounter, by=site.physician, at=timezone.now() + timedelta(hours=1)
    )

    assert again == first == EmergencyStart.objects.get()
    assert again.started_at == first.started_at
    assert AuditEntry.objects.filter(action="emergency.started", object_id=first.pk).count() == 1


def test_second_emergency_after_the_first_has_a_clock_of_its_own(site: Site):
    first = start(site)
    stand_down(site)

    second = start(site)

    assert (first.number, second.number) == (1, 2)


def test_standing_down_keeps_who_when_and_why(site: Site):
    begun = start(site)

    ending = stand_down(site, StandDownReason.OTHER, "Wrong row")

    assert (ending.start, ending.kind, ending.comment) == (begun, "stood_down", "Wrong row")
    assert ending.ended_by == site.physician
    assert AuditEntry.objects.get(action="emergency.ended").details["reason"] == "other"


def test_nothing_to_stand_down_is_an_answer_of_its_own(site: Site):
    with pytest.raises(NoEmergency):
        stand_down(site)

    start(site)
    stand_down(site)
    with pytest.raises(NoEmergency):
        stand_down(site)


def test_closed_encounter_starts_no_clock_and_a_running_one_stops_with_it(site: Site):
    start(site)
    encounter = Encounter.objects.get()
    close_encounter(
        encounter=encounter,
        version=encounter.version,
        reason="Transferred",
        by=site.physician,
        at=timezone.now(),
    )

    assert EmergencyEnding.objects.get().kind == EmergencyEndingKind.CLOSED
    with pytest.raises(EncounterClosed):
        start(site)


def test_ending_where_nothing_runs_ends_nothing(site: Site):
    assert (
        end_emergency(
            encounter=site.encounter,
            kind=EmergencyEndingKind.TREATED,
            by=site.physician,
            at=timezone.now(),
        )
        is None
    )


@pytest.mark.parametrize("model", EMERGENCY_TABLES)
def test_record_of_an_emergency_is_never_changed_or_removed(site: Site, model: type):
    start(site)
    stand_down(site)
    rows = model._default_manager.all()  # type: ignore[attr-defined]

    with pytest.raises(DatabaseError), transaction.atomic():
        rows.update(id=rows.get().pk)
    with pytest.raises(DatabaseError), transaction.atomic():
        rows._raw_delete("default")

    assert rows.count() == 1


@pytest.mark.parametrize(
    ("kind", "reason", "comment"),
    [
        ("stood_down", "", ""),
        ("stood_down", "bored", ""),
        ("stood_down", "other", ""),
        ("treated", "by_mistake", ""),
        ("ended", "", ""),
    ],
)
def test_database_takes_no_ending_without_its_reason(site: Site, kind: str, reason: str, comment: str):
    begun = start(site)

    with pytest.raises(IntegrityError), transaction.atomic():
        EmergencyEnding.objects.create(
            start=begun,
            kind=kind,
            reason=reason,
            comment=comment,
            ended_at=timezone.now(),
            ended_by=site.physician,
        )
