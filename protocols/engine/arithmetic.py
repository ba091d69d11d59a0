"""One arithmetic for every dose: sixty digits, whatever precision or rounding the caller's thread has set."""

from collections.abc import Callable
from decimal import (
    ROUND_HALF_EVEN,
    Context,
    DivisionByZero,
    InvalidOperation,
    Overflow,
    getcontext,
    setcontext,
)
from functools import wraps
from typing import Final, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

# Sixty digits hold any product of two published equations' results (28 digits each) without rounding it.
_EXACT: Final = Context(prec=60, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation, DivisionByZero, Overflow])


def exactly(function: Callable[P, R]) -> Callable[P, R]:
    """Run a function in the engine's own decimal context, which nothing in the engine changes."""

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        before = getcontext()
        # Most of what is exact is called by what is exact already.
        if before is _EXACT:
            return function(*args, **kwargs)
        setcontext(_EXACT)
        try:
            return function(*args, **kwargs)
        finally:
            setcontext(before)

    return run
