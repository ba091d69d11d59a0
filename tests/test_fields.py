"""The form fields: every shape of input, what is shown again, and that no text breaks one."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st

from ivigsite.fields import (
    ConfirmationsField,
    DateField,
    DateTimeField,
    DecimalQuantityField,
    LengthCmField,
    NameField,
    RecordNumberField,
    StrictChoiceField,
    TextField,
    UnitTextField,
    UnknownableChoiceField,
    UnknownableChoicesField,
    WeightKgField,
    WholeNumberField,
    YesNoUnknownField,
)
from ivigsite.parsing.quantities import Count, CountUnit, Measurement
from protocols.engine.facts import UNKNOWN

D = Decimal


@dataclass(frozen=True, kw_only=True)
class Range:
    minimum: Decimal
    maximum: Decimal
    soft_minimum: Decimal | None = None
    soft_maximum: Decimal | None = None


WEIGHTS = Range(minimum=D(1), maximum=D(400))
AGES = Range(minimum=D(0), maximum=D(120))
TODAY = date(2026, 11, 22)
NOW = datetime(2026, 11, 22, 14, 5, tzinfo=UTC)
SITES = (("gi", "Gut"), ("gu", "Urinary tract"), ("cns", "Brain"))

FIELDS: dict[str, Callable[..., forms.Field]] = {
    "weight": lambda **kwargs: WeightKgField(limits=WEIGHTS, **kwargs),
    "length": LengthCmField,
    "age": lambda **kwargs: WholeNumberField(unit="years", limits=AGES, **kwargs),
    "iga": lambda **kwargs: DecimalQuantityField(unit="g per L", decimals=3, **kwargs),
    "count": UnitTextField,
    "date": lambda **kwargs: DateField(earliest=date(1900, 1, 1), latest=TODAY, **kwargs),
    "moment": lambda **kwargs: DateTimeField(latest=NOW, **kwargs),
    "text": lambda **kwargs: TextField(max_length=50, **kwargs),
    "lines": lambda **kwargs: TextField(max_length=50, multiline=True, **kwargs),
    "name": NameField,
    "record": RecordNumberField,
    "choice": lambda **kwargs: StrictChoiceField(choices=SITES, **kwargs),
    "unknownable": lambda **kwargs: UnknownableChoiceField(choices=SITES, **kwargs),
    "yes_no": YesNoUnknownField,
}


def code_of(field: forms.Field, value: object) -> str | None:
    with pytest.raises(ValidationError) as refusal:
        field.clean(value)
    return refusal.value.error_list[0].code


def message_of(field: forms.Field, value: object) -> str:
    with pytest.raises(ValidationError) as refusal:
        field.clean(value)
    return " ".join(refusal.value.messages)


# What holds for every field


@pytest.mark.parametrize("make", FIELDS.values(), ids=FIELDS)
@given(
    st.one_of(st.text(st.characters(), max_size=60), st.from_regex(r"[0-9.,:eE +-]{0,20}", fullmatch=True))
)
def test_any_text_is_read_or_refused_in_words(make: Callable[..., forms.Field], text: str) -> None:
    refused: list[str] = []

    try:
        make(required=False).clean(text)
    except ValidationError as error:
        refused = error.messages

    assert all(message.strip() and message.isprintable() for message in refused)


@pytest.mark.parametrize("name", [name for name in FIELDS if name != "count"])
@pytest.mark.parametrize("text", ["a\x00b", "\x00", "1\x002"])
def test_null_character_is_refused(name: str, text: str) -> None:
    with pytest.raises(ValidationError):
        FIELDS[name](required=False).clean(text)


@pytest.mark.parametrize("make", FIELDS.values(), ids=FIELDS)
@pytest.mark.parametrize("text", ["", None])
def test_required_field_left_empty_says_so(make: Callable[..., forms.Field], text: str | None) -> None:
    assert code_of(make(required=True), text) == "required"


@pytest.mark.parametrize("name", [name for name in FIELDS if name not in ("text", "lines", "name", "record")])
@pytest.mark.parametrize("text", ["", None])
def test_fact_left_empty_is_unknown(name: str, text: str | None) -> None:
    assert FIELDS[name](required=False).clean(text) is UNKNOWN


@pytest.mark.parametrize("name", ["text", "lines", "name", "record"])
def test_text_left_empty_is_empty(name: str) -> None:
    assert FIELDS[name](required=False).clean(" \u00a0") == ""


@pytest.mark.parametrize("make", FIELDS.values(), ids=FIELDS)
def test_no_field_has_a_spinner_or_remembers_what_others_typed(make: Callable[..., forms.Field]) -> None:
    html = str(make(required=False).widget.render("field", ""))

    assert 'type="number"' not in html
    assert "maxlength" not in html


@pytest.mark.parametrize(
    ("name", "inputmode"),
    [
        ("weight", "decimal"),
        ("length", "decimal"),
        ("count", "decimal"),
        ("age", "numeric"),
        ("date", "text"),
    ],
)
def test_field_asks_the_tablet_for_the_right_keys(name: str, inputmode: str) -> None:
    assert FIELDS[name]().widget.attrs["inputmode"] == inputmode
    assert FIELDS[name]().widget.attrs["autocomplete"] == "off"


# Numbers


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("70", "70"),
        ("70.5", "70.5"),
        ("70.50", "70.50"),
        (" 70\u00a0", "70"),
        ("70 kg", "70"),
        ("1", "1"),
        ("400", "400"),
    ],
)
def test_weight_is_kept_as_typed(text: str, value: str) -> None:
    cleaned = WeightKgField(limits=WEIGHTS).clean(text)

    assert isinstance(cleaned, Decimal)
    assert str(cleaned) == value


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("7e1", "exponent", "without an exponent"),
        ("154 lb", "unit", "kilograms only"),
        ("700", "above_limit", "700 kg is above the limit of 400 kg"),
        ("70,5", "comma", "use a full stop, for example 70.5"),
        (".5", "below_limit", "0.5 kg is below the limit of 1 kg"),
        ("0", "below_limit", "0 kg is below the limit of 1 kg"),
        ("-70", "sign", "without a sign"),
        ("٧٠", "digits", "use 0–9"),
        ("7_0", "not_a_number", "digits only"),
        ("70.555", "decimals", "at most 2 digits"),
    ],
)
def test_bad_weight_is_refused_in_plain_words(text: str, code: str, words: str) -> None:
    field = WeightKgField(limits=WEIGHTS)

    assert code_of(field, text) == code
    assert words in message_of(field, text)


@pytest.mark.parametrize(
    ("text", "code"),
    [("1.75 m", "unit"), ("5'11", "unit"), ("175,5", "comma"), ("1e2", "exponent"), ("175.55", "decimals")],
)
def test_bad_length_is_refused(text: str, code: str) -> None:
    assert code_of(LengthCmField(), text) == code


def test_whole_number_is_read() -> None:
    assert WholeNumberField(unit="years", limits=AGES).clean(" 81 ") == 81


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("81.5", "decimal_point"),
        ("8_1", "not_a_number"),
        ("８１", "digits"),
        ("121", "above_limit"),
        ("1e1", "exponent"),
    ],
)
def test_bad_whole_number_is_refused(text: str, code: str) -> None:
    assert code_of(WholeNumberField(unit="years", limits=AGES), text) == code


def test_laboratory_value_with_one_unit_takes_that_unit_only() -> None:
    field = DecimalQuantityField(unit="g per L", decimals=3, example="0.85")

    assert str(field.clean("0.070")) == "0.070"
    assert str(field.clean("0.07 g per L")) == "0.07"
    assert "Enter the value in g per L only, for example 0.85." in message_of(field, "7 mg")


def test_limits_may_be_set_when_the_form_knows_the_patient() -> None:
    field = WeightKgField()
    assert field.clean("700") == 700

    field.limits = WEIGHTS

    assert code_of(field, "700") == "above_limit"


# Dates


@pytest.mark.parametrize(
    "text", ["14-Jul-1945", "14 Jul 1945", "14 July 1945", "1945-07-14", " 14-Jul-1945\u00a0"]
)
def test_date_is_read(text: str) -> None:
    assert DateField().clean(text) == date(1945, 7, 14)


def test_ambiguous_date_asks_for_the_month_name() -> None:
    assert "month name" in message_of(DateField(), "03/04/1980")


def test_date_outside_its_range_says_the_range_or_the_rule() -> None:
    field = DateField(
        earliest=date(1900, 1, 1), latest=TODAY, too_late="A date of birth is not in the future."
    )

    assert field.clean("22-Nov-2026") == TODAY
    assert field.clean("01-Jan-1900") == date(1900, 1, 1)
    assert message_of(field, "23-Nov-2026") == "A date of birth is not in the future."
    assert message_of(field, "31-Dec-1899") == "Enter 01-Jan-1900 or later."


def test_date_without_a_rule_of_its_own_names_the_latest() -> None:
    assert message_of(DateField(latest=TODAY), "23-Nov-2026") == "Enter 22-Nov-2026 or earlier."


def test_time_is_read_in_the_zone_of_the_wards(settings: Any) -> None:
    settings.TIME_ZONE = "America/New_York"

    assert DateTimeField().clean("22-Nov-2026 09:05") == NOW


def test_time_in_the_future_says_that_it_must_be_in_the_past() -> None:
    field = DateTimeField(latest=NOW, too_late="The sample time must be in the past.")

    assert field.clean("22-Nov-2026 14:05") == NOW
    assert message_of(field, "23-Nov-2026 09:00") == "The sample time must be in the past."
    assert code_of(field, "22-Nov-2026 14:06") == "too_late"


def test_time_too_early_names_the_earliest_in_local_time() -> None:
    field = DateTimeField(earliest=datetime(2026, 7, 1, 12, 0, tzinfo=UTC))

    assert message_of(field, "01-Jul-2026 12:59") == "Enter 01-Jul-2026 13:00 or later."


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2026-10-25 01:30", "BST or GMT?"),
        ("2026-03-29 01:30", "does not exist"),
        ("2026-11-22 24:00", "00:00 next day"),
        ("9999-12-31T23:59:00-05:00", "without an offset"),
        ("9999-12-31T23:59", "Check the year"),
    ],
)
def test_bad_time_is_refused_in_plain_words(text: str, words: str) -> None:
    assert words in message_of(DateTimeField(), text)


def test_time_refuses_to_show_a_date_as_midnight() -> None:
    with pytest.raises(TypeError, match="no moment"):
        DateTimeField().prepare_value(TODAY)


# Text


def test_text_over_its_length_says_limit_and_count() -> None:
    field = TextField(max_length=2000, multiline=True)

    assert "at most 2,000 characters; these are 5,000" in message_of(field, "x" * 5000)
    assert field.widget.attrs["data-max-length"] == 2000
    assert isinstance(field.widget, forms.Textarea)


def test_name_is_kept_exactly() -> None:
    assert NameField().clean(" O'Brien-Ñúñez ") == "O'Brien-Ñúñez"
    assert NameField().clean("李小龍") == "李小龍"


@pytest.mark.parametrize("text", ["A\u202eB", "\u200b", "12", "x" * 101])
def test_bad_name_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        NameField().clean(text)


def test_record_number_loses_its_blanks() -> None:
    assert RecordNumberField().clean("943 476 5919") == "9434765919"


# Choices


@pytest.mark.parametrize(
    ("answer", "value"), [("yes", True), ("no", False), ("unknown", UNKNOWN), ("", UNKNOWN), (None, UNKNOWN)]
)
def test_yes_no_unknown_is_three_answers(answer: str | None, value: object) -> None:
    assert YesNoUnknownField().clean(answer) is value


@pytest.mark.parametrize("answer", ["YES", "true", "1", "on", "yes\x00", "perhaps", ["yes"]])
def test_any_other_answer_is_refused_and_not_repeated(answer: object) -> None:
    assert message_of(YesNoUnknownField(), answer) == "Choose one of the answers offered."


def test_required_yes_no_unknown_takes_not_known_but_not_silence() -> None:
    field = YesNoUnknownField(required=True)

    assert field.clean("unknown") is UNKNOWN
    assert message_of(field, "") == "Choose an answer."


def test_choice_offers_not_known_as_an_answer() -> None:
    field = UnknownableChoiceField(choices=SITES)

    assert field.valid_value("unknown")
    assert field.clean("gi") == "gi"
    assert field.clean("unknown") is UNKNOWN


def test_choices_offered_later_keep_not_known() -> None:
    field = UnknownableChoiceField(choices=SITES)

    field.offer([("a", "A")])

    assert field.clean("a") == "a"
    assert field.clean("unknown") is UNKNOWN
    assert code_of(field, "gi") == "invalid_choice"


@pytest.mark.parametrize("make", [StrictChoiceField, UnknownableChoiceField])
def test_drop_down_starts_with_no_answer(make: Callable[..., forms.ChoiceField]) -> None:
    html = str(make(choices=SITES, widget=forms.Select).widget.render("field", None))

    assert html.count("<option") == html.count("<option value=") >= 4
    assert html.index('<option value="" selected>') < html.index('<option value="gi">')


@pytest.mark.parametrize(
    ("ticked", "value"),
    [
        (["cns", "gi"], ("gi", "cns")),
        (["none"], ()),
        (["unknown"], UNKNOWN),
        ([], UNKNOWN),
        (None, UNKNOWN),
        (["gi", "gi"], ("gi",)),
    ],
)
def test_any_of_a_list_tells_none_from_unknown(ticked: list[str] | None, value: object) -> None:
    assert UnknownableChoicesField(choices=SITES).clean(ticked) == value


@pytest.mark.parametrize("ticked", [["none", "gi"], ["unknown", "gi"], ["none", "unknown"]])
def test_any_of_a_list_refuses_a_contradiction(ticked: list[str]) -> None:
    assert code_of(UnknownableChoicesField(choices=SITES), ticked) == "contradiction"


@pytest.mark.parametrize(
    ("ticked", "code"), [(["x"], "invalid_choice"), (["gi\x00"], "invalid_choice"), ("gi", "invalid_list")]
)
def test_any_of_a_list_refuses_what_was_not_offered(ticked: object, code: str) -> None:
    assert code_of(UnknownableChoicesField(choices=SITES), ticked) == code


def test_required_any_of_a_list_takes_not_known_but_not_silence() -> None:
    field = UnknownableChoicesField(choices=SITES, required=True)

    assert field.clean(["unknown"]) is UNKNOWN
    assert code_of(field, []) == "required"


@given(st.lists(st.one_of(st.sampled_from(["gi", "gu", "cns", "none", "unknown"]), st.text(max_size=5))))
def test_any_ticks_are_read_or_refused(ticked: list[str]) -> None:
    try:
        value = UnknownableChoicesField(choices=SITES).clean(ticked)
    except ValidationError:
        return

    assert value is UNKNOWN or set(value) <= set(ticked)


def test_confirmations_are_a_set_of_tokens() -> None:
    posted = QueryDict("confirmed=count:22&confirmed=weight:260&confirmed=count:22")
    field = ConfirmationsField()
    widget: Any = field.widget

    tokens = field.clean(widget.value_from_datadict(posted, {}, "confirmed"))

    assert tokens == {"count:22", "weight:260"}
    assert field.clean([]) == frozenset()


@pytest.mark.parametrize("tokens", [["x" * 101], ["a\x00"], [str(number) for number in range(21)]])
def test_confirmations_that_no_page_offered_are_refused(tokens: list[str]) -> None:
    assert code_of(ConfirmationsField(), tokens) == "invalid"


# Shown again


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("weight", D("70.50"), "70.5"),
        ("weight", D("7E+1"), "70"),
        ("weight", D("1E-1"), "0.1"),
        ("age", 81, "81"),
        ("date", date(1945, 7, 14), "14-Jul-1945"),
        ("moment", datetime(2026, 7, 22, 13, 5, tzinfo=UTC), "22-Jul-2026 14:05"),
        ("moment", datetime(2026, 10, 25, 1, 30, tzinfo=UTC), "25-Oct-2026 01:30 GMT"),
        ("text", "70,5", "70,5"),
        ("count", "25.000", "25.000"),
        ("weight", "154 lb", "154 lb"),
        ("count", Count(typed="25,000", unit=CountUnit.PER_UL, per_ul=25_000), "25,000"),
        ("count", Measurement(typed=D("1.10"), unit="mg_per_dl", value=D("97.24")), "1.1"),
        ("record", 9434765919, "9434765919"),
        ("weight", UNKNOWN, ""),
        ("weight", None, ""),
        ("date", UNKNOWN, ""),
        ("choice", UNKNOWN, ""),
        ("choice", "gi", "gi"),
        ("unknownable", UNKNOWN, "unknown"),
        ("unknownable", None, None),
        ("yes_no", True, "yes"),
        ("yes_no", False, "no"),
        ("yes_no", UNKNOWN, "unknown"),
        ("yes_no", "perhaps", "perhaps"),
    ],
)
def test_value_is_shown_as_it_would_be_typed_and_bad_text_as_it_was_typed(
    name: str, value: object, shown: object
) -> None:
    assert FIELDS[name]().prepare_value(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"), [(("gi",), ("gi",)), ((), ["none"]), (UNKNOWN, ["unknown"]), ([], []), (None, None)]
)
def test_ticks_are_shown_as_they_were(value: object, shown: object) -> None:
    assert UnknownableChoicesField(choices=SITES).prepare_value(value) == shown


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("weight", D("70.5")),
        ("length", D(175)),
        ("age", 81),
        ("date", date(1945, 7, 14)),
        ("moment", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        ("yes_no", False),
        ("unknownable", UNKNOWN),
        ("unknownable", "gi"),
    ],
)
def test_value_is_read_back_as_it_is_shown(name: str, value: object) -> None:
    field = FIELDS[name](required=False)

    assert field.clean(field.prepare_value(value)) == value


@pytest.mark.parametrize("value", [("gi", "cns"), (), UNKNOWN])
def test_ticks_are_read_back_as_they_are_shown(value: object) -> None:
    field = UnknownableChoicesField(choices=SITES)

    assert field.clean(field.prepare_value(value)) == value


@pytest.mark.parametrize(
    ("initial", "typed", "changed"),
    [
        (D("70.5"), "70.50", False),
        (D(70), "71", True),
        (UNKNOWN, "", False),
        (None, "", False),
        (D(70), "x", True),
    ],
)
def test_same_value_in_other_digits_is_no_change(initial: object, typed: str, changed: bool) -> None:
    assert WeightKgField(required=False).has_changed(initial, typed) is changed
