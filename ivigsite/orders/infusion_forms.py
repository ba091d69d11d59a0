"""The forms of the infusion page: what was done, seen, and went in. No rate and no dose is typed."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID, uuid4

from django import forms
from django.utils import timezone

from ivigsite import fields
from ivigsite.orders.administration import Noted, Unit, Vials, discrepancies_of_vials
from ivigsite.orders.discrepancies import UNLISTED, AllTheSame, Found, of_expiry
from ivigsite.orders.models import AboGroup, ActReason, RhD
from ivigsite.orders.running import RunningDose
from protocols.engine.course import Act
from protocols.engine.facts import UNKNOWN
from protocols.engine.lookup import of as rows_of

COMMENT_LENGTH: Final = 300
LABEL_LENGTH: Final = 40
NAME_LENGTH: Final = 100
ACT_WORDS: Final = {
    Act.START: "Start",
    Act.STEP_UP: "Step up",
    Act.SLOW: "Slow down",
    Act.PAUSE: "Pause",
    Act.RESUME: "Resume",
    Act.RESTART: "Go on after the reaction",
    Act.FINISH: "Finish",
    Act.STOP: "Stop for good",
}


@dataclass(frozen=True, slots=True)
class Between:
    """What a form of this kind can hold; what is right is asked by the action."""

    minimum: Decimal
    maximum: Decimal
    soft_minimum: Decimal | None = None
    soft_maximum: Decimal | None = None


class AtTheBedsideForm(forms.Form):
    """What every form of the page sends: which line and dose, when it was, and its key."""

    kind = ""

    def __init__(self, data: Any = None, *, dose: RunningDose, now: datetime) -> None:
        start: Mapping[str, Any] = {
            "form": self.kind,
            "line": dose.line.pk,
            "dose_number": dose.number,
            "seen": dose.entries,
            "happened_at": now,
            "idempotency_key": uuid4(),
        }
        super().__init__(data, initial=dict(start), auto_id=f"{self.kind}_{dose.line.number}_%s")
        self.dose = dose
        self.now = now
        for name in ("form", "line", "dose_number", "seen"):
            self.fields[name] = forms.CharField(widget=forms.HiddenInput, max_length=40)
        self.fields["idempotency_key"] = forms.UUIDField(widget=forms.HiddenInput)
        self.fields["happened_at"] = fields.DateTimeField(
            label="When", latest=now, too_late="Enter a time that has been.", help_text="It may be earlier."
        )
        self.add_fields()
        for field in self.fields.values():
            if isinstance(field.widget, forms.Select):
                field.widget.attrs["class"] = "form-select"
            elif isinstance(field.widget, forms.TextInput):
                field.widget.attrs["class"] = "form-control"

    @abstractmethod
    def add_fields(self) -> None:
        """Add what this form asks besides when."""

    def clean_seen(self) -> int:
        return _whole(self.cleaned_data["seen"])

    def clean_dose_number(self) -> int:
        return _whole(self.cleaned_data["dose_number"])

    @property
    def key(self) -> UUID:
        key: UUID = self.cleaned_data["idempotency_key"]
        return key

    @property
    def happened_at(self) -> datetime:
        moment: datetime = self.cleaned_data["happened_at"]
        return moment


class ActForm(AtTheBedsideForm):
    """What was done at the pump; the button says which."""

    kind = "act"

    def add_fields(self) -> None:
        self.fields["act"] = fields.StrictChoiceField(
            choices=[(act.value, words) for act, words in ACT_WORDS.items()], widget=forms.HiddenInput
        )
        self.fields["reason"] = _reason()
        self.fields["comment"] = fields.TextField(label="Comment", max_length=COMMENT_LENGTH, required=False)
        self.fields["volume_ml"] = fields.DecimalQuantityField(
            label="Volume given, read off the pump",
            unit="mL",
            decimals=1,
            example="350",
            limits=Between(minimum=Decimal(0), maximum=Decimal(9999)),
            required=False,
            help_text="At a pause, a stop and the end.",
        )

    def clean(self) -> dict[str, Any]:
        _clean_other(self)
        return self.cleaned_data

    def noted(self) -> Noted:
        data = self.cleaned_data
        volume = data["volume_ml"]
        return Noted(
            act=Act(data["act"]),
            happened_at=self.happened_at,
            reason="" if data["reason"] is UNKNOWN else data["reason"],
            comment=data["comment"],
            volume_ml=None if volume is UNKNOWN else volume,
        )


class ReactionForm(AtTheBedsideForm):
    """A reaction by its grade, with the action of each grade beside it."""

    kind = "reaction"

    def add_fields(self) -> None:
        signs = self.dose.line.order_set.sheet_content.reactions
        self.fields["grade"] = fields.StrictChoiceField(
            label="Grade",
            choices=[(str(number), row.sign) for number, row in enumerate(signs, start=1)],
            widget=forms.RadioSelect,
        )
        self.fields["comment"] = fields.TextField(
            label="What was seen", max_length=COMMENT_LENGTH, required=False
        )

    def noted(self) -> Noted:
        return Noted(
            act=Act.REACTION,
            happened_at=self.happened_at,
            grade=int(self.cleaned_data["grade"]),
            comment=self.cleaned_data["comment"],
        )


class GivenProductForm(AtTheBedsideForm):
    """A product read off its label, and the second question where it should not have been given.

    The question is not on the first page: it is asked once the label is read, for that label alone.
    """

    def __init__(self, data: Any = None, *, dose: RunningDose, now: datetime) -> None:
        super().__init__(data, dose=dose, now=now)
        self.found: tuple[Found, ...] = ()
        self.fields["all_the_same"] = fields.ConfirmationsField()
        self.fields["how_it_came"] = fields.TextField(
            label="How it came about", max_length=COMMENT_LENGTH, required=False
        )
        self.fields["how_it_came"].widget.attrs["class"] = "form-control"

    @abstractmethod
    def look(self) -> tuple[Found, ...]:
        """In which ways what was typed should not have been given, once it can be read."""

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        if self.errors:
            # Asked again once the rest can be read; what was said of it is kept on the page.
            return data
        self.found = self.look()
        for each in self.found:
            if each.token not in data["all_the_same"]:
                self.add_error(each.field, each.words)
        if self.found and not data["how_it_came"]:
            self.add_error("how_it_came", "Say how it came about, if it is in the patient.")
        return data

    @property
    def is_asked(self) -> bool:
        """Whether the second question belongs on the page."""
        return bool(self.found) or bool(self.is_bound and self.data.get("how_it_came"))

    @property
    def said(self) -> AllTheSame:
        return AllTheSame(tokens=self.cleaned_data["all_the_same"], reason=self.cleaned_data["how_it_came"])

    @property
    def tokens(self) -> frozenset[str]:
        """What is ticked already."""
        said: frozenset[str] = self.cleaned_data.get("all_the_same", frozenset())
        return said


class VialsForm(GivenProductForm):
    """Vials of one lot, typed or scanned."""

    kind = "vials"

    def add_fields(self) -> None:
        products = rows_of(self.dose.protocol).products
        self.fields["product"] = fields.StrictChoiceField(
            label="Product on the vial",
            choices=[
                *((row.key, row.name) for row in products.values() if row.offered),
                *(
                    (row.key, f"{row.name} (not offered here)")
                    for row in products.values()
                    if not row.offered
                ),
                (UNLISTED, "Another product, not on this list"),
            ],
            widget=forms.Select,
        )
        self.fields["product_name"] = fields.TextField(
            label="Its name, where it is not on the list", max_length=NAME_LENGTH, required=False
        )
        self.fields["lot_number"] = fields.TextField(label="Lot number", max_length=LABEL_LENGTH)
        self.fields["expires_on"] = _expiry()
        self.fields["grams"] = fields.DecimalQuantityField(
            label="One vial holds",
            unit="g",
            decimals=2,
            example="10",
            limits=Between(Decimal("0.1"), Decimal(60)),
        )
        self.fields["count"] = fields.WholeNumberField(
            label="Vials of this lot", unit="", example="2", limits=Between(Decimal(1), Decimal(40))
        )
        self.fields["confirmed"] = forms.BooleanField(label="The rest of a vial is discarded", required=False)

    def vials(self) -> Vials:
        data = self.cleaned_data
        return Vials(
            product=data["product"],
            lot_number=lot_of(data["lot_number"]),
            expires_on=data["expires_on"],
            grams=Decimal(data["grams"]),
            count=int(data["count"]),
            is_more_than_ordered=data["confirmed"],
            product_name=data["product_name"],
            all_the_same=self.said,
        )

    def look(self) -> tuple[Found, ...]:
        if self.cleaned_data["product"] == UNLISTED and not self.cleaned_data["product_name"]:
            self.add_error("product_name", "Type the name on the vial.")
            return ()
        return discrepancies_of_vials(self.dose, self.vials(), given_at=self.happened_at)


class UnitForm(GivenProductForm):
    """One platelet unit, typed or scanned."""

    kind = "unit"

    def add_fields(self) -> None:
        self.fields["unit_number"] = fields.TextField(label="Unit number", max_length=LABEL_LENGTH)
        self.fields["product_name"] = fields.TextField(
            label="Component on the label", max_length=NAME_LENGTH, required=False
        )
        self.fields["expires_on"] = _expiry()
        self.fields["abo_group"] = fields.UnknownableChoiceField(
            label="ABO group of the unit",
            choices=[choice for choice in AboGroup.choices if choice[0] != AboGroup.UNKNOWN],
        )
        self.fields["rhd"] = fields.UnknownableChoiceField(
            label="RhD of the unit", choices=[choice for choice in RhD.choices if choice[0] != RhD.UNKNOWN]
        )
        self.fields["collected_on"] = fields.DateField(
            label="Collected on",
            help_text="For example 24-Mar-2028. Leave it empty if the label does not tell.",
            latest=timezone.localdate(self.now),
            too_late="Enter a day that has been.",
            required=False,
        )
        self.fields["confirmed"] = forms.BooleanField(label="The unit was split", required=False)

    def unit(self) -> Unit:
        data = self.cleaned_data
        return Unit(
            unit_number=lot_of(data["unit_number"]),
            product_name=data["product_name"],
            expires_on=data["expires_on"],
            is_known_elsewhere=data["confirmed"],
            all_the_same=self.said,
            abo_group=data["abo_group"],
            is_rhd_positive=UNKNOWN if data["rhd"] is UNKNOWN else data["rhd"] == RhD.POSITIVE,
            collected_on=data["collected_on"],
        )

    def look(self) -> tuple[Found, ...]:
        return tuple(of_expiry(self.cleaned_data["expires_on"], self.happened_at))


class RecallForm(forms.Form):
    """A lot of a product, or a unit; at least the number."""

    product = fields.TextField(label="Product", max_length=NAME_LENGTH, required=False)
    lot = fields.TextField(label="Lot number", max_length=LABEL_LENGTH, required=False)
    unit = fields.TextField(label="Unit number", max_length=LABEL_LENGTH, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs["class"] = "form-control"

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        if not self.errors and bool(data["lot"]) == bool(data["unit"]):
            self.add_error("lot", "Enter a lot number, or a unit number.")
        return data


def lot_of(text: str) -> str:
    """A number of a label as it is compared: capitals, no blanks, as scanners and people differ in both."""
    return "".join(text.split()).upper()


def _reason() -> forms.Field:
    return fields.StrictChoiceField(
        label="Reason, if not as planned", choices=ActReason.choices, widget=forms.Select, required=False
    )


def _expiry() -> forms.Field:
    return fields.DateField(
        label="Expires on", help_text="For example 31-Mar-2028.", latest=date(2199, 12, 31)
    )


def _clean_other(form: forms.Form) -> None:
    if form.cleaned_data.get("reason") == ActReason.OTHER and not form.cleaned_data.get("comment"):
        form.add_error("comment", "Say which reason.")


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 6):
        raise forms.ValidationError("Open the page again.")
    return int(text)
