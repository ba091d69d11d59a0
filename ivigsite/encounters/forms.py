"""The forms of patients and encounters."""

from datetime import date, datetime
from typing import Any, Final
from uuid import uuid4

from django import forms
from django.utils import timezone

from ivigsite import fields
from ivigsite.accounts.models import User
from ivigsite.encounters.actions import PatientDetails, is_same_person
from ivigsite.encounters.models import Allergies, Encounter, Patient, Sex
from protocols.engine.facts import UNKNOWN

EARLIEST_BIRTH: Final = date(1900, 1, 1)
ALLERGIES_LENGTH: Final = 500
PLACE_LENGTH: Final = 20
VERSION_DIGITS: Final = 9
LOAD_AGAIN: Final = "Load the page again: something this form needs is missing."


class PatientForm(forms.Form):
    """Who the patient is; the record number is unique."""

    record_number = fields.RecordNumberField(label="Record number")
    family_name = fields.NameField(label="Family name")
    given_name = fields.NameField(label="Given name")
    title = fields.TextField(label="Title", max_length=20, required=False, help_text="For example Mrs or Dr.")
    birth_date = fields.DateField(
        label="Date of birth",
        earliest=EARLIEST_BIRTH,
        too_late="The date of birth must be today or before.",
        help_text="Day, month as a word, year: 14-Jul-1945.",
    )
    sex = fields.UnknownableChoiceField(
        label="Sex",
        choices=((Sex.FEMALE.value, "Female"), (Sex.MALE.value, "Male")),
        help_text="Used in the ideal body weight and kidney equations.",
    )
    allergies_known = fields.StrictChoiceField(
        label="Allergies", choices=Allergies.choices, widget=forms.RadioSelect, required=True
    )
    allergies = fields.TextField(
        label="Which allergies", max_length=ALLERGIES_LENGTH, multiline=True, required=False
    )

    def __init__(
        self, data: Any = None, *, now: datetime, patient: Patient | None = None, **options: Any
    ) -> None:
        super().__init__(data, **options)
        self.patient = patient
        self.fields["birth_date"].latest = timezone.localdate(now)  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        known, listed = self.cleaned_data.get("allergies_known"), self.cleaned_data.get("allergies")
        if known == Allergies.LISTED and not listed and "allergies" not in self.errors:
            self.add_error("allergies", "List the allergies, or choose another answer.")
        if known in (Allergies.NONE_KNOWN, Allergies.NOT_RECORDED) and listed:
            self.add_error(
                "allergies_known", "Allergies are listed below: choose “Listed”, or clear the list."
            )
        if not self.errors:
            self._clean_identity()
        return self.cleaned_data

    @property
    def known_patient(self) -> Patient | None:
        """The patient who has this record number already."""
        numbered = Patient.objects.filter(record_number=self.cleaned_data["record_number"])
        return (numbered.exclude(pk=self.patient.pk) if self.patient else numbered).first()

    def refuse_number(self) -> None:
        """Say that the record number is somebody else's."""
        message = (
            "This record number belongs to a patient with another name or date of birth: check all three."
        )
        self.add_error("record_number", forms.ValidationError(message, code="taken"))

    def _clean_identity(self) -> None:
        there = self.known_patient
        # Nobody's number is given away: only who knows name and birth date too finds the patient again.
        if there is not None and (self.patient or not is_same_person(there, self.to_details())):
            self.refuse_number()

    def to_details(self) -> PatientDetails:
        given = self.cleaned_data
        return PatientDetails(
            record_number=given["record_number"],
            family_name=given["family_name"],
            given_name=given["given_name"],
            title=given["title"],
            birth_date=given["birth_date"],
            sex="" if given["sex"] is UNKNOWN else given["sex"],
            allergies_known=given["allergies_known"],
            allergies=given["allergies"],
        )


class EncounterForm(forms.Form):
    """Where the patient lies; the key makes a double click open one encounter."""

    ward = fields.StrictChoiceField(label="Ward", required=True)
    bed = fields.TextField(label="Bed", max_length=PLACE_LENGTH, required=False)
    idempotency_key = forms.UUIDField(widget=forms.HiddenInput, error_messages={"required": LOAD_AGAIN})

    def __init__(self, data: Any = None, *, user: User, **options: Any) -> None:
        super().__init__(data, initial={"idempotency_key": uuid4()}, **options)
        self.wards = {str(ward.pk): ward for ward in user.wards.all()}
        choices = [(key, ward.name) for key, ward in self.wards.items()]
        self.fields["ward"].offer(choices)  # type: ignore[attr-defined]

    def refuse_ward(self) -> None:
        """Say that the patient's open encounter is somewhere else."""
        message = "This patient has an open encounter on another ward: it has to be closed there first."
        self.add_error("ward", forms.ValidationError(message, code="open_elsewhere"))


class VersionField(forms.CharField):
    """The version of the record that the page showed; hidden, so what is wrong with it nobody typed."""

    widget = forms.HiddenInput
    default_error_messages = {"required": LOAD_AGAIN, "invalid": LOAD_AGAIN}

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if not text:
            return text
        if not (text.isascii() and text.isdecimal() and len(text) <= VERSION_DIGITS):
            raise forms.ValidationError(LOAD_AGAIN, code="invalid")
        return int(text)


class SaveForm(forms.Form):
    """What makes storing an assessment safe: whose page it was, the version seen, and one key a form."""

    encounter = forms.UUIDField(widget=forms.HiddenInput, error_messages={"required": LOAD_AGAIN})
    version = VersionField()
    idempotency_key = forms.UUIDField(widget=forms.HiddenInput, error_messages={"required": LOAD_AGAIN})


def save_form_for(encounter: Encounter) -> SaveForm:
    """An unfilled form for a page that shows the encounter as it is now."""
    return SaveForm(
        initial={"encounter": encounter.pk, "version": encounter.version, "idempotency_key": uuid4()}
    )
