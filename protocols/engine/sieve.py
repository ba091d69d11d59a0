"""Many rows with conditions, judged together: each answer is looked up once, however many rows ask for it.

Each group of and-ed conditions is one bit of a whole number. To each fact belong the groups that its answer
leaves standing, for sure and perhaps; what all facts leave standing holds, or may hold. What an answer leaves
is kept, and so is what all of them leave, because one patient is asked about many times, and most facts have
the same few answers in everybody.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Generic, NamedTuple, TypeVar

from .conditions import Predicate, Test, Truth, Values, compile_when
from .facts import UNKNOWN
from .protocol import When
from .scores import SCORE_KEYS

Row = TypeVar("Row")

# To each fact, and of all facts, for one list of rows: far more than most have, some megabytes at the most.
ANSWERS_KEPT: Final = 1024

_Left = tuple[int, int]
"""Groups, as bits, that are left standing: for sure, and for sure or perhaps."""
_ALL: Final = -1
_Tests = tuple[tuple[int, Test], ...]


class _Asked(NamedTuple):
    """All conditions on one fact: what they leave while nobody knows it, and of an answer."""

    fact: str
    unknown: _Left
    answer: Callable[[Any], _Left]


@dataclass(frozen=True, slots=True)
class Sifted(Generic[Row]):
    """The rows that hold or may hold, in their order; in `each` with which of the two, and its predicate."""

    each: tuple[tuple[Truth, Predicate, Row], ...]
    held: tuple[Row, ...]
    possible: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Sieve(Generic[Row]):
    """Rows whose conditions are judged together."""

    asked: tuple[_Asked, ...]
    rows_left: Callable[[int, int], Sifted[Row]]

    def sift(self, values: Values) -> Sifted[Row]:
        """What is left of the rows by these values."""
        holds = may = _ALL
        for fact, unknown, answer in self.asked:
            value = values.get(fact, UNKNOWN)
            sure, possible = unknown if value is UNKNOWN else answer(value)
            holds &= sure
            may &= possible
        return self.rows_left(holds, may)

    def judge(self, values: Values) -> tuple[tuple[Row, ...], tuple[tuple[Row, tuple[str, ...]], ...]]:
        """The rows whose conditions hold, and those that cannot be told, each with the facts to ask."""
        sifted = self.sift(values)
        unjudged = (
            (row, predicate.missing(values)) for truth, predicate, row in sifted.each if truth is UNKNOWN
        )
        return sifted.held, tuple(unjudged)


def sieve(rows: Iterable[tuple[When, Row]]) -> Sieve[Row]:
    """The sieve of these rows; raises `BadCondition`."""
    tests: dict[str, _Tests] = {}
    placed: list[tuple[int, Predicate, Row]] = []
    bit = 1
    for when, row in rows:
        predicate = compile_when(when)
        bits = 0
        # No conditions are one group that nothing can strike out.
        for group in predicate.groups or ((),):
            for fact, test in group:
                tests[fact] = (*tests.get(fact, ()), (bit, test))
            bits |= bit
            bit <<= 1
        placed.append((bits, predicate, row))
    asked = tuple(_asked(fact, its_tests) for fact, its_tests in tests.items())
    return Sieve(asked, _rows_left(placed))


def _rows_left(placed: list[tuple[int, Predicate, Row]]) -> Callable[[int, int], Sifted[Row]]:
    # Other answers mostly leave the same rows.
    @lru_cache(ANSWERS_KEPT)
    def rows_left(holds: int, may: int) -> Sifted[Row]:
        each = tuple(
            (True if bits & holds else UNKNOWN, predicate, row)
            for bits, predicate, row in placed
            if bits & may
        )
        return Sifted(
            each=each,
            held=tuple(row for truth, _, row in each if truth is True),
            possible=tuple(row for _, _, row in each),
        )

    return rows_left


def _asked(fact: str, tests: _Tests) -> _Asked:
    def answer(value: Any) -> _Left:
        return _left(tests, {fact: value})

    # A score has some fifteen parts, and to recognise it takes longer than to ask it again.
    kept = answer if fact in SCORE_KEYS else lru_cache(ANSWERS_KEPT)(answer)
    return _Asked(fact, _left(tests, {}), kept)


def _left(tests: _Tests, values: Values) -> _Left:
    sure = possible = _ALL
    for bit, test in tests:
        truth = test(values)
        if truth is not True:
            sure &= ~bit
        if truth is False:
            possible &= ~bit
    return sure, possible
