"""Putting orders in time: each arm in its venous line, further doses, the counts after them, the calls."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from itertools import chain, combinations
from typing import Any, Final

from . import lookup
from .arithmetic import exactly
from .conditions import Values
from .dosing import Dose
from .facts import UNKNOWN, Unknown
from .infusion import MINUTES_PER_HOUR, RatePlan, infused_by
from .protocol import AccessPlan, OrderKind, Protocol, Role, Timing
from .recommendation import Order
from .timed_plan import EventKind, PlanEvent, TimedPlan
from .weight import DosingWeight

NEEDED_PARAMETERS: Final = (
    "overload_limit_ml_per_kg",
    "overload_window_minutes",
    "count_after_platelets_from_minutes",
    "count_after_platelets_to_minutes",
    "count_after_start_minutes",
)
ARMS: Final = (OrderKind.IVIG, OrderKind.CORTICOSTEROID, OrderKind.PLATELETS)
AFTER_PLATELETS: Final = "Platelet count after this dose"
AFTER_START: Final = "Platelet count one day after the start"
_FIRST_THINGS: Final = (EventKind.CALL, EventKind.GIVE, EventKind.COUNT)
_REPEATED: Final = (OrderKind.IVIG, OrderKind.PLATELETS)
_TIMED: Final = (Timing.NOW, Timing.CONCURRENT)


@exactly
def arrange(
    protocol: Protocol,
    *,
    orders: Sequence[Order],
    plans: Mapping[str, RatePlan],
    values: Values,
    weight: DosingWeight | Unknown,
) -> TimedPlan | None:
    """The orders put in time, `plans` being the rate plans by order code.

    None where no arm has a time, or a dose is not known: a time that hangs on it would be a guess.
    """
    arms = tuple(order for order in orders if order.kind in ARMS and _has_a_time(order))
    if any(order.dose is UNKNOWN for order in arms):
        return None
    parameters = lookup.of(protocol).parameters
    access, waits_for = _access(protocol, values)
    firsts = (*_at_once(access, arms, plans), *_later(access, arms, plans))
    if not firsts:
        return None
    doses = tuple(chain.from_iterable(_repeated(event, arms) for event in firsts))
    window = int(parameters["overload_window_minutes"])
    volume = _tenths(sum((_volume_within(event, plans, window) for event in doses), Decimal(0)))
    events = (*doses, *_counts(parameters, doses), *_calls(orders))
    return TimedPlan(
        access=access,
        events=_first_things_first(events),
        planned_volume_ml=volume,
        planned_volume_ml_per_kg=UNKNOWN if isinstance(weight, Unknown) else _tenths(volume / weight.kg),
        limit_ml_per_kg=parameters["overload_limit_ml_per_kg"],
        window_minutes=window,
        waits_for=waits_for if sum(event.lane is not None for event in firsts) > 1 else (),
        shares_a_line=any(_overlap(one, other) for one, other in combinations(doses, 2)),
    )


def with_calls(plan: TimedPlan | None, orders: Iterable[Order]) -> TimedPlan | None:
    """The plan with the calls of further orders, none of which is an arm: as if arranged with them."""
    calls = tuple(_calls(orders))
    if plan is None or not calls:
        return plan
    return replace(plan, events=_first_things_first((*plan.events, *calls)))


def values_of_plan(plan: TimedPlan | None) -> dict[str, Any]:
    """What conditions may ask of a plan; of a plan that is not there everything is unknown."""
    if plan is None:
        return {}
    values = {
        "planned_volume_6h_ml_per_kg": plan.planned_volume_ml_per_kg,
        "planned_volume_over_limit": plan.is_over_limit,
        "plan_shares_a_line": UNKNOWN if plan.waits_for else plan.shares_a_line,
    }
    return {key: value for key, value in values.items() if value is not UNKNOWN}


def _first_things_first(events: Iterable[PlanEvent]) -> tuple[PlanEvent, ...]:
    return tuple(sorted(events, key=lambda event: (event.after_minutes, _FIRST_THINGS.index(event.kind))))


def _access(protocol: Protocol, values: Values) -> tuple[AccessPlan, tuple[str, ...]]:
    """The first row that is sure to hold, and the facts that could still make it an earlier one.

    The last row has no conditions: `review.find_problems` sees to it.
    """
    missing: tuple[str, ...] = ()
    *earlier, last = lookup.of(protocol).access_plans
    for predicate, row in earlier:
        truth = predicate(values)
        if truth is True:
            return row, missing
        if truth is UNKNOWN:
            missing = tuple(dict.fromkeys((*missing, *predicate.missing(values))))
    return last[1], missing


def _has_a_time(order: Order) -> bool:
    return order.timing in _TIMED or bool(order.start_after_minutes)


def _at_once(access: AccessPlan, arms: Sequence[Order], plans: Mapping[str, RatePlan]) -> Iterator[PlanEvent]:
    """The first dose of each arm: in its lane behind the arm before it, or at T0 without a line."""
    free = dict.fromkeys(range(len(access.lanes)), 0)
    soon = [order for order in arms if not order.start_after_minutes]
    for order in sorted(soon, key=lambda order: _place(access, order.kind)):
        lane, _ = _place(access, order.kind)
        minutes = _minutes(order, plans)
        if minutes is None:
            yield _first_dose(order, after=0, minutes=None, lane=None)
        else:
            yield _first_dose(order, after=free[lane], minutes=minutes, lane=lane + 1)
            free[lane] += minutes


def _later(access: AccessPlan, arms: Sequence[Order], plans: Mapping[str, RatePlan]) -> Iterator[PlanEvent]:
    """Doses with a time of their own; one on standby waits for more than its time."""
    for order in arms:
        if order.start_after_minutes:
            minutes = _minutes(order, plans)
            lane = None if minutes is None else _place(access, order.kind)[0] + 1
            first = _first_dose(order, after=order.start_after_minutes, minutes=minutes, lane=lane)
            yield first if order.timing in _TIMED else replace(first, is_conditional=True)


def _place(access: AccessPlan, kind: OrderKind) -> tuple[int, int]:
    """The lane of an arm and its place in it; each arm has exactly one."""
    return next((number, lane.index(kind)) for number, lane in enumerate(access.lanes) if kind in lane)


def _minutes(order: Order, plans: Mapping[str, RatePlan]) -> int | None:
    """How long one dose runs; None for one that is swallowed or pushed."""
    if order.code in plans:
        return plans[order.code].total_minutes
    return order.dose.regimen.infuse_over_minutes if isinstance(order.dose, Dose) else None


def _first_dose(order: Order, *, after: int, minutes: int | None, lane: int | None) -> PlanEvent:
    return PlanEvent(
        kind=EventKind.CALL if order.kind is OrderKind.CONSULT else EventKind.GIVE,
        arm=order.kind,
        code=order.code,
        text=order.text,
        after_minutes=after,
        until_minutes=None if minutes is None else after + minutes,
        lane=lane,
        dose_number=1,
        doses=order.dose.regimen.doses if isinstance(order.dose, Dose) else 1,
        volume_ml=order.dose.volume_ml if isinstance(order.dose, Dose) else None,
        is_conditional=False,
    )


def _repeated(first: PlanEvent, arms: Sequence[Order]) -> Iterator[PlanEvent]:
    """The event and its further doses; a corticosteroid, whose course is told in days, stands once."""
    yield first
    dose = next(order.dose for order in arms if order.code == first.code)
    if first.arm not in _REPEATED or not isinstance(dose, Dose) or dose.regimen.interval_hours is None:
        return
    interval = int(dose.regimen.interval_hours * MINUTES_PER_HOUR)
    for number in range(1, first.doses):
        later = number * interval
        yield replace(
            first,
            after_minutes=first.after_minutes + later,
            until_minutes=None if first.until_minutes is None else first.until_minutes + later,
            dose_number=number + 1,
        )


def _counts(parameters: Mapping[str, Decimal], doses: Sequence[PlanEvent]) -> Iterator[PlanEvent]:
    """After each platelet dose, and a day after the treatment began."""
    for event in doses:
        if event.arm is OrderKind.PLATELETS:
            end = event.after_minutes if event.until_minutes is None else event.until_minutes
            yield _count(
                event,
                text=AFTER_PLATELETS,
                after=end + int(parameters["count_after_platelets_from_minutes"]),
                until=end + int(parameters["count_after_platelets_to_minutes"]),
            )
    arms = {event.arm: event for event in reversed(doses) if not event.is_conditional}
    began = next((arms[arm] for arm in ARMS if arm in arms), None)
    if began is not None:
        after = began.after_minutes + int(parameters["count_after_start_minutes"])
        yield _count(began, text=AFTER_START, after=after, until=after)


def _count(of: PlanEvent, *, text: str, after: int, until: int) -> PlanEvent:
    return replace(
        of,
        kind=EventKind.COUNT,
        text=text,
        after_minutes=after,
        until_minutes=until,
        lane=None,
        volume_ml=None,
    )


def _calls(orders: Iterable[Order]) -> Iterator[PlanEvent]:
    for order in orders:
        if order.kind is OrderKind.CONSULT and order.role is Role.REQUIRED:
            yield _first_dose(order, after=0, minutes=None, lane=None)


def _volume_within(event: PlanEvent, plans: Mapping[str, RatePlan], window_minutes: int) -> Decimal:
    """What this event brings until the window closes; nothing where it is not sure to come."""
    left = window_minutes - event.after_minutes
    if event.is_conditional or event.volume_ml is None or left <= 0:
        return Decimal(0)
    if event.code in plans:
        return infused_by(plans[event.code], left)
    minutes = 0 if event.until_minutes is None else event.until_minutes - event.after_minutes
    return event.volume_ml if minutes <= left else event.volume_ml * left / minutes


def _overlap(one: PlanEvent, other: PlanEvent) -> bool:
    """Whether two infusions would run in one line at one time."""
    if one.lane is None or one.lane != other.lane or one.until_minutes is None or other.until_minutes is None:
        return False
    return one.after_minutes < other.until_minutes and other.after_minutes < one.until_minutes


def _tenths(value: Decimal) -> Decimal:
    return value.quantize(Decimal("0.1"), rounding=ROUND_HALF_UP)
