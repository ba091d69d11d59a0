from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from ivigsite.accounts.http import SignedInRequest
from ivigsite.accounts.permissions import Permission, allow
from ivigsite.encounters.actions import EncounterChanged
from ivigsite.encounters.forms import LOAD_AGAIN, VersionField
from ivigsite.encounters.models import Encounter
from ivigsite.encounters.selectors import banner_of, encounter_for, newer_version
from ivigsite.revisions.moves import CannotMove, move_encounter, plan_move
from protocols.models import ProtocolVersion


class MoveForm(forms.Form):
    """What the page was made from: a move on anything else is refused."""

    version = VersionField()
    seal = forms.CharField(widget=forms.HiddenInput, max_length=64, error_messages={"required": LOAD_AGAIN})


@allow(Permission.EDIT_ENCOUNTERS)
@require_http_methods(["GET", "HEAD", "POST"])
def move(request: SignedInRequest, encounter_id: UUID) -> HttpResponse:
    """Show what the version in force changes for this patient; posted to, take the encounter to it."""
    now = timezone.now()
    found = encounter_for(request.user, encounter_id, at=now)
    to = newer_version(found)
    if to is None:
        messages.info(request, "There is no other version in force to move this encounter to.")
        return redirect(found)
    if request.method != "POST":
        form = MoveForm(initial={"version": found.version, "seal": to.seal})
        return _page(request, found, to, form, status=200)
    form = MoveForm(request.POST)
    if not form.is_valid():
        return _page(request, found, to, form, status=422)
    try:
        moved = move_encounter(
            encounter=found,
            version=form.cleaned_data["version"],
            to=to,
            seal=form.cleaned_data["seal"],
            by=request.user,
            at=now,
        )
    except EncounterChanged:
        return render(request, "409.html", status=409)
    except CannotMove as refusal:
        form.add_error(None, str(refusal))
        return _page(request, found, to, form, status=409)
    messages.success(
        request, f"The encounter keeps to version {moved.after.number} from now on. Assess the patient on it."
    )
    return redirect("assess", found.pk)


def _page(
    request: SignedInRequest, found: Encounter, to: ProtocolVersion, form: MoveForm, *, status: int
) -> HttpResponse:
    last = found.assessments.select_related("protocol_version").first()
    context = {
        "form": form,
        "encounter": found,
        "banner": banner_of(found, last, at=timezone.now()),
        "last": last,
        "plan": plan_move(found, last, to),
        "version": found.protocol_version,
    }
    return render(request, "revisions/move.html", context, status=status)
