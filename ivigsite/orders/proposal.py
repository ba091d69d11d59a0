"""From an assessment to lines that can be ordered: the same evaluation, with the product and age of now."""

import base64
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from ivigsite.encounters.advice import FindingCard, OrderCard, changed_cards, finding_cards
from ivigsite.encounters.models import Assessment
from ivigsite.orders.facts_now import facts_now
from ivigsite.orders.given import GivenDose, untold_by
from ivigsite.orders.models import OverriddenRule
from ivigsite.orders.overrides import Acknowledged
from protocols.engine import lookup
from protocols.engine.decision import arrange_chosen, chosen_product, compare_policies, evaluate, plans_of
from protocols.engine.exposure import SAME_BRAND, exposure
from protocols.engine.facts import LEVELS, Facts, Unknown
from protocols.engine.infusion import RatePlan
from protocols.engine.observation import ObservationPoint, observation_points
from protocols.engine.outcome import outcome_to_plain, rate_plan_to_plain
from protocols.engine.protocol import Product, Protocol
from protocols.engine.recommendation import Order, PolicyResult, Recommendation
from protocols.engine.timed_plan import TimedPlan
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
    plans: Mapping[str, RatePlan]
    acknowledged: Mapping[str, Acknowledged]
    # Immunoglobulin that came on record after the assessment; the facts here count it.
    untold: tuple[GivenDose, ...]
    # What each dosing-weight policy gives, where the haematologist may choose between them; else empty.
    policies: tuple[PolicyResult, ...]
    # By the lines that are put in time: each line of a sheet asks where the plan of all of them has it.
    _timed: dict[frozenset[str], TimedPlan | None] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @property
    def policy(self) -> str:
        """The dosing-weight policy the doses were computed by."""
        return self.protocol.default_policy if isinstance(self.facts.policy, Unknown) else self.facts.policy

    @property
    def has_policies_to_choose(self) -> bool:
        """Whether it makes a difference which policy is taken, to the weight or to the grams."""
        return len({(result.weight.kg, result.dose_g) for result in self.policies}) > 1

    def names_of(self, codes: Iterable[str]) -> frozenset[str]:
        """What rules may call the lines with these codes: their codes, kinds and drugs."""
        return frozenset(name for code in codes for name in self.orders[code].names)

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
        return rate_plan_to_plain(self.protocol, self.facts, self.plans.get(code))

    def exposure_to(self, product: Product) -> str | Unknown:
        """What a dose of this product is to the patient."""
        return exposure(self.protocol, self.facts, product)

    def observations_of(self, plan: RatePlan) -> tuple[ObservationPoint, ...]:
        """When to look at this patient while the plan runs."""
        return observation_points(
            plan,
            lookup.of(self.protocol).parameters,
            is_same_brand=self.exposure_to(plan.product) == SAME_BRAND,
        )

    def timed_plan_of(self, codes: Collection[str]) -> TimedPlan | None:
        """These lines put in time, or None where none of them has one."""
        chosen = frozenset(codes)
        if chosen not in self._timed:
            self._timed[chosen] = arrange_chosen(self.protocol, self.recommendation, chosen)
        return self._timed[chosen]


def propose(
    *, assessment: Assessment, product: str | None, policy: str | None = None, at: datetime
) -> Proposal:
    """Evaluate the assessment's facts again as they are now, with what was chosen.

    `policy` is the dosing-weight policy that a haematologist chose; without one the protocol's default holds.

    Raises `CannotOrder` when the answer has changed since the assessment, or was no recommendation.
    """
    protocol = load_protocol_value(assessment.protocol_version)
    untold = untold_by(assessment)
    facts = facts_now(assessment, untold, at=at)
    if product is not None:
        if product not in {row.key for row in protocol.products if row.offered}:
            raise CannotOrder("This product is not on the formulary.")
        facts = replace(facts, product=product)
    if policy is not None:
        if policy not in {row.key for row in protocol.weight_policies}:
            raise CannotOrder("This dosing-weight policy does not stand in the protocol.")
        facts = replace(facts, policy=policy)
    recommendation = evaluate(protocol, facts)
    if not isinstance(recommendation, Recommendation):
        reason = outcome_to_plain(protocol, recommendation)["reason"].rstrip(".")
        raise CannotOrder(f"There is no recommendation to sign: {reason}. Reassess the patient.")
    if recommendation.branch.key != assessment.outcome["branch"]:
        raise CannotOrder("The recommendation has changed since the assessment. Reassess the patient.")
    policies = _policies_to_choose(protocol, recommendation)
    if not policies and policy not in (None, protocol.default_policy):
        raise CannotOrder("The dosing weight is chosen by haematology in life-threatening bleeding only.")
    outcome = outcome_to_plain(protocol, recommendation)
    return Proposal(
        assessment=assessment,
        protocol=protocol,
        facts=facts,
        recommendation=recommendation,
        outcome=outcome,
        cards=changed_cards(protocol, outcome),
        findings=finding_cards(protocol, outcome["findings"], at=at),
        plans=plans_of(protocol, recommendation),
        acknowledged=_acknowledged(assessment, outcome),
        untold=untold,
        policies=policies,
    )


def _acknowledged(assessment: Assessment, outcome: Mapping[str, Any]) -> dict[str, Acknowledged]:
    """The findings that were answered earlier in this encounter on the very facts they read now."""
    digests = {finding["facts_digest"]: finding["rule"] for finding in outcome["findings"]}
    rows = (
        OverriddenRule.objects.filter(order_set__encounter=assessment.encounter_id, facts_digest__in=digests)
        .select_related("order_set__signed_by")
        .order_by("order_set__signed_at")
    )
    return {
        digests[row.facts_digest]: Acknowledged(
            by=row.order_set.signed_by.full_name, at=row.order_set.signed_at
        )
        for row in rows
    }


def order_code(key: UUID) -> str:
    """The order's name on paper and in the QR code: 60 bits of its key, without the digits 0, 1, 8 and 9."""
    letters = base64.b32encode(key.bytes).decode()[:12]
    return f"{letters[:4]}-{letters[4:8]}-{letters[8:]}"


def _policies_to_choose(protocol: Protocol, recommendation: Recommendation) -> tuple[PolicyResult, ...]:
    """In life-threatening bleeding the evidence for an adjusted weight is thin, and haematology decides."""
    if recommendation.bleeding.level != LEVELS[-1]:
        return ()
    return compare_policies(protocol, recommendation.facts)
