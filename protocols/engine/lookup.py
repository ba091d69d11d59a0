"""Finding rows of a protocol by key, with their conditions compiled once.

Raises `BadCondition` for conditions that cannot be read; `review.find_problems` refuses such a protocol.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import product
from typing import Final, TypeVar

from .conditions import Predicate, compile_when, facts_asked
from .derived import ORDER_FACTS, PLAN_FACTS, PRODUCT_FACTS
from .facts import LEVELS
from .protocol import (
    AccessPlan,
    Basis,
    BleedingRule,
    Branch,
    DecisionProvenance,
    DecisionRule,
    ExtraOrder,
    Gate,
    MonitoringItem,
    OrderTemplate,
    ProcedureTarget,
    Product,
    ProductPreference,
    Protocol,
    Provenance,
    Regimen,
    RepeatRule,
    ResultRule,
    SafetyRule,
    ScreeningItem,
    Text,
    Topic,
    WeightPolicy,
    When,
)
from .sieve import Sieve, sieve

Row = TypeVar(
    "Row",
    AccessPlan,
    BleedingRule,
    Gate,
    MonitoringItem,
    OrderTemplate,
    ProductPreference,
    Regimen,
    SafetyRule,
    Text,
)
Cell = tuple[int, str, bool, bool]

# They follow from the proposal, and a proposal that changed is no new fact about the patient.
_NOT_READ: Final = ORDER_FACTS | PLAN_FACTS | {"branch"}

NO_RULE: Final = DecisionRule(
    key="no_rule",
    grades=(),
    bleeding_levels=(),
    urgent_surgery=(),
    rapid_rise=(),
    branch=None,
    not_covered="This protocol has no rule for this case. Call haematology.",
    decision=DecisionProvenance.EXTENSION,
    text="No rule in this protocol",
    basis=Basis(cites=(), provenance=Provenance.HOUSE_VALUE),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyRow:
    """A safety rule with what its findings say of it: the lines that each group is about, the facts read."""

    rule: SafetyRule
    lines: tuple[tuple[tuple[str, ...], ...], ...]
    reads: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreeningRow:
    """A screening item with its three conditions compiled."""

    item: ScreeningItem
    when: Predicate
    is_done: Predicate
    waits: Predicate


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """The rows of one protocol, ready to be asked for."""

    cells: dict[Cell, DecisionRule]
    branches: dict[str, Branch]
    orders: dict[str, tuple[tuple[Predicate, OrderTemplate], ...]]
    families: dict[str, tuple[tuple[Predicate, Regimen], ...]]
    products: dict[str, Product]
    product_preferences: tuple[tuple[Predicate, ProductPreference], ...]
    access_plans: tuple[tuple[Predicate, AccessPlan], ...]
    policies: dict[str, WeightPolicy]
    procedures: dict[str, ProcedureTarget]
    repeats: dict[str, RepeatRule]
    parameters: dict[str, Decimal]
    texts: dict[str, Text]
    bleeding_rules: Sieve[BleedingRule]
    gates: Sieve[Gate]
    rules_before_plan: Sieve[SafetyRow]
    rules_after_plan: Sieve[SafetyRow]
    extra_orders: dict[str, ExtraOrder]
    product_rules: Sieve[SafetyRule]
    screening_items: tuple[ScreeningRow, ...]
    first_checks: Sieve[MonitoringItem]
    items: dict[str, MonitoringItem]
    result_rules: dict[str, ResultRule]
    conditional_texts: Sieve[Text]


def of(protocol: Protocol) -> Lookup:
    """The lookup of this protocol, made at the first call and kept with it."""
    if "lookup" not in protocol.lookups:
        protocol.lookups["lookup"] = _make(protocol)
    lookup: Lookup = protocol.lookups["lookup"]
    return lookup


def cells_of(rule: DecisionRule) -> tuple[Cell, ...]:
    """Every combination of grade, bleeding level, urgent surgery and rapid rise the rule speaks for."""
    return tuple(
        (grade, level, surgery, rise)
        for grade in rule.grades
        for level in rule.bleeding_levels
        for surgery in rule.urgent_surgery
        for rise in rule.rapid_rise
    )


def _make(protocol: Protocol) -> Lookup:
    families: dict[str, tuple[tuple[Predicate, Regimen], ...]] = {}
    for test, regimen in _compiled(protocol.regimens):
        families[regimen.family] = (*families.get(regimen.family, ()), (test, regimen))
    return Lookup(
        cells=_cells(protocol),
        branches={branch.key: branch for branch in protocol.branches},
        orders={branch.key: _compiled(branch.orders) for branch in protocol.branches},
        families=families,
        products={product.key: product for product in protocol.products},
        product_preferences=_compiled(protocol.product_preferences),
        access_plans=_compiled(protocol.access_plans),
        policies={policy.key: policy for policy in protocol.weight_policies},
        procedures={target.key: target for target in protocol.procedure_targets},
        repeats={branch: rule for rule in protocol.repeat_rules for branch in rule.branches},
        parameters={parameter.key: parameter.value for parameter in protocol.parameters},
        texts={text.key: text for text in protocol.texts},
        bleeding_rules=_sieve(protocol.bleeding_rules),
        gates=_sieve(protocol.gates),
        rules_before_plan=sieve(
            (rule.when, _safety_row(rule)) for rule in protocol.safety_rules if not _asks_of_plan(rule)
        ),
        rules_after_plan=sieve(
            (rule.when, _safety_row(rule)) for rule in protocol.safety_rules if _asks_of_plan(rule)
        ),
        extra_orders={row.key: row for row in protocol.extra_orders},
        product_rules=sieve(_product_rules(protocol)),
        screening_items=tuple(
            ScreeningRow(
                item=row,
                when=compile_when(row.when),
                is_done=compile_when(row.done_when),
                waits=compile_when(row.waits_when),
            )
            for row in protocol.screening_items
        ),
        first_checks=_sieve(item for item in protocol.monitoring_items if not item.is_follow_up),
        items={item.key: item for item in protocol.monitoring_items},
        result_rules={rule.key: rule for rule in protocol.result_rules},
        # What is written for the patient is no advice to the prescriber.
        conditional_texts=_sieve(text for text in protocol.texts if text.topic is not Topic.LEAFLET),
    )


def _cells(protocol: Protocol) -> dict[Cell, DecisionRule]:
    """Every cell there is; one the protocol forgot says so, so that no case falls to a neighbour's rule."""
    grades = {band.grade for band in protocol.grade_bands}
    cells = dict.fromkeys(product(grades, LEVELS, (False, True), (False, True)), NO_RULE)
    return cells | {cell: rule for rule in protocol.decision_rules for cell in cells_of(rule)}


def _safety_row(rule: SafetyRule) -> SafetyRow:
    return SafetyRow(
        rule=rule,
        lines=tuple(
            tuple(condition.values for condition in group if condition.fact in ORDER_FACTS)
            for group in rule.when
        ),
        reads=tuple(fact for fact in facts_asked(rule.when) if fact not in _NOT_READ),
    )


def _asks_of_plan(rule: SafetyRule) -> bool:
    return not PLAN_FACTS.isdisjoint(facts_asked(rule.when))


def _product_rules(protocol: Protocol) -> Iterator[tuple[When, SafetyRule]]:
    """The rules whose answer hangs on the product, judged by those of their groups that ask about it."""
    for rule in protocol.safety_rules:
        groups = tuple(
            group for group in rule.when if any(condition.fact in PRODUCT_FACTS for condition in group)
        )
        if groups:
            yield groups, rule


def _sieve(rows: Iterable[Row]) -> Sieve[Row]:
    return sieve((row.when, row) for row in rows)


def _compiled(rows: tuple[Row, ...]) -> tuple[tuple[Predicate, Row], ...]:
    return tuple((compile_when(row.when), row) for row in rows)
