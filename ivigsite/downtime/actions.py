"""Writing the downtime folder: by command, every night, or by a button."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from django.db import connection
from django.utils import timezone

from ivigsite.accounts.models import User, Ward
from ivigsite.audit.actions import record
from ivigsite.downtime import folder
from ivigsite.downtime.active import active_orders
from ivigsite.downtime.build import build_pack
from ivigsite.downtime.folder import Progress, StoredFile, StoredPack
from ivigsite.orders.sheet.jobs import SheetFailed
from ivigsite.orders.sheet.pack import ActiveOrdersJob, FormsJob, Pack
from ivigsite.orders.sheet.states import Paper
from ivigsite.orders.sheet.worker import OnPage, render_alone
from protocols.lifecycle import State
from protocols.mapping import load_protocol_value
from protocols.models import ProtocolVersion

READ_ME_TEXT: Final = """\
DOWNTIME FOLDER

For hours in which the site cannot be reached. Everything here opens without it.

One folder for each approved version of a protocol:
  downtime-pack-….pdf    decision grid, blank order forms, tables of doses, vials and pump rates, checklists
  active-orders-….pdf    for each ward, the signed orders in force when the folder was written

Each page says until when it may be used. Enter every paper order into the site when it is back.
Decision support, pending human clinical review.
"""
# The progress is written to disk, which takes as long as a page.
PAGES_A_WORD: Final = 4
NIGHTLY: Final = "The nightly job"


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What was written, and how many files."""

    packs: tuple[StoredPack, ...]
    files: int


def write_folder(*, by: User | None, at: datetime, paper: Paper) -> Written:
    """Write the folder of every approved version anew; raises `AlreadyBeingWritten` or `SheetFailed`.

    After a failure the files that were there are there still, and the progress says what went wrong.
    """
    with folder.alone():
        return _write(by=by, at=at, paper=paper)


def begin_folder(*, by: User, at: datetime, paper: Paper) -> threading.Thread:
    """Begin to write and return at once; the page shows the progress. Raises `AlreadyBeingWritten`."""
    if folder.is_being_written():
        raise folder.AlreadyBeingWritten
    folder.write_progress(Progress(started_at=at, by=by.full_name, done=0, total=0))
    thread = threading.Thread(target=_write_in_thread, args=(by, at, paper), daemon=True)
    thread.start()
    return thread


def _write_in_thread(by: User, at: datetime, paper: Paper) -> None:
    try:
        write_folder(by=by, at=at, paper=paper)
    except (SheetFailed, folder.AlreadyBeingWritten):
        pass  # the progress says so to whoever looks at the page
    finally:
        # Nobody else would close the connection of this thread.
        connection.close()


def _write(*, by: User | None, at: datetime, paper: Paper) -> Written:
    versions = list(ProtocolVersion.objects.filter(state=State.APPROVED).select_related("approver"))
    wards = list(Ward.objects.all())
    total = len(versions) * (1 + len(wards))
    progress = Progress(started_at=at, by=by.full_name if by else NIGHTLY, done=0, total=total)
    folder.write_progress(progress)

    def step() -> None:
        nonlocal progress
        progress = replace(progress, done=progress.done + 1, page=0, pages=0, pages_before=0, least_pages=0)
        folder.write_progress(progress)

    def begin_forms(version: ProtocolVersion, pack: Pack) -> None:
        nonlocal progress
        before = folder.pages_written(str(version.pk))
        progress = replace(progress, pages_before=before, least_pages=pack.least_pages)

    def on_page(page: int) -> None:
        nonlocal progress
        if begins_again := page < progress.page:
            # All pages are laid out once before the number of the last can stand on the first.
            progress = replace(progress, pages=max(progress.pages, progress.page))
        progress = replace(progress, page=page)
        if begins_again or page % PAGES_A_WORD == 0:
            folder.write_progress(progress)

    try:
        folder.put(folder.root() / folder.READ_ME, READ_ME_TEXT.encode())
        packs = [
            _write_version(version, wards, at=at, paper=paper, begin=begin_forms, step=step, on_page=on_page)
            for version in versions
        ]
    except (SheetFailed, OSError) as failure:
        # No file can say that the disk is full; what can be said is said.
        folder.write_progress(replace(progress, failed=_reason(failure), ended_at=timezone.now()))
        record(action="downtime.failed", by=by, at=timezone.now())
        if isinstance(failure, SheetFailed):
            raise
        raise SheetFailed(_reason(failure)) from failure
    _remove_others(packs)
    folder.write_progress(replace(progress, ended_at=timezone.now()))
    record(
        action="downtime.written",
        by=by,
        at=timezone.now(),
        details={"files": progress.done, "seals": [pack.seal for pack in packs]},
    )
    return Written(packs=tuple(packs), files=progress.done)


def _write_version(
    version: ProtocolVersion,
    wards: list[Ward],
    *,
    at: datetime,
    paper: Paper,
    begin: Callable[[ProtocolVersion, Pack], None],
    step: Callable[[], None],
    on_page: OnPage,
) -> StoredPack:
    name = f"{version.slug}-version-{version.number}"
    pack: Pack = build_pack(version, load_protocol_value(version), at=at)
    begin(version, pack)
    last_page = 0

    def hear(page: int) -> None:
        nonlocal last_page
        last_page = max(last_page, page)
        on_page(page)

    data = render_alone(FormsJob(content=pack, paper=paper), hear)
    forms = folder.write_file(name, f"downtime-pack-{name}.pdf", data)
    step()
    lists: dict[str, StoredFile] = {}
    for ward in wards:
        job = ActiveOrdersJob(content=active_orders(ward, at=at), paper=paper)
        file_name = (
            f"active-orders-{''.join(letter for letter in ward.code if letter.isalnum())}-{ward.pk}.pdf"
        )
        lists[str(ward.pk)] = folder.write_file(name, file_name, render_alone(job, on_page))
        step()
    stored = StoredPack(
        version=str(version.pk),
        title=version.title,
        number=version.number,
        seal=version.seal,
        made_at=at,
        expires_at=pack.version.expires_at,
        forms=forms,
        lists=lists,
        pages=last_page,
    )
    folder.write_manifest(name, stored)
    return stored


def _remove_others(packs: list[StoredPack]) -> None:
    written = {pack.version for pack in packs}
    for pack in folder.read_folder().packs:
        if pack.version not in written:
            folder.remove_pack(pack)


def _reason(failure: SheetFailed | OSError) -> str:
    if isinstance(failure, SheetFailed):
        return str(failure)
    return f"The folder cannot be written: {failure.strerror}."
