"""The form of an assessment: asks for facts, says what cannot be read, and leaves open what is not known."""

from collections.abc import Mapping
from copy import copy
from datetime import date, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils import timezone
from django.utils.datastructures import MultiValueDict

from ivigsite import fields
from ivigsite.encounters.fact_fields import COUNTS, MEASURED, TIMES, fact_fields
from ivigsite.parsing.quantities import Count, Measurement
from ivigsite.questions import Question, clean_count, clean_measurement, clean_unlikely, open_questions
from protocols.engine.facts import CATALOGUE, FACT_BY_KEY, LEVELS, UNKNOWN, Facts, Kind, Section
from protocols.engine.grading import assess_bleeding
from protocols.engine.numbers import BadInput, require_within
from protocols.engine.protocol import InputLimit, Protocol

NUMBERS: Final = tuple(
    definition.key
    for definition in CATALOGUE
    if definition.kind in (Kind.WHOLE, Kind.DECIMAL)
    and definition.key not in {*COUNTS.values(), *MEASURED, *TIMES, "who_bleeding_grade"}
)

# What has to be in order before a fact is used, where that is more than its own field.
NEEDED: Final = {
    "bleeding_level": ("bleeding_level", "bleeding_level_reason", "bleeding_level_agreed_by"),
    "rapid_rise": ("rapid_rise", "rapid_rise_reason"),
}


class FactsForm(forms.Form):
    """Asks for facts; what cannot be read is an error beside its field, what is left open stays unknown."""

    confirmed = fields.ConfirmationsField()
    asked: tuple[str, ...] = ()
    # What was carried over from an earlier assessment, and from when that is, in words.
    carried: Mapping[str, Any] = MappingProxyType({})
    carried_from = ""

    def __init__(self, data: Any = None, *, protocol: Protocol, now: datetime, **options: Any) -> None:
        super().__init__(data, **options)
        self.protocol = protocol
        self.now = now
        self.made = fact_fields(protocol)
        # Shared with every other form, and not copied: copying them all would take as long as reading them.
        self.fields |= {name: self.made.by_name[name] for name in self.asked or self.made.by_name}
        for name in ("sampled_at", "bleeding_seen_at", "creatinine_taken_at"):
            self._set_latest(name, now)
        self._set_latest("weighed_on", timezone.localdate(now))

    @property
    def sections(self) -> dict[Section, tuple[str, ...]]:
        """The names of the fields by section, in the order in which they are asked."""
        asked = {
            section: tuple(name for name in names if name in self.fields)
            for section, names in self.made.sections.items()
        }
        return {section: names for section, names in asked.items() if names}

    def is_carried(self, name: str) -> bool:
        """Whether the answer is the earlier one still; changed, it belongs to who changed it."""
        return name in self.carried and self[name].value() == self.carried[name]

    @property
    def questions(self) -> tuple[Question, ...]:
        """The unlikely values that have to be confirmed."""
        return open_questions(self)

    @property
    def answered(self) -> tuple[Question, ...]:
        """The unlikely values that were confirmed."""
        answered: tuple[Question, ...] = self.cleaned_data.get("answered", ())
        return answered

    @property
    def count(self) -> Count | None:
        """The count that can be used, if there is one."""
        count = self.cleaned_data.get("platelets")
        return count if isinstance(count, Count) and "platelets" not in self.errors else None

    def known_facts(self) -> Facts:
        """The facts that could be read, whatever is wrong elsewhere in the form."""
        self.is_valid()
        return Facts(**self._fact_values())

    def entered(self) -> dict[str, Any]:
        """What was typed, field by field, so that a later form can start from the same words and units."""
        data = self.data if isinstance(self.data, MultiValueDict) else MultiValueDict()
        typed = {name: [value for value in data.getlist(name) if value] for name in self.fields}
        return {
            name: values if isinstance(self.fields[name], fields.UnknownableChoicesField) else values[-1]
            for name, values in typed.items()
            if values and name != "confirmed"
        }

    def moment(self, name: str) -> Any:
        """The time or day in a field, or None."""
        value = self.cleaned_data.get(name, UNKNOWN)
        return None if value is UNKNOWN else value

    def _clean_fields(self) -> None:
        # As Django does, without making for each field what draws it: a preview draws none.
        for name, field in self.fields.items():
            value = field.widget.value_from_datadict(self.data, self.files, name)
            try:
                self.cleaned_data[name] = self._meaning(name, field, value)
            except ValidationError as error:
                self.add_error(name, error)

    def _meaning(self, name: str, field: forms.Field, value: Any) -> Any:
        """What an answer says; one that was offered says the same in every form, and is read once."""
        if not isinstance(field, fields.StrictChoiceField) or not isinstance(value, str | None):
            return field.clean(value)
        known = self.made.meanings
        if (name, value) not in known:
            known[name, value] = field.clean(value)
        return known[name, value]

    def clean(self) -> dict[str, Any]:
        for name, key in COUNTS.items():
            if name in self.fields and (limit := self._limit(key)):
                clean_count(self, name, limits=limit)
        for key, units in MEASURED.items():
            if key in self.fields and (limit := self._limit(key)):
                clean_measurement(self, key, units=units, limits=limit)
        for key in NUMBERS:
            if key in self.fields:
                self._clean_number(key)
        self._clean_times()
        self._clean_level()
        self._clean_reasons()
        return self.cleaned_data

    def age_years(self) -> Any:
        """The patient's age, where it is known."""
        return self.cleaned_data.get("age_years", UNKNOWN)

    def patient_facts(self) -> dict[str, Any]:
        """Facts that come with the patient and are not asked here."""
        return {}

    def _set_latest(self, name: str, latest: date) -> None:
        if name in self.fields:
            self.fields[name] = copy(self.fields[name])
            self.fields[name].latest = latest  # type: ignore[attr-defined]

    def _limit(self, key: str) -> InputLimit | None:
        """The limits for this patient's age; those for everybody where the age is not known."""
        limits = self.made.limits
        return limits.get((key, self._population()), limits.get((key, "any")))

    def _population(self) -> str:
        age = self.age_years()
        if age is UNKNOWN:
            return "any"
        return "adult" if age >= self.made.adult_from_years else "child"

    def _clean_number(self, key: str) -> None:
        value, limit = self.cleaned_data.get(key, UNKNOWN), self._limit(key)
        if value is UNKNOWN or limit is None:
            return
        unit = FACT_BY_KEY[key].unit
        try:
            require_within(value, limit, unit=unit)
        except BadInput as refusal:
            self.add_error(key, ValidationError(refusal.message, code=refusal.code))
        else:
            clean_unlikely(self, key, limits=limit, unit=unit)

    def _clean_times(self) -> None:
        for key, age in self._ages().items():
            limit = self._limit(key)
            if limit is not None and age > limit.maximum:
                self.add_error(
                    TIMES[key], ValidationError("This is too long ago to be used.", code="too_old")
                )

    def _clean_level(self) -> None:
        level = self.cleaned_data.get("bleeding_level", UNKNOWN)
        if level is UNKNOWN:
            return
        values = {k: v for k, v in self._fact_values().items() if v is not UNKNOWN and k != "bleeding_level"}
        found = assess_bleeding(self.protocol, values)
        if found.computed == level:
            return
        is_lower = LEVELS.index(found.at_least) > LEVELS.index(level)
        if found.computed is not UNKNOWN or is_lower:
            self._require("bleeding_level_reason", "Say why the level differs from what the findings give.")
        if is_lower:
            self._require("bleeding_level_agreed_by", "Name the haematologist who agreed to the lower level.")

    def _clean_reasons(self) -> None:
        if self.cleaned_data.get("rapid_rise") is True:
            self._require("rapid_rise_reason", "Say why a rapid rise is required.")
        if self.cleaned_data.get("weight_method") == "estimated":
            self._require("weight_kg", "An estimated weight needs its value in kilograms.")
            self._require("weight_estimate_reason", "Say why the weight is estimated.")

    def _require(self, name: str, message: str) -> None:
        if name in self.fields and name not in self.errors and self.cleaned_data.get(name) in ("", UNKNOWN):
            self.add_error(name, ValidationError(message, code="required"))

    def _fact_values(self) -> dict[str, Any]:
        values = dict(self.patient_facts())
        cleaned, wrong = self.cleaned_data, self.errors.keys()
        for definition in CATALOGUE:
            value = cleaned.get(definition.key, UNKNOWN)
            # A judgement that still lacks its reason is no answer yet.
            if value in ("", UNKNOWN) or not wrong.isdisjoint(NEEDED.get(definition.key, (definition.key,))):
                continue
            if definition.key == "who_bleeding_grade":
                value = int(value)
            values[definition.key] = value.value if isinstance(value, Measurement) else value
        for name, key in COUNTS.items():
            count = self.cleaned_data.get(name)
            if isinstance(count, Count) and name not in self.errors:
                values[key] = count.per_ul
        return values | {key: age for key, age in self._ages().items() if TIMES[key] not in self.errors}

    def _ages(self) -> dict[str, Decimal]:
        hours = {
            key: _hours_since(moment, self.now)
            for key in ("bleeding_seen_age_hours", "creatinine_age_hours")
            if (moment := self.moment(TIMES[key])) is not None
        }
        return hours | ages_of(
            sampled_at=self.moment("sampled_at"), weighed_on=self.moment("weighed_on"), at=self.now
        )


class AssessmentForm(FactsForm):
    """The form of an encounter; age and sex come with the patient."""

    def __init__(self, data: Any = None, *, birth_date: date, patient_sex: str, **options: Any) -> None:
        self.patient_sex = patient_sex
        self._age_years = age_on(birth_date, timezone.localdate(options["now"]))
        super().__init__(data, **options)
        for name in self.patient_facts():
            del self.fields[name]

    def age_years(self) -> Any:
        return self._age_years

    def patient_facts(self) -> dict[str, Any]:
        sex = {"sex": self.patient_sex} if self.patient_sex else {}
        return {"age_years": self.age_years(), **sex}


class QuickCheckForm(FactsForm):
    """The questions of a quick check; age and sex are asked, because there is no patient record."""

    asked = (
        "platelets",
        "platelets_unit",
        "bleeding_findings",
        "who_bleeding_grade",
        "bleeding_sites",
        "bleeding_risk_factors",
        "bleeding_level",
        "bleeding_level_reason",
        "bleeding_level_agreed_by",
        "urgent_surgery",
        "procedure",
        "hours_to_procedure",
        "rapid_rise",
        "rapid_rise_reason",
        "age_years",
        "sex",
        "weight_kg",
        "weight_method",
        "weight_estimate_reason",
        "height_cm",
        "pregnant",
        "immune_cause",
        "ttp_suspected",
        "hit_suspected",
        "clumps",
        "low_count_confirmed",
        "aetiology",
        "dic_suspected",
        "marrow_failure",
        "obstetric_tma",
        "causative_drug",
        "product",
    )


def as_posted(answers: Mapping[str, Any]) -> QueryDict:
    """Answers kept on the server, as a form would have posted them."""
    data = QueryDict(mutable=True)
    for name, value in answers.items():
        data.setlist(name, value if isinstance(value, list) else [value])
    return data


def age_on(birth_date: date, day: date) -> int:
    """Completed years of age on a day."""
    return day.year - birth_date.year - ((day.month, day.day) < (birth_date.month, birth_date.day))


def ages_of(*, sampled_at: datetime | None, weighed_on: date | None, at: datetime) -> dict[str, Decimal]:
    """How old sample (hours) and weight (days) are at a moment; what has no date is left out."""
    ages: dict[str, Decimal] = {}
    if sampled_at is not None:
        ages["sample_age_hours"] = _hours_since(sampled_at, at)
    if weighed_on is not None:
        ages["weight_age_days"] = Decimal((timezone.localdate(at) - weighed_on).days)
    return ages


def _hours_since(moment: datetime, at: datetime) -> Decimal:
    minutes = (at - moment) // timedelta(minutes=1)
    return (Decimal(minutes) / 60).quantize(Decimal("0.01"))
