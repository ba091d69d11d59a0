"""Conditions over facts: a closed language in three-valued logic, so that unknown is never read as no.

A condition on an unknown fact is unknown. Groups are and-ed inside and or-ed among each other (Kleene), so
that learning a fact can settle an unknown answer but never turn a settled one. Only `known` and `unknown` ask
about knowing itself, and may turn.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any, Final

from .derived import DERIVED
from .facts import FACT_BY_KEY, UNKNOWN, FactDefinition, Kind, Unknown
from .plain import PLAIN_NUMBER
from .protocol import Comparator, Condition, When
from .results import RESULTS
from .scores import SCORE_KEYS, Score

Truth = bool | Unknown
Values = Mapping[str, Any]
Test = Callable[[Values], Truth]

CONDITION_FACTS: Final[dict[str, FactDefinition]] = {
    **FACT_BY_KEY,
    **{key: derived.definition for key, derived in DERIVED.items()},
}
RESULT_VALUES: Final[dict[str, FactDefinition]] = {**CONDITION_FACTS, **RESULTS}
"""What a rule for results may ask: a value of the result, before a fact of the same name."""

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
    Kind.TEXT: _PRESENCE,
}


class BadCondition(ValueError):
    """A condition names no such fact, or compares it in a way its kind does not allow."""


@dataclass(frozen=True, slots=True)
class Predicate:
    """A compiled `When`: whether any group holds (true, false or unknown), and what is missing to tell.

    `facts` are those it looks at, each once.
    """

    groups: tuple[tuple[tuple[str, Test], ...], ...]
    facts: tuple[str, ...]

    def groups_that_hold(self, values: Values) -> tuple[int, ...]:
        """The positions of the groups that hold."""
        return tuple(position for position, group in enumerate(self.groups) if _all(group, values) is True)

    def __call__(self, values: Values) -> Truth:
        if not self.groups:
            return True
        result: Truth = False
        # `_all` written out: one evaluation asks this of some hundred predicates.
        for group in self.groups:
            holds: Truth = True
            for _, test in group:
                truth = test(values)
                if truth is False:
                    holds = False
                    break
                if truth is UNKNOWN:
                    holds = UNKNOWN
            if holds is True:
                return True
            if holds is UNKNOWN:
                result = UNKNOWN
        return result

    def missing(self, values: Values) -> tuple[str, ...]:
        """The facts to ask while the answer is unknown; for derived ones, what they are made from."""
        open_groups = (
            position for position, group in enumerate(self.groups) if _all(group, values) is UNKNOWN
        )
        return self.missing_in(open_groups, values)

    def missing_in(self, open_groups: Iterable[int], values: Values) -> tuple[str, ...]:
        """The same, for whoever knows already which groups are unknown."""
        asked: dict[str, None] = {}
        for position in open_groups:
            for fact, test in self.groups[position]:
                value = values.get(fact, UNKNOWN)
                # All that is known of a group that is open holds; of a score it may be open.
                if (value is UNKNOWN or isinstance(value, Score)) and test(values) is UNKNOWN:
                    for key in _asked_for(fact, value):
                        if key not in values:
                            asked[key] = None
        return tuple(asked)


@cache
def compile_when(when: When) -> Predicate:
    """The predicate of these conditions; empty ones always hold. Raises `BadCondition`."""
    return _predicate(when, CONDITION_FACTS)


@cache
def compile_result_when(when: When) -> Predicate:
    """The predicate of conditions over a result and the facts; raises `BadCondition`."""
    return _predicate(when, RESULT_VALUES)


def facts_asked(when: When) -> tuple[str, ...]:
    """The keys the conditions look at, each once, in the order they are written."""
    return tuple(dict.fromkeys(condition.fact for group in when for condition in group))


def _asked_for(fact: str, value: Any) -> tuple[str, ...]:
    if isinstance(value, Score):
        return value.asks
    return DERIVED[fact].made_from if fact in DERIVED else (fact,)


def _predicate(when: When, definitions: Mapping[str, FactDefinition]) -> Predicate:
    return Predicate(
        tuple(
            tuple((condition.fact, _compile(condition, definitions)) for condition in group) for group in when
        ),
        facts_asked(when),
    )


def _all(group: tuple[tuple[str, Test], ...], values: Values) -> Truth:
    result: Truth = True
    for _, test in group:
        truth = test(values)
        if truth is False:
            return False
        if truth is UNKNOWN:
            result = UNKNOWN
    return result


def _compile(condition: Condition, definitions: Mapping[str, FactDefinition]) -> Test:
    definition = definitions.get(condition.fact)
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
    match = _MATCHERS[condition.comparator](wanted)
    if condition.fact in SCORE_KEYS:
        return _score_test(condition.fact, match)
    if condition.comparator is Comparator.IS:
        return _is_test(condition.fact, frozenset(wanted))
    return _value_test(condition.fact, match)


def _presence_test(condition: Condition) -> Test:
    if condition.values:
        raise BadCondition(f"{condition.fact} {condition.comparator} takes no values")
    fact, wants_known = condition.fact, condition.comparator is Comparator.KNOWN

    def test(values: Values) -> Truth:
        return (values.get(fact, UNKNOWN) is not UNKNOWN) is wants_known

    return test


def _value_test(fact: str, match: Callable[[Any], bool]) -> Test:
    def test(values: Values) -> Truth:
        value = values.get(fact, UNKNOWN)
        return UNKNOWN if value is UNKNOWN else match(value)

    return test


def _is_test(fact: str, wanted: frozenset[Any]) -> Test:
    """The commonest comparison by far, without a call of its own for the match."""

    def test(values: Values) -> Truth:
        value = values.get(fact, UNKNOWN)
        return UNKNOWN if value is UNKNOWN else value in wanted

    return test


def _score_test(fact: str, match: Callable[[Any], bool]) -> Test:
    def test(values: Values) -> Truth:
        value = values.get(fact, UNKNOWN)
        if isinstance(value, Score):
            return value.settles(match)
        return UNKNOWN if value is UNKNOWN else match(value)

    return test


_MATCHERS: Final[dict[Comparator, Callable[[tuple[Any, ...]], Callable[[Any], bool]]]] = {
    Comparator.IS: lambda wanted: lambda value: value in wanted,
    Comparator.IS_NOT: lambda wanted: lambda value: value not in wanted,
    Comparator.BELOW: lambda wanted: lambda value: bool(value < wanted[0]),
    Comparator.AT_MOST: lambda wanted: lambda value: bool(value <= wanted[0]),
    Comparator.ABOVE: lambda wanted: lambda value: bool(value > wanted[0]),
    Comparator.AT_LEAST: lambda wanted: lambda value: bool(value >= wanted[0]),
    Comparator.INCLUDES_ANY: lambda wanted: _includes_any(frozenset(wanted)),
    Comparator.INCLUDES_NONE: lambda wanted: frozenset(wanted).isdisjoint,
}


def _includes_any(wanted: frozenset[Any]) -> Callable[[Any], bool]:
    return lambda value: not wanted.isdisjoint(value)


def _read(definition: FactDefinition, text: str) -> Any:
    if definition.kind is Kind.YES_NO:
        if text not in ("true", "false"):
            raise BadCondition(f"{definition.key} is yes or no, written true or false, not {text!r}")
        return text == "true"
    if definition.kind in (Kind.WHOLE, Kind.DECIMAL):
        if not PLAIN_NUMBER.fullmatch(text):
            raise BadCondition(f"{definition.key} is a number, not {text!r}")
        return Decimal(text)
    if definition.choices and text not in definition.choice_keys:
        raise BadCondition(f"{definition.key} cannot be {text!r}")
    return text
