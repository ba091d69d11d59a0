"""From a count to a grade, and from findings to a bleeding level."""

from typing import Any

import pytest

from protocols.engine.decision import branch_for
from protocols.engine.facts import UNKNOWN
from protocols.engine.grading import NoBand, assess_bleeding, grade_for

from .factory import PROTOCOL, band, bleeding_rule, if_any, if_from, sound_protocol

ALL_CLEAR = {"bleeding_findings": (), "who_bleeding_grade": 0, "egfr": 100}


@pytest.mark.parametrize(("count", "grade"), [(0, 2), (9, 2), (10, 1), (19, 1), (20, 0), (10_000_000, 0)])
@pytest.mark.hazard("H02")
def test_count_on_a_border_belongs_to_the_milder_grade(count: int, grade: int) -> None:
    assert grade_for(PROTOCOL.grade_bands, count).grade == grade


def test_count_in_no_band_is_an_error() -> None:
    with pytest.raises(NoBand, match="15 per microlitre is in no grade"):
        grade_for((band(2, 0, 10), band(0, 20, None)), 15)


@pytest.mark.parametrize(
    ("values", "level", "rules"),
    [
        ({}, "none", ()),
        ({"who_bleeding_grade": 2}, "active", ("B_ACTIVE",)),
        ({"bleeding_findings": ("melaena",)}, "active_cns_gi_gu", ("B_SITE",)),
        ({"bleeding_findings": ("melaena", "uncontrolled")}, "life_threatening", ("B_LIFE",)),
        ({"egfr": 10}, "risk_factors", ("B_RISK",)),
        # By gravity and not by the alphabet, in which risk comes last.
        ({"egfr": 10, "who_bleeding_grade": 2}, "active", ("B_ACTIVE",)),
        ({"egfr": 10, "bleeding_findings": ("uncontrolled",)}, "life_threatening", ("B_LIFE",)),
    ],
)
def test_highest_level_that_holds_is_taken(
    values: dict[str, Any], level: str, rules: tuple[str, ...]
) -> None:
    assessment = assess_bleeding(PROTOCOL, ALL_CLEAR | values)

    assert (assessment.level, assessment.computed, assessment.at_least) == (level, level, level)
    assert assessment.rules == rules
    assert assessment.stated is UNKNOWN


def test_all_rules_of_the_level_are_named() -> None:
    rules = (
        bleeding_rule("ONE", "active", if_any("bleeding_findings", "haemoptysis")),
        bleeding_rule("TWO", "active", if_from("who_bleeding_grade", "2")),
    )
    values = {"bleeding_findings": ("haemoptysis",), "who_bleeding_grade": 2}

    assert assess_bleeding(sound_protocol(bleeding_rules=rules), values).rules == ("ONE", "TWO")


def test_level_is_unknown_while_an_open_fact_could_raise_it() -> None:
    assessment = assess_bleeding(PROTOCOL, {"who_bleeding_grade": 2})

    assert assessment.level is UNKNOWN
    assert assessment.at_least == "active"
    assert assessment.possible == ("active", "active_cns_gi_gu", "life_threatening")


def test_level_is_unknown_while_one_higher_level_is_open() -> None:
    rules = (bleeding_rule("ONE", "active", if_from("who_bleeding_grade", "2")),)

    assessment = assess_bleeding(sound_protocol(bleeding_rules=rules), {})

    assert assessment.possible == ("none", "active")
    assert assessment.computed is UNKNOWN


def test_level_is_known_when_an_open_fact_could_only_lower_it() -> None:
    assessment = assess_bleeding(PROTOCOL, {"bleeding_findings": ("uncontrolled",)})

    assert assessment.level == "life_threatening"


@pytest.mark.parametrize(
    ("values", "suggests"),
    [
        ({"bleeding_level": "none", "bleeding_findings": ("melaena",)}, True),
        ({"bleeding_level": "active"}, UNKNOWN),
        # Only a risk level is open, and that is lower than what was stated.
        ({"bleeding_level": "active", "bleeding_findings": (), "who_bleeding_grade": 0}, False),
        ({"bleeding_level": "life_threatening"}, False),
        ({"bleeding_level": "active", **ALL_CLEAR}, False),
        (ALL_CLEAR, False),
    ],
)
def test_stated_level_counts_and_higher_findings_are_told(values: dict[str, Any], suggests: object) -> None:
    assessment = assess_bleeding(PROTOCOL, values)

    assert assessment.level == values.get("bleeding_level", "none")
    assert assessment.findings_suggest_higher is suggests


def test_cell_the_protocol_forgot_has_a_rule_that_says_so() -> None:
    forgetful = sound_protocol(decision_rules=PROTOCOL.decision_rules[1:])

    rule = branch_for(forgetful, 0, "none", False, False)

    assert rule.branch is None
    assert "no rule for this case" in rule.not_covered


def test_cell_of_a_grade_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(KeyError):
        branch_for(PROTOCOL, 9, "none", False, False)


@pytest.mark.parametrize(
    ("stated", "findings", "expected"),
    [
        ("active", {"who_bleeding_grade": 2}, False),
        ("none", {"who_bleeding_grade": 2}, True),
        ("risk_factors", {"who_bleeding_grade": 2}, True),
        ("active_cns_gi_gu", {"who_bleeding_grade": 2}, False),
    ],
)
def test_findings_suggest_a_higher_level_only_above_the_one_stated(
    stated: str, findings: dict[str, Any], expected: bool
) -> None:
    bleeding = assess_bleeding(PROTOCOL, {**ALL_CLEAR, **findings, "bleeding_level": stated})

    assert bleeding.findings_suggest_higher is expected
    assert assess_bleeding(PROTOCOL, {**ALL_CLEAR, **findings}).findings_suggest_higher is False


def test_findings_that_may_prove_a_higher_level_leave_it_open() -> None:
    known = {"who_bleeding_grade": 2, "egfr": 100}

    assert assess_bleeding(PROTOCOL, {**known, "bleeding_level": "active"}).findings_suggest_higher is UNKNOWN
    assert (
        assess_bleeding(PROTOCOL, {**known, "bleeding_level": "life_threatening"}).findings_suggest_higher
        is False
    )
