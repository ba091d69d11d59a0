"""From the board to the emergency screen in one press, and from it to the page where orders are signed."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from ivigsite.accounts.http import SignedInRequest
from ivigsite.accounts.permissions import Permission, allow
from ivigsite.encounters import actions, selectors
from ivigsite.encounters.emergency import running_clock
from ivigsite.encounters.emergency_form import EmergencyForm, StandDownForm
from ivigsite.encounters.forms import SaveForm, save_form_for
from ivigsite.encounters.models import Encounter
from protocols.engine.protocol import Topic
from protocols.mapping import load_protocol_value
from protocols.reading import status_line

edit_encounters = allow(Permission.EDIT_ENCOUNTERS)


@edit_encounters
@require_POST
def start(request: SignedInRequest, encounter_id: UUID) -> HttpResponse:
    """Start the clock, by the server's time, and show the screen."""
    now = timezone.now()
    found = selectors.encounter_for(request.user, encounter_id, at=now)
    try:
        actions.start_emergency(encounter=found, by=request.user, at=now)
    except actions.EncounterClosed:
        return _closed(request, found)
    return redirect("emergency", found.pk)


@edit_encounters
@require_http_methods(["GET", "HEAD", "POST"])
def emergency(request: SignedInRequest, encounter_id: UUID) -> HttpResponse:
    """Ask the eight questions; answered, they become an assessment and the way leads to signing."""
    now = timezone.now()
    found = selectors.encounter_for(request.user, encounter_id, at=now)
    if not found.is_open:
        return _closed(request, found)
    clock = running_clock(found, at=now)
    started = selectors.starting_answers(found, request.user, at=now)
    form = EmergencyForm(
        request.POST or None,
        protocol=load_protocol_value(found.protocol_version),
        patient=found.patient,
        started=started,
        emergency_since=clock.started_at if clock else None,
        now=now,
    )
    save = SaveForm(request.POST) if form.is_bound else save_form_for(found)
    if form.is_bound and form.is_valid() & save.is_valid():
        return _save(request, found, form, save)
    status = 422 if form.is_bound else 200
    return render(request, "encounters/emergency.html", _context(found, form, save), status=status)


@edit_encounters
@require_POST
def stand_down(request: SignedInRequest, encounter_id: UUID) -> HttpResponse:
    """Stop the clock for a reason, without a treatment."""
    now = timezone.now()
    found = selectors.encounter_for(request.user, encounter_id, at=now)
    form = StandDownForm(request.POST)
    if not form.is_valid():
        context = {
            "form": form,
            "encounter": found,
            "clock": running_clock(found, at=now),
            "banner": selectors.banner_of(found, found.assessments.first(), at=now),
        }
        return render(request, "encounters/stand_down.html", context, status=422)
    try:
        actions.stand_down_emergency(
            encounter=found,
            reason=form.cleaned_data["reason"],
            comment=form.cleaned_data["comment"],
            by=request.user,
            at=now,
        )
    except actions.NoEmergency:
        messages.info(request, "The emergency was over already.")
    else:
        messages.success(request, "The emergency is stood down. The clock has stopped.")
    return redirect(found)


def _save(request: SignedInRequest, found: Encounter, form: EmergencyForm, save: SaveForm) -> HttpResponse:
    if save.cleaned_data["encounter"] != found.pk:
        # Another patient's page sent this form: two tabs, or an address that was changed by hand.
        return render(request, "409.html", status=409)
    try:
        made = actions.assess_emergency(
            encounter=found,
            version=save.cleaned_data["version"],
            entry=form.to_entry(),
            idempotency_key=save.cleaned_data["idempotency_key"],
            by=request.user,
            at=form.now,
        )
    except actions.EncounterChanged as changed:
        # Everything typed stays; a second press stores it on the encounter as it is now.
        context = _context(found, form, save_form_for(changed.current)) | {"changed": True}
        return render(request, "encounters/emergency.html", context, status=409)
    except actions.EncounterClosed:
        return _closed(request, found)
    except actions.KeyTaken:
        return render(request, "409.html", status=409)
    return redirect("emergency_orders", made.pk)


def _context(found: Encounter, form: EmergencyForm, save: SaveForm) -> dict[str, Any]:
    last = form.started.last
    return {
        "form": form,
        "save": save,
        "encounter": found,
        "banner": selectors.banner_of(found, last, at=form.now),
        "clock": running_clock(found, at=form.now),
        "last": last,
        "calls": [text for text in form.protocol.texts if text.topic is Topic.CALL],
        "version": found.protocol_version,
        "protocol_status": status_line(found.protocol_version),
    }


def _closed(request: SignedInRequest, found: Encounter) -> HttpResponse:
    return render(request, "encounters/closed.html", {"encounter": found}, status=409)
