"""The timed plan as a picture and a table: one T0, a row for each arm, clock times once T0 is known."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from typing import Protocol as Shape

from protocols.engine.facts import FACT_BY_KEY
from protocols.engine.numbers import format_decimal

# What the picture shows: the first day, and the count that ends it.
SHOWN_MINUTES: Final = 25 * 60
TICK_MINUTES: Final = 4 * 60
LABEL_WIDTH: Final = 112
PLOT_WIDTH: Final = 640
MARGIN: Final = 14
ROW_HEIGHT: Final = 30
HEAD: Final = 24
BAR_HEIGHT: Final = 16
LEAST_WIDTH: Final = 5
ARM_WORDS: Final = {
    "ivig": "Immunoglobulin",
    "platelets": "Platelets",
    "corticosteroid": "Corticosteroid",
    "consult": "Call",
}
CALLS_AND_COUNTS: Final = "Calls, counts"
ONE_LINE_NOT_ENOUGH: Final = (
    "Two infusions of this plan need a line each at the same time: place another line."
)


class Worded(Shape):
    """What an order line is called, by whatever card carries it."""

    @property
    def drug(self) -> str: ...
    @property
    def dose(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def frequency(self) -> str: ...
    @property
    def duration(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """One thing of a timed plan, in minutes after T0."""

    after: int
    until: int | None
    kind: str
    arm: str
    text: str
    line: int | None
    is_conditional: bool
    order_number: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of the table under the picture."""

    thing: Thing
    offset: str
    at: datetime | None
    until: datetime | None
    lasts: str
    arm: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bar of the picture; a count or a call is a mark."""

    x: str
    y: int
    width: str
    kind: str
    is_conditional: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    label: str
    y: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    x: str
    at: datetime | None
    offset: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """A timed plan ready to be shown."""

    title: str
    text: str
    starts_at: datetime | None
    rows: tuple[Row, ...]
    bars: tuple[Bar, ...]
    lanes: tuple[Lane, ...]
    ticks: tuple[Tick, ...]
    width: int
    height: int
    volume: str
    is_over_limit: bool
    notes: tuple[str, ...]

    @property
    def words(self) -> str:
        """The picture in one sentence, for whoever does not see it."""
        return "; ".join(
            f"{row.offset}: {row.thing.text}" for row in self.rows if not row.thing.is_conditional
        )


def timeline_of(
    plan: Mapping[str, Any] | None, cards: Mapping[str, Worded], *, starts_at: datetime | None
) -> Timeline | None:
    """The timed plan of an outcome, or nothing where there is none; without T0 it has no clock."""
    if plan is None:
        return None
    return draw(
        [
            Thing(
                after=event["after_minutes"],
                until=event["until_minutes"],
                kind=event["kind"],
                arm=event["arm"],
                text=event_words(event, cards[event["code"]]),
                line=event["lane"],
                is_conditional=event["conditional"],
            )
            for event in plan["events"]
        ],
        title=plan["access_title"],
        text=plan["access_text"],
        starts_at=starts_at,
        volume=volume_words(plan),
        is_over_limit=plan["over_limit"] is True,
        notes=tuple(notes_of(shares_a_line=plan["shares_a_line"], waits_for=plan["waits_for"])),
    )


def event_words(event: Mapping[str, Any], card: Worded) -> str:
    """One event of a plan as people say it, such as `platelets 1 adult dose, dose 2 of 2`."""
    if event["kind"] == "count":
        return str(event["text"])
    if event["kind"] == "call" or not card.drug:
        return card.text
    words = f"{card.drug} {card.dose}"
    if event["doses"] == 1:
        return words
    if event["arm"] == "corticosteroid":
        return f"{words}, {card.frequency}, {card.duration}"
    return f"{words}, dose {event['dose_number']} of {event['doses']}"


def volume_words(plan: Mapping[str, Any]) -> str:
    """What is planned in the first hours, against the limit; the fluid of a corticosteroid is not in it."""
    per_kg = plan["planned_volume_ml_per_kg"]
    return volume_sentence(
        ml=Decimal(plan["planned_volume_ml"]),
        ml_per_kg=None if per_kg is None else Decimal(per_kg),
        limit_ml_per_kg=Decimal(plan["limit_ml_per_kg"]),
        window_minutes=plan["window_minutes"],
    )


def volume_sentence(
    *, ml: Decimal, ml_per_kg: Decimal | None, limit_ml_per_kg: Decimal, window_minutes: int
) -> str:
    """The planned volume, such as `1,100 mL in the first 6 h, 13.8 mL per kg; limit 15 mL per kg`."""
    share = "" if ml_per_kg is None else f", {format_decimal(ml_per_kg)} mL per kg"
    return (
        f"{format_decimal(ml)} mL in the first {lasting_words(window_minutes)}{share}; "
        f"limit {format_decimal(limit_ml_per_kg)} mL per kg"
    )


def notes_of(*, shares_a_line: bool, waits_for: Sequence[str]) -> Iterator[str]:
    """What the reader of a timed plan must know beside its times."""
    if shares_a_line:
        yield ONE_LINE_NOT_ENOUGH
    if waits_for:
        unknown = ", ".join(FACT_BY_KEY[fact].label for fact in waits_for)
        yield f"Not known: {unknown}. Planned with care: one line for all."


def draw(
    things: Sequence[Thing],
    *,
    title: str,
    text: str,
    starts_at: datetime | None,
    volume: str,
    is_over_limit: bool,
    notes: tuple[str, ...],
) -> Timeline:
    """The picture and the table of these things, which come in their order."""
    labels = [ARM_WORDS[arm] for arm in ARM_WORDS if any(_is_given(thing, arm) for thing in things)]
    if any(thing.kind != "give" for thing in things):
        labels.append(CALLS_AND_COUNTS)
    lanes = tuple(Lane(label=label, y=HEAD + ROW_HEIGHT * place) for place, label in enumerate(labels))
    places = {lane.label: lane.y for lane in lanes}
    on_a_line = {thing.arm for thing in things if thing.line is not None}
    # How arms share lines is said only where they do, and a volume only where one runs.
    return Timeline(
        title=title if len(on_a_line) > 1 else "",
        text=text if len(on_a_line) > 1 else "",
        starts_at=starts_at,
        rows=tuple(_row(thing, starts_at) for thing in things),
        bars=tuple(_bar(thing, places) for thing in things if thing.after <= SHOWN_MINUTES),
        lanes=lanes,
        ticks=tuple(
            Tick(x=_x(minutes), at=later(starts_at, minutes), offset=f"{minutes // 60} h")
            for minutes in range(0, SHOWN_MINUTES, TICK_MINUTES)
        ),
        width=LABEL_WIDTH + PLOT_WIDTH + 2 * MARGIN,
        height=HEAD + ROW_HEIGHT * len(lanes),
        volume=volume if on_a_line else "",
        is_over_limit=is_over_limit,
        notes=notes,
    )


def later(starts_at: datetime | None, minutes: int) -> datetime | None:
    """So many minutes after a moment in UTC, whatever the clock on the wall does meanwhile."""
    return None if starts_at is None else starts_at + timedelta(minutes=minutes)


def offset_words(minutes: int) -> str:
    """Minutes after T0 as people say them, such as `T0 + 1 h 30 min`."""
    return f"T0 + {lasting_words(minutes)}" if minutes else "At T0"


def lasting_words(minutes: int) -> str:
    """A length of time, such as `1 h 30 min`."""
    hours, rest = divmod(minutes, 60)
    parts = [f"{hours} h" if hours else "", f"{rest} min" if rest else ""]
    return " ".join(part for part in parts if part)


def _is_given(thing: Thing, arm: str) -> bool:
    return thing.kind == "give" and thing.arm == arm


def _row(thing: Thing, starts_at: datetime | None) -> Row:
    return Row(
        thing=thing,
        offset=offset_words(thing.after),
        at=later(starts_at, thing.after),
        until=None if thing.until is None else later(starts_at, thing.until),
        lasts=_lasts(thing),
        arm=ARM_WORDS[thing.arm] if thing.kind == "give" else thing.kind.capitalize(),
    )


def _lasts(thing: Thing) -> str:
    """How long a dose runs, or within which time a count is taken."""
    if thing.until is None or thing.until == thing.after:
        return ""
    words = lasting_words(thing.until - thing.after)
    return words if thing.kind == "give" else f"within {words}"


def _bar(thing: Thing, places: Mapping[str, int]) -> Bar:
    label = ARM_WORDS[thing.arm] if thing.kind == "give" else CALLS_AND_COUNTS
    end = thing.after if thing.until is None else min(thing.until, SHOWN_MINUTES)
    width = max(Decimal(LEAST_WIDTH), _scaled(end - thing.after))
    return Bar(
        x=_x(thing.after),
        y=places[label] + (ROW_HEIGHT - BAR_HEIGHT) // 2,
        width=_text(width),
        kind=thing.kind,
        is_conditional=thing.is_conditional,
    )


def _x(minutes: int) -> str:
    return _text(LABEL_WIDTH + MARGIN + _scaled(minutes))


def _scaled(minutes: int) -> Decimal:
    return Decimal(PLOT_WIDTH) * minutes / SHOWN_MINUTES


def _text(value: Decimal) -> str:
    return str(value.quantize(Decimal("0.1")))
