"""Many rows with conditions, judged together: each answer is looked up once, however many rows ask for it.

Each group of and-ed conditions is two bits of a whole number: that it stands for sure, and that it may stand.
To each fact belong the bits that its answer leaves; what all facts leave holds, or may hold. What an answer
leaves is kept, and so is what all of them leave, because one patient is asked about many times, and most
facts have the same few answers in everybody.
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

_ALL: Final = -1
_Tests = tuple[tuple[int, Test], ...]
_Positions = tuple[int, ...]


class _Asked(NamedTuple):
    """All conditions on one fact: what they leave while nobody knows it, and of an answer."""

    fact: str
    unknown: int
    answer: Callable[[Any], int]


class _Placed(NamedTuple, Generic[Row]):
    """A row with the bits of its groups: that they stand for sure, and that they may stand."""

    sure: int
    possible: int
    predicate: Predicate
    row: Row


@dataclass(frozen=True, slots=True)
class Sifted(Generic[Row]):
    """The rows that hold or may hold, in their order.

    In `each` with which of the two, the predicate, and by position the groups that make it so.
    """

    each: tuple[tuple[Truth, Predicate, Row, _Positions], ...]
    held: tuple[Row, ...]
    possible: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Sieve(Generic[Row]):
    """Rows whose conditions are judged together."""

    asked: tuple[_Asked, ...]
    rows_left: Callable[[int], Sifted[Row]]

    def sift(self, values: Values) -> Sifted[Row]:
        """What is left of the rows by these values."""
        left = _ALL
        for fact, unknown, answer in self.asked:
            value = values.get(fact, UNKNOWN)
            left &= unknown if value is UNKNOWN else answer(value)
        return self.rows_left(left)

    def judge(self, values: Values) -> tuple[tuple[Row, ...], tuple[tuple[Row, tuple[str, ...]], ...]]:
        """The rows whose conditions hold, and those that cannot be told, each with the facts to ask."""
        sifted = self.sift(values)
        unjudged = (
            (row, predicate.missing_in(groups, values))
            for truth, predicate, row, groups in sifted.each
            if truth is UNKNOWN
        )
        return sifted.held, tuple(unjudged)


def sieve(rows: Iterable[tuple[When, Row]]) -> Sieve[Row]:
    """The sieve of these rows; raises `BadCondition`."""
    tests: dict[str, _Tests] = {}
    placed: list[_Placed[Row]] = []
    bit = 1
    for when, row in rows:
        predicate = compile_when(when)
        sure = 0
        # No conditions are one group that nothing can strike out.
        for group in predicate.groups or ((),):
            for fact, test in group:
                tests[fact] = (*tests.get(fact, ()), (bit, test))
            sure |= bit
            bit <<= 2
        placed.append(_Placed(sure, sure << 1, predicate, row))
    asked = tuple(_asked(fact, its_tests) for fact, its_tests in tests.items())
    return Sieve(asked, _rows_left(placed))


def _rows_left(placed: list[_Placed[Row]]) -> Callable[[int], Sifted[Row]]:
    # Other answers mostly leave the same rows.
    @lru_cache(ANSWERS_KEPT)
    def rows_left(left: int) -> Sifted[Row]:
        each = tuple(
            (True, row.predicate, row.row, _positions(row, row.sure & left))
            if row.sure & left
            else (UNKNOWN, row.predicate, row.row, _positions(row, row.possible & left))
            for row in placed
            if row.possible & left
        )
        return Sifted(
            each=each,
            held=tuple(row for truth, _, row, _ in each if truth is True),
            possible=tuple(row for _, _, row, _ in each),
        )

    return rows_left


def _positions(row: _Placed[Row], bits: int) -> _Positions:
    """The groups of a row that have any of these bits."""
    both_of_first = (row.sure & -row.sure) * 3
    groups = range(len(row.predicate.groups))
    return tuple(position for position in groups if bits & both_of_first << 2 * position)


def _asked(fact: str, tests: _Tests) -> _Asked:
    def answer(value: Any) -> int:
        return _left(tests, {fact: value})

    # A score has some fifteen parts, and to recognise it takes longer than to ask it again.
    kept = answer if fact in SCORE_KEYS else lru_cache(ANSWERS_KEPT)(answer)
    return _Asked(fact, _left(tests, {}), kept)


def _left(tests: _Tests, values: Values) -> int:
    left = _ALL
    for bit, test in tests:
        truth = test(values)
        if truth is not True:
            left &= ~bit
        if truth is False:
            left &= ~(bit << 1)
    return left
