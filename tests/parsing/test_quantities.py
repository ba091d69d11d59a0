"""Counts, weights and laboratory values as they are typed, and what is asked again."""

from dataclasses import dataclass, replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivigsite.parsing.quantities import (
    CREATININE_UNITS,
    IGA_UNITS,
    Count,
    CountUnit,
    Unit,
    parse_count,
    parse_length_cm,
    parse_measurement,
    parse_quantity,
    parse_weight_kg,
    question_about_count,
    question_about_quantity,
    require_possible_count,
)
from protocols.engine.numbers import BadInput, count_e9_per_l, echo_count, format_decimal

D = Decimal
PER_UL, E9_PER_L = CountUnit.PER_UL, CountUnit.E9_PER_L


@dataclass(frozen=True, kw_only=True)
class Range:
    minimum: Decimal
    maximum: Decimal
    soft_minimum: Decimal | None
    soft_maximum: Decimal | None


COUNT_LIMITS = Range(minimum=D(0), maximum=D(2_000_000), soft_minimum=D(1000), soft_maximum=D(999_999))
WEIGHT_LIMITS = Range(minimum=D(1), maximum=D(400), soft_minimum=D(30), soft_maximum=D(250))


@pytest.mark.parametrize(
    ("text", "unit", "per_ul"),
    [
        ("25,000", PER_UL, 25_000),
        ("25000", PER_UL, 25_000),
        ("25", E9_PER_L, 25_000),
        ("24.9", E9_PER_L, 24_900),
        ("24.999", E9_PER_L, 24_999),
        ("0", PER_UL, 0),
    ],
)
@pytest.mark.hazard("H01")
def test_count_is_read_in_the_unit_that_was_chosen(text: str, unit: CountUnit, per_ul: int) -> None:
    assert parse_count(text, unit) == Count(typed=text, unit=unit, per_ul=per_ul)


@pytest.mark.parametrize(
    ("text", "unit", "question"),
    [
        ("22", PER_UL, "22 per microlitre is not plausible. Did you mean 22 x 10⁹ per litre?"),
        ("1", PER_UL, "1 per microlitre is not plausible. Did you mean 1 x 10⁹ per litre?"),
        ("999", PER_UL, "999 per microlitre is not plausible. Did you mean 999 x 10⁹ per litre?"),
        ("0.5", E9_PER_L, "0.5 x 10⁹ per litre is not plausible. Check the count and its unit."),
        ("1000", E9_PER_L, "1,000 x 10⁹ per litre is not plausible. Did you mean 1,000 per microlitre?"),
        ("1500", E9_PER_L, "1,500 x 10⁹ per litre is not plausible. Did you mean 1,500 per microlitre?"),
        ("1500.5", E9_PER_L, "1,500.5 x 10⁹ per litre is not plausible. Check the count and its unit."),
        ("1,500,000", PER_UL, "1,500,000 per microlitre is not plausible. Check the count and its unit."),
        ("0", PER_UL, "A count of 0 is rare: confirm count is 0, clumping checked."),
        ("0", E9_PER_L, "A count of 0 is rare: confirm count is 0, clumping checked."),
    ],
)
@pytest.mark.hazard("H01")
def test_unlikely_count_is_asked_again_with_the_unit_that_was_probably_meant(
    text: str, unit: CountUnit, question: str
) -> None:
    count = parse_count(text, unit)

    require_possible_count(count, COUNT_LIMITS)

    assert question_about_count(count, COUNT_LIMITS) == question


@pytest.mark.parametrize(
    ("text", "unit"),
    [("1000", PER_UL), ("25,000", PER_UL), ("999,999", PER_UL), ("1", E9_PER_L), ("999", E9_PER_L)],
)
def test_likely_count_is_not_asked_again(text: str, unit: CountUnit) -> None:
    assert question_about_count(parse_count(text, unit), COUNT_LIMITS) == ""


def test_impossible_count_is_refused_with_the_unit_that_was_probably_meant() -> None:
    count = parse_count("25000", E9_PER_L)

    with pytest.raises(BadInput, match="Did you mean 25,000 per microlitre") as refusal:
        require_possible_count(count, COUNT_LIMITS)

    assert refusal.value.code == "above_limit"


def test_impossible_count_in_either_unit_suggests_none() -> None:
    with pytest.raises(BadInput, match="Check the count and its unit"):
        require_possible_count(parse_count("3,000,000", PER_UL), COUNT_LIMITS)


def test_unlikely_count_suggests_no_other_unlikely_count() -> None:
    limits = replace(COUNT_LIMITS, soft_maximum=D(500_000))

    assert question_about_count(parse_count("999", PER_UL), limits).endswith("Check the count and its unit.")


@given(st.integers(0, 2_000_000))
def test_count_typed_as_it_is_echoed_stays_the_same_count(per_ul: int) -> None:
    in_one_unit = parse_count(echo_count(per_ul).split(" per microlitre")[0], PER_UL)
    in_the_other = parse_count(count_e9_per_l(per_ul).replace(",", ""), E9_PER_L)

    assert in_one_unit.per_ul == in_the_other.per_ul == per_ul


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("70", "70"),
        ("70.5", "70.5"),
        ("70.50", "70.50"),
        ("3.25", "3.25"),
        (".5", "0.5"),
        ("70 kg", "70"),
        ("70kg", "70"),
        ("70.5 KG", "70.5"),
        ("70\u00a0kg", "70"),
    ],
)
def test_weight_keeps_its_digits(text: str, value: str) -> None:
    assert str(parse_weight_kg(text)) == value


@pytest.mark.parametrize(
    "text",
    [
        "154 lb",
        "154lb",
        "154 lbs",
        "154 pounds",
        "11 st",
        "11 st 4",
        "70000 g",
        "70 kilos",
        "kg 70",
        "70 kg 500 g",
        "70 k",
        "nan",
        "Infinity",
        "七十",
    ],
)
@pytest.mark.hazard("H04")
def test_weight_in_other_units_is_refused_not_converted(text: str) -> None:
    with pytest.raises(BadInput, match="kilograms only") as refusal:
        parse_weight_kg(text)

    assert refusal.value.code == "unit"
    assert not any(character.isdigit() for character in refusal.value.message)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("7e1", "exponent"),
        ("7E1 kg", "exponent"),
        ("70,5", "comma"),
        ("70,5 kg", "comma"),
        ("1,000", "comma"),
        ("-70", "sign"),
        ("٧٠", "digits"),
        ("７０", "digits"),
        ("7_0", "not_a_number"),
        ("7 0", "not_a_number"),
        ("070", "leading_zero"),
        ("70.555", "decimals"),
        ("kg", "empty"),
        ("70.", "not_a_number"),
        ("7\x000", "not_a_number"),
    ],
)
def test_weight_that_is_no_plain_number_is_refused(text: str, code: str) -> None:
    with pytest.raises(BadInput) as refusal:
        parse_weight_kg(text)

    assert refusal.value.code == code


def test_weight_with_a_comma_is_shown_how_to_write_it() -> None:
    with pytest.raises(BadInput, match=r"use a full stop, for example 70\.5"):
        parse_weight_kg("70,5")


@pytest.mark.parametrize(("text", "value"), [("175", "175"), ("175.5", "175.5"), ("175 cm", "175")])
def test_length_is_read_in_centimetres(text: str, value: str) -> None:
    assert str(parse_length_cm(text)) == value


@pytest.mark.parametrize("text", ["1.75 m", "5 ft 11", "5'11\"", "5′11″", "69 in", "1750 mm"])
def test_length_in_other_units_is_refused_not_converted(text: str) -> None:
    with pytest.raises(BadInput, match="centimetres only"):
        parse_length_cm(text)


def test_quantity_names_its_own_unit_only() -> None:
    with pytest.raises(BadInput, match=r"g per L only"):
        parse_quantity("5 mg", unit="g per L", decimals=1, example="5", other_units="In g per L only.")


@given(st.decimals(0, 999, places=2))
def test_weight_is_read_back_as_it_is_shown(value: Decimal) -> None:
    assert parse_weight_kg(f"{format_decimal(value)} kg") == value


@pytest.mark.parametrize(
    ("value", "question"),
    [
        ("29.9", "29.9 kg is unusual. Check the value and its unit."),
        ("30", ""),
        ("250", ""),
        ("250.10", "250.1 kg is unusual. Check the value and its unit."),
    ],
)
@pytest.mark.hazard("H04")
def test_unlikely_weight_is_asked_again(value: str, question: str) -> None:
    assert question_about_quantity(D(value), WEIGHT_LIMITS, unit="kg") == question


@pytest.mark.parametrize(
    ("units", "key", "text", "value"),
    [
        (CREATININE_UNITS, "umol_per_l", "85", "85"),
        (CREATININE_UNITS, "mg_per_dl", "1.09", "96.356"),
        (IGA_UNITS, "g_per_l", "0.07", "0.07"),
        (IGA_UNITS, "mg_per_dl", "7", "0.07"),
    ],
)
def test_laboratory_value_is_exact_in_its_base_unit(
    units: tuple[Unit, ...], key: str, text: str, value: str
) -> None:
    unit = next(unit for unit in units if unit.key == key)

    measurement = parse_measurement(text, unit)

    assert measurement.value == D(value)
    assert str(measurement.typed) == text
    assert measurement.unit == key


@pytest.mark.parametrize("units", [CREATININE_UNITS, IGA_UNITS])
def test_first_unit_is_the_base_unit(units: tuple[Unit, ...]) -> None:
    assert units[0].in_base == 1


@pytest.mark.parametrize("text", ["<0.07", "> 5", "0,96", "1e2", "٨٥"])
def test_laboratory_value_that_is_no_plain_number_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        parse_measurement(text, CREATININE_UNITS[0])


@given(st.text(max_size=30))
def test_any_text_is_a_quantity_or_bad_input(text: str) -> None:
    for parse in (parse_weight_kg, parse_length_cm):
        try:
            value = parse(text)
        except BadInput:
            continue
        assert value >= 0
        assert "E" not in str(value)
