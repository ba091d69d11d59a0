"""Patients, conditions and protocols for the property tests; any that can be written down."""

from collections.abc import Collection
from typing import Any

from hypothesis import strategies as st

from protocols.engine.conditions import COMPARATORS_BY_KIND
from protocols.engine.facts import CATALOGUE, FACT_BY_KEY, UNKNOWN, FactDefinition, Facts, Kind
from protocols.engine.protocol import Comparator, Condition, When
from tests.engine.factory import KNOWN, PROTOCOL, D

# The values at which the small protocol changes its mind, and those beside them.
BORDERS = (0, 1, 4, 5, 6, 9, 10, 11, 14, 15, 16, 19, 20, 21, 29, 30, 31, 50, 99, 100, 101, 99_999_999)

weights = st.decimals("0.1", "400", places=4)
amounts = st.decimals("0.01", "500", places=3)


def numbers(definition: FactDefinition) -> st.SearchStrategy[D]:
    at_borders = st.sampled_from([D(border) for border in BORDERS])
    anywhere = st.decimals("0", "99999999", places=2)
    possible = at_borders | anywhere | st.decimals("0", "1", places=4)
    return possible.filter(lambda number: number > 0) if definition.is_above_zero else possible


def answers(definition: FactDefinition) -> st.SearchStrategy[Any]:
    """Any value that the fact can have."""
    if definition.kind is Kind.WHOLE:
        return st.sampled_from(BORDERS) | st.integers(0, 99_999_999)
    if definition.kind is Kind.DECIMAL:
        return numbers(definition)
    if definition.kind is Kind.YES_NO:
        return st.booleans()
    if definition.kind is Kind.CHOICE:
        return st.sampled_from(definition.choice_keys)
    if definition.kind is Kind.CHOICES:
        chosen = st.sets(st.sampled_from(definition.choice_keys), max_size=4)
        return chosen.map(lambda some: tuple(key for key in definition.choice_keys if key in some))
    if definition.kind is Kind.TEXT:
        return st.text(min_size=1, max_size=100).filter(str.strip)
    rows = [row.key for row in getattr(PROTOCOL, definition.rows)]
    return st.sampled_from([*rows, "GONE"])


ANSWERS = {definition.key: answers(definition) for definition in CATALOGUE}


def any_facts(asked: Collection[str] = tuple(FACT_BY_KEY)) -> st.SearchStrategy[Facts]:
    """Facts of which any part may be unknown and the rest may be anything; of all, or of those asked."""
    return st.fixed_dictionaries({}, optional={key: ANSWERS[key] for key in asked}).map(
        lambda values: Facts(**values)
    )


@st.composite
def complete_facts(draw: st.DrawFn) -> Facts:
    """Facts of which everything that the small protocol asks is known, without a contradiction."""
    asked = {definition.key: definition for definition in CATALOGUE if definition.key in KNOWN}
    values = {key: draw(answers(definition)) for key, definition in asked.items()}
    weight = draw(st.decimals("2", "200", places=1))
    procedure = draw(st.sampled_from(["BIG", "SMALL"]))
    if values["first_ivig"]:
        values |= {"ivig_last_7_days_g_per_kg": D(0), "hours_since_last_ivig": D(99_999)}
    return Facts(**values | {"weight_kg": weight, "pre_pregnancy_weight_kg": weight, "procedure": procedure})


@st.composite
def conditions(draw: st.DrawFn) -> Condition:
    """Any readable condition that does not ask about knowing itself."""
    # A name can only be known or not.
    definition = draw(st.sampled_from([fact for fact in CATALOGUE if fact.kind is not Kind.TEXT]))
    comparators = COMPARATORS_BY_KIND[definition.kind] - {Comparator.KNOWN, Comparator.UNKNOWN}
    value = draw(answers(definition))
    if definition.kind is Kind.CHOICES:
        values = value or (definition.choice_keys[0],)
    elif definition.kind is Kind.YES_NO:
        values = ("true" if value else "false",)
    else:
        values = (format(value, "f") if isinstance(value, D) else str(value),)
    return Condition(
        fact=definition.key, comparator=draw(st.sampled_from(sorted(comparators))), values=values
    )


whens: st.SearchStrategy[When] = st.lists(
    st.lists(conditions(), min_size=1, max_size=3).map(tuple), max_size=3
).map(tuple)


def without(facts: Facts, key: str) -> Facts:
    """The same facts with one of them unknown."""
    values = {definition.key: getattr(facts, definition.key) for definition in CATALOGUE}
    return Facts(**values | {key: UNKNOWN})
