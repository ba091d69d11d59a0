from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from ivigsite.accounts.http import SignedInRequest
from ivigsite.accounts.permissions import Permission, allow
from ivigsite.audit.actions import record
from ivigsite.encounters.selectors import banner_of
from ivigsite.orders.administration import NotGiven
from ivigsite.orders.correction_forms import (
    CorrectedActForm,
    CorrectedEntryForm,
    CorrectedReactionForm,
    CorrectedUnitForm,
    CorrectedVialsForm,
    TakeBackForm,
)
from ivigsite.orders.corrections import (
    AlreadyCorrected,
    correct_event,
    correct_product,
    take_back_event,
    take_back_product,
)
from ivigsite.orders.infusion_log import LogEntry
from ivigsite.orders.models import AdministrationEvent, EventCorrection, GivenProduct, ProductCorrection
from ivigsite.orders.running import dose_at, protocol_of
from protocols.engine.course import Act

LINE: Final = (
    "line__order_set__encounter__patient",
    "line__order_set__encounter__ward",
    "line__order_set__assessment",
    "line__order_set__protocol_version",
    "entered_by",
    "replaced_by__by",
)
OF_THEIRS: Final = "line__order_set__encounter__ward__users"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """The two forms of the page as they came, and which of them was sent."""

    correct: CorrectedEntryForm
    take_back: TakeBackForm
    is_take_back: bool

    @property
    def form(self) -> CorrectedEntryForm | TakeBackForm:
        return self.take_back if self.is_take_back else self.correct


@allow(Permission.RECORD_RESULTS)
@require_http_methods(["GET", "HEAD", "POST"])
def correct_act(request: SignedInRequest, event_id: UUID) -> HttpResponse:
    """Another row in the place of an act that was noted wrongly, or none; the old one stays, and says so."""
    now = timezone.now()
    rows = AdministrationEvent.as_entered.filter(**{OF_THEIRS: request.user})
    event = rows.filter(pk=event_id).select_related(*LINE).first()
    if event is None:
        raise _denied(request, event_id, at=now)
    return _answer(request, event, CorrectedReactionForm if event.act == Act.REACTION else CorrectedActForm)


@allow(Permission.RECORD_RESULTS)
@require_http_methods(["GET", "HEAD", "POST"])
def correct_given(request: SignedInRequest, given_id: UUID) -> HttpResponse:
    """Another lot or unit in the place of one that was misread, or none; the old one stays, and says so."""
    now = timezone.now()
    rows = GivenProduct.as_entered.filter(**{OF_THEIRS: request.user})
    given = rows.filter(pk=given_id).select_related(*LINE).first()
    if given is None:
        raise _denied(request, given_id, at=now)
    return _answer(request, given, CorrectedUnitForm if given.unit_number else CorrectedVialsForm)


def _denied(request: SignedInRequest, row_id: UUID, *, at: datetime) -> Http404:
    record(action="administration.denied", by=request.user, at=at, object_id=row_id)
    return Http404()


def _answer(
    request: SignedInRequest, row: AdministrationEvent | GivenProduct, kind: type[CorrectedEntryForm]
) -> HttpResponse:
    now = timezone.now()
    line = row.line
    dose = dose_at(line, row.dose_number, protocol=protocol_of(line), at=now)
    is_take_back = request.POST.get("do") == "take_back"
    sent = Sent(
        correct=kind(
            request.POST if request.method == "POST" and not is_take_back else None,
            row=row,
            dose=dose,
            now=now,
        ),
        take_back=TakeBackForm(request.POST if is_take_back else None),
        is_take_back=is_take_back,
    )
    page = f"{reverse('infusion', args=[line.order_set_id])}#log-{line.number}"
    conflict = getattr(row, "replaced_by", None)
    if request.method != "POST" and conflict is not None:
        messages.info(request, "This entry was corrected already.")
        return redirect(page)
    if not sent.form.is_valid():
        return _page(request, row, sent, status=422 if request.method == "POST" else 200)
    try:
        _store(row, sent, request, at=now)
    except NotGiven as refusal:
        field = refusal.field if refusal.field in sent.form.fields else None
        sent.form.add_error(field, str(refusal))
        return _page(request, row, sent, status=422)
    except AlreadyCorrected as other:
        return _page(request, row, sent, status=409, conflict=other.by)
    messages.success(request, "Taken back." if is_take_back else "Corrected.")
    return redirect(page)


def _store(
    row: AdministrationEvent | GivenProduct, sent: Sent, request: SignedInRequest, *, at: datetime
) -> None:
    shared: dict[str, Any] = {
        "why": sent.form.why,
        "idempotency_key": sent.form.key,
        "by": request.user,
        "at": at,
    }
    form = sent.form
    if isinstance(row, AdministrationEvent):
        if isinstance(form, CorrectedActForm | CorrectedReactionForm):
            correct_event(event=row, noted=form.noted(), **shared)
        else:
            take_back_event(event=row, **shared)
    elif isinstance(form, CorrectedVialsForm):
        correct_product(given=row, product=form.vials(), given_at=form.happened_at, **shared)
    elif isinstance(form, CorrectedUnitForm):
        correct_product(given=row, product=form.unit(), given_at=form.happened_at, **shared)
    else:
        take_back_product(given=row, **shared)


def _page(
    request: SignedInRequest,
    row: AdministrationEvent | GivenProduct,
    sent: Sent,
    *,
    status: int,
    conflict: EventCorrection | ProductCorrection | None = None,
) -> HttpResponse:
    order_set = row.line.order_set
    encounter = order_set.encounter
    entry = None if conflict is None or conflict.entry is None else conflict.entry
    context = {
        "shown": LogEntry(row=row, corrected=None),
        "line": row.line,
        "order_set": order_set,
        "encounter": encounter,
        "banner": banner_of(encounter, order_set.assessment, at=timezone.now()),
        "version": order_set.protocol_version,
        "form": sent.correct,
        "take_back": sent.take_back,
        "sent": sent.form,
        "conflict": conflict,
        "stands": None if entry is None else LogEntry(row=entry, corrected=None),
    }
    return render(request, "orders/correct_entry.html", context, status=status)
