"""What is said of the rows of a version before it is approved: by whom, and what was answered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final
from uuid import UUID, uuid4

from django import forms
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from ivigsite.accounts.http import SignedInRequest
from ivigsite.accounts.permissions import Permission, allow
from ivigsite.audit.actions import record
from ivigsite.encounters.forms import LOAD_AGAIN
from ivigsite.fields import TextField
from ivigsite.revisions.checking import checked
from ivigsite.revisions.row_words import label_of, unit_of
from ivigsite.revisions.sections import SECTIONS, Cell, Section, cell_of, ids_of_section, rows_of_section
from ivigsite.revisions.workspace import may_edit, navigation
from protocols.actions import comment_row
from protocols.engine.plain import PlainError
from protocols.engine.protocol import Protocol
from protocols.lifecycle import BEFORE_APPROVAL, Refused
from protocols.mapping import SealBroken, load_protocol_value
from protocols.models import ProtocolVersion, RowComment
from protocols.reading import versions_with_people

LONGEST: Final = 2000
RowKey = tuple[str, str]
"""A section and the key of a row in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thread:
    """One comment with its answers, and where its row is; None once no row has this key any more."""

    comment: RowComment
    answers: tuple[RowComment, ...]
    title: str
    row_id: UUID | None


class CommentForm(forms.Form):
    """A comment on the row of the page, or an answer to one."""

    text = TextField(
        label="Your comment",
        max_length=LONGEST,
        multiline=True,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": "Say something."},
    )
    answers = forms.UUIDField(required=False, widget=forms.HiddenInput)
    idempotency_key = forms.UUIDField(widget=forms.HiddenInput, error_messages={"required": LOAD_AGAIN})


def threads_of(version: ProtocolVersion, protocol: Protocol) -> tuple[Thread, ...]:
    """Every comment on the rows of a version, the oldest first."""
    said = list(version.comments.select_related("by"))
    places: dict[RowKey, UUID] = {}
    for name in {comment.section for comment in said} & set(SECTIONS):
        section = SECTIONS[name]
        keys = [key for key, _ in rows_of_section(section, protocol)]
        rows = zip(keys, ids_of_section(section, version), strict=True)
        places |= {(name, key): row_id for key, row_id in rows}
    return tuple(
        Thread(
            comment=comment,
            answers=tuple(each for each in said if each.answers_id == comment.pk),
            title=SECTIONS[comment.section].title if comment.section in SECTIONS else comment.section,
            row_id=places.get((comment.section, comment.key)),
        )
        for comment in said
        if comment.answers_id is None
    )


def by_row(threads: Sequence[Thread]) -> Mapping[UUID, tuple[Thread, ...]]:
    """The comments on each row that is still there."""
    return {
        row_id: tuple(thread for thread in threads if thread.row_id == row_id)
        for row_id in {thread.row_id for thread in threads if thread.row_id}
    }


@allow(Permission.USE_ADMIN_SITE)
@require_http_methods(["GET", "HEAD", "POST"])
def row_comments(request: SignedInRequest, pk: UUID, section: str, row_id: UUID) -> HttpResponse:
    """What one row says, what was said of it, and the place to say more."""
    version = get_object_or_404(versions_with_people(), pk=pk)
    found = SECTIONS.get(section)
    if found is None:
        raise Http404
    try:
        protocol = load_protocol_value(version)
    except (SealBroken, PlainError) as error:
        context = {"version": version, "reason": str(error)}
        return render(request, "protocols/unreadable.html", context, status=409)
    key, row = _row(found, version, protocol, row_id)
    if request.method != "POST":
        return _page(request, version, protocol, found, row_id, (key, row), CommentForm(initial=_fresh()))
    form = CommentForm(request.POST)
    if not form.is_valid():
        return _page(request, version, protocol, found, row_id, (key, row), form, status=422)
    now = timezone.now()
    try:
        made = comment_row(
            version=version, section=section, key=key, **form.cleaned_data, by=request.user, at=now
        )
    except Refused as refused:
        form.add_error(None, str(refused))
        return _page(request, version, protocol, found, row_id, (key, row), form, status=409)
    record(
        action="protocol.row_commented",
        by=request.user,
        at=now,
        object_id=version.pk,
        details={"section": section, "row": key},
    )
    return redirect(f"{reverse('row_comments', args=[pk, section, row_id])}#comment-{made.pk}")


def _row(section: Section, version: ProtocolVersion, protocol: Protocol, row_id: UUID) -> tuple[str, Any]:
    ids = ids_of_section(section, version)
    if row_id not in ids:
        raise Http404
    return list(rows_of_section(section, protocol))[ids.index(row_id)]


def _page(
    request: SignedInRequest,
    version: ProtocolVersion,
    protocol: Protocol,
    section: Section,
    row_id: UUID,
    named: tuple[str, Any],
    form: CommentForm,
    *,
    status: int = 200,
) -> HttpResponse:
    key, row = named
    found = checked(protocol)
    threads = by_row(threads_of(version, protocol)).get(row_id, ())
    context = {
        "version": version,
        "section": section,
        "row_id": row_id,
        "key": key,
        "said": said_of(row, protocol),
        "basis": getattr(row, "basis", None),
        "threads": threads,
        "form": form,
        "answering": str(form["answers"].value() or ""),
        "key_of_form": form["idempotency_key"].value(),
        "may_comment": version.state in BEFORE_APPROVAL,
        "checked": found,
        "navigation": navigation(version, protocol, found),
        "may_edit": may_edit(version, request.user),
    }
    return render(request, "revisions/comments.html", context, status=status)


def said_of(row: Any, protocol: Protocol) -> list[tuple[str, str, Cell]]:
    """Each field of a row that says something: its label, its unit, its words."""
    return [
        (label_of(each.name), unit_of(each.name), cell_of(value, protocol))
        for each in fields(row)
        if each.name not in ("key", "basis", "orders", "facts")
        and (value := getattr(row, each.name)) not in (None, "", ())
    ]


def _fresh() -> dict[str, UUID]:
    return {"idempotency_key": uuid4()}
