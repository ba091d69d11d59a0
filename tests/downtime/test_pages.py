"""The downtime page, the command and the button, on a site with one patient and a signed order set."""

import threading
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from ivigsite.audit.models import AuditEntry
from ivigsite.downtime import actions, folder
from ivigsite.downtime.active import active_orders
from ivigsite.downtime.build import build_pack, expires_at
from ivigsite.orders.actions import void_order_set
from ivigsite.orders.models import OrderSet
from ivigsite.orders.sheet.jobs import SheetFailed
from ivigsite.orders.sheet.pack import ActiveOrdersJob, FormsJob, Pack
from ivigsite.orders.sheet.states import Paper
from ivigsite.orders.sheet.worker import OnPage
from protocols import actions as protocol_actions
from protocols.engine.protocol import Protocol
from protocols.mapping import load_protocol_value
from protocols.models import ProtocolVersion
from tests.orders.test_pages import text_of
from tests.orders.test_signing import choices, sign
from tests.scenario import Site, assess, person

pytestmark = [pytest.mark.django_db, pytest.mark.hazard("H25")]


@cache
def built_once(seal: str) -> Pack:
    version = ProtocolVersion.objects.get(seal=seal)
    return build_pack(version, load_protocol_value(version), at=timezone.now())


def same_tables(version: ProtocolVersion, protocol: Protocol, *, at: datetime) -> Pack:
    """The tables of a version take seconds and stay the same; until when they may be used does not."""
    pack = built_once(version.seal)
    expires = expires_at(version, made_at=at)
    return replace(pack, version=replace(pack.version, made_at=at, expires_at=expires))


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch, folder_root: Path) -> list[Any]:
    """The jobs that were asked for; the tables and the renderer have tests of their own."""
    jobs: list[Any] = []
    monkeypatch.setattr(actions, "build_pack", same_tables)

    def render(job: Any, on_page: OnPage) -> bytes:
        jobs.append(job)
        on_page(actions.PAGES_A_WORD)
        progress = folder.read_folder().progress
        assert progress is not None
        assert (progress.page, progress.pages) == (actions.PAGES_A_WORD, 0)
        forms = job.content if isinstance(job, FormsJob) else None
        assert progress.least_pages == (forms.least_pages if forms else 0)
        written_before = sum(isinstance(job, FormsJob) for job in jobs) > 1
        assert progress.pages_before == (7 if forms and written_before else 0)
        on_page(7)
        on_page(1)
        numbered = folder.read_folder().progress
        assert numbered is not None
        assert (numbered.page, numbered.pages) == (1, 7)
        return b"%PDF-1.7 number " + str(len(jobs)).encode()

    monkeypatch.setattr(actions, "render_alone", render)
    return jobs


@pytest.fixture
def order_set(site: Site, client: Client, monkeypatch: pytest.MonkeyPatch) -> OrderSet:
    from ivigsite.orders import views

    monkeypatch.setattr(views, "render_ahead", lambda *, prints: None)
    client.force_login(site.physician)
    assessment = assess(site)
    sign(client, assessment, choices(assessment))
    return OrderSet.objects.get()


def write() -> None:
    actions.write_folder(by=None, at=timezone.now(), paper=Paper.A4)


def page(client: Client) -> str:
    return text_of(client.get(reverse("downtime")))


def test_the_command_writes_the_forms_and_a_list_for_each_ward(
    site: Site, order_set: OrderSet, made: list[Any], folder_root: Path
) -> None:
    out = StringIO()

    call_command("downtime_pack", "--paper", "letter", stdout=out)

    assert "Wrote 3 file(s)" in out.getvalue()
    assert [type(job) for job in made] == [FormsJob, ActiveOrdersJob, ActiveOrdersJob]
    assert {job.paper for job in made} == {Paper.LETTER}
    (pack,) = folder.read_folder().packs
    assert (pack.number, pack.seal) == (1, site.version.seal)
    assert set(pack.lists) == {str(site.ward.pk), str(site.other_ward.pk)}
    assert "opens without it" in (folder_root / folder.READ_ME).read_text()
    entry = AuditEntry.objects.get(action="downtime.written")
    assert entry.actor is None
    assert entry.details["files"] == 3


def test_a_pack_written_again_knows_how_many_pages_it_had(site: Site, made: list[Any]) -> None:
    write()
    write()

    (pack,) = folder.read_folder().packs
    assert pack.pages == folder.pages_written(str(site.version.pk)) == 7
    assert folder.pages_written("another") == 0
    assert len(made) == 6


def test_the_list_says_what_was_signed_and_where_the_patient_lies_now(
    site: Site, order_set: OrderSet
) -> None:
    site.encounter.bed = "99"
    site.encounter.save()

    (order,) = active_orders(site.ward, at=timezone.now()).orders

    stored = {
        (line.drug, line.dose_amount, line.dose_unit) for line in order_set.lines.all() if line.dose_amount
    }
    assert stored
    for drug, amount, unit in stored:
        words = [line for line in order.lines if line.text.startswith(drug)]
        assert any(f"DOSE {amount}\N{NO-BREAK SPACE}{unit}" in line.text for line in words), (drug, words)
    assert order.patient == "O'BRIEN-ÑÚÑEZ, Test (Ms)"
    assert (order.bed, order.allergies, order.warning) == ("99", "No known allergies", "")
    assert active_orders(site.other_ward, at=timezone.now()).orders == ()


def test_what_has_ended_is_not_on_the_list_and_what_has_expired_says_so(
    site: Site, order_set: OrderSet
) -> None:
    late = order_set.valid_until + timedelta(seconds=1)
    assert "EXPIRED" in active_orders(site.ward, at=late).orders[0].warning

    void_order_set(order_set=order_set, reason="Wrong weight", by=site.physician, at=timezone.now())

    assert active_orders(site.ward, at=timezone.now()).orders == ()


def test_orders_on_a_withdrawn_version_say_so_and_its_forms_are_taken_away(
    site: Site, order_set: OrderSet, made: list[Any]
) -> None:
    write()
    (pack,) = folder.read_folder().packs
    approver = ProtocolVersion.objects.get().approver
    protocol_actions.withdraw(version=site.version, reason="Wrong dose", by=approver, at=timezone.now())

    assert "withdrawn" in active_orders(site.ward, at=timezone.now()).orders[0].warning
    with pytest.raises(CommandError, match="No protocol version is approved"):
        call_command("downtime_pack")
    assert not pack.forms.path.exists()
    assert folder.read_folder().packs == ()


def test_a_failure_leaves_the_old_files_and_says_why(
    site: Site, made: list[Any], monkeypatch: pytest.MonkeyPatch, client: Client
) -> None:
    write()
    before = folder.read_folder().packs

    def fail(_job: Any, _on_page: OnPage) -> bytes:
        raise SheetFailed("The sheet took too long to make.")

    monkeypatch.setattr(actions, "render_alone", fail)
    with pytest.raises(CommandError, match="took too long"):
        call_command("downtime_pack")

    assert folder.read_folder().packs == before
    assert AuditEntry.objects.filter(action="downtime.failed").count() == 1
    client.force_login(site.nurse)
    assert "The last writing failed" in page(client)


def test_a_full_disk_is_a_failure_that_is_said(
    site: Site, made: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_folder: str, _name: str, _data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(folder, "write_file", full)

    with pytest.raises(SheetFailed, match="No space left on device"):
        write()


def test_the_button_writes_shows_its_progress_and_needs_the_right(
    site: Site, made: list[Any], client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the test's own thread: another one would not see the test's database."""
    monkeypatch.setattr(threading, "Thread", AtOnce)
    monkeypatch.setattr(actions, "connection", SimpleNamespace(close=lambda: None))
    client.force_login(site.nurse)
    assert client.post(reverse("write_downtime"), {"paper": "A4"}).status_code == 403
    assert "Write the folder now" not in page(client)
    assert "The folder is empty" in page(client)
    client.force_login(site.physician)

    shown = client.post(reverse("write_downtime"), {"paper": "A4"}, follow=True)

    assert made
    assert "Ready" in text_of(shown)
    assert f"Last written for {site.physician.full_name}" in text_of(shown)
    assert AuditEntry.objects.get(action="downtime.written").actor == site.physician


class AtOnce:
    def __init__(self, *, target: Any, args: Any, daemon: bool) -> None:
        self.start = lambda: target(*args)


def test_a_second_press_starts_nothing_while_one_runs(site: Site, made: list[Any], client: Client) -> None:
    client.force_login(site.physician)
    progress = folder.Progress(started_at=timezone.now(), by="Dr Other", done=1, total=3, page=57)

    with folder.alone():
        folder.write_progress(progress)
        shown = client.post(reverse("write_downtime"), {"paper": "A4"}, follow=True)
        part = client.get(reverse("downtime_progress"))

    assert made == []
    assert "being written already" in text_of(shown)
    assert "1 of 3 files. The next is laid out, at page 57" in text_of(part)
    folder.write_progress(replace(progress, least_pages=60))
    first = client.get(reverse("downtime_progress"))
    assert "The next is laid out, at page 57 of at least 60 ." in text_of(first)
    folder.write_progress(replace(progress, pages_before=113, least_pages=60))
    again = client.get(reverse("downtime_progress"))
    assert "The next is laid out, at page 57 of 113 as last time." in text_of(again)
    folder.write_progress(replace(progress, page=8, pages=113))
    part = client.get(reverse("downtime_progress"))
    assert "1 of 3 files. The next has 113 pages and is numbered, at page 8" in text_of(part)
    assert 'hx-trigger="load delay:2s"' in part.content.decode()


def test_writing_that_died_is_said(site: Site, folder_root: Path, client: Client) -> None:
    long_ago = timezone.now() - timedelta(minutes=5)
    folder.write_progress(folder.Progress(started_at=long_ago, by="Dr Other", done=1, total=3))
    client.force_login(site.nurse)

    assert "The last writing was broken off" in page(client)


@pytest.mark.parametrize("paper", [None, "A3", "a4"])
def test_an_unclear_paper_is_refused(site: Site, made: list[Any], client: Client, paper: str | None) -> None:
    client.force_login(site.physician)

    answer = client.post(reverse("write_downtime"), {} if paper is None else {"paper": paper})

    assert answer.status_code == 422
    assert made == []


def test_the_files_are_handed_out_as_written_and_each_time_is_recorded(
    site: Site, made: list[Any], client: Client
) -> None:
    write()
    client.force_login(site.nurse)

    forms = client.get(reverse("downtime_forms", args=[site.version.pk]))
    orders = client.get(reverse("downtime_orders", args=[site.ward.pk]))

    assert forms.content == b"%PDF-1.7 number 1"
    assert orders.content in (b"%PDF-1.7 number 2", b"%PDF-1.7 number 3")
    assert orders["Content-Type"] == "application/pdf"
    assert AuditEntry.objects.filter(action="downtime.handed_out", actor=site.nurse).count() == 2


def test_the_list_of_another_ward_is_not_found_and_that_is_recorded(
    site: Site, made: list[Any], client: Client
) -> None:
    write()
    client.force_login(site.nurse)

    answer = client.get(reverse("downtime_orders", args=[site.other_ward.pk]))

    assert answer.status_code == 404
    assert AuditEntry.objects.filter(action="downtime.denied", object_id=site.other_ward.pk).count() == 1
    assert client.get(reverse("downtime_forms", args=[uuid4()])).status_code == 404


def test_people_without_patients_see_the_forms_and_no_list(
    site: Site, made: list[Any], client: Client
) -> None:
    write()
    author = person("second-author", "protocol_author", site.ward)
    client.force_login(author)

    assert "Signed orders in force" not in page(client)
    assert client.get(reverse("downtime_forms", args=[site.version.pk])).status_code == 200
    assert client.get(reverse("downtime_orders", args=[site.ward.pk])).status_code == 403


def test_a_changed_file_is_not_handed_out(site: Site, made: list[Any], client: Client) -> None:
    write()
    (pack,) = folder.read_folder().packs
    pack.forms.path.write_bytes(b"%PDF-1.7 of somebody else")
    client.force_login(site.nurse)

    answer = client.get(reverse("downtime_forms", args=[site.version.pk]))

    assert answer.status_code == 409
    assert "This file is not handed out" in text_of(answer)
    assert "was changed since it was written" in page(client)


def test_an_old_or_expired_folder_says_so(site: Site, made: list[Any], client: Client) -> None:
    client.force_login(site.nurse)
    actions.write_folder(by=None, at=timezone.now() - timedelta(hours=27), paper=Paper.A4)
    assert "more than a day old" in page(client)

    actions.write_folder(by=None, at=timezone.now() - timedelta(days=8), paper=Paper.A4)
    assert "It has expired." in page(client)
