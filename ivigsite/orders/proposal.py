"""From an assessment to lines that can be ordered: the same evaluation, with the product and age of now."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from ivigsite.encounters.advice import FindingCard, OrderCard, finding_cards, order_cards
from ivigsite.encounters.assessment_form import ages_of
from ivigsite.encounters.models import Assessment
from protocols.engine.decision import chosen_product, evaluate, is_first_exposure, plan_for
from protocols.engine.facts import UNKNOWN, Facts, Unknown
from protocols.engine.outcome import outcome_to_plain, rate_plan_to_plain
from protocols.engine.protocol import Protocol
from protocols.engine.recommendation import Order, Recommendation
from protocols.engine.weight import DosingWeight
from protocols.mapping import load_protocol_value

NONE = "none"


class CannotOrder(Exception):
    """Nothing can be signed on this assessment, and why in one sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What can be chosen from: the recommendation as it stands now, its lines as cards, and what stops it."""

    assessment: Assessment
    protocol: Protocol
    facts: Facts
    recommendation: Recommendation
    outcome: Mapping[str, Any]
    cards: tuple[OrderCard, ...]
    findings: tuple[FindingCard, ...]

    @property
    def orders(self) -> dict[str, Order]:
        return {order.code: order for order in self.recommendation.orders}

    @property
    def cards_by_code(self) -> dict[str, OrderCard]:
        return {card.code: card for card in self.cards}

    @property
    def outcome_product(self) -> str:
        """The product the doses were computed for."""
        return chosen_product(self.protocol, self.facts).key

    def rate_plan_of(self, code: str) -> Mapping[str, Any] | None:
        """The rate plan of one line at this patient's risk, or None where no infusion belongs to it."""
        weight = self.recommendation.dosing_weight
        if not isinstance(weight, DosingWeight):
            return None
        plan = plan_for(
            self.protocol,
            self.orders[code],
            weight,
            is_at_risk=self.recommendation.is_at_risk,
            is_first_exposure=is_first_exposure(self.protocol, self.facts) is not False,
        )
        return rate_plan_to_plain(plan)


def propose(*, assessment: Assessment, product: str | None, at: datetime) -> Proposal:
    """Evaluate the assessment's facts again with the chosen product and the sample's age now.

    Raises `CannotOrder` when the answer has changed since the assessment, or was no recommendation.
    """
    protocol = load_protocol_value(assessment.protocol_version)
    facts = assessment.as_facts()
    ages = ages_of(sampled_at=assessment.sampled_at, weighed_on=assessment.weighed_on, at=at)
    facts = replace(
        facts,
        sample_age_hours=ages.get("sample_age_hours", UNKNOWN),
        weight_age_days=ages.get("weight_age_days", UNKNOWN),
        bleeding_seen_age_hours=_later(facts.bleeding_seen_age_hours, assessment.made_at, at),
        creatinine_age_hours=_later(facts.creatinine_age_hours, assessment.made_at, at),
    )
    if product is not None:
        if product not in {row.key for row in protocol.products if row.offered}:
            raise CannotOrder("This product is not on the formulary.")
        facts = replace(facts, product=product)
    recommendation = evaluate(protocol, facts)
    if not isinstance(recommendation, Recommendation):
        outcome = outcome_to_plain(protocol, recommendation)
        raise CannotOrder(f"There is no recommendation to sign: {outcome['reason']}. Reassess the patient.")
    if recommendation.branch.key != assessment.outcome["branch"]:
        raise CannotOrder("The recommendation has changed since the assessment. Reassess the patient.")
    outcome = outcome_to_plain(protocol, recommendation)
    return Proposal(
        assessment=assessment,
        protocol=protocol,
        facts=facts,
        recommendation=recommendation,
        outcome=outcome,
        cards=order_cards(protocol, outcome["orders"]),
        findings=finding_cards(protocol, outcome["findings"]),
    )


def order_code(key: UUID) -> str:
    """The order's name on paper and in the QR code: 60 bits of its key, without the digits 0, 1, 8 and 9."""
    letters = base64.b32encode(key.bytes).decode()[:12]
    return f"{letters[:4]}-{letters[4:8]}-{letters[8:]}"


def _later(hours: Decimal | Unknown, made_at: datetime, at: datetime) -> Decimal | Unknown:
    """An age in hours that was right at one moment, as it is at another."""
    if hours is UNKNOWN:
        return UNKNOWN
    passed = max(at - made_at, timedelta(0)) // timedelta(minutes=1)
    return hours + (Decimal(passed) / 60).quantize(Decimal("0.01"))
