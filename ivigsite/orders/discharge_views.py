"""Discharge: the form that closes an encounter, and the papers written with it."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from django import forms
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from ivigsite import fields
from ivigsite.accounts.http import SignedInRequest
from ivigsite.accounts.permissions import Permission, allow
from ivigsite.audit.actions import record
from ivigsite.encounters.actions import EncounterChanged
from ivigsite.encounters.forms import LOAD_AGAIN, VersionField
from ivigsite.encounters.models import Encounter
from ivigsite.encounters.selectors import banner_of, encounter_for
from ivigsite.monitoring.selectors import Shown, open_alerts_of
from ivigsite.orders.discharge import PAPERS, AlertsOpen, AlreadyDischarged, Plan, discharge, paper_of
from ivigsite.orders.given import given_in
from ivigsite.orders.models import Discharge, Outcome
from ivigsite.orders.sheet.jobs import SheetFailed
from ivigsite.orders.sheet.plain_paper import PlainPaperJob
from ivigsite.orders.sheet.states import Paper
from ivigsite.orders.sheet.worker import render_in_worker
from ivigsite.parsing.dates import format_datetime
from protocols.engine.facts import Unknown

LATEST_APPOINTMENT: Final = timedelta(days=400)


class ResultsField(forms.MultipleChoiceField):
    """The alarming results that somebody knows of; one that a colleague took on meanwhile is no mistake."""

    widget = forms.CheckboxSelectMultiple

    def valid_value(self, value: str) -> bool:
        return True


class DischargeForm(forms.Form):
    """How the encounter ends, who takes on what still alarms, and when the patient is seen next."""

    takes_on = ResultsField(label="Nobody has taken these on yet: I know of them", required=False)
    outcome = fields.StrictChoiceField(label="Outcome", choices=Outcome.choices, widget=forms.RadioSelect)
    appointment_on = fields.DateField(label="Day of the next visit", required=False)
    appointment = fields.TextField(label="Next visit: where and with whom", max_length=300, required=False)
    comment = fields.TextField(label="Comment for colleagues", max_length=500, required=False)
    version = VersionField()
    idempotency_key = forms.UUIDField(widget=forms.HiddenInput, error_messages={"required": LOAD_AGAIN})

    def __init__(self, *args: Any, alerts: Iterable[Shown], **options: Any) -> None:
        super().__init__(*args, **options)
        self.alarming = [(str(each.observation.pk), _alert_words(each)) for each in alerts]
        self.fields["takes_on"].choices = self.alarming  # type: ignore[attr-defined]

    def clean(self) -> None:
        told = self.cleaned_data
        if {key for key, _ in self.alarming} - set(told.get("takes_on", ())):
            self.add_error("takes_on", "Tick each result. Who closes the encounter takes them on by name.")
        if isinstance(told.get("appointment_on"), Unknown):
            told["appointment_on"] = None
        day, place = told.get("appointment_on"), told.get("appointment")
        if day and not place and "appointment" not in self.errors:
            self.add_error("appointment", "Say where and with whom, or leave the day out.")
        if place and not day and "appointment_on" not in self.errors:
            self.add_error("appointment_on", "Give the day, or leave the place out.")
        today = timezone.localdate()
        if day and not today <= day <= today + LATEST_APPOINTMENT:
            self.add_error("appointment_on", "The day must be from today on, and within 400 days.")

    def plan(self) -> Plan:
        told = self.cleaned_data
        return Plan(
            outcome=Outcome(told["outcome"]),
            appointment=told["appointment"] or "",
            appointment_on=told["appointment_on"],
            comment=told["comment"] or "",
            takes_on=frozenset(told["takes_on"]),
        )


def _alert_words(shown: Shown) -> str:
    """A result that alarms, as the board and the checklist call it, with its time."""
    seen = shown.observation
    because = f", {shown.because}" if shown.because else ""
    when = format_datetime(seen.taken_at, timezone.get_default_timezone())
    return f"{seen.get_level_display()}: {seen.title}{because}, {when}"


@allow(Permission.EDIT_ENCOUNTERS)
@require_http_methods(["GET", "HEAD", "POST"])
def discharge_page(request: SignedInRequest, encounter_id: UUID) -> HttpResponse:
    now = timezone.now()
    found = encounter_for(request.user, encounter_id, at=now)
    if request.method != "POST":
        if not found.is_open:
            return redirect("discharge_papers", found.pk)
        initial = {"version": found.version, "idempotency_key": uuid4()}
        return _form_page(request, found, DischargeForm(initial=initial, alerts=open_alerts_of(found)))
    form = DischargeForm(request.POST, alerts=open_alerts_of(found))
    if not form.is_valid():
        return _form_page(request, found, form)
    try:
        discharge(
            encounter=found,
            version=form.cleaned_data["version"],
            plan=form.plan(),
            idempotency_key=form.cleaned_data["idempotency_key"],
            by=request.user,
            at=now,
        )
    except (EncounterChanged, AlreadyDischarged, AlertsOpen):
        return render(request, "409.html", status=409)
    return redirect("discharge_papers", found.pk)


@allow(Permission.VIEW_PATIENTS)
@require_GET
def discharge_papers(request: SignedInRequest, encounter_id: UUID) -> HttpResponse:
    now = timezone.now()
    found = encounter_for(request.user, encounter_id, at=now)
    made = _discharge_of(found)
    record(action="discharge.viewed", by=request.user, at=now, object_id=found.pk)
    context = {
        "encounter": found,
        "discharge": made,
        "papers": [
            (name, title, paper_of(made, name)) for name, title in PAPERS.items() if name in made.papers
        ],
        "banner": banner_of(found, found.assessments.first(), at=now),
    }
    return render(request, "orders/discharge_papers.html", context)


@allow(Permission.VIEW_PATIENTS)
@require_GET
def discharge_file(request: SignedInRequest, encounter_id: UUID, paper: str) -> HttpResponse:
    now = timezone.now()
    found = encounter_for(request.user, encounter_id, at=now)
    content = paper_of(_discharge_of(found), paper)
    if content is None:
        raise Http404
    try:
        data = render_in_worker(PlainPaperJob(content=content, paper=Paper.A4))
    except SheetFailed as failure:
        back = reverse("discharge_papers", args=[found.pk])
        context = {"reason": str(failure), "back": back}
        return render(request, "orders/paper_failed.html", context, status=503)
    record(action="discharge.printed", by=request.user, at=now, object_id=found.pk, details={"paper": paper})
    answer = HttpResponse(data, content_type="application/pdf")
    answer["Content-Disposition"] = f'inline; filename="{paper}.pdf"'
    return answer


def _discharge_of(found: Encounter) -> Discharge:
    made = Discharge.objects.filter(encounter=found).select_related("written_by").first()
    if made is None:
        raise Http404
    return made


def _form_page(request: SignedInRequest, found: Encounter, form: DischargeForm) -> HttpResponse:
    last = found.assessments.first()
    context = {
        "encounter": found,
        "form": form,
        # On paper nobody notes an end.
        "running": [
            dose
            for dose in given_in(found).doses
            if dose.ended_at is None and not dose.is_from_paper and found.is_open
        ],
        "banner": banner_of(found, last, at=timezone.now()),
    }
    status = 422 if form.is_bound and form.errors else 200
    return render(request, "orders/discharge.html", context, status=status)
