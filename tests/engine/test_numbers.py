"""Every shape of number that is read, every shape that is refused, and the way back to text."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.engine.numbers import (
    BadInput,
    count_e9_per_l,
    echo_count,
    format_decimal,
    is_unlikely,
    parse_count_e9_per_l,
    parse_count_per_ul,
    parse_decimal,
    parse_whole,
    plain_decimal,
    require_within,
    unit_beside,
)

D = Decimal


@dataclass(frozen=True, kw_only=True)
class Range:
    minimum: Decimal
    maximum: Decimal
    soft_minimum: Decimal | None
    soft_maximum: Decimal | None


RANGE = Range(minimum=D(10), maximum=D(2000), soft_minimum=D(20), soft_maximum=D(30))


# Never a number, whatever is asked for.
JUNK = {
    "": "empty",
    "٢٥٠٠٠": "digits",
    "２５０００": "digits",
    "२५": "digits",
    "7²": "digits",
    "½": "digits",
    "五": "digits",
    "-5": "sign",
    "+5": "sign",
    "−5": "sign",
    "–5": "sign",
    "1e5": "exponent",
    "7e1": "exponent",
    "7E1": "exponent",
    "7e-1": "exponent",
    "2.5e4": "exponent",
    "25_000": "not_a_number",
    "25 000": "not_a_number",
    "25\u00a0000": "not_a_number",
    "25\u202f000": "not_a_number",
    "25'000": "not_a_number",
    "25k": "not_a_number",
    "2\x005": "not_a_number",
    "2\n5": "not_a_number",
    "25\n": "not_a_number",
    "\u200b25": "not_a_number",
    "\u202e52": "not_a_number",
    "0x19": "not_a_number",
    "<5": "not_a_number",
    ">5": "not_a_number",
    "~5": "not_a_number",
    "nan": "not_a_number",
    "Infinity": "not_a_number",
    "twelve": "not_a_number",
    "<script>alert(1)</script>": "too_long",
    "1" * 21: "too_long",
    "9" * 5000: "too_long",
    "025": "leading_zero",
    "00": "leading_zero",
}


@pytest.mark.parametrize(("text", "code"), JUNK.items())
@pytest.mark.parametrize(
    "parse",
    [
        parse_whole,
        lambda text: parse_decimal(text, decimals=2),
        parse_count_per_ul,
        parse_count_e9_per_l,
    ],
    ids=["whole", "decimal", "count_per_ul", "count_e9_per_l"],
)
def test_what_is_not_a_plain_number_is_refused_with_its_reason(
    parse: Callable[[str], object], text: str, code: str
) -> None:
    with pytest.raises(BadInput) as refusal:
        parse(text)

    assert refusal.value.code == code
    assert str(refusal.value) == refusal.value.message


@pytest.mark.parametrize(("text", "value"), [("0", 0), ("7", 7), ("120", 120)])
def test_whole_number_is_read(text: str, value: int) -> None:
    assert parse_whole(text) == value


@pytest.mark.parametrize("text", ["7.0", "7.", ".7", "."])
def test_whole_number_has_no_decimal_point(text: str) -> None:
    with pytest.raises(BadInput, match="without a decimal point"):
        parse_whole(text)


@pytest.mark.parametrize("text", ["0", "0.5", "70", "70.5", "70.50", "1234.25"])
def test_decimal_keeps_the_digits_as_typed(text: str) -> None:
    assert str(parse_decimal(text, decimals=2)) == text


def test_decimal_without_its_zero_is_echoed_with_it() -> None:
    value = parse_decimal(".5", decimals=1)

    assert format_decimal(value) == "0.5"


@pytest.mark.parametrize("text", ["70,5", "1,234", "1,234.5", "1.234,5", ",5", "70,", ","])
def test_decimal_comma_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(BadInput, match=r"use a full stop, for example 70\.5") as refusal:
        parse_decimal(text, decimals=2)

    assert refusal.value.code == "comma"


@pytest.mark.parametrize("text", ["70.", ".", "1.2.3", "..5"])
def test_decimal_with_a_stray_point_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="digits only"):
        parse_decimal(text, decimals=2)


def test_decimal_with_too_many_decimals_is_refused_not_rounded() -> None:
    with pytest.raises(BadInput, match="at most 2 digits after"):
        parse_decimal("70.505", decimals=2)


@pytest.mark.parametrize(
    ("text", "per_ul"),
    [
        ("0", 0),
        ("22", 22),
        ("25000", 25_000),
        ("25,000", 25_000),
        ("150,000", 150_000),
        ("1,250,000", 1_250_000),
    ],
)
def test_count_per_microlitre_is_read(text: str, per_ul: int) -> None:
    assert parse_count_per_ul(text) == per_ul


@pytest.mark.parametrize("text", ["25.000", "25.0", "25.", ".025", "25,000.5", "1.234.567", "25.000,0"])
def test_count_per_microlitre_has_no_decimal_point(text: str) -> None:
    with pytest.raises(BadInput, match="no decimal point in a count per microlitre"):
        parse_count_per_ul(text)


@pytest.mark.parametrize(
    "text", ["25,00", "2,5", "25,0000", "2500,000", ",250", "25,", "25,,000", "0,250", "1,25,000"]
)
@pytest.mark.hazard("H01")
def test_count_per_microlitre_is_grouped_in_exact_threes_or_not_at_all(text: str) -> None:
    with pytest.raises(BadInput, match="each three digits") as refusal:
        parse_count_per_ul(text)

    assert refusal.value.code == "grouping"


@pytest.mark.parametrize(
    ("text", "per_ul"),
    [
        ("0", 0),
        ("25", 25_000),
        ("24.9", 24_900),
        ("24.999", 24_999),
        ("25.000", 25_000),
        ("0.022", 22),
        (".5", 500),
    ],
)
@pytest.mark.hazard("H01")
def test_count_per_litre_is_read_as_a_whole_count_per_microlitre(text: str, per_ul: int) -> None:
    count = parse_count_e9_per_l(text)

    assert count == per_ul
    assert isinstance(count, int)


def test_count_per_litre_finer_than_one_platelet_per_microlitre_is_refused() -> None:
    with pytest.raises(BadInput, match="at most 3 digits after"):
        parse_count_e9_per_l("24.9999")


def test_count_per_litre_with_a_comma_is_refused() -> None:
    with pytest.raises(BadInput, match=re.escape("use a full stop, for example 24.9")):
        parse_count_e9_per_l("24,9")


@given(st.text(max_size=30))
def test_any_text_is_read_as_a_number_or_refused_as_bad_input(text: str) -> None:
    for parse in (parse_whole, parse_count_per_ul, parse_count_e9_per_l):
        try:
            value = parse(text)
        except BadInput:
            continue
        assert value >= 0
        assert set(text) <= set("0123456789,.")


@given(st.text(alphabet="0123456789.,eE+-_ ", max_size=12))
def test_what_is_read_as_a_decimal_has_the_same_digits(text: str) -> None:
    try:
        value = parse_decimal(text, decimals=4)
    except BadInput:
        return

    assert set(text) <= set("0123456789.")
    assert str(value) == ("0" + text if text.startswith(".") else text)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("7E+1", "70"),
        ("1E-7", "0.0000001"),
        ("70.50", "70.5"),
        ("70.00", "70"),
        ("100", "100"),
        (".5", "0.5"),
        ("0", "0"),
        ("0.00", "0"),
        ("-0.0", "0"),
        ("999.9", "999.9"),
        ("1000", "1,000"),
        ("1234567.80", "1,234,567.8"),
        ("-2000", "-2,000"),
    ],
)
def test_number_is_written_the_safe_way(value: str, text: str) -> None:
    assert format_decimal(D(value)) == text


@pytest.mark.parametrize("value", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_what_is_no_number_is_not_written(value: str) -> None:
    with pytest.raises(ValueError, match="finite"):
        format_decimal(D(value))


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12))
@pytest.mark.hazard("H06")
def test_written_number_has_no_exponent_no_trailing_zero_and_the_same_value(value: Decimal) -> None:
    text = format_decimal(value)

    assert re.fullmatch(r"-?(0|[1-9][0-9]{0,2}(,[0-9]{3})*)(\.[0-9]*[1-9])?", text)
    assert D(text.replace(",", "")) == value


@given(st.decimals(0, 10**9, places=4))
def test_plainly_written_number_is_read_back(value: Decimal) -> None:
    assert parse_decimal(plain_decimal(value), decimals=4) == value


@pytest.mark.parametrize(
    ("per_ul", "text"),
    [
        (24_000, "24,000 per microlitre (24 x 10⁹ per litre)"),
        (24_900, "24,900 per microlitre (24.9 x 10⁹ per litre)"),
        (22, "22 per microlitre (0.022 x 10⁹ per litre)"),
        (0, "0 per microlitre (0 x 10⁹ per litre)"),
        (150_000, "150,000 per microlitre (150 x 10⁹ per litre)"),
    ],
)
@pytest.mark.hazard("H01")
def test_count_is_echoed_in_both_units(per_ul: int, text: str) -> None:
    assert echo_count(per_ul) == text


@given(st.integers(0, 2_000_000))
@pytest.mark.hazard("H01")
def test_either_half_of_the_echo_is_read_back_as_the_same_count(per_ul: int) -> None:
    half, other_half = echo_count(per_ul).removesuffix(" x 10⁹ per litre)").split(" per microlitre (")

    assert parse_count_per_ul(half) == per_ul
    assert parse_count_e9_per_l(count_e9_per_l(per_ul).replace(",", "")) == per_ul
    assert other_half == count_e9_per_l(per_ul)


def test_value_outside_the_limits_is_refused_with_the_limit() -> None:
    require_within(D(10), RANGE, unit="kg")
    require_within(2000, RANGE, unit="kg")

    with pytest.raises(BadInput, match=r"^9.5 kg is below the limit of 10 kg\.$"):
        require_within(D("9.50"), RANGE, unit="kg")
    with pytest.raises(BadInput, match=r"^2,001 kg is above the limit of 2,000 kg\.$"):
        require_within(2001, RANGE, unit="kg")


@pytest.mark.parametrize(("value", "code"), [(9, "below_limit"), (2001, "above_limit")])
def test_value_outside_the_limits_is_refused_by_a_code_for_programs(value: int, code: str) -> None:
    with pytest.raises(BadInput) as refused:
        require_within(value, RANGE, unit="kg")

    assert refused.value.code == code


def test_text_of_the_longest_length_is_read_and_one_more_is_too_long() -> None:
    longest = "1" + "0" * 19

    assert parse_whole(longest) == parse_count_per_ul(longest) == 10**19
    assert parse_decimal("1.234567890123456789", decimals=18) == D("1.234567890123456789")
    for text in (longest + "0", "1.2345678901234567890"):
        with pytest.raises(BadInput, match="too long"):
            parse_decimal(text, decimals=30)
    with pytest.raises(BadInput) as refused:
        parse_decimal("X" * 20, decimals=1)
    assert refused.value.code == "not_a_number"


def test_number_without_an_end_is_not_written() -> None:
    with pytest.raises(ValueError, match=r"^only a finite number can be written$"):
        format_decimal(D("NaN"))


def test_limit_of_a_number_without_unit_reads_without_a_gap() -> None:
    with pytest.raises(BadInput, match=r"^9 is below the limit of 10\.$"):
        require_within(9, RANGE, unit="")


@pytest.mark.parametrize(("value", "unlikely"), [(19, True), (20, False), (30, False), (31, True)])
def test_value_outside_the_soft_limits_is_unlikely(value: int, unlikely: bool) -> None:
    assert is_unlikely(value, RANGE) is unlikely


def test_value_without_soft_limits_is_never_unlikely() -> None:
    assert not is_unlikely(1, replace(RANGE, soft_minimum=None, soft_maximum=None))


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        ("1", "test dose", "test dose"),
        ("1.0", "test dose", "test dose"),
        ("3", "test dose", "test doses"),
        ("3", "g", "g"),
    ],
)
def test_unit_that_is_a_word_follows_its_number_and_a_symbol_does_not(
    value: str, unit: str, text: str
) -> None:
    assert unit_beside(D(value), unit) == text


NUMBER, COUNT = "Enter a number, for example {}.", "25,000"
WORDS = "Enter digits only, without spaces or words, for example {}."
# What is typed, the code that programs read, and what people read, with the example of the field.
REFUSALS = [
    ("", "empty", NUMBER),
    ("1" * 21, "too_long", "This is too long for a number: enter at most 20 characters."),
    ("\u0661\u0662", "digits", "Other digits cannot be read safely: use 0\u20139."),
    ("-5", "sign", "Enter the number without a sign, for example {}."),
    ("\u22125", "sign", "Enter the number without a sign, for example {}."),
    ("7e1", "exponent", "Write the number in full, without an exponent, for example {}."),
    ("7E-10", "exponent", "Write the number in full, without an exponent, for example {}."),
    ("07", "leading_zero", "Leave out the zeros in front, for example {}."),
    ("seven", "not_a_number", WORDS),
    ("7 0", "not_a_number", WORDS),
    ("e1", "not_a_number", WORDS),
]


def refused(read: Callable[..., object], text: str, **more: Any) -> tuple[str, str]:
    with pytest.raises(BadInput) as caught:
        read(text, **more)
    assert str(caught.value) == caught.value.message
    return caught.value.code, caught.value.message


@pytest.mark.hazard("H01")
@pytest.mark.parametrize(("text", "code", "sentence"), REFUSALS)
def test_refusal_has_its_code_and_its_sentence_in_each_field(text: str, code: str, sentence: str) -> None:
    assert refused(parse_whole, text) == (code, sentence.format("12"))
    assert refused(parse_whole, text, example="3") == (code, sentence.format("3"))
    assert refused(parse_decimal, text, decimals=1) == (code, sentence.format("70.5"))
    assert refused(parse_decimal, text, decimals=1, example="3.5") == (code, sentence.format("3.5"))
    assert refused(parse_count_per_ul, text) == (code, sentence.format(COUNT))
    assert refused(parse_count_e9_per_l, text) == (code, sentence.format("24.9"))


@pytest.mark.hazard("H01")
def test_separators_are_refused_by_what_they_may_have_meant() -> None:
    comma = ("comma", "For decimals use a full stop, for example 70.5.")
    point = (
        "There is no decimal point in a count per microlitre: write 25,000, or choose x 10\u2079 per litre."
    )
    grouping = "Set a comma before each three digits only, for example 25,000, or none."
    whole = "Enter a whole number without a decimal point, for example 12."

    for text in ("7,5", ",5", "7,", "1.000,5", "1,000.5"):
        assert refused(parse_decimal, text, decimals=1) == comma
    for text in ("25.0", "25.", ".5", "25,000.5", "1.2.3", "1.000,5"):
        assert refused(parse_count_per_ul, text) == ("decimal_point", point)
    for text in ("25,00", "2500,000", ",250", "25,"):
        assert refused(parse_count_per_ul, text) == ("grouping", grouping)
    for text in ("7.0", "7.", ".7"):
        assert refused(parse_whole, text) == ("decimal_point", whole)
    for text in ("18,000", "7,", ",7", ","):
        assert refused(parse_whole, text) == (
            "comma",
            "Enter a whole number without a comma, for example 12.",
        )
    assert refused(parse_decimal, "7.55", decimals=1) == (
        "decimals",
        "Enter at most 1 digit after the decimal point.",
    )
    assert refused(parse_decimal, "7.555", decimals=2) == (
        "decimals",
        "Enter at most 2 digits after the decimal point.",
    )
    assert refused(parse_decimal, "112.5", decimals=0, example="112") == (
        "decimals",
        "Enter a whole number without a decimal point, for example 112.",
    )
