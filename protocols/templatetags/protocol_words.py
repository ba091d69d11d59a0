"""Values of a protocol in words, for people to read."""

from decimal import Decimal
from typing import Final

from django import template

from protocols.engine.conditions import CONDITION_FACTS
from protocols.engine.facts import Kind
from protocols.engine.numbers import format_decimal
from protocols.engine.protocol import Comparator, Condition, PerUnit, Regimen, WeightBasis, When

register = template.Library()

_COMPARISONS: Final = {
    Comparator.IS: "is",
    Comparator.IS_NOT: "is not",
    Comparator.BELOW: "below",
    Comparator.AT_MOST: "at most",
    Comparator.ABOVE: "above",
    Comparator.AT_LEAST: "at least",
    Comparator.INCLUDES_ANY: "includes",
    Comparator.INCLUDES_NONE: "includes none of",
    Comparator.KNOWN: "is known",
    Comparator.UNKNOWN: "is unknown",
}
# The names of the looks in includes/provenance.html.
_PROVENANCE: Final = {"source_document": "source", "source_context": "context", "house_value": "house"}
_TRUTH: Final = {"true": "yes", "false": "no"}


@register.filter
def alternatives(when: When) -> list[str]:
    """One sentence for each group of conditions; any of them is enough."""
    return [" and ".join(_condition(condition) for condition in group) for group in when]


@register.filter
def provenance_look(provenance: str) -> str:
    return _PROVENANCE.get(provenance, provenance)


@register.filter
def thousands(count: int) -> str:
    return format_decimal(count)


@register.filter
def exactly(value: Decimal | None) -> str:
    return "" if value is None else format_decimal(value)


@register.filter
def spaced(key: str) -> str:
    return key.replace("_", " ")


@register.filter
def amount(regimen: Regimen) -> str:
    """What one dose is made of, such as `1 g per kg dosing weight, at most 80 mg`."""
    words = f"{format_decimal(regimen.amount)} {regimen.unit}"
    if regimen.amount_minimum is not None and regimen.amount_maximum is not None:
        low, high = format_decimal(regimen.amount_minimum), format_decimal(regimen.amount_maximum)
        words = f"{low} to {high} {regimen.unit}, {format_decimal(regimen.amount)} unless changed,"
    if regimen.per is PerUnit.KG:
        weight = "dosing weight" if regimen.weight is WeightBasis.DOSING else "actual weight"
        words = f"{words} per kg {weight}"
    if regimen.cap is not None:
        words = f"{words}, at most {format_decimal(regimen.cap)} {regimen.unit}"
    return words


def _condition(condition: Condition) -> str:
    definition = CONDITION_FACTS.get(condition.fact)
    if definition is None:
        return f"{condition.fact} {_COMPARISONS[condition.comparator]} {', '.join(condition.values)}"
    named = dict(definition.choices)
    values = [_value(value, definition.kind, named) for value in condition.values]
    unit = definition.unit if definition.kind in (Kind.WHOLE, Kind.DECIMAL) and values else ""
    words = [definition.label, _COMPARISONS[condition.comparator], " or ".join(values), unit]
    return " ".join(word for word in words if word)


def _value(value: str, kind: Kind, named: dict[str, str]) -> str:
    if kind is Kind.YES_NO:
        return _TRUTH.get(value, value)
    if kind in (Kind.WHOLE, Kind.DECIMAL):
        return format_decimal(Decimal(value))
    return named.get(value, value)
