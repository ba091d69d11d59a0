"""The counts before the orders on the physician's sheet: every one, in time, on the band of its grade."""

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import page as page_validation
import pytest

from ivigsite.orders.sheet.content import SheetCount, TrendBand, digest, from_plain, to_plain
from ivigsite.orders.sheet.documents import DOCUMENTS, Document
from ivigsite.orders.sheet.render import render_sheet
from ivigsite.orders.sheet.states import Paper, Signed
from ivigsite.orders.sheet.trend import BAND_HEIGHT, DOT, LEFT, WIDTH, draw_trend

from .reading import all_text_of, pages_of
from .samples import FIRST_PRINT, T0, TYPICAL

# WeasyPrint leaves its colour profile for the garbage collector to close.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file.*sRGB2014:ResourceWarning")

BANDS = (
    TrendBand(label="Grade 2", lower_per_ul=0, upper_per_ul=100),
    TrendBand(label="Grade 1", lower_per_ul=100, upper_per_ul=300),
    TrendBand(label="Normal", lower_per_ul=300),
)
COUNTS = tuple(
    SheetCount(at=T0 + timedelta(hours=hours), platelets_per_ul=count)
    for hours, count in ((0, 50), (6, 100), (24, 9000))
)
CONTENT = replace(TYPICAL, trend=COUNTS, trend_bands=BANDS)


def dots_of(drawing: bytes) -> list[tuple[float, float]]:
    return [
        (float(x), float(y)) for x, y in re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)"', drawing.decode())
    ]


def test_each_count_lies_at_its_time_on_the_band_of_its_grade() -> None:
    first, second, last = dots_of(draw_trend(CONTENT))

    # Half-way up the lowest band; on its upper border, which is the milder grade's; above all at the edge.
    assert [first[1], second[1], last[1]] == [BAND_HEIGHT * 2.5, BAND_HEIGHT * 2, DOT]
    assert LEFT < first[0] < second[0] < last[0] < WIDTH
    assert (second[0] - first[0]) / (last[0] - first[0]) == pytest.approx(6 / 24, abs=0.001)


def test_counts_of_one_moment_lie_above_each_other() -> None:
    same = replace(CONTENT, trend=tuple(replace(count, at=T0) for count in COUNTS))

    assert len({x for x, _ in dots_of(draw_trend(same))}) == 1


def test_the_sheet_gives_the_exact_counts_and_stays_valid_and_within_its_pages(tmp_path: Path) -> None:
    file = render_sheet(CONTENT, Signed(), Paper.LETTER, FIRST_PRINT)

    text = all_text_of(file)
    assert "Platelet counts in this encounter" in text
    assert "Per microlitre 50 100 9,000" in text
    assert len(pages_of(file)) <= DOCUMENTS[Document.ORDER_SET].most_pages
    path = tmp_path / "sheet.pdf"
    path.write_bytes(file)
    for profile in ("3a", "ua1"):
        failures = page_validation.validate_pdf(str(path), profile=profile).failures
        assert [(failure.rule_id, failure.message) for failure in failures] == []


def test_a_sheet_without_a_trend_says_nothing_of_it_and_keeps_its_digest() -> None:
    assert "trend" not in to_plain(TYPICAL)
    assert digest(replace(CONTENT, trend=(), trend_bands=())) == digest(TYPICAL)
    assert from_plain(to_plain(CONTENT)) == CONTENT
