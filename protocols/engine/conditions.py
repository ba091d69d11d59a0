"""Conditions over facts: a closed language in three-valued logic, so that unknown is never read as no."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import cache
from typing import Any, Final

from .facts import (
    FACT_BY_KEY,
    UNKNOWN,
    FactDefinition,
    Kind,
    Section,
    Unknown,
)
from .protocol import Comparator, Condition, OrderKind, When

Truth = bool | Unknown
Values = Mapping[str, Any]
Test = Callable[[Values], Truth]


def _derived(
    key: str, label: str, kind: Kind, *, unit: str = "", choices: tuple[str, ...] = ()
) -> FactDefinition:
    return FactDefinition(
        key=key,
        label=label,
        kind=kind,
        section=Section.PRODUCT,
        unit=unit,
        choices=tuple((choice, choice.replace("_", " ")) for choice in choices),
    )


DERIVED: Final[tuple[FactDefinition, ...]] = (
    _derived("grade", "Grade", Kind.WHOLE),
    _derived("branch", "Branch", Kind.ROW),
    _derived("bmi", "Body mass index", Kind.DECIMAL, unit="kg per m²"),
    _derived(
        "egfr",
        "Estimated glomerular filtration rate",
        Kind.DECIMAL,
        unit="mL per min per 1.73 m²",
    ),
    _derived("dosing_weight_kg", "Dosing weight", Kind.DECIMAL, unit="kg"),
    _derived(
        "weight_basis",
        "Dosing weight basis",
        Kind.CHOICE,
        choices=("actual", "adjusted", "pre_pregnancy"),
    ),
    _derived(
        "weight_flags",
        "Dosing weight remarks",
        Kind.CHOICES,
        choices=(
            "height_missing",
            "short_obese",
            "sex_missing",
            "pre_pregnancy_weight_missing",
        ),
    ),
    _derived(
        "order_kinds",
        "Proposed lines",
        Kind.CHOICES,
        choices=tuple(kind.value for kind in OrderKind),
    ),
    _derived("ivig_course_g_per_kg", "IVIG in 7 days", Kind.DECIMAL, unit="g per kg"),
    _derived("ivig_day_g_per_kg", "IVIG in a day", Kind.DECIMAL, unit="g per kg"),
    _derived("ivig_deviation_percent", "Rounding deviation", Kind.DECIMAL, unit="percent"),
    _derived(
        "prednisone_uncapped_mg",
        "predniSONE before the cap",
        Kind.DECIMAL,
        unit="mg daily",
    ),
    _derived("steroid_days", "Days of full-dose corticosteroid", Kind.WHOLE, unit="days"),
    _derived(
        "product_stabilisers",
        "Stabilisers of the product",
        Kind.CHOICES,
        choices=(
            "proline",
            "glycine",
            "sorbitol",
            "maltose",
            "sucrose",
            "glucose",
            "none",
        ),
    ),
    _derived("product_route", "Route of the product", Kind.CHOICE, choices=("iv", "sc")),
    _derived("product_iga_depleted", "Product is IgA-depleted", Kind.YES_NO),
    _derived("product_itp_labelled", "Product is labelled for ITP here", Kind.YES_NO),
    _derived("product_withdrawn", "Product is being withdrawn", Kind.YES_NO),
    _derived("repeat_too_early", "Second IVIG dose is not due yet", Kind.YES_NO),
    _derived(
        "findings_suggest_higher_level",
        "Findings suggest a higher bleeding level",
        Kind.YES_NO,
    ),
    _derived("count_at_procedure_target", "Count is at the procedure's target", Kind.YES_NO),
    _derived(
        "count_below_procedure_target",
        "Count is below the procedure's target",
        Kind.YES_NO,
    ),
)

CONDITION_FACTS: Final[dict[str, FactDefinition]] = {
    **FACT_BY_KEY,
    **{definition.key: definition for definition in DERIVED},
}

_NUMERIC: Final = frozenset({Comparator.BELOW, Comparator.AT_MOST, Comparator.ABOVE, Comparator.AT_LEAST})
_PRESENCE: Final = frozenset({Comparator.KNOWN, Comparator.UNKNOWN})
_SETS: Final = frozenset({Comparator.INCLUDES_ANY, Comparator.INCLUDES_NONE})
_EQUALITY: Final = frozenset({Comparator.IS, Comparator.IS_NOT})

COMPARATORS_BY_KIND: Final[dict[Kind, frozenset[Comparator]]] = {
    Kind.WHOLE: _NUMERIC | _EQUALITY | _PRESENCE,
    Kind.DECIMAL: _NUMERIC | _EQUALITY | _PRESENCE,
    Kind.YES_NO: _EQUALITY | _PRESENCE,
    Kind.CHOICE: _EQUALITY | _PRESENCE,
    Kind.ROW: _EQUALITY | _PRESENCE,
    Kind.CHOICES: _SETS | _PRESENCE,
}


class BadCondition(ValueError):
    """A condition names no such fact, or compares it in a way its kind does not allow."""


def always(_values: Values) -> Truth:
    return True


@cache
def compile_when(when: When) -> Test:
    """A function over facts that says whether any group of conditions holds: true, false or unknown."""
    if not when:
        return always
    groups = tuple(tuple(_compile(condition) for condition in group) for group in when)

    def test(values: Values) -> Truth:
        result: Truth = False
        for group in groups:
            truth = _all(group, values)
            if truth is True:
                return True
            if truth is UNKNOWN:
                result = UNKNOWN
        return result

    return test


def facts_asked(when: When) -> tuple[str, ...]:
    """The keys the conditions look at, each once, in the order they are written."""
    return tuple(dict.fromkeys(condition.fact for group in when for condition in group))


def _all(tests: tuple[Test, ...], values: Values) -> Truth:
    result: Truth = True
    for test in tests:
        truth = test(values)
        if truth is False:
            return False
        if truth is UNKNOWN:
            result = UNKNOWN
    return result


def _compile(condition: Condition) -> Test:
    definition = CONDITION_FACTS.get(condition.fact)
    if definition is None:
        raise BadCondition(f"no fact is called {condition.fact!r}")
    if condition.comparator not in COMPARATORS_BY_KIND[definition.kind]:
        raise BadCondition(
            f"{condition.fact} is {definition.kind}: it cannot be compared by {condition.comparator}"
        )
    if condition.comparator in _PRESENCE:
        return _presence_test(condition)
    wanted = tuple(_read(definition, text) for text in condition.values)
    if not wanted or (condition.comparator in _NUMERIC and len(wanted) != 1):
        raise BadCondition(f"{condition.fact} {condition.comparator} has {len(wanted)} values")
    return _value_test(condition.fact, _MATCH[condition.comparator], wanted)


def _presence_test(condition: Condition) -> Test:
    if condition.values:
        raise BadCondition(f"{condition.fact} {condition.comparator} takes no values")
    fact, wants_known = condition.fact, condition.comparator is Comparator.KNOWN

    def test(values: Values) -> Truth:
        return (values.get(fact, UNKNOWN) is not UNKNOWN) is wants_known

    return test


def _value_test(fact: str, match: Callable[[Any, tuple[Any, ...]], bool], wanted: tuple[Any, ...]) -> Test:
    def test(values: Values) -> Truth:
        value = values.get(fact, UNKNOWN)
        return UNKNOWN if value is UNKNOWN else match(value, wanted)

    return test


_MATCH: Final[dict[Comparator, Callable[[Any, tuple[Any, ...]], bool]]] = {
    Comparator.IS: lambda value, wanted: value in wanted,
    Comparator.IS_NOT: lambda value, wanted: value not in wanted,
    Comparator.BELOW: lambda value, wanted: value < wanted[0],
    Comparator.AT_MOST: lambda value, wanted: value <= wanted[0],
    Comparator.ABOVE: lambda value, wanted: value > wanted[0],
    Comparator.AT_LEAST: lambda value, wanted: value >= wanted[0],
    Comparator.INCLUDES_ANY: lambda value, wanted: any(item in value for item in wanted),
    Comparator.INCLUDES_NONE: lambda value, wanted: not any(item in value for item in wanted),
}


def _read(definition: FactDefinition, text: str) -> Any:
    if definition.kind is Kind.YES_NO:
        if text not in ("true", "false"):
            raise BadCondition(f"{definition.key} is yes or no, written true or false, not {text!r}")
        return text == "true"
    if definition.kind in (Kind.WHOLE, Kind.DECIMAL):
        try:
            return Decimal(text)
        except ArithmeticError:
            raise BadCondition(f"{definition.key} is a number, not {text!r}") from None
    if definition.choices and text not in definition.choice_keys:
        raise BadCondition(f"{definition.key} cannot be {text!r}")
    return text
