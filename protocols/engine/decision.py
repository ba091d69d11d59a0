"""`evaluate(protocol, facts)`: from what is known to what the protocol proposes. Total, pure and exact.

Total for every protocol in which `review.find_problems` finds nothing: all `Facts` get an outcome, and no
exception.
"""

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain
from itertools import product as combinations
from typing import Final, TypeVar

from . import lookup
from .arithmetic import exactly
from .arrangement import arrange, values_of_plan, with_calls
from .case import Case, case_of, policy_key, product_key
from .conditions import Values, compile_when
from .dosing import compute_dose
from .exposure import is_first_exposure
from .facts import LEVELS, UNKNOWN, Facts, Unknown, known
from .infusion import RatePlan
from .ledger import Ledger
from .lines import Asks, plan_for, propose, values_of, values_of_rate
from .protocol import (
    ConsultLevel,
    DecisionRule,
    Gate,
    GradeBand,
    MonitoringItem,
    OrderKind,
    Product,
    Protocol,
    Regimen,
    Role,
    Text,
    Timing,
    WeightPolicy,
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
    Unjudged,
)
from .safety import (
    added_checks,
    added_lines,
    added_texts,
    applied_effects,
    apply_to_lines,
    consult_level,
    does_stop,
    findings_of,
    is_at_risk,
    missing_rows,
    risk_of,
)
from .screening import screening_lines, screening_of
from .timed_plan import TimedPlan
from .weight import DosingWeight, dosing_weight

__all__ = [
    "arrange_chosen",
    "branch_for",
    "chosen_product",
    "compare_policies",
    "evaluate",
    "is_first_exposure",
    "plan_for",
    "plans_of",
]

Row = TypeVar("Row", bound=MonitoringItem | Text)

_AXES: Final = ("bleeding_level", "urgent_surgery", "rapid_rise")
_YES_NO: Final = (False, True)
_WHICH_BRANCH: Final = "which branch applies"
# Of one regimen, by all that its dose takes from a weight: kilograms, basis, and how they were found.
_GramsByWeight = dict[tuple[Decimal, str, Ledger], Decimal | Unknown]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Screened:
    """What the gates said: those that hold, those that cannot be told, and the facts to ask for them."""

    gates: tuple[Gate, ...]
    unjudged: tuple[str, ...]
    asks: Asks


@exactly
def evaluate(protocol: Protocol, facts: Facts) -> Outcome:
    """What this protocol says for these facts; every patient gets an answer, and unknown is never no."""
    case = case_of(protocol, facts)
    screened = _screen(protocol, case)
    options = tuple(_options(protocol, case))
    rules = tuple({option.rule.key: option.rule for option in options}.values())
    is_decided = len({(rule.branch, rule.not_covered) for rule in rules}) == 1
    if case.grade is None or not is_decided:
        return _gated(protocol, case, screened, options)
    is_stopped = any(does_stop(gate, case.bleeding.level) for gate in screened.gates)
    if rules[0].branch is None:
        if is_stopped:
            return _gated(protocol, case, screened, options)
        return _not_covered(case, case.grade, rules, screened)
    recommendation = _recommend(protocol, case, case.grade, rules, screened)
    if is_stopped:
        return _gated(protocol, case, screened, options, recommendation)
    return recommendation


def branch_for(
    protocol: Protocol, grade: int, bleeding_level: str, urgent_surgery: bool, rapid_rise: bool
) -> DecisionRule:
    """The decision rule of one cell; a cell the protocol forgot has one that says so.

    KeyError for a grade or bleeding level that does not exist.
    """
    return lookup.of(protocol).cells[grade, bleeding_level, urgent_surgery, rapid_rise]


def plans_of(protocol: Protocol, recommendation: Recommendation) -> dict[str, RatePlan]:
    """The rate plan of every line of a recommendation that is infused by one, by its code."""
    return _plans(
        protocol,
        recommendation.facts,
        recommendation.dosing_weight,
        recommendation.orders,
        is_at_risk=recommendation.is_at_risk,
    )


@exactly
def arrange_chosen(
    protocol: Protocol, recommendation: Recommendation, codes: Container[str]
) -> TimedPlan | None:
    """These lines of a recommendation put in time, with the call it asks for."""
    return arrange(
        protocol,
        orders=tuple(order for order in recommendation.orders if order.code in codes),
        plans=plans_of(protocol, recommendation),
        values=case_of(protocol, recommendation.facts).values,
        weight=recommendation.dosing_weight,
    )


@exactly
def compare_policies(protocol: Protocol, facts: Facts) -> tuple[PolicyResult, ...]:
    """What each dosing-weight policy gives, against the one in use; empty where that cannot be told."""
    in_use = lookup.of(protocol).policies.get(policy_key(protocol, facts))
    regimen = _first_ivig(protocol, facts)
    if in_use is None or regimen is None:
        return ()
    grams_by_weight: _GramsByWeight = {}
    reference = _dose_by(in_use, regimen, facts, grams_by_weight)
    results = []
    for policy in protocol.weight_policies:
        weighed = _dose_by(policy, regimen, facts, grams_by_weight)
        if weighed is None or reference is None:
            return ()
        weight, grams = weighed
        results.append(
            PolicyResult(
                policy=policy.key,
                title=policy.title,
                weight=weight,
                dose_g=grams,
                difference_g=grams - reference[1],
            )
        )
    return tuple(results)


def chosen_product(protocol: Protocol, facts: Facts) -> Product:
    """The product the facts name, else the one the protocol suggests; KeyError for one it does not have."""
    return lookup.of(protocol).products[product_key(protocol, facts)]


def _screen(protocol: Protocol, case: Case) -> _Screened:
    gates, unjudged = lookup.of(protocol).gates.judge(case.values)
    return _Screened(
        gates=gates,
        unjudged=tuple(gate.key for gate, _ in unjudged),
        asks=tuple((fact, gate.title) for gate, missing in unjudged for fact in missing),
    )


def _options(protocol: Protocol, case: Case) -> Iterator[PossibleBranch]:
    """The decision rule for each set of answers to the axes that are open.

    With neither a count nor any bleeding shown there are none: an empty form is no emergency.
    """
    cells = lookup.of(protocol).cells
    axes = {"bleeding_level": case.bleeding.possible, "urgent_surgery": _YES_NO, "rapid_rise": _YES_NO}
    known_axes = {axis: case.values[axis] for axis in _AXES if axis in case.values}
    unknown = {axis: axes[axis] for axis in _open_axes(case)}
    grades = [band.grade for band in protocol.grade_bands] if case.grade is None else [case.grade.grade]
    if case.grade is None and "bleeding_level" in unknown and case.bleeding.at_least == LEVELS[0]:
        return
    for grade in grades:
        for answers in combinations(*unknown.values()):
            given = tuple(zip(unknown, answers, strict=True))
            values = {**known_axes, **dict(given)}
            rule = cells[grade, values["bleeding_level"], values["urgent_surgery"], values["rapid_rise"]]
            yield PossibleBranch(answers=given, rule=rule)


def _open_axes(case: Case) -> tuple[str, ...]:
    return tuple(axis for axis in _AXES if axis not in case.values)


def _gated(
    protocol: Protocol,
    case: Case,
    screened: _Screened,
    options: tuple[PossibleBranch, ...],
    provisional: Recommendation | None = None,
) -> Gated:
    is_open = provisional is None and case.grade is not None and len(options) > 1
    asks: Asks = ()
    if case.facts.platelets_per_ul is UNKNOWN:
        asks = (("platelets_per_ul", _WHICH_BRANCH),)
    if provisional is None:
        asks = (*asks, *_axis_asks(options))
    return Gated(
        facts=case.facts,
        grade=case.grade,
        bleeding=case.bleeding,
        gates=screened.gates,
        consult=_most_urgent_consult(protocol, screened, options, provisional),
        possible=options if is_open else (),
        provisional=provisional,
        questions=_questions((*asks, *screened.asks)) if provisional is None else provisional.questions,
        trace=_trace(case, screened) if provisional is None else provisional.trace,
    )


def _axis_asks(options: tuple[PossibleBranch, ...]) -> Asks:
    """The open axes, unless every answer leads to the same rule."""
    if len({option.rule.key for option in options}) < 2:
        return ()
    return tuple((axis, _WHICH_BRANCH) for axis, _ in options[0].answers)


def _most_urgent_consult(
    protocol: Protocol,
    screened: _Screened,
    options: tuple[PossibleBranch, ...],
    provisional: Recommendation | None,
) -> ConsultLevel:
    """While the answer is open, the most urgent that it could be: unknown never lowers caution."""
    levels = [gate.consult for gate in screened.gates]
    if provisional is not None:
        levels.append(provisional.consult)
    for option in options:
        levels += [_least_consult(protocol, option.rule), option.rule.consult_at_least]
    return max(levels, key=lambda level: level.rank, default=ConsultLevel.NONE)


def _least_consult(protocol: Protocol, rule: DecisionRule) -> ConsultLevel:
    if rule.branch is None:
        return ConsultLevel.SAME_DAY
    return lookup.of(protocol).branches[rule.branch].consult


def _not_covered(
    case: Case, grade: GradeBand, rules: tuple[DecisionRule, ...], screened: _Screened
) -> NotCovered:
    levels = [rule.consult_at_least for rule in rules] + [gate.consult for gate in screened.gates]
    return NotCovered(
        facts=case.facts,
        grade=grade,
        bleeding=case.bleeding,
        reason=rules[0].not_covered,
        gates=screened.gates,
        consult=max((ConsultLevel.SAME_DAY, *levels), key=lambda level: level.rank),
        questions=_questions(screened.asks),
        trace=_trace(case, screened, rule=rules[0]),
    )


def _recommend(
    protocol: Protocol, case: Case, grade: GradeBand, rules: tuple[DecisionRule, ...], screened: _Screened
) -> Recommendation:
    """The branch for this patient; rules that differ while an axis is open count by the strictest."""
    rows = lookup.of(protocol)
    rule = max(rules, key=lambda row: row.consult_at_least.rank)
    branch = rows.branches[str(rule.branch)]
    lines = propose(protocol, case, branch)
    proposed = tuple(line.order for line in lines)
    repeat = rows.repeats.get(branch.key)
    values = {**case.values, "branch": branch.key, **values_of(protocol, case, proposed, repeat)}
    before, open_before = findings_of(protocol, values, after_plan=False)
    shaping = applied_effects(_worst_first(before), open_before)
    plans = _plans(protocol, case.facts, case.weight, filter(_runs, proposed), is_at_risk=is_at_risk(shaping))
    shaped = apply_to_lines(proposed, screened.gates, shaping, case.product)
    values |= values_of_rate(case, _first(plans, shaped))
    timed = _arranged(protocol, case, shaped, plans)
    values |= values_of_plan(timed)
    after, open_after = findings_of(protocol, values, after_plan=True)
    broken = tuple(line.finding for line in lines if line.finding is not None)
    findings = _worst_first((*missing_rows(protocol, case), *broken, *before, *after))
    unjudged = (*open_before, *open_after)
    effects = applied_effects(findings, unjudged)
    values |= risk_of(effects, unjudged)
    consult = consult_level(branch, rules, screened.gates, effects)
    added = (*added_lines(protocol, effects), *_consult_order(protocol, consult))
    if effects == shaping:
        # Mostly the plan shows nothing new, and what rules add is no arm: `review` sees to it.
        held, timed = shaped, with_calls(timed, added)
    else:
        held = apply_to_lines(proposed, screened.gates, effects, case.product)
        timed = _arranged(protocol, case, (*held, *added), plans)
    orders = (*held, *added)
    plan = _first(plans, held)
    asks = chain(
        ((axis, "which rule applies") for axis in _open_axes(case) if len(rules) > 1),
        screened.asks,
        (ask for line in lines for ask in line.asks),
        ((fact, rule.text) for rule in unjudged for fact in rule.asks),
        ((fact, "the dosing weight") for fact in _weight_unknowns(case)),
        _rate_asks(protocol, case, plan),
    )
    is_for_procedure = branch.uses_procedure_target or any(row.adds_procedure_target for row in rules)
    screening = screening_of(protocol, values, held)
    return Recommendation(
        facts=case.facts,
        grade=grade,
        bleeding=case.bleeding,
        rule=rule,
        branch=branch,
        consult=consult,
        dosing_weight=case.weight,
        orders=(*screening_lines(protocol, screening), *orders),
        # A target that may apply is kept.
        targets=tuple(target for target in branch.targets if compile_when(target.when)(values) is not False),
        procedure_target=case.procedure if is_for_procedure else None,
        rate_plan=plan,
        timed_plan=timed,
        findings=findings,
        unjudged=unjudged,
        is_at_risk=is_at_risk(effects),
        gates=screened.gates,
        repeat=repeat,
        screening=screening,
        monitoring=_each_once(_monitoring(protocol, values, held), added_checks(protocol, effects)),
        texts=_each_once(rows.conditional_texts.sift(values).held, added_texts(protocol, effects)),
        values=values,
        questions=_questions(asks),
        trace=_trace(case, screened, rule=rule, findings=findings, unjudged=unjudged),
    )


def _worst_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda finding: finding.severity.rank))


def _plans(
    protocol: Protocol,
    facts: Facts,
    weight: DosingWeight | Unknown,
    orders: Iterable[Order],
    *,
    is_at_risk: bool,
) -> dict[str, RatePlan]:
    """The rate plan of each line that is infused by one, by its code."""
    if isinstance(weight, Unknown):
        return {}
    is_first = is_first_exposure(protocol, facts) is not False
    plans = {
        order.code: plan_for(protocol, order, weight, is_at_risk=is_at_risk, is_first_exposure=is_first)
        for order in orders
    }
    return {code: plan for code, plan in plans.items() if plan is not None}


def _first(plans: dict[str, RatePlan], orders: Iterable[Order]) -> RatePlan | None:
    """The rate plan of the first required line that is infused by one."""
    return next((plans[order.code] for order in orders if _runs(order) and order.code in plans), None)


def _runs(order: Order) -> bool:
    return order.role is Role.REQUIRED


def _arranged(
    protocol: Protocol, case: Case, orders: Iterable[Order], plans: dict[str, RatePlan]
) -> TimedPlan | None:
    """What the protocol recommends, put in time, with what stands by for its hour."""
    planned = tuple(
        order for order in orders if _runs(order) or (order.role is Role.STANDBY and not order.is_held)
    )
    return arrange(protocol, orders=planned, plans=plans, values=case.values, weight=case.weight)


def _rate_asks(protocol: Protocol, case: Case, plan: RatePlan | None) -> Asks:
    """Whether this is a first exposure is asked only where the product could otherwise run faster."""
    if plan is None or is_first_exposure(protocol, case.facts) is not UNKNOWN:
        return ()
    uncapped = (
        plan.product.at_risk_ml_per_kg_per_h if plan.is_at_risk else plan.product.maximum_ml_per_kg_per_h
    )
    if plan.cap_ml_per_kg_per_h == uncapped:
        return ()
    fact = "first_ivig" if case.facts.first_ivig is UNKNOWN else "hours_since_last_ivig"
    return ((fact, "the infusion rate"),)


def _weight_unknowns(case: Case) -> tuple[str, ...]:
    return () if isinstance(case.weight, Unknown) else case.weight.unknowns


def _monitoring(protocol: Protocol, values: Values, orders: tuple[Order, ...]) -> tuple[MonitoringItem, ...]:
    kinds = {order.kind for order in orders if order.role is Role.REQUIRED}
    return tuple(
        item
        for item in lookup.of(protocol).first_checks.sift(values).possible
        if not item.kinds or not kinds.isdisjoint(item.kinds)
    )


def _each_once(first: Iterable[Row], then: Iterable[Row]) -> tuple[Row, ...]:
    """The rows of both, each once by its key."""
    by_key = {row.key: row for row in (*first, *then)}
    return tuple(by_key.values())


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


def _questions(asks: Iterable[tuple[str, str]]) -> tuple[OpenQuestion, ...]:
    """Each fact once, with everything its answer could change."""
    changes: dict[str, dict[str, None]] = {}
    for fact, change in asks:
        changes.setdefault(fact, {})[change] = None
    return tuple(OpenQuestion(fact=fact, changes=tuple(words)) for fact, words in changes.items())


def _trace(
    case: Case,
    screened: _Screened,
    *,
    rule: DecisionRule | None = None,
    findings: tuple[Finding, ...] = (),
    unjudged: tuple[Unjudged, ...] = (),
) -> Trace:
    return Trace(
        grade_band=case.grade,
        bleeding=case.bleeding,
        decision_rule=rule,
        gates_unjudged=screened.unjudged,
        scores=case.scores,
        rules_fired=tuple(finding.rule for finding in findings),
        rules_unjudged=tuple(row.rule for row in unjudged),
        notes=case.notes,
    )


def _first_ivig(protocol: Protocol, facts: Facts) -> Regimen | None:
    """The first regimen of immunoglobulin that this patient may get."""
    values = known(facts)
    return next(
        (
            regimen
            for regimen in protocol.regimens
            if regimen.uses_product and compile_when(regimen.when)(values) is not False
        ),
        None,
    )


def _dose_by(
    policy: WeightPolicy, regimen: Regimen, facts: Facts, kept: _GramsByWeight
) -> tuple[DosingWeight, Decimal] | None:
    """The weight and the grams by one policy; most patients have one weight by all of them, and one dose."""
    weight = dosing_weight(policy, facts)
    if isinstance(weight, Unknown):
        return None
    key = weight.kg, weight.basis, weight.ledger
    if key not in kept:
        dose = compute_dose(regimen=regimen, facts=facts, dosing=weight, product=None)
        kept[key] = UNKNOWN if isinstance(dose, Unknown) else dose.rounded
    grams = kept[key]
    return None if isinstance(grams, Unknown) else (weight, grams)
