"""Answers by their parts, and what differs between two of them, counted and sorted worst first."""

import json
from hashlib import sha256
from typing import Any

import pytest

from protocols.engine.answers import (
    FORMAT,
    Answer,
    Change,
    NotAnOutcome,
    Part,
    PartChange,
    Tally,
    Unreadable,
    answer_from_plain,
    answer_of,
    answer_to_plain,
    parts_that_differ,
    tally_from_plain,
    tally_to_plain,
)

from .factory import D

PLAIN: dict[str, Any] = {
    "outcome": "not_covered",
    "branch": "TREAT",
    "consult": "same_day",
    "targets": [{"platelets_per_ul": 1500}, {"platelets_per_ul": 20}],
    "repeat": {"earliest_hours": 20},
    "rate_plan": {"steps": [{"ml_per_h": "10"}, {"ml_per_h": "20.5"}], "maximum_ml_per_h": "20.5"},
    "orders": [
        {
            "code": "ONE",
            "role": "required",
            "held": False,
            "frequency": "once",
            "duration": "one day",
            "dose": {"rounded": "30", "unit": "g"},
        },
        {"code": "TWO", "role": "offered", "held": True, "frequency": None, "duration": "", "dose": None},
    ],
    "findings": [
        {"rule": "S_HARD", "severity": "hard"},
        {"rule": "S_NAMED", "severity": "hard_named_haematologist"},
        {"rule": "S_WARNING", "severity": "warning"},
    ],
    "gates": [
        {
            "key": "CLUMPS",
            "platelets": "haematology_only",
            "ivig": "as_branch",
            "corticosteroid": "blocked",
        }
    ],
    "monitoring": [{"key": "M", "due_minutes": 10, "anchor": "T0"}],
    "texts": [{"key": "conflict"}],
}
NOTHING = {
    **PLAIN,
    "outcome": "gated",
    "branch": None,
    "targets": [],
    "repeat": None,
    "rate_plan": None,
    **{key: [] for key in ("orders", "findings", "gates", "monitoring", "texts")},
}


def test_answer_comes_back_from_plain_data() -> None:
    answer = answer_of(PLAIN)

    assert answer_from_plain(json.loads(json.dumps(answer_to_plain(answer)))) == answer


def test_format_is_raised_with_every_change_to_what_an_answer_says() -> None:
    said = json.dumps([answer_to_plain(answer_of(plain)) for plain in (PLAIN, NOTHING)])

    # Another digest needs another format, or answers stored before would look changed to every replay.
    assert (FORMAT, sha256(said.encode()).hexdigest()[:16]) == (1, "83d6632a0316e85f")


def test_answer_has_every_part_of_an_outcome_in_words() -> None:
    assert answer_of(PLAIN) == {
        (Part.ANSWER, ""): "not covered",
        (Part.BRANCH, ""): "TREAT",
        (Part.CONSULT, ""): "same_day",
        (Part.TARGET, ""): "1,500, 20",
        (Part.REPEAT, ""): "20 hours",
        (Part.RATE, ""): "10 then 20.5 mL per h, at most 20.5",
        (Part.LINE, "ONE"): "required",
        (Part.COURSE, "ONE"): "once, one day",
        (Part.DOSE, "ONE"): "30 g",
        (Part.LINE, "TWO"): "offered, on hold",
        (Part.COURSE, "TWO"): "",
        (Part.STOP, "S_HARD"): "hard",
        (Part.STOP, "S_NAMED"): "hard named haematologist",
        (Part.FINDING, "S_WARNING"): "warning",
        (Part.GATE, "CLUMPS"): "platelets haematology only, ivig as branch, corticosteroid blocked",
        (Part.TASK, "M"): "10 minutes after T0",
        (Part.TEXT, "conflict"): "shown",
    }


def test_answer_without_a_proposal_is_empty_in_its_parts() -> None:
    assert answer_of(NOTHING) == {
        (Part.ANSWER, ""): "gated",
        (Part.BRANCH, ""): "",
        (Part.CONSULT, ""): "same_day",
        (Part.TARGET, ""): "",
        (Part.REPEAT, ""): "",
        (Part.RATE, ""): "",
    }


@pytest.mark.parametrize("key", PLAIN)
def test_outcome_without_a_part_is_none(key: str) -> None:
    with pytest.raises(NotAnOutcome) as refused:
        answer_of({name: value for name, value in PLAIN.items() if name != key})

    assert str(refused.value) == f"The stored answer has no '{key}'."


@pytest.mark.parametrize("wrong", [{"orders": None}, {"outcome": 3}, {"targets": [7]}])
def test_outcome_with_a_part_that_is_something_else_is_none(wrong: dict[str, Any]) -> None:
    with pytest.raises(NotAnOutcome) as refused:
        answer_of(PLAIN | wrong)

    assert str(refused.value) == "The stored answer is not built like one."


def test_parts_that_differ_stand_worst_first() -> None:
    before: Answer = {
        (Part.TEXT, "b"): "shown",
        (Part.TEXT, "a"): "shown",
        (Part.DOSE, "ONE"): "30 g",
        (Part.CONSULT, ""): "info",
    }
    after: Answer = {(Part.DOSE, "ONE"): "40 g", (Part.CONSULT, ""): "info", (Part.STOP, "S"): "hard"}

    assert parts_that_differ(before, after) == (
        PartChange(part=Part.STOP, subject="S", before="", after="hard"),
        PartChange(part=Part.DOSE, subject="ONE", before="30 g", after="40 g"),
        PartChange(part=Part.TEXT, subject="a", before="shown", after=""),
        PartChange(part=Part.TEXT, subject="b", before="shown", after=""),
    )
    assert parts_that_differ(before, before) == ()


def dose(amount: str) -> Answer:
    return {(Part.DOSE, "ONE"): amount} if amount else {}


def tally_of(*pairs: tuple[Answer, Answer]) -> Tally:
    tally = Tally()
    for number, (before, after) in enumerate(pairs, start=1):
        tally.add(before, after, {"patient": number})
    return tally


def test_doses_are_counted_together_with_the_greatest_as_the_example() -> None:
    tally = tally_of(
        (dose("10 g"), dose("12 g")),
        (dose("10 g"), dose("5 g")),
        (dose("10 g"), dose("11 g")),
        (dose("20 g"), dose("10 g")),
        (dose("10 g"), dose("10 g")),
    )

    assert (tally.tried, tally.changed) == (5, 4)
    assert tally.worst_first() == [
        Change(
            part=Part.DOSE,
            subject="ONE",
            before="10 g",
            after="5 g",
            count=4,
            size=D("0.5"),
            example={"patient": 2},
        )
    ]


def test_dose_that_is_lost_or_new_is_counted_apart() -> None:
    tally = tally_of(
        (dose("10 g"), dose("12 g")),
        (dose("10 g"), dose("")),
        (dose("10 g"), dose("")),
        (dose(""), dose("10 g")),
    )

    assert [(change.before, change.after, change.count) for change in tally.worst_first()] == [
        ("10 g", "", 2),
        ("10 g", "12 g", 1),
        ("", "10 g", 1),
    ]


def test_other_parts_are_counted_by_their_words() -> None:
    watch, treat, call = ({(Part.BRANCH, ""): word} for word in ("WATCH", "TREAT", "CALL"))

    tally = tally_of((watch, treat), (watch, call), (watch, treat))

    assert [(change.after, change.count, change.size) for change in tally.worst_first()] == [
        ("TREAT", 2, D(0)),
        ("CALL", 1, D(0)),
    ]


@pytest.mark.parametrize(
    ("before", "after", "size"),
    [
        ("10 g", "15 g", D("0.5")),
        ("10.5 g", "0 g", D(1)),
        ("0 g", "5 g", D(0)),
        ("some", "5 g", D(0)),
        ("10 g", "some", D(0)),
        ("1.2.3 g", "5 g", D(0)),
    ],
)
def test_size_of_a_difference_is_its_share_of_what_it_was(before: str, after: str, size: Any) -> None:
    (change,) = tally_of((dose(before), dose(after))).worst_first()

    assert change.size == size


def test_size_of_a_rate_is_that_of_its_highest() -> None:
    before = {(Part.RATE, ""): "10 then 20 mL per h, at most 20"}
    after = {(Part.RATE, ""): "1 then 25 mL per h, at most 25"}

    (change,) = tally_of((before, after)).worst_first()

    assert change.size == D("0.25")


@pytest.mark.parametrize(
    ("before", "after", "is_first"),
    [("stat", "info", True), ("info", "none", True), ("none", "stat", False), ("same_day", "stat", False)],
)
def test_consult_that_is_less_urgent_is_worse_than_one_more_urgent(
    before: str, after: str, is_first: bool
) -> None:
    less, more = {(Part.CONSULT, "b"): "same_day"}, {(Part.CONSULT, "b"): "stat"}
    tried = ({(Part.CONSULT, "a"): before}, {(Part.CONSULT, "a"): after})

    # Two of the other, so that only the direction can bring the one to the front.
    found = tally_of((less, more), (less, more), tried).worst_first()

    assert (found[0].subject == "a") is is_first


def test_of_like_differences_the_greater_then_the_more_frequent_then_the_name_comes_first() -> None:
    def line(code: str, before: str, after: str) -> tuple[Answer, Answer]:
        return {(Part.DOSE, code): before}, {(Part.DOSE, code): after}

    tally = tally_of(
        line("D", "10 g", "11 g"),
        line("B", "10 g", "11 g"),
        line("C", "10 g", "11 g"),
        line("C", "10 g", "11 g"),
        line("E", "10 g", "20 g"),
    )

    assert [change.subject for change in tally.worst_first()] == ["E", "C", "B", "D"]


def test_patient_who_cannot_be_compared_is_counted_and_not_taken_for_unchanged() -> None:
    tally = tally_of((dose("10 g"), dose("10 g")))
    tally.add_unreadable("Gone.", {"patient": 2})
    tally.add_unreadable("Gone.", {"patient": 3})
    tally.add_unreadable("Strange.", {"patient": 4})

    assert (tally.tried, tally.changed) == (4, 0)
    assert tally.unreadable == {
        "Gone.": Unreadable(reason="Gone.", count=2, example={"patient": 2}),
        "Strange.": Unreadable(reason="Strange.", count=1, example={"patient": 4}),
    }


def full_tally() -> Tally:
    tally = tally_of((dose("10 g"), dose("12 g")), (dose("10 g"), dose("10 g")))
    tally.add_unreadable("Gone.", {"patient": 3})
    return tally


def test_tallies_are_merged_into_what_one_would_have_counted() -> None:
    tally = full_tally()
    other = tally_of((dose("10 g"), dose("30 g")), ({}, {(Part.TEXT, "a"): "shown"}))
    other.add_unreadable("Gone.", {"patient": 9})
    other.add_unreadable("Strange.", {"patient": 10})

    tally.merge(other)

    assert (tally.tried, tally.changed) == (7, 3)
    assert [(change.part, change.after, change.count) for change in tally.worst_first()] == [
        (Part.DOSE, "30 g", 2),
        (Part.TEXT, "shown", 1),
    ]
    assert {key: row.count for key, row in tally.unreadable.items()} == {"Gone.": 2, "Strange.": 1}
    assert tally.unreadable["Gone."].example == {"patient": 3}


def test_tally_is_plain_data_and_comes_back() -> None:
    plain = tally_to_plain(full_tally())

    assert plain == {
        "tried": 3,
        "changed": 1,
        "changes": [
            {
                "part": "dose",
                "subject": "ONE",
                "before": "10 g",
                "after": "12 g",
                "count": 1,
                "size": "0.2",
                "example": {"patient": 1},
            }
        ],
        "unreadable": [{"reason": "Gone.", "count": 1, "example": {"patient": 3}}],
    }
    assert tally_from_plain(plain) == full_tally()


def test_tally_stored_before_anything_was_unreadable_has_none() -> None:
    plain = tally_to_plain(full_tally())
    del plain["unreadable"]

    assert tally_from_plain(plain).unreadable == {}
