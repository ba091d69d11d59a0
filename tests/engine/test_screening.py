"""Samples before treatment: for whom, done only where that is sure, waited for unless that is sure too."""

from dataclasses import replace
from typing import Any

import pytest

from protocols.engine.decision import evaluate
from protocols.engine.facts import UNKNOWN
from protocols.engine.outcome import outcome_to_plain
from protocols.engine.protocol import OrderKind, Role, Timing
from protocols.engine.recommendation import Recommendation, ScreeningState
from protocols.engine.screening import screening_lines, screening_of

from .factory import PROTOCOL, D, patient, sound_protocol


def recommended(**changes: Any) -> Recommendation:
    said = evaluate(PROTOCOL, patient(**{"iga_g_per_l": UNKNOWN, "first_ivig": True, **changes}))
    assert isinstance(said, Recommendation)
    return said


def states(said: Recommendation) -> list[ScreeningState]:
    return [row.state for row in said.screening]


def lines(said: Recommendation) -> list[str]:
    return [order.text for order in said.orders if order.timing is Timing.BEFORE]


def test_item_that_is_in_order_is_shown_and_needs_no_line() -> None:
    said = recommended(iga_g_per_l=D(1))

    assert states(said) == [ScreeningState.DONE]
    assert lines(said) == []


def test_item_that_treatment_waits_for_stands_before_it() -> None:
    said = recommended(clumps=False)

    assert states(said) == [ScreeningState.WAITS]
    assert lines(said) == ["Take a sample. Before the treatment starts."]


def test_line_of_a_sample_is_free_and_stands_alone() -> None:
    (sample,) = (order for order in recommended(clumps=False).orders if order.timing is Timing.BEFORE)

    assert (sample.code, sample.kind, sample.role) == ("SCREEN_SAMPLE", OrderKind.OTHER, Role.REQUIRED)
    assert (sample.group, sample.start_after_minutes, sample.is_held) == ("", 0, False)
    assert (sample.template, sample.dose, sample.waits_for, sample.cites) == (None, None, (), ("C10",))


def test_item_that_nothing_waits_for_is_sent_without_waiting() -> None:
    item = replace(PROTOCOL.screening_items[0], waits_when=())
    said = evaluate(sound_protocol(screening_items=(item,)), patient(iga_g_per_l=UNKNOWN, first_ivig=True))
    assert isinstance(said, Recommendation)

    assert states(said) == [ScreeningState.SEND]
    assert lines(said) == ["Take a sample. Take it now and do not wait for the result."]


def test_item_for_somebody_else_is_left_out_and_one_that_may_be_for_this_patient_is_not() -> None:
    assert states(recommended(first_ivig=False)) == []
    assert states(recommended(first_ivig=UNKNOWN)) == [ScreeningState.WAITS]


def test_timing_that_cannot_be_told_waits() -> None:
    assert states(recommended(clumps=UNKNOWN, low_count_confirmed=True)) == [ScreeningState.WAITS]


def test_item_of_another_treatment_is_left_out() -> None:
    assert screening_of(PROTOCOL, {"first_ivig": True}, ()) == ()


def test_what_can_be_said_of_an_item_is_made_once_for_each_protocol() -> None:
    said, again = recommended(), recommended()
    (line,), (line_again,) = (screening_lines(PROTOCOL, each.screening) for each in (said, again))

    assert said.screening[0] is again.screening[0]
    assert line is line_again


def test_item_says_what_each_result_changes() -> None:
    (item,) = outcome_to_plain(PROTOCOL, recommended())["screening"]

    assert (item["key"], item["state"], item["due"]) == ("SAMPLE", "waits", "Before the first line.")
    assert item["changes"] == [{"result": "Low", "change": "Another product."}]


@pytest.mark.parametrize("state", list(ScreeningState))
def test_every_state_has_words(state: ScreeningState) -> None:
    assert state.words.endswith(".")
