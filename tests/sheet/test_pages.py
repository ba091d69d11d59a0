"""What a finished sheet shows, in every state and on both papers."""

import io
import re
from dataclasses import replace
from typing import Any

import pdfplumber
import pytest
import segno

from ivigsite.orders.sheet import wording
from ivigsite.orders.sheet.checks import find_forbidden_tokens
from ivigsite.orders.sheet.content import OrderGroup, SheetOrder
from ivigsite.orders.sheet.documents import Document
from ivigsite.orders.sheet.furniture import code_text
from ivigsite.orders.sheet.layout import PAPER_MM
from ivigsite.orders.sheet.render import render
from ivigsite.orders.sheet.states import Paper

from .reading import NO_BREAK_SPACE, Case, file_of, first_page_printed, opened, pages_of, text_of
from .samples import NEXT_ORDER_ID, ORDER_ID, STATES

CASES = [
    *(Case("typical", state, paper) for state in STATES for paper in Paper),
    Case("longest name", "void", Paper.LETTER),
    Case("forty orders", "signed", Paper.A4),
    Case("no allergies", "copy", Paper.A4),
    Case("all unknown", "signed", Paper.LETTER),
    Case("estimated", "signed", Paper.A4),
    Case("demo", "draft", Paper.LETTER),
    Case("demo", "signed", Paper.A4),
]
STATE_WORDS = {
    "draft": "DRAFT – NOT VALID FOR ADMINISTRATION",
    "signed": "",
    "copy": f"COPY 2 of order {ORDER_ID}, first printed 22-Nov-2026 14:05",
    "superseded": f"SUPERSEDED by order {NEXT_ORDER_ID}, Dr Bo Demo-Physician, 22-Nov-2026 14:30",
    "void": "VOID: cancelled by Dr Ada Demo-Physician, 22-Nov-2026 14:30. Reason: Wrong weight",
    "expired": "EXPIRED 23-Nov-2026 14:30. Do not start anything on this sheet.",
}
WATERMARKS = {"draft": "DRAFT", "superseded": "SUPERSEDED", "void": "VOID", "expired": "EXPIRED"}
POINTS_PER_MM = 72 / 25.4
# Anything larger is the word across the page.
LARGEST_BODY_PT = 20

# WeasyPrint leaves its colour profile for the garbage collector to close.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file.*sRGB2014:ResourceWarning")

every_sheet = pytest.mark.parametrize("case", CASES, ids=str)


def letters_of(text: str) -> str:
    """The letters alone, because a name of many parts is broken between and at its hyphens."""
    return re.sub(r"\W", "", text)


def plain(text: str) -> str:
    return text.replace(NO_BREAK_SPACE, " ")


@every_sheet
def test_every_page_says_whose_it_is_which_order_it_is_and_which_page(case: Case) -> None:
    job = case.job
    patient = job.content.patient
    name = letters_of(wording.format_name(patient.family_name, patient.given_name, patient.title))
    pages = pages_of(file_of(case))

    for number, page in enumerate(pages, start=1):
        text = text_of(page)
        assert name in letters_of(text)
        assert "Born 14-Jul-1945 (81y)" in text
        assert "NHS number 999 000 1112" in text
        assert f"Order {ORDER_ID}, version 1. Page {number} of {len(pages)}" in text
        printed = plain(wording.format_moment_with_offset(job.event.printed_at, job.content.time_zone))
        printed_by = f"Printed {printed} by {job.event.printed_by}, copy {job.event.copy_number}"
        assert letters_of(printed_by) in letters_of(text)
        assert "Void when superseded. Check the code or order list before use." in text
        assert "version 3, approved 01-Oct-2026" in text
        assert "Adults, 18 years and over" in text


@every_sheet
def test_every_page_says_whether_the_order_is_in_force(case: Case) -> None:
    for page in pages_of(file_of(case)):
        assert STATE_WORDS[case.state] in text_of(page)
        assert (WATERMARKS.get(case.state, "no mark") in page) == (case.state in WATERMARKS)
        assert ("DEMO – FICTIONAL PATIENT – NOT FOR CARE" in text_of(page)) == (case.content == "demo")
        assert ("DEMO" in page) == (case.content == "demo")


@every_sheet
def test_every_order_has_its_drug_and_dose_on_one_line_as_in_the_content(case: Case) -> None:
    lines = [line for page in pages_of(file_of(case)) for line in page]
    with_dose = [order for order in case.job.content.orders if order.dose]

    printed = [line for line in lines if " DOSE " in line]

    assert len(printed) == len(with_dose)
    for line, order in zip(printed, with_dose, strict=True):
        assert order.dose is not None
        assert line.startswith(f"{order.number} {order.name}")
        assert line.endswith(f" DOSE {plain(wording.format_amount(order.dose.amount, order.dose.unit))}")


@every_sheet
def test_rate_times_weight_as_printed_gives_the_dose_as_printed(case: Case) -> None:
    text = text_of(tuple(line for page in pages_of(file_of(case)) for line in page))

    for rate, unit, weight in re.findall(r"([\d.]+) (g|mg) per kg for ([\d.]+) kg", text):
        exact = float(rate) * float(weight)
        assert re.search(rf"Dose rounded from {exact:g} {unit} to|Dose capped at \d+ {unit}", text)


@every_sheet
def test_no_order_holds_a_notation_known_to_be_misread(case: Case) -> None:
    text = text_of(tuple(line for page in pages_of(file_of(case)) for line in page))
    # The record number and the ids of the order and of a rule are no part of an order.
    text = text.replace("NHS number 999 000 1112", "").replace(ORDER_ID, "").replace("Override of HS-09", "")
    (orders,) = re.findall(
        r" Orders (.*?) Monitoring: the first checks | Orders (.*?) Basis and sources ", text
    )

    assert find_forbidden_tokens("".join(orders)) == []


@every_sheet
def test_the_paper_is_the_one_asked_for_and_the_pages_few(case: Case) -> None:
    with opened(file_of(case)) as document:
        pages = len(document)
        sizes = {document.get_page_size(number) for number in range(pages)}

    ((width, height),) = sizes
    assert (width, height) == pytest.approx(
        tuple(side * POINTS_PER_MM for side in PAPER_MM[case.paper]), abs=0.1
    )
    assert pages <= (9 if case.content == "forty orders" else 4)


@every_sheet
def test_signatures_stand_with_the_orders_they_are_for(case: Case) -> None:
    (page,) = [page for page in pages_of(file_of(case)) if "Signatures" in page]
    text = text_of(page)

    assert "Orders on this sheet:" in text
    if case.state == "draft":
        assert "Not signed. A draft is not an order." in text
        assert "electronically signed" not in text
        assert "Nurse 1" not in text
    else:
        assert "electronically signed by" in text
        assert "registration number 0000001, 22-Nov-2026 14:05 (UTC+00:00). Signature 6f1d2c3b" in text
        assert "Nurse 2 (independent check)" in text


@every_sheet
def test_the_last_line_is_that_there_are_no_further_orders(case: Case) -> None:
    pages = pages_of(file_of(case))

    assert "No further orders" in pages[-1]
    assert all("No further orders" not in page for page in pages[:-1])


@pytest.mark.parametrize(
    "case",
    [
        Case("typical", "signed", Paper.A4),
        Case("typical", "draft", Paper.LETTER),
        Case("longest name", "void", Paper.LETTER),
        Case("demo", "draft", Paper.LETTER),
        Case("all unknown", "signed", Paper.LETTER),
    ],
    ids=str,
)
def test_no_word_leaves_the_page_or_covers_another(case: Case) -> None:
    clear = 8 * POINTS_PER_MM
    with pdfplumber.open(io.BytesIO(file_of(case))) as document:
        for page in document.pages:
            body = page.filter(lambda item: item["object_type"] != "char" or item["size"] < LARGEST_BODY_PT)
            words = body.extract_words(use_text_flow=True)
            for word in words:
                assert word["x0"] >= clear
                assert word["top"] >= clear
                assert word["x1"] <= page.width - clear
                assert word["bottom"] <= page.height - clear
            words.sort(key=lambda word: word["x0"])
            for index, left in enumerate(words):
                for right in words[index + 1 :]:
                    if right["x0"] > left["x1"] - 0.5:
                        break
                    overlap = min(left["bottom"], right["bottom"]) - max(left["top"], right["top"])
                    assert overlap <= 2, (left["text"], right["text"])


@pytest.mark.parametrize("case", [Case("typical", "signed", Paper.A4)], ids=str)
def test_letters_are_large_enough(case: Case) -> None:
    with pdfplumber.open(io.BytesIO(file_of(case))) as document:
        for page in document.pages:
            footer = page.height - 40 * POINTS_PER_MM
            body = [char for char in page.chars if char["top"] < footer and char["size"] < 9.9]
            # Only the words under the QR code are smaller than ten points.
            assert "".join(char["text"] for char in body) in ("", code_text(case.job.content))
            for line in page.extract_text_lines(return_chars=True):
                if " DOSE " in line["text"]:
                    dose = line["chars"][-2:]
                    assert all(char["size"] >= 12 and "Bold" in char["fontname"] for char in dose)


@pytest.mark.parametrize("case", [Case("forty orders", "signed", Paper.A4)], ids=str)
def test_no_order_is_split_between_pages(case: Case) -> None:
    closing_words = {
        "immune globulin intravenous (human)": "Record each lot number.",
        "predniSONE": "morning from the second day.",
        "platelets, apheresis": "wristband at the bedside.",
        "Call haematology on call": "immunoglobulin and platelets started.",
    }
    pages = [text_of(page) for page in pages_of(file_of(case))]

    for order in case.job.content.orders:
        starts = [
            page
            for page in pages
            if re.search(rf"\b{order.number} {re.escape(order.name)}( \(| DOSE| Start)", page)
        ]
        assert len(starts) == 1
        _, _, rest = starts[0].partition(f"{order.number} {order.name}")
        assert closing_words[order.name] in rest


def test_a_table_that_goes_on_repeats_its_head() -> None:
    job = Case("typical", "signed", Paper.A4, Document.CHECKLIST).job
    many = replace(job, content=replace(job.content, monitoring=job.content.monitoring * 6))

    with_checks = [page for page in pages_of(render(many)) if "Temperature, pulse" in text_of(page)]

    assert len(with_checks) > 1
    assert all("Check Due Done at Result Initials" in page for page in with_checks)


def test_the_order_set_has_room_for_the_first_checks_and_names_the_others() -> None:
    text = text_of(
        tuple(line for page in pages_of(file_of(Case("typical", "signed", Paper.A4))) for line in page)
    )

    assert "Check Due Tolerance Result Initials Temperature, pulse, blood pressure 22-Nov-2026 14:30" in text
    assert "Glucose 22-Nov-2026 20:30 1 hour" in text
    assert (
        "Also, with due times on the monitoring checklist: Creatinine and urine output;"
        " Haemoglobin, bilirubin; Platelet count."
    ) in text


def test_what_comes_before_treatment_is_one_table_with_room_for_its_time() -> None:
    job = Case("typical", "signed", Paper.A4).job
    before = tuple(
        SheetOrder(number=number, group=OrderGroup.BEFORE, kind="other", name=name)
        for number, name in enumerate(("Blood film. Before the treatment starts.", "Creatinine."), start=1)
    )
    later = tuple(replace(order, number=order.number + 2) for order in job.content.orders)
    content = replace(job.content, orders=before + later, rate_plan=None)

    pages = pages_of(render(replace(job, content=content)))

    assert (
        "Samples and checks before treatment No. Sample or check Done at Initials"
        " 1 Blood film. Before the treatment starts. 2 Creatinine. Now 3 immune globulin"
    ) in text_of(tuple(line for page in pages for line in page))
    assert len(pages) <= 4


def test_a_long_list_before_treatment_goes_on_over_the_pages_with_none_lost() -> None:
    job = Case("typical", "signed", Paper.LETTER).job
    before = tuple(
        SheetOrder(
            number=number, group=OrderGroup.BEFORE, kind="other", name=f"Demonstration sample {number}x"
        )
        for number in range(1, 90)
    )

    pages = pages_of(render(replace(job, content=replace(job.content, orders=before, rate_plan=None))))
    text = text_of(tuple(line for page in pages for line in page))

    assert all(text.count(f"sample {number}x") == 1 for number in range(1, 90))
    assert len(pages) > 2


def test_the_first_page_shows_what_the_orders_rest_on() -> None:
    text = text_of(pages_of(file_of(Case("typical", "signed", Paper.A4)))[0])

    for words in (
        "ORDER SET Low platelets with bleeding",
        "For: Adults, 18 years and over",
        "Valid until 23-Nov-2026 14:30",
        "Allergies: Penicillin (rash); Latex",
        "Larch, bed 12",
        "ONLY IF bleeding goes on after the platelets",
        "82.3 kg Measured 22-Nov-2026",
        "Dosing weight 82.3 kg, actual weight",
        "18,000 per microlitre (18 x 10⁹ per litre)",
        "Grade 4 (CTCAE v5.0). Sampled 22-Nov-2026 13:10",
        "Active, gastrointestinal",
        "Risks: age 60 or over",
        "Not known: immunoglobulin A; blood group; previous immunoglobulin.",
        "Dose rounded from 82.3 g to 80 g (2.8 percent lower)",
        "Volume 800 mL",
        "Vials: 2 of 40 g",
    ):
        assert words in text


def test_the_later_pages_show_rates_declined_lines_advice_and_sources() -> None:
    pages = pages_of(file_of(Case("typical", "signed", Paper.A4)))
    text = text_of(tuple(line for page in pages[1:] for line in page))

    for words in (
        "Call and consult 6 Call haematology on call",
        "Infusion rate for order 1: Privigen 10%",
        "4 22-Nov-2026 16:00 197 mL per hour 2.4 mL per kg per hour until the dose is in",
        "Volume 800 mL in 5 h 7 min. Maximum rate 197 mL per hour.",
        "Not ordered: dexamethasone. Reason: predniSONE chosen instead",
        "Override of HS-09:",
        "Reason: Bleeding is critical, sample sent. Agreed by Dr Ada Demo-Physician.",
        "Suggested by protocol: advice, not orders",
        "Warning: Thrombosis risk from age",
        "Rule G4_TRIPLE: Grade 4 with active bleeding",
        "seal 9f3c21aa, approved by Dr Dora Demo-Approver on 01-Oct-2026. Pending human clinical review.",
        "Limits of use: Decision support.",
    ):
        assert words in text


def test_advice_stands_after_the_last_order() -> None:
    pages = pages_of(file_of(Case("typical", "signed", Paper.A4)))
    text = text_of(tuple(line for page in pages for line in page))

    assert text.index("6 Call haematology on call") < text.index("Suggested by protocol")
    assert "Suggested by protocol" not in text[: text.index("Infusion rate for order")]


def test_what_is_not_known_is_said_and_not_left_out() -> None:
    text = text_of(pages_of(file_of(Case("all unknown", "signed", Paper.LETTER)))[0])

    assert "Allergies: Not recorded" in text
    assert "Weight Not known" in text
    assert "Platelets Not known Grade not known (CTCAE v5.0). Sample time not known" in text
    assert "Bleeding Not known" in text
    assert "finding number 24." in text


def test_no_known_allergies_is_told_from_not_recorded() -> None:
    text = text_of(pages_of(file_of(Case("no allergies", "copy", Paper.A4)))[0])

    assert "Allergies: No known allergies" in text


def test_an_estimated_weight_says_so_in_capitals() -> None:
    text = text_of(pages_of(file_of(Case("estimated", "signed", Paper.A4)))[0])

    assert "ESTIMATED WEIGHT Reason: cannot stand. Day of weighing not known" in text


def test_no_allergy_of_a_long_list_is_lost() -> None:
    case = Case("longest name", "void", Paper.LETTER)
    text = text_of(pages_of(file_of(case))[0])

    assert all(f"Demonstration allergen number {number} (urticaria)" in text for number in range(1, 9))


def test_blank_space_at_the_end_is_struck_through() -> None:
    with pdfplumber.open(io.BytesIO(file_of(Case("typical", "signed", Paper.A4)))) as document:
        page = document.pages[-1]
        slanted = [line for line in page.lines if line["x0"] != line["x1"] and line["top"] != line["bottom"]]
        (end,) = [word for word in page.extract_words() if word["text"] == "further"]

    (strike,) = slanted
    assert strike["top"] > end["bottom"]
    assert strike["x1"] - strike["x0"] == pytest.approx(page.width - 24 * POINTS_PER_MM, abs=1)


def test_signature_boxes_are_twelve_millimetres_high() -> None:
    with pdfplumber.open(io.BytesIO(file_of(Case("typical", "signed", Paper.A4)))) as document:
        (page,) = [page for page in document.pages if "Signatures" in page.extract_text()]
        boxes = [row.bbox for row in page.find_tables()[-1].rows[1:]]

    assert len(boxes) == 3
    assert all(bottom - top >= 12 * POINTS_PER_MM for _, top, _, bottom in boxes)


@pytest.mark.parametrize("state", WATERMARKS)
def test_the_word_across_the_page_lets_words_be_read_and_shows_in_black_and_white(state: str) -> None:
    with pdfplumber.open(io.BytesIO(file_of(Case("typical", state, Paper.A4)))) as document:
        marks = [[char for char in page.chars if char["size"] > LARGEST_BODY_PT] for page in document.pages]

    assert all(marks)
    for char in (char for page in marks for char in page):
        (inside,), (outline,) = set(char["non_stroking_color"]), set(char["stroking_color"])
        assert contrast_with_black(inside) >= contrast_with_black(outline) >= 4.5
        assert inside > 0.5 > outline


def contrast_with_black(grey: float) -> float:
    """The contrast ratio of WCAG 2 between black and a grey from 0 to 1."""
    linear: float = ((grey + 0.055) / 1.055) ** 2.4
    return (linear + 0.05) / 0.05


@pytest.mark.parametrize("dpi", [100, 150, 200, 300])
@pytest.mark.parametrize("paper", Paper)
def test_the_code_survives_a_black_and_white_printer(paper: Paper, dpi: int) -> None:
    case = Case("typical", "signed", paper)
    expected = segno.make(code_text(case.job.content), error="m", boost_error=False, micro=False).matrix

    assert _modules_in_print(file_of(case), paper, dpi) == [list(row) for row in expected]


def test_the_words_under_the_code_are_what_the_code_says() -> None:
    case = Case("typical", "signed", Paper.A4)
    page = pages_of(file_of(case))[0]

    assert code_text(case.job.content) in "".join(page)
    assert re.fullmatch(r"[0-9A-F-]{36}\.1\.[0-9A-F]{16}", code_text(case.job.content))


def test_a_draft_has_no_code() -> None:
    def pictures(state: str) -> list[int]:
        with pdfplumber.open(io.BytesIO(file_of(Case("typical", state, Paper.A4)))) as document:
            return [len(page.images) for page in document.pages]

    assert set(pictures("draft")) == {0}
    assert set(pictures("signed")) == {1}
    assert "0123456789AB.1." not in text_of(pages_of(file_of(Case("typical", "draft", Paper.A4)))[0])


def _modules_in_print(file: bytes, paper: Paper, dpi: int) -> list[list[int]]:
    """The modules of the code on page 1, each taken at its middle from a one-bit picture of the page."""
    pixels: Any = first_page_printed(file, dpi).load()
    width_pt = PAPER_MM[paper][0] * POINTS_PER_MM
    # The code is the first black thing below the header rule in the right-hand 28 mm of the page.
    right = round((width_pt - 12 * POINTS_PER_MM) * dpi / 72)
    left = round(right - 28 * POINTS_PER_MM * dpi / 72) - 1
    top = round(17 * POINTS_PER_MM * dpi / 72)
    black = [
        (x, y)
        for y in range(top, top + round(28 * POINTS_PER_MM * dpi / 72))
        for x in range(left, right + 1)
        if not pixels[x, y]
    ]
    first_x, first_y = min(x for x, _ in black), min(y for _, y in black)
    last_x = max(x for x, _ in black)
    module = (last_x + 1 - first_x) / 29
    return [
        [
            int(not pixels[int(first_x + (column + 0.5) * module), int(first_y + (row + 0.5) * module)])
            for column in range(29)
        ]
        for row in range(29)
    ]
