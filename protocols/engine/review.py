"""What stops a draft from being approved: every problem of a protocol, each with the row it stands in."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, fields
from decimal import Decimal
from itertools import pairwise, product
from typing import Any, Final

from .conditions import CONDITION_FACTS, BadCondition, compile_when
from .facts import FACT_BY_KEY, LEVELS, Kind
from .lookup import Cell, cells_of
from .protocol import (
    Basis,
    ConsultLevel,
    DecisionRule,
    OrderKind,
    OrderTemplate,
    PerUnit,
    Product,
    Protocol,
    Provenance,
    Regimen,
    Role,
    WeightPolicy,
    When,
)

SECTIONS: Final = tuple(
    f.name for f in fields(Protocol) if f.init and f.name != "slug" and "tuple" in str(f.type)
)
DOSED_KINDS: Final = (OrderKind.IVIG, OrderKind.CORTICOSTEROID, OrderKind.PLATELETS)
NEEDED_PARAMETERS: Final = (
    "pump_rate_step_ml_per_h",
    "ivig_day_limit_g_per_kg",
    "ivig_course_limit_g_per_kg",
)
NEEDED_TEXTS: Final = tuple(f"consult_{level}" for level in ConsultLevel if level is not ConsultLevel.NONE)
_OVER_LONG_CARD: Final = 140
_ROW_SECTIONS: Final = {"branch": "branches"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One reason not to approve: the section and key of the row, and what is wrong in plain words."""

    section: str
    key: str
    message: str


def find_problems(protocol: Protocol) -> tuple[Problem, ...]:
    """Every problem of this protocol; an approvable one has none."""
    checks = (
        _bands,
        _decision_table,
        _branches,
        _regimens,
        _policies,
        _products,
        _names,
        _conditions,
        _citations,
        _limits,
    )
    return tuple(problem for check in checks for problem in check(protocol))


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


def _bands(protocol: Protocol) -> Iterator[Problem]:
    bands = sorted(protocol.grade_bands, key=lambda band: band.lower_per_ul)
    if not bands:
        yield Problem(section="grade_bands", key="", message="There are no grade bands.")
        return
    if bands[0].lower_per_ul != 0:
        below = bands[0].lower_per_ul - 1
        yield Problem(
            section="grade_bands",
            key=str(bands[0].grade),
            message=f"{below:,} is in no grade.",
        )
    for lower, upper in pairwise(bands):
        end = lower.upper_per_ul
        if end is None or end > upper.lower_per_ul:
            message = f"{upper.lower_per_ul:,} is in grades {lower.grade} and {upper.grade}."
            yield Problem(section="grade_bands", key=str(upper.grade), message=message)
        elif end < upper.lower_per_ul:
            yield Problem(
                section="grade_bands",
                key=str(upper.grade),
                message=f"{end:,} is in no grade.",
            )
        if lower.grade <= upper.grade:
            message = "A higher count must have a lower grade."
            yield Problem(section="grade_bands", key=str(upper.grade), message=message)
    for band in bands:
        if band.upper_per_ul is not None and band.upper_per_ul <= band.lower_per_ul:
            yield Problem(section="grade_bands", key=str(band.grade), message="The band is empty.")
    if bands[-1].upper_per_ul is not None:
        message = f"{bands[-1].upper_per_ul:,} is in no grade."
        yield Problem(section="grade_bands", key=str(bands[-1].grade), message=message)


def _decision_table(protocol: Protocol) -> Iterator[Problem]:
    rules_by_cell: dict[Cell, list[str]] = {}
    for rule in protocol.decision_rules:
        yield from _decision_rule(protocol, rule)
        for cell in cells_of(rule):
            rules_by_cell.setdefault(cell, []).append(rule.key)
    grades = sorted({band.grade for band in protocol.grade_bands})
    every_cell = set(product(grades, LEVELS, (False, True), (False, True)))
    for cell in sorted(every_cell - set(rules_by_cell)):
        message = f"No rule for {_cell_words(cell)}."
        yield Problem(section="decision_rules", key="", message=message)
    for cell, keys in sorted(rules_by_cell.items()):
        if len(keys) > 1:
            message = f"{' and '.join(keys)} both speak for {_cell_words(cell)}."
            yield Problem(section="decision_rules", key=keys[-1], message=message)
        if cell not in every_cell:
            message = f"No patient can reach {_cell_words(cell)}."
            yield Problem(section="decision_rules", key=keys[0], message=message)


def _decision_rule(protocol: Protocol, rule: DecisionRule) -> Iterator[Problem]:
    if not cells_of(rule):
        yield Problem(
            section="decision_rules",
            key=rule.key,
            message="The rule speaks for no cell.",
        )
    if (rule.branch is None) == (not rule.not_covered):
        message = "A rule leads to a branch or says why the case is not covered, one of the two."
        yield Problem(section="decision_rules", key=rule.key, message=message)
    if rule.branch is not None and rule.branch not in {branch.key for branch in protocol.branches}:
        yield Problem(
            section="decision_rules",
            key=rule.key,
            message=f"There is no branch {rule.branch}.",
        )


def _cell_words(cell: Cell) -> str:
    grade, level, surgery, rise = cell
    words = level.replace("_", " ")
    return (
        f"grade {grade}, {words}, {'urgent surgery' if surgery else 'no urgent surgery'}, "
        f"{'rapid rise' if rise else 'no rapid rise'}"
    )


def _branches(protocol: Protocol) -> Iterator[Problem]:
    led_to = {rule.branch for rule in protocol.decision_rules}
    families = {regimen.family for regimen in protocol.regimens}
    for branch in protocol.branches:
        if branch.key not in led_to:
            message = "No rule leads to this branch, so nobody can reach it."
            yield Problem(section="branches", key=branch.key, message=message)
        if len(branch.summary) > _OVER_LONG_CARD:
            message = f"The summary has more than {_OVER_LONG_CARD} characters."
            yield Problem(section="branches", key=branch.key, message=message)
        groups = Counter(
            template.group
            for template in branch.orders
            if template.group and template.role is Role.REQUIRED and not template.when
        )
        for group, count in groups.items():
            if count > 1:
                message = f"{count} lines of {group} are required at once."
                yield Problem(section="branches", key=branch.key, message=message)
        for template in branch.orders:
            yield from _template(f"{branch.key}.{template.key}", template, families)


def _template(key: str, template: OrderTemplate, families: set[str]) -> Iterator[Problem]:
    is_dosed = template.kind in DOSED_KINDS and template.role in (
        Role.REQUIRED,
        Role.ALTERNATIVE,
    )
    if is_dosed and not template.regimen:
        yield Problem(
            section="orders",
            key=key,
            message="The line has no regimen, so it has no dose.",
        )
    if template.regimen and template.regimen not in families:
        yield Problem(
            section="orders",
            key=key,
            message=f"There is no regimen {template.regimen}.",
        )
    if not template.text:
        yield Problem(section="orders", key=key, message="The line has no text.")
    if template.start_after_minutes < 0:
        yield Problem(section="orders", key=key, message="The line starts before its order set.")


def _regimens(protocol: Protocol) -> Iterator[Problem]:
    used = {template.regimen for branch in protocol.branches for template in branch.orders}
    closed: set[str] = set()
    for regimen in protocol.regimens:
        messages = [*_amount_problems(regimen), *_course_problems(protocol, regimen)]
        if regimen.family not in used:
            messages.append("No order line uses this regimen.")
        if regimen.family in closed:
            messages.append(
                "An earlier regimen of the family applies to everybody, so this one is never reached."
            )
        if not regimen.when:
            closed.add(regimen.family)
        for message in messages:
            yield Problem(section="regimens", key=regimen.key, message=message)


def _amount_problems(regimen: Regimen) -> Iterator[str]:
    if regimen.amount <= 0:
        yield "The amount must be above zero."
    if not regimen.unit:
        yield "The amount has no unit."
    if (regimen.amount_minimum is None) != (regimen.amount_maximum is None):
        yield "A range needs both ends."
    low, high = regimen.amount_minimum, regimen.amount_maximum
    if low is not None and high is not None and not low <= regimen.amount <= high:
        yield "The amount lies outside its own range."
    if regimen.per is PerUnit.PATIENT:
        return
    if regimen.weight is None:
        yield "A dose per kg needs to say which weight it multiplies."
    if not any(row.from_weight_kg == 0 for row in regimen.rounding):
        yield "There is no rounding from 0 kg upward."
    if any(row.step <= 0 for row in regimen.rounding):
        yield "A rounding step must be above zero."
    elif regimen.cap is not None and any(regimen.cap % row.step for row in regimen.rounding):
        yield "The cap is no multiple of the rounding step, so a rounded dose could pass it."
    if regimen.cap is None and not regimen.uses_product:
        yield "There is no cap."
    if (regimen.cap is None) != (regimen.cap_kind is None):
        yield "A cap must say whether it is soft or hard."
    if regimen.uses_product and regimen.deviation_limit_percent is None:
        yield "There is no limit to how far rounding may move the dose."


def _course_problems(protocol: Protocol, regimen: Regimen) -> Iterator[str]:
    if regimen.doses < 1:
        yield "The number of doses must be at least one."
    if regimen.doses > 1 and regimen.interval_hours is None:
        yield "Several doses need an interval."
    for name in ("drug", "route", "frequency", "duration", "instructions"):
        if not getattr(regimen, name):
            yield f"The {name} is missing."
    if regimen.unit == "mg" and not regimen.taper:
        yield "There is no word on tapering or stopping."
    limits = {parameter.key: parameter.value for parameter in protocol.parameters}
    if regimen.uses_product and all(key in limits for key in NEEDED_PARAMETERS):
        if regimen.amount > limits["ivig_day_limit_g_per_kg"]:
            yield "The amount is above the limit for one day."
        if regimen.amount * regimen.doses > limits["ivig_course_limit_g_per_kg"]:
            yield "The course is above its limit."


def _policies(protocol: Protocol) -> Iterator[Problem]:
    for policy in protocol.weight_policies:
        for message in _policy_problems(policy):
            yield Problem(section="weight_policies", key=policy.key, message=message)


def _policy_problems(policy: WeightPolicy) -> Iterator[str]:
    if not policy.adjusts:
        return
    if policy.minimum_height_cm is None or policy.minimum_height_cm <= 0:
        yield "A policy that adjusts needs a minimum height, because the ideal weight is not made for short people."
    if policy.adjustment_factor is None or not 0 < policy.adjustment_factor < 1:
        yield "The adjustment factor must lie between 0 and 1."


def _products(protocol: Protocol) -> Iterator[Problem]:
    for row in protocol.products:
        for message in _product_problems(row):
            yield Problem(section="products", key=row.key, message=message)


def _product_problems(row: Product) -> Iterator[str]:
    if not 0 < row.concentration_percent <= 100:
        yield "The concentration must lie between 0 and 100 percent."
    if row.route != "iv" and row.offered:
        yield "A product that is not for intravenous use is offered."
    if not row.vials_g or any(size <= 0 for size in row.vials_g):
        yield "The vial sizes are missing."
    rates = [step.ml_per_kg_per_h for step in row.rate_steps]
    if not rates or any(rate <= 0 for rate in rates) or any(step.minutes <= 0 for step in row.rate_steps):
        yield "The rate steps are missing or not above zero."
        return
    if rates != sorted(rates):
        yield "The rate steps do not rise."
    if rates[-1] > row.maximum_ml_per_kg_per_h:
        yield "The last rate step is above the product's maximum."
    if not Decimal(0) < row.at_risk_ml_per_kg_per_h <= row.maximum_ml_per_kg_per_h:
        yield "The at-risk rate must lie above zero and not above the maximum."
    if rates[0] > row.at_risk_ml_per_kg_per_h:
        yield "The first rate step is above the at-risk rate."


def _names(protocol: Protocol) -> Iterator[Problem]:
    seen = Counter((section, key) for section, key, _ in rows_of(protocol))
    for (section, key), count in seen.items():
        if count > 1:
            yield Problem(section=section, key=key, message=f"{count} rows have this key.")
    if protocol.default_policy not in {policy.key for policy in protocol.weight_policies}:
        yield Problem(section="protocol", key="default_policy", message="There is no such policy.")
    if protocol.default_product not in {row.key for row in protocol.products if row.offered}:
        yield Problem(
            section="protocol",
            key="default_product",
            message="There is no such product on offer.",
        )
    branches = {branch.key for branch in protocol.branches}
    for rule in protocol.repeat_rules:
        for key in rule.branches:
            if key not in branches:
                yield Problem(
                    section="repeat_rules",
                    key=rule.key,
                    message=f"There is no branch {key}.",
                )
    parameters = {parameter.key for parameter in protocol.parameters}
    for key in NEEDED_PARAMETERS:
        if key not in parameters:
            yield Problem(section="parameters", key=key, message="The parameter is missing.")
    texts = {text.key for text in protocol.texts}
    for key in NEEDED_TEXTS:
        if key not in texts:
            yield Problem(section="texts", key=key, message="The text is missing.")


def _conditions(protocol: Protocol) -> Iterator[Problem]:
    for section, key, row in rows_of(protocol):
        whens = [
            getattr(row, "when", ()),
            *(target.when for target in getattr(row, "targets", ())),
        ]
        for when in whens:
            yield from _when_problems(protocol, section, key, when)


def _when_problems(protocol: Protocol, section: str, key: str, when: When) -> Iterator[Problem]:
    try:
        compile_when(when)
    except BadCondition as bad:
        yield Problem(section=section, key=key, message=f"A condition cannot be read: {bad}.")
        return
    if when and any(not group for group in when):
        yield Problem(
            section=section,
            key=key,
            message="A group of conditions is empty, so it always holds.",
        )
    for condition in (condition for group in when for condition in group):
        definition = CONDITION_FACTS[condition.fact]
        if definition.kind is not Kind.ROW:
            continue
        rows = getattr(protocol, definition.rows or _ROW_SECTIONS[definition.key])
        for value in set(condition.values) - {row.key for row in rows}:
            message = f"A condition names {condition.fact} {value}, which is not there."
            yield Problem(section=section, key=key, message=message)


def _citations(protocol: Protocol) -> Iterator[Problem]:
    there = {citation.key for citation in protocol.citations}
    used: set[str] = set()
    for section, key, row in rows_of(protocol):
        basis: Basis | None = getattr(row, "basis", None)
        if basis is None:
            continue
        used |= set(basis.cites)
        if not basis.cites:
            yield Problem(section=section, key=key, message="The row cites nothing.")
        for cite in basis.cites:
            if cite not in there:
                yield Problem(
                    section=section,
                    key=key,
                    message=f"The citation {cite} does not exist.",
                )
        if basis.provenance is Provenance.HOUSE_VALUE and not basis.note:
            message = "A house value needs a note for the clinical reviewer."
            yield Problem(section=section, key=key, message=message)
    for citation in protocol.citations:
        if not citation.reference or not citation.passage:
            yield Problem(
                section="citations",
                key=citation.key,
                message="The reference or passage is missing.",
            )
        if citation.key not in used:
            yield Problem(
                section="citations",
                key=citation.key,
                message="No row uses this citation.",
            )


def _limits(protocol: Protocol) -> Iterator[Problem]:
    for limit in protocol.input_limits:
        order = [limit.minimum, limit.soft_minimum, limit.soft_maximum, limit.maximum]
        given = [value for value in order if value is not None]
        if given != sorted(given):
            yield Problem(
                section="input_limits",
                key=key_of(limit),
                message="The limits are not in order.",
            )
        if limit.fact not in FACT_BY_KEY:
            yield Problem(
                section="input_limits",
                key=key_of(limit),
                message="There is no such fact.",
            )
