"""The plans of an order set in the words of its sheet: one timed plan, and the chart of its infusion.

T0 is a moment in UTC, so that minutes after it are true whatever the clock on the wall does meanwhile.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from ivigsite.encounters.advice import OrderCard
from ivigsite.encounters.timeline import event_words, notes_of
from ivigsite.orders.proposal import Proposal
from ivigsite.orders.sheet.content import ChartRow, RateStep, SheetRatePlan, SheetTimedPlan, TimedRow
from protocols.engine.facts import UNKNOWN
from protocols.engine.infusion import RatePlan, infused_by
from protocols.engine.observation import Moment, ObservationPoint
from protocols.engine.outcome import event_to_plain
from protocols.engine.timed_plan import TimedPlan

NO_BREAK: Final = "\N{NO-BREAK SPACE}"
START: Final = "Start the infusion"
MOMENT_WORDS: Final = {
    Moment.BEFORE: "Vital signs before the start",
    Moment.AFTER_START: "Vital signs",
    Moment.BEFORE_INCREASE: "Vital signs; increase only if they are normal",
    Moment.AT_PLATEAU: "Vital signs",
    Moment.AT_END: "End of the infusion: vital signs",
    Moment.AFTER_END: "Vital signs after the end",
    Moment.OBSERVED_UNTIL: "Watched until now; may be left if all is well",
}
EXPOSURE_WORDS: Final = {
    "first": "First immunoglobulin: watched closely from the start.",
    "after_gap": "First immunoglobulin after a long gap: watched like a first one.",
    "new_brand": "Another brand than last time: begins at its own first rate, watched like a first one.",
    "same_brand": "",
}
EXPOSURE_NOT_KNOWN: Final = "Last brand or last dose not known: watched like a first one."
AT_RISK: Final = "Lower maximum rate: this patient is at risk."


def sheet_timed_plan(
    proposal: Proposal, plan: TimedPlan, codes: tuple[str, ...], *, starts_at: datetime
) -> SheetTimedPlan:
    """The plan of these order lines, which are numbered as they stand."""
    per_kg = plan.planned_volume_ml_per_kg
    cards = proposal.cards_by_code
    return SheetTimedPlan(
        starts_at=starts_at,
        title=plan.access.title,
        text=plan.access.text,
        rows=tuple(
            TimedRow(
                at=starts_at + timedelta(minutes=event.after_minutes),
                until=None
                if event.until_minutes is None
                else starts_at + timedelta(minutes=event.until_minutes),
                kind=event.kind.value,
                arm=event.arm.value,
                text=_whole_dose(event_words(event_to_plain(event), cards[event.code]), cards[event.code]),
                order_number=codes.index(event.code) + 1,
                line=event.lane,
                is_conditional=event.is_conditional,
            )
            for event in plan.events
        ),
        planned_volume_ml=plan.planned_volume_ml,
        planned_volume_ml_per_kg=None if per_kg is UNKNOWN else per_kg,
        limit_ml_per_kg=plan.limit_ml_per_kg,
        window_minutes=plan.window_minutes,
        is_over_limit=plan.is_over_limit is True,
        notes=tuple(notes_of(shares_a_line=plan.shares_a_line, waits_for=plan.waits_for)),
    )


def _whole_dose(words: str, card: OrderCard) -> str:
    """The words with a dose that no line break can split."""
    return words.replace(card.dose, card.dose.replace(" ", NO_BREAK)) if card.dose else words


def sheet_rate_plan(
    proposal: Proposal, code: str, *, order_number: int, starts_at: datetime
) -> SheetRatePlan:
    """The chart of one infusion that begins at this moment; only for a line that has a rate plan."""
    plan = proposal.plans[code]
    return SheetRatePlan(
        order_number=order_number,
        product=plan.product.name,
        steps=tuple(
            RateStep(
                ml_per_h=step.ml_per_h,
                ml_per_kg_per_h=step.ml_per_kg_per_h,
                minutes=None if step is plan.steps[-1] else int(step.minutes),
                starts_at=starts_at + timedelta(minutes=int(step.starts_after_minutes)),
            )
            for step in plan.steps
        ),
        volume_ml=_to_hundredths(plan.volume_ml),
        total_minutes=plan.total_minutes,
        maximum_ml_per_h=plan.maximum_ml_per_h,
        notes=tuple(rate_notes(proposal, plan)),
        chart=tuple(chart_rows(proposal, plan, starts_at=starts_at)),
        ends_at=starts_at + timedelta(minutes=plan.total_minutes),
        diluent=plan.product.diluent,
        flush=plan.product.flush,
        handling=plan.product.handling,
    )


def rate_notes(proposal: Proposal, plan: RatePlan) -> Iterator[str]:
    if plan.is_at_risk:
        yield AT_RISK
    exposure = proposal.exposure_to(plan.product)
    if words := EXPOSURE_NOT_KNOWN if exposure is UNKNOWN else EXPOSURE_WORDS[exposure]:
        yield words


def chart_rows(proposal: Proposal, plan: RatePlan, *, starts_at: datetime) -> Iterator[ChartRow]:
    """Every look at the patient, with the pump's rate from then on; the start comes after the first."""
    rates = {int(step.starts_after_minutes): step.ml_per_h for step in plan.steps}
    for point in proposal.observations_of(plan):
        is_step = point.moment is Moment.BEFORE_INCREASE
        yield ChartRow(
            at=starts_at + timedelta(minutes=point.after_minutes),
            until=None if _is_a_moment(point) else starts_at + timedelta(minutes=point.until_minutes),
            text=MOMENT_WORDS[point.moment],
            ml_per_h=rates[point.after_minutes] if is_step else None,
            running_volume_ml=_volume_by(plan, point),
        )
        if point.moment is Moment.BEFORE:
            yield ChartRow(at=starts_at, text=START, ml_per_h=rates[0], running_volume_ml=Decimal(0))


def _is_a_moment(point: ObservationPoint) -> bool:
    return point.until_minutes == point.after_minutes


def _volume_by(plan: RatePlan, point: ObservationPoint) -> Decimal | None:
    if not 0 <= point.after_minutes <= plan.total_minutes:
        return None
    if point.moment is Moment.AT_END:
        return _to_hundredths(plan.volume_ml)
    volume = infused_by(plan, point.after_minutes)
    return volume.quantize(Decimal("0.1"), rounding=ROUND_HALF_UP)


def _to_hundredths(value: Decimal) -> Decimal:
    """As printed: the sheet shows two decimals, the stored ledger keeps them all."""
    return value.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)
