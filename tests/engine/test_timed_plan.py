"""Whether a timed plan brings too much volume, and when each of its lines starts."""

from dataclasses import replace
from typing import Any

import pytest

from protocols.engine.decision import evaluate
from protocols.engine.facts import UNKNOWN
from protocols.engine.recommendation import Recommendation
from protocols.engine.timed_plan import TimedPlan

from .factory import PROTOCOL, D, patient


@pytest.fixture(scope="module")
def plan() -> TimedPlan:
    said = evaluate(PROTOCOL, patient())
    assert isinstance(said, Recommendation)
    assert said.timed_plan is not None
    return said.timed_plan


@pytest.mark.parametrize(
    ("ml_per_kg", "is_over"), [(D("7.9"), False), (D(8), False), (D("8.1"), True), (UNKNOWN, UNKNOWN)]
)
def test_plan_is_over_the_limit_only_above_it_and_unknown_without_a_weight(
    plan: TimedPlan, ml_per_kg: Any, is_over: Any
) -> None:
    assert plan.limit_ml_per_kg == D(8)
    assert replace(plan, planned_volume_ml_per_kg=ml_per_kg).is_over_limit is is_over


def test_line_starts_at_its_first_event_and_what_is_not_in_the_plan_never(plan: TimedPlan) -> None:
    late = replace(plan.events[0], code="LATE", after_minutes=7)
    later = replace(late, after_minutes=9)

    assert replace(plan, events=(*plan.events, late, later)).start_of("LATE") == 7
    assert plan.start_of("LATE") is None
