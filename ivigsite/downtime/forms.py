from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID, uuid4

from django import forms
from django.utils import timezone

from ivigsite import fields
from ivigsite.downtime.entries import OnPaper, drugs_of, most_on_a_form
from ivigsite.downtime.given import kinds_of
from ivigsite.downtime.models import NUMBER_GAP, PaperOrder
from ivigsite.orders.infusion_forms import Between, lot_of
from ivigsite.orders.models import AboGroup, RhD
from ivigsite.orders.sheet.states import Paper
from protocols.engine.facts import UNKNOWN
from protocols.engine.numbers import format_decimal, unit_beside
from protocols.engine.protocol import OrderKind, Protocol

PAPERS: Final = ((Paper.A4.value, "A4"), (Paper.LETTER.value, "US Letter"))
TOO_LATE: Final = "Enter a time that has been."
LONGEST_TEXT: Final = 300
LONGEST_NUMBERS: Final = 200
OF_A_UNIT: Final = ("abo_group", "rhd", "collected_on")


class WriteForm(forms.Form):
    """On which paper the folder is written."""

    paper = forms.ChoiceField(choices=PAPERS, error_messages={"required": "Choose the paper."})

    @property
    def chosen_paper(self) -> Paper:
        return Paper(self.cleaned_data["paper"])


class PaperOrderForm(forms.Form):
    """One line of a downtime form, as it stands there; nothing is worked out and nothing filled in."""

    form_number = fields.TextField(label="Downtime form no.", max_length=20)
    drug = fields.StrictChoiceField(label="What was ordered", widget=forms.Select)
    dose = fields.DecimalQuantityField(
        label="Dose on the paper",
        unit="the unit chosen above",
        decimals=2,
        example="70",
        limits=Between(minimum=Decimal("0.01"), maximum=Decimal(99_999)),
    )
    is_more_than_any = forms.BooleanField(
        label="The paper says more than any form or table of the version", required=False
    )
    details = fields.TextField(
        label="Route, rate and course on the paper", max_length=LONGEST_TEXT, required=False
    )
    ordered_by = fields.NameField(label="Ordered on paper by")
    given_by = fields.NameField(label="Given by", required=False, help_text="Empty if it was not given.")
    label_numbers = fields.TextField(
        label="Lot or unit number on the label",
        max_length=LONGEST_TEXT,
        required=False,
        help_text="A recall looks for it. Several with a comma between.",
    )
    abo_group = fields.UnknownableChoiceField(
        label="ABO group of the platelet unit",
        choices=[choice for choice in AboGroup.choices if choice[0] != AboGroup.UNKNOWN],
    )
    rhd = fields.UnknownableChoiceField(
        label="RhD of the platelet unit",
        choices=[choice for choice in RhD.choices if choice[0] != RhD.UNKNOWN],
    )
    reason = fields.TextField(label="Why it is corrected", max_length=LONGEST_TEXT, required=False)
    idempotency_key = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(
        self, data: Any, *, protocol: Protocol, now: datetime, corrects: PaperOrder | None = None
    ) -> None:
        super().__init__(data, initial=_initial(corrects))
        self._protocol = protocol
        self._corrects = corrects
        self._drugs = drugs_of(protocol)
        self.fields["drug"].offer((name, name) for name in self._drugs)  # type: ignore[attr-defined]
        for name, label, is_needed in (
            ("ordered_at", "Ordered on paper at", True),
            ("given_at", "Given at", False),
        ):
            self.fields[name] = fields.DateTimeField(
                label=label, latest=now, too_late=TOO_LATE, required=is_needed
            )
        self.fields["collected_on"] = fields.DateField(
            label="Platelet unit collected on",
            latest=timezone.localdate(now),
            too_late="Enter a day that has been.",
            required=False,
        )
        if corrects is None:
            del self.fields["reason"]
        else:
            self.fields["reason"].required = True
        self.order_fields(
            [
                *("form_number", "drug", "dose", "is_more_than_any", "details", "ordered_by", "ordered_at"),
                *("given_by", "given_at", "label_numbers", "abo_group", "rhd", "collected_on"),
            ]
        )
        for field in self.fields.values():
            if isinstance(field.widget, forms.Select):
                field.widget.attrs["class"] = "form-select"
            elif isinstance(field.widget, forms.TextInput):
                field.widget.attrs["class"] = "form-control"

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        given_at, given_by = _or_none(data.get("given_at")), data.get("given_by", "")
        if (given_at is None) != (not given_by) and not {"given_at", "given_by"} & self.errors.keys():
            missing = "given_by" if given_at is not None else "given_at"
            self.add_error(missing, "Enter both who gave it and when, or neither.")
        if "drug" in data and not self._is_platelets(data["drug"]):
            for name in OF_A_UNIT:
                if data.get(name, UNKNOWN) is not UNKNOWN:
                    self.add_error(name, "Only a platelet unit has it here. Leave it open.")
        if "drug" in data and "dose" in data and not data["is_more_than_any"]:
            self._refuse_too_much(data["drug"], data["dose"])
        return data

    def _is_platelets(self, name: str) -> bool:
        drug = name.removesuffix(f", {self._drugs[name]}")
        return OrderKind.PLATELETS in kinds_of(self._protocol, drug)

    def clean_label_numbers(self) -> tuple[str, ...]:
        numbers = (lot_of(each) for each in self.cleaned_data["label_numbers"].split(","))
        told = tuple(dict.fromkeys(each for each in numbers if each))
        if len(NUMBER_GAP.join(told)) > LONGEST_NUMBERS:
            raise forms.ValidationError("Enter fewer numbers, and the rest as a line of its own.")
        return told

    def _refuse_too_much(self, name: str, dose: Decimal) -> None:
        unit = self._drugs[name]
        most = most_on_a_form(self._protocol, name.removesuffix(f", {unit}"), unit)
        if dose > most:
            self.add_error(
                "dose",
                "No form or table of the version has more than"
                f" {format_decimal(most)} {unit_beside(most, unit)}. Read the paper"
                " again; tick the box below if it says so, and call whoever ordered it.",
            )

    @property
    def key(self) -> UUID:
        key: UUID = self.cleaned_data["idempotency_key"]
        return key

    def on_paper(self) -> OnPaper:
        data = self.cleaned_data
        unit = self._drugs[data["drug"]]
        return OnPaper(
            form_number=data["form_number"],
            drug=data["drug"].removesuffix(f", {unit}"),
            dose_amount=data["dose"],
            dose_unit=unit,
            details=data["details"],
            ordered_at=data["ordered_at"],
            ordered_by=data["ordered_by"],
            given_at=_or_none(data["given_at"]),
            given_by=data["given_by"],
            label_numbers=data["label_numbers"],
            abo_group=_told(data["abo_group"]),
            rhd=_told(data["rhd"]),
            collected_on=None if data["collected_on"] is UNKNOWN else data["collected_on"],
        )


def _told(value: Any) -> str:
    return "" if value is UNKNOWN else str(value)


def _or_none(value: Any) -> datetime | None:
    return value if isinstance(value, datetime) else None


def _initial(corrects: PaperOrder | None) -> dict[str, Any]:
    initial: dict[str, Any] = {"idempotency_key": uuid4()}
    if corrects is not None:
        initial |= {
            "form_number": corrects.form_number,
            "drug": f"{corrects.drug}, {corrects.dose_unit}",
            "dose": Decimal(corrects.dose_amount),
            "details": corrects.details,
            "ordered_by": corrects.ordered_by,
            "ordered_at": corrects.ordered_at,
            "given_by": corrects.given_by,
            "given_at": UNKNOWN if corrects.given_at is None else corrects.given_at,
            "label_numbers": corrects.label_numbers,
            "abo_group": corrects.abo_group or None,
            "rhd": corrects.rhd or None,
            "collected_on": corrects.collected_on,
        }
    return initial
