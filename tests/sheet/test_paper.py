"""The file of a plain paper: valid, large enough to read, and the same after the wire."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import page as page_validation
import pytest

from ivigsite.orders.sheet.jobs import SheetFailed, pack_job, unpack_job
from ivigsite.orders.sheet.plain_paper import PaperPart, PlainPaper, PlainPaperJob, Print
from ivigsite.orders.sheet.render_paper import render_paper
from ivigsite.orders.sheet.states import Paper
from tests.sheet.reading import assert_nothing_is_clipped_or_covered, opened, pages_of

# WeasyPrint leaves its colour profile for the garbage collector to close.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file.*sRGB2014:ResourceWarning")

LEAFLET = PlainPaper(
    name="FOR YOU TO KEEP",
    title="Your low platelet count",
    about="TESTPERSON, Ann, born 03-Apr-1981",
    parts=(
        PaperPart(
            heading="What to watch for", paragraphs=("Look twice.",), items=("Bruises.", "<b>Spots</b>.")
        ),
    ),
    footer="Written 10-Nov-2026 by Dr Test.",
    print=Print.LARGE,
    made_at=datetime(2026, 11, 10, tzinfo=UTC),
    is_demo=True,
)


def job(**changes: object) -> PlainPaperJob:
    return PlainPaperJob(content=replace(LEAFLET, **changes), paper=Paper.A4)  # type: ignore[arg-type]


def smallest_body_letter(file: bytes) -> float:
    """The size in points of the letters of one sentence of the body."""
    with opened(file) as document:
        page = document[0].get_textpage()
        found = page.search("Look twice").get_next()
        assert found is not None
        _, bottom, _, top = page.get_charbox(found[0], loose=True)
        return float(top - bottom)


def test_leaflet_says_all_it_was_given_as_text_and_is_valid(tmp_path: Path):
    file = render_paper(job())
    path = tmp_path / "leaflet.pdf"
    path.write_bytes(file)

    lines = [line for page in pages_of(file) for line in page]
    for profile in ("3a", "ua1"):
        assert page_validation.validate_pdf(str(path), profile=profile).failures == []
    assert any("DEMO, NOT FOR CARE" in line for line in lines)
    assert any("<b>Spots</b>." in line for line in lines)
    assert any("Page 1 of 1" in line for line in lines)


def test_leaflet_is_set_larger_than_a_list():
    large, small = render_paper(job()), render_paper(job(print=Print.SMALL, is_demo=False))

    assert smallest_body_letter(large) == pytest.approx(smallest_body_letter(small) * 1.4, rel=0.02)


def test_same_content_makes_the_same_file_after_the_wire():
    sent = job()

    received = unpack_job(pack_job(sent))

    assert received == sent
    assert isinstance(received, PlainPaperJob)
    assert render_paper(received) == render_paper(sent)


def test_what_cannot_be_printed_is_refused():
    with pytest.raises(SheetFailed, match="cannot be printed"):
        render_paper(job(title="\N{SNOWMAN}"))


@pytest.mark.parametrize("is_demo", [True, False])
def test_nothing_lies_over_a_running_title_and_a_footer_of_many_lines(is_demo: bool):
    about, footer = ("A protocol of a very long name indeed. " * 9, "What stands on every page of it. " * 18)

    file = render_paper(job(about=about, footer=footer, is_demo=is_demo, title="Long title " * 12))

    with opened(file) as document:
        for page in document:
            assert_nothing_is_clipped_or_covered(page)
