from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from ivigsite.accounts.http import SignedInRequest
from ivigsite.accounts.permissions import Permission, allow
from ivigsite.audit.actions import record
from ivigsite.downtime.entries import CannotEnter, enter_paper_order
from ivigsite.downtime.forms import PaperOrderForm
from ivigsite.downtime.models import PaperOrder
from ivigsite.encounters.models import Encounter
from ivigsite.encounters.selectors import banner_of, encounter_for
from protocols.mapping import load_protocol_value


@allow(Permission.RECORD_RESULTS)
@require_http_methods(["GET", "HEAD", "POST"])
def paper_orders(request: SignedInRequest, encounter_id: UUID) -> HttpResponse:
    """What was ordered on paper in this encounter, and the form for one more line."""
    now = timezone.now()
    found = encounter_for(request.user, encounter_id, at=now)
    return _answer(request, found, None, at=now)


@allow(Permission.RECORD_RESULTS)
@require_http_methods(["GET", "HEAD", "POST"])
def correct_paper_order(request: SignedInRequest, entry_id: UUID) -> HttpResponse:
    """A new entry in the place of one that was misread; the old one stays, and says so."""
    now = timezone.now()
    entry = PaperOrder.objects.for_user(request.user).filter(pk=entry_id).first()
    if entry is None:
        record(action="paper_order.denied", by=request.user, at=now, object_id=entry_id)
        raise Http404
    return _answer(request, encounter_for(request.user, entry.encounter_id, at=now), entry, at=now)


def _answer(
    request: SignedInRequest, found: Encounter, corrects: PaperOrder | None, *, at: datetime
) -> HttpResponse:
    protocol = load_protocol_value(found.protocol_version)
    data = request.POST if request.method == "POST" else None
    form = PaperOrderForm(data, protocol=protocol, now=at, corrects=corrects)
    if form.is_valid():
        try:
            enter_paper_order(
                encounter=found,
                on_paper=form.on_paper(),
                idempotency_key=form.key,
                by=request.user,
                at=at,
                corrects=corrects,
                reason=form.cleaned_data.get("reason", ""),
            )
        except CannotEnter as refusal:
            form.add_error(refusal.field, str(refusal))
        else:
            return redirect("paper_orders", found.pk)
    return render(
        request, "downtime/paper_orders.html", _context(found, form, corrects, at=at), status=_status(form)
    )


def _context(
    found: Encounter, form: PaperOrderForm, corrects: PaperOrder | None, *, at: datetime
) -> dict[str, Any]:
    return {
        "form": form,
        "corrects": corrects,
        "encounter": found,
        "banner": banner_of(found, found.assessments.select_related("made_by").first(), at=at),
        "entries": found.paper_orders.select_related("entered_by", "correction"),
    }


def _status(form: PaperOrderForm) -> int:
    return 422 if form.errors else 200
