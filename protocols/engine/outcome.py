"""An outcome as plain data: the documented keys that `manage.py evaluate` prints and an assessment stores."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from . import lookup
from .arithmetic import exactly
from .dosing import Dose
from .exposure import SAME_BRAND, exposure
from .facts import UNKNOWN, Facts, Unknown
from .grading import BleedingAssessment
from .infusion import RatePlan
from .ledger import Ledger
from .observation import observation_points
from .plain import decimal_text, to_plain
from .protocol import Gate, MonitoringItem, OverrideKind, OverridePolicy, Protocol, Text
from .recommendation import (
    Finding,
    Gated,
    NotCovered,
    OpenQuestion,
    Order,
    Outcome,
    Recommendation,
    Screening,
    Trace,
    Unjudged,
)
from .safety import digest_of_facts, does_stop
from .scores import Score
from .timed_plan import PlanEvent, TimedPlan
from .weight import DosingWeight


@exactly
def outcome_to_plain(protocol: Protocol, outcome: Outcome) -> dict[str, Any]:
    """One dictionary ready for JSON, always with the same keys; what does not apply is null or empty."""
    if isinstance(outcome, Recommendation):
        return {**_empty(protocol), "outcome": "recommendation", **_recommendation(protocol, outcome)}
    if isinstance(outcome, Gated):
        return {**_empty(protocol), "outcome": "gated", **_gated(protocol, outcome)}
    return {**_empty(protocol), "outcome": "not_covered", **_not_covered(outcome)}


@exactly
def outcome_in_short(outcome: Outcome) -> dict[str, Any]:
    """What `answers.answer_of` reads of an outcome and nothing else, each part as `outcome_to_plain` has it.

    Whoever compares many outcomes needs no ledgers, sources and questions of them.
    """
    short: dict[str, Any] = {
        "consult": outcome.consult.value,
        "gates": [_gate(gate, outcome.bleeding.level) for gate in outcome.gates],
        "branch": None,
        "targets": [],
        "repeat": None,
        "rate_plan": None,
        "orders": [],
        "findings": [],
        "monitoring": [],
        "texts": [],
    }
    if isinstance(outcome, Recommendation):
        return {**short, **_proposed_in_short(outcome), "outcome": "recommendation"}
    if isinstance(outcome, Gated) and outcome.provisional is not None:
        proposed = _proposed_in_short(outcome.provisional)
        orders = [_held_behind_gate(order) for order in proposed["orders"]]
        return {**short, **proposed, "orders": orders, "outcome": "gated"}
    return {**short, "outcome": "gated" if isinstance(outcome, Gated) else "not_covered"}


def _proposed_in_short(outcome: Recommendation) -> dict[str, Any]:
    plan = outcome.rate_plan
    return {
        "branch": outcome.branch.key,
        "targets": _targets(outcome),
        "repeat": _repeat(outcome),
        "rate_plan": None if plan is None else _rates(plan),
        "orders": [_order_in_short(order) for order in outcome.orders],
        "findings": [
            {"rule": finding.rule, "severity": finding.severity.value} for finding in outcome.findings
        ],
        "monitoring": [
            {"key": item.key, "anchor": item.anchor, "due_minutes": item.due_minutes}
            for item in outcome.monitoring
        ],
        "texts": [{"key": text.key} for text in outcome.texts],
    }


def _order_in_short(order: Order) -> dict[str, Any]:
    dose = order.dose if isinstance(order.dose, Dose) else None
    return {
        "code": order.code,
        "kind": order.kind.value,
        "role": order.role.value,
        "held": order.is_held,
        "dose": None if dose is None else {"rounded": decimal_text(dose.rounded), "unit": dose.unit},
        "frequency": None if dose is None else dose.regimen.frequency,
        "duration": None if dose is None else dose.regimen.duration,
    }


def _rates(plan: RatePlan) -> dict[str, Any]:
    return {
        "steps": [{"ml_per_h": decimal_text(step.ml_per_h)} for step in plan.steps],
        "maximum_ml_per_h": decimal_text(plan.maximum_ml_per_h),
    }


def _repeat(outcome: Recommendation) -> dict[str, Any] | None:
    repeat = outcome.repeat
    if repeat is None:
        return None
    return {"earliest_hours": repeat.earliest_hours, "conditions": repeat.conditions}


def _empty(protocol: Protocol) -> dict[str, Any]:
    return {
        "grade": None,
        "ctcae_version": protocol.ctcae_version,
        "branch": None,
        "provenance": None,
        "consult": "none",
        "dosing_weight": None,
        "orders": [],
        "targets": [],
        "stop_rule": None,
        "rate_plan": None,
        "timed_plan": None,
        "gate": {"status": "clear", "stops": [], "said": [], "unjudged": []},
        "gates": [],
        "scores": [],
        "findings": [],
        "unjudged": [],
        "screening": [],
        "monitoring": [],
        "texts": [],
        "questions": [],
        "possible": [],
        "reason": None,
        "repeat": None,
        "trace": None,
    }


def _recommendation(protocol: Protocol, outcome: Recommendation) -> dict[str, Any]:
    return {
        "grade": outcome.grade.grade,
        "branch": outcome.branch.key,
        "provenance": outcome.rule.decision.value,
        "consult": outcome.consult.value,
        "dosing_weight": _weight(outcome.dosing_weight),
        "orders": [_order(order) for order in outcome.orders],
        "targets": _targets(outcome),
        "stop_rule": outcome.branch.stop_rule,
        "rate_plan": rate_plan_to_plain(protocol, outcome.facts, outcome.rate_plan),
        "timed_plan": timed_plan_to_plain(outcome.timed_plan),
        **_screened(outcome),
        "findings": [_finding(finding) for finding in outcome.findings],
        "unjudged": [_unjudged(rule) for rule in outcome.unjudged],
        "screening": [_screening(row) for row in outcome.screening],
        "monitoring": [_monitoring(item) for item in outcome.monitoring],
        "texts": [_text(text) for text in outcome.texts],
        "questions": [_question(question) for question in outcome.questions],
        "repeat": _repeat(outcome),
        "trace": _trace(outcome.trace),
    }


def _gated(protocol: Protocol, outcome: Gated) -> dict[str, Any]:
    proposed = {} if outcome.provisional is None else _provisional(protocol, outcome.provisional)
    return {
        **proposed,
        "grade": None if outcome.grade is None else outcome.grade.grade,
        "consult": outcome.consult.value,
        **_screened(outcome),
        "questions": [_question(question) for question in outcome.questions],
        "possible": [
            {
                "answers": dict(option.answers),
                "branch": option.rule.branch,
                "rule": option.rule.key,
            }
            for option in outcome.possible
        ],
        "reason": "; ".join(gate.title for gate in outcome.gates)
        or "The answer depends on facts that are not known.",
        "trace": _trace(outcome.trace),
    }


def _provisional(protocol: Protocol, outcome: Recommendation) -> dict[str, Any]:
    """A recommendation behind a gate: whoever reads only the orders must see that none is free."""
    plain = _recommendation(protocol, outcome)
    return {**plain, "orders": [_held_behind_gate(order) for order in plain["orders"]]}


def _held_behind_gate(order: dict[str, Any]) -> dict[str, Any]:
    return {**order, "held": order["kind"] != "consult"}


def _not_covered(outcome: NotCovered) -> dict[str, Any]:
    return {
        "grade": outcome.grade.grade,
        "consult": outcome.consult.value,
        "reason": outcome.reason,
        **_screened(outcome),
        "questions": [_question(question) for question in outcome.questions],
        "trace": _trace(outcome.trace),
    }


def _order(order: Order) -> dict[str, Any]:
    dose = order.dose
    regimen = dose.regimen if isinstance(dose, Dose) else None
    return {
        "code": order.code,
        "kind": order.kind.value,
        "drug": None if regimen is None else regimen.drug,
        "role": order.role.value,
        "timing": order.timing.value,
        "group": order.group,
        "start_after_minutes": order.start_after_minutes,
        "dose": _dose(dose) if isinstance(dose, Dose) else None,
        "route": None if regimen is None else regimen.route,
        "frequency": None if regimen is None else regimen.frequency,
        "duration": None if regimen is None else regimen.duration,
        "text": order.text,
        "waits_for": list(order.waits_for),
        "held": order.is_held,
        "effects": [
            {"by": effect.by, "effect": effect.kind, "is_certain": effect.is_certain}
            for effect in order.effects
        ],
        "citations": list(order.cites),
    }


def _dose(dose: Dose) -> dict[str, Any]:
    regimen = dose.regimen
    return {
        "regimen": regimen.key,
        "exact": decimal_text(dose.exact),
        "rounded": decimal_text(dose.rounded),
        "unit": dose.unit,
        "deviation_percent": decimal_text(dose.deviation_percent),
        "capped": dose.capped,
        "part_vial": dose.part_vial,
        "range": None
        if dose.range_low is None or dose.range_high is None
        else {
            "low": decimal_text(dose.range_low),
            "high": decimal_text(dose.range_high),
        },
        "volume_ml": _decimal(dose.volume_ml),
        "left_over_g": None if dose.vial_plan is None else decimal_text(dose.vial_plan.left_over_g),
        "vials": []
        if dose.vial_plan is None
        else [{"size_g": decimal_text(size), "count": count} for size, count in dose.vial_plan.vials],
        "per_kg": decimal_text(regimen.amount) if dose.weight_kg is not None else None,
        "weight_kg": _decimal(dose.weight_kg),
        "weight_basis": dose.weight_basis or None,
        "product": None if dose.product is None else dose.product.key,
        "ledger": ledger_to_plain(dose.ledger),
    }


def ledger_to_plain(ledger: Ledger) -> list[dict[str, Any]]:
    """The ledger's steps as plain data, numbers as exact text."""
    return [
        {
            "name": step.name,
            "operation": step.operation.value,
            "formula": step.formula,
            "inputs": [
                {
                    "name": quantity.name,
                    "value": decimal_text(quantity.value),
                    "unit": quantity.unit,
                    "from_step": quantity.from_step,
                }
                for quantity in step.inputs
            ],
            "result": decimal_text(step.result),
            "unit": step.unit,
            "citations": list(step.cites),
        }
        for step in ledger
    ]


def _weight(weight: DosingWeight | Unknown) -> dict[str, Any] | None:
    if isinstance(weight, Unknown):
        return None
    return {
        "kg": decimal_text(weight.kg),
        "basis": weight.basis,
        "policy": weight.policy.key,
        "bmi": None if weight.bmi is UNKNOWN else decimal_text(weight.bmi),
        "flags": list(weight.flags),
        "ledger": ledger_to_plain(weight.ledger),
    }


def _targets(outcome: Recommendation) -> list[dict[str, Any]]:
    targets = [
        {"platelets_per_ul": target.platelets_per_ul, "text": target.text} for target in outcome.targets
    ]
    if outcome.procedure_target is not None:
        target = outcome.procedure_target
        targets.append({"platelets_per_ul": target.platelets_per_ul, "text": target.label})
    return targets


def rate_plan_to_plain(protocol: Protocol, facts: Facts, plan: RatePlan | None) -> dict[str, Any] | None:
    """A rate plan with its observation points as plain data, or None where there is none."""
    if plan is None:
        return None
    known_exposure = exposure(protocol, facts, plan.product)
    points = observation_points(
        plan, lookup.of(protocol).parameters, is_same_brand=known_exposure == SAME_BRAND
    )
    return {
        "product": plan.product.key,
        "steps": [
            {
                "ml_per_h": decimal_text(step.ml_per_h),
                "ml_per_kg_per_h": decimal_text(step.ml_per_kg_per_h),
                "starts_after_minutes": decimal_text(step.starts_after_minutes),
                "minutes": decimal_text(step.minutes),
                "running_volume_ml": decimal_text(_tenths(step.running_volume_ml)),
            }
            for step in plan.steps
        ],
        "total_minutes": plan.total_minutes,
        "volume_ml": decimal_text(plan.volume_ml),
        "maximum_ml_per_h": decimal_text(plan.maximum_ml_per_h),
        "at_risk": plan.is_at_risk,
        "exposure": None if known_exposure is UNKNOWN else known_exposure,
        "observations": [
            {
                "moment": point.moment.value,
                "after_minutes": point.after_minutes,
                "until_minutes": point.until_minutes,
            }
            for point in points
        ],
    }


def timed_plan_to_plain(plan: TimedPlan | None) -> dict[str, Any] | None:
    """A timed plan as plain data, in minutes after T0, or None where there is none."""
    if plan is None:
        return None
    per_kg = plan.planned_volume_ml_per_kg
    return {
        "access": plan.access.key,
        "access_title": plan.access.title,
        "access_text": plan.access.text,
        "access_citations": list(plan.access.basis.cites),
        "lanes": [[arm.value for arm in lane] for lane in plan.access.lanes],
        "events": [event_to_plain(event) for event in plan.events],
        "planned_volume_ml": decimal_text(plan.planned_volume_ml),
        "planned_volume_ml_per_kg": None if per_kg is UNKNOWN else decimal_text(per_kg),
        "limit_ml_per_kg": decimal_text(plan.limit_ml_per_kg),
        "window_minutes": plan.window_minutes,
        "over_limit": None if plan.is_over_limit is UNKNOWN else plan.is_over_limit,
        "waits_for": list(plan.waits_for),
        "shares_a_line": plan.shares_a_line,
    }


def event_to_plain(event: PlanEvent) -> dict[str, Any]:
    """One event of a timed plan as plain data."""
    return {
        "kind": event.kind.value,
        "arm": event.arm.value,
        "code": event.code,
        "text": event.text,
        "after_minutes": event.after_minutes,
        "until_minutes": event.until_minutes,
        "lane": event.lane,
        "dose_number": event.dose_number,
        "doses": event.doses,
        "volume_ml": _decimal(event.volume_ml),
        "conditional": event.is_conditional,
    }


def _tenths(value: Decimal) -> Decimal:
    return value.quantize(Decimal("0.1"), rounding=ROUND_HALF_UP)


def _screened(outcome: Outcome) -> dict[str, Any]:
    """The gate in one word with the codes behind it, each gate, and the scores."""
    level = outcome.bleeding.level
    stops = [gate.key for gate in outcome.gates if does_stop(gate, level)]
    said = [gate.key for gate in outcome.gates if not does_stop(gate, level)]
    return {
        "gate": {
            "status": "stopped" if stops else "said" if said else "clear",
            "stops": stops,
            "said": said,
            "unjudged": list(outcome.trace.gates_unjudged),
        },
        "gates": [_gate(gate, level) for gate in outcome.gates],
        "scores": [_score(score) for score in outcome.trace.scores],
    }


def _score(score: Score) -> dict[str, Any]:
    return {
        "key": score.key,
        "title": score.title,
        "applies": None if score.applies is UNKNOWN else score.applies,
        "least": score.least,
        "most": score.most,
        "group": score.group,
        "items": [
            {
                "label": item.label,
                "points": None if item.points is UNKNOWN else item.points,
                "possible": list(item.possible),
                "asks": list(item.asks),
            }
            for item in score.items
        ],
        "asks": list(score.asks),
    }


def _gate(gate: Gate, level: str | Unknown) -> dict[str, Any]:
    return {
        "code": gate.code,
        "key": gate.key,
        "title": gate.title,
        "text": gate.text,
        "action": gate.action,
        "stops": does_stop(gate, level),
        "consult": gate.consult.value,
        "platelets": gate.platelets.value,
        "ivig": gate.ivig.value,
        "corticosteroid": gate.corticosteroid.value,
        "citations": list(gate.basis.cites),
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "number": finding.number,
        "severity": finding.severity.value,
        "text": finding.text,
        "action": finding.action,
        "override": _override_words(finding.override),
        "override_policy": to_plain(finding.override),
        "effects": [to_plain(effect) for effect in finding.effects],
        "lines": to_plain(finding.lines),
        "reads": {fact: to_plain(value) for fact, value in finding.reads},
        "wait": dict(finding.wait),
        "facts_digest": digest_of_facts(finding),
        "citation": ", ".join(finding.cites),
    }


def _unjudged(rule: Unjudged) -> dict[str, Any]:
    return {
        "rule": rule.rule,
        "number": rule.number,
        "severity": rule.severity.value,
        "text": rule.text,
        "asks": list(rule.asks),
        "until_known": rule.until_known.value,
        "effects": [to_plain(effect) for effect in rule.effects],
        "citation": ", ".join(rule.cites),
    }


_OVERRIDE_WORDS: Final = {
    OverrideKind.NONE: "Nothing lifts this but another order or another fact.",
    OverrideKind.ACKNOWLEDGE: "Read it; signing acknowledges it.",
    OverrideKind.REASON: "Give a reason.",
}


def _override_words(policy: OverridePolicy) -> str:
    """What lifts a finding, in one or two sentences."""
    names = " and ".join(name.lower() for name in (policy.named, policy.second) if name)
    asked = _OVERRIDE_WORDS.get(policy.kind) or f"Name the {names}, with a reason."
    return f"{asked} {policy.text}".strip()


def _screening(row: Screening) -> dict[str, Any]:
    item = row.item
    return {
        "key": item.key,
        "title": item.title,
        "state": row.state.value,
        "order": item.order_text,
        "due": item.due_text,
        "changes": [{"result": change.result, "change": change.change} for change in item.changes],
        "citations": list(item.basis.cites),
    }


def _monitoring(item: MonitoringItem) -> dict[str, Any]:
    return {
        "key": item.key,
        "title": item.title,
        "measured": item.measured,
        "unit": item.unit,
        "anchor": item.anchor,
        "due_minutes": item.due_minutes,
        "window_minutes": item.window_minutes,
        "due": item.due_text,
        "citations": list(item.basis.cites),
    }


def _text(text: Text) -> dict[str, Any]:
    return {
        "key": text.key,
        "topic": text.topic.value,
        "title": text.title,
        "body": text.body,
        "source_says": text.source_says,
        "others_say": text.others_say,
        "provenance": text.basis.provenance.value,
        "citations": list(text.basis.cites),
    }


def _question(question: OpenQuestion) -> dict[str, Any]:
    return {"fact": question.fact, "changes": list(question.changes)}


def _trace(trace: Trace) -> dict[str, Any]:
    return {
        "grade_band": None if trace.grade_band is None else trace.grade_band.label,
        "bleeding": _bleeding(trace.bleeding),
        "decision_rule": None if trace.decision_rule is None else trace.decision_rule.key,
        "decision_text": None if trace.decision_rule is None else trace.decision_rule.text,
        "gates_unjudged": list(trace.gates_unjudged),
        "rules_fired": list(trace.rules_fired),
        "rules_unjudged": list(trace.rules_unjudged),
        "notes": list(trace.notes),
    }


def _bleeding(bleeding: BleedingAssessment) -> dict[str, Any]:
    return {
        "level": _known(bleeding.level),
        "stated": _known(bleeding.stated),
        "computed": _known(bleeding.computed),
        "at_least": bleeding.at_least,
        "rules": list(bleeding.rules),
    }


def _known(value: str | Unknown) -> str | None:
    return None if value is UNKNOWN else value


def _decimal(value: Decimal | None) -> str | None:
    return None if value is None else decimal_text(value)
