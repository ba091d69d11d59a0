"""Copies of a signed order set: which one is handed out, what it says, and what a failure leaves behind."""

import hashlib
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pypdfium2
import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from ivigsite.orders import actions
from ivigsite.orders.models import OrderSet, SheetFile, SheetHandedOut
from ivigsite.orders.sheet.documents import LABELS, ROLE_SHEETS, Document
from ivigsite.orders.sheet.jobs import SheetFailed, SheetQueueFull
from ivigsite.orders.sheet.states import Paper
from tests.scenario import PASSWORD

pytestmark = pytest.mark.django_db


@pytest.fixture
def order_set(shared_order_set: UUID, db: None) -> OrderSet:
    return OrderSet.objects.get(pk=shared_order_set)


@pytest.fixture
def fake_bytes(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Stands in for the renderer, which has tests of its own, and remembers what it was asked for."""
    asked: list[Any] = []

    def render(*job: Any) -> bytes:
        asked.append(job)
        return f"file {len(asked)}".encode()

    monkeypatch.setattr(actions, "render_in_worker", render)
    return asked


def press_print(client: Client, order_set: OrderSet, paper: str = "A4") -> Any:
    return client.post(reverse("print_sheet", args=[order_set.pk]), {"paper": paper}, follow=True)


def test_the_first_press_hands_out_the_copy_made_at_signing(
    physician: Client, order_set: OrderSet, fake_bytes: list[Any]
) -> None:
    answer = press_print(physician, order_set)

    assert answer["Content-Type"] == "application/pdf"
    assert answer["Content-Disposition"] == 'inline; filename="order-set.pdf"'
    assert order_set.prints.filter(document="order_set").count() == 1
    assert SheetHandedOut.objects.get().print.copy_number == 1


def test_each_later_press_makes_a_numbered_copy(
    physician: Client, order_set: OrderSet, fake_bytes: list[Any]
) -> None:
    press_print(physician, order_set)
    press_print(physician, order_set)

    assert list(order_set.prints.filter(document="order_set").values_list("copy_number", "state")) == [
        (1, "signed"),
        (2, "copy"),
    ]
    assert fake_bytes[-1][0].event.copy_number == 2


def test_a_stored_file_is_handed_out_again_without_rendering(
    physician: Client, order_set: OrderSet, fake_bytes: list[Any]
) -> None:
    press_print(physician, order_set)
    print_ = order_set.prints.get(document="order_set")

    again = physician.get(reverse("sheet_file", args=[print_.pk]))

    assert len(fake_bytes) == 1
    assert again.content == b"file 1"
    assert SheetFile.objects.get().sha256 == hashlib.sha256(b"file 1").hexdigest()


def test_another_paper_is_another_copy(physician: Client, order_set: OrderSet, fake_bytes: list[Any]) -> None:
    press_print(physician, order_set, paper="letter")

    assert list(order_set.prints.filter(document="order_set").values_list("copy_number", "paper")) == [
        (1, "A4"),
        (2, "letter"),
    ]


@pytest.mark.hazard("H16")
def test_an_old_copy_is_not_handed_out_once_the_order_set_is_void(
    physician: Client, order_set: OrderSet, fake_bytes: list[Any]
) -> None:
    press_print(physician, order_set)
    old = order_set.prints.get(document="order_set")
    physician.post(
        reverse("void_order_set", args=[order_set.pk]), {"reason": "Wrong patient", "password": PASSWORD}
    )

    refused = physician.get(reverse("sheet_file", args=[old.pk]), follow=True)
    press_print(physician, order_set)

    assert refused["Content-Type"].startswith("text/html")
    assert "out of date" in refused.content.decode()
    assert [print_.state for print_ in order_set.prints.filter(document="order_set")] == ["signed", "void"]


@pytest.mark.parametrize(
    ("failure", "status"), [(SheetFailed("took too long"), 503), (SheetQueueFull("busy"), 429)]
)
@pytest.mark.hazard("H18")
def test_a_sheet_that_cannot_be_made_says_so_and_leaves_no_file(
    physician: Client,
    order_set: OrderSet,
    monkeypatch: pytest.MonkeyPatch,
    failure: SheetFailed,
    status: int,
) -> None:
    def fail(*_job: Any) -> bytes:
        raise failure

    monkeypatch.setattr(actions, "render_in_worker", fail)

    answer = press_print(physician, order_set)

    assert answer.status_code == status
    assert str(failure) in answer.content.decode()
    assert not SheetFile.objects.exists()


@pytest.mark.hazard("H15")
def test_a_failed_copy_is_made_at_the_next_press(
    physician: Client, order_set: OrderSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_job: Any) -> bytes:
        raise SheetFailed("took too long")

    monkeypatch.setattr(actions, "render_in_worker", fail)
    press_print(physician, order_set)
    monkeypatch.setattr(actions, "render_in_worker", lambda *_job: b"file")

    answer = press_print(physician, order_set)

    assert answer.content == b"file"
    assert order_set.prints.filter(document="order_set").count() == 1


@pytest.mark.hazard("H17")
def test_the_printed_file_carries_patient_doses_and_page_numbers_on_every_page(
    physician: Client, order_set: OrderSet
) -> None:
    answer = press_print(physician, order_set)

    pages = [page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(answer.content)]
    assert 1 < len(pages) <= 4
    for number, text in enumerate(pages, start=1):
        words = " ".join(text.split())
        assert "O'BRIEN-ÑÚÑEZ, Test" in words
        assert f"Page {number} of {len(pages)}" in words
        assert order_set.code in words
    everything = " ".join(" ".join(pages).split())
    for line in order_set.lines.exclude(dose_unit=""):
        assert f"{line.dose_amount} {line.dose_unit}" in everything


def test_what_is_due_before_the_start_is_printed_with_its_last_moment(order_set: OrderSet) -> None:
    starts_at = order_set.lines.get(kind="ivig").starts_at
    assert starts_at
    printed = {row.item: row for row in order_set.sheet_content.monitoring}

    kidney = printed["Kidney function before immunoglobulin"]
    later = printed["Vital signs at 15 minutes"]

    assert (kidney.due_at, kidney.tolerance) == (starts_at, "at the latest")
    assert (later.due_at, later.tolerance) == (starts_at + timedelta(minutes=15), "within 5 min")


def test_the_page_for_when_no_file_can_be_made_claims_no_copy(
    physician: Client, order_set: OrderSet, fake_bytes: list[Any]
) -> None:
    press_print(physician, order_set)

    page = physician.get(reverse("html_sheet", args=[order_set.pk, Document.ORDER_SET])).content.decode()

    assert "no copy number, no page numbers" in page
    assert "COPY 0" not in page
    chart = physician.get(reverse("html_sheet", args=[order_set.pk, Document.NURSE_CHART])).content.decode()
    # A row to write in has no head, which a screen reader would read as an empty one.
    assert not re.search(r"<th[^>]*>(<span[^>]*>)?\s*(</span>)?</th>", chart)


def test_labels_are_printed_in_the_size_of_the_site(
    physician: Client, order_set: OrderSet, fake_bytes: list[Any], settings: Any
) -> None:
    settings.LABEL_MM = settings.LABEL_MM | {Document.ADDITIVE_LABEL: (90, 60)}

    page = physician.get(order_set.get_absolute_url()).content.decode()
    answer = physician.post(
        reverse("print_sheet", args=[order_set.pk]),
        {"paper": "label", "document": "additive_label"},
        follow=True,
    )
    after = physician.get(order_set.get_absolute_url()).content.decode()

    assert page.count("Print labels") == len(LABELS)
    assert answer["Content-Disposition"] == 'inline; filename="additive-label.pdf"'
    assert order_set.prints.get(document="additive_label").paper == "90x60"
    assert fake_bytes[-1][0].event.label_mm == (90, 60)
    assert "90 by 60 mm" in after


@pytest.mark.hazard("H16")
def test_no_label_is_offered_or_made_once_the_order_set_is_void(
    physician: Client, order_set: OrderSet, fake_bytes: list[Any]
) -> None:
    physician.post(
        reverse("void_order_set", args=[order_set.pk]), {"reason": "Wrong patient", "password": PASSWORD}
    )

    answers = [
        physician.post(
            reverse("print_sheet", args=[order_set.pk]), {"paper": "label", "document": label}, follow=True
        ).content.decode()
        for label in LABELS
    ]

    assert all("no longer in force. A label of it must not reach a patient." in text for text in answers)
    assert all("Print labels" not in text for text in answers)
    assert not order_set.prints.filter(document__in=LABELS).exists()
    assert not fake_bytes


def test_an_order_set_without_an_infusion_offers_the_patient_label_alone(
    physician: Client, order_set: OrderSet, fake_bytes: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    signed = order_set.sheet_content
    by_mouth = tuple(replace(order, route="by mouth") for order in signed.orders)
    monkeypatch.setattr(OrderSet, "sheet_content", replace(signed, orders=by_mouth))

    answer = physician.post(
        reverse("print_sheet", args=[order_set.pk]),
        {"paper": "label", "document": "additive_label"},
        follow=True,
    ).content.decode()

    assert "This order set has no infusion to label." in answer
    assert answer.count("Print labels") == 1


def test_rendering_ahead_keeps_the_file_and_closes_its_connection(
    order_set: OrderSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[bool] = []
    monkeypatch.setattr(connection, "close", lambda: closed.append(True))
    outcomes = iter([SheetFailed("no"), b"file"])
    monkeypatch.setattr(
        actions, "start_renders", lambda tasks: [then(next(outcomes)) for _job, then in tasks]
    )
    failing, made = order_set.prints.all()[:2]

    actions.render_ahead(prints=[failing, made])

    assert bytes(SheetFile.objects.get().data) == b"file"
    assert SheetFile.objects.get().print == made
    assert closed == [True, True]
    assert not actions._under_way


@pytest.mark.hazard("H16")
def test_a_copy_that_waits_is_told_how_many_sheets_of_the_site_come_first(
    physician: Client, order_set: OrderSet
) -> None:
    now = timezone.now()
    path = reverse("order_sheets", args=[order_set.pk])
    first = order_set.prints.order_by("document").first()
    assert first is not None
    assert 'data-before="0"' in physician.get(path).content.decode()

    actions.begin_print(order_set=order_set, paper=Paper.A4, by=order_set.signed_by, at=now)
    waiting = physician.get(path).content.decode()
    actions.keep_file(print_=first, data=b"%PDF-1.7", at=now)
    fewer = physician.get(path).content.decode()

    count = len(ROLE_SHEETS)
    assert f'data-before="{count}"' in waiting
    assert f'<span class="num">{count}</span> of the site stand before the last' in waiting
    assert f'data-before="{count - 1}"' in fewer


def test_an_order_set_past_its_validity_prints_as_expired(order_set: OrderSet) -> None:
    later = order_set.valid_until + timedelta(minutes=1)

    assert actions.state_name(order_set, at=later) == "expired"
