"""Every product for this patient: allowed, allowed with a warning or blocked, with each reason, best first.

The reasons are the protocol's own safety rules, asked anew for each product; nothing is decided twice.
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from . import formulas, lookup
from .arithmetic import exactly
from .arrangement import arrange, values_of_plan
from .case import Case, case_of, product_key, product_values
from .conditions import facts_asked
from .derived import PLAN_FACTS, PRODUCT_FACTS
from .dosing import Dose, VialPlan, fewest_vials
from .exposure import exposure, is_first_exposure
from .facts import UNKNOWN, Unknown
from .infusion import RatePlan
from .lines import plan_for, values_of
from .placeholders import fill
from .plain import decimal_text
from .protocol import (
    EffectKind,
    OrderKind,
    Product,
    ProductLabel,
    Protocol,
    Role,
    SafetyRule,
    Severity,
    WhenUnknown,
)
from .recommendation import Order, Recommendation
from .safety import HOLDS_NOTHING

STOPS: Final = (Severity.HARD, Severity.HARD_NAMED)
# What holds a line for its product, and what holds none.
_SETTLED_BY_PRODUCT: Final = frozenset({EffectKind.REQUIRE_PRODUCT.value, *HOLDS_NOTHING})


class Standing(StrEnum):
    """What the rules say of one product for this patient; a stop that may be overridden is one too."""

    ALLOWED = "allowed"
    WARNED = "allowed_with_warning"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRule:
    """A rule that cannot be judged for this product, with the facts whose answer would settle it."""

    rule: SafetyRule
    text: str
    asks: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductReason:
    """A rule that speaks for this product, in its words for this patient."""

    rule: SafetyRule
    text: str
    action: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductChoice:
    """One product with what the dose would come to in it, and everything that speaks for or against it.

    `preferences` are the keys of the preference rows it meets. `plan` and `volume_ml` are None while no
    dose is known.
    """

    product: Product
    standing: Standing
    reasons: tuple[ProductReason, ...]
    open_rules: tuple[OpenRule, ...]
    preferences: tuple[str, ...]
    label: ProductLabel | None
    volume_ml: Decimal | None
    vial_plan: VialPlan | None
    plan: RatePlan | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Formulary:
    """All products, the best allowed one first, the blocked ones last; with all blocked none is suggested."""

    choices: tuple[ProductChoice, ...]
    suggested: ProductChoice | None
    chosen: str


@exactly
def formulary(protocol: Protocol, recommendation: Recommendation) -> Formulary | None:
    """The products for the immunoglobulin this recommendation proposes; None where it proposes none."""
    orders = recommendation.orders
    main = next((order for order in orders if order.kind is OrderKind.IVIG and order.template), None)
    if main is None:
        return None
    case = case_of(protocol, recommendation.facts)
    repeat = lookup.of(protocol).repeats.get(recommendation.branch.key)
    values = {
        **case.values,
        "branch": recommendation.branch.key,
        **values_of(protocol, case, orders, repeat),
    }
    known = {key: value for key, value in values.items() if key not in PRODUCT_FACTS}
    choices = [_choice(protocol, case, recommendation, known, product) for product in protocol.products]
    choices.sort(key=lambda choice: _rank(protocol, choice))
    best = choices[0]
    return Formulary(
        choices=tuple(choices),
        suggested=None if best.standing is Standing.BLOCKED else best,
        chosen=product_key(protocol, recommendation.facts),
    )


def formulary_to_plain(found: Formulary | None) -> dict[str, Any] | None:
    """A formulary as plain data, or None where no immunoglobulin is proposed."""
    if found is None:
        return None
    return {
        "suggested": None if found.suggested is None else found.suggested.product.key,
        "chosen": found.chosen,
        "products": [_choice_to_plain(choice) for choice in found.choices],
    }


def _choice_to_plain(choice: ProductChoice) -> dict[str, Any]:
    label, plan, vials = choice.label, choice.plan, choice.vial_plan
    return {
        "product": choice.product.key,
        "standing": choice.standing.value,
        "reasons": [
            {
                "rule": reason.rule.key,
                "severity": reason.rule.severity.value,
                "text": reason.text,
                "action": reason.action,
                "citations": list(reason.rule.basis.cites),
            }
            for reason in choice.reasons
        ],
        "open": [
            {"rule": row.rule.key, "text": row.text, "facts": list(row.asks)} for row in choice.open_rules
        ],
        "preferences": list(choice.preferences),
        "itp_labelled": None if label is None else label.itp_labelled,
        "label": None if label is None else label.dose_text,
        "volume_ml": None if choice.volume_ml is None else decimal_text(choice.volume_ml),
        "vials": []
        if vials is None
        else [{"size_g": decimal_text(size), "count": count} for size, count in vials.vials],
        "left_over_g": None if vials is None else decimal_text(vials.left_over_g),
        "total_minutes": None if plan is None else plan.total_minutes,
    }


def _choice(
    protocol: Protocol,
    case: Case,
    recommendation: Recommendation,
    known: dict[str, Any],
    product: Product,
) -> ProductChoice:
    facts = case.facts
    values = {**known, **product_values(protocol, product)}
    to_patient = exposure(protocol, facts, product)
    if to_patient is not UNKNOWN:
        values["ivig_exposure"] = to_patient
    with_product = tuple(_in_product(order, product) for order in recommendation.orders)
    plans = _plans(protocol, case, with_product, is_at_risk=recommendation.is_at_risk)
    infused = next((order for order in with_product if order.code in plans), None)
    dose = infused.dose if infused is not None and isinstance(infused.dose, Dose) else None
    if dose is not None and dose.vial_plan is not None:
        values["ivig_left_over_g"] = dose.vial_plan.left_over_g
    running = tuple(order for order in with_product if _would_run(order))
    arranged = arrange(protocol, orders=running, plans=plans, values=case.values, weight=case.weight)
    values |= values_of_plan(arranged)
    rows = lookup.of(protocol)
    held, unjudged = rows.product_rules.judge(values)
    return ProductChoice(
        product=product,
        standing=_standing(product, held, tuple(rule for rule, _ in unjudged)),
        reasons=tuple(
            ProductReason(rule=rule, text=fill(rule.text, values), action=fill(rule.action, values))
            for rule in held
        ),
        open_rules=tuple(
            OpenRule(rule=rule, text=fill(rule.text, values), asks=asks) for rule, asks in unjudged
        ),
        preferences=tuple(
            row.key for predicate, row in rows.product_preferences if predicate(values) is True
        ),
        label=next((label for label in product.labels if label.jurisdiction == protocol.jurisdiction), None),
        volume_ml=None if dose is None else dose.volume_ml,
        vial_plan=None if dose is None else dose.vial_plan,
        plan=None if infused is None else plans[infused.code],
    )


def _would_run(order: Order) -> bool:
    """Whether the line runs once a product is chosen that no rule asks to change."""
    if order.role is Role.REQUIRED:
        return True
    waits_for_product = any(mark.kind == EffectKind.REQUIRE_PRODUCT for mark in order.effects)
    others = any(mark.kind not in _SETTLED_BY_PRODUCT for mark in order.effects)
    is_recommended = order.template is not None and order.template.role is Role.REQUIRED
    return is_recommended and waits_for_product and not others


def _in_product(order: Order, product: Product) -> Order:
    """The order as it would be in another product: the same grams, another volume, other vials."""
    dose = order.dose
    if not isinstance(dose, Dose) or not dose.regimen.uses_product:
        return order
    return replace(
        order,
        dose=replace(
            dose,
            product=product,
            volume_ml=formulas.volume_ml(grams=dose.rounded, percent=product.concentration_percent),
            vial_plan=fewest_vials(product.vials_g, dose.rounded),
        ),
    )


def _plans(
    protocol: Protocol, case: Case, orders: tuple[Order, ...], *, is_at_risk: bool
) -> dict[str, RatePlan]:
    if isinstance(case.weight, Unknown):
        return {}
    is_first = is_first_exposure(protocol, case.facts) is not False
    plans: dict[str, RatePlan] = {}
    for order in orders:
        # The line that stands for the immunoglobulin, required or not, is enough to compare products by.
        plan = (
            None
            if plans
            else plan_for(protocol, order, case.weight, is_at_risk=is_at_risk, is_first_exposure=is_first)
        )
        if plan is not None:
            plans[order.code] = plan
    return plans


def _standing(product: Product, rules: tuple[SafetyRule, ...], unjudged: tuple[SafetyRule, ...]) -> Standing:
    """A rule that counts until its facts are known blocks too."""
    counting = (*rules, *(rule for rule in unjudged if rule.unknown is WhenUnknown.HOLD))
    if not product.offered or any(rule.severity in STOPS for rule in counting):
        return Standing.BLOCKED
    return Standing.WARNED if rules else Standing.ALLOWED


def _rank(protocol: Protocol, choice: ProductChoice) -> tuple[Any, ...]:
    """The gravest finding first, then the preferences in their order, then the protocol's own product.

    What is said of the plan, such as its volume, stops a product or is read; its rank is a preference.
    """
    severities = list(Severity)
    of_product = (reason.rule for reason in choice.reasons if not _is_of_plan(reason.rule))
    gravest = min((severities.index(rule.severity) for rule in of_product), default=len(severities))
    rows = protocol.product_preferences
    left_over = Decimal(0) if choice.vial_plan is None else choice.vial_plan.left_over_g
    return (
        choice.standing is Standing.BLOCKED,
        -gravest,
        tuple(row.key not in choice.preferences for row in rows),
        choice.product.key != protocol.default_product,
        left_over,
    )


def _is_of_plan(rule: SafetyRule) -> bool:
    return not PLAN_FACTS.isdisjoint(facts_asked(rule.when))
