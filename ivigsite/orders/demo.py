"""The demonstration's one signed order set, so that a board with and without orders can be seen at once."""

from datetime import datetime
from typing import Final
from uuid import UUID, uuid5

from ivigsite.encounters.models import Assessment
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
