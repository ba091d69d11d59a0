"""What becomes of one infusion: replayed from what was done, so that no state is kept beside its history.

Times are whole minutes on the caller's scale. What may happen next follows from what has happened: an
infusion stopped by a severe reaction never goes on; one that goes on after a milder one is never stepped up.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, Decimal
from enum import StrEnum
from typing import Final

from .arithmetic import exactly
from .facts import UNKNOWN, Unknown

MINUTES_PER_HOUR: Final = 60
# CTCAE v5.0, infusion-related reaction: 2 interrupts; 3 is severe, 4 threatens life, both end it for today.
INTERRUPTS: Final = 2
SEVERE: Final = 3
THREATENS_LIFE: Final = 4


class Act(StrEnum):
    """What is done to an infusion, or seen in the patient."""

    START = "start"
    STEP_UP = "step_up"
    SLOW = "slow"
    PAUSE = "pause"
    RESUME = "resume"
    RESTART = "restart"
    REACTION = "reaction"
    STOP = "stop"
    FINISH = "finish"


class State(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    FINISHED = "finished"


@dataclass(frozen=True, slots=True, kw_only=True)
class PumpEvent:
    """One act at a minute; `ml_per_h` is the rate from then on, None for what runs without a pump's rate."""

    act: Act
    minute: int
    ml_per_h: Decimal | None = None
    grade: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """Where an infusion stands after its last event.

    `infused_ml` is what was in at `minute`; unknown where it ran without a known rate. `rates` are those that
    have run, in order. `is_capped` after a restart: no faster today.
    """

    state: State = State.WAITING
    started: int | None = None
    minute: int = 0
    ml_per_h: Decimal | None = None
    rate_since: int = 0
    infused_ml: Decimal | Unknown = Decimal(0)
    rates: tuple[Decimal, ...] = ()
    worst_grade: int = 0
    reacted_at: int | None = None
    needs_restart: bool = False
    is_capped: bool = False

    @property
    def last_tolerated_ml_per_h(self) -> Decimal | None:
        """The rate borne before that at which the reaction came; in the first step, that step's own."""
        if not self.rates:
            return None
        slower = [rate for rate in self.rates if rate < self.rates[-1]]
        return max(slower) if slower else self.rates[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepAhead:
    """A rate still to come, and when at the earliest."""

    ml_per_h: Decimal
    minute: int


class CannotHappen(Exception):
    """This act does not fit what has happened so far."""


_FITS: Final = {
    State.WAITING: (Act.START,),
    State.RUNNING: (Act.STEP_UP, Act.SLOW, Act.PAUSE, Act.FINISH, Act.STOP, Act.REACTION),
    State.PAUSED: (Act.RESUME, Act.FINISH, Act.STOP, Act.REACTION),
    State.STOPPED: (Act.REACTION,),
    State.FINISHED: (Act.REACTION,),
}
_STATES: Final = {
    Act.START: State.RUNNING,
    Act.STEP_UP: State.RUNNING,
    Act.SLOW: State.RUNNING,
    Act.PAUSE: State.PAUSED,
    Act.RESUME: State.RUNNING,
    Act.RESTART: State.RUNNING,
    Act.STOP: State.STOPPED,
    Act.FINISH: State.FINISHED,
}


def acts_after(course: Course) -> tuple[Act, ...]:
    """What may happen next."""
    acts = _FITS[course.state]
    if course.needs_restart:
        acts = tuple(Act.RESTART if act is Act.RESUME else act for act in acts)
    return tuple(act for act in acts if not (course.is_capped and act is Act.STEP_UP))


def replay(events: Iterable[PumpEvent]) -> Course:
    """The course these events make; raises `CannotHappen` for one that does not fit those before it."""
    course = Course()
    for event in events:
        course = after(course, event)
    return course


@exactly
def after(course: Course, event: PumpEvent) -> Course:
    """The course with one more event."""
    if event.act not in acts_after(course):
        raise CannotHappen
    if course.started is not None and event.minute < course.minute:
        raise CannotHappen
    moved = replace(course, minute=event.minute, infused_ml=infused_by(course, event.minute))
    if event.act is Act.REACTION:
        return _reacted(moved, event)
    if event.act is Act.START:
        moved = replace(moved, started=event.minute)
    state = _STATES[event.act]
    if state is not State.RUNNING:
        return replace(moved, state=state)
    # What was interrupted holds its rate for the whole step again.
    moved = replace(moved, state=state, rate_since=event.minute)
    if event.act is Act.RESUME:
        return moved
    return replace(
        moved,
        ml_per_h=event.ml_per_h,
        rates=course.rates if event.ml_per_h is None else (*course.rates, event.ml_per_h),
        needs_restart=False,
        is_capped=course.is_capped or event.act is Act.RESTART,
    )


def _reacted(course: Course, event: PumpEvent) -> Course:
    worst = max(course.worst_grade, event.grade)
    course = replace(course, worst_grade=worst, reacted_at=event.minute)
    if course.state not in (State.RUNNING, State.PAUSED):
        return course
    if event.grade >= SEVERE:
        return replace(course, state=State.STOPPED)
    if event.grade >= INTERRUPTS:
        return replace(course, state=State.PAUSED, needs_restart=True)
    return course


@exactly
def infused_by(course: Course, minute: int) -> Decimal | Unknown:
    """What is in at a minute not before the last event."""
    if course.state is not State.RUNNING or isinstance(course.infused_ml, Unknown):
        return course.infused_ml
    if course.ml_per_h is None:
        return UNKNOWN
    return course.infused_ml + course.ml_per_h * (minute - course.minute) / MINUTES_PER_HOUR


def rate_above(course: Course, planned: Sequence[Decimal]) -> Decimal | None:
    """The next planned rate, or None at the highest."""
    return next((rate for rate in planned if course.ml_per_h is not None and rate > course.ml_per_h), None)


def rate_below(course: Course, planned: Sequence[Decimal]) -> Decimal | None:
    """The planned rate one step slower, or None at the lowest."""
    return next(
        (rate for rate in reversed(planned) if course.ml_per_h is not None and rate < course.ml_per_h), None
    )


@exactly
def steps_ahead(
    course: Course,
    planned: Sequence[tuple[Decimal, int | None]],
    *,
    volume_ml: Decimal,
    minute: int,
) -> tuple[tuple[StepAhead, ...], int | None]:
    """The rates to come and the minute at which the volume is in, as things stand at `minute`.

    `planned` are rates with how long each is held. What is due and not done yet is taken to be done now.
    Nothing is told of what does not run.
    """
    infused = infused_by(course, minute)
    if course.state is not State.RUNNING or course.ml_per_h is None or isinstance(infused, Unknown):
        return (), None
    held = dict(planned)
    rates = [] if course.is_capped else [rate for rate, _ in planned if rate > course.ml_per_h]
    found: list[StepAhead] = []
    rate, begun, now = course.ml_per_h, course.rate_since, minute
    for following in rates:
        until = max(begun + (held.get(rate) or 0), now)
        would_be = infused + rate * (until - now) / MINUTES_PER_HOUR
        if would_be >= volume_ml:
            break
        found.append(StepAhead(ml_per_h=following, minute=until))
        rate, begun, now, infused = following, until, until, would_be
    left = max(Decimal(0), volume_ml - infused)
    # The whole minute in which it is in; a share of a minute that only the last digits made is none.
    needed = (left * MINUTES_PER_HOUR / rate).quantize(Decimal("0.01"))
    return tuple(found), now + int(needed.to_integral_value(rounding=ROUND_CEILING))
