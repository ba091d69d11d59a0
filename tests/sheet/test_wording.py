import re
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivigsite.orders.sheet import wording

LONDON = "Europe/London"


def spaced(text: str) -> str:
    return text.replace(wording.NO_BREAK_SPACE, " ")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal(70), "70"),
        (Decimal("70.0"), "70"),
        (Decimal("0.50"), "0.5"),
        (Decimal(".5"), "0.5"),
        (Decimal(1000), "1,000"),
        (Decimal("1E+3"), "1,000"),
        (Decimal("7E+1"), "70"),
        (Decimal("1E-7"), "0.0000001"),
        (Decimal("12500.25"), "12,500.25"),
        (Decimal(0), "0"),
        (Decimal("0.00"), "0"),
        (Decimal("-2.80"), "-2.8"),
        (100, "100"),
        (150_000, "150,000"),
    ],
)
def test_a_number_has_a_leading_zero_and_no_trailing_one(value: Decimal | int, text: str) -> None:
    assert wording.format_number(value) == text


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9, places=6))
def test_a_printed_number_is_the_number_and_has_no_dangerous_form(value: Decimal) -> None:
    text = wording.format_number(value)

    assert Decimal(text.replace(",", "")) == value
    assert re.fullmatch(r"-?(0|[1-9]\d{0,2}(,\d{3})*)(\.\d*[1-9])?", text)


def test_an_amount_keeps_number_and_unit_together() -> None:
    assert wording.format_amount(Decimal("80.0"), "g") == "80\N{NO-BREAK SPACE}g"
    assert " " not in wording.format_amount(Decimal(1), "adult dose")


@pytest.mark.parametrize(
    ("dose", "text"),
    [("1", "1 adult dose"), ("1.0", "1 adult dose"), ("2", "2 adult doses"), ("0.5", "0.5 adult doses")],
)
def test_a_dose_unit_that_is_a_word_follows_its_number(dose: str, text: str) -> None:
    for written in (wording.format_amount, wording.format_dose):
        assert written(Decimal(dose), "adult dose").replace(wording.NO_BREAK_SPACE, " ") == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (24_000, "24,000 per microlitre (24 x 10⁹ per litre)"),
        (900, "900 per microlitre (0.9 x 10⁹ per litre)"),
        (24_999, "24,999 per microlitre (24.999 x 10⁹ per litre)"),
        (150_000, "150,000 per microlitre (150 x 10⁹ per litre)"),
        (1_250_000, "1,250,000 per microlitre (1,250 x 10⁹ per litre)"),
        (0, "0 per microlitre (0 x 10⁹ per litre)"),
    ],
)
def test_a_count_is_given_in_both_units(count: int, text: str) -> None:
    assert spaced(wording.format_count(count)) == text


def test_a_date_has_its_month_in_letters() -> None:
    assert wording.format_date(date(2026, 11, 22)) == "22-Nov-2026"
    assert wording.format_date(date(1945, 7, 1)) == "01-Jul-1945"


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (datetime(2026, 11, 22, 14, 5, tzinfo=UTC), "14:05"),
        (datetime(2026, 7, 1, 14, 5, tzinfo=UTC), "15:05"),
        (datetime(2026, 11, 22, 0, 0, tzinfo=UTC), "00:00"),
        (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), "01:30 BST"),
        (datetime(2026, 10, 25, 1, 30, tzinfo=UTC), "01:30 GMT"),
        (datetime(2026, 10, 24, 23, 59, tzinfo=UTC), "00:59"),
        (datetime(2026, 10, 25, 2, 0, tzinfo=UTC), "02:00"),
        (datetime(2026, 3, 29, 1, 0, tzinfo=UTC), "02:00"),
    ],
)
def test_a_time_names_its_zone_only_in_the_hour_that_happens_twice(at: datetime, text: str) -> None:
    assert wording.format_time(at, LONDON) == text


@pytest.mark.parametrize(
    ("hour", "text"),
    [(0, "25-Oct-2026 01:30~BST"), (1, "25-Oct-2026 01:30~GMT"), (3, "25-Oct-2026 03:30")],
)
def test_in_a_narrow_column_the_date_lets_go_of_the_time_and_the_time_keeps_its_zone(
    hour: int, text: str
) -> None:
    told = wording.format_moment_in_cell(datetime(2026, 10, 25, hour, 30, tzinfo=UTC), LONDON)

    assert told == text.replace("~", wording.NO_BREAK_SPACE)


def test_midnight_stands_with_the_date_that_begins() -> None:
    midnight = datetime(2026, 11, 23, 0, 0, tzinfo=UTC)

    assert spaced(wording.format_moment(midnight, LONDON)) == "23-Nov-2026 00:00"


@pytest.mark.parametrize(
    ("time_zone", "text"),
    [
        (LONDON, "22-Nov-2026 14:05 (UTC+00:00)"),
        ("Asia/Kolkata", "22-Nov-2026 19:35 (UTC+05:30)"),
        ("America/St_Johns", "22-Nov-2026 10:35 (UTC-03:30)"),
    ],
)
def test_a_printing_time_says_how_far_it_is_from_utc(time_zone: str, text: str) -> None:
    at = datetime(2026, 11, 22, 14, 5, tzinfo=UTC)

    assert spaced(wording.format_moment_with_offset(at, time_zone)) == text


@pytest.mark.parametrize(
    ("minutes", "text"), [(30, "30 min"), (60, "1 h"), (307, "5 h 7 min"), (0, "0 min"), (1440, "24 h")]
)
def test_a_length_of_time_is_in_hours_and_minutes(minutes: int, text: str) -> None:
    assert spaced(wording.format_minutes(minutes)) == text


def test_a_name_starts_with_the_family_name_in_capitals() -> None:
    assert wording.format_name("Testperson", "Ottilie", "Mrs") == "TESTPERSON, Ottilie (Mrs)"
    assert wording.format_name("O'Brien-Ñúñez", "Ana", "") == "O'BRIEN-ÑÚÑEZ, Ana"


def test_a_birth_date_stands_with_the_age() -> None:
    assert spaced(wording.format_birth(date(1945, 7, 14), 81)) == "Born 14-Jul-1945 (81y)"


@pytest.mark.parametrize(
    ("number", "text"),
    [("9990001112", "999 000 1112"), ("H-4711", "H-4711"), ("123456789", "123456789"), ("", "")],
)
def test_ten_digits_of_a_record_number_are_grouped(number: str, text: str) -> None:
    assert spaced(wording.format_record_number(number)) == text


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("prednisone 80 mg", "predniSONE 80 mg"),
        ("PREDNISOLONE", "prednisoLONE"),
        ("Methylprednisolone or prednisone", "methylPREDNISolone or predniSONE"),
        ("prednisones", "prednisones"),
    ],
)
def test_look_alike_names_get_their_tall_letters(text: str, printed: str) -> None:
    names = ("predniSONE", "prednisoLONE", "methylPREDNISolone")

    assert wording.apply_tall_man(text, names) == printed


def test_a_short_phrase_stays_on_one_line_and_a_long_one_can_part() -> None:
    assert " " not in wording.keep_together("100 mg in 1 mL")
    assert " " in wording.keep_together("word " * 20)


def test_a_dose_holds_its_number_to_its_unit_and_lets_a_long_unit_go_on() -> None:
    assert wording.format_dose(Decimal(198_130), "adult dose") == "198,130\N{NO-BREAK SPACE}adult doses"


@pytest.mark.hazard("H17")
@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("at most 0.5 mg, again every 5 minutes", "at most 0.5~mg, again every 5~minutes"),
        ("saline 20 mL per kg, sodium chloride 0.9 %.", "saline 20~mL per kg, sodium chloride 0.9~%."),
        ("170 to 200 micron filter (within 15 min)", "170 to 200~micron filter (within 15~min)"),
        ("<td>DOSE 2 adult doses</td>", "<td>DOSE 2~adult doses</td>"),
        ("fallen by 20 to 29 mmHg, 2 lines", "fallen by 20 to 29~mmHg, 2 lines"),
        ("order 9 given, step 4 has, page 3 Lot", "order 9 given, step 4 has, page 3 Lot"),
    ],
)
def test_a_number_in_a_sentence_keeps_its_unit_beside_it(text: str, kept: str) -> None:
    assert wording.keep_units_beside(text) == kept.replace("~", wording.NO_BREAK_SPACE)
