from collections.abc import Callable
from typing import TypeVar
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from protocols.document import document_of
from protocols.engine.plain import PlainError
from protocols.mapping import SealBroken, load_protocol_value
from protocols.models import ProtocolVersion
from protocols.reading import all_versions, current_version, versions_with_people

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
    return render(request, "protocols/versions.html", {"versions": all_versions()})


@for_readers
@require_safe
def version(request: HttpRequest, pk: UUID) -> HttpResponse:
    return _read(request, get_object_or_404(versions_with_people(), pk=pk))


def _read(request: HttpRequest, version: ProtocolVersion) -> HttpResponse:
    try:
        protocol = load_protocol_value(version)
    except (SealBroken, PlainError) as error:
        return render(
            request, "protocols/unreadable.html", {"version": version, "reason": str(error)}, status=409
        )
    return render(request, "protocols/document.html", {"document": document_of(version, protocol)})
