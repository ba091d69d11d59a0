"""What is printed and kept when an order set is signed; each test signs its own."""

import re
from dataclasses import replace
from datetime import timedelta
from itertools import product
from typing import Any

import pypdfium2
import pytest
from django.test import Client
from django.utils import timezone

from ivigsite.orders import views
from ivigsite.orders.models import OrderSet
from ivigsite.orders.sheet.documents import DOCUMENTS, ROLE_SHEETS, Document
from ivigsite.orders.sheet.jobs import Job
from ivigsite.orders.sheet.render import render
from ivigsite.orders.sheet.states import Copy, Paper, PrintEvent
from tests.orders.test_emergency import declare
from tests.orders.test_emergency import sign as sign_emergency
from tests.orders.test_signing import choices, sign
from tests.scenario import Site, assess

pytestmark = pytest.mark.django_db


def test_signing_begins_the_first_copy(physician: Client, site: Site, asked_ahead: list[Any]) -> None:
    assessment = assess(site)

    sign(physician, assessment, choices(assessment))

    assert [(print_.document, print_.copy_number) for print_ in asked_ahead] == [
        (document, 1) for document in ROLE_SHEETS
    ]
    assert asked_ahead[0].printed_at == OrderSet.objects.get().signed_at


# WeasyPrint leaves its colour profile for the garbage collector to close.
@pytest.mark.filterwarnings("ignore:unclosed file.*sRGB2014:ResourceWarning")
def test_a_copy_of_the_shipped_protocols_order_set_keeps_to_the_pages_of_its_sheets(
    physician: Client, site: Site
) -> None:
    # A bleed as it comes in, with nothing sampled yet.
    assessment = assess(
        site,
        bleeding_level="active_cns_gi_gu",
        bleeding_sites=["gi"],
        bleeding_findings=["melaena"],
        baseline_samples=[],
    )
    sign(physician, assessment, choices(assessment))
    order_set = OrderSet.objects.get()
    assert order_set.lines.count() > 10
    copy = Copy(first_printed_at=order_set.signed_at)
    event = PrintEvent(printed_at=order_set.signed_at, printed_by="Test Physician", copy_number=2)

    content = order_set.sheet_content

    for document in ROLE_SHEETS:
        job = Job(document=document, content=content, state=copy, paper=Paper.LETTER, event=event)
        pages = len(pypdfium2.PdfDocument(render(job)))
        assert pages <= DOCUMENTS[document].most_pages, document


# WeasyPrint leaves its colour profile for the garbage collector to close.
@pytest.mark.filterwarnings("ignore:unclosed file.*sRGB2014:ResourceWarning")
@pytest.mark.hazard("H17")
def test_an_emergency_in_which_nothing_was_asked_keeps_to_the_pages_of_its_sheets(
    physician: Client, site: Site
) -> None:
    nobody_asked = dict.fromkeys(("ttp_suspected", "hit_suspected", "immunoglobulin_reaction"), "unknown")
    sign_emergency(physician, declare(physician, site, **nobody_asked))
    order_set = OrderSet.objects.get()
    content = replace(order_set.sheet_content, is_demo=True)
    assert len(content.basis.not_known) > 40
    copy = Copy(first_printed_at=order_set.signed_at)
    event = PrintEvent(
        printed_at=order_set.signed_at,
        printed_by="Dr Erin Eastdemo",
        copy_number=2,
        status_address="https://ivig.hospital.example",
    )

    # Letter holds less; the order set is looked at on A4 too, where other things part at a page's end.
    for document, paper in ((Document.ORDER_SET, Paper.A4), *product(ROLE_SHEETS, (Paper.LETTER,))):
        job = Job(document=document, content=content, state=copy, paper=paper, event=event)
        with pypdfium2.PdfDocument(render(job)) as file:
            assert len(file) <= DOCUMENTS[document].most_pages, (document, paper)
            if document is Document.ORDER_SET:
                words = "".join(page.get_textpage().get_text_range() for page in file)
                # Letters alone: a label may go on in the next line behind a hyphen.
                told = re.sub(r"\W", "", words)
                missing = [label for label in content.basis.not_known if re.sub(r"\W", "", label) not in told]
                assert missing == []


def test_signing_again_with_the_same_key_begins_no_second_copy(
    physician: Client, site: Site, asked_ahead: list[Any]
) -> None:
    assessment = assess(site)
    data = choices(assessment)

    sign(physician, assessment, data)
    views._make_first_copies(OrderSet.objects.get(), site.physician)

    assert len(asked_ahead) == len(ROLE_SHEETS)


def test_the_order_set_of_a_second_assessment_holds_the_counts_up_to_it(
    physician: Client, site: Site
) -> None:
    now = timezone.now()
    assess(site, at=now - timedelta(hours=6), platelets_per_ul=9000)
    assessment = assess(site, at=now - timedelta(minutes=1))

    sign(physician, assessment, choices(assessment))

    content = OrderSet.objects.get().sheet_content
    assert [count.platelets_per_ul for count in content.trend] == [9000, 18000]
    lows = [band.lower_per_ul for band in content.trend_bands]
    assert lows == sorted(lows)
    assert content.trend_bands[0].label == "Grade 4"


def test_a_single_count_is_no_trend(physician: Client, site: Site) -> None:
    assessment = assess(site)

    sign(physician, assessment, choices(assessment))

    assert OrderSet.objects.get().sheet_content.trend == ()
