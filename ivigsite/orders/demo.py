"""The demonstration's one signed order set and its checks, so that a board with and without can be seen."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID, uuid5

from ivigsite.encounters.models import Assessment
from ivigsite.monitoring.actions import Entered, record_observation
from ivigsite.orders.actions import draft_content, sign_order_set
from ivigsite.orders.administration import Noted, Unit, note_event, note_unit
from ivigsite.orders.forms import Choices
from ivigsite.orders.models import OrderSet
from ivigsite.orders.proposal import propose
from ivigsite.orders.sheet.content import digest
from protocols.engine.course import Act
from protocols.engine.protocol import OrderKind, Role

SIGNED_PATIENT: Final = "DEMO-2001"
NAMES: Final = UUID("6f0f3f4e-2f0c-4b52-9a52-7f6f7f1f0a11")


def sign_demo_order_set(*, at: datetime) -> OrderSet:
    """Sign what the rule requires for one fictional patient, as their physician would; once."""
    key = uuid5(NAMES, SIGNED_PATIENT)
    if there := OrderSet.objects.filter(idempotency_key=key).first():
        return there
    assessment = Assessment.objects.filter(encounter__patient__record_number=SIGNED_PATIENT).latest("number")
    proposal = propose(assessment=assessment, product=None, at=at)
    choices = Choices(
        codes=tuple(card.code for card in proposal.cards if card.role == Role.REQUIRED),
        starts_at=at,
        product=proposal.outcome_product,
        declined=(),
        overrides=(),
    )
    content = draft_content(proposal=proposal, choices=choices, key=key)
    return sign_order_set(
        assessment=assessment,
        choices=choices,
        shown_digest=digest(content),
        key=key,
        by=assessment.made_by,
        at=at,
    )


def show_demo_checks(order_set: OrderSet, *, at: datetime) -> None:
    """Let the platelets have begun as planned, with vital signs, an alert and what came due since."""
    encounter = order_set.encounter
    if encounter.observations.exists():
        return
    start = order_set.starts_at
    by = order_set.signed_by

    def measured(rule: str, taken_at: datetime, values: Mapping[str, Any]) -> None:
        record_observation(
            encounter=encounter,
            rule=rule,
            entered=Entered(typed={}, values=values, taken_at=taken_at),
            idempotency_key=_name(order_set, rule),
            by=by,
            at=at,
        )

    measured("VITALS_BEFORE", start - timedelta(minutes=5), BEFORE)
    platelets = order_set.lines.get(kind=OrderKind.PLATELETS)
    note_event(
        line=platelets,
        dose_number=1,
        noted=Noted(act=Act.START, happened_at=start),
        seen=0,
        idempotency_key=_name(order_set, Act.START),
        by=by,
        at=at,
    )
    note_unit(
        line=platelets,
        dose_number=1,
        unit=Unit(
            unit_number="DEMO-UNIT-0001",
            product_name="Platelets, fictional unit",
            expires_on=(start + timedelta(days=2)).date(),
        ),
        given_at=start,
        idempotency_key=_name(order_set, "unit"),
        by=by,
        at=at,
    )
    measured("LUNGS", start + timedelta(minutes=16), BREATHLESS)


def _name(order_set: OrderSet, of: str) -> UUID:
    return uuid5(NAMES, f"{order_set.pk}/{of}")


BEFORE: Final = {
    "temperature_c": Decimal("36.7"),
    "heart_rate_per_min": 84,
    "systolic_mmhg": 132,
    "diastolic_mmhg": 78,
    "respiratory_rate_per_min": 16,
    "oxygen_saturation_percent": 97,
    "on_oxygen": False,
    "fluid_status": "balanced",
}
BREATHLESS: Final = {
    "oxygen_saturation_percent": 93,
    "respiratory_rate_per_min": 22,
    "new_crackles": False,
    "pink_sputum": False,
}
