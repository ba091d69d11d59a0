"""Which lines a finding is about, which it holds, and when it stops them."""

from typing import Any

import pytest

from protocols.engine.decision import evaluate
from protocols.engine.protocol import Effect, EffectKind, OverrideKind, OverridePolicy, Severity
from protocols.engine.recommendation import Finding, Recommendation, ScreeningState

from .factory import PROTOCOL, patient

HOLD, PRODUCT, CONSULT = EffectKind.HOLD_LINES, EffectKind.REQUIRE_PRODUCT, EffectKind.RAISE_CONSULT


def finding(*effects: tuple[EffectKind, str], severity: Severity = Severity.HARD, **more: Any) -> Finding:
    return Finding(
        rule="S_ONE",
        number="S_ONE",
        severity=severity,
        text="It speaks.",
        action="Do this.",
        override=OverridePolicy(kind=OverrideKind.NONE),
        effects=tuple(Effect(kind=kind, target=target) for kind, target in effects),
        cites=(),
        **more,
    )


def test_line_is_named_by_its_code_its_kind_and_its_drug() -> None:
    said = evaluate(PROTOCOL, patient())
    assert isinstance(said, Recommendation)
    names = {order.code: order.names for order in said.orders}

    assert names["T_IVIG"] == {"T_IVIG", "ivig", "drug IVIG"}
    assert names["T_LOOK"] == {"T_LOOK", "other"}


def test_finding_holds_the_lines_it_names_and_immunoglobulin_of_another_product() -> None:
    one = finding((HOLD, "platelets"), (CONSULT, "stat"), (PRODUCT, "intravenous"), (HOLD, "drug A"))

    assert one.holds == ("platelets", "ivig", "drug A")
    assert finding((CONSULT, "stat")).holds == ()


@pytest.mark.parametrize(
    ("severity", "is_hard"),
    [
        (Severity.HARD, True),
        (Severity.HARD_NAMED, True),
        (Severity.WARNING, False),
        (Severity.INFORMATION, False),
    ],
)
def test_only_a_hard_finding_stops(severity: Severity, is_hard: bool) -> None:
    one = finding(severity=severity)

    assert (one.is_hard, one.stops({"ivig"})) == (is_hard, is_hard)


@pytest.mark.parametrize(
    ("names", "concerns"),
    [
        ({"ivig"}, False),
        ({"ivig", "drug A"}, True),
        ({"ivig", "drug B"}, True),
        ({"drug A"}, False),
        ({"platelets"}, True),
        (set(), False),
    ],
)
def test_finding_is_about_lines_of_which_one_group_is_whole(names: set[str], concerns: bool) -> None:
    one = finding(lines=((("ivig",), ("drug A", "drug B")), (("platelets",),)))

    assert (one.concerns(names), one.stops(names)) == (concerns, concerns)
    assert finding().concerns(names)


@pytest.mark.parametrize(
    ("names", "stops"), [({"ivig"}, True), ({"platelets"}, False), ({"T", "ivig"}, True)]
)
def test_finding_that_holds_only_other_lines_stops_none_of_these(names: set[str], stops: bool) -> None:
    assert finding((HOLD, "ivig"), (HOLD, "drug A")).stops(names) is stops
    assert finding((CONSULT, "stat")).stops(names)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (ScreeningState.DONE, "In order."),
        (ScreeningState.WAITS, "Before the treatment starts."),
        (ScreeningState.SEND, "Take it now and do not wait for the result."),
    ],
)
def test_state_of_a_sample_is_told_in_words(state: ScreeningState, words: str) -> None:
    assert state.words == words
