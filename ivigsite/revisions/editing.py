"""The pages on which a draft is edited: its sections, one row at a time, its own words."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import reselect, reswap, retarget

from ivigsite.accounts.http import SignedInRequest
from ivigsite.accounts.permissions import Permission, allow
from ivigsite.revisions.actions import KeyTaken, add_row, change_header, change_row, move_past, take_row_away
from ivigsite.revisions.checking import checked
from ivigsite.revisions.comments import by_row, threads_of
from ivigsite.revisions.grid import grid_of
from ivigsite.revisions.row_form import (
    RowForm,
    Subject,
    digest_of,
    names_in_place,
    over_stored,
    with_item,
    without_item,
)
from ivigsite.revisions.sections import (
    ORDERS,
    SECTIONS,
    Section,
    cell_of,
    header_subject,
    ids_of_section,
    neighbours,
    new_subject,
    subject_of,
    table_of,
)
from ivigsite.revisions.workspace import may_edit, navigation
from protocols.actions import VersionChanged
from protocols.engine.plain import PlainError, from_plain
from protocols.engine.protocol import Protocol
from protocols.lifecycle import Refused
from protocols.mapping import SealBroken, load_protocol_value, read_rows
from protocols.models import ContentRow, ProtocolEvent, ProtocolVersion
from protocols.reading import versions_with_people

work_on_protocol = allow(Permission.USE_ADMIN_SITE)
author_protocol = allow(Permission.AUTHOR_PROTOCOL)
methods_of_a_form = require_http_methods(["GET", "HEAD", "POST"])


@work_on_protocol
@require_safe
def section(request: SignedInRequest, pk: UUID, section: str) -> HttpResponse:
    """One section of a version as a table, with what is wrong in it."""
    version, found = _version(pk), _section(section)
    try:
        protocol = load_protocol_value(version)
    except (SealBroken, PlainError) as error:
        return _unreadable(request, version, error)
    now = checked(protocol)
    columns, rows = table_of(found, version, protocol, now.problems)
    context = {
        **_context(request, version, protocol),
        "section": found,
        "columns": columns,
        "rows": rows,
        "of_section": [p for p in now.problems if p.section == found.name and not p.key],
        "threads": by_row(threads_of(version, protocol)),
        "results": {result.key: result for result in now.results} if found.name == "cases" else {},
        # Where whoever has just edited or moved a row goes on.
        "at": request.GET.get("at", ""),
        "on": request.GET.get("on", ""),
    }
    return render(request, "revisions/section.html", context)


@work_on_protocol
@require_safe
def grid(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """The decision table as the cells it must fill: each with its branch, a gap, or an overlap."""
    version = _version(pk)
    try:
        protocol = load_protocol_value(version)
    except (SealBroken, PlainError) as error:
        return _unreadable(request, version, error)
    context = {**_context(request, version, protocol), "grid": grid_of(version, protocol)}
    return render(request, "revisions/grid.html", context)


@author_protocol
@methods_of_a_form
def row(request: SignedInRequest, pk: UUID, section: str, row_id: UUID) -> HttpResponse:
    """Edit one row of a draft; who was slower is shown whose edit won, beside what they typed."""
    version, found = _draft(pk), _section(section)
    stored = _stored(found, version, row_id)
    if not stored:
        return _refused(request, version, "Somebody has removed this row. Nothing of yours was saved.")
    protocol = read_rows(version)
    subject = subject_of(found, stored, protocol)
    threads = by_row(threads_of(version, protocol)).get(row_id, ())
    context = {"section": found, "row": stored, "title": f"{stored}", "threads": threads}
    return _edit(request, version, subject, context, stored=stored)


@author_protocol
@methods_of_a_form
def row_in_place(request: SignedInRequest, pk: UUID, section: str, row_id: UUID) -> HttpResponse:
    """Edit a row within its table: what the table shows of it, and all the rest once that is asked for.

    What stands in no field of the form stays as it is stored.
    """
    version, found = _draft(pk), _section(section)
    stored = _stored(found, version, row_id)
    if not stored:
        return _refused(request, version, "Somebody has removed this row. Nothing of yours was saved.")
    subject = subject_of(found, stored, read_rows(version))
    context = {"section": found, "row": stored, "title": f"{stored}", "is_whole": "whole" in request.POST}
    if request.method != "POST":
        return _in_place(request, version, RowForm(subject=subject), context)
    typed = over_stored(request.POST, subject, subject.names if context["is_whole"] else found.columns)
    if "more" in request.POST:
        whole = {**context, "is_whole": True, "is_unfolded": True}
        return _in_place(request, version, RowForm(subject=subject, typed=typed), whole)
    if (reshaped := _reshaped(request.POST, typed)) is not None:
        return _in_place(request, version, RowForm(subject=subject, typed=reshaped), context)
    form = RowForm(typed, subject=subject)
    if not form.is_valid():
        return _in_place(request, version, form, context, status=422)
    if form.cleaned_data["was"] != digest_of(subject.stored):
        return _lost_in_place(request, version, form, typed, context)
    try:
        _save(version, found, stored, form, request)
    except VersionChanged:
        return _lost_in_place(request, _draft(pk), form, typed, context)
    except KeyTaken as taken:
        form.add_error(None, str(taken))
        return _in_place(request, version, form, context, status=422)
    except Refused as refused:
        return _refused(request, version, str(refused))
    return redirect(_place(version, found, stored, "saved"))


@author_protocol
@require_POST
def move_row(request: SignedInRequest, pk: UUID, section: str, row_id: UUID) -> HttpResponse:
    """Let a row change places with the one beside it, unless they no longer stand as they were shown."""
    version, found = _draft(pk), _section(section)
    protocol = read_rows(version)
    beside = neighbours(found, protocol, ids_of_section(found, version))
    above, below = beside.get(row_id, (None, None))
    past = {str(each): each for each in (above, below) if each}.get(request.POST.get("past", ""))
    row = _stored(found, version, row_id)
    neighbour = _stored(found, version, past) if past else None
    if row is None or neighbour is None:
        return _refused(request, version, "The order has changed since you opened it. Nothing was moved.")
    try:
        move_past(row=row, neighbour=neighbour, seen=version.version, by=request.user, at=timezone.now())
    except Refused as refused:
        return _refused(request, version, str(refused))
    return redirect(_place(version, found, row, "up" if past == above else "down"))


@author_protocol
@methods_of_a_form
def new_row(request: SignedInRequest, pk: UUID, section: str) -> HttpResponse:
    """Add a row to a section of a draft."""
    version, found = _draft(pk), _section(section)
    begun = {"branch": request.GET.get("branch", "")} if found.name == ORDERS else {}
    subject = new_subject(found, read_rows(version), begun)
    return _edit(request, version, subject, {"section": found, "title": "New row"}, stored=None)


@author_protocol
@require_POST
def remove_row(request: SignedInRequest, pk: UUID, section: str, row_id: UUID) -> HttpResponse:
    """Remove one row of a draft, unless it has changed since it was shown."""
    version, found = _draft(pk), _section(section)
    stored = _stored(found, version, row_id)
    subject = subject_of(found, stored, read_rows(version)) if stored else None
    if stored is None or subject is None or request.POST.get("was") != digest_of(subject.stored):
        return _refused(request, version, "The row has changed since you opened it. It was not removed.")
    try:
        take_row_away(row=stored, seen=version.version, by=request.user, at=timezone.now())
    except Refused as refused:
        return _refused(request, version, str(refused))
    messages.success(request, f"{stored} is removed.")
    return redirect("workspace_section", pk=version.pk, section=found.name)


@author_protocol
@methods_of_a_form
def header(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Edit what a draft says of itself: title, population, disclaimer, what it begins with."""
    version = _draft(pk)
    subject = header_subject(version, read_rows(version))
    if request.method != "POST":
        return _form(request, version, RowForm(subject=subject), {"title": "About this version"})
    form = RowForm(request.POST, subject=subject)
    if not form.is_valid():
        return _form(request, version, form, {"title": "About this version"}, status=422)
    if form.cleaned_data["was"] != digest_of(subject.stored):
        return _conflict(request, version, None, form, {"title": "About this version"})
    try:
        change_header(version=version, plain=form.to_plain(), by=request.user, at=timezone.now())
    except VersionChanged:
        return _conflict(request, _draft(pk), None, form, {"title": "About this version"})
    except Refused as refused:
        return _refused(request, version, str(refused))
    messages.success(request, "Saved.")
    return redirect("workspace", pk=version.pk)


def _edit(
    request: SignedInRequest,
    version: ProtocolVersion,
    subject: Subject,
    context: dict[str, Any],
    *,
    stored: ContentRow | None,
) -> HttpResponse:
    if request.method != "POST":
        return _form(request, version, RowForm(subject=subject), context)
    if (typed := _reshaped(request.POST, request.POST)) is not None:
        return _form(request, version, RowForm(subject=subject, typed=typed), context)
    form = RowForm(request.POST, subject=subject)
    if not form.is_valid():
        return _form(request, version, form, context, status=422)
    if stored is not None and form.cleaned_data["was"] != digest_of(subject.stored):
        return _conflict(request, version, stored, form, context)
    try:
        saved = _save(version, context["section"], stored, form, request)
    except VersionChanged:
        return _conflict(request, _draft(version.pk), stored, form, context)
    except KeyTaken as taken:
        form.add_error(next(iter(form.parts)) if stored is None else None, str(taken))
        return _form(request, version, form, context, status=422)
    except Refused as refused:
        return _refused(request, version, str(refused))
    messages.success(request, f"{saved} is saved.")
    table = reverse("workspace_section", args=[version.pk, context["section"].name])
    return redirect(f"{table}#row-{saved.pk}")


def _place(version: ProtocolVersion, section: Section, row: ContentRow, on: str) -> str:
    """The table, with the focus on what was pressed in this row."""
    table = reverse("workspace_section", args=[version.pk, section.name])
    return f"{table}?at={row.pk}&on={on}"


def _save(
    version: ProtocolVersion,
    section: Section,
    stored: ContentRow | None,
    form: RowForm,
    request: SignedInRequest,
) -> ContentRow:
    now = timezone.now()
    if stored is None:
        return add_row(section=section, version=version, plain=form.to_plain(), by=request.user, at=now)
    return change_row(row=stored, seen=version.version, plain=form.to_plain(), by=request.user, at=now)


def _reshaped(pressed: QueryDict, typed: QueryDict) -> QueryDict | None:
    """What was typed, with an item more or less, as was pressed; None where it is to be saved."""
    if "add" in pressed:
        return with_item(typed, str(pressed["add"]))
    if "remove" in pressed:
        return without_item(typed, str(pressed["remove"]))
    return typed if "refresh" in pressed else None


def _form(
    request: SignedInRequest,
    version: ProtocolVersion,
    form: RowForm,
    context: dict[str, Any],
    *,
    status: int = 200,
) -> HttpResponse:
    wrong = checked(form.subject.protocol).problems
    key = _key_of(form.subject)
    shown = {
        **_context(request, version, form.subject.protocol),
        "form": form,
        "row_problems": [p for p in wrong if (p.section, p.key) == (form.subject.section, key)],
        **context,
    }
    return render(request, "revisions/row.html", shown, status=status)


def _in_place(
    request: SignedInRequest,
    version: ProtocolVersion,
    form: RowForm,
    context: dict[str, Any],
    *,
    status: int = 200,
) -> HttpResponse:
    """The form in the row's place; where no script asked for it, the page of the row with all its fields."""
    section, row = context["section"], context["row"]
    if not request.htmx:
        whole = {**context, "action": reverse("workspace_row", args=[version.pk, section.name, row.pk])}
        return _form(request, version, form, whole, status=status)
    # Two rows may be open at once.
    form.auto_id, form.place = f"id_{row.pk}_%s", f"{row.pk}-"
    form.post_to = reverse("workspace_row_in_place", args=[version.pk, section.name, row.pk])
    in_table = names_in_place(form, section.columns)
    rest = [name for name in form.parts if name not in in_table]
    shown = {
        **context,
        "version": version,
        "form": form,
        "parts": [form.parts[name] for name in in_table],
        "rest": [form.parts[name] for name in rest] if context["is_whole"] else [],
        "has_more": bool(rest) and not context["is_whole"],
    }
    # A conflict is answered within the form, which a status of its own would keep out of the table.
    answer = render(request, "revisions/_row_in_place.html", shown, status=422 if status == 409 else status)
    if form.typed is not None and status == 200 and "is_unfolded" not in context:
        # A list with an item more or less: what was pressed names the piece of the form that changes.
        return answer
    place = f"#row-{row.pk}"
    return reselect(retarget(reswap(answer, "outerHTML"), place), place)


def _lost_in_place(
    request: SignedInRequest,
    version: ProtocolVersion,
    form: RowForm,
    typed: QueryDict,
    context: dict[str, Any],
) -> HttpResponse:
    won = _won(version, context["row"], form, context["section"], typed)
    return _in_place(request, version, won.form, {**context, "conflict": won}, status=409)


def _conflict(
    request: SignedInRequest,
    version: ProtocolVersion,
    stored: ContentRow | None,
    form: RowForm,
    context: dict[str, Any],
) -> HttpResponse:
    """Say whose edit won, and show what was typed beside what is stored now; nothing typed is lost."""
    won = _won(version, stored, form, context.get("section"), request.POST)
    return _form(request, version, won.form, {**context, "conflict": won}, status=409)


@dataclass(frozen=True, slots=True, kw_only=True)
class Won:
    """Whose edit was quicker, what differs, and a form that would put what was typed in its place."""

    event: ProtocolEvent | None
    differences: list[tuple[str, Any, Any]]
    form: RowForm


def _won(
    version: ProtocolVersion,
    stored: ContentRow | None,
    form: RowForm,
    section: Section | None,
    posted: QueryDict,
) -> Won:
    protocol = read_rows(version)
    said = f"{stored._meta.verbose_name} " if stored else "title"
    if stored is None or section is None:
        now = header_subject(version, protocol)
    else:
        stored.refresh_from_db()
        now = subject_of(section, stored, protocol)
        said = f"{said}{stored}"
    typed = posted.copy()
    typed["was"] = digest_of(now.stored)
    event = version.events.filter(comment__startswith=said).select_related("by").last()
    fresh = RowForm(subject=now, typed=typed)
    return Won(event=event, differences=_differences(now, form, protocol), form=fresh)


def _differences(now: Subject, form: RowForm, protocol: Protocol) -> list[tuple[str, Any, Any]]:
    mine = form.to_plain()
    changed = [name for name in now.names if now.stored[name] != mine[name]]
    return [
        (name, _cell(now, name, now.stored, protocol), _cell(now, name, mine, protocol)) for name in changed
    ]


def _cell(subject: Subject, name: str, plain: dict[str, Any], protocol: Protocol) -> Any:
    if subject.cls is None or (name == "branch" and subject.section == ORDERS):
        return cell_of(plain[name], protocol)
    if name in ("basis", "facts"):
        return cell_of(", ".join(f"{key}: {value}" for key, value in plain[name].items()), protocol)
    orders: dict[str, Any] = {"orders": []} if subject.section == "branches" else {}
    said = {key: value for key, value in plain.items() if key != "branch" or subject.section != ORDERS}
    return cell_of(getattr(from_plain(subject.cls, {**said, **orders}), name), protocol)


def _key_of(subject: Subject) -> str:
    stored = subject.stored
    if subject.section == ORDERS:
        return f"{stored.get('branch')}.{stored.get('key')}"
    if subject.section == "grade_bands":
        return str(stored.get("grade"))
    if subject.section == "input_limits":
        return f"{stored.get('fact')} ({stored.get('population')})"
    return str(stored.get("key", ""))


def _context(request: SignedInRequest, version: ProtocolVersion, protocol: Protocol) -> dict[str, Any]:
    now = checked(protocol)
    return {
        "version": version,
        "checked": now,
        "navigation": navigation(version, protocol, now),
        "may_edit": may_edit(version, request.user),
    }


def _version(pk: UUID) -> ProtocolVersion:
    return get_object_or_404(versions_with_people(), pk=pk)


def _draft(pk: UUID) -> ProtocolVersion:
    """A version that can still be edited; what is sealed is no longer anybody's to change."""
    version = _version(pk)
    if not version.is_draft:
        raise PermissionDenied
    return version


def _section(name: str) -> Section:
    if name not in SECTIONS:
        raise Http404
    return SECTIONS[name]


def _stored(section: Section, version: ProtocolVersion, row_id: UUID) -> ContentRow | None:
    found: ContentRow | None = section.model._default_manager.filter(
        protocol_version=version, pk=row_id
    ).first()
    return found


def _refused(request: SignedInRequest, version: ProtocolVersion, reason: str) -> HttpResponse:
    return render(request, "revisions/refused.html", {"version": version, "reason": reason}, status=409)


def _unreadable(request: SignedInRequest, version: ProtocolVersion, error: Exception) -> HttpResponse:
    context = {"version": version, "reason": str(error)}
    return render(request, "protocols/unreadable.html", context, status=409)
