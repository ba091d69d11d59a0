import csv
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from ivigsite.accounts.http import SignedInRequest
from ivigsite.accounts.permissions import Permission, allow
from ivigsite.audit.actions import record
from ivigsite.encounters.selectors import banner_of
from ivigsite.monitoring.selectors import open_alerts_of
from ivigsite.orders.actions import state_name
from ivigsite.orders.administration import NotGiven, SeenTooOld, note_event, note_unit, note_vials
from ivigsite.orders.infusion_forms import (
    ACT_WORDS,
    ActForm,
    AtTheBedsideForm,
    ReactionForm,
    RecallForm,
    UnitForm,
    VialsForm,
)
from ivigsite.orders.infusion_log import DoseLog, log_of
from ivigsite.orders.lot_recall import CSV_HEAD, once_named, recipients, without_formula
from ivigsite.orders.models import Discrepancy, GivenProduct, OrderSet
from ivigsite.orders.platelet_units import UnitWarning, receiver_of, warnings_of
from ivigsite.orders.running import RunningDose, StepUp, adrenaline_for, current_dose, lines_to_give
from ivigsite.orders.views import order_set_for
from protocols.engine.course import Act, State
from protocols.mapping import load_protocol_value

STATE_WORDS: Final = {
    State.WAITING: "Not started",
    State.RUNNING: "Running",
    State.PAUSED: "Paused",
    State.STOPPED: "Stopped, finished for today",
    State.FINISHED: "Finished",
}
QUIET: Final = (Act.STOP, Act.PAUSE, Act.SLOW)
# Not the one to press while there is a faster step, or most of the volume is still to come.
QUIET_AHEAD: Final = (*QUIET, Act.FINISH)
FORMS: Final[dict[str, type[AtTheBedsideForm]]] = {
    form.kind: form for form in (ActForm, ReactionForm, VialsForm, UnitForm)
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownDose:
    """One line of the page: the dose, its forms, and what may be done."""

    dose: RunningDose
    state: str
    step: StepUp | None
    buttons: tuple[tuple[str, str, bool], ...]
    checks: tuple[Any, ...]
    act_form: AtTheBedsideForm
    reaction_form: AtTheBedsideForm
    product_form: AtTheBedsideForm
    adrenaline: Any
    logs: tuple[DoseLog, ...]
    discrepancies: tuple[Discrepancy, ...]
    unit_warnings: tuple[UnitWarning, ...]


@allow(Permission.VIEW_PATIENTS)
@require_safe
def infusion(request: SignedInRequest, order_set_id: UUID) -> HttpResponse:
    now = timezone.now()
    found = order_set_for(request.user, order_set_id)
    record(action="infusion.viewed", by=request.user, at=now, object_id=found.pk)
    return _page(request, found)


@allow(Permission.RECORD_RESULTS)
@require_POST
def note_given(request: SignedInRequest, order_set_id: UUID) -> HttpResponse:
    """Note what one of the page's forms says; what is refused comes back with everything that was typed."""
    now = timezone.now()
    found = order_set_for(request.user, order_set_id)
    dose = _posted_dose(request, found)
    kind = FORMS.get(request.POST.get("form", ""))
    if dose is None or kind is None or kind is (UnitForm if dose.is_ivig else VialsForm):
        return _page(request, found, status=422, problem="Nothing was noted. Choose what was done.")
    form = kind(request.POST, dose=dose, now=now)
    if not form.is_valid():
        return _page(request, found, bound=form, status=422)
    shared: dict[str, Any] = {
        "line": dose.line,
        "dose_number": form.cleaned_data["dose_number"],
        "idempotency_key": form.key,
        "by": request.user,
        "at": now,
    }
    try:
        if isinstance(form, VialsForm):
            note_vials(vials=form.vials(), given_at=form.happened_at, **shared)
        elif isinstance(form, UnitForm):
            note_unit(unit=form.unit(), given_at=form.happened_at, **shared)
        elif isinstance(form, ActForm | ReactionForm):
            note_event(noted=form.noted(), seen=form.cleaned_data["seen"], **shared)
    except NotGiven as refusal:
        form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal))
        return _page(request, found, bound=form, status=422)
    except SeenTooOld:
        words = "Somebody else has noted something in the meantime. Read it, then note yours again."
        return _page(request, found, status=409, problem=words)
    return redirect(f"{reverse('infusion', args=[found.pk])}#line-{dose.line.number}")


@allow(Permission.RECALL_LOTS)
@require_safe
def lot_recall(request: SignedInRequest) -> HttpResponse:
    """Everybody who received a lot or a unit, over all wards."""
    form = RecallForm(request.GET or None)
    is_asked = form.is_valid()
    rows = recipients(**form.cleaned_data) if is_asked else []
    if is_asked:
        _record_recall(request, form, len(rows))
    context = {"form": form, "is_asked": is_asked, "rows": rows, "as_of": timezone.now()}
    if is_asked:
        context["query"] = request.GET.urlencode()
        context["once_named"] = once_named(**form.cleaned_data)
    return render(request, "orders/lot_recall.html", context, status=422 if form.errors else 200)


@allow(Permission.RECALL_LOTS)
@require_safe
def lot_recall_csv(request: SignedInRequest) -> HttpResponse:
    form = RecallForm(request.GET)
    if not form.is_valid():
        return render(request, "orders/lot_recall.html", {"form": form, "rows": []}, status=422)
    rows = recipients(**form.cleaned_data)
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="lot-recall.csv"'
    writer = csv.writer(response)
    writer.writerow(CSV_HEAD)
    for row in rows:
        writer.writerow([without_formula(cell) for cell in row.cells])
    _record_recall(request, form, len(rows))
    return response


def _record_recall(request: SignedInRequest, form: RecallForm, count: int) -> None:
    record(
        action="lot.recalled",
        by=request.user,
        at=timezone.now(),
        details={**form.cleaned_data, "rows": count},
    )


def _posted_dose(request: SignedInRequest, found: OrderSet) -> RunningDose | None:
    wanted = request.POST.get("line", "")
    line = next((line for line in lines_to_give(found.pk) if str(line.pk) == wanted), None)
    if line is None:
        return None
    return current_dose(line, protocol=load_protocol_value(found.protocol_version), at=timezone.now())


def _page(
    request: SignedInRequest,
    found: OrderSet,
    *,
    bound: AtTheBedsideForm | None = None,
    status: int = 200,
    problem: str = "",
) -> HttpResponse:
    now = timezone.now()
    protocol = load_protocol_value(found.protocol_version)
    doses = [current_dose(line, protocol=protocol, at=now) for line in lines_to_give(found.pk)]
    content = found.sheet_content
    state = state_name(found, at=now)
    may_record = Permission.RECORD_RESULTS in request.user.permissions
    context = {
        "order_set": found,
        "encounter": found.encounter,
        "banner": banner_of(found.encounter, found.assessment, at=now),
        "content": content,
        "alerts": open_alerts_of(found.encounter),
        "shown": [_shown(dose, bound) for dose in doses],
        "bound": bound,
        "problem": problem,
        "as_of": now,
        "state": state,
        "is_in_force": state in ("signed", "copy"),
        "may_note": may_record and found.encounter.is_open,
        # A recall asks for ever: a wrong lot is corrected after the discharge too.
        "may_correct": may_record,
        "version": found.protocol_version,
    }
    return render(request, "orders/infusion.html", context, status=status)


def _shown(dose: RunningDose, bound: AtTheBedsideForm | None) -> ShownDose:
    acts = [act for act in dose.acts if act in ACT_WORDS]
    quiet = QUIET_AHEAD if dose.is_before_its_end else QUIET
    return ShownDose(
        dose=dose,
        state=STATE_WORDS[dose.course.state],
        step=dose.step_up(dose.at),
        buttons=tuple((act.value, _button_words(act, dose), act in quiet) for act in acts),
        checks=tuple(dose.open_checks(dose.at)),
        act_form=_form(ActForm, dose, bound),
        reaction_form=_form(ReactionForm, dose, bound),
        product_form=_form(VialsForm if dose.is_ivig else UnitForm, dose, bound),
        adrenaline=adrenaline_for(dose.line, dose.protocol),
        logs=log_of(dose.line),
        discrepancies=tuple(
            Discrepancy.objects.filter(given__line=dose.line)
            .select_related("given")
            .order_by("-given__given_at")
        ),
        unit_warnings=_unit_warnings(dose),
    )


def _unit_warnings(dose: RunningDose) -> tuple[UnitWarning, ...]:
    units = list(GivenProduct.objects.filter(line=dose.line).exclude(unit_number=""))
    if not units:
        return ()
    return warnings_of(units, receiver_of(dose.line.order_set.encounter), dose.protocol)


def _form(
    kind: type[AtTheBedsideForm], dose: RunningDose, bound: AtTheBedsideForm | None
) -> AtTheBedsideForm:
    if bound is not None and type(bound) is kind and bound.dose.line.pk == dose.line.pk:
        return bound
    return kind(dose=dose, now=dose.at)


def _button_words(act: Act, dose: RunningDose) -> str:
    rate = {
        Act.START: dose.planned_rates[0] if dose.planned_rates else None,
        Act.STEP_UP: dose.next_rate,
        Act.SLOW: dose.slower_rate,
        Act.RESTART: dose.restart_rate if act is Act.RESTART else None,
    }.get(act)
    return ACT_WORDS[act] if rate is None else f"{ACT_WORDS[act]}: {rate:f} mL per h"
