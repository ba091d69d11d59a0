"""Fields that protocol rows need besides those of the clinical forms; what is unchanged stays equal."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from django import forms

from ivigsite import fields
from protocols.engine.numbers import BadInput, parse_decimal, parse_whole
from protocols.engine.plain import PLAIN_NUMBER

DECIMALS: Final = 6
TEXT_LENGTH: Final = 5000
LINE_LENGTH: Final = 1000
_BETWEEN_NUMBERS: Final = re.compile(r"\s+or\s+|\s+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """What a column can hold; `require_within` asks for the soft limits too."""

    minimum: Decimal
    maximum: Decimal
    soft_minimum: None = None
    soft_maximum: None = None


SMALL_COUNT: Final = Range(minimum=Decimal(0), maximum=Decimal(32_767))
COUNT: Final = Range(minimum=Decimal(0), maximum=Decimal(2_147_483_647))
SIGNED: Final = Range(minimum=Decimal(-2_147_483_648), maximum=Decimal(2_147_483_647))
# Fourteen digits, six of them decimals.
DECIMAL: Final = Range(minimum=Decimal(0), maximum=Decimal("99999999.999999"))


class SignedWholeField(fields.WholeNumberField):
    """A whole number that may lie before its anchor, such as −60 minutes; the minus is a hyphen."""

    inputmode = "text"

    def parse(self, text: str) -> int:
        if text.startswith("-") and text != "-0":
            return -super().parse(text.removeprefix("-").strip())
        return super().parse(text)


class ChoicesInOrderField(forms.MultipleChoiceField):
    """Any of the answers offered, as a list; the ticked ones stand first, in the order they are stored."""

    widget = forms.CheckboxSelectMultiple
    default_error_messages = {
        "required": "Choose at least one.",
        "invalid_choice": "Choose from the answers offered.",
    }

    def __init__(
        self, *, choices: Iterable[tuple[str, str]], ticked: Iterable[str] = (), **options: Any
    ) -> None:
        offered = dict(choices)
        # What is ticked is offered, even where it is gone: it must be seen to be taken away.
        first = {key: offered.get(key, f"{key} (not there)") for key in ticked}
        super().__init__(
            choices=[*first.items(), *(item for item in offered.items() if item[0] not in first)]
        )
        self.required = options.pop("required", False)
        self.label = options.pop("label", None)
        self.help_text = options.pop("help_text", "")


class NumbersField(fields.StrictField):
    """One number or several, as the list of their texts; between them stands a blank, or the word "or"."""

    inputmode = "decimal"
    empty: Any = ()

    def __init__(self, *, is_whole: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self.is_whole = is_whole

    def prepare_value(self, value: Any) -> Any:
        return " or ".join(value) if isinstance(value, list | tuple) else super().prepare_value(value)

    def read(self, text: str) -> list[str]:
        numbers = _BETWEEN_NUMBERS.split(text)
        for number in numbers:
            digits = number.removeprefix("-")
            if self.is_whole:
                parse_whole(digits)
            else:
                parse_decimal(digits, decimals=DECIMALS)
            # Not ".5", which a condition does not read.
            if not PLAIN_NUMBER.fullmatch(number):
                raise BadInput("number", "Write a digit before the decimal point, for example 0.5.")
        return numbers


class LinesField(fields.TextField):
    """A list of short texts, one a line."""

    empty: Any = ()

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=TEXT_LENGTH, multiline=True, **options)

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list | tuple) else super().prepare_value(value)

    def read(self, text: str) -> Any:
        lines = [line.strip() for line in super().read(text).split("\n")]
        return [line for line in lines if line]


class AnswerField(fields.StrictField):
    """A number that answers a question of a case, or the word "unknown"; whole ones stay whole numbers."""

    inputmode = "decimal"

    def read(self, text: str) -> int | str:
        if text == fields.NOT_KNOWN:
            return text
        value = parse_decimal(text, decimals=DECIMALS)
        return int(text) if value == value.to_integral_value() and "." not in text else text


class OneOfField(fields.StrictChoiceField):
    """One of the keys offered; one that is gone is offered too, so that the page says what is stored."""

    def __init__(self, *, choices: Iterable[Any], stored: str = "", **options: Any) -> None:
        offered = list(choices)
        flat = {key for item in offered for key, _ in (item[1] if isinstance(item[1], list) else [item])}
        gone = [(stored, f"{stored} (not there)")] if stored and stored not in flat else []
        super().__init__(choices=[*gone, *offered], widget=forms.Select, **options)

    def offer(self, choices: Iterable[tuple[str, str]]) -> None:
        super().offer(choices)
        if not self.required:
            self.choices = [("", "None"), *choices]

    def clean(self, value: Any) -> Any:
        key = super().clean(value)
        return key if isinstance(key, str) else ""
