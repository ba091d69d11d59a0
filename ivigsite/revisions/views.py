import csv
from collections.abc import Mapping
from io import StringIO
from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from ivigsite.accounts.actions import confirm_password
from ivigsite.accounts.http import SignedInRequest
from ivigsite.accounts.passwords import WrongPassword
from ivigsite.accounts.permissions import Permission, allow
from ivigsite.audit.actions import record
from ivigsite.encounters.selectors import fact_words
from ivigsite.revisions.checking import checked
from ivigsite.revisions.comments import Thread, threads_of
from ivigsite.revisions.proofs import start_working
from ivigsite.revisions.recall import recalled
from ivigsite.revisions.workspace import linked, may_edit, navigation
from protocols.engine.compare import compare_content
from protocols.engine.facts import FACT_BY_KEY
from protocols.engine.plain import PlainError
from protocols.engine.review import find_problems
from protocols.lifecycle import BEFORE_APPROVAL, Refused
from protocols.mapping import SealBroken, load_protocol_value
from protocols.models import Proof, ProofKind, ProofState, ProtocolVersion
from protocols.proving import (
    NotProved,
    ask_for_proof,
    confirm_proof,
    is_left,
    is_stale,
    latest_proofs,
    seal_of,
    version_in_force,
)
from protocols.reading import versions_with_people
from protocols.steps import STEPS, StepForm, steps_for

read_protocol = allow(Permission.READ_PROTOCOL)
work_on_protocol = allow(Permission.USE_ADMIN_SITE)
CSV_HEAD = (
    *("patient", "record_number", "birth_date", "ward", "bed"),
    *("encounter", "order_set", "state", "signed_at", "signed_by"),
)


class SinceForm(forms.Form):
    kind = forms.ChoiceField(choices=ProofKind.choices)


@work_on_protocol
@require_safe
def workspace(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Where a version stands: problems, cases, proofs, comments, and the steps this person may take."""
    version = _version(pk)
    try:
        protocol = load_protocol_value(version)
    except (SealBroken, PlainError) as error:
        return _unreadable(request, version, error)
    found = checked(protocol)
    now = timezone.now()
    context = {
        "version": version,
        "base": version_in_force(version),
        "checked": found,
        "problems": linked(version, protocol, found.problems),
        "navigation": navigation(version, protocol, found),
        "may_edit": may_edit(version, request.user),
        "proofs": latest_proofs(version, at=now),
        "threads": threads_of(version, protocol),
        "events": version.events.select_related("by"),
        "steps": steps_for(version, request.user),
        "awaits_approval": version.state in BEFORE_APPROVAL,
    }
    return render(request, "revisions/workspace.html", context)


@read_protocol
@require_safe
def compare(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """What this version says differently from the one named, else from the one in force."""
    version = _version(pk)
    base = _base(request, version)
    try:
        before = load_protocol_value(base) if base else None
        changes = compare_content(before, load_protocol_value(version))
    except (SealBroken, PlainError) as error:
        return _unreadable(request, version, error)
    context = {
        "version": version,
        "base": base,
        "changes": changes,
        "others": ProtocolVersion.objects.filter(slug=version.slug).exclude(pk=version.pk),
    }
    return render(request, "revisions/compare.html", context)


@work_on_protocol
@require_POST
def ask(request: SignedInRequest, pk: UUID) -> HttpResponse:
    version = _version(pk)
    form = SinceForm(request.POST)
    if not form.is_valid():
        return render(request, "422.html", status=422)
    if version.state not in BEFORE_APPROVAL:
        return _refused(
            request, version, "A version is compared with the one in force before it is approved."
        )
    try:
        if find_problems(load_protocol_value(version)):
            return _refused(
                request, version, "Correct the problems first; then the versions can be compared."
            )
        proof = ask_for_proof(
            version=version, kind=ProofKind(form.cleaned_data["kind"]), by=request.user, at=timezone.now()
        )
    except (SealBroken, PlainError) as error:
        return _unreadable(request, version, error)
    start_working()
    return redirect("proof", pk=version.pk, kind=proof.kind)


@work_on_protocol
@require_safe
def proof(request: SignedInRequest, pk: UUID, kind: str) -> HttpResponse:
    version = _version(pk)
    found = _proof(version, kind)
    now = timezone.now()
    is_under_way = found.state in (ProofState.WAITING, ProofState.RUNNING)
    if is_left(found, at=now):
        # A demonstration that was stopped meanwhile goes on here; elsewhere `run_jobs` does.
        start_working()
    context = {
        "version": version,
        "proof": found,
        "is_under_way": is_under_way,
        "stale": is_stale(found, at=now),
        "confirmed": found.confirmations.filter(by=request.user).exists(),
        # Of a part of them nobody should conclude anything.
        "changes": () if is_under_way else [_in_words(change) for change in found.result.get("changes", ())],
    }
    return render(request, "revisions/proof.html", context)


def _in_words(change: Mapping[str, Any]) -> dict[str, Any]:
    """One difference as the page tells it: the example by the questions and answers of the form."""
    example = [
        (FACT_BY_KEY[key].label, fact_words(key, value)) if key in FACT_BY_KEY else (key, value)
        for key, value in change["example"].items()
    ]
    return {**change, "example": example}


@work_on_protocol
@require_POST
def confirm(request: SignedInRequest, pk: UUID, kind: str) -> HttpResponse:
    version = _version(pk)
    found = _proof(version, kind)
    try:
        confirm_proof(proof=found, by=request.user, at=timezone.now())
    except NotProved as refused:
        return _refused(request, version, str(refused))
    return redirect("workspace", pk=version.pk)


@work_on_protocol
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def step(request: SignedInRequest, pk: UUID, name: str) -> HttpResponse:
    """Ask before a step is taken, with the password for this one act; then take it, on what was shown."""
    version = _version(pk)
    found = steps_for(version, request.user).get(name)
    if found is None:
        raise PermissionDenied
    now = timezone.now()
    try:
        seal = seal_of(version)
        threads = threads_of(version, load_protocol_value(version))
    except (SealBroken, PlainError) as error:
        return _unreadable(request, version, error)
    if request.method != "POST":
        form = _with_password(found.form(initial={"seen": version.version, "seal": seal}))
        return _ask(request, version, name, form, threads)
    form = _with_password(found.form(request.POST))
    if not form.is_valid():
        return _ask(request, version, name, form, threads, status=422)
    try:
        confirm_password(user=request.user, password=form.cleaned_data["password"], at=now)
    except WrongPassword as wrong:
        wait = f" Wait {wrong.wait_seconds} seconds." if wrong.wait_seconds else ""
        form.add_error("password", f"This is not your password. Nothing was changed.{wait}")
        return _ask(request, version, name, form, threads, status=403)
    if form.cleaned_data["seal"] != seal:
        return _refused(request, version, "This is not the content you were shown. Read it again.")
    version.version = form.cleaned_data["seen"]
    try:
        moved = found.run(version, form.cleaned_data, request.user, now)
    except (Refused, SealBroken) as refused:
        return _refused(request, version, str(refused), getattr(refused, "problems", ()))
    record(
        action=f"protocol.{name}",
        by=request.user,
        at=now,
        object_id=moved.pk,
        details={"number": moved.number, "seal": moved.seal, "state": moved.state},
    )
    return redirect("workspace", pk=moved.pk)


@allow(Permission.WITHDRAW_PROTOCOL)
@require_safe
def recall(request: SignedInRequest, pk: UUID) -> HttpResponse:
    version = _version(pk)
    rows = list(recalled(version))
    _record_recall(request, version, len(rows))
    return render(request, "revisions/recall.html", {"version": version, "rows": rows})


@allow(Permission.WITHDRAW_PROTOCOL)
@require_safe
def recall_csv(request: SignedInRequest, pk: UUID) -> HttpResponse:
    version = _version(pk)
    # Written as one text: a response takes each line as a piece of its own, and hands out fifty thousand.
    text = StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(CSV_HEAD)
    count = 0
    for row in recalled(version):
        # Only what somebody has typed can begin like a formula.
        patient, number, ward, bed, signed_by = map(
            _no_formula, (row.patient, row.record_number, row.ward, row.bed, row.signed_by)
        )
        ours = (row.encounter, row.code, row.state, row.signed_at.isoformat())
        writer.writerow((patient, number, row.birth_date, ward, bed, *ours, signed_by))
        count += 1
    _record_recall(request, version, count)
    response = HttpResponse(text.getvalue(), content_type="text/csv; charset=utf-8")
    name = f"recall-{version.slug}-{version.number}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _no_formula(text: str) -> str:
    """A spreadsheet runs a cell that begins like a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _record_recall(request: SignedInRequest, version: ProtocolVersion, count: int) -> None:
    record(
        action="protocol.recalled",
        by=request.user,
        at=timezone.now(),
        object_id=version.pk,
        details={"order_sets": count},
    )


def _version(pk: UUID) -> ProtocolVersion:
    return get_object_or_404(versions_with_people(), pk=pk)


def _base(request: SignedInRequest, version: ProtocolVersion) -> ProtocolVersion | None:
    wanted = request.GET.get("with", "")
    if not wanted:
        return version_in_force(version)
    if not (wanted.isascii() and wanted.isdigit() and len(wanted) < 6):
        raise Http404
    return get_object_or_404(ProtocolVersion, slug=version.slug, number=int(wanted))


def _proof(version: ProtocolVersion, kind: str) -> Proof:
    found = (
        Proof.objects.filter(protocol_version=version, kind=kind).select_related("base", "asked_by").last()
    )
    if found is None:
        raise Http404
    return found


def _with_password(form: StepForm) -> StepForm:
    """Ask who sits there again, for this one act."""
    form.fields["password"] = forms.CharField(
        label="Your password",
        max_length=128,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    return form


def _ask(
    request: SignedInRequest,
    version: ProtocolVersion,
    name: str,
    form: StepForm,
    threads: tuple[Thread, ...],
    *,
    status: int = 200,
) -> HttpResponse:
    context = {
        "version": version,
        "step": STEPS[name],
        "form": form,
        "seal": form["seal"].value(),
        # Who judges a version reads first what others said of it.
        "threads": threads if name in ("record_review", "approve", "reject") else (),
    }
    return render(request, "revisions/step.html", context, status=status)


def _refused(
    request: SignedInRequest, version: ProtocolVersion, reason: str, problems: Any = ()
) -> HttpResponse:
    context = {
        "version": version,
        "reason": reason,
        "problems": linked(version, load_protocol_value(version), problems) if problems else (),
        "may_edit": may_edit(version, request.user),
    }
    return render(request, "revisions/refused.html", context, status=409)


def _unreadable(request: SignedInRequest, version: ProtocolVersion, error: Exception) -> HttpResponse:
    context = {"version": version, "reason": str(error)}
    return render(request, "protocols/unreadable.html", context, status=409)
