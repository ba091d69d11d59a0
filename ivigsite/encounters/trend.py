"""The last counts as dots on grade bands; nothing is drawn between dots, for nothing is known there."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from ivigsite.encounters.band_scale import bands_high
from ivigsite.encounters.models import Assessment, Encounter
from protocols.engine.numbers import format_decimal
from protocols.engine.protocol import GradeBand
from protocols.mapping import load_protocol_value

TREND_POINTS: Final = 8
WIDTH: Final = 120
BAND_HEIGHT: Final = 8
MARGIN: Final = 5
TENTH: Final = Decimal("0.1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    x: str
    y: str
    is_last: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    grade: int
    y: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """A small picture and the same in words."""

    width: int
    height: int
    band_height: int
    bands: tuple[Band, ...]
    dots: tuple[Dot, ...]
    words: str


def trend_of(encounter: Encounter, assessments: Iterable[Assessment]) -> Trend | None:
    """The last counts of an encounter, by the time of the sample where it is known."""
    counts = sorted(
        (made.sampled_at or made.made_at, made.platelets_per_ul)
        for made in assessments
        if made.platelets_per_ul is not None
    )
    if not counts:
        return None
    return draw_trend(counts[-TREND_POINTS:], load_protocol_value(encounter.protocol_version).grade_bands)


def draw_trend(counts: Sequence[tuple[datetime, int]], bands: Sequence[GradeBand]) -> Trend | None:
    """The counts from oldest to newest; None where there is none. Each band is as high as any other."""
    if not counts:
        return None
    rising = sorted(bands, key=lambda band: band.lower_per_ul)
    height = BAND_HEIGHT * len(rising)
    first, last = counts[0][0], counts[-1][0]
    span = (last - first).total_seconds()
    dots = tuple(
        Dot(
            x=_text(MARGIN + (WIDTH - 2 * MARGIN) * _share((at - first).total_seconds(), span)),
            y=_text(height - BAND_HEIGHT * bands_high(count, rising)),
            is_last=position == len(counts),
        )
        for position, (at, count) in enumerate(counts, start=1)
    )
    return Trend(
        width=WIDTH,
        height=height,
        band_height=BAND_HEIGHT,
        bands=tuple(
            Band(grade=band.grade, y=height - BAND_HEIGHT * (position + 1))
            for position, band in enumerate(rising)
        ),
        dots=dots,
        words=_words([count for _, count in counts]),
    )


def _share(part: float, whole: float) -> Decimal:
    # One count alone stands at the right, where the newest one always stands.
    return Decimal(part) / Decimal(whole) if whole else Decimal(1)


def _text(value: Decimal) -> str:
    return str(value.quantize(TENTH))


def _words(counts: Sequence[int]) -> str:
    numbers = ", then ".join(format_decimal(count) for count in counts)
    return f"{numbers} per microlitre"
