"""A second opinion on every dose: the ledger computed again in exact fractions by other code.

Nothing here imports the dosing code or its formulas; only the words of the ledger connect the two. Results
that end in a dose must agree exactly. Results that the engine holds to 28 digits may differ in the last ones.
"""

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Final

from .ledger import Ledger, LedgerStep, Operation

_LAST_DIGITS: Final = 10**20
_HELD_TO_28_DIGITS: Final = frozenset(
    {
        Operation.BMI,
        Operation.IDEAL_WEIGHT_FEMALE,
        Operation.IDEAL_WEIGHT_MALE,
        Operation.ADJUSTED_WEIGHT,
        Operation.LESSER,
        Operation.PRODUCT,
        Operation.VOLUME,
    }
)


class LedgerDisagreement(ArithmeticError):
    """The two calculations of a dose differ, so the dose must not be ordered."""


def verify(ledger: Ledger) -> None:
    """Recompute each step from what was given; raises `LedgerDisagreement` naming the step that differs."""
    exact: list[Fraction] = []
    for step in ledger:
        inputs = [_input(step, position, ledger, exact) for position in range(len(step.inputs))]
        try:
            again = _AGAIN[step.operation](inputs)
        except ZeroDivisionError as error:
            raise LedgerDisagreement(f"{step.name}: one of its numbers cannot be zero") from error
        printed = _exactly(step.result)
        # Both are in lowest terms; to compare them as they are takes several times as long.
        is_equal = printed.as_integer_ratio() == again.as_integer_ratio()
        if not is_equal and not _is_held_to_28_digits(step, printed, again):
            raise LedgerDisagreement(f"{step.name}: {step.result} is not {_in_words(again)}")
        exact.append(again)


# Of conversion alone, which took most of the check: the same rates, caps and steps come with every dose.
@lru_cache(maxsize=1024)
def _exactly(value: Decimal) -> Fraction:
    return Fraction(value)


def _is_held_to_28_digits(step: LedgerStep, printed: Fraction, again: Fraction) -> bool:
    # Whole numbers, because a fraction is brought to its lowest terms after each operation.
    difference = printed.numerator * again.denominator - again.numerator * printed.denominator
    allowed = abs(again.numerator) * printed.denominator
    return step.operation in _HELD_TO_28_DIGITS and abs(difference) * _LAST_DIGITS <= allowed


def _in_words(value: Fraction) -> str:
    """A fraction in words for the error message, exact where it ends and as a ratio where it does not."""
    return str(value.numerator) if value.denominator == 1 else f"{value.numerator}/{value.denominator}"


def _input(step: LedgerStep, position: int, ledger: Ledger, exact: list[Fraction]) -> Fraction:
    quantity = step.inputs[position]
    if quantity.from_step is None:
        return _exactly(quantity.value)
    if quantity.from_step >= len(exact):
        raise LedgerDisagreement(f"{step.name}: {quantity.name} comes from a later step")
    if ledger[quantity.from_step].result != quantity.value:
        raise LedgerDisagreement(f"{step.name}: {quantity.name} is not what its step gave")
    return exact[quantity.from_step]


def _bmi(q: list[Fraction]) -> Fraction:
    metres = q[1] / 100
    return q[0] / metres**2


def _ideal_female(q: list[Fraction]) -> Fraction:
    return Fraction(91, 2) + Fraction(23, 10) * (q[0] * 50 / 127 - 60)


def _ideal_male(q: list[Fraction]) -> Fraction:
    return 50 + Fraction(23, 10) * (q[0] * 50 / 127 - 60)


def _adjusted(q: list[Fraction]) -> Fraction:
    weight, ideal, factor = q
    return factor * weight + (1 - factor) * ideal


def _nearest(q: list[Fraction], *, tie_goes_up: bool) -> Fraction:
    # Whole numbers, because a fraction is brought to its lowest terms after each operation.
    amount, step = q[0].numerator * q[1].denominator, q[1].numerator * q[0].denominator
    steps, rest = divmod(amount, step)
    goes_up = rest * 2 > step or (tie_goes_up and rest * 2 == step)
    return (steps + 1 if goes_up else steps) * q[1]


def _vials(q: list[Fraction]) -> Fraction:
    dose, *pairs = q
    total = sum((pairs[i] * pairs[i + 1] for i in range(0, len(pairs), 2)), Fraction(0))
    if total < dose:
        raise LedgerDisagreement(f"Vials: {_in_words(total)} is not {_in_words(dose)}, and holds less")
    return total


_AGAIN: Final[dict[Operation, Callable[[list[Fraction]], Fraction]]] = {
    Operation.BMI: _bmi,
    Operation.IDEAL_WEIGHT_FEMALE: _ideal_female,
    Operation.IDEAL_WEIGHT_MALE: _ideal_male,
    Operation.ADJUSTED_WEIGHT: _adjusted,
    Operation.LESSER: min,
    Operation.PRODUCT: lambda q: q[0] * q[1],
    Operation.NEAREST_TIES_DOWN: lambda q: _nearest(q, tie_goes_up=False),
    Operation.NEAREST_TIES_UP: lambda q: _nearest(q, tie_goes_up=True),
    Operation.VOLUME: lambda q: q[0] * 100 / q[1],
    Operation.VIALS: _vials,
}
