from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from ivigsite.accounts.http import SignedInRequest
from ivigsite.accounts.permissions import Permission, allow, never_extends_session
from ivigsite.audit.actions import record
from ivigsite.encounters.board import LINES_ON_A_PAGE, lines_of, rows_of
from ivigsite.encounters.models import Encounter
from ivigsite.encounters.selectors import banner_of, encounter_for
from ivigsite.encounters.views import board_context
from ivigsite.monitoring import actions, selectors
from ivigsite.monitoring.board import board_checks, entries_of, handover_lines, newest_counts_of
from ivigsite.monitoring.forms import AcknowledgeForm, ReasonForm, ResultForm
from ivigsite.monitoring.models import MonitoringTask, Observation
from protocols.engine import lookup
from protocols.mapping import load_protocol_value
from protocols.reading import status_line

read_patients = allow(Permission.VIEW_PATIENTS)
sign_orders = allow(Permission.SIGN_ORDERS)
record_results = allow(Permission.RECORD_RESULTS)
methods_of_a_form = require_http_methods(["GET", "HEAD", "POST"])


@read_patients
@require_safe
def board(request: SignedInRequest) -> HttpResponse:
    return render(request, "encounters/board.html", _board(request))


@read_patients
@never_extends_session
@require_safe
def board_rows(request: SignedInRequest) -> HttpResponse:
    return render(request, "encounters/_board_rows.html", _board(request))


@read_patients
@require_safe
def handover(request: SignedInRequest) -> HttpResponse:
    now = timezone.now()
    ward = request.GET.get("ward", "")
    record(action="handover.viewed", by=request.user, at=now)
    context = {
        "lines": handover_lines(request.user, ward=ward, at=now),
        "as_of": now,
        "wards": list(request.user.wards.all()),
        "ward": ward,
    }
    return render(request, "monitoring/handover.html", context)


@read_patients
@require_safe
def checklist(request: SignedInRequest, encounter_id: UUID) -> HttpResponse:
    now = timezone.now()
    found = encounter_for(request.user, encounter_id, at=now)
    record(action="checklist.viewed", by=request.user, at=now, object_id=found.pk)
    return _checklist_page(request, found)


@record_results
@methods_of_a_form
def record_result(request: SignedInRequest, task_id: UUID) -> HttpResponse:
    now = timezone.now()
    task = selectors.task_for(request.user, task_id, at=now)
    if not task.is_open:
        messages.info(request, f"{task.title} is {task.get_closed_as_display().lower()} already.")
        return redirect("checklist", task.encounter_id)
    return _result_page(request, task.encounter, task.rule, task=task)


@record_results
@methods_of_a_form
def extra_result(request: SignedInRequest, encounter_id: UUID, rule: str) -> HttpResponse:
    """A result nobody had planned, such as signs seen between two checks."""
    found = encounter_for(request.user, encounter_id, at=timezone.now())
    if rule not in lookup.of(load_protocol_value(found.protocol_version)).result_rules:
        raise Http404
    return _result_page(request, found, rule)


@record_results
@methods_of_a_form
def correct_result(request: SignedInRequest, observation_id: UUID) -> HttpResponse:
    observation = selectors.observation_for(request.user, observation_id, at=timezone.now())
    if observation.is_replaced:
        messages.info(request, "This entry was corrected already.")
        return redirect("checklist", observation.encounter_id)
    return _result_page(request, observation.encounter, observation.rule, corrects=observation)


@record_results
@require_POST
def decline(request: SignedInRequest, task_id: UUID) -> HttpResponse:
    now = timezone.now()
    task = selectors.task_for(request.user, task_id, at=now)
    form = ReasonForm(request.POST, auto_id="decline_%s")
    if not form.is_valid():
        return _result_page(request, task.encounter, task.rule, task=task, decline_form=form)
    try:
        actions.decline_task(task=task, reason=form.cleaned_data["reason"], by=request.user, at=now)
    except actions.NotOpen:
        messages.info(request, "This check was closed already.")
    return redirect("checklist", task.encounter_id)


@record_results
@require_POST
def acknowledge(request: SignedInRequest, observation_id: UUID) -> HttpResponse:
    now = timezone.now()
    observation = selectors.observation_for(request.user, observation_id, at=now)
    form = AcknowledgeForm(request.POST)
    if not form.is_valid():
        return _checklist_page(request, observation.encounter, form)
    comment = form.cleaned_data["comment"]
    actions.acknowledge(observation=observation, comment=comment, by=request.user, at=now)
    messages.success(request, f"You have taken on: {observation.title}.")
    return redirect("checklist", observation.encounter_id)


@sign_orders
@require_POST
def release(request: SignedInRequest, observation_id: UUID) -> HttpResponse:
    now = timezone.now()
    observation = selectors.observation_for(request.user, observation_id, at=now)
    form = ReasonForm(request.POST)
    if not form.is_valid():
        return _checklist_page(request, observation.encounter, form)
    reason = form.cleaned_data["reason"]
    actions.release_hold(observation=observation, reason=reason, by=request.user, at=now)
    messages.success(request, "The hold on the next dose is released.")
    return redirect("checklist", observation.encounter_id)


def _board(request: SignedInRequest) -> dict[str, Any]:
    context = board_context(request)
    checks = board_checks(request.user, at=context["as_of"])
    listed = context["listed"]
    calling = [each for each in listed if each.pk in checks and checks[each.pk].needs_somebody]
    only_overdue = request.GET.get("show") == "overdue"
    page = Paginator(calling if only_overdue else listed, LINES_ON_A_PAGE).get_page(request.GET.get("page"))
    rows = rows_of(page, of=listed, at=context["as_of"])
    shown = {row.encounter_id for row in rows}
    may_start = Permission.EDIT_ENCOUNTERS in request.user.permissions
    may_enter = Permission.RECORD_RESULTS in request.user.permissions
    due = [key for key in shown if key in checks and (checks[key].due or checks[key].overdue)]
    entries = entries_of(due if may_enter else (), at=context["as_of"])
    changed = [key for key in shown if key in checks and checks[key].facts_changed]
    counts = newest_counts_of(changed)
    return {
        **context,
        "page": page,
        "rows": rows,
        "lines": lines_of(rows, checks, entries=entries, counts=counts, may_start=may_start),
        "only_overdue": only_overdue,
        "calling_elsewhere": sum(each.pk not in shown for each in calling),
    }


def _result_page(
    request: SignedInRequest,
    encounter: Encounter,
    rule_key: str,
    *,
    task: MonitoringTask | None = None,
    corrects: Observation | None = None,
    decline_form: ReasonForm | None = None,
) -> HttpResponse:
    now = timezone.now()
    protocol = load_protocol_value(encounter.protocol_version)
    rule = lookup.of(protocol).result_rules.get(rule_key)
    if rule is None:
        # Of a result only: an encounter is not moved away from the rule of an open check.
        messages.info(request, "The version this encounter keeps to now does not ask for this any more.")
        return redirect("checklist", encounter.pk)
    initial: dict[str, Any] = {"taken_at": now}
    if corrects is not None:
        initial = {**corrects.entered, "taken_at": corrects.taken_at}
    is_sent = request.method == "POST" and decline_form is None
    form = ResultForm(
        request.POST if is_sent else None,
        protocol=protocol,
        rule=rule,
        now=now,
        corrects=corrects is not None,
        initial=initial,
    )
    if is_sent and form.is_valid() and (made := _store(request, form, encounter, task, corrects)):
        return _after(request, made)
    context = {
        "form": form,
        "decline_form": decline_form or (ReasonForm(auto_id="decline_%s") if task else None),
        "rule": rule,
        "task": task,
        "status": task.status(now) if task else None,
        "corrects": selectors.show(corrects) if corrects else None,
        "encounter": encounter,
        **_around(encounter),
    }
    refused = (is_sent and form.errors) or (decline_form is not None and decline_form.errors)
    return render(request, "monitoring/result.html", context, status=422 if refused else 200)


def _store(
    request: SignedInRequest,
    form: ResultForm,
    encounter: Encounter,
    task: MonitoringTask | None,
    corrects: Observation | None,
) -> Observation | None:
    """The stored result, or None with the refusal written on the form."""
    shared: dict[str, Any] = {
        "entered": form.entered(),
        "idempotency_key": form.key,
        "by": request.user,
        "at": form.now,
    }
    try:
        if corrects is not None:
            reason = form.cleaned_data["reason"]
            return actions.correct_observation(observation=corrects, reason=reason, **shared)
        return actions.record_observation(encounter=encounter, rule=form.rule.key, task=task, **shared)
    except actions.TooEarly as early:
        begins = timezone.localtime(early.counts_from)
        form.add_error(
            "taken_at",
            f"This check counts from {begins:%d-%b-%Y %H:%M}. Enter an earlier value as an extra result.",
        )
    except actions.NotOpen:
        form.add_error(None, "Somebody else has closed this check in the meantime. Look at the checklist.")
    except actions.AlreadyCorrected:
        form.add_error(None, "Somebody else has corrected this entry in the meantime.")
    except actions.EncounterIsClosed:
        form.add_error(None, "The encounter is closed: nothing more can be entered.")
    except actions.ResultKeyTaken:
        form.add_error(None, "This form was sent for another entry. Open it again.")
    return None


def _after(request: SignedInRequest, made: Observation) -> HttpResponse:
    to = reverse("checklist", args=[made.encounter_id])
    if made.is_alarming:
        return redirect(f"{to}#alert-{made.pk}")
    words = "normal" if made.level == "normal" else "stored, it could not be judged"
    messages.success(request, f"{made.title}: {words}.")
    return redirect(to)


def _checklist_page(request: SignedInRequest, found: Encounter, form: Any = None) -> HttpResponse:
    now = timezone.now()
    context = {
        "encounter": found,
        "checklist": selectors.checklist_of(found, at=now),
        "as_of": now,
        "form": form,
        "acknowledge_form": AcknowledgeForm(),
        **_around(found),
    }
    status = 422 if form is not None and form.errors else 200
    return render(request, "monitoring/checklist.html", context, status=status)


def _around(encounter: Encounter) -> dict[str, Any]:
    last = encounter.assessments.select_related("made_by").first()
    return {
        "banner": banner_of(encounter, last, at=timezone.now()),
        "version": encounter.protocol_version,
        "protocol_status": status_line(encounter.protocol_version),
        "last": last,
    }
