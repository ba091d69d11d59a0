"""The file of a downtime pack: what stands in it, whether it is valid, and that no word lies over another."""

import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import Any

import pdfplumber
import pytest
from page import validate_pdf

from ivigsite.downtime.build import build_pack, expires_at
from ivigsite.orders.sheet.checks import find_forbidden_tokens, texts_of
from ivigsite.orders.sheet.downtime import render_downtime
from ivigsite.orders.sheet.jobs import SheetFailed, pack_job, unpack_job
from ivigsite.orders.sheet.pack import (
    ActiveLine,
    ActiveOrder,
    ActiveOrders,
    ActiveOrdersJob,
    FormsJob,
    Pack,
)
from ivigsite.orders.sheet.states import Paper
from ivigsite.orders.sheet.worker import render_alone
from protocols.engine.plain import seal
from protocols.engine.protocol import Protocol
from protocols.models import ProtocolVersion
from tests.scenario import shipped
from tests.sheet.reading import all_text_of, pages_of, text_of

pytestmark = [
    pytest.mark.hazard("H25"),
    # WeasyPrint leaves its colour profile for the garbage collector to close.
    pytest.mark.filterwarnings("ignore:unclosed file.*sRGB2014:ResourceWarning"),
]
AT = datetime(2026, 11, 22, 14, 5, tzinfo=UTC)


class Approver:
    full_name = "Dr Test Approver"


def version_of(protocol: Protocol, **changes: Any) -> Any:
    """A row that is in no database: the pack asks it for no more than its own words."""
    version = ProtocolVersion(
        slug=protocol.slug,
        title=protocol.title,
        number=3,
        state="approved",
        seal=seal(protocol),
        approved_at=AT,
        **{"review_due_on": date(2027, 11, 22), **changes},
    )
    version._state.fields_cache["approver"] = Approver()
    return version


def small_protocol() -> Protocol:
    """A piece of the shipped one, which takes a second to print, not a minute."""
    protocol = shipped()
    return replace(
        protocol,
        branches=protocol.branches[-1:],
        products=protocol.products[:1],
        safety_rules=protocol.safety_rules[:12],
        monitoring_items=protocol.monitoring_items[:8],
        gates=protocol.gates[:2],
        citations=protocol.citations[:4],
        input_limits=tuple(
            replace(row, soft_minimum=Decimal(40), soft_maximum=Decimal(70))
            if row.fact == "weight_kg"
            else row
            for row in protocol.input_limits
        ),
    )


@cache
def small_pack() -> Pack:
    return build_pack(version_of(small_protocol()), small_protocol(), at=AT)


@cache
def full_pack() -> Pack:
    return build_pack(version_of(shipped()), shipped(), at=AT)


@cache
def file_of(paper: Paper) -> bytes:
    return render_downtime(FormsJob(content=small_pack(), paper=paper))


ORDER = ActiveOrder(
    code="AAAA-BBBB-CCCC",
    number=2,
    patient="TESTPERSON-WITH-A-VERY-LONG-NAME, Ottilie Wilhelmina (Mrs)",
    birth="Born 14-Jul-1945 (81y)",
    record_number="999 000 1112",
    bed="12",
    allergies="No known allergies",
    lines=(
        ActiveLine(
            text="immune globulin intravenous (human) (IVIG), Privigen. DOSE 80 g. intravenously",
            start="22-Nov-2026 14:30",
        ),
    ),
    signed_by="Dr Ada Demo-Physician",
    signed_at=AT,
    valid_until=AT,
    warning="EXPIRED: start nothing on this order set any more.",
)
WARD = ActiveOrders(
    ward="Haematology ward", time_zone="Europe/London", made_at=AT, is_demo=False, orders=(ORDER,) * 12
)


@pytest.mark.parametrize("paper", Paper)
def test_each_page_says_what_it_is_whose_and_until_when(paper: Paper) -> None:
    pages = pages_of(file_of(paper))

    for number, page in enumerate(pages, start=1):
        text = text_of(page)
        assert "DOWNTIME FORM" in text
        assert f"version 3, seal {small_pack().version.seal[:16]}" in text
        assert "Do not use after 29-Nov-2026 14:05." in text
        assert f"Page {number} of {len(pages)}" in text
        assert "DEMO, NOT FOR CARE" in text


def test_the_decision_grid_stands_on_one_page_with_every_case() -> None:
    pages = [text_of(page) for page in pages_of(file_of(Paper.A4))]

    (grid,) = [page for page in pages if "Decision grid" in page]

    for grade in small_pack().grid:
        assert len(grade.rows) == 5
        assert grade.label.split(",")[0] in grid
    assert grid.count("EM, page") == sum(
        cell.code == "EM" for grade in small_pack().grid for row in grade.rows for cell in row.cells
    )
    # The one branch that was left; what was taken away is not covered, and says so.
    assert "call haematology" in grid


def test_the_grid_of_the_shipped_version_says_for_each_case_what_the_engine_would() -> None:
    cells = [cell for grade in full_pack().grid for row in grade.rows for cell in row.cells]

    assert len(cells) == 100
    assert {cell.code for cell in cells} <= {form.code for form in full_pack().forms}
    assert all(cell.code or "call haematology" in cell.words for cell in cells)


def test_every_branch_has_its_form_with_every_line_and_a_place_for_the_dose() -> None:
    forms = {form.code: form for form in full_pack().forms}

    for branch in shipped().branches:
        form = forms[branch.code]
        assert sorted(line.text for line in form.lines) == sorted(order.text for order in branch.orders)
        for line in form.lines:
            order = next(order for order in branch.orders if order.text == line.text)
            assert bool(line.doses) == bool(order.regimen)
    assert len(forms) == len(shipped().branches)


def test_a_form_leaves_each_dose_by_weight_to_write_and_prints_the_fixed_ones() -> None:
    doses = [dose for form in full_pack().forms for line in form.lines for dose in line.doses]

    assert {dose.fixed for dose in doses if dose.drug == "dexAMETHasone"} == {"40 mg"}
    assert {dose.fixed for dose in doses if "per kg" in dose.basis} == {""}
    assert not any("child" in dose.title for dose in doses)


@pytest.mark.hazard("H25")
def test_a_form_has_a_place_for_the_label_of_what_a_recall_asks_for() -> None:
    doses = [dose for form in full_pack().forms for line in form.lines for dose in line.doses]
    labels = {(dose.drug.startswith("platelets"), dose.label) for dose in doses if dose.label}

    assert labels == {(True, ("unit no.", "ABO", "RhD", "collected on")), (False, ("lot no.",))}
    assert not any(dose.label for dose in doses if "prednis" in dose.drug.lower())


def test_no_number_of_a_patient_is_left_open_as_a_placeholder() -> None:
    assert not [text for text in texts_of(full_pack()) if "{" in text or "}" in text]


def test_no_order_form_or_table_uses_a_notation_that_kills() -> None:
    lines = tuple(line for form in full_pack().forms for line in form.lines)
    names = ("Octagam 10%", "Gammaplex 10%", "Gammaplex 5%", "Flebogamma DIF 10%")

    found = {
        token
        for text in texts_of((lines, printed_numbers(full_pack())))
        for token in find_forbidden_tokens(text)
        if not any(name in text for name in names)
    }

    assert found == set()


def printed_numbers(pack: Pack) -> tuple[str, ...]:
    return tuple(
        cell
        for section in pack.sections
        for table in section.tables
        if table.kind != "words"
        for row in table.rows
        for cell in row.cells
    )


@pytest.mark.parametrize("paper", Paper)
def test_each_later_page_of_a_form_asks_whose_it_is_and_nobody_signs_for_nothing(paper: Paper) -> None:
    form = max(full_pack().forms, key=lambda form: len(form.lines))
    pack = replace(small_pack(), forms=(form,), sections=(), grid=())
    strip = f"Form {form.code} Family name Born Record number"

    pages = [text_of(page) for page in pages_of(render_downtime(FormsJob(content=pack, paper=paper)))]

    (first,) = [
        number for number, page in enumerate(pages) if f"Order form {form.code}: {form.title} " in page
    ]
    (signed,) = [number for number, page in enumerate(pages) if "Signatures Name Signature" in page]
    assert signed > first
    assert [number for number, page in enumerate(pages) if strip in page] == [*range(first + 1, signed + 1)]
    assert any(line.text[:40] in pages[signed] for line in form.lines)


@pytest.mark.parametrize("paper", Paper)
def test_no_table_of_pump_rates_or_doses_goes_on_without_its_name(paper: Paper) -> None:
    pages = [text_of(page) for page in pages_of(file_of(paper))]

    assert any("pump rate in mL per hour, AT RISK" in page for page in pages)
    for page in pages:
        assert page.count("Then, to the end") == page.count("pump rate in mL per hour")


@pytest.mark.parametrize("paper", Paper)
def test_no_word_lies_over_another_or_outside_the_page(paper: Paper) -> None:
    assert list(faults_of(file_of(paper))) == []


@pytest.mark.parametrize("profile", ["3a", "ua1"])
def test_the_files_are_valid(profile: str, tmp_path: Any) -> None:
    for data in (
        file_of(Paper.A4),
        render_downtime(ActiveOrdersJob(content=WARD, paper=Paper.A4)),
    ):
        path = tmp_path / "file.pdf"
        path.write_bytes(data)
        outcome = validate_pdf(path, profile=profile)
        assert outcome.is_compliant, [(row.rule_id, row.message) for row in outcome.failures]


def test_the_list_names_every_order_with_its_warning_and_says_as_of_when() -> None:
    file = render_downtime(ActiveOrdersJob(content=WARD, paper=Paper.LETTER))

    text = all_text_of(file)
    assert text.count("Order AAAA-BBBB-CCCC, version 2") == 12
    assert text.count("EXPIRED: start nothing") == 12
    assert text.count("DOSE 80 g") == text.count("Start 22-Nov-2026 14:30") == 12
    assert all("AS OF 22-Nov-2026 14:05" in text_of(page) for page in pages_of(file))
    assert list(faults_of(file)) == []


def test_each_page_of_a_long_file_is_heard_of_while_it_is_made() -> None:
    job = ActiveOrdersJob(content=WARD, paper=Paper.LETTER)
    heard: list[int] = []

    file = render_alone(job, heard.append)

    assert set(range(1, len(pages_of(file)) + 1)) <= set(heard)
    assert len(pages_of(file)) > 1


def test_a_list_without_orders_says_so() -> None:
    file = render_downtime(ActiveOrdersJob(content=replace(WARD, orders=()), paper=Paper.A4))

    assert "No signed order was in force on this ward at that time." in all_text_of(file)


def test_the_same_list_makes_the_same_bytes() -> None:
    job = ActiveOrdersJob(content=WARD, paper=Paper.A4)

    sent = unpack_job(pack_job(job))

    assert isinstance(sent, ActiveOrdersJob)
    assert render_downtime(job) == render_downtime(sent)


def test_a_pack_arrives_in_the_render_process_as_it_was_sent() -> None:
    job = FormsJob(content=small_pack(), paper=Paper.LETTER)

    assert unpack_job(pack_job(job)) == job


def test_a_name_the_fonts_cannot_show_makes_no_list() -> None:
    ward = replace(WARD, orders=(replace(ORDER, patient="李"),))

    with pytest.raises(SheetFailed, match=r"U\+674E"):
        render_downtime(ActiveOrdersJob(content=ward, paper=Paper.A4))


def test_markup_in_a_name_is_text_on_the_list() -> None:
    name = '"><img src="file:///etc/passwd">'

    file = render_downtime(
        ActiveOrdersJob(content=replace(WARD, orders=(replace(ORDER, patient=name),)), paper=Paper.A4)
    )

    assert name in all_text_of(file)


def test_a_pack_is_not_valid_past_the_review_of_its_version() -> None:
    at = datetime(2027, 11, 20, 9, tzinfo=UTC)

    assert expires_at(version_of(shipped()), made_at=at) == datetime(2027, 11, 22, tzinfo=UTC)
    assert expires_at(version_of(shipped(), review_due_on=None), made_at=at) == datetime(
        2027, 11, 27, 9, tzinfo=UTC
    )


def faults_of(file: bytes) -> Iterator[str]:
    """Words that overlap or leave the page."""
    with pdfplumber.open(io.BytesIO(file)) as document:
        for page in document.pages:
            words = sorted(page.extract_words(use_text_flow=True), key=lambda word: word["top"])
            for position, one in enumerate(words):
                if one["x0"] < 23 or one["x1"] > page.width - 23 or one["bottom"] > page.height - 23:
                    yield f"page {page.page_number}: {one['text']} leaves the page"
                for other in words[position + 1 :]:
                    if other["top"] > one["bottom"] - 2:
                        break
                    across = min(one["x1"], other["x1"]) - max(one["x0"], other["x0"])
                    down = min(one["bottom"], other["bottom"]) - max(one["top"], other["top"])
                    if across > 0.5 and down > 2:
                        yield f"page {page.page_number}: {one['text']} over {other['text']}"
