"""How much of each page the running header and footer take, so that no name is ever cut off."""

from collections.abc import Iterable
from dataclasses import dataclass

from .states import Paper
from .typeface import bold_width_mm

PAPER_MM = {Paper.A4: (210.0, 297.0), Paper.LETTER: (215.9, 279.4)}
# Running texts may stand in the margin, clear of what no printer reaches; the body is further in.
EDGE_MM = 10.0
SIDE_MM = 12.0
GAP_MM = 3.0
# These four must agree with the running elements in sheet.css.
HEADER_PT, HEADER_LINE_MM = 10.0, 4.6
NOTICE_PADDING_MM = 1.6
FOOTER_PT, FOOTER_LINE_MM = 8.0, 3.6
CODE_MM = 16.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The paper, and where the body stands on it."""

    width_mm: float
    height_mm: float
    top_mm: float
    bottom_mm: float
    first_bottom_mm: float
    """On the first page, whose code stands in the body and not in the footer."""

    @property
    def css(self) -> str:
        return (
            f"@page {{ size: {self.width_mm}mm {self.height_mm}mm;"
            f" margin: {self.top_mm:.2f}mm {SIDE_MM}mm {self.bottom_mm:.2f}mm }}"
            f" @page :first {{ margin-bottom: {self.first_bottom_mm:.2f}mm }}"
        )


def make_frame(paper: Paper, *, identity: str, notices: Iterable[str], footer: Iterable[str]) -> Frame:
    """The frame whose header and footer, a code in it, hold these texts whole."""
    lines = list(footer)
    footer_mm = max(_footer_mm(lines, _text_mm(paper) - CODE_MM - 4), CODE_MM)
    first_footer_mm = _footer_mm(lines, _text_mm(paper))
    return _frame(paper, _header_mm(paper, identity, notices), footer_mm, first_footer_mm)


def make_plain_frame(paper: Paper, *, identity: str, notices: Iterable[str], footer: Iterable[str]) -> Frame:
    """The frame of a paper without a code, closer, so that a leaflet or a list stays on few pages."""
    footer_mm = _footer_mm(footer, _text_mm(paper))
    return _frame(paper, _header_mm(paper, identity, notices), footer_mm, footer_mm)


def _frame(paper: Paper, header_mm: float, footer_mm: float, first_footer_mm: float) -> Frame:
    width_mm, height_mm = PAPER_MM[paper]
    return Frame(
        width_mm=width_mm,
        height_mm=height_mm,
        top_mm=EDGE_MM + header_mm + GAP_MM,
        bottom_mm=EDGE_MM + footer_mm + GAP_MM,
        first_bottom_mm=EDGE_MM + first_footer_mm + GAP_MM,
    )


def _text_mm(paper: Paper) -> float:
    return PAPER_MM[paper][0] - 2 * SIDE_MM


def _header_mm(paper: Paper, identity: str, notices: Iterable[str]) -> float:
    text_mm = _text_mm(paper)
    header_mm = HEADER_LINE_MM * _count_lines(identity, HEADER_PT, text_mm)
    for notice in notices:
        header_mm += HEADER_LINE_MM * _count_lines(notice, HEADER_PT, text_mm - 6) + NOTICE_PADDING_MM
    return header_mm


def _footer_mm(footer: Iterable[str], text_mm: float) -> float:
    return FOOTER_LINE_MM * sum(_count_lines(line, FOOTER_PT, text_mm) for line in footer)


def _count_lines(text: str, size_pt: float, width_mm: float) -> int:
    """Lines the text takes in bold, the wider font; a word wider than the line is broken."""
    lines, used_mm = 1, 0.0
    for word in text.split(" "):
        word_mm = bold_width_mm(word + " ", size_pt)
        if used_mm and used_mm + word_mm > width_mm:
            lines, used_mm = lines + 1, 0.0
        lines += int((used_mm + word_mm) // width_mm)
        used_mm = (used_mm + word_mm) % width_mm
    return lines
