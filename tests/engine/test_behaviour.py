"""What an edit would do to patients: counted over the whole space, and the same as by brute force."""

from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from protocols.engine.answers import (
    Answer,
    NotAnOutcome,
    Part,
    Tally,
    answer_of,
    parts_that_differ,
    tally_from_plain,
    tally_to_plain,
)
from protocols.engine.behaviour import answer_to, behaviour_changes, situations_between
from protocols.engine.facts import LEVELS
from protocols.engine.protocol import Protocol

from .factory import PROTOCOL, D, if_is, patient, sound_protocol


def with_row(section: str, key: str, **changes: Any) -> Protocol:
    rows = tuple(replace(r, **changes) if r.key == key else r for r in getattr(PROTOCOL, section))
    return sound_protocol(**{section: rows})


LOWER_DOSE = sound_protocol(regimens=(replace(PROTOCOL.regimens[0], amount=D("0.4")), *PROTOCOL.regimens[1:]))


def parts_of(tally: Tally) -> set[Part]:
    return {change.part for change in tally.worst_first()}


def test_same_protocol_does_the_same() -> None:
    tally = behaviour_changes(PROTOCOL, sound_protocol())

    assert tally.tried > 100
    assert (tally.changed, tally.worst_first()) == (0, [])


def test_words_of_a_source_change_nothing_that_is_done() -> None:
    after = sound_protocol(citations=(replace(PROTOCOL.citations[0], passage="They said eleven."),))

    assert behaviour_changes(PROTOCOL, after).changed == 0


def test_no_situation_is_tried_twice_and_every_cell_is_tried() -> None:
    tried = [situation.facts for situation in situations_between(PROTOCOL, LOWER_DOSE)]

    assert len(tried) == len(set(tried))
    for count, level, surgery, rise in product((0, 9, 10, 19, 20), LEVELS, (False, True), (False, True)):
        assert any(
            (f.platelets_per_ul, f.bleeding_level, f.urgent_surgery, f.rapid_rise)
            == (count, level, surgery, rise)
            for f in tried
        )


def test_how_many_situations_there_are_is_said_once_every_cell_is_tried() -> None:
    said = [situation.of for situation in situations_between(PROTOCOL, LOWER_DOSE)]
    cells = [situation.of for situation in situations_between(PROTOCOL, sound_protocol())]

    assert set(cells) == {len(cells)}
    first = len([of for of in said if of is None])
    assert 0 < first < len(said)
    assert said == [None] * first + [len(said)] * (len(said) - first)


def test_worst_comes_first() -> None:
    after = replace(
        with_row("decision_rules", "R11", branch="WATCH"),
        regimens=LOWER_DOSE.regimens,
        texts=with_row("texts", "conflict", when=if_is("aetiology", "secondary_itp")).texts,
    )

    parts = [change.part for change in behaviour_changes(PROTOCOL, after).worst_first()]

    assert parts[0] is Part.BRANCH
    assert parts[-1] is Part.TEXT
    assert parts == sorted(parts, key=list(Part).index)


def answer(**parts: str) -> Answer:
    return {(Part(name), "X"): words for name, words in parts.items()}


def tally_of(*pairs: tuple[Answer, Answer]) -> Tally:
    tally = Tally()
    for number, (before, after) in enumerate(pairs):
        tally.add(before, after, {"number": number})
    return tally


def test_greatest_change_of_a_dose_is_its_example_and_all_are_counted() -> None:
    tally = tally_of(
        (answer(dose="40 g"), answer(dose="35 g")),
        (answer(dose="10 g"), answer(dose="5 g")),
        (answer(dose="20 g"), answer(dose="15 g")),
    )

    (change,) = tally.worst_first()

    assert (change.count, change.before, change.after, change.example) == (3, "10 g", "5 g", {"number": 1})


def test_dose_that_is_lost_is_counted_apart_from_one_that_changed() -> None:
    tally = tally_of((answer(dose="40 g"), answer(dose="35 g")), (answer(dose="40 g"), answer()))

    assert [(change.before, change.after) for change in tally.worst_first()] == [
        ("40 g", ""),
        ("40 g", "35 g"),
    ]


def test_fastest_rate_decides_how_far_a_rate_moved() -> None:
    slow, fast = "10 then 20 mL per h, at most 20", "10 then 40 mL per h, at most 40"

    (change,) = tally_of((answer(rate=slow), answer(rate=fast))).worst_first()

    assert change.size == 1


def test_lost_stop_and_lower_consult_come_before_what_was_added() -> None:
    tally = tally_of(
        (answer(stop=""), answer(stop="hard")),
        ({(Part.STOP, "Y"): "hard"}, {}),
        ({(Part.CONSULT, ""): "none"}, {(Part.CONSULT, ""): "stat"}),
        ({(Part.CONSULT, ""): "stat"}, {(Part.CONSULT, ""): "info"}),
    )

    assert [(change.subject, change.before, change.after) for change in tally.worst_first()] == [
        ("Y", "hard", ""),
        ("X", "", "hard"),
        ("", "stat", "info"),
        ("", "none", "stat"),
    ]


def test_tallies_of_two_halves_make_the_tally_of_the_whole() -> None:
    pairs = [(answer(dose=f"{n} g", line="required"), answer(dose=f"{n + 5} g")) for n in (10, 20, 30, 40)]
    first, second = tally_of(*pairs[:2]), tally_of(*pairs[2:])

    first.merge(tally_from_plain(tally_to_plain(second)))

    whole = tally_to_plain(tally_of(*pairs))
    assert tally_to_plain(first) == whole


def test_two_answers_differ_in_the_parts_that_changed_alone() -> None:
    before, after = (answer_to(protocol, patient()) for protocol in (PROTOCOL, LOWER_DOSE))

    differing = parts_that_differ(before, after)

    assert {change.part for change in differing} <= {Part.DOSE, Part.RATE}
    assert differing[0].subject == "T_IVIG"
    assert parts_that_differ(before, before) == ()


def test_answer_to_somebody_the_protocol_does_not_cover_has_no_branch() -> None:
    said = answer_to(PROTOCOL, patient(platelets_per_ul=50))

    assert said[Part.ANSWER, ""] == "not covered"
    assert said[Part.BRANCH, ""] == ""


def test_gate_is_a_part_with_what_it_does_to_each_arm() -> None:
    said = answer_to(PROTOCOL, patient(ttp_suspected=True))

    assert said[Part.GATE, "TTP"] == "platelets blocked, ivig haematology only, corticosteroid not automatic"


def test_without_weight_limits_the_borders_of_the_protocol_are_tried() -> None:
    bare = sound_protocol(input_limits=())
    lower = replace(bare, regimens=LOWER_DOSE.regimens)

    assert Part.DOSE in parts_of(behaviour_changes(bare, lower))


def test_who_cannot_be_compared_is_tried_but_never_unchanged() -> None:
    first, second = Tally(), Tally()
    first.add_unreadable("No facts.", {"number": 1})
    second.add_unreadable("No facts.", {"number": 2})
    second.add_unreadable("No answer.", {"number": 3})
    second.add(answer(dose="40 g"), answer(dose="40 g"), {"number": 4})

    first.merge(tally_from_plain(tally_to_plain(second)))

    assert (first.tried, first.changed) == (4, 0)
    assert [(each.reason, each.count, each.example) for each in first.unreadable.values()] == [
        ("No facts.", 2, {"number": 1}),
        ("No answer.", 1, {"number": 3}),
    ]
    assert tally_to_plain(second)["unreadable"][0]["count"] == 1


def test_tally_stored_before_anything_was_unreadable_is_read() -> None:
    plain = tally_to_plain(tally_of((answer(dose="40 g"), answer(dose="35 g"))))
    del plain["unreadable"]

    assert tally_from_plain(plain).unreadable == {}


@pytest.mark.parametrize(
    ("broken", "words"),
    [({}, "has no 'outcome'"), (None, "not built like one"), ({"outcome": 5}, "not built like one")],
)
def test_what_is_no_outcome_is_refused_by_name(broken: Any, words: str) -> None:
    with pytest.raises(NotAnOutcome, match=words):
        answer_of(broken)
