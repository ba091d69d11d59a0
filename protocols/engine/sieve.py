"""Many rows with conditions, judged together: each answer is looked up once, however many rows ask for it.

Each group of and-ed conditions is one bit of a whole number. To each fact belong the groups that its answer
leaves standing, for sure and perhaps; what all facts leave standing holds, or may hold. Nothing is looked at
row by row but the few that are left. What an answer leaves is kept, because one patient is asked about many
times, and most facts have the same few answers in everybody.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Generic, NamedTuple, TypeVar

from .conditions import Predicate, Test, Truth, Values, compile_when
from .facts import UNKNOWN
from .protocol import When
from .scores import SCORE_KEYS

Row = TypeVar("Row")

# To each fact, for one list of rows: far more than most facts have, some megabytes at the very most.
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
class Sieve(Generic[Row]):
    """Rows whose conditions are judged together, each with the bits of its groups and its own predicate.

    `row_of` is the position of the row that a group belongs to, by the position of the group's bit.
    """

    asked: tuple[_Asked, ...]
    row_of: tuple[int, ...]
    rows: tuple[tuple[int, Predicate, Row], ...]

    def sift(self, values: Values) -> Iterator[tuple[Truth, Predicate, Row]]:
        """The rows that hold or may hold, in their order, each with which of the two and its predicate."""
        holds = may = (1 << len(self.row_of)) - 1
        for fact, unknown, answer in self.asked:
            value = values.get(fact, UNKNOWN)
            sure, possible = unknown if value is UNKNOWN else answer(value)
            holds &= sure
            may &= possible
        while may:
            groups, predicate, row = self.rows[self.row_of[(may & -may).bit_length() - 1]]
            yield True if holds & groups else UNKNOWN, predicate, row
            may &= ~groups

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


def sieve(rows: Iterable[tuple[When, Row]]) -> Sieve[Row]:
    """The sieve of these rows; raises `BadCondition`."""
    tests: dict[str, _Tests] = {}
    row_of: list[int] = []
    placed: list[tuple[int, Predicate, Row]] = []
    for when, row in rows:
        predicate = compile_when(when)
        bits = 0
        # No conditions are one group that nothing can strike out.
        for group in predicate.groups or ((),):
            bit = 1 << len(row_of)
            for fact, test in group:
                tests[fact] = (*tests.get(fact, ()), (bit, test))
            row_of.append(len(placed))
            bits |= bit
        placed.append((bits, predicate, row))
    asked = tuple(_asked(fact, its_tests) for fact, its_tests in tests.items())
    return Sieve(asked, tuple(row_of), tuple(placed))


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
