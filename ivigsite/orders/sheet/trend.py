"""The counts before the orders as a picture for paper: dots on grade bands, nothing between them."""

from typing import Final
from xml.sax.saxutils import escape

from ivigsite.encounters.band_scale import bands_high

from .content import SheetContent
from .wording import format_number

SVG: Final = "http://www.w3.org/2000/svg"
WIDTH, BAND_HEIGHT, LEFT = 184.0, 6.0, 42.0
DOT: Final = 1.1
# From either end of the bands, so that no dot stands on their edge.
INSET: Final = 3.0


def draw_trend(content: SheetContent) -> bytes:
    """Each band is as high as any other, so that the low counts, where it matters, lie apart."""
    height = BAND_HEIGHT * len(content.trend_bands)
    first, last = content.trend[0].at, content.trend[-1].at
    span = (last - first).total_seconds()
    room = WIDTH - LEFT - 2 * INSET
    parts = []
    for position, band in enumerate(content.trend_bands):
        top = height - BAND_HEIGHT * (position + 1)
        words = escape(f"{band.label}, from {format_number(band.lower_per_ul)}")
        parts.append(
            f'<rect x="{LEFT}" y="{top}" width="{WIDTH - LEFT}" height="{BAND_HEIGHT}" fill="none"'
            ' stroke="#000" stroke-width="0.2"/>'
            f'<text x="0" y="{top + BAND_HEIGHT - 1.8}" font-size="3" font-family="IBM Plex Sans">'
            f"{words}</text>"
        )
    for count in content.trend:
        share = (count.at - first).total_seconds() / span if span else 0.0
        x = LEFT + INSET + room * share
        y = max(
            DOT,
            min(
                height - DOT,
                height - BAND_HEIGHT * float(bands_high(count.platelets_per_ul, content.trend_bands)),
            ),
        )
        parts.append(f'<circle cx="{x:.2f}" cy="{y:.2f}" r="{DOT}"/>')
    return f'<svg xmlns="{SVG}" viewBox="0 0 {WIDTH} {height}">{"".join(parts)}</svg>'.encode()
