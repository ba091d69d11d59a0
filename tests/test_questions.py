"""A number with its unit chosen beside it, and unlikely values that are asked again before they are used."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from django import forms
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st

from ivigsite.fields import ConfirmationsField, StrictChoiceField, UnitTextField, WeightKgField
from ivigsite.parsing.quantities import COUNT_UNIT_LABELS, CREATININE_UNITS, Count, CountUnit, Measurement
from ivigsite.questions import Question, clean_count, clean_measurement, clean_unlikely, open_questions
from protocols.engine.facts import UNKNOWN

D = Decimal


@dataclass(frozen=True, kw_only=True)
class Range:
    minimum: Decimal
    maximum: Decimal
    soft_minimum: Decimal | None
    soft_maximum: Decimal | None


COUNTS = Range(minimum=D(0), maximum=D(2_000_000), soft_minimum=D(1000), soft_maximum=D(999_999))
CREATININES = Range(minimum=D(10), maximum=D(3000), soft_minimum=D(20), soft_maximum=D(1500))
WEIGHTS = Range(minimum=D(1), maximum=D(400), soft_minimum=D(30), soft_maximum=D(250))


class Form(forms.Form):
    count = UnitTextField(required=False)
    count_unit = StrictChoiceField(choices=COUNT_UNIT_LABELS.items(), required=False)
    creatinine = UnitTextField(required=False)
    creatinine_unit = StrictChoiceField(
        choices=[(unit.key, unit.label) for unit in CREATININE_UNITS], required=False
    )
    weight_kg = WeightKgField(required=False, limits=WEIGHTS)
    confirmed = ConfirmationsField()

    def clean(self) -> dict[str, Any]:
        clean_count(self, "count", limits=COUNTS)
        clean_measurement(self, "creatinine", units=CREATININE_UNITS, limits=CREATININES)
        clean_unlikely(self, "weight_kg", limits=WEIGHTS, unit="kg")
        return self.cleaned_data


def filled(*, confirmed: tuple[str, ...] = (), **answers: str) -> Form:
    data = QueryDict(mutable=True)
    data.update(answers)
    data.setlist("confirmed", list(confirmed))
    return Form(data)


def codes(form: Form) -> dict[str, list[str | None]]:
    return {name: [error.code for error in errors] for name, errors in form.errors.as_data().items()}


def test_nothing_typed_is_unknown() -> None:
    form = filled()

    assert form.is_valid()
    assert form.cleaned_data["count"] is UNKNOWN
    assert form.cleaned_data["creatinine"] is UNKNOWN
    assert form.cleaned_data["weight_kg"] is UNKNOWN


@pytest.mark.parametrize(
    ("text", "unit", "per_ul"),
    [
        ("25,000", "per_ul", 25_000),
        (" 25000\u00a0", "per_ul", 25_000),
        ("25", "e9_per_l", 25_000),
        ("24.9", "e9_per_l", 24_900),
    ],
)
def test_count_is_joined_with_its_unit(text: str, unit: str, per_ul: int) -> None:
    form = filled(count=text, count_unit=unit)

    assert form.is_valid()
    assert form.cleaned_data["count"] == Count(typed=text.strip(), unit=CountUnit(unit), per_ul=per_ul)


def test_count_without_a_unit_asks_for_it_beside_the_unit() -> None:
    form = filled(count="25,000")

    assert codes(form) == {"count_unit": ["unit"]}
    assert "count" not in form.cleaned_data


def test_count_with_an_unknown_unit_is_no_count() -> None:
    form = filled(count="25,000", count_unit="per_ml")

    assert codes(form) == {"count_unit": ["invalid_choice"]}
    assert "count" not in form.cleaned_data


@pytest.mark.parametrize(
    ("text", "unit", "words"),
    [
        ("25.000", "per_ul", "no decimal point in a count per microlitre"),
        ("25_000", "per_ul", "digits only"),
        ("٢٥٠٠٠", "per_ul", "use 0–9"),
        ("２５０００", "e9_per_l", "use 0–9"),
        ("-5", "per_ul", "without a sign"),
        ("1e5", "per_ul", "without an exponent"),
        ("25,00", "per_ul", "each three digits"),
        ("24,9", "e9_per_l", "use a full stop"),
        ("25000", "e9_per_l", "Did you mean 25,000 per microlitre?"),
        ("2\x005", "per_ul", "digits only"),
    ],
)
def test_bad_count_is_refused_beside_the_count(text: str, unit: str, words: str) -> None:
    form = filled(count=text, count_unit=unit)

    assert list(form.errors) == ["count"]
    assert words in form.errors["count"][0]
    assert "count" not in form.cleaned_data
    assert open_questions(form) == ()


def test_unlikely_count_stops_until_it_is_confirmed() -> None:
    form = filled(count="22", count_unit="per_ul")
    question = Question(
        field="count",
        token="count:22",
        message="22 per microlitre is not plausible. Did you mean 22 x 10⁹ per litre?",
    )

    assert codes(form) == {"count": ["confirm"]}
    assert "count" not in form.cleaned_data
    assert open_questions(form) == (question,)

    answered = filled(count="22", count_unit="per_ul", confirmed=("count:22",))

    assert answered.is_valid()
    assert answered.cleaned_data["count"].per_ul == 22
    assert answered.cleaned_data["answered"] == (question,)


def test_unlikely_count_is_settled_by_the_other_unit_too() -> None:
    form = filled(count="22", count_unit="e9_per_l")

    assert form.is_valid()
    assert form.cleaned_data["count"].per_ul == 22_000
    assert "answered" not in form.cleaned_data


@pytest.mark.parametrize("token", ["count:23", "weight_kg:22", "22", "count:", "yes"])
def test_confirmation_of_another_value_confirms_nothing(token: str) -> None:
    assert codes(filled(count="22", count_unit="per_ul", confirmed=(token,))) == {"count": ["confirm"]}


def test_count_of_zero_stops_until_clumping_was_checked() -> None:
    form = filled(count="0", count_unit="per_ul")

    assert "confirm count is 0, clumping checked" in form.errors["count"][0]
    assert filled(count="0", count_unit="per_ul", confirmed=("count:0",)).is_valid()


@pytest.mark.parametrize(
    ("text", "unit", "umol_per_l"), [("85", "umol_per_l", "85"), ("1.09", "mg_per_dl", "96.356")]
)
def test_laboratory_value_is_joined_with_its_unit(text: str, unit: str, umol_per_l: str) -> None:
    form = filled(creatinine=text, creatinine_unit=unit)

    assert form.is_valid()
    assert form.cleaned_data["creatinine"] == Measurement(typed=D(text), unit=unit, value=D(umol_per_l))


@pytest.mark.parametrize(
    ("text", "unit", "code"),
    [
        ("0", "mg_per_dl", "below_limit"),
        ("85", "mg_per_dl", "above_limit"),
        ("0,9", "mg_per_dl", "comma"),
        ("0.955", "mg_per_dl", "decimals"),
    ],
)
def test_bad_laboratory_value_is_refused(text: str, unit: str, code: str) -> None:
    form = filled(creatinine=text, creatinine_unit=unit)

    assert codes(form) == {"creatinine": [code]}
    assert "creatinine" not in form.cleaned_data


def test_laboratory_value_typed_in_the_other_unit_is_asked_again() -> None:
    form = filled(creatinine="12", creatinine_unit="umol_per_l")

    assert open_questions(form)[0].message == "12 micromol per L is unusual. Check the value and its unit."
    assert filled(creatinine="12", creatinine_unit="umol_per_l", confirmed=("creatinine:12",)).is_valid()


def test_unlikely_weight_stops_until_it_is_confirmed() -> None:
    form = filled(weight_kg="260.0")

    assert open_questions(form)[0].token == "weight_kg:260"
    assert filled(weight_kg="260", confirmed=("weight_kg:260",)).is_valid()


def test_impossible_weight_is_not_asked_about() -> None:
    form = filled(weight_kg="700", confirmed=("weight_kg:700",))

    assert codes(form) == {"weight_kg": ["above_limit"]}


def test_several_questions_are_asked_at_once() -> None:
    form = filled(count="22", count_unit="per_ul", weight_kg="20")

    assert [question.field for question in open_questions(form)] == ["count", "weight_kg"]


@given(
    st.one_of(st.text(max_size=25), st.from_regex(r"[0-9]{1,7}([.,][0-9]{1,3})?", fullmatch=True)),
    st.sampled_from(["per_ul", "e9_per_l", "", "litre"]),
)
def test_any_count_is_a_count_or_an_error_never_bare_text(text: str, unit: str) -> None:
    form = filled(count=text, count_unit=unit)

    if form.is_valid():
        assert form.cleaned_data["count"] is UNKNOWN or isinstance(form.cleaned_data["count"], Count)
    else:
        assert not isinstance(form.cleaned_data.get("count", UNKNOWN), str)
