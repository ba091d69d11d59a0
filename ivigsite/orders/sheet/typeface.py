"""The two fonts every sheet is set in: where they are, what they can show, how wide they run."""

from functools import cache
from io import BytesIO
from pathlib import Path

from fontTools.ttLib import TTFont

FONT_DIRECTORY = Path(__file__).parent / "fonts"
FONT_FILES = ("IBMPlexSans-Regular.woff", "IBMPlexSans-Bold.woff")
MM_PER_PT = 25.4 / 72


@cache
def covered_codes() -> frozenset[int]:
    """The characters that both fonts have."""
    regular, bold = (_read_advances(name)[0] for name in FONT_FILES)
    return frozenset(regular.keys() & bold.keys())


def unpacked_font(name: str) -> bytes:
    """The font without its web packing; WeasyPrint would do it too, but write the time of day into it."""
    unpacked = BytesIO()
    with TTFont(FONT_DIRECTORY / name, recalcTimestamp=False, recalcBBoxes=False) as font:
        font.flavor = None
        font.save(unpacked)
    return unpacked.getvalue()


def bold_width_mm(text: str, size_pt: float) -> float:
    widths, units_per_em = _read_advances(FONT_FILES[1])
    return sum(widths.get(ord(letter), units_per_em) for letter in text) / units_per_em * size_pt * MM_PER_PT


@cache
def _read_advances(name: str) -> tuple[dict[int, int], int]:
    """How far each character of a font moves the pen, and the units that make one em."""
    with TTFont(FONT_DIRECTORY / name, lazy=True) as font:
        glyphs, advances = font.getBestCmap(), font["hmtx"].metrics
        return {code: advances[glyph][0] for code, glyph in glyphs.items()}, font["head"].unitsPerEm
