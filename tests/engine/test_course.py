"""Numbers here are made up; none of them is a rate of a product."""

from collections.abc import Sequence
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.engine.course import (
    Act,
    CannotHappen,
    Course,
    PumpEvent,
    State,
    StepAhead,
    acts_after,
    infused_by,
    rate_above,
    rate_below,
    replay,
    steps_ahead,
)
from protocols.engine.facts import UNKNOWN

PLANNED = [(Decimal(60), 20), (Decimal(120), 20), (Decimal(240), None)]
RATES = [rate for rate, _ in PLANNED]


def event(act: Act, minute: int, rate: int | None = None, grade: int = 0) -> PumpEvent:
    return PumpEvent(act=act, minute=minute, ml_per_h=None if rate is None else Decimal(rate), grade=grade)


def course_of(*events: PumpEvent) -> Course:
    return replay(events)


STARTED = event(Act.START, 100, 60)


def test_nothing_but_a_start_comes_first():
    assert acts_after(Course()) == (Act.START,)
    with pytest.raises(CannotHappen):
        course_of(event(Act.PAUSE, 0))


def test_volume_is_the_sum_of_rate_and_time_without_the_pauses():
    course = course_of(
        STARTED,
        event(Act.STEP_UP, 120, 120),
        event(Act.PAUSE, 130),
        event(Act.RESUME, 160),
        event(Act.SLOW, 170, 60),
    )

    # 20 min at 60, 10 and 10 min at 120, 30 min at 60.
    assert infused_by(course, 200) == 20 + 20 + 20 + 30
    assert (course.ml_per_h, course.rate_since) == (Decimal(60), 170)


def test_what_was_resumed_begins_its_step_again():
    course = course_of(STARTED, event(Act.PAUSE, 110), event(Act.RESUME, 150))

    assert (course.rate_since, course.ml_per_h) == (150, Decimal(60))


def test_volume_of_what_runs_without_a_pump_is_unknown_from_its_start():
    course = course_of(event(Act.START, 100), event(Act.PAUSE, 110))

    assert course.infused_ml is UNKNOWN
    assert infused_by(course, 200) is UNKNOWN
    assert infused_by(course_of(event(Act.START, 100)), 130) is UNKNOWN
    assert course.last_tolerated_ml_per_h is None


def test_event_before_the_last_one_does_not_fit():
    with pytest.raises(CannotHappen):
        course_of(STARTED, event(Act.PAUSE, 99))


@pytest.mark.parametrize(
    ("grade", "state", "needs_restart"),
    [
        (1, State.RUNNING, False),
        (2, State.PAUSED, True),
        (3, State.STOPPED, False),
        (4, State.STOPPED, False),
    ],
)
def test_reaction_changes_the_course_by_its_grade(grade: int, state: State, needs_restart: bool):
    course = course_of(STARTED, event(Act.REACTION, 110, grade=grade))

    assert (course.state, course.needs_restart) == (state, needs_restart)
    assert (course.worst_grade, course.reacted_at) == (grade, 110)
    assert course.infused_ml == 10


def test_reaction_after_the_end_is_kept_and_changes_no_state():
    course = course_of(STARTED, event(Act.FINISH, 110), event(Act.REACTION, 140, grade=2))

    assert (course.state, course.worst_grade, course.needs_restart) == (State.FINISHED, 2, False)


def test_after_a_pause_for_a_reaction_it_restarts_and_is_never_stepped_up_again():
    paused = [STARTED, event(Act.STEP_UP, 120, 120), event(Act.REACTION, 130, grade=2)]
    assert Act.RESUME not in acts_after(replay(paused))

    course = replay([*paused, event(Act.RESTART, 170, 30)])

    assert course.is_capped
    assert Act.STEP_UP not in acts_after(course)
    assert Act.SLOW in acts_after(course)


@pytest.mark.parametrize("act", [Act.STEP_UP, Act.RESUME, Act.RESTART, Act.START, Act.FINISH])
def test_what_a_severe_reaction_ended_never_goes_on(act: Act):
    with pytest.raises(CannotHappen):
        course_of(STARTED, event(Act.REACTION, 110, grade=3), event(act, 120, 60))


@pytest.mark.parametrize(
    ("rates", "borne"), [([60], 60), ([60, 120], 60), ([60, 120, 60], 60), ([60, 120, 240], 120)]
)
def test_rate_last_borne_is_the_one_before_the_reaction(rates: Sequence[int], borne: int):
    acts = [Act.START, *(Act.STEP_UP for _ in rates[1:])]
    course = replay(
        event(act, 100 + at, rate) for at, (act, rate) in enumerate(zip(acts, rates, strict=True))
    )

    assert course.last_tolerated_ml_per_h == borne


def test_rates_above_and_below_are_those_of_the_plan():
    course = course_of(STARTED, event(Act.STEP_UP, 120, 120))

    assert (rate_above(course, RATES), rate_below(course, RATES)) == (Decimal(240), Decimal(60))
    assert rate_below(course_of(STARTED), RATES) is None
    assert rate_above(course_of(STARTED, event(Act.STEP_UP, 120, 240)), RATES) is None
    assert rate_above(Course(), RATES) is None


def test_steps_ahead_count_from_the_true_start():
    ahead, end = steps_ahead(course_of(STARTED), PLANNED, volume_ml=Decimal(100), minute=105)

    assert ahead == (
        StepAhead(ml_per_h=Decimal(120), minute=120),
        StepAhead(ml_per_h=Decimal(240), minute=140),
    )
    # 20 mL and 40 mL in the steps, 40 mL left at 4 mL a minute.
    assert end == 150


def test_step_that_is_late_is_taken_to_come_now_and_moves_the_rest():
    ahead, _ = steps_ahead(course_of(STARTED), PLANNED, volume_ml=Decimal(200), minute=133)

    assert [step.minute for step in ahead] == [133, 153]


def test_steps_after_the_volume_is_in_are_not_told():
    ahead, end = steps_ahead(course_of(STARTED), PLANNED, volume_ml=Decimal(15), minute=100)

    assert (ahead, end) == ((), 115)


def test_capped_infusion_has_no_steps_ahead():
    course = course_of(STARTED, event(Act.REACTION, 110, grade=2), event(Act.RESTART, 150, 30))

    assert steps_ahead(course, PLANNED, volume_ml=Decimal(40), minute=150) == ((), 210)


@pytest.mark.parametrize("events", [[], [STARTED, event(Act.PAUSE, 110)], [event(Act.START, 100)]])
def test_what_does_not_run_at_a_rate_has_nothing_ahead(events: list[PumpEvent]):
    assert steps_ahead(replay(events), PLANNED, volume_ml=Decimal(100), minute=120) == ((), None)


@given(
    st.lists(
        st.tuples(st.integers(min_value=1, max_value=90), st.integers(min_value=1, max_value=500)),
        min_size=1,
        max_size=8,
    )
)
def test_volume_is_what_an_oracle_adds_up_minute_by_minute(told: list[tuple[int, int]]):
    minute = 0
    events: list[PumpEvent] = []
    at_minute: list[int] = []
    for position, (minutes, rate) in enumerate(told):
        events.append(event(Act.SLOW if position else Act.START, minute, rate))
        at_minute += [rate] * minutes
        minute += minutes

    found = infused_by(replay(events), minute)

    assert isinstance(found, Decimal)
    assert abs(found * 60 - sum(at_minute)) < Decimal("1e-15")


def test_events_of_one_minute_fit_in_the_order_in_which_they_are_told():
    course = course_of(STARTED, event(Act.PAUSE, 100), event(Act.RESUME, 100))

    assert course.state is State.RUNNING
    assert course.infused_ml == 0


def test_course_that_was_restarted_and_paused_is_resumed_and_needs_no_other_restart():
    restarted = course_of(
        STARTED, event(Act.REACTION, 110, grade=2), event(Act.RESTART, 120, 30), event(Act.PAUSE, 130)
    )

    assert (restarted.needs_restart, restarted.is_capped) == (False, True)
    assert acts_after(restarted) == (Act.RESUME, Act.FINISH, Act.STOP, Act.REACTION)


def test_what_ran_without_a_known_rate_before_has_nothing_ahead():
    course = course_of(event(Act.START, 100), event(Act.STEP_UP, 120, 60))

    assert steps_ahead(course, PLANNED, volume_ml=Decimal(300), minute=130) == ((), None)


def test_rate_that_is_not_planned_is_left_at_once():
    course = course_of(event(Act.START, 100, 90))

    steps, _ = steps_ahead(course, PLANNED, volume_ml=Decimal(300), minute=100)

    assert steps == (
        StepAhead(ml_per_h=Decimal(120), minute=100),
        StepAhead(ml_per_h=Decimal(240), minute=120),
    )


@pytest.mark.parametrize(
    ("volume_ml", "steps", "end"),
    [
        # 20 min at 60 mL per h are 20 mL: at the minute of the step all is in.
        (20, (), 120),
        (21, ((120, 120),), 121),
        # One mL at 120 per h takes half a minute, which is told as a whole one.
        (22, ((120, 120),), 121),
        (23, ((120, 120),), 122),
        (10, (), 110),
        (0, (), 100),
    ],
)
def test_end_is_the_whole_minute_in_which_the_volume_is_in(
    volume_ml: int, steps: tuple[tuple[int, int], ...], end: int
):
    found = steps_ahead(course_of(STARTED), PLANNED, volume_ml=Decimal(volume_ml), minute=100)

    expected = tuple(StepAhead(ml_per_h=Decimal(rate), minute=minute) for rate, minute in steps)
    assert found == (expected, end)


def test_last_digits_of_a_volume_make_no_minute():
    # 7 minutes at 50 mL per h are 5.83… mL, and the 44.16… that are left take 53 minutes.
    course = course_of(event(Act.START, 100, 50))

    assert steps_ahead(course, [(Decimal(50), None)], volume_ml=Decimal(50), minute=107) == ((), 160)


def test_volume_that_is_long_in_ends_now():
    assert steps_ahead(course_of(STARTED), PLANNED, volume_ml=Decimal(5), minute=190) == ((), 190)


def test_after_a_pause_for_a_reaction_it_is_restarted_or_ended_and_never_resumed():
    course = course_of(STARTED, event(Act.REACTION, 110, grade=2))

    assert acts_after(course) == (Act.RESTART, Act.FINISH, Act.STOP, Act.REACTION)
