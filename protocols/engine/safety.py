"""From safety rules to findings, and what findings and gates do: hold lines, slow rates, call haematology."""

from dataclasses import replace
from typing import Final

from . import lookup
from .case import Case, policy_key, product_key
from .conditions import Values, judge
from .facts import UNKNOWN
from .protocol import (
    ArmEffect,
    Branch,
    ConsultLevel,
    DecisionRule,
    Effect,
    EffectKind,
    Gate,
    OrderKind,
    Protocol,
    Role,
    SafetyRule,
    Severity,
)
from .recommendation import Finding, Order

NO_SUCH_ROW_RULE: Final = "NO_SUCH_ROW"

Unjudged = tuple[tuple[SafetyRule, tuple[str, ...]], ...]


def findings_of(protocol: Protocol, values: Values) -> tuple[tuple[Finding, ...], Unjudged]:
    """What the safety rules say for these values, and the rules that cannot be judged."""
    held, unjudged = judge(lookup.of(protocol).safety_rules, values)
    return tuple(
        Finding(
            rule=rule.key,
            severity=rule.severity,
            text=rule.text,
            action=rule.action,
            override=rule.override,
            effects=rule.effects,
            cites=rule.basis.cites,
        )
        for rule in held
    ), unjudged


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
            severity=Severity.HARD,
            text=f"This version of the protocol has no {what} {key}.",
            action=f"Choose a {what} that it has.",
            override="none",
            effects=effects,
            cites=(),
        )
        for what, key, effects in named
    )


def hold_lines(
    orders: tuple[Order, ...], gates: tuple[Gate, ...], findings: tuple[Finding, ...]
) -> tuple[Order, ...]:
    """A line that a gate blocks or a rule holds stays visible, marked, and never arrives ticked."""
    held = {
        effect.target
        for finding in findings
        for effect in finding.effects
        if effect.kind is EffectKind.HOLD_LINES
    }
    for gate in gates:
        arms = {
            OrderKind.PLATELETS: gate.platelets,
            OrderKind.IVIG: gate.ivig,
            OrderKind.CORTICOSTEROID: gate.corticosteroid,
        }
        held |= {kind.value for kind, effect in arms.items() if effect is not ArmEffect.AS_BRANCH}
    return tuple(_hold(order) if order.kind.value in held else order for order in orders)


def consult_level(
    branch: Branch,
    rules: tuple[DecisionRule, ...],
    gates: tuple[Gate, ...],
    findings: tuple[Finding, ...],
) -> ConsultLevel:
    """The most urgent consult that branch, decision rules, gates or findings ask for."""
    raised = (
        ConsultLevel(effect.target)
        for finding in findings
        for effect in finding.effects
        if effect.kind is EffectKind.RAISE_CONSULT
    )
    levels = (
        branch.consult,
        *(rule.consult_at_least for rule in rules),
        *(gate.consult for gate in gates),
        *raised,
    )
    return max(levels, key=lambda level: level.rank)


def is_at_risk(findings: tuple[Finding, ...]) -> bool:
    """Whether a finding asks for the at-risk infusion rate."""
    return any(effect.kind is EffectKind.AT_RISK_RATE for finding in findings for effect in finding.effects)


def _hold(order: Order) -> Order:
    role = Role.OFFERED if order.role is Role.REQUIRED else order.role
    return replace(order, is_held=True, role=role)
