"""What monitoring does when the floors below say that something happened."""

from datetime import datetime
from typing import Any

from ivigsite.accounts.models import User
from ivigsite.encounters.models import Assessment, Encounter
from ivigsite.encounters.signals import assessment_made, encounter_closed
from ivigsite.monitoring.actions import add_for_new_facts, end_all_tasks
from ivigsite.monitoring.background import values_of
from protocols.mapping import load_protocol_value

CLOSED = "The encounter was closed"


def listen() -> None:
    encounter_closed.connect(_end_checks, dispatch_uid="monitoring.encounter_closed")
    assessment_made.connect(_add_checks, dispatch_uid="monitoring.assessment_made")


def _end_checks(
    sender: object, *, encounter: Encounter, reason: str, by: User, at: datetime, **_: Any
) -> None:
    end_all_tasks(encounter=encounter, reason=f"{CLOSED}: {reason}", by=by, at=at)


def _add_checks(sender: object, *, assessment: Assessment, by: User, at: datetime, **_: Any) -> None:
    encounter = assessment.encounter
    if not encounter.plans.exists():
        return
    values = values_of(load_protocol_value(assessment.protocol_version), assessment)
    add_for_new_facts(encounter=encounter, assessment=assessment, values=values, by=by, at=at)
