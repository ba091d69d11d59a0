"""The ordered steps from what was entered to the printed dose."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class Operation(StrEnum):
    """The closed list of calculations a ledger step can be; the checker knows each one by name."""

    BMI = "body mass index"
    IDEAL_WEIGHT_FEMALE = "ideal body weight, female"
    IDEAL_WEIGHT_MALE = "ideal body weight, male"
    ADJUSTED_WEIGHT = "adjusted body weight"
    LESSER = "lesser of two"
    PRODUCT = "product of two"
    NEAREST_TIES_DOWN = "nearest multiple, ties down"
    NEAREST_TIES_UP = "nearest multiple, ties up"
    VOLUME = "volume from concentration"
    VIALS = "sum of vials"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """A named number with its unit; `from_step` is the position of the step that made it, None if given."""

    name: str
    value: Decimal
    unit: str
    from_step: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerStep:
    """One calculation in words and numbers, with what it cites."""

    name: str
    operation: Operation
    formula: str
    inputs: tuple[Quantity, ...]
    result: Decimal
    unit: str
    cites: tuple[str, ...]


Ledger = tuple[LedgerStep, ...]


def result_of(ledger: Ledger, name: str) -> Quantity:
    """The result of the ledger's last step as an input of the next one, under the name it has there."""
    last = ledger[-1]
    return Quantity(name=name, value=last.result, unit=last.unit, from_step=len(ledger) - 1)
