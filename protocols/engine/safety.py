"""From safety rules to findings, and what findings and gates do: hold lines, slow rates, call haematology."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from . import lookup
from .case import Case, policy_key, product_key
from .conditions import Values
from .facts import LEVELS, UNKNOWN, Unknown
from .placeholders import fill, wait_of
from .plain import canonical_json
from .protocol import (
    ArmEffect,
    Branch,
    ConsultLevel,
    DecisionRule,
    Effect,
    EffectKind,
    Gate,
    MonitoringItem,
    OrderKind,
    OverrideKind,
    OverridePolicy,
    Product,
    ProductProperty,
    Protocol,
    Role,
    SafetyRule,
    Severity,
    Text,
    WhenUnknown,
)
from .recommendation import Finding, LineEffect, Order, Unjudged
from .scores import Score

LIFE_THREATENING: Final = LEVELS[-1]
NO_SUCH_ROW_RULE: Final = "NO_SUCH_ROW"
NOTHING_LIFTS_IT: Final = OverridePolicy(kind=OverrideKind.NONE)

# A line marked by nothing else goes on.
HOLDS_NOTHING: Final = frozenset({EffectKind.AT_RISK_RATE.value, ArmEffect.WITH_CALL.value})
# What counts before the facts are known; whom to call and what to read follow from what is known.
_SHAPES_LINES: Final = frozenset(
    {EffectKind.HOLD_LINES, EffectKind.REMOVE_LINES, EffectKind.AT_RISK_RATE, EffectKind.REQUIRE_PRODUCT}
)
_STABILISER_OF: Final = {
    ProductProperty.WITHOUT_PROLINE: "proline",
    ProductProperty.WITHOUT_SORBITOL: "sorbitol",
    ProductProperty.WITHOUT_MALTOSE: "maltose",
    ProductProperty.WITHOUT_SUCROSE: "sucrose",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedEffect:
    """One effect that counts for this patient, with the rule it comes from."""

    rule: str
    effect: Effect
    is_certain: bool


def findings_of(
    protocol: Protocol, values: Values, *, after_plan: bool
) -> tuple[tuple[Finding, ...], tuple[Unjudged, ...]]:
    """What the safety rules say for these values, and the rules that cannot be judged.

    Rules that look at the planned infusion wait until there is a plan, all others come before it.
    """
    rows = lookup.of(protocol)
    rules = rows.rules_after_plan if after_plan else rows.rules_before_plan
    findings: list[Finding] = []
    unjudged: list[Unjudged] = []
    for truth, predicate, row, groups in rules.sift(values).each:
        if truth is True:
            findings.append(_finding(row, groups, values))
        else:
            unjudged.append(_unjudged(row.rule, predicate.missing_in(groups, values), values))
    return tuple(findings), tuple(unjudged)


def missing_rows(protocol: Protocol, case: Case) -> tuple[Finding, ...]:
    """What the facts name and this protocol version does not have; never read as the default."""
    rows = lookup.of(protocol)
    facts = case.facts
    hold_ivig = (Effect(kind=EffectKind.HOLD_LINES, target=OrderKind.IVIG),)
    named: list[tuple[str, str, tuple[Effect, ...]]] = []
    if case.product is None:
        named.append(("product", product_key(protocol, facts), hold_ivig))
    if (policy := policy_key(protocol, facts)) not in rows.policies:
        named.append(("dosing weight policy", policy, hold_ivig))
    if facts.procedure is not UNKNOWN and case.procedure is None:
        named.append(("procedure", facts.procedure, ()))
    return tuple(
        Finding(
            rule=NO_SUCH_ROW_RULE,
            number=NO_SUCH_ROW_RULE,
            severity=Severity.HARD,
            text=f"This version of the protocol has no {what} {key}.",
            action=f"Choose a {what} that it has.",
            override=NOTHING_LIFTS_IT,
            effects=effects,
            cites=(),
        )
        for what, key, effects in named
    )


def applied_effects(findings: Iterable[Finding], unjudged: Iterable[Unjudged]) -> tuple[AppliedEffect, ...]:
    """The effects of what was found, and of what counts as found until its facts are known."""
    certain = (
        AppliedEffect(rule=finding.rule, effect=effect, is_certain=True)
        for finding in findings
        for effect in finding.effects
    )
    assumed = (
        AppliedEffect(rule=rule.rule, effect=effect, is_certain=False)
        for rule in unjudged
        if rule.until_known is WhenUnknown.HOLD
        for effect in rule.effects
        if effect.kind in _SHAPES_LINES
    )
    return (*certain, *assumed)


def apply_to_lines(
    orders: Iterable[Order],
    gates: tuple[Gate, ...],
    effects: tuple[AppliedEffect, ...],
    product: Product | None,
) -> tuple[Order, ...]:
    """Each line with what is done to it; one that is held stays visible and never arrives ticked."""
    kept = []
    shaping = [applied for applied in effects if applied.effect.kind in _SHAPES_LINES]
    for order in orders:
        marks = (*_gate_marks(order, gates), *_rule_marks(order, shaping, product))
        kinds = {mark.kind for mark in marks}
        if EffectKind.REMOVE_LINES in kinds:
            continue
        is_held = order.is_held or not kinds <= HOLDS_NOTHING
        role = Role.OFFERED if is_held and order.role is Role.REQUIRED else order.role
        is_changed = bool(marks) or role is not order.role
        kept.append(replace(order, is_held=is_held, role=role, effects=marks) if is_changed else order)
    return tuple(kept)


def added_lines(protocol: Protocol, effects: tuple[AppliedEffect, ...]) -> tuple[Order, ...]:
    """The lines that rules add, each once, with the rules it comes from."""
    extra = lookup.of(protocol).extra_orders
    return tuple(
        Order(
            code=row.key,
            kind=row.kind,
            role=row.role,
            timing=row.timing,
            group="",
            start_after_minutes=0,
            text=row.text,
            template=None,
            dose=None,
            waits_for=(),
            is_held=False,
            cites=row.basis.cites,
            effects=tuple(
                _mark(applied)
                for applied in effects
                if (applied.effect.kind, applied.effect.target) == (EffectKind.ADD_LINE, row.key)
            ),
        )
        for key in _targets(effects, EffectKind.ADD_LINE)
        for row in (extra[key],)
    )


def added_checks(protocol: Protocol, effects: tuple[AppliedEffect, ...]) -> tuple[MonitoringItem, ...]:
    """What rules ask to watch besides what the lines do."""
    items = lookup.of(protocol).items
    return tuple(items[key] for key in _targets(effects, EffectKind.ADD_CHECK))


def added_texts(protocol: Protocol, effects: tuple[AppliedEffect, ...]) -> tuple[Text, ...]:
    """The texts that rules ask to be read."""
    texts = lookup.of(protocol).texts
    return tuple(texts[key] for key in _targets(effects, EffectKind.ADD_TEXT))


def does_stop(gate: Gate, level: str | Unknown) -> bool:
    """Whether a gate that holds ends the automatic orders at this bleeding level."""
    return gate.stops_life_threatening if level == LIFE_THREATENING else gate.stops


def consult_level(
    branch: Branch,
    rules: tuple[DecisionRule, ...],
    gates: tuple[Gate, ...],
    effects: tuple[AppliedEffect, ...],
) -> ConsultLevel:
    """The most urgent consult that branch, decision rules, gates or effects ask for."""
    levels = (
        branch.consult,
        *(rule.consult_at_least for rule in rules),
        *(gate.consult for gate in gates),
        *(ConsultLevel(target) for target in _targets(effects, EffectKind.RAISE_CONSULT)),
    )
    return max(levels, key=lambda level: level.rank)


def is_at_risk(effects: tuple[AppliedEffect, ...]) -> bool:
    """Whether an effect asks for the at-risk infusion rate."""
    return any(applied.effect.kind is EffectKind.AT_RISK_RATE for applied in effects)


def risk_of(effects: tuple[AppliedEffect, ...], unjudged: tuple[Unjudged, ...]) -> dict[str, bool]:
    """The fact `at_risk`: not there while only a rule that cannot be told would say so."""
    certain = tuple(applied for applied in effects if applied.is_certain)
    if is_at_risk(certain):
        return {"at_risk": True}
    may_be = any(effect.kind is EffectKind.AT_RISK_RATE for rule in unjudged for effect in rule.effects)
    return {} if may_be else {"at_risk": False}


def has_property(product: Product, wanted: ProductProperty) -> bool:
    """Whether a product is what a rule asks for."""
    if wanted is ProductProperty.INTRAVENOUS:
        return product.route == "iv"
    if wanted is ProductProperty.IGA_DEPLETED:
        return product.iga_depleted
    return _STABILISER_OF[wanted] not in product.stabilisers


def digest_of_facts(finding: Finding) -> str:
    """SHA-256 of what the rule said and read: the same finding on the same facts has the same digest."""
    said = [finding.rule, finding.severity, finding.text, finding.reads]
    return hashlib.sha256(canonical_json(tuple(said)).encode()).hexdigest()


def _finding(row: lookup.SafetyRow, groups: Iterable[int], values: Values) -> Finding:
    rule = row.rule
    return Finding(
        rule=rule.key,
        number=rule.number,
        severity=rule.severity,
        text=fill(rule.text, values),
        action=fill(rule.action, values),
        override=rule.override,
        effects=rule.effects,
        cites=rule.basis.cites,
        lines=tuple([row.lines[position] for position in groups]),
        reads=tuple([(fact, _as_read(values[fact])) for fact in row.reads if fact in values]),
        wait=tuple(wait_of(rule.text, values).items()),
    )


def _as_read(value: Any) -> Any:
    """A score is read by its points: its items have their own facts."""
    return (value.least, value.most) if isinstance(value, Score) else value


def _unjudged(rule: SafetyRule, missing: tuple[str, ...], values: Values) -> Unjudged:
    return Unjudged(
        rule=rule.key,
        number=rule.number,
        severity=rule.severity,
        text=fill(rule.text, values),
        asks=missing,
        until_known=rule.unknown,
        effects=rule.effects,
        cites=rule.basis.cites,
    )


def _gate_marks(order: Order, gates: tuple[Gate, ...]) -> Iterator[LineEffect]:
    for gate in gates:
        arms = {
            OrderKind.PLATELETS: gate.platelets,
            OrderKind.IVIG: gate.ivig,
            OrderKind.CORTICOSTEROID: gate.corticosteroid,
        }
        arm = arms.get(order.kind, ArmEffect.AS_BRANCH)
        if arm is not ArmEffect.AS_BRANCH:
            yield LineEffect(by=gate.code, kind=arm.value, is_certain=True)


def _rule_marks(
    order: Order, effects: Iterable[AppliedEffect], product: Product | None
) -> Iterator[LineEffect]:
    is_ivig = order.kind is OrderKind.IVIG
    for applied in effects:
        kind, target = applied.effect.kind, applied.effect.target
        if kind in (EffectKind.HOLD_LINES, EffectKind.REMOVE_LINES):
            is_meant = target in order.names
        elif kind is EffectKind.REQUIRE_PRODUCT:
            is_meant = is_ivig and not (
                product is not None and has_property(product, ProductProperty(target))
            )
        else:
            # The at-risk rate.
            is_meant = is_ivig
        if is_meant:
            yield _mark(applied)


def _mark(applied: AppliedEffect) -> LineEffect:
    return LineEffect(by=applied.rule, kind=applied.effect.kind.value, is_certain=applied.is_certain)


def _targets(effects: tuple[AppliedEffect, ...], kind: EffectKind) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(applied.effect.target for applied in effects if applied.effect.kind is kind))
