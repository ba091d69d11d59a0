from collections.abc import Callable
from typing import Final, TypeVar
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from protocols.actions import read_change_note
from protocols.document import document_of
from protocols.engine.plain import PlainError
from protocols.lifecycle import State
from protocols.mapping import SealBroken, load_protocol_value
from protocols.models import ProtocolVersion
from protocols.reading import all_versions, current_version, versions_with_people
from protocols.search import QUESTION_LENGTH, ask

# The pages that show the change note, by the names the site gives them.
NOTE_STANDS_ON: Final = ("board", "quick_check", "protocols:current")
View = TypeVar("View", bound=Callable[..., HttpResponse])


def for_readers(view: View) -> View:
    """Name the permission a reader needs; the site knows it by this name, and denies where there is none."""
    view.need = "read_protocol"  # type: ignore[attr-defined]
    return view


@for_readers
@require_safe
def current(request: HttpRequest) -> HttpResponse:
    version = current_version()
    if version is None:
        return render(request, "protocols/none_approved.html", {"versions": all_versions()})
    return _read(request, version)


@for_readers
@require_safe
def versions(request: HttpRequest) -> HttpResponse:
    found = all_versions()
    context = {
        "versions": [each for each in found if each.state != State.REJECTED],
        "rejected": [each for each in found if each.state == State.REJECTED],
    }
    return render(request, "protocols/versions.html", context)


@for_readers
@require_safe
def search(request: HttpRequest, pk: UUID | None = None) -> HttpResponse:
    """Answer a question from one version, else from the one in force."""
    found = get_object_or_404(versions_with_people(), pk=pk) if pk else current_version()
    if found is None:
        return render(request, "protocols/none_approved.html", {"versions": all_versions()})
    question = request.GET.get("q", "").replace("\0", "")[:QUESTION_LENGTH].strip()
    try:
        protocol = load_protocol_value(found)
    except (SealBroken, PlainError) as error:
        return _unreadable(request, found, error)
    context = {
        "version": found,
        "question": question,
        "answers": ask(protocol, question) if question else (),
        "longest": QUESTION_LENGTH,
    }
    return render(request, "protocols/search.html", context)


@for_readers
@require_safe
def policy(request: HttpRequest) -> HttpResponse:
    """How the hospital writes, reviews and withdraws what the protocol says."""
    return render(request, "protocols/policy.html")


@for_readers
@require_POST
def read_note(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Keep that the change note was read, and go back to the page it stood on."""
    found = get_object_or_404(ProtocolVersion, pk=pk)
    read_change_note(version=found, by=request.user, at=timezone.now())
    back = request.POST.get("back")
    return redirect(back if back in NOTE_STANDS_ON else "protocols:current")


@for_readers
@require_safe
def version(request: HttpRequest, pk: UUID) -> HttpResponse:
    return _read(request, get_object_or_404(versions_with_people(), pk=pk))


def _read(request: HttpRequest, version: ProtocolVersion) -> HttpResponse:
    try:
        protocol = load_protocol_value(version)
    except (SealBroken, PlainError) as error:
        return _unreadable(request, version, error)
    return render(request, "protocols/document.html", {"document": document_of(version, protocol)})


def _unreadable(request: HttpRequest, version: ProtocolVersion, error: Exception) -> HttpResponse:
    context = {"version": version, "reason": str(error)}
    return render(request, "protocols/unreadable.html", context, status=409)
