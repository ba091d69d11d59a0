"""`evaluate(protocol, facts)`: from what is known to what the protocol proposes. Total, pure and exact."""

from dataclasses import replace
from decimal import Decimal
from itertools import product as combinations
from typing import Any, Final

from . import formulas, lookup
from .conditions import compile_when, facts_asked
from .dosing import Dose, compute_dose
from .facts import LEVELS, UNKNOWN, Facts, Unknown, known
from .grading import BleedingAssessment, assess_bleeding, grade_for
from .infusion import RatePlan, rate_plan
from .ledger_check import LedgerDisagreement
from .protocol import (
    ArmEffect,
    Branch,
    ConsultLevel,
    CountTarget,
    DecisionRule,
    EffectKind,
    Gate,
    GradeBand,
    MonitoringItem,
    OrderKind,
    OrderTemplate,
    ProcedureTarget,
    Product,
    Protocol,
    Regimen,
    Role,
    Severity,
    Timing,
)
from .recommendation import (
    Finding,
    Gated,
    NotCovered,
    OpenQuestion,
    Order,
    Outcome,
    PolicyResult,
    PossibleBranch,
    Recommendation,
    Trace,
)
from .weight import DosingWeight, dosing_weight

LIFE_THREATENING: Final = LEVELS[-1]
LEDGER_RULE: Final = "LEDGER"
_YES_NO: Final = (False, True)


def evaluate(protocol: Protocol, facts: Facts) -> Outcome:
    """What this protocol says for these facts; every patient gets an answer, and unknown is never read as no."""
    values: dict[str, Any] = known(facts)
    grade = _grade(protocol, facts)
    if grade is not None:
        values["grade"] = grade.grade
    bleeding = assess_bleeding(protocol, values)
    _set(values, "bleeding_level", bleeding.level)
    _set(values, "findings_suggest_higher_level", bleeding.findings_suggest_higher)
    procedure = _procedure(protocol, facts)
    notes = _settle_surgery(values, facts, procedure)
    gates, unjudged, asked = _gates(protocol, values)
    trace = Trace(
        grade_band=grade,
        bleeding=bleeding,
        decision_rule=None,
        gates_unjudged=unjudged,
        rules_fired=(),
        rules_unjudged=(),
        notes=notes,
    )
    if grade is None:
        return _gated(facts, None, bleeding, gates, (), None, asked, trace)
    possible = _possible(protocol, values)
    rules = [option.rule for option in possible]
    if len({(rule.branch, rule.not_covered) for rule in rules}) > 1:
        return _gated(facts, grade, bleeding, gates, possible, None, asked, trace)
    rule = max(rules, key=lambda row: row.consult_at_least.rank)
    trace = replace(trace, decision_rule=rule)
    if rule.branch is None:
        return NotCovered(
            facts=facts,
            grade=grade,
            bleeding=bleeding,
            reason=rule.not_covered,
            consult=max(
                (ConsultLevel.SAME_DAY, rule.consult_at_least),
                key=lambda level: level.rank,
            ),
            trace=trace,
        )
    recommendation = _recommend(protocol, facts, values, grade, rule, gates, asked, trace, procedure)
    if any(_stops(gate, bleeding) for gate in gates):
        return _gated(facts, grade, bleeding, gates, possible, recommendation, asked, trace)
    return recommendation


def branch_for(
    protocol: Protocol,
    grade: int,
    bleeding_level: str,
    urgent_surgery: bool,
    rapid_rise: bool,
) -> DecisionRule:
    """The decision rule of one cell; KeyError for a cell without one, which `find_problems` refuses."""
    return lookup.of(protocol).cells[grade, bleeding_level, urgent_surgery, rapid_rise]


def compare_policies(protocol: Protocol, facts: Facts) -> tuple[PolicyResult, ...]:
    """What each dosing-weight policy of the version would give, against the one in use; empty without a weight."""
    rows = lookup.of(protocol)
    regimen = _first_ivig(protocol)
    results: list[tuple[DosingWeight, Dose]] = []
    in_use = Decimal(0)
    for policy in protocol.weight_policies:
        weight = dosing_weight(policy, facts)
        dose = compute_dose(regimen=regimen, facts=facts, dosing=weight, product=None)
        if weight is UNKNOWN or dose is UNKNOWN:
            return ()
        results.append((weight, dose))
        if policy is rows.policies[_policy_key(protocol, facts)]:
            in_use = dose.rounded
    return tuple(
        PolicyResult(
            policy=weight.policy.key,
            title=weight.policy.title,
            weight=weight,
            dose_g=dose.rounded,
            difference_g=dose.rounded - in_use,
        )
        for weight, dose in results
    )


def chosen_product(protocol: Protocol, facts: Facts) -> Product:
    """The product the facts name, or the one the protocol suggests."""
    key = protocol.default_product if facts.product is UNKNOWN else facts.product
    return lookup.of(protocol).products[key]


def _grade(protocol: Protocol, facts: Facts) -> GradeBand | None:
    if facts.platelets_per_ul is UNKNOWN:
        return None
    return grade_for(protocol.grade_bands, facts.platelets_per_ul)


def _procedure(protocol: Protocol, facts: Facts) -> ProcedureTarget | None:
    return None if facts.procedure is UNKNOWN else lookup.of(protocol).procedures[facts.procedure]


def _set(values: dict[str, Any], key: str, value: Any) -> None:
    if value is not UNKNOWN:
        values[key] = value


def _settle_surgery(
    values: dict[str, Any], facts: Facts, procedure: ProcedureTarget | None
) -> tuple[str, ...]:
    """Urgent surgery counts only while the count is below the procedure's target."""
    if procedure is None or facts.platelets_per_ul is UNKNOWN:
        return ()
    is_at_target = facts.platelets_per_ul >= procedure.platelets_per_ul
    values["count_at_procedure_target"] = is_at_target
    values["count_below_procedure_target"] = not is_at_target
    if is_at_target and facts.urgent_surgery is True:
        values["urgent_surgery"] = False
        return (f"The count is already at the target for {procedure.label}.",)
    return ()


def _gates(
    protocol: Protocol, values: dict[str, Any]
) -> tuple[tuple[Gate, ...], tuple[str, ...], dict[str, list[str]]]:
    fired, unjudged = [], []
    asked: dict[str, list[str]] = {}
    for test, gate in lookup.of(protocol).gates:
        truth = test(values)
        if truth is True:
            fired.append(gate)
        elif truth is UNKNOWN:
            unjudged.append(gate.key)
            _ask(asked, values, facts_asked(gate.when), gate.title)
    return tuple(fired), tuple(unjudged), asked


def _stops(gate: Gate, bleeding: BleedingAssessment) -> bool:
    if bleeding.level == LIFE_THREATENING:
        return gate.stops_life_threatening
    return gate.stops


def _ask(
    asked: dict[str, list[str]],
    values: dict[str, Any],
    keys: tuple[str, ...],
    what: str,
) -> None:
    for key in keys:
        if key not in values and what not in asked.setdefault(key, []):
            asked[key].append(what)


def _possible(protocol: Protocol, values: dict[str, Any]) -> tuple[PossibleBranch, ...]:
    cells = lookup.of(protocol).cells
    axes = {"bleeding_level": LEVELS, "urgent_surgery": _YES_NO, "rapid_rise": _YES_NO}
    open_axes = [axis for axis in axes if axis not in values]
    options = []
    for answers in combinations(*(axes[axis] for axis in open_axes)):
        cell = {**values, **dict(zip(open_axes, answers, strict=True))}
        rule = cells[
            cell["grade"],
            cell["bleeding_level"],
            cell["urgent_surgery"],
            cell["rapid_rise"],
        ]
        options.append(PossibleBranch(answers=tuple(zip(open_axes, answers, strict=True)), rule=rule))
    return tuple(options)


def _gated(
    facts: Facts,
    grade: GradeBand | None,
    bleeding: BleedingAssessment,
    gates: tuple[Gate, ...],
    possible: tuple[PossibleBranch, ...],
    provisional: Recommendation | None,
    asked: dict[str, list[str]],
    trace: Trace,
) -> Gated:
    levels = [gate.consult for gate in gates] + [option.rule.consult_at_least for option in possible]
    if provisional is not None:
        levels.append(provisional.consult)
    for axis, _ in possible[0].answers if len(possible) > 1 else ():
        asked.setdefault(axis, []).insert(0, "which branch applies")
    return Gated(
        facts=facts,
        grade=grade,
        bleeding=bleeding,
        gates=gates,
        consult=max(levels, key=lambda level: level.rank, default=ConsultLevel.NONE),
        possible=possible if len(possible) > 1 else (),
        provisional=provisional,
        questions=_questions(asked),
        trace=trace,
    )


def _questions(asked: dict[str, list[str]]) -> tuple[OpenQuestion, ...]:
    return tuple(OpenQuestion(fact=fact, changes=tuple(changes)) for fact, changes in asked.items())


def _policy_key(protocol: Protocol, facts: Facts) -> str:
    return protocol.default_policy if facts.policy is UNKNOWN else facts.policy


def _first_ivig(protocol: Protocol) -> Regimen:
    return next(regimen for regimen in protocol.regimens if regimen.uses_product)


def _recommend(
    protocol: Protocol,
    facts: Facts,
    values: dict[str, Any],
    grade: GradeBand,
    rule: DecisionRule,
    gates: tuple[Gate, ...],
    asked: dict[str, list[str]],
    trace: Trace,
    procedure: ProcedureTarget | None,
) -> Recommendation:
    rows = lookup.of(protocol)
    branch = rows.branches[str(rule.branch)]
    values["branch"] = branch.key
    weight = dosing_weight(rows.policies[_policy_key(protocol, facts)], facts)
    _derive_patient(values, facts, weight)
    product = chosen_product(protocol, facts)
    _derive_product(values, protocol, product)
    orders, broken = _orders(protocol, facts, values, branch, weight, product, asked)
    _derive_orders(values, facts, orders)
    repeat = rows.repeats.get(branch.key)
    if repeat is not None and facts.hours_since_last_ivig is not UNKNOWN:
        values["repeat_too_early"] = facts.hours_since_last_ivig < repeat.earliest_hours
    findings, unjudged = _findings(protocol, values, asked)
    findings = (*broken, *findings)
    consult = _consult(branch, rule, gates, findings)
    orders = (*_held(orders, gates, findings), *_consult_order(protocol, consult))
    if not isinstance(weight, Unknown):
        for fact in weight.unknowns:
            _ask(asked, values, (fact,), "the dosing weight")
    return Recommendation(
        facts=facts,
        grade=grade,
        bleeding=trace.bleeding,
        rule=rule,
        branch=branch,
        consult=consult,
        dosing_weight=weight,
        orders=orders,
        targets=_targets(branch, values),
        procedure_target=procedure if branch.uses_procedure_target or rule.adds_procedure_target else None,
        rate_plan=_plan(protocol, orders, weight, findings),
        findings=findings,
        gates=gates,
        repeat=repeat,
        monitoring=_monitoring(protocol, values, orders),
        texts=tuple(text for test, text in rows.conditional_texts if test(values) is True),
        questions=_questions(asked),
        trace=replace(trace, rules_fired=tuple(f.rule for f in findings), rules_unjudged=unjudged),
    )


def _derive_patient(values: dict[str, Any], facts: Facts, weight: DosingWeight | Unknown) -> None:
    if not isinstance(weight, Unknown):
        values["dosing_weight_kg"] = weight.kg
        values["weight_basis"] = weight.basis
        values["weight_flags"] = weight.flags
        _set(values, "bmi", weight.bmi)
    _set(values, "egfr", _egfr(facts))


def _egfr(facts: Facts) -> Decimal | Unknown:
    if facts.creatinine_umol_per_l is UNKNOWN or facts.age_years is UNKNOWN or facts.sex is UNKNOWN:
        return UNKNOWN
    if facts.age_years < formulas.ADULT_FROM_YEARS:
        return UNKNOWN
    return Decimal(
        formulas.report_egfr(
            formulas.egfr_ml_per_min_per_1_73m2(
                creatinine_mg_per_dl=formulas.creatinine_mg_per_dl(umol_per_l=facts.creatinine_umol_per_l),
                age_years=facts.age_years,
                sex=facts.sex,
            )
        )
    )


def _derive_product(values: dict[str, Any], protocol: Protocol, product: Product) -> None:
    values["product"] = product.key
    values["product_stabilisers"] = product.stabilisers
    values["product_route"] = product.route
    values["product_iga_depleted"] = product.iga_depleted
    values["product_withdrawn"] = bool(product.withdrawn_after)
    values["product_itp_labelled"] = any(
        label.itp_labelled for label in product.labels if label.jurisdiction == protocol.jurisdiction
    )


def _derive_orders(values: dict[str, Any], facts: Facts, orders: tuple[Order, ...]) -> None:
    proposed = [order for order in orders if order.role in (Role.REQUIRED, Role.ALTERNATIVE)]
    values["order_kinds"] = tuple({order.kind.value: None for order in proposed})
    required = {order.kind: order for order in reversed(proposed) if order.role is Role.REQUIRED}
    _derive_ivig(values, facts, required.get(OrderKind.IVIG))
    steroid = required.get(OrderKind.CORTICOSTEROID)
    if steroid is not None and isinstance(steroid.dose, Dose):
        _set(values, "steroid_days", steroid.dose.regimen.duration_days or UNKNOWN)
        if steroid.dose.regimen.cap is not None:
            values["prednisone_uncapped_mg"] = steroid.dose.exact


def _derive_ivig(values: dict[str, Any], facts: Facts, order: Order | None) -> None:
    if order is None or not isinstance(order.dose, Dose):
        return
    regimen = order.dose.regimen
    values["ivig_day_g_per_kg"] = regimen.amount
    values["ivig_deviation_percent"] = abs(order.dose.step_deviation_percent)
    before = facts.ivig_last_7_days_g_per_kg
    if before is UNKNOWN and facts.first_ivig is True:
        before = Decimal(0)
    if before is not UNKNOWN:
        values["ivig_course_g_per_kg"] = before + regimen.amount * regimen.doses


def _orders(
    protocol: Protocol,
    facts: Facts,
    values: dict[str, Any],
    branch: Branch,
    weight: DosingWeight | Unknown,
    product: Product,
    asked: dict[str, list[str]],
) -> tuple[tuple[Order, ...], tuple[Finding, ...]]:
    orders: list[Order] = []
    broken: list[Finding] = []
    for test, template in lookup.of(protocol).orders[branch.key]:
        truth = test(values)
        if truth is False:
            continue
        waits_for: tuple[str, ...] = ()
        if truth is UNKNOWN:
            waits_for = tuple(key for key in facts_asked(template.when) if key not in values)
            _ask(asked, values, waits_for, template.text)
        dose: Dose | Unknown | None = None
        if template.regimen:
            regimen, assumed = _regimen(protocol, template.regimen, values)
            _ask(asked, values, assumed, template.text)
            waits_for = (*waits_for, *assumed)
            try:
                dose = compute_dose(regimen=regimen, facts=facts, dosing=weight, product=product)
            except LedgerDisagreement as disagreement:
                dose = UNKNOWN
                broken.append(_ledger_finding(template, str(disagreement)))
        orders.append(_order(template, dose, waits_for, is_sure=truth is True))
    return tuple(orders), tuple(broken)


def _regimen(protocol: Protocol, family: str, values: dict[str, Any]) -> tuple[Regimen, tuple[str, ...]]:
    """The family's first member that holds; else the first that may hold, with the facts it waits for."""
    members = lookup.of(protocol).families[family]
    truths = [(test(values), regimen) for test, regimen in members]
    for truth, regimen in truths:
        if truth is True:
            return regimen, ()
    for truth, regimen in truths:
        if truth is UNKNOWN:
            return regimen, tuple(key for key in facts_asked(regimen.when) if key not in values)
    raise LookupError(f"no regimen of {family} applies")


def _order(
    template: OrderTemplate,
    dose: Dose | Unknown | None,
    waits_for: tuple[str, ...],
    *,
    is_sure: bool,
) -> Order:
    return Order(
        code=template.key,
        kind=template.kind,
        # A line that may not apply is shown and never arrives ticked.
        role=template.role if is_sure else Role.OFFERED,
        timing=template.timing,
        group=template.group,
        start_after_minutes=template.start_after_minutes,
        text=template.text,
        template=template,
        dose=dose,
        waits_for=waits_for,
        is_held=False,
        cites=template.basis.cites,
    )


def _ledger_finding(template: OrderTemplate, disagreement: str) -> Finding:
    return Finding(
        rule=LEDGER_RULE,
        severity=Severity.HARD,
        text="Two independent calculations of this dose disagree.",
        action=f"Do not order {template.text} from this screen; report it. {disagreement}",
        override="none",
        effects=(),
        cites=template.basis.cites,
    )


def _findings(
    protocol: Protocol, values: dict[str, Any], asked: dict[str, list[str]]
) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
    findings, unjudged = [], []
    for test, rule in lookup.of(protocol).safety_rules:
        truth = test(values)
        if truth is UNKNOWN:
            unjudged.append(rule.key)
            _ask(asked, values, facts_asked(rule.when), rule.text)
        elif truth is True:
            findings.append(
                Finding(
                    rule=rule.key,
                    severity=rule.severity,
                    text=rule.text,
                    action=rule.action,
                    override=rule.override,
                    effects=rule.effects,
                    cites=rule.basis.cites,
                )
            )
    findings.sort(key=lambda finding: finding.severity.rank)
    return tuple(findings), tuple(unjudged)


def _consult(
    branch: Branch,
    rule: DecisionRule,
    gates: tuple[Gate, ...],
    findings: tuple[Finding, ...],
) -> ConsultLevel:
    levels = [branch.consult, rule.consult_at_least, *(gate.consult for gate in gates)]
    for finding in findings:
        levels += [
            ConsultLevel(effect.target)
            for effect in finding.effects
            if effect.kind is EffectKind.RAISE_CONSULT
        ]
    return max(levels, key=lambda level: level.rank)


def _consult_order(protocol: Protocol, consult: ConsultLevel) -> tuple[Order, ...]:
    if consult is ConsultLevel.NONE:
        return ()
    text = lookup.of(protocol).texts[f"consult_{consult}"]
    return (
        Order(
            code=text.key,
            kind=OrderKind.CONSULT,
            role=Role.OFFERED if consult is ConsultLevel.INFO else Role.REQUIRED,
            timing=Timing.CONSULT,
            group="",
            start_after_minutes=0,
            text=text.body,
            template=None,
            dose=None,
            waits_for=(),
            is_held=False,
            cites=text.basis.cites,
        ),
    )


def _held(
    orders: tuple[Order, ...], gates: tuple[Gate, ...], findings: tuple[Finding, ...]
) -> tuple[Order, ...]:
    """A line a gate blocks or a rule holds stays visible, marked, and never arrives ticked."""
    held = {
        effect.target
        for finding in findings
        for effect in finding.effects
        if effect.kind is EffectKind.HOLD_LINES
    }
    arms = {
        OrderKind.PLATELETS: [gate.platelets for gate in gates],
        OrderKind.IVIG: [gate.ivig for gate in gates],
        OrderKind.CORTICOSTEROID: [gate.corticosteroid for gate in gates],
    }
    held |= {
        kind.value for kind, effects in arms.items() if any(e is not ArmEffect.AS_BRANCH for e in effects)
    }
    return tuple(
        replace(
            order,
            is_held=True,
            role=Role.OFFERED if order.role is Role.REQUIRED else order.role,
        )
        if order.kind.value in held
        else order
        for order in orders
    )


def _targets(branch: Branch, values: dict[str, Any]) -> tuple[CountTarget, ...]:
    """The targets that apply; one that may apply is kept, because unknown never lowers caution."""
    compiled = ((compile_when(target.when), target) for target in branch.targets)
    return tuple(target for test, target in compiled if test(values) is not False)


def _plan(
    protocol: Protocol,
    orders: tuple[Order, ...],
    weight: DosingWeight | Unknown,
    findings: tuple[Finding, ...],
) -> RatePlan | None:
    if isinstance(weight, Unknown):
        return None
    is_at_risk = any(
        effect.kind is EffectKind.AT_RISK_RATE for finding in findings for effect in finding.effects
    )
    for order in orders:
        if order.role is Role.REQUIRED and (plan := plan_for(protocol, order, weight, is_at_risk=is_at_risk)):
            return plan
    return None


def plan_for(protocol: Protocol, order: Order, weight: DosingWeight, *, is_at_risk: bool) -> RatePlan | None:
    """The rate plan of one order line, or None for a line that no product and rate belong to."""
    dose = order.dose
    if not isinstance(dose, Dose) or dose.product is None or dose.volume_ml is None:
        return None
    return rate_plan(
        product=dose.product,
        dosing_weight_kg=weight.kg,
        volume_ml=dose.volume_ml,
        pump_step_ml_per_h=lookup.of(protocol).parameters["pump_rate_step_ml_per_h"],
        is_at_risk=is_at_risk,
    )


def _monitoring(
    protocol: Protocol, values: dict[str, Any], orders: tuple[Order, ...]
) -> tuple[MonitoringItem, ...]:
    kinds = {order.kind for order in orders if order.role is Role.REQUIRED}
    return tuple(
        item
        for test, item in lookup.of(protocol).monitoring_items
        if (not item.kinds or kinds & set(item.kinds)) and test(values) is not False
    )
