"""The counts of a course as a picture: dots on grade bands by the day, with what was given and borne.

`draw` makes the drawing from a `Course`; the template `orders/_count_chart.html` turns it into SVG with
presentation attributes alone, so that it is the same on a page, where classes colour it, and on paper. No
line joins the dots, for nothing is known between them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from ivigsite.encounters.band_scale import bands_high, is_above
from ivigsite.monitoring.times import minute_of, moment_of
from ivigsite.orders.response import Course
from protocols.engine.protocol import GradeBand, OrderKind, ResponsePoint
from protocols.engine.response import MINUTES_PER_DAY

# As wide as half a tablet shows with its smallest words still read.
WIDTH: Final = 520
LEFT: Final = 84
RIGHT: Final = 12
TOP: Final = 10
BAND_HEIGHT: Final = 44
LANE: Final = 22
AXIS: Final = 24
SHORTEST_DAYS: Final = 8
LABELLED_DAYS: Final = (0, 1, 2, 3, 4, 5, 6, 7, 10, 14, 21, 28, 42, 56, 84)
NARROW: Final = 22
_TENTH: Final = Decimal("0.1")
_LETTERS: Final = {
    OrderKind.IVIG.value: "I",
    OrderKind.PLATELETS.value: "P",
    OrderKind.CORTICOSTEROID.value: "C",
}
_GREYS: Final = {0: "#ffffff", 1: "#f2f4f4", 2: "#e6eaeb", 3: "#d9dfe0", 4: "#c9d1d3"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    grade: int
    y: int
    label_y: int
    grey: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """One count; an influenced one is hollow, one above the scale is a triangle."""

    x: str
    y: str
    is_influenced: bool
    is_last: bool
    triangle: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A letter in the lane of treatments, or a reaction's triangle with its grade."""

    x: str
    letter: str
    kind: str
    is_planned: bool
    y: int = 0
    text_y: int = 0
    triangle: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    x: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CountChart:
    """All that the template draws; `window` is empty where no immunoglobulin was begun."""

    width: int
    height: int
    left: int
    right: int
    top: int
    bottom: int
    band_height: int
    plot_width: int
    bands: tuple[Band, ...]
    window: str
    window_label: tuple[str, str] | None
    dots: tuple[Dot, ...]
    marks: tuple[Mark, ...]
    ticks: tuple[Tick, ...]
    lane_text_y: int
    axis_y: int
    kinds: frozenset[str]
    has_influenced: bool


def draw(course: Course) -> CountChart | None:
    """The picture of a course; None while there is no count and nothing was given."""
    start = course.start or _first(course)
    if start is None:
        return None
    zero = minute_of(start)
    first = min([zero, *(count.minute for count in course.counts)])
    shown = [count.minute for count in course.counts] + [minute_of(each.at) for each in course.treatments]
    last = max([zero + SHORTEST_DAYS * MINUTES_PER_DAY, *shown])
    rising = sorted(course.protocol.grade_bands, key=lambda band: band.lower_per_ul)
    scale = _Scale(first=first, last=last, rising=tuple(rising))
    lanes = _lanes(course)
    marks = tuple(_marks(course, scale, lanes))
    given_high = LANE * max(1, len(lanes))
    window = _window(course.protocol.response_points, zero, scale) if course.has_ivig else ""
    bottom = scale.bottom
    return CountChart(
        width=WIDTH,
        height=bottom + given_high + AXIS,
        left=LEFT,
        right=WIDTH - RIGHT,
        top=TOP,
        bottom=bottom,
        band_height=BAND_HEIGHT,
        plot_width=WIDTH - LEFT - RIGHT,
        bands=tuple(_bands(rising, bottom)),
        window=window,
        # At the left, where a screen that shows a part of the picture begins.
        window_label=(_text(Decimal(LEFT + 6)), _text(Decimal(TOP + 14))) if window else None,
        dots=tuple(_dots(course, scale)),
        marks=marks,
        ticks=tuple(_ticks(zero, scale)),
        lane_text_y=bottom + LANE // 2 + 4,
        axis_y=bottom + given_high + 16,
        kinds=frozenset(mark.kind for mark in marks),
        has_influenced=any(count.minute in course.influenced for count in course.counts),
    )


def _first(course: Course) -> datetime | None:
    return moment_of(course.counts[0].minute) if course.counts else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scale:
    first: int
    last: int
    rising: tuple[GradeBand, ...]

    @property
    def bottom(self) -> int:
        return TOP + BAND_HEIGHT * len(self.rising)

    def x(self, minute: int) -> Decimal:
        share = Decimal(minute - self.first) / (self.last - self.first)
        return LEFT + 8 + (WIDTH - LEFT - RIGHT - 16) * share

    def y(self, per_ul: int) -> Decimal:
        return self.bottom - BAND_HEIGHT * bands_high(per_ul, self.rising)


def _bands(rising: Sequence[GradeBand], bottom: int) -> Iterable[Band]:
    for position, band in enumerate(rising):
        y = bottom - BAND_HEIGHT * (position + 1)
        yield Band(
            grade=band.grade,
            y=y,
            label_y=y + BAND_HEIGHT - 5,
            grey=_GREYS.get(band.grade, _GREYS[0]),
            words=f"{band.lower_per_ul:,}",
        )


def _window(points: Sequence[ResponsePoint], zero: int, scale: _Scale) -> str:
    """The corners of the typical window, along the top and back along the bottom."""
    shown = [
        (zero + point.day * MINUTES_PER_DAY, point)
        for point in points
        if zero + point.day * MINUTES_PER_DAY <= scale.last
    ]
    if len(shown) <= 1:
        return ""
    above = [f"{_text(scale.x(minute))},{_text(scale.y(point.upper_per_ul))}" for minute, point in shown]
    below = [f"{_text(scale.x(minute))},{_text(scale.y(point.lower_per_ul))}" for minute, point in shown]
    return " ".join([*above, *reversed(below)])


def _dots(course: Course, scale: _Scale) -> Iterable[Dot]:
    for number, count in enumerate(course.counts, start=1):
        x, y = scale.x(count.minute), scale.y(count.per_ul)
        yield Dot(
            x=_text(x),
            y=_text(y),
            is_influenced=count.minute in course.influenced,
            is_last=number == len(course.counts),
            triangle=_triangle(x, y + 4) if is_above(count.per_ul, scale.rising) else "",
        )


def _lanes(course: Course) -> tuple[str, ...]:
    """What was given, each in a lane of its own: begun together they would cover each other."""
    given = {treated.kind for treated in course.treatments}
    return tuple(kind for kind in _LETTERS if kind in given)


def _marks(course: Course, scale: _Scale, lanes: Sequence[str]) -> Iterable[Mark]:
    for treated in course.treatments:
        x = scale.x(max(minute_of(treated.at), scale.first))
        y = scale.bottom + LANE * lanes.index(treated.kind) + LANE // 2
        yield Mark(
            x=_text(x),
            letter=_LETTERS[treated.kind],
            kind=treated.kind,
            is_planned=treated.is_planned,
            y=y,
            text_y=y + 4,
        )
    for at, grade, _ in course.reactions:
        x = scale.x(max(minute_of(at), scale.first))
        foot = Decimal(scale.bottom - 8)
        yield Mark(
            x=_text(x), letter=str(grade), kind="reaction", is_planned=False, triangle=_triangle(x, foot, 9)
        )


def _ticks(zero: int, scale: _Scale) -> Iterable[Tick]:
    before: Decimal | None = None
    for day in LABELLED_DAYS:
        minute = zero + day * MINUTES_PER_DAY
        if minute > scale.last:
            break
        x = scale.x(minute)
        # Two labels that would touch: the earlier one stays.
        if before is not None and x - before < NARROW:
            continue
        before = x
        yield Tick(x=_text(x), label=str(day))


def _triangle(x: Decimal, y: Decimal, half: int = 5) -> str:
    """Standing on y, as high as it is wide."""
    return " ".join(
        f"{_text(corner_x)},{_text(corner_y)}"
        for corner_x, corner_y in ((x, y - 2 * half), (x + half, y), (x - half, y))
    )


def _text(value: Decimal) -> str:
    return str(value.quantize(_TENTH))
