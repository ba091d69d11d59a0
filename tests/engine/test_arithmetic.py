"""One arithmetic whatever the caller's thread has set, and the caller's own again afterwards."""

from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Context, Decimal, getcontext, localcontext

import pytest

from protocols.engine.arithmetic import exactly

D = Decimal
COARSE = Context(prec=3, rounding=ROUND_DOWN)


@exactly
def third_of(value: Decimal, *, parts: int = 3) -> tuple[Decimal, Context]:
    """A share of a value, and the context it was worked out in."""
    return value / parts, getcontext()


@exactly
def third_of_third(value: Decimal) -> tuple[Decimal, Context, Context]:
    """One exact function within another."""
    share, inside = third_of(value)
    return third_of(share)[0], inside, getcontext()


def test_function_is_exact_whatever_its_caller_has_set() -> None:
    with localcontext(COARSE):
        share, inside = third_of(D(1))

    assert share == D("0." + 60 * "3")
    assert (inside.prec, inside.rounding) == (60, ROUND_HALF_EVEN)


def test_caller_has_its_own_arithmetic_again_afterwards() -> None:
    with localcontext(COARSE) as own:
        third_of(D(1))

        assert getcontext() is own
        assert D(1) / 3 == D("0.333")


def test_caller_has_its_own_arithmetic_again_after_an_error() -> None:
    with localcontext(COARSE) as own:
        with pytest.raises(ArithmeticError):
            third_of(D(1), parts=0)

        assert getcontext() is own


def test_exact_function_within_another_stays_in_the_same_arithmetic() -> None:
    with localcontext(COARSE) as own:
        ninth, inside, after = third_of_third(D(1))

        assert getcontext() is own

    assert ninth == D("0." + 60 * "1")
    assert inside is after
    assert third_of.__name__ == "third_of"
    assert third_of.__doc__ is not None


def test_division_by_nothing_is_never_a_number() -> None:
    with localcontext(Context(traps=[])), pytest.raises(ArithmeticError):
        third_of(D(1), parts=0)
