"""Cases that belong to a protocol: each part they expect can fail, and a failing one says what it found."""

from dataclasses import replace
from typing import Any

import pytest

from protocols.engine.decision import evaluate
from protocols.engine.facts import Facts
from protocols.engine.outcome import outcome_to_plain
from protocols.engine.plain import from_plain
from protocols.engine.protocol import ExpectedDose, Protocol, WorkedCase
from protocols.engine.review import failing_cases, find_problems
from protocols.engine.worked_cases import CaseUnreadable, expectations_of, facts_of, run_case, run_cases

from .factory import ANSWERED, PROTOCOL, D, case, sound_protocol

TREATED = {"platelets_per_ul": 5, **ANSWERED}


def treated(**expected: Any) -> WorkedCase:
    return case("TRIED", TREATED, **expected)


def dose(line: str, amount: str, unit: str) -> tuple[ExpectedDose, ...]:
    return (ExpectedDose(line=line, amount=D(amount), unit=unit),)


REQUIRED = "SCREEN_SAMPLE, T_IVIG, T_STEROID, consult_same_day"
RIGHT: dict[str, Any] = {
    "outcome": "recommendation",
    "grade": 2,
    "branch": "TREAT",
    "consult": "same_day",
    "doses": dose("T_IVIG", "30", "g"),
    "lines": ("T_IVIG", "T_STEROID"),
    "no_lines": ("T_SLOW",),
    "findings": ("S_CONSENT",),
    "no_findings": ("S_REACTION",),
    "no_gates": ("TTP",),
    "monitoring": ("M_IVIG",),
    "maximum_ml_per_h": D(180),
}
WRONG: dict[str, tuple[Any, str]] = {
    "outcome": ("gated", "recommendation"),
    "grade": (1, "2"),
    "branch": ("WATCH", "TREAT"),
    "consult": ("stat", "same_day"),
    "doses": (dose("T_IVIG", "35", "g"), "30 g"),
    "lines": (("T_LOOK",), "T_IVIG"),
    "no_lines": (("T_IVIG",), "T_IVIG"),
    "held": (("T_IVIG",), "none"),
    "findings": (("S_KIDNEY",), "S_CONSENT"),
    "no_findings": (("S_CONSENT",), "S_CONSENT"),
    "gates": (("TTP",), "none"),
    "monitoring": (("M_GONE",), "M_ALL"),
    "maximum_ml_per_h": (D(1), "180"),
}


def test_case_passes_where_every_part_is_as_expected() -> None:
    assert run_case(PROTOCOL, treated(**RIGHT)).differences == ()


@pytest.mark.parametrize("part", WRONG)
def test_case_fails_by_each_part_alone_and_says_what_was_found(part: str) -> None:
    expected, found = WRONG[part]

    result = run_case(PROTOCOL, treated(**{part: expected}))

    (difference,) = result.differences
    assert not result.passes
    assert found in difference.found


@pytest.mark.parametrize(
    ("expected", "difference"),
    [
        ({"outcome": "gated"}, ("outcome", "gated", "recommendation")),
        ({"grade": 1}, ("grade", "1", "2")),
        ({"branch": "WATCH"}, ("branch", "WATCH", "TREAT")),
        ({"consult": "stat"}, ("consult", "stat", "same_day")),
        ({"maximum_ml_per_h": D("1.50")}, ("maximum ml per h", "1.5", "180")),
        ({"lines": ("T_LOOK", "T_IVIG", "GONE")}, ("required lines", "T_LOOK, GONE", REQUIRED)),
        (
            {"no_lines": ("T_SLOW", "T_IVIG", "T_STEROID")},
            ("required lines", "not T_IVIG, T_STEROID", REQUIRED),
        ),
        ({"held": ("T_IVIG",)}, ("lines on hold", "T_IVIG", "none")),
        ({"findings": ("S_KIDNEY",)}, ("findings", "S_KIDNEY", "S_CONSENT")),
        ({"no_findings": ("S_CONSENT",)}, ("findings", "not S_CONSENT", "S_CONSENT")),
        ({"gates": ("TTP", "CLUMPS")}, ("gates", "TTP, CLUMPS", "none")),
        ({"monitoring": ("M_GONE",)}, ("monitoring", "M_GONE", "M_ALL, M_DIABETES, M_IVIG")),
        ({"doses": dose("T_IVIG", "35.0", "g")}, ("dose of T_IVIG", "35 g", "30 g")),
        ({"doses": dose("T_IVIG", "30", "mg")}, ("dose of T_IVIG", "30 mg", "30 g")),
        ({"doses": dose("T_LOOK", "30", "mg")}, ("dose of T_LOOK", "30 mg", "none")),
    ],
)
def test_difference_is_told_with_both_sides_in_words(
    expected: dict[str, Any], difference: tuple[str, str, str]
) -> None:
    result = run_case(PROTOCOL, treated(**expected))

    assert [(made.part, made.expected, made.found) for made in result.differences] == [difference]
    assert (result.key, result.sentence, result.error, result.passes) == ("TRIED", "Case TRIED", "", False)


def test_case_without_an_infusion_found_no_rate() -> None:
    watched = case(
        "TRIED", {**TREATED, "platelets_per_ul": 15, "bleeding_level": "none"}, maximum_ml_per_h=D(9)
    )

    (difference,) = run_case(PROTOCOL, watched).differences

    assert (difference.expected, difference.found) == ("9", "none")


def test_case_that_cannot_be_tried_says_why() -> None:
    lost = run_case(PROTOCOL, case("TRIED", {}, starts_from="SMALL"))
    strange = run_case(PROTOCOL, case("TRIED", {"weight_kg": "70 kg"}))

    assert (lost.key, lost.sentence, lost.differences) == ("TRIED", "Case TRIED", ())
    assert lost.error == "There is no case SMALL that starts from nothing else."
    assert "weight_kg" in strange.error
    assert not lost.passes
    assert not strange.passes


def test_expectations_of_an_outcome_are_its_branch_lines_doses_findings_and_gates() -> None:
    reacted = facts_of(PROTOCOL, case("NEW", {**TREATED, "immunoglobulin_reaction": True}))
    gated = facts_of(PROTOCOL, case("NEW", {**TREATED, "ttp_suspected": True}))

    assert expectations_of(outcome_to_plain(PROTOCOL, evaluate(PROTOCOL, reacted))) == {
        "outcome": "recommendation",
        "grade": 2,
        "branch": "TREAT",
        "consult": "stat",
        "lines": ["SCREEN_SAMPLE", "T_STEROID", "consult_stat"],
        "doses": [{"line": "T_STEROID", "amount": "100", "unit": "mg"}],
        "held": ["T_IVIG", "T_SLOW"],
        "findings": ["S_REACTION", "S_CONSENT"],
        "gates": [],
    }
    expected = expectations_of(outcome_to_plain(PROTOCOL, evaluate(PROTOCOL, gated)))
    assert (expected["outcome"], expected["gates"], expected["branch"]) == ("gated", ["TTP"], "TREAT")
    nothing = expectations_of(outcome_to_plain(PROTOCOL, evaluate(PROTOCOL, Facts())))
    assert (nothing["grade"], nothing["branch"], nothing["doses"]) == (None, "", [])


def test_dose_of_a_line_that_is_not_proposed_is_none() -> None:
    (difference,) = run_case(PROTOCOL, treated(doses=dose("E_IVIG", "30", "g"))).differences

    assert (difference.expected, difference.found) == ("30 g", "none")


def test_gate_that_must_not_speak_fails_the_case_when_it_does() -> None:
    gated = case("GATED", {**TREATED, "ttp_suspected": True}, no_gates=("TTP",), maximum_ml_per_h=D(5))

    assert [difference.part for difference in run_case(PROTOCOL, gated).differences] == [
        "maximum ml per h",
        "gates",
    ]


def test_case_takes_the_facts_of_the_one_it_starts_from_and_its_own_over_them() -> None:
    usual, small = PROTOCOL.cases

    assert facts_of(PROTOCOL, small) == replace(facts_of(PROTOCOL, usual), weight_kg=D(30))


@pytest.mark.parametrize(
    "unreadable",
    [
        case("TRIED", {}, starts_from="GONE"),
        case("TRIED", {}, starts_from="SMALL"),
        case("TRIED", {"colour": "red"}),
        case("TRIED", {"weight_kg": "70 kg"}),
        case("TRIED", {"weight_kg": "301"}),
    ],
)
def test_case_whose_facts_cannot_be_read_fails_and_is_a_problem(unreadable: WorkedCase) -> None:
    protocol = sound_protocol(cases=(*PROTOCOL.cases, replace(unreadable, branch="TREAT")))

    assert not run_case(protocol, protocol.cases[-1]).passes
    assert [(p.section, p.key, p.field) for p in find_problems(protocol)] == [("cases", "TRIED", "facts")]
    with pytest.raises(CaseUnreadable):
        facts_of(protocol, protocol.cases[-1])


def test_every_case_of_a_protocol_is_run() -> None:
    assert [result.key for result in run_cases(PROTOCOL)] == ["USUAL", "SMALL"]
    assert failing_cases(PROTOCOL) == ()


def test_failing_case_is_a_problem_in_the_words_of_its_sentence() -> None:
    protocol = sound_protocol(cases=(treated(branch="WATCH"), case("OTHER", {"colour": "red"})))

    failing, unreadable = failing_cases(protocol)

    assert failing.section == "cases"
    assert failing.message == "Case TRIED: branch should be WATCH, and is TREAT"
    assert "no fact of this name" in unreadable.message


@pytest.mark.parametrize("answered", [TREATED, {**TREATED, "ttp_suspected": True}, {"platelets_per_ul": 50}])
def test_expectations_made_from_an_outcome_pass_on_it(answered: dict[str, Any]) -> None:
    facts = facts_of(PROTOCOL, case("NEW", answered))
    plain = expectations_of(outcome_to_plain(PROTOCOL, evaluate(PROTOCOL, facts)))

    made = from_plain(WorkedCase, {"key": "NEW", "sentence": "As seen", "facts": answered, **plain})

    assert run_case(PROTOCOL, made).passes


def test_protocol_with_cases_can_be_a_key() -> None:
    assert isinstance(hash(PROTOCOL), int)
    assert isinstance(PROTOCOL, Protocol)
