"""The emergency screen: eight questions about life-threatening bleeding, and everything else left unknown.

What is typed here is judged by the form of the assessment itself, so that the two can never disagree. What an
earlier assessment knows and no day can change is carried along; nobody is asked for it and nothing is lost.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils import timezone

from ivigsite import fields
from ivigsite.encounters.actions import Entry
from ivigsite.encounters.assessment_form import AssessmentForm, as_posted
from ivigsite.encounters.models import Assessment, Patient, StandDownReason
from ivigsite.encounters.selectors import PERISHABLE, StartingAnswers
from ivigsite.parsing.dates import format_date, format_datetime
from ivigsite.parsing.quantities import COUNT_UNIT_LABELS
from ivigsite.questions import Question
from protocols.engine.facts import BLEEDING_SITES, FACT_BY_KEY, UNKNOWN
from protocols.engine.protocol import Protocol

COMMENT_LENGTH: Final = 300
DECLARED: Final = "Declared life-threatening at the bedside, on the emergency screen"
EMERGENCY: Final = "emergency"
# An earlier answer to the question of consent is kept; only the missing one becomes emergency treatment.
ANSWERED_CONSENT: Final = ("recorded", "refused")

MEASURED_TODAY: Final = "measured_today"
RECORDED: Final = "recorded"
ESTIMATES: Final[Mapping[str, str]] = {
    "told": "Estimate: patient or family says",
    "by_eye": "Estimate: by eye, cannot be weighed now",
    "old_record": "Estimate: from an old record",
}
GATE_ANSWERS: Final = (("no", "Excluded"), ("yes", "Present or suspected"))
GATES: Final = {
    "ttp_suspected": "TTP or other microangiopathy",
    "hit_suspected": "HIT or VITT",
    "clumps": "Clumps or giant platelets (false low count)",
}
# Fields of the assessment's form that are asked here under another name.
ASKED_AS: Final = {
    "weight_method": "weight_source",
    "weight_estimate_reason": "weight_source",
    "weighed_on": "weight_source",
}


def _text_box() -> forms.TextInput:
    # The blank placeholder lets the style sheet tell an empty field from a filled one.
    return forms.TextInput(attrs={"class": "form-control", "placeholder": " "})


class EmergencyForm(forms.Form):
    """Eight questions; count, its time and the weight have to be answered, because no dose stands without."""

    bleeding_sites = fields.UnknownableChoicesField(label="Where does it bleed?", choices=BLEEDING_SITES)
    platelets = fields.UnitTextField(
        widget=_text_box(),
        label=FACT_BY_KEY["platelets_per_ul"].label,
        error_messages={"required": "Enter the platelet count: no dose can be computed without one."},
    )
    platelets_unit = fields.StrictChoiceField(
        label="Platelet count: unit",
        choices=tuple((unit.value, label) for unit, label in COUNT_UNIT_LABELS.items()),
        widget=forms.RadioSelect,
        error_messages={"required": "Choose the unit that stands on the report."},
    )
    sampled_at = fields.RecentTimeField(
        widget=_text_box(),
        label="Sample taken",
        help_text="The time on the report: 1405. If it is older than 12 hours, with its date.",
        error_messages={
            "required": "Enter the time of the sample: no order can be signed on a count without its time."
        },
    )
    weight_kg = fields.WeightKgField(
        widget=_text_box(),
        label=FACT_BY_KEY["weight_kg"].label,
        error_messages={"required": "Enter the weight, an estimate will do: the doses rest on it."},
    )
    weight_source = fields.StrictChoiceField(
        label="How is the weight known?",
        widget=forms.RadioSelect,
        error_messages={"required": "Say whether the weight is measured or estimated."},
    )
    ttp_suspected = fields.UnknownableChoiceField(label=GATES["ttp_suspected"], choices=GATE_ANSWERS)
    hit_suspected = fields.UnknownableChoiceField(label=GATES["hit_suspected"], choices=GATE_ANSWERS)
    clumps = fields.UnknownableChoiceField(label=GATES["clumps"], choices=GATE_ANSWERS)
    immunoglobulin_reaction = fields.UnknownableChoiceField(
        label="Earlier severe reaction to immunoglobulin", choices=(("no", "No"), ("yes", "Yes"))
    )
    confirmed = fields.ConfirmationsField()
    is_judged = False

    def __init__(
        self,
        data: QueryDict | None = None,
        *,
        protocol: Protocol,
        patient: Patient,
        started: StartingAnswers,
        emergency_since: datetime | None,
        now: datetime,
    ) -> None:
        self.typed = QueryDict() if data is None else data
        self.protocol = protocol
        self.patient = patient
        self.started = started
        self.emergency_since = emergency_since
        self.now = now
        super().__init__(data, initial=self._initial())
        self.recorded_on = _recorded_on(started.last)
        self.fields["sampled_at"].now = now  # type: ignore[attr-defined]
        # Who bleeds to death bleeds somewhere; only where may be unknown.
        sites = self.fields["bleeding_sites"]
        sites.choices = [  # type: ignore[attr-defined]
            (key, label)
            for key, label in sites.choices  # type: ignore[attr-defined]
            if key != fields.NONE_OF_THESE
        ]
        self.fields["weight_source"].offer(self._sources())  # type: ignore[attr-defined]

    @property
    def gates(self) -> tuple[Any, ...]:
        """The three questions that decide whether platelets may harm."""
        return tuple(self[name] for name in GATES)

    @property
    def questions(self) -> tuple[Question, ...]:
        """The unlikely values that have to be confirmed."""
        return self._judged.questions if self.is_bound and self.is_judged else ()

    @property
    def confirmed_before(self) -> tuple[Question, ...]:
        """The unlikely values that were confirmed."""
        return self._answered() if self.is_bound and self.is_judged else ()

    def clean(self) -> dict[str, Any]:
        self._clean_recorded_weight()
        carried = self._carried()
        judged = self._judge(carried)
        # What was stored before is not asked whether it means what it says; there is nowhere to ask it here.
        told = [each.token for each in judged.questions if each.field in self.started.settled - self._own]
        carried |= {"confirmed": told}
        judged = self._judge(carried) if told else judged
        # What was carried and can be used no more is unknown; only what was typed here is asked again.
        stale = judged.errors.keys() - self._own
        if stale:
            judged = self._judge({name: value for name, value in carried.items() if name not in stale})
        for name, errors in judged.errors.as_data().items():
            own = ASKED_AS.get(name, name)
            if own not in self.errors:
                self.add_error(own if own in self.fields else None, errors)
        self._judged = judged
        self.is_judged = True
        return self.cleaned_data

    def to_entry(self) -> Entry:
        """What is known, to be stored as an assessment; of a valid form."""
        judged = self._judged
        return Entry(
            facts=judged.known_facts(),
            entered=judged.entered(),
            sampled_at=judged.moment("sampled_at"),
            weighed_on=judged.moment("weighed_on"),
            confirmed=tuple(question.message for question in self._answered()),
        )

    def _answered(self) -> tuple[Question, ...]:
        """What somebody confirmed here, without what was stored before."""
        return tuple(each for each in self._judged.answered if each.field in self._own)

    @property
    def _own(self) -> frozenset[str]:
        """What is asked here, by its names here and in the form of an assessment."""
        return frozenset({*self.fields, *ASKED_AS})

    def _initial(self) -> dict[str, Any]:
        last, since = self.started.last, self.emergency_since
        answers = self.started.answers
        if last is not None and since is not None and last.made_at >= since:
            # Back from a later page of the same emergency: count, time and bleeding are as fresh as before.
            answers = last.entered
        initial = {name: value for name, value in answers.items() if name in self.base_fields}
        return initial | self._source_of(answers)

    def _source_of(self, answers: Mapping[str, Any]) -> dict[str, str]:
        """How the weight is known, as it is asked here."""
        if answers.get("weight_method") == "estimated":
            said = answers.get("weight_estimate_reason")
            return next(
                ({"weight_source": key} for key, label in ESTIMATES.items() if _reason(label) == said), {}
            )
        if self.started.drafted_at is None and _recorded_on(self.started.last):
            return {"weight_source": RECORDED}
        return {}

    def _sources(self) -> list[tuple[str, str]]:
        recorded = [(RECORDED, f"Measured on {format_date(self.recorded_on)}")] if self.recorded_on else []
        return [(MEASURED_TODAY, "Measured today"), *recorded, *ESTIMATES.items()]

    def _clean_recorded_weight(self) -> None:
        last = self.started.last
        typed = self.cleaned_data.get("weight_kg", UNKNOWN)
        if last is None or self.cleaned_data.get("weight_source") != RECORDED or typed is UNKNOWN:
            return
        stored = last.as_facts().weight_kg
        if stored is not UNKNOWN and stored != typed:
            self.add_error(
                "weight_source",
                ValidationError(
                    f"The weight measured then was {last.facts['weight_kg']} kg: say how this one is known.",
                    code="other_weight",
                ),
            )

    def _carried(self) -> dict[str, Any]:
        """What lasts of earlier answers or stands on record, and is not asked here."""
        on_record = self.started.on_record
        return {
            name: value
            for name, value in self.started.answers.items()
            if name not in self._own and (name not in PERISHABLE or name in on_record)
        }

    def _judge(self, carried: Mapping[str, Any]) -> AssessmentForm:
        """These answers in the form of an assessment."""
        judged = AssessmentForm(
            as_posted({**carried, **self._answers(carried), "consent": self._consent(carried)}),
            protocol=self.protocol,
            now=self.now,
            birth_date=self.patient.birth_date,
            patient_sex=self.patient.sex,
        )
        judged.is_valid()
        return judged

    def _answers(self, carried: Mapping[str, Any]) -> dict[str, Any]:
        typed = as_posted({})
        for name in ("platelets", "platelets_unit", "weight_kg", *GATES, "immunoglobulin_reaction"):
            typed[name] = self.typed.get(name, "")
        typed.setlist("bleeding_sites", self.typed.getlist("bleeding_sites"))
        typed.setlist("confirmed", [*self.typed.getlist("confirmed"), *carried.get("confirmed", ())])
        typed["bleeding_level"] = "life_threatening"
        typed["bleeding_level_reason"] = DECLARED
        moment = self.cleaned_data.get("sampled_at", UNKNOWN)
        if moment is not UNKNOWN:
            typed["sampled_at"] = format_datetime(moment, timezone.get_default_timezone())
        source = self.cleaned_data.get("weight_source", UNKNOWN)
        answers = dict(typed.lists())
        return answers | self._weight_answers(source)

    def _weight_answers(self, source: Any) -> dict[str, Any]:
        today = timezone.localdate(self.now)
        if source in ESTIMATES:
            return {
                "weight_method": "estimated",
                "weight_estimate_reason": _reason(ESTIMATES[source]),
                "weighed_on": format_date(today),
            }
        if source == RECORDED and self.recorded_on:
            return {"weight_method": "measured", "weighed_on": format_date(self.recorded_on)}
        if source == MEASURED_TODAY:
            return {"weight_method": "measured", "weighed_on": format_date(today)}
        return {}

    def _consent(self, carried: Mapping[str, Any]) -> str:
        earlier = str(carried.get("consent", ""))
        return earlier if earlier in ANSWERED_CONSENT else EMERGENCY


class StandDownForm(forms.Form):
    """Why an emergency is over without a treatment signed here."""

    reason = fields.StrictChoiceField(
        label="Why is it over?",
        choices=StandDownReason.choices,
        widget=forms.Select,
        error_messages={"required": "Say why the emergency is stood down."},
    )
    comment = fields.TextField(label="Comment, needed for “Other”", max_length=COMMENT_LENGTH, required=False)

    def clean(self) -> dict[str, Any]:
        is_other = self.cleaned_data.get("reason") == StandDownReason.OTHER
        if is_other and not self.cleaned_data.get("comment") and "comment" not in self.errors:
            self.add_error("comment", "Say which other reason.")
        return self.cleaned_data


def _reason(label: str) -> str:
    """The reason in an answer such as `Estimate: by eye`."""
    return label.partition(": ")[2].capitalize()


def _recorded_on(last: Assessment | None) -> date | None:
    """The day of the last measured weight, if the last assessment knows one."""
    if last is None or last.entered.get("weight_method") != "measured":
        return None
    return last.weighed_on
