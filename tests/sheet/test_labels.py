"""Labels for bottles and for the patient: a page each, of the site's size, only while the order holds."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import page as page_validation
import pdfua
import pytest
import zxingcpp

from ivigsite.orders.sheet.checks import find_forbidden_tokens
from ivigsite.orders.sheet.content import SheetContent, Vial
from ivigsite.orders.sheet.documents import LABELS, Document
from ivigsite.orders.sheet.furniture import scanned_text
from ivigsite.orders.sheet.jobs import Job, SheetFailed, pack_job, unpack_job
from ivigsite.orders.sheet.labels import additive_labels
from ivigsite.orders.sheet.render import render
from ivigsite.orders.sheet.states import Paper, SheetState, Signed

from .reading import SHARED_PT, first_page_printed, opened, pages_of, text_of
from .samples import (
    CALL,
    FIRST_PRINT,
    IVIG,
    LONGEST_NAME,
    ORDER_ID,
    PLATELETS,
    PREDNISONE,
    STATES,
    TRANEXAMIC,
    TYPICAL,
)

# WeasyPrint leaves its colour profile for the garbage collector to close.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file.*sRGB2014:ResourceWarning")

SIZES = {Document.ADDITIVE_LABEL: (100, 50), Document.PATIENT_LABEL: (70, 37)}
EDGE_PT = 2 * 72 / 25.4
ADDRESS = "https://ivig.hospital.example"
LABEL_PRINTER_DPI = (150, 203, 300)


def job_of(document: Document, content: SheetContent = TYPICAL, state: SheetState | None = None) -> Job:
    return Job(
        document=document,
        content=content,
        state=state or Signed(),
        paper=Paper.A4,
        event=replace(FIRST_PRINT, label_mm=SIZES[document]),
    )


@pytest.mark.hazard("H17")
def test_each_bottle_has_a_label_with_patient_drug_dose_rate_and_order() -> None:
    pages = [text_of(page) for page in pages_of(render(job_of(Document.ADDITIVE_LABEL)))]

    assert len(pages) == 3
    for number, text in enumerate(pages[:2], start=1):
        for words in (
            "TESTPERSON, Ottilie (Mrs)",
            "Born 14-Jul-1945 (81y)",
            "NHS number 999 000 1112",
            "immune globulin intravenous (human) (IVIG), Privigen 10%, 100 mg in 1 mL",
            f"Vial {number} of 2, 40 g of DOSE 80 g in 800 mL",
            "Route intravenous, own line. Rate start 24.7 mL per hour, maximum 197 mL per hour",
            "Start 22-Nov-2026 14:30. Do not start after 23-Nov-2026 14:30",
            "Prepared Checked Time",
            f"Order {ORDER_ID}, version 1, copy 1",
        ):
            assert words in text, words
    assert "tranexamic acid DOSE 1,000 mg ONLY IF bleeding goes on" in pages[2]
    assert "over 10 minutes" in pages[2]


@pytest.mark.hazard("H16")
def test_a_label_for_a_bottle_says_that_the_protocol_was_withdrawn_and_a_patients_label_does_not() -> None:
    words = "PROTOCOL WITHDRAWN – ASK THE PRESCRIBER"
    pages = {}
    for document in LABELS:
        job = job_of(document)
        withdrawn = replace(job, event=replace(job.event, is_protocol_withdrawn=True))
        pages[document] = pages_of(render(withdrawn))

    assert all(words in text_of(page) for page in pages[Document.ADDITIVE_LABEL])
    assert not any(words in text_of(page) for page in pages[Document.PATIENT_LABEL])
    assert len(pages[Document.ADDITIVE_LABEL]) == 3


def test_only_what_is_made_up_and_runs_into_a_vein_is_labelled() -> None:
    labels = additive_labels(replace(TYPICAL, orders=(PLATELETS, PREDNISONE, CALL, TRANEXAMIC)))

    assert [(label.order.name, label.bottle, label.plan) for label in labels] == [
        ("tranexamic acid", "", None)
    ]


def test_the_patient_label_holds_who_it_is_and_no_treatment() -> None:
    (page,) = pages_of(render(job_of(Document.PATIENT_LABEL, replace(TYPICAL, is_demo=True))))
    text = text_of(page)

    assert text.startswith("DEMO – FICTIONAL PATIENT – NOT FOR CARE TESTPERSON, Ottilie (Mrs)")
    assert "Born 14-Jul-1945 (81y) Female NHS number 999 000 1112" in text
    assert "DOSE" not in text
    assert "immune" not in text


@pytest.mark.hazard("H17")
@pytest.mark.parametrize("document", LABELS)
def test_a_label_has_its_size_and_keeps_every_word_on_it(document: Document) -> None:
    width_mm, height_mm = SIZES[document]
    with opened(render(job_of(document, replace(TYPICAL, is_demo=True)))) as pages:
        for page in pages:
            width, height = page.get_size()
            assert (width, height) == pytest.approx((width_mm * 72 / 25.4, height_mm * 72 / 25.4), abs=0.1)
            boxes = sorted(item.get_bounds() for item in page.get_objects(max_depth=1) if item.type == 1)
            assert boxes
            for index, (left, bottom, right, top) in enumerate(boxes):
                assert left >= EDGE_PT
                assert bottom >= EDGE_PT
                assert right <= width - EDGE_PT
                assert top <= height - EDGE_PT
                for other_left, other_bottom, _, other_top in boxes[index + 1 :]:
                    if other_left > right - 0.5:
                        break
                    assert min(top, other_top) - max(bottom, other_bottom) <= SHARED_PT


@pytest.mark.hazard("H16")
@pytest.mark.parametrize("document", LABELS)
@pytest.mark.parametrize("content", [TYPICAL, LONGEST_NAME], ids=["typical", "longest name"])
def test_the_code_of_each_label_leads_to_its_order_from_the_dots_of_a_label_printer(
    document: Document, content: SheetContent
) -> None:
    job = job_of(document, content)
    job = replace(job, event=replace(job.event, status_address=ADDRESS))
    file = render(job)

    for dpi in LABEL_PRINTER_DPI:
        (found,) = zxingcpp.read_barcodes(first_page_printed(file, dpi))
        assert found.text == scanned_text(content, job.event)
        assert found.text.startswith("HTTPS://IVIG.HOSPITAL.EXAMPLE/S/")


@pytest.mark.hazard("H17")
@pytest.mark.parametrize("document", LABELS)
def test_the_longest_name_is_set_closer_and_stands_there_whole(document: Document) -> None:
    file = render(job_of(document, LONGEST_NAME))

    patient = LONGEST_NAME.patient
    # A name parts at its hyphens and between its words: without them it is all there.
    wanted = letters_of(f"{patient.family_name.upper()} {patient.given_name} {patient.title}")
    assert all(wanted in letters_of(text_of(page)) for page in pages_of(file))
    with opened(file) as pages:
        for page in pages:
            sizes = [item.get_bounds() for item in page.get_objects(max_depth=1) if item.type == 1]
            assert all(left >= EDGE_PT and bottom >= EDGE_PT for left, bottom, _, _ in sizes)
        if document is Document.ADDITIVE_LABEL:
            assert "DOSE 80 g" in text_of(pages_of(file)[0])


def letters_of(text: str) -> str:
    return "".join(letter for letter in text if letter.isalnum())


@pytest.mark.hazard("H18")
@pytest.mark.parametrize("document", LABELS)
def test_a_label_passes_page_validation_and_pdfua(document: Document, tmp_path: Path) -> None:
    path = tmp_path / "label.pdf"
    path.write_bytes(render(job_of(document)))

    for profile in ("3a", "ua1"):
        failures = page_validation.validate_pdf(str(path), profile=profile).failures
        assert [(failure.rule_id, failure.message) for failure in failures] == []
    assert [str(finding) for finding in pdfua.validate(str(path)).findings] == []


@pytest.mark.hazard("H16")
@pytest.mark.parametrize("document", LABELS)
@pytest.mark.parametrize("state", ["draft", "superseded", "void", "expired"])
def test_no_label_is_made_of_an_order_set_that_does_not_hold(document: Document, state: str) -> None:
    with pytest.raises(SheetFailed, match="only of an order set in force"):
        render(job_of(document, state=STATES[state]))


@pytest.mark.parametrize("document", LABELS)
def test_words_that_do_not_fit_a_label_make_none(document: Document) -> None:
    job = job_of(document, LONGEST_NAME)

    with pytest.raises(SheetFailed, match=r"do not fit a label of \d+ by \d+ mm"):
        render(replace(job, event=replace(job.event, label_mm=(40, 20))))


def test_an_order_set_without_an_infusion_has_no_additive_label() -> None:
    with pytest.raises(SheetFailed, match="no infusion to label"):
        render(job_of(Document.ADDITIVE_LABEL, replace(TYPICAL, orders=(PREDNISONE,), rate_plan=None)))


def test_a_label_is_written_by_the_rules_of_orders() -> None:
    assert IVIG.dose is not None
    vials = (Vial(size=Decimal(20), count=3), Vial(size=Decimal("2.5"), count=1))
    order = replace(IVIG, dose=replace(IVIG.dose, amount=Decimal("62.5"), vials=vials))
    pages = pages_of(render(job_of(Document.ADDITIVE_LABEL, replace(TYPICAL, orders=(order,)))))

    assert len(pages) == 4
    assert "Vial 4 of 4, 2.5 g" in text_of(pages[3])
    for page in pages:
        text = text_of(page).replace(ORDER_ID, "").replace("999 000 1112", "")
        assert find_forbidden_tokens(text) == []


def test_a_label_finds_its_way_to_the_render_process_with_its_size() -> None:
    job = job_of(Document.PATIENT_LABEL)

    assert unpack_job(pack_job(job)) == job
