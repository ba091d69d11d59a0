"""Lines of an order set as its pages show them: when each starts, how fast it runs, in which order."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from ivigsite.encounters.advice import (
    TIMING_WORDS,
    FindingCard,
    OrderCard,
    RateRow,
    UnjudgedCard,
    rate_table,
    unjudged_cards,
)
from ivigsite.encounters.timeline import (
    Thing,
    Timeline,
    draw,
    later,
    offset_words,
    timeline_of,
    volume_sentence,
)
from ivigsite.orders.overrides import Acknowledged, asked
from ivigsite.orders.proposal import Proposal
from ivigsite.orders.sheet.content import SheetContent, SheetOrder
from protocols.engine.outcome import timed_plan_to_plain
from protocols.engine.protocol import OverrideKind, Severity
from protocols.engine.recommendation import Finding
from protocols.engine.timed_plan import TimedPlan

TIMED = ("now", "concurrent")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedLine:
    """A chosen line with the time on the clock at which it starts, if it has one."""

    card: OrderCard
    start: str
    starts_at: datetime | None
    rate: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedStep:
    """One setting of the pump from a time on the clock; without T0 there is none."""

    row: RateRow
    starts_at: datetime | None
    is_last: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownRatePlan:
    """The rate plan of one line, with its times on the clock."""

    product: str
    steps: tuple[TimedStep, ...]
    ends_at: datetime | None
    total: str
    maximum: str
    is_at_risk: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What would be ordered as the form stands."""

    starts_at: datetime | None
    lines: tuple[PlannedLine, ...]
    missing: tuple[OrderCard, ...]
    plan: ShownRatePlan | None
    timeline: Timeline | None

    @property
    def dosed(self) -> tuple[OrderCard, ...]:
        """The chosen lines that have a dose: what a narrow screen says in one line."""
        return tuple(line.card for line in self.lines if line.card.dose)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedLine:
    """One line of the content beside the card that says where it came from."""

    order: SheetOrder
    card: OrderCard
    start: str

    @property
    def anchor(self) -> str:
        """The place on the choose page where this line was chosen."""
        return f"group-line_{self.card.group or self.card.code}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedSection:
    timing: str
    title: str
    lines: tuple[SignedLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """A finding to read before choosing: whether it stops for good, and who answered it before."""

    finding: FindingCard
    is_stop: bool
    asks: bool
    acknowledged: Acknowledged | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerts:
    """Everything the rules say about a proposal, in the order in which it is read."""

    stops: tuple[Alert, ...]
    to_answer: tuple[Alert, ...]
    to_read: tuple[Alert, ...]
    answered: tuple[Alert, ...]
    notes: tuple[FindingCard, ...]
    open: tuple[UnjudgedCard, ...]

    def __bool__(self) -> bool:
        return bool(self.stops or self.to_answer or self.to_read or self.answered or self.open)


def start_words(proposal: Proposal, code: str, timed: TimedPlan | None) -> str:
    """When a line starts, told from T0: where the plan of the chosen lines has it, or at its own hour.

    Empty for a line that waits for something else, or whose time hangs on whether it is chosen.
    """
    order = proposal.orders.get(code)
    planned = None if timed is None else timed.start_of(code)
    if planned is not None:
        return offset_words(planned)
    return offset_words(order.start_after_minutes) if order and order.start_after_minutes else ""


def rate_words(proposal: Proposal, code: str) -> str:
    """How fast a line runs, such as `21 to 168 mL per h, 5 h 14 min`."""
    if code not in proposal.orders:
        return ""
    table = rate_table(proposal.protocol, proposal.rate_plan_of(code))
    if table is not None:
        rates = dict.fromkeys((table.rows[0].ml_per_h, table.rows[-1].ml_per_h))
        return f"{' to '.join(rates)} mL per h, {table.total}"
    minutes = getattr(getattr(proposal.orders[code].dose, "regimen", None), "infuse_over_minutes", None)
    return f"over {minutes} min" if minutes else ""


def summarise(
    proposal: Proposal,
    *,
    chosen: Iterable[OrderCard],
    missing: Iterable[OrderCard],
    starts_at: datetime | None,
) -> Summary:
    """The chosen lines with their times, and the rate plan of the first one that has a rate plan."""
    cards = tuple(chosen)
    timed = proposal.timed_plan_of([card.code for card in cards])
    lines = tuple(_planned(proposal, card, timed, starts_at) for card in cards)
    plans = (_timed_plan(proposal, line) for line in lines)
    return Summary(
        starts_at=starts_at,
        lines=lines,
        missing=tuple(missing),
        plan=next((plan for plan in plans if plan is not None), None),
        timeline=timeline_of(timed_plan_to_plain(timed), proposal.cards_by_code, starts_at=starts_at),
    )


def signed_sections(
    content: SheetContent, cards: Sequence[OrderCard], *, starts_at: datetime
) -> tuple[SignedSection, ...]:
    """The orders of a content by the time at which they are carried out; `cards` come in their order."""
    lines = [
        SignedLine(order=order, card=card, start=_start_of(order, starts_at))
        for order, card in zip(content.orders, cards, strict=True)
    ]
    return tuple(
        SignedSection(timing=timing, title=title, lines=found)
        for timing, title in TIMING_WORDS.items()
        if (found := tuple(line for line in lines if line.order.group == timing))
    )


def signed_timeline(content: SheetContent) -> Timeline | None:
    """The timed plan of a content; as the sheet prints it."""
    plan = content.timed_plan
    if plan is None:
        return None
    return draw(
        [
            Thing(
                after=_minutes_after(plan.starts_at, row.at),
                until=None if row.until is None else _minutes_after(plan.starts_at, row.until),
                kind=row.kind,
                arm=row.arm,
                text=row.text,
                line=row.line,
                is_conditional=row.is_conditional,
                order_number=row.order_number,
            )
            for row in plan.rows
        ],
        title=plan.title,
        text=plan.text,
        starts_at=plan.starts_at,
        volume=volume_sentence(
            ml=plan.planned_volume_ml,
            ml_per_kg=plan.planned_volume_ml_per_kg,
            limit_ml_per_kg=plan.limit_ml_per_kg,
            window_minutes=plan.window_minutes,
        ),
        is_over_limit=plan.is_over_limit,
        notes=plan.notes,
    )


def _minutes_after(starts_at: datetime, moment: datetime) -> int:
    return (moment - starts_at) // timedelta(minutes=1)


def alerts_of(proposal: Proposal) -> Alerts:
    """The findings in one panel: stops, what asks for an answer, what is to be read, what was answered."""
    by_rule = {finding.rule: finding for finding in proposal.recommendation.findings}
    alerts = [_alert(proposal, card, by_rule[card.rule]) for card in proposal.findings]
    heard = [alert for alert in alerts if alert.finding.level != "information"]
    return Alerts(
        stops=tuple(alert for alert in heard if alert.is_stop),
        to_answer=tuple(alert for alert in heard if alert.asks),
        to_read=tuple(alert for alert in heard if not (alert.is_stop or alert.asks or alert.acknowledged)),
        answered=tuple(alert for alert in heard if alert.acknowledged),
        notes=tuple(alert.finding for alert in alerts if alert.finding.level == "information"),
        open=unjudged_cards(proposal.outcome["unjudged"]),
    )


def _alert(proposal: Proposal, card: FindingCard, finding: Finding) -> Alert:
    asks = finding in asked([finding], proposal.acknowledged)
    is_quiet = finding.severity is Severity.WARNING and not asks
    return Alert(
        finding=card,
        is_stop=finding.is_hard and not asks,
        asks=asks,
        acknowledged=proposal.acknowledged.get(finding.rule) if is_quiet else None,
    )


def is_blocked(proposal: Proposal) -> bool:
    """Whether every drug that is proposed is stopped, so that no treatment chosen here could be signed."""
    stops = [row for row in proposal.recommendation.findings if row.override.kind is OverrideKind.NONE]
    drugs = [order for order in proposal.recommendation.orders if order.dose is not None]
    return bool(stops) and all(any(stop.stops(order.names) for stop in stops) for order in drugs)


def _start_of(order: SheetOrder, starts_at: datetime) -> str:
    if order.start_at is None:
        return ""
    return offset_words(_minutes_after(starts_at, order.start_at))


def _planned(
    proposal: Proposal, card: OrderCard, timed: TimedPlan | None, starts_at: datetime | None
) -> PlannedLine:
    planned = None if timed is None else timed.start_of(card.code)
    return PlannedLine(
        card=card,
        start=start_words(proposal, card.code, timed),
        starts_at=None if planned is None else later(starts_at, planned),
        rate=rate_words(proposal, card.code),
    )


def _timed_plan(proposal: Proposal, line: PlannedLine) -> ShownRatePlan | None:
    plan = proposal.rate_plan_of(line.card.code)
    table = rate_table(proposal.protocol, plan)
    if plan is None or table is None:
        return None
    steps: list[TimedStep] = []
    elapsed = Decimal(0)
    for row, step in zip(table.rows, plan["steps"], strict=True):
        starts_at = later(line.starts_at, int(elapsed))
        steps.append(TimedStep(row=row, starts_at=starts_at, is_last=row is table.rows[-1]))
        elapsed += Decimal(step["minutes"])
    return ShownRatePlan(
        product=table.product,
        steps=tuple(steps),
        ends_at=later(line.starts_at, plan["total_minutes"]),
        total=table.total,
        maximum=table.maximum,
        is_at_risk=table.is_at_risk,
    )
