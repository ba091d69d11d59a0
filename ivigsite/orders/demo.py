"""The demonstration's one signed order set and its checks, so that a board with and without can be seen."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID, uuid5

from ivigsite.encounters.models import Assessment
from ivigsite.monitoring.actions import Entered, record_observation, set_anchor
from ivigsite.orders.actions import draft_content, sign_order_set
from ivigsite.orders.forms import Choices
from ivigsite.orders.models import OrderSet
from ivigsite.orders.proposal import propose
from ivigsite.orders.sheet.content import digest
from protocols.engine.protocol import Role

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
    """Let the treatment have begun as planned, with vital signs, an alert and what came due since."""
    encounter = order_set.encounter
    if encounter.observations.exists():
        return
    start = order_set.starts_at
    for name in ("T0", "P0"):
        set_anchor(order_set_id=order_set.pk, name=name, true_at=start, by=order_set.signed_by, at=at)
    for rule, taken_at, values in (
        ("VITALS_BEFORE", start - timedelta(minutes=5), BEFORE),
        ("LUNGS", start + timedelta(minutes=16), BREATHLESS),
    ):
        record_observation(
            encounter=encounter,
            rule=rule,
            entered=Entered(typed={}, values=values, taken_at=taken_at),
            idempotency_key=uuid5(NAMES, f"{order_set.pk}/{rule}"),
            by=order_set.signed_by,
            at=at,
        )


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
