"""What pages read: always through the wards of the person who asks, always in a fixed number of queries."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any, Final
from uuid import UUID

from django.db.models import UUIDField
from django.http import Http404
from django.utils import timezone

from ivigsite.accounts.models import User
from ivigsite.audit.actions import record
from ivigsite.encounters.actions import FIELDS, PatientDetails
from ivigsite.encounters.assessment_form import age_on
from ivigsite.encounters.fact_fields import COUNTS, row_choices
from ivigsite.encounters.forms import PatientForm
from ivigsite.encounters.models import Assessment, AssessmentDraft, Encounter, Patient
from ivigsite.encounters.signals import facts_noted
from ivigsite.parsing.dates import format_date, format_datetime
from protocols.engine.facts import FACT_BY_KEY, UNKNOWN, Kind
from protocols.engine.numbers import echo_count, format_decimal
from protocols.engine.protocol import Protocol
from protocols.lifecycle import State
from protocols.models import ProtocolVersion
from protocols.prepared import Prepared, Told
from protocols.reading import current_version, versions_with_people

SEARCH_LIMIT: Final = 50
DRAFT_LIFE: Final = timedelta(hours=24)
VERSIONS_KEPT: Final = 8
# By these a version is known to be what it was: each change raises `version`, and its people may be renamed.
VERSION_COLUMNS: Final = (
    "protocol_version_id",
    "protocol_version__version",
    "protocol_version__state",
    "protocol_version__seal",
    "protocol_version__approver__full_name",
)
_versions: Final[dict[tuple[Any, ...], ProtocolVersion]] = {}
# They change by themselves; the times they are worked out from are what people gave.
AGEING: Final = frozenset(
    {
        "sample_age_hours",
        "weight_age_days",
        "bleeding_seen_age_hours",
        "creatinine_age_hours",
        "age_years",
    }
)
# What must be asked again each time, because yesterday's answer may be wrong today.
PERISHABLE: Final = frozenset(
    {
        "platelets",
        "platelets_unit",
        "sampled_at",
        "who_bleeding_grade",
        "bleeding_sites",
        "bleeding_findings",
        "bleeding_level",
        "bleeding_level_reason",
        "bleeding_level_agreed_by",
        "bleeding_seen_at",
        "bleeding_seen_by",
        "bleeding_instructed_by",
        "urgent_surgery",
        "procedure",
        "hours_to_procedure",
        "rapid_rise",
        "rapid_rise_reason",
        "hours_since_last_ivig",
        "ivig_last_7_days_g_per_kg",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Banner:
    """Who the page is about; what is empty is shown as not known."""

    family_name: str
    given_name: str
    identifier: str
    born: str
    age: str
    sex: str
    weight: str
    allergies: str
    has_allergies: bool
    pregnancy: str | None
    renal_function: str
    place: str
    encounter: Encounter
    withdrawn: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One fact that differs between two assessments."""

    label: str
    before: str
    now: str


def encounter_for(user: User, encounter_id: UUID, *, at: datetime) -> Encounter:
    """The encounter, or 404 and an audit entry where it is on nobody's ward of theirs."""
    # `get` asks for no order, which takes longer to write than the query to run.
    query = Encounter.objects.for_user(user).select_related(
        "patient", "ward", "owner", "opened_by", "closed_by", "protocol_version__approver"
    )
    try:
        return query.get(pk=encounter_id)
    except Encounter.DoesNotExist:
        record(action="encounter.denied", by=user, at=at, object_id=encounter_id)
        raise Http404 from None


def newer_version(encounter: Encounter) -> ProtocolVersion | None:
    """The version in force, where an open encounter keeps to one that is no longer so."""
    if not encounter.is_open or encounter.protocol_version.state == State.APPROVED:
        return None
    return current_version(encounter.protocol_version.slug)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Whom an answer is worked out for, and by which version; all that a preview reads of an encounter."""

    birth_date: date
    sex: str
    version: ProtocolVersion


def subject_for(user: User, encounter_id: UUID, *, at: datetime) -> Subject:
    """The patient and the version of an encounter, or 404 and an audit entry, for each pause in typing."""
    found = _subjects().rows(user=user.pk, encounter=encounter_id)
    if not found:
        record(action="encounter.denied", by=user, at=at, object_id=encounter_id)
        raise Http404
    # Nobody is twice on one ward.
    ((birth_date, sex, *version),) = found
    return Subject(birth_date=birth_date, sex=sex, version=_version_as_it_is(tuple(version)))


@cache
def _subjects() -> Prepared:
    of_user = Encounter.objects.for_user(Told("user", UUIDField()))
    found = of_user.filter(pk=Told("encounter", UUIDField())).order_by()
    return Prepared(found.values_list("patient__birth_date", "patient__sex", *VERSION_COLUMNS))


def _version_as_it_is(columns: tuple[Any, ...]) -> ProtocolVersion:
    """The version with its people, kept while nothing of it has changed: it is read far more often."""
    kept = _versions.get(columns)
    if kept is None:
        if len(_versions) >= VERSIONS_KEPT:
            _versions.clear()
        kept = _versions[columns] = versions_with_people().get(pk=columns[0])
    return kept


def patient_for(user: User, patient_id: UUID, *, at: datetime) -> Patient:
    """The patient, or 404 and an audit entry."""
    found = Patient.objects.for_user(user).filter(pk=patient_id).first()
    if found is None:
        record(action="patient.denied", by=user, at=at, object_id=patient_id)
        raise Http404
    return found


def assessment_for(user: User, assessment_id: UUID, *, at: datetime) -> Assessment:
    """The assessment, or 404 and an audit entry."""
    found = (
        Assessment.objects.select_related(
            "encounter__patient",
            "encounter__ward",
            "made_by",
            "replaces",
            "encounter__protocol_version",
            "protocol_version__approver",
        )
        .filter(pk=assessment_id, encounter__ward__users=user)
        .first()
    )
    if found is None:
        record(action="assessment.denied", by=user, at=at, object_id=assessment_id)
        raise Http404
    return found


def encounters_of(patient: Patient, user: User) -> list[Encounter]:
    """The patient's encounters on this person's wards, newest first."""
    return list(
        Encounter.objects.for_user(user)
        .filter(patient=patient)
        .select_related("ward", "owner", "protocol_version")
    )


def search(user: User, text: str) -> list[Patient]:
    """Patients of this person's wards by record number or name."""
    return list(Patient.objects.for_user(user).matching(text)[:SEARCH_LIMIT]) if text.strip() else []


def banner_of(encounter: Encounter, last: Assessment | None, *, at: datetime) -> Banner:
    """What always stays visible of the patient, from the record and the last assessment."""
    patient = encounter.patient
    facts = last.facts if last else {}
    age = age_on(patient.birth_date, timezone.localdate(at))
    return Banner(
        family_name=patient.family_name,
        given_name=f"{patient.given_name} ({patient.title})" if patient.title else patient.given_name,
        identifier=patient.record_number,
        born=format_date(patient.birth_date),
        age=f"{age} years",
        sex=patient.get_sex_display(),
        weight=_weight(facts, last),
        allergies=patient.allergies or ("" if patient.allergies_known == "not_recorded" else "None known"),
        has_allergies=bool(patient.allergies),
        pregnancy=_pregnancy(patient, facts),
        renal_function=_creatinine(facts),
        place=f"{encounter.ward.name}, bed {encounter.bed}" if encounter.bed else encounter.ward.name,
        encounter=encounter,
        withdrawn=withdrawn_because(encounter),
    )


def withdrawn_because(encounter: Encounter) -> str:
    """Why the version that an open encounter keeps to was withdrawn; empty where it was not."""
    version = encounter.protocol_version
    return version.end_reason if encounter.is_open and version.state == State.WITHDRAWN else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OnRecord:
    """Answers that a form of facts starts with because of what is on record: said in a finding above it.

    They stand above a draft that was saved before `noted_at`; without it above every draft.
    """

    answers: Mapping[str, str]
    level: str
    source: str
    action: str
    noted_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StartingAnswers:
    """What a form starts with, and which assessment or draft it was taken from."""

    answers: dict[str, Any]
    last: Assessment | None
    drafted_at: datetime | None
    noted: tuple["OnRecord", ...] = ()

    @property
    def on_record(self) -> dict[str, str]:
        """The answers that stand on record, whatever an assessment said."""
        return {field: answer for each in self.noted for field, answer in each.answers.items()}

    @property
    def carried(self) -> dict[str, Any]:
        """The answers that the last assessment gave; those of a draft are its author's own."""
        if self.last is None or self.drafted_at is not None:
            return {}
        entered = self.last.entered
        return {name: value for name, value in self.answers.items() if entered.get(name) == value}

    @property
    def settled(self) -> frozenset[str]:
        """The answers that need no second look, unlikely or not: each was stored once, after it had one."""
        if self.drafted_at is None:
            return frozenset(self.answers)
        entered = {} if self.last is None else self.last.entered
        same = {name for name, value in self.answers.items() if entered.get(name) == value}
        # The same figure in another unit is another value.
        in_another = {name for name in same if f"{name}_unit" in self.answers.keys() - same}
        return frozenset(same - in_another | self.on_record.keys())

    @property
    def carried_from(self) -> str:
        """When the last assessment was made, such as `14:05, 22-Nov-2026`."""
        return "" if self.last is None else f"{timezone.localtime(self.last.made_at):%H:%M, %d-%b-%Y}"


def starting_answers(encounter: Encounter, user: User, *, at: datetime) -> StartingAnswers:
    """A draft younger than a day, else what lasts of the last assessment; what is on record stands above."""
    started = _starting_answers(encounter, user, at=at)
    told: list[tuple[Any, Any]] = facts_noted.send(sender=Encounter, encounter=encounter, at=at)
    noted = tuple(
        row
        for _, rows in told
        for row in rows
        if started.drafted_at is None or row.noted_at is None or started.drafted_at < row.noted_at
    )
    started = replace(started, noted=noted)
    return replace(started, answers=started.answers | started.on_record)


def _starting_answers(encounter: Encounter, user: User, *, at: datetime) -> StartingAnswers:
    last = encounter.assessments.defer("outcome", "facts").first()
    draft = AssessmentDraft.objects.filter(
        encounter=encounter, author=user, saved_at__gte=at - DRAFT_LIFE
    ).first()
    if draft is not None:
        return StartingAnswers(answers=dict(draft.entered), last=last, drafted_at=draft.saved_at)
    lasting = {
        name: value for name, value in (last.entered if last else {}).items() if name not in PERISHABLE
    }
    lasting |= _measured_since(encounter, last)
    return StartingAnswers(answers=lasting, last=last, drafted_at=None)


# What a result calls it, and what the form of facts calls it.
MEASURED_AS: Final = {
    "platelets_per_ul": "platelets",
    "platelets_per_ul_unit": "platelets_unit",
    "creatinine_umol_per_l": "creatinine_umol_per_l",
    "creatinine_umol_per_l_unit": "creatinine_umol_per_l_unit",
    "who_bleeding_grade": "who_bleeding_grade",
}


def _measured_since(encounter: Encounter, last: Assessment | None) -> dict[str, Any]:
    """What checks found after the last assessment, as it was typed, with the time of the count's sample."""
    results = encounter.observations.standing().order_by("taken_at")
    if last is not None:
        results = results.filter(entered_at__gt=last.made_at)
    found: dict[str, Any] = {}
    for result in results:
        found |= {MEASURED_AS[key]: value for key, value in result.entered.items() if key in MEASURED_AS}
        if "platelets_per_ul" in result.entered:
            found["sampled_at"] = format_datetime(result.taken_at, timezone.get_default_timezone())
    return found


def assessments_of(encounter: Encounter) -> list[Assessment]:
    """The encounter's assessments, newest first, without what they knew and said."""
    made = encounter.assessments.select_related("made_by")
    return list(made.defer("entered", "facts", "outcome"))


def details_that_differ(patient: Patient, details: PatientDetails) -> tuple[Change, ...]:
    """Where a corrected record and what somebody typed meanwhile disagree."""
    pairs = ((name, getattr(patient, name), getattr(details, name)) for name in FIELDS)
    return tuple(
        Change(label=str(PatientForm.base_fields[name].label), before=_detail(before), now=_detail(now))
        for name, before, now in pairs
        if before != now
    )


def _detail(value: Any) -> str:
    if isinstance(value, date):
        return format_date(value)
    return str(value).replace("_", " ") or "Not recorded"


def changes_between(
    before: Mapping[str, Any], now: Mapping[str, Any], protocol: Protocol
) -> tuple[Change, ...]:
    """The facts two assessments differ in, in the catalogue's order."""
    return tuple(
        Change(
            label=definition.label,
            before=fact_words(key, before.get(key), protocol),
            now=fact_words(key, now.get(key), protocol),
        )
        for key, definition in FACT_BY_KEY.items()
        if before.get(key) != now.get(key) and key not in AGEING
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownFact:
    """One fact of an assessment in words, under the section it was asked in."""

    section: str
    label: str
    words: str


def known_facts(facts: Mapping[str, Any], protocol: Protocol) -> tuple[KnownFact, ...]:
    """What an assessment knew, in the catalogue's order."""
    return tuple(
        KnownFact(
            section=definition.section.value,
            label=definition.label,
            words=fact_words(key, facts[key], protocol),
        )
        for key, definition in FACT_BY_KEY.items()
        if key in facts
    )


def fact_words(key: str, value: Any, protocol: Protocol | None = None) -> str:
    """A stored fact as people say it; what is absent is not known. A row has its name from its protocol."""
    definition = FACT_BY_KEY[key]
    if value is None or value is UNKNOWN:
        return "Not known"
    if key in COUNTS.values():
        return echo_count(value)
    if definition.kind is Kind.ROW and protocol is not None:
        return dict(row_choices(protocol, definition.rows)).get(value, str(value))
    if definition.kind is Kind.YES_NO:
        return "Yes" if value else "No"
    if definition.kind is Kind.CHOICES:
        return ", ".join(dict(definition.choices)[item] for item in value) or "None of these"
    if definition.kind in (Kind.CHOICE, Kind.ROW):
        return dict(definition.choices).get(value, str(value).replace("_", " "))
    if definition.kind is Kind.TEXT:
        return str(value)
    if key == "who_bleeding_grade":
        return f"Grade {value}"
    return f"{format_decimal(Decimal(value))} {definition.unit}".rstrip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened in an encounter: when, by whom, and where to read more."""

    at: datetime
    who: User
    title: str
    text: str
    url: str
    grade: int | None = None


def timeline(
    encounter: Encounter,
    assessments: list[Assessment],
    order_sets: Iterable[Any],
    results: Iterable[Any] = (),
    paper_orders: Iterable[Any] = (),
) -> list[Event]:
    """Everything that happened, newest first."""
    events = [
        Event(at=encounter.opened_at, who=encounter.opened_by, title="Encounter opened", text="", url="")
    ]
    for made in assessments:
        count = "Count not known" if made.platelets_per_ul is None else echo_count(made.platelets_per_ul)
        events.append(
            Event(
                at=made.made_at,
                who=made.made_by,
                title=f"Assessment {made.number}",
                text=count,
                url=made.get_absolute_url(),
                grade=made.grade,
            )
        )
    for order_set in order_sets:
        url = order_set.get_absolute_url()
        title = f"Order set {order_set.code}"
        events.append(
            Event(
                at=order_set.signed_at,
                who=order_set.signed_by,
                title=f"{title} signed",
                text=f"From assessment {order_set.assessment.number}",
                url=url,
            )
        )
        if not order_set.is_active:
            ending = order_set.ending
            events.append(
                Event(
                    at=ending.at,
                    who=ending.by,
                    title=f"{title}: {ending.get_kind_display().lower()}",
                    text=ending.reason,
                    url=url,
                )
            )
    events += [
        Event(
            at=move.moved_at,
            who=move.moved_by,
            title=f"Moved to version {move.after.number} of the protocol",
            text=f"From version {move.before.number}; {move.changes} differences shown",
            url="",
        )
        for move in encounter.moves.select_related("before", "after", "moved_by")
    ]
    for result in results:
        events += _of_result(result)
    events += [_of_paper(entry) for entry in paper_orders]
    if encounter.closed_at is not None and encounter.closed_by is not None:
        events.append(
            Event(
                at=encounter.closed_at,
                who=encounter.closed_by,
                title="Encounter closed",
                text=encounter.close_reason,
                url="",
            )
        )
    return sorted(events, key=lambda event: event.at, reverse=True)


def _of_paper(entry: Any) -> Event:
    """At the time on the paper, where the treatment was; who entered it, and when, is said beside it."""
    ordered = timezone.localtime(entry.ordered_at)
    entered = format_datetime(entry.entered_at, timezone.get_default_timezone())
    return Event(
        at=entry.ordered_at,
        who=entry.entered_by,
        title=f"Ordered on paper{', corrected since' if entry.is_corrected else ''}",
        text=f"{entry.drug} {entry.dose}, form {entry.form_number}, by"
        f" {entry.ordered_by} at {ordered:%H:%M}; entered {entered} by",
        url="",
    )


def _of_result(result: Any) -> Iterable[Event]:
    level = result.get_level_display()
    yield Event(
        at=result.taken_at, who=result.entered_by, title=f"{result.title}: {level.lower()}", text="", url=""
    )
    if acknowledged := getattr(result, "acknowledgement", None):
        yield Event(
            at=acknowledged.at,
            who=acknowledged.by,
            title=f"{level} taken on",
            text=acknowledged.comment,
            url="",
        )
    if released := getattr(result, "release", None):
        yield Event(at=released.at, who=released.by, title="Hold released", text=released.reason, url="")


def _weight(facts: Mapping[str, Any], last: Assessment | None) -> str:
    if "weight_kg" not in facts:
        return ""
    words = f"{facts['weight_kg']} kg"
    if facts.get("weight_method") == "estimated":
        words += " (estimated)"
    if last is not None and last.weighed_on is not None:
        words += f", {format_date(last.weighed_on)}"
    return words


def _pregnancy(patient: Patient, facts: Mapping[str, Any]) -> str | None:
    if patient.sex == "male":
        return None
    if "pregnant" not in facts:
        return ""
    return "Pregnant" if facts["pregnant"] else "Not pregnant"


def _creatinine(facts: Mapping[str, Any]) -> str:
    value = facts.get("creatinine_umol_per_l")
    return f"Creatinine {format_decimal(Decimal(value))} micromol per L" if value else ""
