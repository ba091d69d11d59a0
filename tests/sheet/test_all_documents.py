"""What holds for each file that is made of an order set: hostile words stay words, a year changes nothing."""

from dataclasses import replace
from functools import cache
from typing import Any

import pytest
import time_machine
import zxingcpp

from ivigsite.orders.sheet.documents import LABELS, ROLE_SHEETS, Document
from ivigsite.orders.sheet.furniture import scanned_text
from ivigsite.orders.sheet.jobs import Job
from ivigsite.orders.sheet.render import ClosedFetcher, render, warm_up
from ivigsite.orders.sheet.states import Paper, PrintEvent, Signed

from .reading import Case, all_text_of, file_of, first_page_printed
from .samples import FIRST_PRINT, HOSTILE, SECOND_PRINT, STATES, TYPICAL

# WeasyPrint leaves its colour profile for the garbage collector to close.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file.*sRGB2014:ResourceWarning")

OWN_DRAWINGS = {"sheet:code", "sheet:watermark"}
ADDRESS = "https://ivig.hospital.example"


def job_of(document: Document, **changes: Any) -> Job:
    event = replace(FIRST_PRINT, label_mm=(100, 50)) if document in LABELS else FIRST_PRINT
    job = Job(document=document, content=TYPICAL, state=Signed(), paper=Paper.A4, event=event)
    if document is Document.CANCEL_NOTICE:
        job = replace(job, state=STATES["void"], event=SECOND_PRINT)
    return replace(job, **changes)


@pytest.mark.parametrize("document", [Document.CANCEL_NOTICE, *ROLE_SHEETS, *LABELS])
def test_hostile_words_are_words_on_every_file_and_fetch_nothing(
    document: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched: list[str] = []
    fetch = ClosedFetcher.fetch

    def recording(own: ClosedFetcher, url: str, headers: Any = None) -> Any:
        fetched.append(url)
        return fetch(own, url, headers)

    # Its own fonts are read once, before the first file.
    warm_up()
    monkeypatch.setattr(ClosedFetcher, "fetch", recording)
    patient = replace(
        TYPICAL.patient, family_name=HOSTILE[0], given_name=HOSTILE[1], ward=HOSTILE[2], allergies=HOSTILE
    )
    content = replace(TYPICAL, patient=patient, title=HOSTILE[3], population=HOSTILE[4])

    file = render(job_of(document, content=content))

    assert set(fetched) <= OWN_DRAWINGS
    shown = squeezed(all_text_of(file))
    expected = HOSTILE[:2] if document in LABELS else HOSTILE
    for text in expected:
        # The family name stands in capitals.
        assert squeezed(text).lower() in shown.lower()


def squeezed(text: str) -> str:
    """Without what a line break takes or adds."""
    return "".join(text.split()).replace("-", "").replace("\x02", "").replace("\ufffe", "")


@pytest.mark.parametrize("document", [*ROLE_SHEETS[1:], Document.CANCEL_NOTICE, *LABELS])
def test_the_same_content_makes_the_same_file_a_year_later(document: Document) -> None:
    job = job_of(document)

    first = file_of(Case("typical", "signed", Paper.A4, document)) if document in ROLE_SHEETS else render(job)
    with time_machine.travel("2027-11-22T14:05:10Z", tick=False):
        later = render(job)

    assert later == first


@pytest.mark.hazard("H16")
@pytest.mark.parametrize("dpi", [100, 150, 200, 300])
@pytest.mark.parametrize("is_dithered", [False, True])
def test_a_code_that_leads_to_the_status_page_is_read_from_a_one_bit_raster(
    dpi: int, is_dithered: bool
) -> None:
    event = replace(FIRST_PRINT, status_address=ADDRESS)

    raster = first_page_printed(file_with_address(event), dpi, is_dithered=is_dithered)

    found = zxingcpp.read_barcodes(raster)
    assert [code.text for code in found] == [scanned_text(TYPICAL, event)]
    assert found[0].text.startswith("HTTPS://IVIG.HOSPITAL.EXAMPLE/S/")


@cache
def file_with_address(event: PrintEvent) -> bytes:
    return render(job_of(Document.ORDER_SET, event=event))


@pytest.mark.hazard("H16")
@pytest.mark.parametrize("document", ROLE_SHEETS[1:])
def test_the_code_of_each_sheet_is_read_at_the_lowest_resolution(document: Document) -> None:
    case = Case("typical", "signed", Paper.LETTER, document)

    (found,) = zxingcpp.read_barcodes(first_page_printed(file_of(case), 100))

    assert found.text == scanned_text(TYPICAL, case.job.event)
