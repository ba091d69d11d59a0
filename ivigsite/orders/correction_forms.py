"""The forms that correct one entry of the bedside: the same answers again, and why they are corrected."""

from abc import abstractmethod
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4

from django import forms

from ivigsite import fields
from ivigsite.orders.corrections import Why
from ivigsite.orders.discrepancies import UNLISTED
from ivigsite.orders.infusion_forms import (
    COMMENT_LENGTH,
    ActForm,
    AtTheBedsideForm,
    ReactionForm,
    UnitForm,
    VialsForm,
)
from ivigsite.orders.models import AdministrationEvent, CorrectionReason, GivenProduct
from ivigsite.orders.running import RunningDose

# What a new entry sends about its place; a correction keeps that of the row it replaces.
OF_A_NEW_ENTRY: Final = ("form", "line", "dose_number", "seen")


class TakeBackForm(forms.Form):
    """Why an entry is taken back, with nothing in its place."""

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, initial={"idempotency_key": uuid4()}, auto_id="back_%s")
        add_why(self, "Why it is taken back")
        self.fields["idempotency_key"] = forms.UUIDField(widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        refuse_unsaid(self)
        return self.cleaned_data

    @property
    def why(self) -> Why:
        return why_of(self)

    @property
    def key(self) -> UUID:
        key: UUID = self.cleaned_data["idempotency_key"]
        return key


class CorrectedEntryForm(AtTheBedsideForm):
    """What every correction asks: when it truly was, and why it is corrected."""

    def __init__(self, data: Any, *, row: Any, dose: RunningDose, now: datetime) -> None:
        super().__init__(data, dose=dose, now=now)
        for name in OF_A_NEW_ENTRY:
            del self.fields[name]
        self.row = row
        self.initial.update(self.as_noted())
        add_why(self, "Why it is corrected")

    @abstractmethod
    def as_noted(self) -> dict[str, Any]:
        """The answers as they stand."""

    def clean(self) -> dict[str, Any]:
        super().clean()
        refuse_unsaid(self)
        return self.cleaned_data

    @property
    def why(self) -> Why:
        return why_of(self)


class CorrectedActForm(CorrectedEntryForm, ActForm):
    """An act at the pump, told again."""

    def as_noted(self) -> dict[str, Any]:
        event: AdministrationEvent = self.row
        return {
            "act": event.act,
            "happened_at": event.happened_at,
            "volume_ml": event.volume_ml or None,
            "reason": event.reason or None,
            "comment": event.comment,
        }


class CorrectedReactionForm(CorrectedEntryForm, ReactionForm):
    """A reaction, told again."""

    def as_noted(self) -> dict[str, Any]:
        event: AdministrationEvent = self.row
        return {"happened_at": event.happened_at, "grade": str(event.grade), "comment": event.comment}


class CorrectedVialsForm(CorrectedEntryForm, VialsForm):
    """Vials of one lot, read again."""

    def as_noted(self) -> dict[str, Any]:
        given: GivenProduct = self.row
        return {
            **_how_it_came(given),
            "happened_at": given.given_at,
            "product": given.product,
            "product_name": given.product_name if given.product == UNLISTED else "",
            "lot_number": given.lot_number,
            "expires_on": given.expires_on,
            "grams": given.grams,
            "count": given.vials,
        }


class CorrectedUnitForm(CorrectedEntryForm, UnitForm):
    """A platelet unit, read again."""

    def as_noted(self) -> dict[str, Any]:
        given: GivenProduct = self.row
        return {
            **_how_it_came(given),
            "happened_at": given.given_at,
            "unit_number": given.unit_number,
            "product_name": given.product_name,
            "expires_on": given.expires_on,
            "abo_group": given.abo_group or None,
            "rhd": given.rhd or None,
            "collected_on": given.collected_on,
        }


def _how_it_came(given: GivenProduct) -> dict[str, str]:
    """What was said of a discrepancy; that it was given all the same is asked again."""
    first = given.discrepancies.first()
    return {} if first is None else {"how_it_came": first.reason}


def add_why(form: forms.Form, label: str) -> None:
    """Add the reason of a correction, and its words."""
    form.fields["why"] = fields.StrictChoiceField(
        label=label, choices=CorrectionReason.choices, widget=forms.Select
    )
    form.fields["why"].widget.attrs["class"] = "form-select"
    form.fields["why_words"] = fields.TextField(
        label="In words",
        max_length=COMMENT_LENGTH,
        required=False,
        help_text="Needed where the reason is another.",
    )
    form.fields["why_words"].widget.attrs["class"] = "form-control"


def refuse_unsaid(form: forms.Form) -> None:
    data = form.cleaned_data
    if data.get("why") == CorrectionReason.OTHER and not data.get("why_words") and not form.errors:
        form.add_error("why_words", "Say which reason.")


def why_of(form: forms.Form) -> Why:
    data = form.cleaned_data
    return Why(reason=CorrectionReason(data["why"]), words=data["why_words"])
