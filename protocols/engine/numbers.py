"""How numbers are read and written: one fixed grammar in, one format out.

Digits are 0 to 9, a full stop marks decimals, a comma groups a platelet count in threes and is read nowhere
else. Python's own `int` and `Decimal` read far more (other scripts' digits, `7e1`, `25_000`), and each of
these has a way of becoming another number than the one that was meant.
"""

import re
from decimal import Decimal
from typing import Protocol

_LONGEST = 20

_WHOLE = re.compile(r"0|[1-9][0-9]*")
_GROUPED = re.compile(r"[1-9][0-9]{0,2}(?:,[0-9]{3})+")
_DECIMAL = re.compile(r"(?:0|[1-9][0-9]*)?\.[0-9]+|0|[1-9][0-9]*")

_PER_UL_IN_E9_PER_L = 1000


class BadInput(ValueError):
    """What was typed cannot be used: `message` tells people why, `code` tells programs."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Limits(Protocol):
    """The range a value may be entered in; outside the soft limits it is asked again."""

    @property
    def minimum(self) -> Decimal: ...

    @property
    def maximum(self) -> Decimal: ...

    @property
    def soft_minimum(self) -> Decimal | None: ...

    @property
    def soft_maximum(self) -> Decimal | None: ...


def parse_whole(text: str, *, example: str = "12") -> int:
    """The whole number, or `BadInput`."""
    if len(text) <= _LONGEST and _WHOLE.fullmatch(text):
        return int(text)
    if re.fullmatch(r"[0-9]*\.[0-9]*", text):
        raise BadInput("decimal_point", _without_point(example))
    if re.fullmatch(r"[0-9]*,[0-9,]*", text):
        raise BadInput("comma", f"Enter a whole number without a comma, for example {example}.")
    raise _refusal(text, example=example)


def parse_decimal(text: str, *, decimals: int, example: str = "70.5") -> Decimal:
    """The number with at most so many decimals and with the digits as typed, or `BadInput`."""
    if len(text) > _LONGEST or not _DECIMAL.fullmatch(text):
        raise _refusal(text, example=example)
    if len(text.partition(".")[2]) > decimals:
        if decimals == 0:
            raise BadInput("decimals", _without_point(example))
        digits = "1 digit" if decimals == 1 else f"{decimals} digits"
        raise BadInput("decimals", f"Enter at most {digits} after the decimal point.")
    return Decimal(text)


def parse_count_per_ul(text: str) -> int:
    """A platelet count per microlitre, with or without commas in exact threes, or `BadInput`."""
    if len(text) <= _LONGEST and (_WHOLE.fullmatch(text) or _GROUPED.fullmatch(text)):
        return int(text.replace(",", ""))
    if re.fullmatch(r"[0-9,]*\.[0-9.,]*", text):
        raise BadInput(
            "decimal_point",
            "There is no decimal point in a count per microlitre: write 25,000, or choose x 10⁹ per litre.",
        )
    if re.fullmatch(r"[0-9,]*,[0-9,]*", text):
        raise BadInput(
            "grouping",
            "Set a comma before each three digits only, for example 25,000, or none.",
        )
    raise _refusal(text, example="25,000")


def parse_count_e9_per_l(text: str) -> int:
    """A platelet count in 10^9 per litre, as the whole number per microlitre that it is, or `BadInput`."""
    return int(parse_decimal(text, decimals=3, example="24.9") * _PER_UL_IN_E9_PER_L)


def require_within(value: Decimal | int, limits: Limits, *, unit: str) -> None:
    """Raise `BadInput` when the value lies outside the hard limits."""
    if value < limits.minimum:
        raise BadInput(
            "below_limit",
            f"{_with_unit(value, unit)} is below the limit of {_with_unit(limits.minimum, unit)}.",
        )
    if value > limits.maximum:
        raise BadInput(
            "above_limit",
            f"{_with_unit(value, unit)} is above the limit of {_with_unit(limits.maximum, unit)}.",
        )


def is_unlikely(value: Decimal | int, limits: Limits) -> bool:
    """Whether the value lies outside the soft limits, so that it has to be asked again."""
    too_low = limits.soft_minimum is not None and value < limits.soft_minimum
    too_high = limits.soft_maximum is not None and value > limits.soft_maximum
    return too_low or too_high


def format_decimal(value: Decimal | int) -> str:
    """The number as it is read safely: no exponent, no trailing zero, a leading zero, commas from 1,000."""
    exact = Decimal(value)
    if not exact.is_finite():
        raise ValueError("only a finite number can be written")
    whole, point, decimals = f"{exact:,f}".partition(".")
    text = f"{whole}{point}{decimals}".rstrip("0").rstrip(".") if point else whole
    return "0" if text == "-0" else text


def plain_decimal(value: Decimal | int) -> str:
    """The number as `parse_decimal` reads it back: like `format_decimal`, without commas."""
    return format_decimal(value).replace(",", "")


def unit_beside(value: Decimal | int, unit: str) -> str:
    """The unit as it is read after this number: 1 adult dose, 2 adult doses; symbols such as g stay."""
    return f"{unit}s" if unit.endswith("dose") and value != 1 else unit


def echo_count(platelets_per_ul: int) -> str:
    """The count in both units, so that a mistaken one is seen: 24,000 per microlitre (24 x 10⁹ per litre)."""
    per_litre = count_e9_per_l(platelets_per_ul)
    return f"{format_decimal(platelets_per_ul)} per microlitre ({per_litre} x 10⁹ per litre)"


def count_e9_per_l(platelets_per_ul: int) -> str:
    """The count in 10^9 per litre, written out."""
    return format_decimal(Decimal(platelets_per_ul) / _PER_UL_IN_E9_PER_L)


def _with_unit(value: Decimal | int, unit: str) -> str:
    return f"{format_decimal(value)} {unit}".rstrip()


def _without_point(example: str) -> str:
    return f"Enter a whole number without a decimal point, for example {example}."


def _refusal(text: str, *, example: str) -> BadInput:
    """The most helpful reason why a text is not a number of our grammar."""
    if not text:
        return BadInput("empty", f"Enter a number, for example {example}.")
    if len(text) > _LONGEST:
        return BadInput(
            "too_long",
            f"This is too long for a number: enter at most {_LONGEST} characters.",
        )
    if any(character.isnumeric() and not character.isascii() for character in text):
        return BadInput("digits", "Other digits cannot be read safely: use 0–9.")
    if text[0] in "-−–—+":
        return BadInput("sign", f"Enter the number without a sign, for example {example}.")
    if re.fullmatch(r"[0-9.,]+[eE][-+]?[0-9]+", text):
        return BadInput(
            "exponent",
            f"Write the number in full, without an exponent, for example {example}.",
        )
    if re.fullmatch(r"[0-9]*,[0-9,.]*|[0-9]*\.[0-9.]*,[0-9,.]*", text):
        return BadInput("comma", f"For decimals use a full stop, for example {example}.")
    if re.fullmatch(r"0[0-9]+(\.[0-9]*)?", text):
        return BadInput("leading_zero", f"Leave out the zeros in front, for example {example}.")
    return BadInput(
        "not_a_number",
        f"Enter digits only, without spaces or words, for example {example}.",
    )
