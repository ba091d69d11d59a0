"""One dose of a signed line as it stands: what was done, what is in, and what may be done next.

Rates are those of the signed plan or follow from it by the engine; nobody types one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any, Final

from django.db.models import Count, Q

from ivigsite.monitoring.models import MonitoringTask, Observation, ResultLevel
from ivigsite.monitoring.selectors import held_by
from ivigsite.monitoring.times import minute_of, moment_of
from ivigsite.orders.models import AdministrationEvent, GivenProduct, OrderLine
from ivigsite.orders.sheet.content import SheetRatePlan
from ivigsite.orders.sheet.wording import format_dose
from protocols.engine import lookup
from protocols.engine.anaphylaxis import AdrenalineDose, adrenaline_dose
from protocols.engine.course import (
    SEVERE,
    Act,
    Course,
    PumpEvent,
    State,
    StepAhead,
    acts_after,
    after,
    infused_by,
    rate_above,
    rate_below,
    replay,
    steps_ahead,
)
from protocols.engine.facts import Unknown
from protocols.engine.infusion import restart_plan
from protocols.engine.protocol import CheckGroup, OrderKind, Protocol
from protocols.mapping import load_protocol_value

GIVEN_KINDS: Final = (OrderKind.IVIG.value, OrderKind.PLATELETS.value)
OVER: Final = (State.STOPPED, State.FINISHED)
VITAL_SIGNS: Final = "vital_signs"
OTHER_PRODUCT: Final = "Another product than the ordered one is entered. The rates here are not its rates."


@dataclass(frozen=True, slots=True, kw_only=True)
class StepUp:
    """The next rate and what stands in its way: with an obstacle it needs a reason, barred it is refused."""

    ml_per_h: Decimal
    earliest_at: datetime
    obstacle: str
    is_barred: bool


@dataclass(frozen=True, kw_only=True)
class RunningDose:
    """One dose of one line, at a moment."""

    line: OrderLine
    number: int
    doses: int
    protocol: Protocol
    plan: SheetRatePlan | None
    events: tuple[AdministrationEvent, ...]
    given: tuple[GivenProduct, ...]
    # How often something was noted or corrected so far; who has seen fewer has not seen it all.
    entries: int
    at: datetime

    @cached_property
    def course(self) -> Course:
        return replay(as_pump_event(event) for event in self.events)

    @property
    def is_ivig(self) -> bool:
        return self.line.kind == OrderKind.IVIG

    @property
    def acts(self) -> tuple[Act, ...]:
        """What the page offers; a rate is only changed where the plan has another."""
        offered = acts_after(self.course)
        none = {
            act for act, rate in ((Act.STEP_UP, self.next_rate), (Act.SLOW, self.slower_rate)) if rate is None
        }
        return tuple(act for act in offered if act not in none)

    @property
    def planned_rates(self) -> tuple[Decimal, ...]:
        return tuple(step.ml_per_h for step in self.plan.steps) if self.plan else ()

    @property
    def next_rate(self) -> Decimal | None:
        return rate_above(self.course, self.planned_rates)

    @property
    def slower_rate(self) -> Decimal | None:
        return rate_below(self.course, self.planned_rates)

    @property
    def infused_ml(self) -> Decimal | Unknown:
        """What the pump should have given by now."""
        return infused_by(self.course, max(self.course.minute, minute_of(self.at)))

    @property
    def read_ml(self) -> Decimal | None:
        """What was last read off the pump; None where nobody told it."""
        told = [event.volume_ml for event in self.events if event.volume_ml]
        return Decimal(told[-1]) if told else None

    @cached_property
    def _ahead(self) -> tuple[tuple[StepAhead, ...], int | None]:
        if self.plan is None:
            return (), None
        return steps_ahead(
            self.course,
            [(step.ml_per_h, step.minutes) for step in self.plan.steps],
            volume_ml=self.plan.volume_ml,
            minute=max(self.course.minute, minute_of(self.at)),
        )

    @property
    def ahead(self) -> tuple[tuple[Decimal, datetime], ...]:
        """The rates still to come, with the earliest time on the clock."""
        return tuple((step.ml_per_h, moment_of(step.minute)) for step in self._ahead[0])

    @property
    def ends_at(self) -> datetime | None:
        end = self._ahead[1]
        return None if end is None else moment_of(end)

    @property
    def is_before_its_end(self) -> bool:
        """Whether the pump's sum says that volume is still to come; of what has no plan nobody knows."""
        infused = self.infused_ml
        return self.plan is not None and not isinstance(infused, Unknown) and infused < self.plan.volume_ml

    @property
    def product(self) -> str:
        """The key of the ordered immunoglobulin; empty for platelets."""
        dose = self.line.proposal["dose"]
        return (dose or {}).get("product") or ""

    @property
    def dose_words(self) -> str:
        """The ordered dose with its unit, as the sheet has it."""
        return format_dose(Decimal(self.line.dose_amount), self.line.dose_unit)

    @property
    def grams_ordered(self) -> Decimal | None:
        return Decimal(self.line.dose_amount) if self.line.dose_unit == "g" else None

    @property
    def grams_given(self) -> Decimal:
        """What the entered vials hold together."""
        return sum((Decimal(each.grams) * each.vials for each in self.given if each.grams), Decimal(0))

    @cached_property
    def other_products(self) -> tuple[GivenProduct, ...]:
        """What is entered of immunoglobulin that is not the ordered one."""
        return tuple(each for each in self.given if self.is_ivig and each.product != self.product)

    @cached_property
    def restart_rate(self) -> Decimal | None:
        """Where it goes on after a reaction; None where no plan or no rate tells."""
        borne, infused = self.course.last_tolerated_ml_per_h, self.infused_ml
        weight = (self.line.proposal["dose"] or {}).get("weight_kg")
        if self.plan is None or borne is None or weight is None or isinstance(infused, Unknown):
            return None
        found = lookup.of(self.protocol)
        product = found.products[self.product]
        weight_kg = Decimal(weight)
        return (
            restart_plan(
                product=product,
                stopped=product,
                dosing_weight_kg=weight_kg,
                # A rate has to be told even where the pump's sum says that all is in.
                remaining_ml=max(self.plan.volume_ml - infused, Decimal(1)),
                last_tolerated_ml_per_h=borne,
                share_of_last_tolerated=found.parameters["restart_share_of_last_tolerated_rate"],
                pump_step_ml_per_h=found.parameters["pump_rate_step_ml_per_h"],
                # What the signed plan never exceeded holds whatever made it the ceiling.
                is_at_risk=False,
                ceiling_ml_per_kg_per_h=self.plan.maximum_ml_per_h / weight_kg,
            )
            .steps[0]
            .ml_per_h
        )

    @property
    def restart_from(self) -> datetime | None:
        """When the patient will have been settled long enough, if nothing new happens."""
        if not self.course.needs_restart or self.course.reacted_at is None:
            return None
        settled = lookup.of(self.protocol).parameters["restart_settled_minutes"]
        return moment_of(self.course.reacted_at + int(settled))

    @cached_property
    def hold(self) -> Observation | None:
        """The newest result that holds what is given here, until a physician releases it."""
        return held_by(self.line.order_set.encounter).get(self.line.kind)

    @property
    def hold_words(self) -> str:
        """What holds it, in a sentence; empty where nothing does."""
        if self.hold is None:
            return ""
        return f"A result holds it: {self.hold.title}, {self.hold.get_level_display().lower()}."

    def open_checks(self, at: datetime) -> list[MonitoringTask]:
        """The vital signs that can be entered at this moment and are not done yet."""
        items = lookup.of(self.protocol).items
        tasks = MonitoringTask.objects.open().filter(
            Q(next_due_at=None) | Q(next_due_at__gt=at),
            Q(waits_until=None) | Q(waits_until__lte=at),
            plan__order_set_id=self.line.order_set_id,
            kind=VITAL_SIGNS,
            counts_from__lte=at,
        )
        return [
            task for task in tasks if not items[task.item].kinds or self.line.kind in items[task.item].kinds
        ]

    def newest_signs(self, *, since: datetime, until: datetime) -> Observation | None:
        rules = [
            rule.key
            for rule in self.protocol.result_rules
            if rule.group == CheckGroup.VITAL_SIGNS and rule.kind == VITAL_SIGNS
        ]
        return (
            self.line.order_set.encounter.observations.standing()
            .filter(rule__in=rules, taken_at__gte=since, taken_at__lte=until)
            .order_by("-taken_at", "-entered_at")
            .first()
        )

    def step_up(self, at: datetime) -> StepUp | None:
        """The next step as it could be taken at this moment."""
        rate = self.next_rate
        if rate is None or Act.STEP_UP not in acts_after(self.course):
            return None
        since = moment_of(self.course.rate_since)
        held = (
            next((step.minutes for step in self.plan.steps if step.ml_per_h == self.course.ml_per_h), None)
            if self.plan
            else None
        )
        earliest = since + timedelta(minutes=held or 0)
        signs = self.newest_signs(since=since, until=at)
        is_critical = signs is not None and signs.level == ResultLevel.CRITICAL
        is_held = self.hold is not None and self.hold.level == ResultLevel.CRITICAL
        obstacle = ""
        if is_held and not is_critical:
            obstacle = self.hold_words
        elif self.other_products and not is_critical:
            obstacle = OTHER_PRODUCT
        elif signs is None:
            obstacle = "No vital signs since this rate began."
        elif signs.level != ResultLevel.NORMAL:
            obstacle = f"The last vital signs are not normal: {signs.get_level_display().lower()}."
        elif self.hold is not None:
            obstacle = self.hold_words
        elif waiting := self.open_checks(at):
            obstacle = f"Still to enter: {waiting[0].title}."
        elif at < earliest:
            obstacle = "This rate has not been held for its whole step."
        return StepUp(
            ml_per_h=rate,
            earliest_at=earliest,
            obstacle=obstacle,
            is_barred=is_critical or is_held,
        )


def dose_at(line: OrderLine, number: int, *, protocol: Protocol, at: datetime) -> RunningDose:
    """One dose of a line of which the order set and encounter are loaded."""
    plan = line.order_set.sheet_content.rate_plan
    return RunningDose(
        line=line,
        number=number,
        doses=doses_of(line, protocol),
        protocol=protocol,
        plan=plan if plan is not None and plan.order_number == line.number else None,
        events=tuple(line.events.filter(dose_number=number).select_related("entered_by")),
        given=tuple(line.given.filter(dose_number=number).select_related("entered_by")),
        entries=_entries(line, number),
        at=at,
    )


def _entries(line: OrderLine, number: int) -> int:
    rows = AdministrationEvent.as_entered.filter(line=line, dose_number=number)
    found = rows.aggregate(noted=Count("pk"), corrected=Count("replaced_by"))
    return int(found["noted"]) + int(found["corrected"])


def current_dose(line: OrderLine, *, protocol: Protocol, at: datetime) -> RunningDose:
    """The dose that runs or waits; the last one once all are over."""
    last = line.events.order_by("-dose_number").values_list("dose_number", flat=True).first() or 1
    dose = dose_at(line, last, protocol=protocol, at=at)
    over = dose.course.state in OVER
    if over and dose.course.worst_grade < SEVERE and last < dose.doses:
        return dose_at(line, last + 1, protocol=protocol, at=at)
    return dose


def ended_at(events: Iterable[AdministrationEvent]) -> datetime | None:
    """When a dose was over for good, by its acts in order; None while it is not."""
    course = Course()
    for event in events:
        course = after(course, as_pump_event(event))
        if course.state in OVER:
            return event.happened_at
    return None


def doses_of(line: OrderLine, protocol: Protocol) -> int:
    """How many doses the line orders."""
    dose: Mapping[str, Any] | None = line.proposal["dose"]
    if dose is None:
        return 1
    return next((row.doses for row in protocol.regimens if row.key == dose["regimen"]), 1)


def interval_of(line: OrderLine, protocol: Protocol) -> timedelta:
    """The time between the starts of two doses of the line; none where it orders one."""
    dose: Mapping[str, Any] | None = line.proposal["dose"]
    key = dose["regimen"] if dose else ""
    hours = next((row.interval_hours for row in protocol.regimens if row.key == key), None)
    return timedelta(minutes=int((hours or Decimal(0)) * 60))


def lines_to_give(order_set_id: Any) -> list[OrderLine]:
    """The infusions and units among the lines of an order set."""
    return list(
        OrderLine.objects.filter(order_set_id=order_set_id, kind__in=GIVEN_KINDS).select_related(
            "order_set__encounter__patient",
            "order_set__assessment",
            "order_set__protocol_version",
            "order_set__ending",
        )
    )


def protocol_of(line: OrderLine) -> Protocol:
    return load_protocol_value(line.order_set.protocol_version)


def adrenaline_for(line: OrderLine, protocol: Protocol) -> AdrenalineDose:
    """By the weight of the assessment; unknown without one."""
    weight = line.order_set.assessment.as_facts().weight_kg
    return adrenaline_dose(weight_kg=weight, parameters=lookup.of(protocol).parameters)


def as_pump_event(event: AdministrationEvent) -> PumpEvent:
    return PumpEvent(
        act=Act(event.act),
        minute=minute_of(event.happened_at),
        ml_per_h=Decimal(event.ml_per_h) if event.ml_per_h else None,
        grade=event.grade or 0,
    )
