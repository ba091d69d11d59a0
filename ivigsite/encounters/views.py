from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core import signing
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from ivigsite.accounts.http import SignedInRequest
from ivigsite.accounts.models import User
from ivigsite.accounts.permissions import Permission, allow, never_extends_session
from ivigsite.audit.actions import record
from ivigsite.encounters import actions, selectors
from ivigsite.encounters import board as board_lines
from ivigsite.encounters.advice import present
from ivigsite.encounters.assessment_form import AssessmentForm, FactsForm, QuickCheckForm, as_posted
from ivigsite.encounters.emergency import clock_of, emergency_at
from ivigsite.encounters.emergency_form import StandDownForm
from ivigsite.encounters.form_layout import helper_for
from ivigsite.encounters.forms import (
    VERSION_DIGITS,
    EncounterForm,
    PatientForm,
    SaveForm,
    save_form_for,
)
from ivigsite.encounters.models import Assessment, Encounter, Patient
from ivigsite.encounters.preview import preview
from ivigsite.encounters.role_views import panels_for
from protocols.engine.facts_json import facts_to_plain
from protocols.mapping import load_protocol_value
from protocols.models import ProtocolVersion
from protocols.reading import NoApprovedProtocol, current_protocol, status_line

CARRIED_SALT = "quick-check"
CARRIED_SECONDS = 12 * 60 * 60
# Known from the patient's record once there is one.
NOT_CARRIED = {"age_years", "sex"}
SEARCH_LENGTH = 80

read_patients = allow(Permission.VIEW_PATIENTS)
edit_encounters = allow(Permission.EDIT_ENCOUNTERS)
methods_of_a_form = require_http_methods(["GET", "HEAD", "POST"])
View = Callable[..., HttpResponse]


def needs_protocol(view: View) -> View:
    """Say that nothing can be computed where no protocol is approved."""

    @wraps(view)
    def checked(request: SignedInRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except NoApprovedProtocol:
            return render(request, "encounters/no_protocol.html", status=503)

    return checked


@allow(Permission.READ_PROTOCOL)
@methods_of_a_form
@needs_protocol
def quick_check(request: SignedInRequest) -> HttpResponse:
    version, protocol = current_protocol()
    now = timezone.now()
    if request.htmx:
        return _preview_of(request, QuickCheckForm(request.POST, protocol=protocol, now=now), version)
    form = QuickCheckForm(request.POST or None, protocol=protocol, now=now)
    context = {
        "form": form,
        "helper": helper_for(form),
        "preview": preview(form, request.user) if form.is_bound else None,
        "version": version,
        "protocol_status": status_line(version),
    }
    return render(request, "encounters/quick_check.html", context, status=_status(form))


@edit_encounters
@methods_of_a_form
@needs_protocol
def new_patient(request: SignedInRequest) -> HttpResponse:
    now = timezone.now()
    is_filled = request.method == "POST" and "record_number" in request.POST
    # A quick check arrives with its answers and no patient; they are carried until there is an encounter.
    carried = request.POST.get("carried", "") if is_filled else _carry(request)
    data = request.POST if is_filled else None
    form, place = PatientForm(data, now=now), EncounterForm(data, user=request.user)
    if is_filled and form.is_valid() & place.is_valid():
        known = form.known_patient
        try:
            opened = actions.admit_patient(
                details=form.to_details(),
                place=_place(place),
                idempotency_key=place.cleaned_data["idempotency_key"],
                entered=_carried_answers(carried),
                by=request.user,
                at=now,
            )
        except actions.RecordNumberTaken:
            form.refuse_number()
        except actions.OpenElsewhere:
            place.refuse_ward()
        except actions.KeyTaken:
            return render(request, "409.html", status=409)
        else:
            if known is not None:
                messages.info(request, "This patient was registered before: check what is recorded.")
            if "emergency" in request.POST:
                actions.start_emergency(encounter=opened, by=request.user, at=now)
                return redirect("emergency", opened.pk)
            return redirect("assess", opened.pk)
    context = {
        "form": form,
        "place": place,
        "carried": carried,
        "is_emergency": "emergency" in request.POST,
    }
    return render(request, "encounters/new_patient.html", context, status=_status(form, place))


@read_patients
@require_safe
def patient(request: SignedInRequest, patient_id: UUID) -> HttpResponse:
    now = timezone.now()
    found = selectors.patient_for(request.user, patient_id, at=now)
    record(action="patient.viewed", by=request.user, at=now, object_id=found.pk)
    return _patient_page(request, found, EncounterForm(user=request.user))


@edit_encounters
@methods_of_a_form
def correct(request: SignedInRequest, patient_id: UUID) -> HttpResponse:
    now = timezone.now()
    found = selectors.patient_for(request.user, patient_id, at=now)
    form = PatientForm(request.POST or None, now=now, patient=found, initial=_details_of(found))
    seen = request.POST.get("version", str(found.version))
    if form.is_valid():
        try:
            actions.correct_patient(
                patient=found,
                version=_version_seen(seen),
                details=form.to_details(),
                by=request.user,
                at=now,
            )
        except actions.PatientChanged as changed:
            return _patient_conflict(request, form, changed.current)
        except actions.RecordNumberTaken:
            form.refuse_number()
        else:
            messages.success(request, "The patient's record is corrected.")
            return redirect("patient", found.pk)
    context = {"form": form, "patient": found, "version": seen, **_open_encounter(found, request.user)}
    return render(request, "encounters/correct_patient.html", context, status=_status(form))


@edit_encounters
@require_POST
@needs_protocol
def open_for(request: SignedInRequest, patient_id: UUID) -> HttpResponse:
    now = timezone.now()
    found = selectors.patient_for(request.user, patient_id, at=now)
    place = EncounterForm(request.POST, user=request.user)
    if not place.is_valid():
        return _patient_page(request, found, place)
    try:
        opened = actions.open_encounter(
            patient=found,
            place=_place(place),
            idempotency_key=place.cleaned_data["idempotency_key"],
            by=request.user,
            at=now,
        )
    except actions.OpenElsewhere:
        place.refuse_ward()
        return _patient_page(request, found, place)
    except actions.KeyTaken:
        return render(request, "409.html", status=409)
    return redirect("assess", opened.pk)


@read_patients
@require_http_methods(["GET", "HEAD", "POST"])
def search(request: SignedInRequest) -> HttpResponse:
    # By POST, so that no name stands in an address, a history or a log.
    text = request.POST.get("q", "").replace("\0", "")[:SEARCH_LENGTH]
    patients = selectors.search(request.user, text)
    if text.strip():
        record(
            action="patients.searched",
            by=request.user,
            at=timezone.now(),
            details={"found": len(patients)},
        )
    context = {"query": text, "patients": patients, "limit": selectors.SEARCH_LIMIT}
    return render(request, "encounters/search.html", context)


@read_patients
@require_safe
def encounter(request: SignedInRequest, encounter_id: UUID) -> HttpResponse:
    now = timezone.now()
    found = selectors.encounter_for(request.user, encounter_id, at=now)
    record(action="encounter.viewed", by=request.user, at=now, object_id=found.pk)
    assessments = selectors.assessments_of(found)
    order_sets = list(
        found.order_sets.defer("content").select_related("signed_by", "assessment", "ending__by")
    )
    # What needed somebody; ordinary results stand on the checklist.
    results = list(
        found.observations.filter(level__in=["alert", "critical"]).select_related(
            "entered_by", "acknowledgement__by", "release__by"
        )
    )
    paper_orders = list(found.paper_orders.select_related("entered_by", "correction"))
    last = found.assessments.select_related("made_by", "protocol_version").first()
    context: dict[str, Any] = {
        "encounter": found,
        "banner": selectors.banner_of(found, last, at=now),
        "last": last,
        "order_sets": order_sets,
        "paper_orders": paper_orders,
        "events": selectors.timeline(found, assessments, order_sets, results, paper_orders),
        "clock": clock_of(found, at=now),
        "clock_last": last is not None and emergency_at(found, last.made_at) is not None,
        "stand_down": StandDownForm(auto_id="id_stand_down_%s"),
        "newer": selectors.newer_version(found),
        "last_is_older": last is not None and last.protocol_version_id != found.protocol_version_id,
        "version": found.protocol_version,
        "protocol_status": status_line(found.protocol_version),
    }
    if last is not None:
        # By the version it was made on, which need not be the one the encounter has been taken to since.
        protocol = load_protocol_value(last.protocol_version)
        advice = present(protocol, last.outcome, last.as_facts(), at=last.made_at)
        context |= {"advice": advice, "panels": panels_for(request.user.role_view, advice)}
    return render(request, "encounters/encounter.html", context)


@read_patients
@never_extends_session
@require_safe
def standing(request: SignedInRequest, encounter_id: UUID) -> HttpResponse:
    """Whether the protocol still stands, for a page that is open; no words where it says the same already."""
    found = selectors.encounter_for(request.user, encounter_id, at=timezone.now())
    withdrawn = selectors.withdrawn_because(found)
    if bool(withdrawn) == ("withdrawn" in request.GET):
        return HttpResponse(status=204)
    context = {"encounter": found, "withdrawn": withdrawn}
    return render(request, "encounters/_standing.html", context)


@edit_encounters
@methods_of_a_form
def assess(request: SignedInRequest, encounter_id: UUID) -> HttpResponse:
    now = timezone.now()
    if request.htmx:
        subject = selectors.subject_for(request.user, encounter_id, at=now)
        return _preview_of(request, _form_about(subject, request.POST, {}), subject.version)
    found = selectors.encounter_for(request.user, encounter_id, at=now)
    if not found.is_open:
        return render(request, "encounters/closed.html", {"encounter": found}, status=409)
    started = selectors.starting_answers(found, request.user, at=now)
    form = _assessment_form(found, request.POST or None, started.answers)
    form.carried, form.carried_from = started.carried, started.carried_from
    save = SaveForm(request.POST) if form.is_bound else save_form_for(found)
    is_saving = "save" in request.POST
    if is_saving and form.is_valid() & save.is_valid():
        return _save(request, found, form, save)
    context = {**_assess_context(request, found, form), "save": save, "started": started}
    status = _status(form, save) if is_saving else _status(form)
    return render(request, "encounters/assess.html", context, status=status)


@read_patients
@require_safe
def assessment(request: SignedInRequest, assessment_id: UUID) -> HttpResponse:
    now = timezone.now()
    found = selectors.assessment_for(request.user, assessment_id, at=now)
    record(action="assessment.viewed", by=request.user, at=now, object_id=found.pk)
    protocol = load_protocol_value(found.protocol_version)
    before = found.replaces
    advice = present(protocol, found.outcome, found.as_facts(), at=found.made_at)
    context = {
        "assessment": found,
        "encounter": found.encounter,
        "banner": selectors.banner_of(found.encounter, found, at=now),
        "advice": advice,
        "panels": panels_for(request.user.role_view, advice),
        "version": found.protocol_version,
        "protocol_status": status_line(found.protocol_version),
        "before": before,
        "changes": selectors.changes_between(before.facts, found.facts, protocol) if before else (),
        "newer": selectors.newer_version(found.encounter),
        "last_is_older": found.protocol_version_id != found.encounter.protocol_version_id,
        "is_newest": not found.encounter.assessments.filter(number__gt=found.number).exists(),
        "facts": selectors.known_facts(found.facts, protocol),
    }
    return render(request, "encounters/assessment.html", context)


def _preview_of(request: SignedInRequest, form: FactsForm, version: ProtocolVersion) -> HttpResponse:
    """The recommendation alone, never the form: what has the focus must stay where it is."""
    context = {
        "form": form,
        "preview": preview(form, request.user),
        "version": version,
        "protocol_status": status_line(version),
    }
    return render(request, "encounters/_preview.html", context)


def _assessment_form(found: Encounter, data: Any, answers: dict[str, Any]) -> AssessmentForm:
    subject = selectors.Subject(
        birth_date=found.patient.birth_date, sex=found.patient.sex, version=found.protocol_version
    )
    return _form_about(subject, data, answers)


def _form_about(subject: selectors.Subject, data: Any, answers: dict[str, Any]) -> AssessmentForm:
    return AssessmentForm(
        data,
        protocol=load_protocol_value(subject.version),
        now=timezone.now(),
        birth_date=subject.birth_date,
        patient_sex=subject.sex,
        initial=answers,
    )


def _assess_context(request: SignedInRequest, found: Encounter, form: AssessmentForm) -> dict[str, Any]:
    last = found.assessments.first()
    # What is carried over is evaluated at once, so that the panel agrees with the form beside it.
    read = form if form.is_bound else _assessment_form(found, as_posted(form.initial), {})
    return {
        "form": form,
        "helper": helper_for(form),
        "preview": preview(read, request.user),
        "encounter": found,
        "version": found.protocol_version,
        "protocol_status": status_line(found.protocol_version),
        "last": last,
        "newer": selectors.newer_version(found),
        "banner": selectors.banner_of(found, last, at=form.now),
    }


def _save(request: SignedInRequest, found: Encounter, form: AssessmentForm, save: SaveForm) -> HttpResponse:
    if save.cleaned_data["encounter"] != found.pk:
        # Another patient's page sent this form: two tabs, or an address that was changed by hand.
        return render(request, "409.html", status=409)
    entry = actions.Entry(
        facts=form.known_facts(),
        entered=form.entered(),
        sampled_at=form.moment("sampled_at"),
        weighed_on=form.moment("weighed_on"),
        confirmed=tuple(question.message for question in form.answered),
    )
    try:
        made = actions.record_assessment(
            encounter=found,
            version=save.cleaned_data["version"],
            entry=entry,
            idempotency_key=save.cleaned_data["idempotency_key"],
            by=request.user,
            at=form.now,
        )
    except actions.EncounterChanged as changed:
        return _assess_conflict(request, found, form, entry, changed.current)
    except actions.EncounterClosed:
        return render(request, "encounters/closed.html", {"encounter": found}, status=409)
    except actions.KeyTaken:
        return render(request, "409.html", status=409)
    return redirect(made)


def _assess_conflict(
    request: SignedInRequest, found: Encounter, form: AssessmentForm, entry: actions.Entry, current: Encounter
) -> HttpResponse:
    """Both versions side by side, and the form as it was filled in, to be looked at and saved anew."""
    context = _assess_context(request, found, form)
    last: Assessment | None = context["last"]
    theirs = last.facts if last else {}
    context |= {
        "save": save_form_for(current),
        "differences": selectors.changes_between(theirs, facts_to_plain(entry.facts), form.protocol),
    }
    return render(request, "encounters/assess_conflict.html", context, status=409)


def _patient_conflict(request: SignedInRequest, form: PatientForm, current: Patient) -> HttpResponse:
    context = {
        "form": form,
        "patient": current,
        "version": current.version,
        "differences": selectors.details_that_differ(current, form.to_details()),
        **_open_encounter(current, request.user),
    }
    return render(request, "encounters/patient_conflict.html", context, status=409)


def _open_encounter(patient: Patient, user: User) -> dict[str, Any]:
    """The encounter that a page of the patient's record asks about, whether its protocol still stands."""
    open_one = next((each for each in selectors.encounters_of(patient, user) if each.is_open), None)
    return {
        "open_one": open_one,
        "withdrawn": selectors.withdrawn_because(open_one) if open_one else "",
    }


def _patient_page(request: SignedInRequest, found: Patient, place: EncounterForm) -> HttpResponse:
    context = {
        "patient": found,
        "encounters": selectors.encounters_of(found, request.user),
        **_open_encounter(found, request.user),
        "place": place,
        "form": place,
    }
    return render(request, "encounters/patient.html", context, status=_status(place))


def _place(form: EncounterForm) -> actions.Place:
    version, _ = current_protocol()
    return actions.Place(
        ward=form.wards[form.cleaned_data["ward"]],
        bed=form.cleaned_data["bed"],
        protocol_version=version,
    )


def _carry(request: SignedInRequest) -> str:
    """The answers of a quick check, signed, so that what comes back is what was sent."""
    if request.method != "POST":
        return ""
    _version, protocol = current_protocol()
    entered = QuickCheckForm(request.POST, protocol=protocol, now=timezone.now()).entered()
    return signing.dumps({k: v for k, v in entered.items() if k not in NOT_CARRIED}, salt=CARRIED_SALT)


def _carried_answers(carried: str) -> dict[str, Any]:
    """What was carried; anything else is dropped, for the form asks it all again."""
    try:
        answers: dict[str, Any] = signing.loads(carried, salt=CARRIED_SALT, max_age=CARRIED_SECONDS)
    except signing.BadSignature:
        return {}
    return answers


def _version_seen(text: str) -> int:
    """The version a page showed; what is no such number is a version that never was."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= VERSION_DIGITS else 0


def board_context(request: SignedInRequest) -> dict[str, Any]:
    """What the board lists; the floor above adds what it knows of each."""
    mine, ward = request.GET.get("show") == "mine", request.GET.get("ward", "")
    wards = list(request.user.wards.all())
    return {
        "listed": board_lines.listed(request.user, mine=mine, ward=ward),
        "wards": wards,
        "mine": mine,
        "ward": ward,
        "filters": request.GET.urlencode(),
        "as_of": timezone.now(),
    }


def _details_of(patient: Patient) -> dict[str, Any]:
    details = {name: getattr(patient, name) for name in actions.FIELDS}
    return {**details, "sex": patient.sex or "unknown"}


def _status(*forms: Any) -> int:
    return 422 if any(form.is_bound and form.errors for form in forms) else 200
