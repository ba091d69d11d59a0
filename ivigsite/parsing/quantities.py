"""Counts, weights, lengths and laboratory values with their units, and what has to be asked again."""

import re
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from protocols.engine.formulas import creatinine_umol_per_l
from protocols.engine.numbers import (
    BadInput,
    Limits,
    count_e9_per_l,
    format_decimal,
    is_unlikely,
    parse_count_e9_per_l,
    parse_count_per_ul,
    parse_decimal,
    require_within,
)


class CountUnit(StrEnum):
    """The two units a platelet count is reported in."""

    PER_UL = "per_ul"
    E9_PER_L = "e9_per_l"


COUNT_UNIT_LABELS = {CountUnit.PER_UL: "per microlitre", CountUnit.E9_PER_L: "x 10⁹ per litre"}
_OTHER_COUNT_UNIT = {CountUnit.PER_UL: CountUnit.E9_PER_L, CountUnit.E9_PER_L: CountUnit.PER_UL}


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """A platelet count as it was typed, with the unit the user chose, and what it is per microlitre."""

    typed: str
    unit: CountUnit
    per_ul: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A unit in which a laboratory value may be typed, and how many base units one of it is."""

    key: str
    label: str
    in_base: Decimal
    decimals: int
    example: str


CREATININE_UNITS = (
    Unit(key="umol_per_l", label="micromol per L", in_base=Decimal(1), decimals=1, example="85"),
    Unit(
        key="mg_per_dl",
        label="mg per dL",
        in_base=creatinine_umol_per_l(mg_per_dl=Decimal(1)),
        decimals=2,
        example="0.96",
    ),
)
IGA_UNITS = (
    Unit(key="g_per_l", label="g per L", in_base=Decimal(1), decimals=3, example="0.85"),
    Unit(key="mg_per_dl", label="mg per dL", in_base=Decimal("0.01"), decimals=1, example="85"),
)
BILIRUBIN_UNITS = (
    Unit(key="umol_per_l", label="micromol per L", in_base=Decimal(1), decimals=1, example="12"),
    Unit(key="mg_per_dl", label="mg per dL", in_base=Decimal("17.1"), decimals=2, example="0.7"),
)
FIBRINOGEN_UNITS = (
    Unit(key="g_per_l", label="g per L", in_base=Decimal(1), decimals=2, example="2.4"),
    Unit(key="mg_per_dl", label="mg per dL", in_base=Decimal("0.01"), decimals=0, example="240"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """A laboratory value as it was typed, with the unit the user chose, and what it is in the base unit."""

    typed: Decimal
    unit: str
    value: Decimal


def parse_count(text: str, unit: CountUnit) -> Count:
    """The count in the unit the user chose; whether it is plausible is asked apart."""
    parse = parse_count_per_ul if unit is CountUnit.PER_UL else parse_count_e9_per_l
    return Count(typed=text, unit=unit, per_ul=parse(text))


def require_possible_count(count: Count, limits: Limits) -> None:
    """Raise `BadInput` when no patient has such a count, with the unit that was probably meant."""
    try:
        require_within(count.per_ul, limits, unit="per microlitre")
    except BadInput as refusal:
        raise BadInput(refusal.code, f"{_implausible(count)} {_meant(count, limits)}") from refusal


def question_about_count(count: Count, limits: Limits) -> str:
    """What has to be confirmed before the count is used; empty when nothing has."""
    if count.per_ul == 0:
        return "A count of 0 is rare: confirm count is 0, clumping checked."
    if is_unlikely(count.per_ul, limits):
        return f"{_implausible(count)} {_meant(count, limits)}"
    return ""


def question_about_quantity(value: Decimal | int, limits: Limits, *, unit: str) -> str:
    """What has to be confirmed before the value is used; empty when nothing has."""
    if not is_unlikely(value, limits):
        return ""
    return f"{format_decimal(value)} {unit} is unusual. Check the value and its unit."


def parse_quantity(text: str, *, unit: str, decimals: int, example: str, other_units: str) -> Decimal:
    """A number in the one unit of its field, which may stand behind it; any other unit is refused."""
    number = re.sub(rf"\s*{re.escape(unit)}$", "", text, flags=re.IGNORECASE) if text[-1:].isalpha() else text
    has_words = re.search(r"[^\W\d_]|['\"′″]", number) and not re.fullmatch(
        r"[0-9.,]+[eE][-+]?[0-9]+", number
    )
    if has_words:
        raise BadInput("unit", other_units)
    return parse_decimal(number, decimals=decimals, example=example)


def parse_weight_kg(text: str) -> Decimal:
    """A body weight in kilograms, to ten grams; pounds are refused, never converted."""
    return parse_quantity(
        text,
        unit="kg",
        decimals=2,
        example="70.5",
        other_units="Enter the weight in kilograms only: other units are not converted here.",
    )


def parse_length_cm(text: str) -> Decimal:
    """A length in centimetres, to the millimetre; feet, inches and metres are refused, never converted."""
    return parse_quantity(
        text,
        unit="cm",
        decimals=1,
        example="175.5",
        other_units="Enter the length in centimetres only: other units are not converted here.",
    )


def parse_measurement(text: str, unit: Unit) -> Measurement:
    """A laboratory value in the unit the user chose, exact in both units."""
    typed = parse_decimal(text, decimals=unit.decimals, example=unit.example)
    return Measurement(typed=typed, unit=unit.key, value=typed * unit.in_base)


def _implausible(count: Count) -> str:
    if count.unit is CountUnit.PER_UL:
        return f"{format_decimal(count.per_ul)} per microlitre is not plausible."
    return f"{count_e9_per_l(count.per_ul)} x 10⁹ per litre is not plausible."


def _meant(count: Count, limits: Limits) -> str:
    """The same number in the other unit, where that is a count people have."""
    other = _OTHER_COUNT_UNIT[count.unit]
    try:
        meant = parse_count(count.typed.replace(",", ""), other)
        require_within(meant.per_ul, limits, unit="")
    except BadInput:
        return "Check the count and its unit."
    if is_unlikely(meant.per_ul, limits):
        return "Check the count and its unit."
    number = format_decimal(Decimal(count.typed.replace(",", "")))
    return f"Did you mean {number} {COUNT_UNIT_LABELS[other]}?"
