"""Every situation that conditions can tell apart, so that gaps and dead rows are found by trying them all."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import chain, combinations, pairwise, product
from math import prod
from typing import Any, Final

from .conditions import CONDITION_FACTS, Values, compile_when
from .facts import UNKNOWN, FactDefinition, Kind
from .protocol import Condition, Protocol, When

_MOST_SITUATIONS: Final = 100_000


class TooManySituations(ValueError):
    """The conditions tell apart more situations than can be tried."""


def can_hold(protocol: Protocol, when: When) -> bool:
    """Whether some patient meets the conditions; no group can that contradicts itself on one fact."""
    return not when or any(_can_hold(protocol, group) for group in when)


def situations(protocol: Protocol, whens: Iterable[When], branches: tuple[str, ...]) -> Iterator[Values]:
    """Answers to every fact the conditions ask, one set for each way in which they could differ.

    `branches` are the ones to try. Where a condition asks about knowing a fact it is `UNKNOWN` in some.
    Raises `TooManySituations`.
    """
    asked = [condition for when in whens for group in when for condition in group]
    answers = {
        fact: branches if fact == "branch" else _answers(protocol, fact, conditions)
        for fact, conditions in _by_fact(asked).items()
    }
    if prod(len(values) for values in answers.values()) > _MOST_SITUATIONS:
        raise TooManySituations
    return (dict(zip(answers, values, strict=True)) for values in product(*answers.values()))


def _can_hold(protocol: Protocol, group: tuple[Condition, ...]) -> bool:
    return all(
        any(
            compile_when((tuple(conditions),))({fact: answer}) is True
            for answer in _answers(protocol, fact, conditions)
        )
        for fact, conditions in _by_fact(group).items()
    )


def _by_fact(conditions: Iterable[Condition]) -> dict[str, list[Condition]]:
    by_fact: dict[str, list[Condition]] = {}
    for condition in conditions:
        by_fact.setdefault(condition.fact, []).append(condition)
    return by_fact


def _answers(protocol: Protocol, fact: str, conditions: list[Condition]) -> tuple[Any, ...]:
    definition = CONDITION_FACTS[fact]
    mentioned = tuple(dict.fromkeys(value for condition in conditions for value in condition.values))
    answers = _known_answers(protocol, definition, mentioned)
    # Only these two comparators are settled by an unknown fact.
    asks_of_knowing = any(not condition.values for condition in conditions)
    return (*answers, UNKNOWN) if asks_of_knowing else answers


def _known_answers(
    protocol: Protocol, definition: FactDefinition, mentioned: tuple[str, ...]
) -> tuple[Any, ...]:
    if definition.kind is Kind.YES_NO:
        return (False, True)
    if definition.kind is Kind.CHOICES:
        return tuple(chain.from_iterable(combinations(mentioned, size) for size in range(len(mentioned) + 1)))
    if definition.kind is Kind.TEXT:
        return ("somebody",)
    if definition.kind in (Kind.CHOICE, Kind.ROW):
        return definition.choice_keys or row_keys(protocol, definition)
    numbers = sorted({Decimal(value) for value in mentioned})
    return whole_numbers_between(numbers) if definition.kind is Kind.WHOLE else numbers_between(numbers)


def row_keys(protocol: Protocol, definition: FactDefinition) -> tuple[str, ...]:
    """The keys of the rows that a fact of kind ROW can name."""
    return tuple(row.key for row in getattr(protocol, definition.rows or "branches"))


def whole_numbers_between(borders: list[Decimal]) -> tuple[int, ...]:
    """Each border with the numbers next to it; none below zero."""
    near = {int(border) + step for border in borders for step in (-1, 0, 1)}
    return tuple(sorted(number for number in near if number >= 0)) or (0,)


def numbers_between(borders: list[Decimal]) -> tuple[Decimal, ...]:
    """Each border, a number between each two, and one outside at either end; none below zero."""
    if not borders:
        return (Decimal(0),)
    inside = [(low + high) / 2 for low, high in pairwise(borders)]
    outside = [borders[0] / 2, borders[-1] + 1]
    return tuple(sorted(number for number in {*borders, *inside, *outside} if number >= 0))
