from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from ivigsite.accounts.http import SignedInRequest
from ivigsite.accounts.models import User, Ward
from ivigsite.accounts.permissions import Permission, allow, never_extends_session
from ivigsite.audit.actions import record
from ivigsite.downtime.actions import begin_folder
from ivigsite.downtime.folder import (
    AlreadyBeingWritten,
    Progress,
    StoredFile,
    StoredPack,
    is_being_written,
    read_folder,
)
from ivigsite.downtime.forms import WriteForm
from protocols.reading import current_version

# The nightly job writes once a day; a folder older than this was missed.
FRESH_FOR: Final = timedelta(hours=26)
BEGINS_WITHIN: Final = timedelta(seconds=20)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownPack:
    """One pack on disk, what is wrong with it if anything, and the lists this person may open."""

    pack: StoredPack
    faults: tuple[str, ...]
    wards: tuple[Ward, ...]


@allow(Permission.READ_PROTOCOL)
@require_safe
def downtime(request: SignedInRequest) -> HttpResponse:
    return render(request, "downtime/downtime.html", _context(request, WriteForm()))


@never_extends_session
@allow(Permission.READ_PROTOCOL)
@require_safe
def downtime_progress(request: SignedInRequest) -> HttpResponse:
    """The panel with what is on disk, asked for again and again while the folder is written."""
    return render(request, "downtime/_packs.html", _context(request, WriteForm()))


@allow(Permission.WRITE_DOWNTIME)
@require_POST
def write_downtime(request: SignedInRequest) -> HttpResponse:
    """Begin to write the folder anew; the page it leads to shows how far it is."""
    form = WriteForm(request.POST)
    if not form.is_valid():
        return render(request, "downtime/downtime.html", _context(request, form), status=422)
    try:
        begin_folder(by=request.user, at=timezone.now(), paper=form.chosen_paper)
    except AlreadyBeingWritten:
        messages.info(request, "The downtime folder is being written already.")
    return redirect("downtime")


@allow(Permission.READ_PROTOCOL)
@require_safe
def downtime_forms(request: SignedInRequest, version_id: UUID) -> HttpResponse:
    """The forms and tables of one version, as they lie in the folder."""
    for pack in read_folder().packs:
        if pack.version == str(version_id):
            return _hand_out(request, pack.forms, "downtime-pack.pdf", version_id)
    raise Http404


@allow(Permission.PRINT_ORDERS)
@require_safe
def downtime_orders(request: SignedInRequest, ward_id: UUID) -> HttpResponse:
    """The list of one of the person's own wards, as it lies in the folder."""
    if not request.user.wards.filter(pk=ward_id).exists():
        record(action="downtime.denied", by=request.user, at=timezone.now(), object_id=ward_id)
        raise Http404
    for pack in read_folder().packs:
        if str(ward_id) in pack.lists:
            return _hand_out(request, pack.lists[str(ward_id)], "active-orders.pdf", ward_id)
    raise Http404


def _hand_out(request: SignedInRequest, file: StoredFile, name: str, object_id: UUID) -> HttpResponse:
    data = file.read()
    if data is None:
        # Gone, or not what was written: nobody is to work by it.
        return render(request, "downtime/not_whole.html", status=409)
    record(action="downtime.handed_out", by=request.user, at=timezone.now(), object_id=object_id)
    response = HttpResponse(data, content_type="application/pdf")
    response["Content-Disposition"] = f'inline; filename="{name}"'
    return response


def _context(request: SignedInRequest, form: WriteForm) -> dict[str, Any]:
    now = timezone.now()
    found = read_folder()
    return {
        "form": form,
        "packs": [_shown(pack, request.user, at=now) for pack in found.packs],
        "progress": found.progress,
        "is_being_written": _is_under_way(found.progress, at=now),
        "as_of": now,
    }


def _is_under_way(progress: Progress | None, *, at: datetime) -> bool:
    if progress is None or progress.ended_at is not None:
        return False
    # Just begun, it may not hold the folder yet; and whoever died in the middle holds it no more.
    return is_being_written() or at - progress.started_at < BEGINS_WITHIN


def _shown(pack: StoredPack, user: User, *, at: datetime) -> ShownPack:
    return ShownPack(
        pack=pack,
        faults=tuple(_faults(pack, at=at)),
        wards=tuple(ward for ward in user.wards.all() if str(ward.pk) in pack.lists),
    )


def _faults(pack: StoredPack, *, at: datetime) -> list[str]:
    faults = []
    in_force = current_version()
    if in_force is None or str(in_force.pk) != pack.version or in_force.seal != pack.seal:
        faults.append("It is not of the version that is in force now. Take printed copies away.")
    if pack.expires_at <= at:
        faults.append("It has expired.")
    elif at - pack.made_at > FRESH_FOR:
        faults.append("It is more than a day old: the nightly job did not run.")
    if any(file.read() is None for file in (pack.forms, *pack.lists.values())):
        faults.append("A file is missing or was changed since it was written.")
    return faults
