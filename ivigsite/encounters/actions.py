"""What changes patients, encounters and assessments; one transaction each, with its audit entry."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from django.db import IntegrityError, transaction

from ivigsite.accounts.models import User, Ward
from ivigsite.audit.actions import record
from ivigsite.encounters.models import (
    Assessment,
    AssessmentDraft,
    EmergencyEnding,
    EmergencyEndingKind,
    EmergencyStart,
    Encounter,
    Patient,
)
from ivigsite.encounters.signals import assessment_made, encounter_closed
from ivigsite.parsing.text import fold
from protocols.engine.answers import FORMAT, answer_of, answer_to_plain
from protocols.engine.decision import evaluate
from protocols.engine.facts import Facts
from protocols.engine.facts_json import facts_to_plain
from protocols.engine.outcome import outcome_to_plain
from protocols.mapping import load_protocol_value
from protocols.models import ProtocolVersion


class PatientChanged(Exception):
    """Somebody else corrected the patient since the page was made; nothing was stored."""

    def __init__(self, current: Patient) -> None:
        super().__init__("This patient's record was changed by somebody else in the meantime.")
        self.current = current


class EncounterChanged(Exception):
    """Somebody else changed the encounter since the page was made; nothing was stored."""

    def __init__(self, current: Encounter) -> None:
        super().__init__("This encounter was changed by somebody else in the meantime.")
        self.current = current


class EncounterClosed(Exception):
    """A closed encounter takes no new assessments."""


class NoEmergency(Exception):
    """There is no running emergency in this encounter: somebody else ended it."""


class OpenElsewhere(Exception):
    """The patient has an open encounter on another ward, which has to be closed there first."""


class KeyTaken(Exception):
    """The idempotency key belongs to another act: a form was sent to the wrong page, or made up."""


class RecordNumberTaken(Exception):
    """The record number belongs to somebody with another name or date of birth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientDetails:
    """What identifies a patient, and what is known of allergies."""

    record_number: str
    family_name: str
    given_name: str
    title: str
    birth_date: date
    sex: str
    allergies_known: str
    allergies: str


FIELDS: Final = tuple(field.name for field in fields(PatientDetails))


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One filled form: the facts, the words they were typed in, and when sample and weight were taken."""

    facts: Facts
    entered: Mapping[str, Any]
    sampled_at: datetime | None
    weighed_on: date | None
    # The unlikely values somebody confirmed, in the words of the question.
    confirmed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the patient lies, and the version of the protocol that the encounter will keep to."""

    ward: Ward
    bed: str
    protocol_version: ProtocolVersion


@transaction.atomic
def admit_patient(
    *,
    details: PatientDetails,
    place: Place,
    idempotency_key: UUID,
    entered: Mapping[str, Any],
    by: User,
    at: datetime,
) -> Encounter:
    """Register the patient, or find one known by number, name and birth date, and open the encounter.

    `entered` are the answers of a quick check, kept as a draft. Raises `RecordNumberTaken` and what
    `open_encounter` raises.
    """
    if there := _opened_with(idempotency_key, by):
        return there
    patient = _registered(details, by, at)
    if not is_same_person(patient, details):
        raise RecordNumberTaken
    encounter = open_encounter(patient=patient, place=place, idempotency_key=idempotency_key, by=by, at=at)
    if entered:
        save_draft(encounter=encounter, entered=entered, by=by, at=at)
    return encounter


def is_same_person(patient: Patient, details: PatientDetails) -> bool:
    """Whether name and birth date agree, accents and case aside; the record number alone is not enough."""
    names = fold(f"{details.family_name} {details.given_name}")
    return (
        names == fold(f"{patient.family_name} {patient.given_name}")
        and details.birth_date == patient.birth_date
    )


@transaction.atomic
def correct_patient(
    *, patient: Patient, version: int, details: PatientDetails, by: User, at: datetime
) -> Patient:
    """Change what is recorded of a patient; raises `PatientChanged` and `RecordNumberTaken`."""
    stored = Patient.objects.select_for_update().get(pk=patient.pk)
    if stored.version != version:
        raise PatientChanged(stored)
    if Patient.objects.filter(record_number=details.record_number).exclude(pk=stored.pk).exists():
        raise RecordNumberTaken
    changed = [name for name in FIELDS if getattr(stored, name) != getattr(details, name)]
    _fill(stored, details)
    stored.version += 1
    stored.save()
    record(
        action="patient.corrected",
        by=by,
        at=at,
        object_id=stored.pk,
        # Names of fields only: the trail says who changed what, not what patients are called.
        details={"version": stored.version, "changed": changed},
    )
    return stored


@transaction.atomic
def open_encounter(
    *, patient: Patient, place: Place, idempotency_key: UUID, by: User, at: datetime
) -> Encounter:
    """Open the patient's encounter; the same key, or one that is open on this ward, gives the one there is.

    Raises `OpenElsewhere` and `KeyTaken`.
    """
    # Locked, so that two people who open an encounter at once get the same one.
    Patient.objects.select_for_update().get(pk=patient.pk)
    if there := _opened_with(idempotency_key, by):
        if there.patient_id != patient.pk:
            raise KeyTaken
        return there
    if is_open := Encounter.objects.open().filter(patient=patient).first():
        if is_open.ward_id != place.ward.pk:
            raise OpenElsewhere
        return is_open
    encounter = Encounter.objects.create(
        patient=patient,
        ward=place.ward,
        bed=place.bed,
        owner=by,
        protocol_version=place.protocol_version,
        opened_at=at,
        opened_by=by,
        idempotency_key=idempotency_key,
    )
    record(
        action="encounter.opened",
        by=by,
        at=at,
        object_id=encounter.pk,
        details={
            "patient": patient.pk,
            "ward": place.ward.pk,
            "protocol_seal": place.protocol_version.seal,
        },
    )
    return encounter


@transaction.atomic
def record_assessment(
    *, encounter: Encounter, version: int, entry: Entry, idempotency_key: UUID, by: User, at: datetime
) -> Assessment:
    """Evaluate the facts on the encounter's protocol version and store both; the same key stores once.

    Raises `EncounterChanged` when it changed since the form was shown, `EncounterClosed` and `KeyTaken`.
    """
    locked = Encounter.objects.select_for_update().get(pk=encounter.pk)
    if there := Assessment.objects.filter(idempotency_key=idempotency_key).first():
        if there.encounter_id != locked.pk or there.made_by_id != by.pk:
            raise KeyTaken
        return there
    if not locked.is_open:
        raise EncounterClosed
    if locked.version != version:
        raise EncounterChanged(locked)
    last = locked.assessments.first()
    protocol = load_protocol_value(locked.protocol_version)
    facts = facts_to_plain(entry.facts)
    outcome = outcome_to_plain(protocol, evaluate(protocol, entry.facts))
    assessment = Assessment.objects.create(
        encounter=locked,
        number=last.number + 1 if last else 1,
        replaces=last,
        made_at=at,
        made_by=by,
        protocol_version=locked.protocol_version,
        seal=locked.protocol_version.seal,
        entered=dict(entry.entered),
        facts=facts,
        outcome=outcome,
        answer=answer_to_plain(answer_of(outcome)),
        answer_format=FORMAT,
        platelets_per_ul=facts.get("platelets_per_ul"),
        grade=outcome["grade"],
        sampled_at=entry.sampled_at,
        weighed_on=entry.weighed_on,
        idempotency_key=idempotency_key,
    )
    locked.version += 1
    locked.save(update_fields=["version"])
    locked.drafts.filter(author=by).delete()
    assessment_made.send(sender=Assessment, assessment=assessment, by=by, at=at)
    record(
        action="assessment.made",
        by=by,
        at=at,
        object_id=assessment.pk,
        details={
            "encounter": locked.pk,
            "number": assessment.number,
            "outcome": outcome["outcome"],
            "branch": outcome["branch"],
            "confirmed": entry.confirmed,
        },
    )
    return assessment


@transaction.atomic
def save_draft(
    *, encounter: Encounter, entered: Mapping[str, Any], by: User, at: datetime
) -> AssessmentDraft:
    """Keep answers for this person to go on with; the next assessment they make takes its place."""
    draft, _ = AssessmentDraft.objects.update_or_create(
        encounter=encounter, author=by, defaults={"entered": dict(entered), "saved_at": at}
    )
    return draft


@transaction.atomic
def close_encounter(*, encounter: Encounter, version: int, reason: str, by: User, at: datetime) -> Encounter:
    """End the encounter; raises `EncounterChanged` when it changed or was closed since the page was made."""
    locked = Encounter.objects.select_for_update().get(pk=encounter.pk)
    if locked.version != version or not locked.is_open:
        raise EncounterChanged(locked)
    locked.closed_at, locked.closed_by, locked.close_reason = at, by, reason
    locked.version += 1
    locked.save(update_fields=["closed_at", "closed_by", "close_reason", "version"])
    end_emergency(encounter=locked, kind=EmergencyEndingKind.CLOSED, by=by, at=at)
    encounter_closed.send(sender=Encounter, encounter=locked, reason=reason, by=by, at=at)
    record(action="encounter.closed", by=by, at=at, object_id=locked.pk, details={"reason": reason})
    return locked


@transaction.atomic
def start_emergency(*, encounter: Encounter, by: User, at: datetime) -> EmergencyStart:
    """Start the clock of life-threatening bleeding; where one runs already, that one goes on.

    Raises `EncounterClosed`.
    """
    # Locked, so that two people who press at once get one clock.
    locked = Encounter.objects.select_for_update().get(pk=encounter.pk)
    if not locked.is_open:
        raise EncounterClosed
    last = locked.emergencies.select_related("ending").first()
    if last is not None and not hasattr(last, "ending"):
        return last
    started = EmergencyStart.objects.create(
        encounter=locked, number=last.number + 1 if last else 1, started_at=at, started_by=by
    )
    record(
        action="emergency.started",
        by=by,
        at=at,
        object_id=started.pk,
        details={"encounter": locked.pk, "number": started.number},
    )
    return started


@transaction.atomic
def assess_emergency(
    *, encounter: Encounter, version: int, entry: Entry, idempotency_key: UUID, by: User, at: datetime
) -> Assessment:
    """Store an assessment as `record_assessment` does, with the clock running; raises the same.

    A form that comes twice starts no second clock: its emergency may be over by then.
    """
    made = record_assessment(
        encounter=encounter, version=version, entry=entry, idempotency_key=idempotency_key, by=by, at=at
    )
    if made.made_at == at:
        start_emergency(encounter=encounter, by=by, at=at)
    return made


@transaction.atomic
def stand_down_emergency(
    *, encounter: Encounter, reason: str, comment: str, by: User, at: datetime
) -> EmergencyEnding:
    """Stop the clock without a treatment, for a coded reason; raises `NoEmergency`."""
    Encounter.objects.select_for_update().get(pk=encounter.pk)
    ending = end_emergency(
        encounter=encounter,
        kind=EmergencyEndingKind.STOOD_DOWN,
        reason=reason,
        comment=comment,
        by=by,
        at=at,
    )
    if ending is None:
        raise NoEmergency
    return ending


@transaction.atomic
def end_emergency(
    *, encounter: Encounter, kind: str, by: User, at: datetime, reason: str = "", comment: str = ""
) -> EmergencyEnding | None:
    """Stop the running clock, if there is one; call it behind the lock of the encounter."""
    running = encounter.emergencies.filter(ending=None).first()
    if running is None:
        return None
    ending = EmergencyEnding.objects.create(
        start=running, kind=kind, reason=reason, comment=comment, ended_at=at, ended_by=by
    )
    record(
        action="emergency.ended",
        by=by,
        at=at,
        object_id=running.pk,
        details={"encounter": encounter.pk, "kind": kind, "reason": reason},
    )
    return ending


def _opened_with(idempotency_key: UUID, by: User) -> Encounter | None:
    there = Encounter.objects.filter(idempotency_key=idempotency_key).first()
    if there is not None and there.opened_by_id != by.pk:
        raise KeyTaken
    return there


def _registered(details: PatientDetails, by: User, at: datetime) -> Patient:
    """The patient with this record number, whoever registered them first; locked."""
    numbered = Patient.objects.select_for_update().filter(record_number=details.record_number)
    if there := numbered.first():
        return there
    patient = Patient(registered_at=at, registered_by=by)
    _fill(patient, details)
    try:
        with transaction.atomic():
            patient.save(force_insert=True)
    except IntegrityError:
        # A double click: the other request was faster by less than a query.
        return numbered.get()
    record(action="patient.registered", by=by, at=at, object_id=patient.pk)
    return patient


def _fill(patient: Patient, details: PatientDetails) -> None:
    for name in FIELDS:
        setattr(patient, name, getattr(details, name))
    patient.remember_for_search()
