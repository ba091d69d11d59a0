"""What stops a draft from being approved: every problem of a protocol, each with the row it stands in.

A protocol without problems is one that `decision.evaluate` answers for every patient.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from functools import lru_cache
from itertools import chain, pairwise, product
from typing import Any, Final

from . import anaphylaxis, arrangement, formulas, observation, screening
from .checklist_review import checklist_problems
from .conditions import CONDITION_FACTS, BadCondition, Values, compile_when, facts_asked
from .coverage import TooManySituations, can_hold, row_keys, situations
from .derived import ORDER_FACTS, PLAN_FACTS
from .facts import FACT_BY_KEY, LEVELS, UNKNOWN, FactDefinition, Kind
from .lookup import Cell, cells_of
from .placeholders import strange_names
from .plausibility import implausible_numbers
from .protocol import (
    Basis,
    Branch,
    ConsultLevel,
    DecisionRule,
    EffectKind,
    GradeBand,
    InputLimit,
    OrderKind,
    OrderTemplate,
    OverrideKind,
    PerUnit,
    Product,
    ProductProperty,
    Protocol,
    Provenance,
    Regimen,
    Role,
    SafetyRule,
    Severity,
    WeightBasis,
    WeightPolicy,
    When,
    WorkedCase,
)
from .results import RESULTS
from .safety import has_property
from .worked_cases import CaseResult, CaseUnreadable, facts_of, run_cases

SECTIONS: Final = tuple(
    f.name for f in fields(Protocol) if f.init and f.name != "slug" and "tuple" in str(f.type)
)
DOSED_KINDS: Final = (OrderKind.IVIG, OrderKind.CORTICOSTEROID, OrderKind.PLATELETS)
NEEDED_PARAMETERS: Final = (
    "pump_rate_step_ml_per_h",
    "ivig_day_limit_g_per_kg",
    "ivig_course_limit_g_per_kg",
    "restart_share_of_last_tolerated_rate",
    *anaphylaxis.NEEDED_PARAMETERS,
    *arrangement.NEEDED_PARAMETERS,
    *observation.NEEDED_PARAMETERS,
)
NEEDED_TEXTS: Final = tuple(f"consult_{level}" for level in ConsultLevel if level is not ConsultLevel.NONE)
ANYBODY: Final = "any"
_OVER_LONG_CARD: Final = 140

# What is known when: the bleeding level comes before the gates, the gates before the lines.
_KNOWN_LATE: Final = frozenset(
    {
        "branch",
        "ivig_course_g_per_kg",
        "ivig_day_g_per_kg",
        "ivig_deviation_percent",
        "ivig_left_over_g",
        "prednisone_uncapped_mg",
        "steroid_days",
        "repeat_too_early",
        "hours_until_repeat",
        "live_vaccine_months",
    }
    | ORDER_FACTS
    | PLAN_FACTS
)
NOT_YET_KNOWN: Final[dict[str, frozenset[str]]] = {
    "bleeding_rules": _KNOWN_LATE | {"bleeding_level", "findings_suggest_higher_level"},
    "gates": _KNOWN_LATE,
    "access_plans": _KNOWN_LATE,
    "orders": _KNOWN_LATE - {"branch"},
    "regimens": _KNOWN_LATE - {"branch"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One reason not to approve: section, key and field of the row, and what is wrong in plain words.

    An empty field means the row as a whole; an empty key the section as a whole.
    """

    section: str
    key: str
    message: str
    field: str = ""


Wrong = tuple[str, str]
"""A field of a row, and what is wrong with it."""


def find_problems(protocol: Protocol) -> tuple[Problem, ...]:
    """Every problem of this protocol; an approvable one has none."""
    unreadable = tuple(_unreadable_conditions(protocol))
    checks = (
        _header,
        _bands,
        _decision_table,
        _bleeding_rules,
        _branches,
        _regimens,
        _policies,
        _products,
        _access_plans,
        _response_points,
        _safety,
        _extra_orders,
        _names,
        _citations,
        _limits,
        _implausible,
        _checklist,
        # They try the conditions out, and for that all must be readable.
        *(() if unreadable else (_conditions, _families, _cases)),
    )
    return (*unreadable, *(problem for check in checks for problem in check(protocol)))


def failing_cases(protocol: Protocol) -> tuple[Problem, ...]:
    """Each case that fails, as a problem; for a protocol without other problems."""
    return tuple(
        Problem(section="cases", key=result.key, message=f"{result.sentence}: {_failure(result)}")
        for result in run_cases(protocol)
        if not result.passes
    )


@lru_cache(maxsize=8)
def stops_of(protocol: Protocol) -> tuple[Problem, ...]:
    """What keeps a protocol from being submitted or approved: its problems, or else its failing cases.

    Kept for equal protocols: a version is asked at submission, at review and at approval.
    """
    return find_problems(protocol) or failing_cases(protocol)


def _failure(result: CaseResult) -> str:
    parts = (
        f"{difference.part} should be {difference.expected}, and is {difference.found}"
        for difference in result.differences
    )
    return result.error or "; ".join(parts)


def rows_of(protocol: Protocol) -> Iterator[tuple[str, str, Any]]:
    """Every row of every section with its section and key, order templates after their branch."""
    for section in SECTIONS:
        for row in getattr(protocol, section):
            yield section, key_of(row), row
            for template in getattr(row, "orders", ()):
                yield "orders", f"{row.key}.{template.key}", template


def key_of(row: Any) -> str:
    """What a row is called: its key, or for bands and limits what they are about."""
    if hasattr(row, "key"):
        return str(row.key)
    return str(row.grade) if hasattr(row, "grade") else f"{row.fact} ({row.population})"


def uncertain_rows(protocol: Protocol) -> tuple[tuple[str, str, str], ...]:
    """Section, key and note of every row a clinical reviewer must ratify."""
    return tuple(
        (section, key, row.basis.note)
        for section, key, row in rows_of(protocol)
        if hasattr(row, "basis") and row.basis.uncertain
    )


def _problems(section: str, key: str, wrong: Iterable[Wrong]) -> Iterator[Problem]:
    return (Problem(section=section, key=key, field=name, message=message) for name, message in wrong)


def _those_that_hold(claims: Iterable[tuple[bool, str, str]]) -> Iterator[Wrong]:
    return ((name, message) for is_wrong, name, message in claims if is_wrong)


def _header(protocol: Protocol) -> Iterator[Problem]:
    for name in ("slug", "title", "target_population", "ctcae_version", "jurisdiction", "disclaimer"):
        if not getattr(protocol, name).strip():
            message = f"The {name.replace('_', ' ')} is missing."
            yield Problem(section="protocol", key=name, field=name, message=message)


def _bands(protocol: Protocol) -> Iterator[Problem]:
    bands = sorted(protocol.grade_bands, key=lambda band: band.lower_per_ul)
    if not bands:
        yield Problem(section="grade_bands", key="", message="There are no grade bands.")
        return
    for band in bands:
        yield from _problems(
            "grade_bands",
            str(band.grade),
            _those_that_hold(
                [
                    (band.grade < 0, "grade", "A grade cannot be below zero."),
                    (
                        band.upper_per_ul is not None and band.upper_per_ul <= band.lower_per_ul,
                        "upper_per_ul",
                        "The band is empty.",
                    ),
                ]
            ),
        )
    if bands[0].lower_per_ul != 0:
        message = f"{bands[0].lower_per_ul - 1:,} is in no grade."
        yield Problem(section="grade_bands", key=str(bands[0].grade), message=message)
    for lower, upper in pairwise(bands):
        yield from _problems("grade_bands", str(upper.grade), _border_problems(lower, upper))
    if bands[-1].upper_per_ul is not None:
        message = f"{bands[-1].upper_per_ul:,} is in no grade."
        yield Problem(section="grade_bands", key=str(bands[-1].grade), message=message)


def _border_problems(lower: GradeBand, upper: GradeBand) -> Iterator[Wrong]:
    end = lower.upper_per_ul
    if end is None or end > upper.lower_per_ul:
        yield "lower_per_ul", f"{upper.lower_per_ul:,} is in grades {lower.grade} and {upper.grade}."
    elif end < upper.lower_per_ul:
        yield "lower_per_ul", f"{end:,} is in no grade."
    if lower.grade <= upper.grade:
        yield "grade", "A higher count must have a lower grade."


def _decision_table(protocol: Protocol) -> Iterator[Problem]:
    rules_by_cell: dict[Cell, list[str]] = {}
    branches = {branch.key for branch in protocol.branches}
    for rule in protocol.decision_rules:
        yield from _problems("decision_rules", rule.key, _rule_problems(rule, branches))
        for cell in cells_of(rule):
            rules_by_cell.setdefault(cell, []).append(rule.key)
    grades = {band.grade for band in protocol.grade_bands}
    every_cell = set(product(grades, LEVELS, (False, True), (False, True)))
    for cell in sorted(every_cell - set(rules_by_cell)):
        yield Problem(section="decision_rules", key="", message=f"No rule for {_cell_words(cell)}.")
    for cell, keys in sorted(rules_by_cell.items()):
        if len(keys) > 1:
            message = f"More than one rule for {_cell_words(cell)}: {', '.join(keys)}."
            yield Problem(section="decision_rules", key=keys[-1], message=message)
        if cell not in every_cell:
            message = f"No patient can reach {_cell_words(cell)}."
            yield Problem(section="decision_rules", key=keys[0], message=message)


def _rule_problems(rule: DecisionRule, branches: set[str]) -> Iterator[Wrong]:
    if not cells_of(rule):
        yield "grades", "The rule speaks for no cell."
    if (rule.branch is None) == (not rule.not_covered):
        yield "branch", "A rule leads to a branch or says why the case is not covered, one of the two."
    if rule.branch is not None and rule.branch not in branches:
        yield "branch", f"There is no branch {rule.branch}."


def _cell_words(cell: Cell) -> str:
    grade, level, surgery, rise = cell
    return (
        f"grade {grade}, {level.replace('_', ' ')}, {'urgent surgery' if surgery else 'no urgent surgery'}, "
        f"{'rapid rise' if rise else 'no rapid rise'}"
    )


def _bleeding_rules(protocol: Protocol) -> Iterator[Problem]:
    for rule in protocol.bleeding_rules:
        if rule.level not in LEVELS:
            message = f"There is no bleeding level {rule.level}."
            yield Problem(section="bleeding_rules", key=rule.key, field="level", message=message)


def _branches(protocol: Protocol) -> Iterator[Problem]:
    led_to = {rule.branch for rule in protocol.decision_rules}
    families = {regimen.family for regimen in protocol.regimens}
    for branch in protocol.branches:
        yield from _problems("branches", branch.key, _branch_problems(branch, branch.key in led_to))
        for template in branch.orders:
            key = f"{branch.key}.{template.key}"
            yield from _problems("orders", key, _template_problems(template, families))


def _branch_problems(branch: Branch, is_led_to: bool) -> Iterator[Wrong]:
    if not is_led_to:
        yield "key", "No rule leads to this branch, so nobody can reach it."
    if len(branch.summary) > _OVER_LONG_CARD:
        yield "summary", f"The summary has more than {_OVER_LONG_CARD} characters."
    groups = Counter(
        template.group
        for template in branch.orders
        if template.group and template.role is Role.REQUIRED and not template.when
    )
    for group, count in groups.items():
        if count > 1:
            yield "orders", f"{count} lines of {group} are required at once."


def _template_problems(template: OrderTemplate, families: set[str]) -> Iterator[Wrong]:
    is_proposed = template.role in (Role.REQUIRED, Role.ALTERNATIVE)
    return _those_that_hold(
        [
            (
                template.kind in DOSED_KINDS and is_proposed and not template.regimen,
                "regimen",
                "The line has no regimen, so it has no dose.",
            ),
            (
                bool(template.regimen) and template.regimen not in families,
                "regimen",
                f"There is no regimen {template.regimen}.",
            ),
            (not template.text, "text", "The line has no text."),
            (
                template.start_after_minutes < 0,
                "start_after_minutes",
                "The line starts before its order set.",
            ),
        ]
    )


def _regimens(protocol: Protocol) -> Iterator[Problem]:
    used = {template.regimen for branch in protocol.branches for template in branch.orders}
    for regimen in protocol.regimens:
        messages = [
            *_amount_problems(regimen),
            *(_per_kg_problems(regimen) if regimen.per is PerUnit.KG else ()),
            *(_product_dose_problems(protocol, regimen) if regimen.uses_product else ()),
            *_course_problems(regimen),
        ]
        if regimen.family not in used:
            messages.append(("family", "No order line uses this regimen."))
        yield from _problems("regimens", regimen.key, messages)


def _amount_problems(regimen: Regimen) -> Iterator[Wrong]:
    low, high, cap = regimen.amount_minimum, regimen.amount_maximum, regimen.cap
    return _those_that_hold(
        [
            (regimen.amount <= 0, "amount", "The amount must be above zero."),
            (not regimen.unit, "unit", "The amount has no unit."),
            ((low is None) != (high is None), "amount_maximum", "A range needs both ends."),
            (
                low is not None and high is not None and not low <= regimen.amount <= high,
                "amount",
                "The amount lies outside its own range.",
            ),
            (
                (cap is None) != (regimen.cap_kind is None),
                "cap_kind",
                "A cap must say whether it is soft or hard.",
            ),
            (
                cap is not None and regimen.per is PerUnit.PATIENT and cap < regimen.amount,
                "cap",
                "The amount is above its own cap.",
            ),
        ]
    )


def _per_kg_problems(regimen: Regimen) -> Iterator[Wrong]:
    steps = [row.step for row in regimen.rounding]
    cap = regimen.cap
    has_bad_step = any(step <= 0 for step in steps)
    return _those_that_hold(
        [
            (regimen.weight is None, "weight", "A dose per kg needs to say which weight it multiplies."),
            (
                not any(row.from_weight_kg == 0 for row in regimen.rounding),
                "rounding",
                "There is no rounding from 0 kg upward.",
            ),
            (has_bad_step, "rounding", "A rounding step must be above zero."),
            (
                cap is not None and not has_bad_step and any(cap % step for step in steps),
                "cap",
                "The cap is no multiple of the rounding step, so a rounded dose could pass it.",
            ),
            (cap is None and not regimen.uses_product, "cap", "There is no cap."),
        ]
    )


def _product_dose_problems(protocol: Protocol, regimen: Regimen) -> Iterator[Wrong]:
    if regimen.per is not PerUnit.KG or regimen.weight is not WeightBasis.DOSING or regimen.unit != "g":
        yield "unit", "A dose from a product is in g per kg dosing weight."
    if regimen.deviation_limit_percent is None:
        yield "deviation_limit_percent", "There is no limit to how far rounding may move the dose."
    limits = {parameter.key: parameter.value for parameter in protocol.parameters}
    if regimen.amount > limits.get("ivig_day_limit_g_per_kg", regimen.amount):
        yield "amount", "The amount is above the limit for one day."
    course = regimen.amount * regimen.doses
    if course > limits.get("ivig_course_limit_g_per_kg", course):
        yield "doses", "The course is above its limit."


def _course_problems(regimen: Regimen) -> Iterator[Wrong]:
    if regimen.doses < 1:
        yield "doses", "The number of doses must be at least one."
    if regimen.doses > 1 and regimen.interval_hours is None:
        yield "interval_hours", "Several doses need an interval."
    if regimen.infuse_over_minutes is not None and regimen.infuse_over_minutes < 1:
        yield "infuse_over_minutes", "The infusion takes no time."
    for name in ("drug", "route", "frequency", "duration", "instructions"):
        if not getattr(regimen, name):
            yield name, f"The {name} is missing."
    if regimen.unit == "mg" and not regimen.taper:
        yield "taper", "There is no word on tapering or stopping."


def _families(protocol: Protocol) -> Iterator[Problem]:
    """Regimens nobody gets, and patients who get none."""
    families: dict[str, list[Regimen]] = {}
    for regimen in protocol.regimens:
        families.setdefault(regimen.family, []).append(regimen)
    for family, members in families.items():
        branches = tuple(
            branch.key
            for branch in protocol.branches
            if any(template.regimen == family for template in branch.orders)
        )
        yield from _family(protocol, members, branches)


def _family(protocol: Protocol, members: list[Regimen], branches: tuple[str, ...]) -> Iterator[Problem]:
    tests = [(compile_when(regimen.when), regimen.key) for regimen in members]
    reached: set[str] = set()
    try:
        for values in situations(protocol, (regimen.when for regimen in members), branches):
            chosen = next((key for test, key in tests if test(values) is True), None)
            if chosen is not None:
                reached.add(chosen)
            elif UNKNOWN not in values.values():
                message = f"No regimen of {members[0].family} applies to {_situation_words(values)}."
                yield Problem(section="regimens", key=members[0].key, message=message)
                return
    except TooManySituations:
        message = f"{members[0].family} has too many conditions to try them all."
        yield Problem(section="regimens", key=members[0].key, message=message)
        return
    for key in [regimen.key for regimen in members if regimen.key not in reached]:
        message = "Earlier regimens of the family apply to everybody it is for, so it is never reached."
        yield Problem(section="regimens", key=key, message=message)


def _situation_words(values: Values) -> str:
    return ", ".join(f"{CONDITION_FACTS[fact].label.lower()} {answer}" for fact, answer in values.items())


def _policies(protocol: Protocol) -> Iterator[Problem]:
    for policy in protocol.weight_policies:
        yield from _problems("weight_policies", policy.key, _policy_problems(policy))


def _policy_problems(policy: WeightPolicy) -> Iterator[Wrong]:
    if not policy.adjusts:
        return
    if policy.adjustment_factor is None or not 0 < policy.adjustment_factor < 1:
        yield "adjustment_factor", "The adjustment factor must lie between 0 and 1."
    if policy.minimum_height_cm is None:
        yield (
            "minimum_height_cm",
            "A policy that adjusts needs a minimum height: the ideal weight is not made for short people.",
        )
    elif not _has_ideal_weight(policy.minimum_height_cm):
        yield "minimum_height_cm", "Nobody has an ideal weight at the minimum height."


def _has_ideal_weight(height_cm: Decimal) -> bool:
    try:
        for sex in ("female", "male"):
            formulas.ideal_body_weight_kg(height_cm=height_cm, sex=sex)
    except ValueError:
        return False
    return True


def _products(protocol: Protocol) -> Iterator[Problem]:
    for row in protocol.products:
        yield from _problems("products", row.key, (*_product_problems(row), *_rate_problems(row)))


def _product_problems(row: Product) -> Iterator[Wrong]:
    return _those_that_hold(
        [
            (
                not 0 < row.concentration_percent <= 100,
                "concentration_percent",
                "The concentration must lie between 0 and 100 percent.",
            ),
            (
                row.route != "iv" and row.offered,
                "route",
                "A product that is not for intravenous use is offered.",
            ),
            (
                not row.vials_g or any(size <= 0 for size in row.vials_g),
                "vials_g",
                "The vial sizes are missing.",
            ),
            (not row.labels, "labels", "What its label says is missing."),
        ]
    )


def _rate_problems(row: Product) -> Iterator[Wrong]:
    rates = [step.ml_per_kg_per_h for step in row.rate_steps]
    if not rates or any(step.ml_per_kg_per_h <= 0 or step.minutes <= 0 for step in row.rate_steps):
        yield "rate_steps", "The rate steps are missing or not above zero."
        return
    if rates != sorted(rates):
        yield "rate_steps", "The rate steps do not rise."
    if rates[-1] > row.maximum_ml_per_kg_per_h:
        yield "rate_steps", "The last rate step is above the product's maximum."
    if not 0 < row.at_risk_ml_per_kg_per_h <= row.maximum_ml_per_kg_per_h:
        yield "at_risk_ml_per_kg_per_h", "The at-risk rate must lie above zero and not above the maximum."
    if rates[0] > row.at_risk_ml_per_kg_per_h:
        yield "rate_steps", "The first rate step is above the at-risk rate."


def _access_plans(protocol: Protocol) -> Iterator[Problem]:
    rows = protocol.access_plans
    if not rows or rows[-1].when:
        message = "The last access plan must have no conditions, so that every patient finds one."
        yield Problem(section="access_plans", key=rows[-1].key if rows else "", message=message)
    for row in rows:
        lanes = Counter(chain.from_iterable(row.lanes))
        yield from _problems(
            "access_plans",
            row.key,
            (
                ("lanes", f"The arm {arm} must stand in one lane.")
                for arm in arrangement.ARMS
                if lanes[arm] != 1
            ),
        )
        if set(lanes) - set(arrangement.ARMS):
            message = "A lane names what is no arm."
            yield Problem(section="access_plans", key=row.key, field="lanes", message=message)


def _response_points(protocol: Protocol) -> Iterator[Problem]:
    before = -1
    for row in protocol.response_points:
        if row.day <= before:
            message = "The days must rise, and none may stand twice."
            yield Problem(section="response_points", key=row.key, field="day", message=message)
        if not row.lower_per_ul <= row.median_per_ul <= row.upper_per_ul:
            message = "The median must lie between the lower and the upper count."
            yield Problem(section="response_points", key=row.key, field="median_per_ul", message=message)
        before = row.day


def _safety(protocol: Protocol) -> Iterator[Problem]:
    for gate in protocol.gates:
        if gate.stops_life_threatening and not gate.stops:
            message = "A gate that stops life-threatening bleeding must stop the rest too."
            yield Problem(section="gates", key=gate.key, field="stops_life_threatening", message=message)
    targets = effect_targets(protocol)
    reasons = {reason.key for reason in protocol.override_reasons}
    for rule in protocol.safety_rules:
        messages = chain(
            (
                ("effects", f"{effect.kind} cannot have the target {effect.target!r}.")
                for effect in rule.effects
                if effect.target not in targets[effect.kind]
            ),
            _override_problems(rule, reasons),
            _rule_text_problems(rule),
        )
        yield from _problems("safety_rules", rule.key, messages)
        slows = any(effect.kind is EffectKind.AT_RISK_RATE for effect in rule.effects)
        if slows and not PLAN_FACTS.isdisjoint(facts_asked(rule.when)):
            message = "A rule that slows the rate cannot ask about the plan that is made with it."
            yield Problem(section="safety_rules", key=rule.key, message=message)


def effect_targets(protocol: Protocol) -> dict[EffectKind, frozenset[str]]:
    """What each kind of effect can name in this protocol."""
    lines = frozenset(
        {template.key for branch in protocol.branches for template in branch.orders}
        | {regimen.drug for regimen in protocol.regimens}
        | set(DOSED_KINDS)
    )
    # A property that no product has would leave nothing to change to.
    properties = (
        wanted
        for wanted in ProductProperty
        if any(row.offered and has_property(row, wanted) for row in protocol.products)
    )
    return {
        EffectKind.HOLD_LINES: lines,
        EffectKind.REMOVE_LINES: lines,
        EffectKind.AT_RISK_RATE: frozenset({""}),
        EffectKind.RAISE_CONSULT: frozenset(ConsultLevel),
        EffectKind.REQUIRE_PRODUCT: frozenset(properties),
        EffectKind.ADD_LINE: frozenset(row.key for row in protocol.extra_orders),
        EffectKind.ADD_CHECK: frozenset(row.key for row in protocol.monitoring_items),
        EffectKind.ADD_TEXT: frozenset(row.key for row in protocol.texts),
    }


def _override_problems(rule: SafetyRule, reasons: set[str]) -> Iterator[Wrong]:
    policy = rule.override
    for reason in policy.reasons:
        if reason not in reasons:
            yield "override", f"There is no reason {reason}."
    yield from _those_that_hold(
        [
            (policy.kind.asks_an_answer and not policy.reasons, "override", "No reason is on offer."),
            (
                bool(policy.reasons) and not policy.kind.asks_an_answer,
                "override",
                "Nobody is asked for these reasons.",
            ),
            (bool(policy.named) != (policy.kind.names > 0), "override", "The person named does not fit."),
            (
                bool(policy.second) != (policy.kind.names > 1),
                "override",
                "The second person does not fit.",
            ),
            (
                rule.severity is Severity.HARD_NAMED and policy.kind.names == 0,
                "override",
                "A stop for a named person names nobody.",
            ),
            (
                rule.severity is Severity.HARD and policy.kind is OverrideKind.ACKNOWLEDGE,
                "override",
                "A stop cannot be passed by reading it.",
            ),
            (
                rule.severity is Severity.INFORMATION and policy.kind.asks_an_answer,
                "override",
                "Information asks for no answer.",
            ),
        ]
    )


def _rule_text_problems(rule: SafetyRule) -> Iterator[Wrong]:
    if len(rule.text) >= _OVER_LONG_CARD:
        yield "text", f"The text has {_OVER_LONG_CARD} characters or more."
    for name in strange_names(f"{rule.text} {rule.action}"):
        yield "text", f"{{{name}}} is no value that a text can show."


def _extra_orders(protocol: Protocol) -> Iterator[Problem]:
    added = {
        effect.target
        for rule in protocol.safety_rules
        for effect in rule.effects
        if effect.kind is EffectKind.ADD_LINE
    }
    for row in protocol.extra_orders:
        messages = _those_that_hold(
            [
                (row.key not in added, "key", "No rule adds this line."),
                (row.kind in DOSED_KINDS, "kind", "A line that a rule adds has no dose, so it is no drug."),
                (not row.text, "text", "The line has no text."),
            ]
        )
        yield from _problems("extra_orders", row.key, messages)


def _names(protocol: Protocol) -> Iterator[Problem]:
    seen = Counter((section, key) for section, key, _ in rows_of(protocol))
    for (section, key), count in seen.items():
        if count > 1:
            yield Problem(section=section, key=key, message=f"{count} rows have this key.")
    if protocol.default_policy not in {policy.key for policy in protocol.weight_policies}:
        message = "There is no such policy."
        yield Problem(section="protocol", key="default_policy", field="default_policy", message=message)
    if protocol.default_product not in {row.key for row in protocol.products if row.offered}:
        message = "There is no such product on offer."
        yield Problem(section="protocol", key="default_product", field="default_product", message=message)
    yield from _repeats(protocol)
    yield from _needed(protocol)


def _repeats(protocol: Protocol) -> Iterator[Problem]:
    branches = {branch.key for branch in protocol.branches}
    ruled: set[str] = set()
    for rule in protocol.repeat_rules:
        for key in rule.branches:
            if key not in branches:
                message = f"There is no branch {key}."
                yield Problem(section="repeat_rules", key=rule.key, field="branches", message=message)
            if key in ruled:
                message = f"Another rule says when {key} may be repeated."
                yield Problem(section="repeat_rules", key=rule.key, field="branches", message=message)
            ruled.add(key)


def _needed(protocol: Protocol) -> Iterator[Problem]:
    parameters = {parameter.key: parameter.value for parameter in protocol.parameters}
    for key in NEEDED_PARAMETERS:
        if key not in parameters:
            yield Problem(section="parameters", key=key, message="The parameter is missing.")
        elif parameters[key] <= 0:
            yield Problem(section="parameters", key=key, message="The parameter must be above zero.")
    texts = {text.key for text in protocol.texts}
    for key in NEEDED_TEXTS:
        if key not in texts:
            yield Problem(section="texts", key=key, message="The text is missing.")


def _whens_of(protocol: Protocol) -> Iterator[tuple[str, str, When]]:
    for section, key, row in rows_of(protocol):
        yield section, key, getattr(row, "when", ())
        for target in getattr(row, "targets", ()):
            yield section, key, target.when
        for name in ("done_when", "waits_when"):
            yield section, key, getattr(row, name, ())


def _unreadable_conditions(protocol: Protocol) -> Iterator[Problem]:
    for section, key, when in _whens_of(protocol):
        try:
            compile_when(when)
        except BadCondition as bad:
            message = f"A condition cannot be read: {bad}."
            yield Problem(section=section, key=key, field="when", message=message)


def _conditions(protocol: Protocol) -> Iterator[Problem]:
    for section, key, when in _whens_of(protocol):
        yield from _problems(section, key, _when_problems(protocol, section, when))


def _when_problems(protocol: Protocol, section: str, when: When) -> Iterator[Wrong]:
    if any(not group for group in when):
        yield "when", "A group of conditions is empty, so it always holds."
    if not can_hold(protocol, when):
        yield "when", "The conditions contradict each other, so they never hold."
    for fact in facts_asked(when):
        if fact in NOT_YET_KNOWN.get(section, frozenset()):
            yield "when", f"{fact} is not yet known where this is asked."
    for condition in (condition for group in when for condition in group):
        definition = CONDITION_FACTS[condition.fact]
        there = _nameable(protocol, definition)
        if there is not None:
            for value in sorted(set(condition.values) - there):
                yield "when", f"A condition names {condition.fact} {value}, which is not there."


def _nameable(protocol: Protocol, definition: FactDefinition) -> set[str] | None:
    """What a condition can name of a fact whose values are rows of the protocol; None for any other fact."""
    if definition.kind is Kind.ROW:
        return set(row_keys(protocol, definition))
    if definition.key == "order_drugs":
        return {regimen.drug for regimen in protocol.regimens}
    return None


def _checklist(protocol: Protocol) -> Iterator[Problem]:
    for section, key, message in checklist_problems(protocol):
        yield Problem(section=section, key=key, message=message)


def _citations(protocol: Protocol) -> Iterator[Problem]:
    there = {citation.key for citation in protocol.citations}
    used: set[str] = set()
    for section, key, row in rows_of(protocol):
        if hasattr(row, "basis"):
            used |= set(row.basis.cites)
            yield from _problems(section, key, _basis_problems(row.basis, there))
    for citation in protocol.citations:
        if not citation.reference or not citation.passage:
            message = "The reference or passage is missing."
            yield Problem(section="citations", key=citation.key, field="passage", message=message)
        if citation.key not in used:
            yield Problem(section="citations", key=citation.key, message="No row uses this citation.")


def _basis_problems(basis: Basis, there: set[str]) -> Iterator[Wrong]:
    if not basis.cites:
        yield "cites", "The row cites nothing."
    for cite in basis.cites:
        if cite not in there:
            yield "cites", f"The citation {cite} does not exist."
    if (basis.uncertain or basis.provenance is Provenance.HOUSE_VALUE) and not basis.note:
        yield "note", "An uncertain row or a house value needs a note for the clinical reviewer."


def _implausible(protocol: Protocol) -> Iterator[Problem]:
    for row in protocol.plausible_ranges:
        if row.minimum > row.maximum:
            yield from _problems(
                "plausible_ranges", row.key, [("maximum", "The maximum is below the minimum.")]
            )
    for found in implausible_numbers(protocol):
        number = found.measured
        yield Problem(section=number.section, key=number.key, field=number.field, message=found.message)


def _cases(protocol: Protocol) -> Iterator[Problem]:
    """Cases that cannot be tried; whether they pass is for `worked_cases.run_cases` to say."""
    there = {
        "branch": {branch.key for branch in protocol.branches},
        "lines": {template.key for branch in protocol.branches for template in branch.orders}
        | {text.key for text in protocol.texts}
        | {row.key for row in protocol.extra_orders}
        | {f"{screening.PREFIX}{item.key}" for item in protocol.screening_items},
        "findings": {rule.key for rule in protocol.safety_rules},
        "gates": {gate.key for gate in protocol.gates},
        "monitoring": {item.key for item in protocol.monitoring_items},
    }
    if not protocol.cases:
        message = "The protocol has no case of its own, so nothing would notice what an edit changes."
        yield Problem(section="cases", key="", message=message)
    can_read = protocol.default_policy in {policy.key for policy in protocol.weight_policies}
    for case in protocol.cases:
        yield from _problems("cases", case.key, _case_problems(protocol, case, there, can_read=can_read))


def _case_problems(
    protocol: Protocol, case: WorkedCase, there: Mapping[str, set[str]], *, can_read: bool
) -> Iterator[Wrong]:
    if not case.sentence:
        yield "sentence", "The case has no sentence that says what it shows."
    named = {
        "branch": {case.branch} - {""},
        "lines": {*case.lines, *case.no_lines, *case.held, *(dose.line for dose in case.doses)},
        "findings": {*case.findings, *case.no_findings},
        "gates": {*case.gates, *case.no_gates},
        "monitoring": set(case.monitoring),
    }
    if not any(named.values()) and not (case.outcome or case.consult) and case.grade is None:
        yield "outcome", "The case expects nothing, so it could not fail."
    for name, keys in named.items():
        for key in sorted(keys - there[name]):
            yield name, f"The case names {key}, which is not there."
    if not can_read:
        return
    try:
        facts_of(protocol, case)
    except CaseUnreadable as error:
        yield "facts", f"The facts cannot be read: {error}"


def _limits(protocol: Protocol) -> Iterator[Problem]:
    for_anybody = {limit.fact: limit for limit in protocol.input_limits if limit.population == ANYBODY}
    for limit in protocol.input_limits:
        yield from _problems(
            "input_limits", key_of(limit), _limit_problems(limit, for_anybody.get(limit.fact))
        )


def _limit_problems(limit: InputLimit, for_anybody: InputLimit | None) -> Iterator[Wrong]:
    order = [limit.minimum, limit.soft_minimum, limit.soft_maximum, limit.maximum]
    given = [value for value in order if value is not None]
    if given != sorted(given):
        yield "maximum", "The limits are not in order."
    definition = FACT_BY_KEY.get(limit.fact) or RESULTS.get(limit.fact)
    if definition is None or definition.kind not in (Kind.WHOLE, Kind.DECIMAL):
        yield "fact", "There is no such number to enter."
    if limit.population not in (ANYBODY, "adult", "child"):
        yield "population", f"There is no population {limit.population}."
    if for_anybody is None:
        yield "population", "There is no limit for anybody."
    elif limit.minimum < for_anybody.minimum or limit.maximum > for_anybody.maximum:
        yield "maximum", "The limits are wider than those for anybody, which hold too."
