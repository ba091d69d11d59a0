"""How a file is made: from its content alone, always the same, and not at all when something is missing."""

import dataclasses
import hashlib
import io
import json
import os
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import page as page_validation
import pdfplumber
import pdfua
import pytest
import time_machine
from weasyprint.urls import FatalURLFetchingError

from ivigsite.orders.sheet import render as rendering
from ivigsite.orders.sheet.checks import find_forbidden_tokens
from ivigsite.orders.sheet.content import SheetContent, canonical_json
from ivigsite.orders.sheet.documents import Document
from ivigsite.orders.sheet.jobs import SheetFailed
from ivigsite.orders.sheet.render import ClosedFetcher, render, render_sheet
from ivigsite.orders.sheet.states import Draft, Paper, Signed

from .reading import Case, file_of, opened, pages_of, text_of
from .samples import ALL_UNKNOWN, FIRST_PRINT, HOSTILE, ORDER_ID, STATES, TYPICAL

# WeasyPrint leaves its colour profile for the garbage collector to close.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file.*sRGB2014:ResourceWarning")

TYPICAL_CASE = Case("typical", "signed", Paper.A4)
PROJECT = Path(__file__).parents[2]
PRINT_DIGEST = """
import hashlib, sys
from ivigsite.orders.sheet.render import render
from tests.sheet.reading import Case
from ivigsite.orders.sheet.states import Paper
case = Case("typical", "signed", Paper.A4)
sys.stdout.write(hashlib.sha256(render(case.job)).hexdigest())
"""


@pytest.mark.parametrize(
    "case",
    [
        *(Case("typical", state, Paper.A4) for state in STATES),
        Case("demo", "draft", Paper.LETTER),
        Case("longest name", "void", Paper.LETTER),
        Case("forty orders", "signed", Paper.A4),
        Case("all unknown", "signed", Paper.LETTER),
    ],
    ids=str,
)
def test_the_file_passes_page_validation_and_pdfua(case: Case, tmp_path: Path) -> None:
    path = tmp_path / "sheet.pdf"
    path.write_bytes(file_of(case))

    for profile in ("3a", "ua1"):
        failures = page_validation.validate_pdf(str(path), profile=profile).failures
        assert [(failure.rule_id, failure.message) for failure in failures] == []
    assert second_opinion(path) == []


def test_a_cancel_notice_is_one_valid_page(tmp_path: Path) -> None:
    path = tmp_path / "notice.pdf"
    for state in ("superseded", "void"):
        job = replace(Case("typical", state, Paper.A4).job, document=Document.CANCEL_NOTICE)
        path.write_bytes(render(job))

        (page,) = pages_of(path.read_bytes())
        text = text_of(page)
        assert "CANCEL NOTICE" in text
        assert "This order set is no longer in force" in text
        assert f"Stop using every printed copy of order {ORDER_ID}, version 1" in text
        assert "1 immune globulin intravenous (human), 80 g" in page
        assert all(
            page_validation.validate_pdf(str(path), profile=profile).is_compliant for profile in ("3a", "ua1")
        )


def test_the_same_content_gives_the_same_bytes_again_and_a_year_later() -> None:
    again = render(TYPICAL_CASE.job)
    with time_machine.travel("2027-11-22T14:05:10Z", tick=False):
        a_year_later = render(TYPICAL_CASE.job)

    assert again == file_of(TYPICAL_CASE)
    assert a_year_later == file_of(TYPICAL_CASE)


def test_the_same_content_gives_the_same_bytes_in_another_process_and_place() -> None:
    places = [
        {"PYTHONHASHSEED": "1", "TZ": "UTC", "LANG": "C"},
        {"PYTHONHASHSEED": "2", "TZ": "Asia/Tokyo", "LANG": "C.UTF-8"},
    ]
    digests = {
        subprocess.run(
            [sys.executable, "-c", PRINT_DIGEST],
            cwd=PROJECT,
            env={"PATH": os.defpath, **place},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for place in places
    }

    assert digests == {hashlib.sha256(file_of(TYPICAL_CASE)).hexdigest()}


def test_another_print_of_the_same_content_is_another_file() -> None:
    second = render_sheet(TYPICAL, Signed(), Paper.A4, replace(FIRST_PRINT, copy_number=2))

    assert second != file_of(TYPICAL_CASE)


def test_the_signed_content_travels_inside_the_file_as_its_source() -> None:
    with opened(file_of(TYPICAL_CASE)) as document:
        (attachment,) = [document.get_attachment(index) for index in range(document.count_attachments())]
        assert attachment.get_name() == "order-set.json"
        assert bytes(attachment.get_data()) == canonical_json(TYPICAL)

    with pdfplumber.open(io.BytesIO(file_of(TYPICAL_CASE))) as document:
        (source,) = {
            reference.objid: reference.resolve() for reference in document.doc.catalog["AF"]
        }.values()
        assert source["AFRelationship"].name == "Source"


def test_the_file_names_its_language_and_no_patient() -> None:
    with pdfplumber.open(io.BytesIO(file_of(TYPICAL_CASE))) as document:
        assert document.doc.catalog["Lang"] == b"en-GB"
        metadata = document.metadata

    assert metadata["Title"] == f"Order set {ORDER_ID} version 1"
    assert metadata["CreationDate"] == metadata["ModDate"] == "D:20261122140510Z"
    assert "estperson" not in json.dumps(metadata).lower()


def test_headings_table_heads_and_pictures_are_tagged() -> None:
    with pdfplumber.open(io.BytesIO(file_of(TYPICAL_CASE))) as document:
        elements = [element for page in document.pages for element in every_element(page.structure_tree)]

    kinds = {element["type"] for element in elements}
    figures = [element for element in elements if element["type"] == "Figure"]
    heads = [element for element in elements if element["type"] == "TH"]
    assert {"H1", "H2", "H3", "P", "Table", "TH", "TD"} <= kinds
    assert all(figure["alt_text"].startswith("QR code:") for figure in figures)
    assert len(figures) == 1
    assert {head["attributes"]["Scope"] for head in heads} == {"Column", "Row"}


@pytest.mark.parametrize("case", [TYPICAL_CASE, Case("demo", "draft", Paper.LETTER)], ids=str)
def test_every_letter_is_in_an_embedded_font_of_ours(case: Case) -> None:
    with pdfplumber.open(io.BytesIO(file_of(case))) as document:
        characters = [char for page in document.pages for char in page.chars]

    assert {char["fontname"].split("+")[-1] for char in characters} == {"IBM-Plex-Sans", "IBM-Plex-Sans-Bold"}
    assert all("+" in char["fontname"] for char in characters)
    assert not [char for char in characters if char["text"].startswith("(cid:")]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_words_are_printed_as_words_and_fetch_nothing(
    hostile: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched = record_fetches(monkeypatch)
    content = with_every_free_text(ALL_UNKNOWN, hostile)

    file = render_sheet(content, Signed(), Paper.A4, replace(FIRST_PRINT, printed_by=hostile))

    assert set(fetched) <= {"sheet:code", "sheet:watermark"}
    text = "".join(line for page in pages_of(file) for line in page).replace(" ", "")
    assert f"Allergies:{''.join(hostile.split())}".replace("-", "") in text.replace("-", "")


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_words_in_an_order_are_refused_or_printed_and_fetch_nothing(
    hostile: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched = record_fetches(monkeypatch)
    order = replace(ALL_UNKNOWN.orders[0], instructions=(hostile,), condition=hostile, route=hostile)

    content = replace(ALL_UNKNOWN, orders=(order,))
    is_refused = bool(find_forbidden_tokens(hostile))

    with pytest.raises(SheetFailed, match="may not stand in an order") if is_refused else nullcontext():
        render_sheet(content, Signed(), Paper.A4, FIRST_PRINT)

    assert set(fetched) <= {"sheet:code", "sheet:watermark"}


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "http://127.0.0.1:9/x", "data:,x", "sheet:other", "/etc/passwd", "ftp://h/x"],
)
def test_the_fetcher_knows_nothing_but_its_own_resources(url: str) -> None:
    with pytest.raises(FatalURLFetchingError):
        ClosedFetcher({"sheet:code": ("text/plain", b"x")})(url)


@pytest.mark.parametrize(
    "markup",
    [
        '<img alt="x" src="file:///etc/passwd" />',
        '<img alt="x" src="http://127.0.0.1:9/x.png" />',
        '<img alt="x" src="data:image/png;base64,AAAA" />',
        '<link rel="stylesheet" href="file:///etc/passwd" />',
        '<link rel="attachment" href="file:///etc/passwd" />',
        "<style>@import url(http://127.0.0.1:9/x.css)</style>",
        '<p style="background: url(file:///etc/passwd)">x</p>',
    ],
)
def test_a_blocked_resource_gives_a_failure_and_no_file(markup: str, monkeypatch: pytest.MonkeyPatch) -> None:
    page = f'<html lang="en"><head><title>t</title></head><body><p id="end">x</p>{markup}</body></html>'
    monkeypatch.setattr(rendering, "_fill", lambda *_: page)

    with pytest.raises(SheetFailed, match="may not fetch"):
        render_sheet(TYPICAL, Signed(), Paper.A4, FIRST_PRINT)


def test_a_complaint_of_the_renderer_gives_a_failure_and_no_file(
    monkeypatch: pytest.MonkeyPatch, weasyprint_complaints: list[str]
) -> None:
    broken_link = '<html lang="en"><title>t</title><p id="end"><a href="#nowhere">x</a></p></html>'
    monkeypatch.setattr(rendering, "_fill", lambda *_: broken_link)

    with pytest.raises(SheetFailed, match="nowhere"):
        render_sheet(TYPICAL, Signed(), Paper.A4, FIRST_PRINT)
    weasyprint_complaints.clear()


def test_a_character_without_a_shape_gives_a_failure_that_names_it() -> None:
    patient = replace(TYPICAL.patient, family_name="李")
    event = replace(FIRST_PRINT, printed_by="小")

    with pytest.raises(SheetFailed, match=r"U\+674E"):
        render_sheet(replace(TYPICAL, patient=patient), Signed(), Paper.A4, FIRST_PRINT)
    with pytest.raises(SheetFailed, match=r"U\+5C0F"):
        render_sheet(TYPICAL, Signed(), Paper.A4, event)


def test_only_a_draft_is_printed_without_a_signature() -> None:
    unsigned = replace(TYPICAL, signature=None)

    with pytest.raises(SheetFailed, match="without a signature"):
        render_sheet(unsigned, Signed(), Paper.A4, FIRST_PRINT)
    assert "Not signed" in text_of(pages_of(render_sheet(unsigned, Draft(), Paper.A4, FIRST_PRINT))[0])


def test_a_warm_renderer_opens_its_colour_profile_and_nothing_else() -> None:
    watch = """
import os
import sys
from tests.sheet.reading import Case
from ivigsite.orders.sheet.render import render
from ivigsite.orders.sheet.states import Paper
job = Case("typical", "void", Paper.A4).job
render(job)
opened = []
def watch(event, arguments):
    if event in ("open", "socket.connect"):
        opened.append((event, str(arguments[0]).rsplit("/", 1)[-1]))
sys.addaudithook(watch)
render(job)
sys.stdout.write(" ".join(f"{event}:{name}" for event, name in opened))
sys.stdout.flush()
os._exit(0)
"""

    run = subprocess.run(
        [sys.executable, "-c", watch], cwd=PROJECT, capture_output=True, check=True, text=True
    )

    assert set(run.stdout.split()) == {"open:sRGB2014.icc"}


def record_fetches(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    fetched: list[str] = []
    fetch = ClosedFetcher.fetch

    def recording(own: ClosedFetcher, url: str, headers: Any = None) -> Any:
        fetched.append(url)
        return fetch(own, url, headers)

    # Its own fonts are read once, before the first file.
    rendering.warm_up()
    monkeypatch.setattr(ClosedFetcher, "fetch", recording)
    return fetched


def with_every_free_text(content: SheetContent, text: str) -> SheetContent:
    """The content with one text in every field that a person types or a hospital sets up."""
    patient = dataclasses.replace(
        content.patient,
        family_name=text,
        given_name=text,
        title=text,
        gender=text,
        record_number_label=text,
        record_number=text,
        ward=text,
        bed=text,
        allergies=(text, text),
    )
    basis = replace(content.basis, not_known=(text,), risks=(text,), bleeding_level=text, rule_text=text)
    protocol = replace(
        content.protocol, name=text, version=text, approved_by=text, limits_of_use=text, references=(text,)
    )
    assert content.signature is not None
    return replace(
        content,
        title=text,
        population=text,
        patient=patient,
        basis=basis,
        protocol=protocol,
        signature=replace(content.signature, name=text, role=text, registration_number=text),
    )


def every_element(tree: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [found for element in tree for found in (element, *every_element(element.get("children", [])))]


def second_opinion(path: Path) -> list[str]:
    return [str(finding) for finding in pdfua.validate(str(path)).findings]
