"""Signed orders carried out by the clock: what nurses and physicians note, step by step."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

from ivigsite.encounters.models import Encounter
from ivigsite.monitoring.actions import Entered, record_observation
from ivigsite.monitoring.models import Observation
from ivigsite.orders.administration import Noted, note_event
from ivigsite.orders.models import AdministrationEvent, OrderLine
from protocols.engine.course import Act
from tests.scenario import Site

BEFORE = {
    "temperature_c": Decimal("36.8"),
    "heart_rate_per_min": 72,
    "systolic_mmhg": 124,
    "respiratory_rate_per_min": 14,
    "oxygen_saturation_percent": 98,
    "on_oxygen": False,
    "fluid_status": "balanced",
}


def entered(
    site: Site, rule: str, values: Mapping[str, Any], taken_at: datetime, *, at: datetime | None = None
) -> Observation:
    """A result that belongs to no check."""
    return record_observation(
        encounter=Encounter.objects.get(pk=site.encounter.pk),
        rule=rule,
        entered=Entered(typed={}, values=values, taken_at=taken_at),
        task=None,
        idempotency_key=uuid4(),
        by=site.nurse,
        at=at or taken_at,
    )


def count(site: Site, per_ul: int, taken_at: datetime, *, who_grade: int | None = 0) -> None:
    """A count, and the bleeding seen with it."""
    entered(site, "COUNT", {"platelets_per_ul": per_ul}, taken_at)
    if who_grade is not None:
        entered(site, "BLEEDING", {"who_bleeding_grade": who_grade}, taken_at)


def noted(
    site: Site, line: OrderLine, act: Act, at: datetime, *, dose: int = 1, **told: Any
) -> AdministrationEvent:
    return note_event(
        line=line,
        dose_number=dose,
        noted=Noted(act=act, happened_at=at, **told),
        seen=AdministrationEvent.objects.filter(line=line, dose_number=dose).count(),
        idempotency_key=uuid4(),
        by=site.nurse,
        at=at,
    )


def give(site: Site, line: OrderLine, start: datetime, *, minutes: int, dose: int = 1) -> None:
    """One dose from start to end; vital signs stand before it."""
    entered(site, "VITALS_BEFORE", BEFORE, start - timedelta(minutes=5), at=start)
    noted(site, line, Act.START, start, dose=dose, reason="signs_elsewhere")
    noted(site, line, Act.FINISH, start + timedelta(minutes=minutes), dose=dose)
