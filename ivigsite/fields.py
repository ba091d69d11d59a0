"""The form fields of this site: text in, one value out, and plain words where it cannot be read.

Django's own number and date fields read `25.000` as 25, other scripts' digits, `7e1`, and `03/04/1980` as one
of two days; none of them is used on clinical forms. An empty answer is `UNKNOWN`, unless it is required.
No field reads the clock: a form sets `latest` to the moment it was told.
"""

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from ivigsite.parsing.dates import format_date, format_datetime, parse_date, parse_datetime, parse_recent_time
from ivigsite.parsing.quantities import Count, Measurement, parse_length_cm, parse_quantity, parse_weight_kg
from ivigsite.parsing.text import parse_name, parse_record_number, parse_text, tidy
from protocols.engine.facts import UNKNOWN
from protocols.engine.numbers import BadInput, Limits, parse_whole, plain_decimal, require_within

NOT_KNOWN = "unknown"
NONE_OF_THESE = "none"

_CHOICE_MESSAGES: dict[str, Any] = {
    "required": "Choose an answer.",
    "invalid_choice": "Choose one of the answers offered.",
}


class StrictField(forms.Field):
    """A text box whose text is read by `read` and, when it is shown again, written by `show`."""

    widget = forms.TextInput
    default_error_messages = {"required": "Enter a value."}
    inputmode = "text"
    empty: Any = UNKNOWN

    def read(self, text: str) -> Any:
        return text

    def show(self, value: Any) -> str:
        return str(value)

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        return {"inputmode": self.inputmode, "autocomplete": "off"}

    def prepare_value(self, value: Any) -> Any:
        if value is None or value is UNKNOWN:
            return ""
        return value if isinstance(value, str) else self.show(value)

    def to_python(self, value: Any) -> Any:
        text = tidy(self.prepare_value(value))
        if not text and self.required:
            raise ValidationError(self.error_messages["required"], code="required")
        if not text:
            return self.empty
        try:
            return self.read(text)
        except BadInput as refusal:
            raise ValidationError(refusal.message, code=refusal.code) from refusal

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(self.to_python(initial) != self.to_python(data))
        except ValidationError:
            return True


class DecimalQuantityField(StrictField):
    """A decimal number in the one unit of the field, with the digits as typed, within the hard limits."""

    inputmode = "decimal"

    def __init__(
        self,
        *,
        unit: str,
        decimals: int = 2,
        example: str = "1.5",
        limits: Limits | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.unit = unit
        self.decimals = decimals
        self.example = example
        self.limits = limits

    def parse(self, text: str) -> Decimal | int:
        # Where the unit is an answer of its own, the field has none.
        what = f"the value in {self.unit} only" if self.unit else "a number only"
        return parse_quantity(
            text,
            unit=self.unit,
            decimals=self.decimals,
            example=self.example,
            other_units=f"Enter {what}, for example {self.example}.",
        )

    def read(self, text: str) -> Decimal | int:
        value = self.parse(text)
        if self.limits is not None:
            require_within(value, self.limits, unit=self.unit)
        return value

    def show(self, value: Decimal | int) -> str:
        return plain_decimal(value)


class WeightKgField(DecimalQuantityField):
    """A body weight in kilograms; pounds are refused, never converted."""

    def __init__(self, *, limits: Limits | None = None, **kwargs: Any) -> None:
        super().__init__(unit="kg", limits=limits, **kwargs)

    def parse(self, text: str) -> Decimal:
        return parse_weight_kg(text)


class LengthCmField(DecimalQuantityField):
    """A length in centimetres; metres, feet and inches are refused, never converted."""

    def __init__(self, *, limits: Limits | None = None, **kwargs: Any) -> None:
        super().__init__(unit="cm", limits=limits, **kwargs)

    def parse(self, text: str) -> Decimal:
        return parse_length_cm(text)


class WholeNumberField(DecimalQuantityField):
    """A whole number within the hard limits, such as an age in years."""

    inputmode = "numeric"

    def __init__(
        self, *, unit: str = "", example: str = "12", limits: Limits | None = None, **kwargs: Any
    ) -> None:
        super().__init__(unit=unit, decimals=0, example=example, limits=limits, **kwargs)

    def parse(self, text: str) -> int:
        return parse_whole(text, example=self.example)


class UnitTextField(StrictField):
    """The text of a number whose unit is chosen beside it; `ivigsite.questions` joins the two."""

    inputmode = "decimal"

    def show(self, value: Count | Measurement) -> str:
        return value.typed if isinstance(value, Count) else plain_decimal(value.typed)


class DateField(StrictField):
    """A date with its month as a word (14-Jul-1945) or in ISO order, from `earliest` to `latest`."""

    def __init__(
        self,
        *,
        earliest: date | None = None,
        latest: date | None = None,
        too_early: str = "",
        too_late: str = "",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.earliest = earliest
        self.latest = latest
        self.too_early = too_early
        self.too_late = too_late

    def parse(self, text: str) -> date:
        return parse_date(text)

    def show(self, value: date) -> str:
        return format_date(value)

    def read(self, text: str) -> date:
        value = self.parse(text)
        if self.earliest is not None and value < self.earliest:
            raise BadInput("too_early", self.too_early or f"Enter {self.show(self.earliest)} or later.")
        if self.latest is not None and value > self.latest:
            raise BadInput("too_late", self.too_late or f"Enter {self.show(self.latest)} or earlier.")
        return value


class DateTimeField(DateField):
    """A date and time in the zone of the wards, as the moment in UTC."""

    def parse(self, text: str) -> datetime:
        return parse_datetime(text, timezone.get_default_timezone())

    def show(self, value: date) -> str:
        if not isinstance(value, datetime):
            raise TypeError("a date alone is no moment")
        return format_datetime(value, timezone.get_default_timezone())


class RecentTimeField(DateTimeField):
    """A moment not long ago, by its time of day alone or with its date; a form sets `now`."""

    now: datetime

    def read(self, text: str) -> datetime:
        moment = parse_recent_time(text, now=self.now, zone=timezone.get_default_timezone())
        if moment > self.now:
            raise BadInput("too_late", "The sample must be in the past.")
        return moment


class TextField(StrictField):
    """Free text in composed Unicode form; nothing hidden is let in and nothing is cut."""

    default_error_messages = {"required": "Enter some text."}
    empty = ""

    def __init__(self, *, max_length: int, multiline: bool = False, **kwargs: Any) -> None:
        self.max_length = max_length
        self.multiline = multiline
        kwargs.setdefault("widget", forms.Textarea if multiline else forms.TextInput)
        super().__init__(**kwargs)

    # No `maxlength`: the browser would cut what is pasted, without a word.
    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        return {"autocomplete": "off", "data-max-length": self.max_length}

    def read(self, text: str) -> str:
        return parse_text(text, max_length=self.max_length, multiline=self.multiline)


class NameField(TextField):
    """A person's name, exactly as written; it has at least one letter, of any script."""

    default_error_messages = {"required": "Enter the name."}

    def __init__(self, *, max_length: int = 100, **kwargs: Any) -> None:
        super().__init__(max_length=max_length, **kwargs)

    def read(self, text: str) -> str:
        return parse_name(text, max_length=self.max_length)


class RecordNumberField(TextField):
    """A patient's record number; the blanks it is printed with are left out."""

    default_error_messages = {"required": "Enter the record number."}

    def __init__(self, *, max_length: int = 20, **kwargs: Any) -> None:
        super().__init__(max_length=max_length, **kwargs)

    def read(self, text: str) -> str:
        return parse_record_number(text, max_length=self.max_length)


class StrictChoiceField(forms.ChoiceField):
    """One of the answers offered; a drop-down starts with no answer, so that none is given by default."""

    default_error_messages = _CHOICE_MESSAGES

    def __init__(self, *, choices: Iterable[tuple[str, str]] = (), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.offer(choices)

    def offer(self, choices: Iterable[tuple[str, str]]) -> None:
        """Replace the answers, keeping those that every field of this kind has."""
        blank = [("", "Choose an answer")] if isinstance(self.widget, forms.Select) else []
        self.choices = [*blank, *choices]

    def prepare_value(self, value: Any) -> Any:
        return "" if value is UNKNOWN else value

    def clean(self, value: Any) -> Any:
        return super().clean(value) or UNKNOWN


class UnknownableChoiceField(StrictChoiceField):
    """One of the answers offered, or `UNKNOWN`: "Not known" is an answer, and so is none."""

    widget = forms.RadioSelect

    def __init__(self, *, required: bool = False, **kwargs: Any) -> None:
        super().__init__(required=required, **kwargs)

    def offer(self, choices: Iterable[tuple[str, str]]) -> None:
        super().offer([*choices, (NOT_KNOWN, "Not known")])

    def prepare_value(self, value: Any) -> Any:
        return NOT_KNOWN if value is UNKNOWN else value

    def clean(self, value: Any) -> Any:
        key = super().clean(self.prepare_value(value))
        return UNKNOWN if key == NOT_KNOWN else key


class YesNoUnknownField(UnknownableChoiceField):
    """`True`, `False` or `UNKNOWN`."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(choices=(("yes", "Yes"), ("no", "No")), **kwargs)

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, bool):
            return "yes" if value else "no"
        return super().prepare_value(value)

    def clean(self, value: Any) -> Any:
        key = super().clean(value)
        return UNKNOWN if key is UNKNOWN else key == "yes"


class UnknownableChoicesField(forms.MultipleChoiceField):
    """Any of the answers offered, as a tuple: empty for "None of these", `UNKNOWN` with nothing ticked."""

    widget = forms.CheckboxSelectMultiple
    default_error_messages = _CHOICE_MESSAGES | {
        "invalid_list": "Choose from the answers offered.",
        "contradiction": "“None of these” and “Not known” stand alone: untick them, or the other answers.",
    }

    def __init__(
        self, *, choices: Iterable[tuple[str, str]] = (), required: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(required=required, **kwargs)
        self.offer(choices)

    def offer(self, choices: Iterable[tuple[str, str]]) -> None:
        """Replace the answers, keeping those that every field of this kind has."""
        offered = list(choices)
        self.keys = tuple(key for key, _ in offered)
        self.choices = [*offered, (NONE_OF_THESE, "None of these"), (NOT_KNOWN, "Not known")]

    def prepare_value(self, value: Any) -> Any:
        if value is UNKNOWN:
            return [NOT_KNOWN]
        return [NONE_OF_THESE] if value == () else value

    def clean(self, value: Any) -> Any:
        ticked = set(super().clean(self.prepare_value(value)))
        if len(ticked) > 1 and ticked & {NONE_OF_THESE, NOT_KNOWN}:
            raise ValidationError(self.error_messages["contradiction"], code="contradiction")
        if ticked in (set(), {NOT_KNOWN}):
            return UNKNOWN
        return tuple(key for key in self.keys if key in ticked)


class ConfirmationsField(forms.Field):
    """The questions the user has answered with "yes, as typed"; see `ivigsite.questions`."""

    widget = forms.MultipleHiddenInput
    default_error_messages = {"invalid": "Confirm the values again."}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, **kwargs)

    def to_python(self, value: Any) -> frozenset[str]:
        tokens = frozenset(value or ())
        if len(tokens) > 20 or any(len(token) > 100 or not token.isprintable() for token in tokens):
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return tokens
