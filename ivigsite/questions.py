"""What a form cleans across fields: a number with its unit, and unlikely values that are asked again.

A form that uses these has a field `confirmed` (`ConfirmationsField`). An unlikely value is an error with the
code "confirm" until its token is posted as `confirmed`; the token names the field and the value, so that a
"yes" to one value is never taken for another. What was answered stands in `cleaned_data["answered"]`, to be
audited.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django import forms
from django.core.exceptions import ValidationError

from ivigsite.parsing.quantities import (
    CountUnit,
    Unit,
    parse_count,
    parse_measurement,
    question_about_count,
    question_about_quantity,
    require_possible_count,
)
from protocols.engine.facts import UNKNOWN
from protocols.engine.numbers import BadInput, Limits, plain_decimal, require_within

_CONFIRM = "confirm"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A value to be confirmed: in which field, in which words, and with which token."""

    field: str
    token: str
    message: str


def clean_count(form: forms.Form, name: str, *, limits: Limits) -> None:
    """Make `cleaned_data[name]` a `Count`, from its text and the unit chosen in the field `<name>_unit`."""
    typed = _take_text_and_unit(form, name)
    if typed is None:
        return
    text, unit_key = typed
    try:
        count = parse_count(text, CountUnit(unit_key))
        require_possible_count(count, limits)
    except BadInput as refusal:
        form.add_error(name, ValidationError(refusal.message, code=refusal.code))
        return
    form.cleaned_data[name] = count
    _ask(form, name, count.per_ul, question_about_count(count, limits))


def clean_measurement(form: forms.Form, name: str, *, units: Sequence[Unit], limits: Limits) -> None:
    """Make `cleaned_data[name]` a `Measurement`, from its text and the unit chosen in `<name>_unit`.

    The first of the units is the base unit, in which the limits are.
    """
    typed = _take_text_and_unit(form, name)
    if typed is None:
        return
    text, unit_key = typed
    base = units[0].label
    try:
        measurement = parse_measurement(text, next(unit for unit in units if unit.key == unit_key))
        require_within(measurement.value, limits, unit=base)
    except BadInput as refusal:
        form.add_error(name, ValidationError(refusal.message, code=refusal.code))
        return
    form.cleaned_data[name] = measurement
    _ask(form, name, measurement.value, question_about_quantity(measurement.value, limits, unit=base))


def clean_unlikely(form: forms.Form, name: str, *, limits: Limits, unit: str) -> None:
    """Ask again for a number outside its soft limits."""
    value = form.cleaned_data.get(name, UNKNOWN)
    if value is not UNKNOWN:
        _ask(form, name, value, question_about_quantity(value, limits, unit=unit))


def open_questions(form: forms.Form) -> tuple[Question, ...]:
    """The questions that keep the form from being valid, to be offered as boxes named `confirmed`."""
    return tuple(
        Question(field=name, token=error.params["token"], message=str(error.message))
        for name, errors in form.errors.as_data().items()
        for error in errors
        if error.code == _CONFIRM and error.params
    )


def _take_text_and_unit(form: forms.Form, name: str) -> tuple[str, str] | None:
    """The typed text and the key of its unit; nothing when the value is unknown or already refused."""
    unit_name = f"{name}_unit"
    text = form.cleaned_data.get(name, UNKNOWN)
    if text is UNKNOWN:
        return None
    # Should anything below refuse the value, its bare text must not be taken for one.
    del form.cleaned_data[name]
    if unit_name not in form.cleaned_data:
        return None
    unit_key = form.cleaned_data[unit_name]
    if unit_key is UNKNOWN:
        form.add_error(unit_name, ValidationError("Choose the unit of this value.", code="unit"))
        return None
    return text, unit_key


def _ask(form: forms.Form, name: str, value: Decimal | int, message: str) -> None:
    if not message:
        return
    token = f"{name}:{plain_decimal(value)}"
    if token in form.cleaned_data.get("confirmed", ()):
        question = Question(field=name, token=token, message=message)
        form.cleaned_data["answered"] = (*form.cleaned_data.get("answered", ()), question)
        return
    form.add_error(name, ValidationError(message, code=_CONFIRM, params={"token": token}))
