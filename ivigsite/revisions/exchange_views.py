"""A version as a file: the content file, out and in, that hospitals share in git; and a paper to read."""

from typing import Final
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from ivigsite.accounts.http import SignedInRequest
from ivigsite.accounts.permissions import Permission, allow
from ivigsite.audit.actions import record
from ivigsite.fields import TextField
from ivigsite.middleware import takes_long_bodies
from ivigsite.orders.sheet.jobs import SheetFailed
from ivigsite.orders.sheet.plain_paper import PlainPaperJob
from ivigsite.orders.sheet.states import Paper
from ivigsite.revisions.paper_files import begin, file_of
from ivigsite.revisions.reading_paper import paper_of_version
from protocols.actions import ContentRefused, import_draft
from protocols.content_files import ContentError, dump_content, read_content
from protocols.document import document_of
from protocols.engine.plain import PlainError
from protocols.mapping import SealBroken, load_protocol_value
from protocols.models import ProtocolVersion
from protocols.reading import version_with_content, versions_with_people

NOTE_LENGTH: Final = 2000
CONTENT_LENGTH: Final = 2_000_000
LOOK_AGAIN_S: Final = 4
PASTED: Final = "the content"


class ImportForm(forms.Form):
    """A content file as text; a chosen file is put into the box by the browser, and never uploaded."""

    content = forms.CharField(
        label="Content file",
        strip=False,
        max_length=CONTENT_LENGTH,
        widget=forms.Textarea(attrs={"rows": 18, "class": "content-box", "spellcheck": "false"}),
        help_text="As the page of a version or export_protocol writes it. Choose a file, or paste its text.",
        error_messages={
            "required": "Choose or paste a content file.",
            "max_length": "This is longer than any content file: at most 2,000,000 characters.",
        },
    )
    change_note = TextField(
        label="What this version changes",
        max_length=NOTE_LENGTH,
        help_text="Shown once to everybody when the version comes into force.",
        error_messages={"required": "Say what this version changes."},
    )


@allow(Permission.READ_PROTOCOL)
@require_safe
def export_version(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """One version as a file that `import_version` and load_protocol read back to the same seal."""
    version = get_object_or_404(ProtocolVersion, pk=pk)
    try:
        content = dump_content(load_protocol_value(version))
    except (SealBroken, PlainError) as error:
        context = {"version": version, "reason": str(error)}
        return render(request, "protocols/unreadable.html", context, status=409)
    response = HttpResponse(content, content_type="application/toml; charset=utf-8")
    name = f"{version.slug}-{version.number}.toml"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@allow(Permission.READ_PROTOCOL)
@require_safe
def version_paper(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """One version as a PDF to read away from a screen; some seventy pages, made in a process of its own."""
    version = get_object_or_404(versions_with_people(), pk=pk)
    try:
        document = document_of(version, load_protocol_value(version))
    except (SealBroken, PlainError) as error:
        context = {"version": version, "reason": str(error)}
        return render(request, "protocols/unreadable.html", context, status=409)
    job = PlainPaperJob(content=paper_of_version(document, at=timezone.now()), paper=Paper.A4)
    try:
        data = file_of(job)
    except SheetFailed as failure:
        return render(
            request, "revisions/paper_failed.html", {"version": version, "reason": failure}, status=503
        )
    if data is None:
        begin(job)
        # The page comes again by itself, also where no script runs, until the file is there.
        waiting = render(request, "revisions/paper_wait.html", {"version": version}, status=202)
        waiting["Refresh"] = str(LOOK_AGAIN_S)
        return waiting
    response = HttpResponse(data, content_type="application/pdf")
    response["Content-Disposition"] = f'inline; filename="{version.slug}-{version.number}.pdf"'
    return response


@takes_long_bodies
@allow(Permission.AUTHOR_PROTOCOL)
@require_http_methods(["GET", "HEAD", "POST"])
def import_version(request: SignedInRequest) -> HttpResponse:
    """Take a content file in as the next draft of its protocol; what is wrong stays in the box."""
    if request.method != "POST":
        return _page(request, ImportForm(), status=200)
    form = ImportForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    now = timezone.now()
    try:
        protocol = read_content(form.cleaned_data["content"].encode(), name=PASTED)
        there = version_with_content(protocol)
        version = import_draft(
            protocol=protocol, change_note=form.cleaned_data["change_note"], by=request.user, at=now
        )
    except ContentError as error:
        form.add_error("content", _with_its_line(error, form.cleaned_data["content"]))
        return _page(request, form, status=422)
    except ContentRefused as error:
        form.add_error("content", str(error))
        return _page(request, form, status=422)
    record(
        action="protocol.imported",
        by=request.user,
        at=now,
        object_id=version.pk,
        details={"slug": version.slug, "number": version.number},
    )
    words = f"Imported as version {version.number}, a draft."
    messages.success(request, f"{words} Version {there.number} says the same." if there else words)
    return redirect("workspace", pk=version.pk)


def _with_its_line(error: ContentError, content: str) -> str:
    """The message with the number of the line and what stands there."""
    if error.line is None:
        return f"This cannot be read: {error.message}"
    lines = content.split("\n")
    there = lines[error.line - 1].strip()[:80] if error.line <= len(lines) else ""
    return f"Line {error.line}: {error.message}" + (f" It says: {there}" if there else "")


def _page(request: SignedInRequest, form: ImportForm, *, status: int) -> HttpResponse:
    return render(request, "revisions/import.html", {"form": form}, status=status)
