"""A case tried on a version as it stands: the form of an encounter, an answer, and nothing stored."""

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from ivigsite.accounts.http import SignedInRequest
from ivigsite.accounts.permissions import Permission, allow
from ivigsite.encounters.assessment_form import FactsForm
from ivigsite.encounters.form_layout import helper_for
from ivigsite.encounters.preview import preview
from ivigsite.revisions.checking import checked
from ivigsite.revisions.row_form import Plain, RowForm
from ivigsite.revisions.sections import SECTIONS, new_subject
from protocols.engine.decision import evaluate
from protocols.engine.facts_json import facts_to_plain
from protocols.engine.outcome import outcome_to_plain
from protocols.engine.plain import PlainError
from protocols.engine.protocol import Protocol
from protocols.engine.worked_cases import expectations_of
from protocols.mapping import SealBroken, load_protocol_value
from protocols.models import ProtocolVersion
from protocols.reading import status_line, versions_with_people


@allow(Permission.USE_ADMIN_SITE)
@require_http_methods(["GET", "HEAD", "POST"])
def try_case(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Answer the questions of an encounter on this version; the author of a draft may keep it as a case."""
    version = get_object_or_404(versions_with_people(), pk=pk)
    try:
        protocol = load_protocol_value(version)
    except (SealBroken, PlainError) as error:
        context = {"version": version, "reason": str(error)}
        return render(request, "protocols/unreadable.html", context, status=409)
    wrong = checked(protocol).problems
    if wrong:
        # `evaluate` promises an answer only for a protocol without problems.
        return render(request, "revisions/try.html", {"version": version, "problems": wrong}, status=409)
    may_keep = version.is_draft and request.user.may(Permission.AUTHOR_PROTOCOL)
    form = FactsForm(request.POST or None, protocol=protocol, now=timezone.now())
    if form.is_bound and may_keep and "case" in request.POST and form.is_valid():
        return _as_case(request, version, protocol, form)
    context = {
        "version": version,
        "form": form,
        "preview": preview(form, request.user) if form.is_bound else None,
        "keep_as_case": may_keep,
        "protocol_status": status_line(version),
    }
    if request.htmx:
        return render(request, "encounters/_preview.html", context)
    context["helper"] = helper_for(form)
    return render(request, "revisions/try.html", context, status=422 if form.errors else 200)


def _as_case(
    request: SignedInRequest, version: ProtocolVersion, protocol: Protocol, form: FactsForm
) -> HttpResponse:
    """The form of a new case, filled with these facts and with what the version says of them now."""
    facts = form.known_facts()
    said = outcome_to_plain(protocol, evaluate(protocol, facts))
    begun: Plain = {"facts": facts_to_plain(facts), **expectations_of(said)}
    section = SECTIONS["cases"]
    context: dict[str, Any] = {
        "version": version,
        "section": section,
        "title": "New case",
        "checked": checked(protocol),
        "may_edit": True,
        "form": RowForm(subject=new_subject(section, protocol, begun)),
        "action": reverse("workspace_new_row", args=[version.pk, section.name]),
    }
    return render(request, "revisions/row.html", context)
