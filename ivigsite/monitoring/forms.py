"""The form of one result: the values its rule asks, each in its own strict field, and when it was taken."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID, uuid4

from django import forms

from ivigsite import fields
from ivigsite.monitoring.actions import Entered
from ivigsite.parsing.quantities import COUNT_UNIT_LABELS, CREATININE_UNITS, Count, Measurement, Unit
from ivigsite.questions import clean_count, clean_measurement, clean_unlikely, open_questions
from protocols.engine.facts import UNKNOWN, FactDefinition, Kind
from protocols.engine.protocol import InputLimit, Protocol, ResultRule
from protocols.engine.results import RESULTS

ANYBODY: Final = "any"
REASON_LENGTH: Final = 300
HAEMOGLOBIN_UNITS: Final = (
    Unit(key="g_per_l", label="g per L", in_base=Decimal(1), decimals=0, example="112"),
    Unit(key="g_per_dl", label="g per dL", in_base=Decimal(10), decimals=1, example="11.2"),
)
# One mmol of glucose weighs 180.16 mg.
GLUCOSE_UNITS: Final = (
    Unit(key="mmol_per_l", label="mmol per L", in_base=Decimal(1), decimals=1, example="7.8"),
    Unit(
        key="mg_per_dl", label="mg per dL", in_base=Decimal(10) / Decimal("180.16"), decimals=0, example="140"
    ),
)
MEASURED: Final[Mapping[str, tuple[Unit, ...]]] = {
    "creatinine_umol_per_l": CREATININE_UNITS,
    "haemoglobin_g_per_l": HAEMOGLOBIN_UNITS,
    "glucose_mmol_per_l": GLUCOSE_UNITS,
}
COUNT: Final = "platelets_per_ul"
TIME: Final = "taken_at"
OTHERS: Final = (TIME, "confirmed", "idempotency_key", "reason")


@dataclass(frozen=True, slots=True)
class AnyLimits:
    """Limits for a value the protocol gives none for: what a form of this length can hold."""

    minimum: Decimal = Decimal(0)
    maximum: Decimal = Decimal(100_000)
    soft_minimum: Decimal | None = None
    soft_maximum: Decimal | None = None


class ResultForm(forms.Form):
    """What a rule asks; a value left open is unknown, and what the rule needs must be given."""

    def __init__(
        self,
        data: Any = None,
        *,
        protocol: Protocol,
        rule: ResultRule,
        now: datetime,
        corrects: bool = False,
        initial: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(data, initial={"idempotency_key": uuid4(), **(initial or {})})
        self.protocol = protocol
        self.rule = rule
        self.now = now
        self.limits: Mapping[str, InputLimit] = {
            limit.fact: limit for limit in protocol.input_limits if limit.population == ANYBODY
        }
        for key in rule.asks:
            self._add(RESULTS[key], is_needed=key in rule.needs)
        self.fields[TIME] = fields.DateTimeField(
            label="Taken at",
            latest=now,
            too_late="The result must be from the past.",
            help_text="When it was measured or seen, for example 22-Nov-2026 14:05. It may be in the past.",
        )
        if corrects:
            self.fields["reason"] = fields.TextField(label="Why it is corrected", max_length=REASON_LENGTH)
        self.fields["confirmed"] = fields.ConfirmationsField()
        self.fields["idempotency_key"] = forms.UUIDField(widget=forms.HiddenInput)
        for field in self.fields.values():
            if isinstance(field.widget, forms.TextInput):
                field.widget.attrs["class"] = "form-control"

        first = self.fields[rule.asks[0]].widget
        if data is None and isinstance(first, forms.TextInput):
            # Whoever opened it came to type this.
            first.attrs["autofocus"] = True

    def _add(self, definition: FactDefinition, *, is_needed: bool) -> None:
        key = definition.key
        shared: dict[str, Any] = {
            "label": definition.label,
            "required": is_needed,
            "help_text": definition.help or ("" if is_needed else "May stay open: it is then not known."),
        }
        if key == COUNT:
            self.fields[key] = fields.UnitTextField(**shared)
            self._add_unit(definition, COUNT_UNIT_LABELS.items(), is_needed=is_needed)
        elif key in MEASURED:
            self.fields[key] = fields.UnitTextField(**shared)
            units = ((unit.key, unit.label) for unit in MEASURED[key])
            self._add_unit(definition, units, is_needed=is_needed)
        else:
            self.fields[key] = self._plain_field(definition, shared)

    def _add_unit(
        self, definition: FactDefinition, units: Iterable[tuple[Any, str]], *, is_needed: bool
    ) -> None:
        self.fields[f"{definition.key}_unit"] = fields.StrictChoiceField(
            label=f"{definition.label}: unit",
            choices=tuple((str(unit), label) for unit, label in units),
            widget=forms.RadioSelect,
            required=is_needed,
        )

    def _plain_field(self, definition: FactDefinition, shared: dict[str, Any]) -> forms.Field:
        if definition.kind is Kind.YES_NO:
            return fields.YesNoUnknownField(**shared)
        if definition.kind is Kind.CHOICE:
            return fields.UnknownableChoiceField(choices=definition.choices, **shared)
        if definition.kind is Kind.CHOICES:
            return fields.UnknownableChoicesField(choices=definition.choices, **shared)
        limits: Any = self.limits.get(definition.key) or AnyLimits()
        if definition.kind is Kind.WHOLE:
            return fields.WholeNumberField(unit=definition.unit, limits=limits, **shared)
        return fields.DecimalQuantityField(unit=definition.unit, limits=limits, **shared)

    @property
    def rows(self) -> list[tuple[forms.BoundField, forms.BoundField | None, str]]:
        """Each value with the field of its unit, or its one unit; the rest is drawn by the page."""
        found = []
        for key in self.rule.asks:
            unit = self[f"{key}_unit"] if f"{key}_unit" in self.fields else None
            found.append((self[key], unit, "" if unit else RESULTS[key].unit))
        return found

    @property
    def questions(self) -> Any:
        return open_questions(self)

    def clean(self) -> dict[str, Any]:
        for key in self.rule.asks:
            limits: Any = self.limits.get(key) or AnyLimits()
            if key == COUNT:
                clean_count(self, key, limits=limits)
            elif key in MEASURED:
                clean_measurement(self, key, units=MEASURED[key], limits=limits)
            elif RESULTS[key].kind in (Kind.WHOLE, Kind.DECIMAL):
                clean_unlikely(self, key, limits=limits, unit=RESULTS[key].unit)
            if key in self.rule.needs and self.cleaned_data.get(key) is UNKNOWN:
                self.add_error(key, "This answer is needed. Where it cannot be had, decline the check.")
        return self.cleaned_data

    def entered(self) -> Entered:
        """What was typed, the exact values, and when."""
        values = {
            key: _exact(value)
            for key in self.rule.asks
            if (value := self.cleaned_data.get(key, UNKNOWN)) is not UNKNOWN
        }
        return Entered(typed=self._typed(), values=values, taken_at=self.cleaned_data[TIME])

    def _typed(self) -> dict[str, Any]:
        names = [name for name in self.fields if name not in OTHERS]
        found = {}
        for name in names:
            many = isinstance(self.fields[name], forms.MultipleChoiceField)
            data: Any = self.data
            value = data.getlist(name) if many else data.get(name, "")
            if value:
                found[name] = value
        return found

    @property
    def key(self) -> UUID:
        key: UUID = self.cleaned_data["idempotency_key"]
        return key


def _exact(value: Any) -> Any:
    if isinstance(value, Count):
        return value.per_ul
    return value.value if isinstance(value, Measurement) else value


class ReasonForm(forms.Form):
    """A reason in words, for what is declined or let go on."""

    reason = fields.TextField(
        label="Reason",
        max_length=REASON_LENGTH,
        widget=forms.TextInput(attrs={"class": "form-control"}),
    )


class AcknowledgeForm(forms.Form):
    """What the person who takes an alert on wants to add."""

    comment = fields.TextField(
        label="What you do about it",
        max_length=REASON_LENGTH,
        required=False,
        widget=forms.TextInput(attrs={"class": "form-control"}),
    )
