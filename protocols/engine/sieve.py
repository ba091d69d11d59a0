"""Many rows with conditions, judged together: each condition once, however many rows it stands in.

Each condition is one bit of a whole number. A patient's answers set the bits that hold and the bits that may
hold; a group of a row holds when all its bits do. What an answer sets is kept, because one patient is asked
about many times, and most facts have the same few answers in everybody: then a fact costs one look.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Generic, NamedTuple, TypeVar

from .conditions import Predicate, Test, Truth, Values, compile_when
from .facts import UNKNOWN
from .protocol import Condition, When
from .scores import SCORE_KEYS

Row = TypeVar("Row")

# To each fact, for one list of rows: far more than most facts have, some megabytes at the very most.
ANSWERS_KEPT: Final = 1024

_Bits = tuple[int, int]
"""Of some conditions, as bits: those that hold, and those that hold or may hold."""
_Tests = tuple[tuple[int, Test], ...]


class _Asked(NamedTuple):
    """All conditions on one fact: what they say while nobody knows it, and of an answer."""

    fact: str
    unknown: _Bits
    answer: Callable[[Any], _Bits]


@dataclass(frozen=True, slots=True)
class Sieve(Generic[Row]):
    """Rows whose conditions are judged together, each with the bits of its groups and its own predicate."""

    asked: tuple[_Asked, ...]
    rows: tuple[tuple[tuple[int, ...], Predicate, Row], ...]

    def sift(self, values: Values) -> Iterator[tuple[Truth, Predicate, Row]]:
        """The rows that hold or may hold, in their order, each with which of the two and its predicate."""
        holds, may = self._bits(values)
        for groups, predicate, row in self.rows:
            truth: Truth = False
            for bits in groups:
                if bits & may == bits:
                    if bits & holds == bits:
                        truth = True
                        break
                    truth = UNKNOWN
            if truth is not False:
                yield truth, predicate, row

    def held(self, values: Values) -> Iterator[Row]:
        """The rows that are sure to hold."""
        return (row for truth, _, row in self.sift(values) if truth is True)

    def possible(self, values: Values) -> Iterator[Row]:
        """The rows that hold or may hold."""
        return (row for _, _, row in self.sift(values))

    def judge(self, values: Values) -> tuple[tuple[Row, ...], tuple[tuple[Row, tuple[str, ...]], ...]]:
        """The rows whose conditions hold, and those that cannot be told, each with the facts to ask."""
        held: list[Row] = []
        unjudged: list[tuple[Row, tuple[str, ...]]] = []
        for truth, predicate, row in self.sift(values):
            if truth is True:
                held.append(row)
            else:
                unjudged.append((row, predicate.missing(values)))
        return tuple(held), tuple(unjudged)

    def _bits(self, values: Values) -> _Bits:
        holds = may = 0
        for fact, unknown, answer in self.asked:
            value = values.get(fact, UNKNOWN)
            sure, possible = unknown if value is UNKNOWN else answer(value)
            holds |= sure
            may |= possible
        return holds, may


def sieve(rows: Iterable[tuple[When, Row]]) -> Sieve[Row]:
    """The sieve of these rows; raises `BadCondition`."""
    bits: dict[Condition, int] = {}
    tests: dict[str, _Tests] = {}
    placed = []
    for when, row in rows:
        predicate = compile_when(when)
        for condition, (fact, test) in zip(_each(when), _each(predicate.groups), strict=True):
            if condition not in bits:
                bits[condition] = 1 << len(bits)
                tests[fact] = (*tests.get(fact, ()), (bits[condition], test))
        groups = tuple(sum({bits[condition] for condition in group}) for group in when) or (0,)
        placed.append((groups, predicate, row))
    asked = tuple(_asked(fact, its_tests) for fact, its_tests in tests.items())
    return Sieve(asked, tuple(placed))


def _each(groups: Iterable[Iterable[Row]]) -> Iterator[Row]:
    return (each for group in groups for each in group)


def _asked(fact: str, tests: _Tests) -> _Asked:
    def answer(value: Any) -> _Bits:
        return _answer(tests, {fact: value})

    # A score has some fifteen parts, and to recognise it takes longer than to ask it again.
    kept = answer if fact in SCORE_KEYS else lru_cache(ANSWERS_KEPT)(answer)
    return _Asked(fact, _answer(tests, {}), kept)


def _answer(tests: _Tests, values: Values) -> _Bits:
    holds = may = 0
    for bit, test in tests:
        truth = test(values)
        if truth is True:
            holds |= bit
        if truth is not False:
            may |= bit
    return holds, may
