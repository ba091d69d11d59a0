"""When the checks of a running infusion are due, once its pace is not the planned one any more."""

from dataclasses import replace
from datetime import datetime, timedelta

from ivigsite.accounts.models import User
from ivigsite.monitoring.actions import expect_anchors
from ivigsite.orders.running import OVER, RunningDose, as_pump_event
from protocols.engine.course import Act, Course, State, after


def expect_times(dose: RunningDose, *, by: User, at: datetime) -> None:
    """Tell monitoring when what still comes of an infusion is expected, by what was done last.

    While it is interrupted that is what was expected before.
    """
    running = _when_it_ran_last(dose)
    if running is None or dose.course.state in OVER:
        return
    if times := times_ahead(running):
        expect_anchors(order_set_id=dose.line.order_set_id, times=times, never=never_of(dose), by=by, at=at)


def times_ahead(dose: RunningDose) -> dict[tuple[str, int], datetime]:
    """By the names of the anchors; nothing of what does not run, and nothing without a plan."""
    if dose.ends_at is None:
        return {}
    steps = len(dose.planned_rates) - 1
    before = (dose.number - 1) * steps
    times = {("RI", before + dose.planned_rates.index(rate)): moment for rate, moment in dose.ahead}
    for rate, moment in dose.ahead:
        if rate == dose.planned_rates[-1]:
            times["RM", dose.number] = moment
    if dose.course.is_capped:
        # No faster today: from here on it runs at its highest rate.
        times["RM", dose.number] = next(
            event.happened_at for event in dose.events if event.act == Act.RESTART
        )
    ends_at = dose.ends_at
    if dose.plan is not None and len(dose.events) == 1:
        # Just begun, it ends by the signed plan, to its minute.
        ends_at = dose.events[0].happened_at + timedelta(minutes=dose.plan.total_minutes)
    return {**times, ("TE", dose.number): ends_at}


def never_of(dose: RunningDose) -> frozenset[tuple[str, int]]:
    """The anchors of an infusion that will not come any more."""
    if not dose.is_ivig:
        return frozenset()
    is_over = dose.course.state in OVER
    steps = max(len(dose.planned_rates) - 1, 0)
    numbers = range((dose.number - 1) * steps + 1, dose.number * steps + 1)
    never = {("RI", number) for number in numbers if is_over or dose.course.is_capped}
    return frozenset(never | ({("RM", dose.number)} if is_over else set()))


def _when_it_ran_last(dose: RunningDose) -> RunningDose | None:
    """The dose as it stood at the last act that left it running; the clock of later does not matter."""
    course, ran = Course(), 0
    for number, event in enumerate(dose.events, start=1):
        course = after(course, as_pump_event(event))
        if course.state is State.RUNNING:
            ran = number
    if not ran:
        return None
    return replace(dose, events=dose.events[:ran], at=dose.events[ran - 1].happened_at)
