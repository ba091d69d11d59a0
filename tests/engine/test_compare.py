"""Two versions side by side: every field of every row, what it is asked, and in which order."""

from dataclasses import replace

import pytest

from protocols.engine.compare import (
    ChangeKind,
    FieldChange,
    RowChange,
    compare_content,
    words_of,
    words_of_when,
)
from protocols.engine.protocol import Protocol

from .factory import BASIS, PROTOCOL, D, if_any, if_is, sound_protocol, text


def changes_to(after: Protocol) -> list[tuple[str, str, str]]:
    return [(change.section, change.key, change.kind.value) for change in compare_content(PROTOCOL, after)]


def test_same_content_has_no_differences() -> None:
    assert compare_content(PROTOCOL, sound_protocol()) == ()


def test_without_a_version_before_every_row_is_new() -> None:
    changes = compare_content(None, PROTOCOL)

    assert {change.kind for change in changes} == {ChangeKind.ADDED}
    assert ("regimens", "IVIG") in {(change.section, change.key) for change in changes}


def test_heading_and_text_are_compared_as_numbers_are() -> None:
    protocol = sound_protocol(
        title="Another title", texts=(*PROTOCOL.texts[:-1], replace(PROTOCOL.texts[-1], body="New words"))
    )

    title, body = compare_content(PROTOCOL, protocol)

    assert (title.section, title.key, title.fields[0].after) == ("protocol", "title", "Another title")
    assert (body.key, body.fields[0].name, body.fields[0].before) == ("conflict", "body", "Body of conflict")


def test_each_changed_field_is_named_with_both_values() -> None:
    regimens = (replace(PROTOCOL.regimens[0], amount=D("0.4"), doses=2), *PROTOCOL.regimens[1:])

    (change,) = compare_content(PROTOCOL, sound_protocol(regimens=regimens))

    fields = {(field.name, field.before, field.after) for field in change.fields}
    assert fields == {("amount", "0.5", "0.4"), ("doses", "1", "2")}


def test_row_that_is_added_or_removed_is_told_apart_from_one_that_changed() -> None:
    protocol = sound_protocol(texts=(*PROTOCOL.texts[:-1], text("new", PROTOCOL.texts[0].topic)))

    assert changes_to(protocol) == [("texts", "conflict", "removed"), ("texts", "new", "added")]


def test_order_line_is_a_row_of_its_own() -> None:
    watch, *others = PROTOCOL.branches
    lines = (replace(watch.orders[0], text="Other words"), *watch.orders[1:])

    protocol = sound_protocol(branches=(replace(watch, orders=lines), *others))

    assert changes_to(protocol) == [("orders", "WATCH.W_COUNT", "changed")]


def test_order_of_rows_is_a_difference() -> None:
    first, second, *rest = PROTOCOL.regimens

    (moved,) = compare_content(PROTOCOL, sound_protocol(regimens=(second, first, *rest)))

    assert moved.kind is ChangeKind.MOVED
    assert [(field.before, field.after) for field in moved.fields] in ([("1", "2")], [("2", "1")])


def test_conditions_and_sources_are_compared_in_words() -> None:
    gates = (
        replace(PROTOCOL.gates[0], when=(), basis=replace(BASIS, note="Why.")),
        replace(PROTOCOL.gates[1], when=(*if_is("clumps", "true"), *if_any("bleeding_sites", "gi", "gu"))),
        *PROTOCOL.gates[2:],
    )

    first, second = compare_content(PROTOCOL, sound_protocol(gates=gates))

    said = {field.name: (field.before, field.after) for field in (*first.fields, *second.fields)}
    assert said["basis note"] == ("", "Why.")
    assert [field.after for field in first.fields if field.name == "when"] == ["always"]
    assert said["when"] == (
        "ttp_suspected is true",
        "clumps is true; or bleeding_sites includes any gi, gu",
    )


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, ""),
        (True, "yes"),
        (False, "no"),
        (["a", "b"], "a, b"),
        ([{"a": 1, "b": None}, {"a": 2}], "a 1; a 2"),
        ([["a"], ["b"]], "a; b"),
        (7, "7"),
    ],
)
def test_plain_data_reads_as_words(value: object, words: str) -> None:
    assert words_of(value) == words


def test_row_that_came_or_went_has_all_its_fields_on_one_side() -> None:
    added, removed = text("new", PROTOCOL.texts[0].topic), PROTOCOL.texts[-1]
    protocol = sound_protocol(texts=(*PROTOCOL.texts[:-1], added))

    gone, came = compare_content(PROTOCOL, protocol)

    assert (gone.key, gone.kind, came.key, came.kind) == (
        removed.key,
        ChangeKind.REMOVED,
        "new",
        ChangeKind.ADDED,
    )
    assert FieldChange(name="body", before="Body of conflict", after="") in gone.fields
    assert FieldChange(name="when", before="aetiology is primary_itp", after="") in gone.fields
    assert FieldChange(name="body", before="", after="Body of new") in came.fields
    assert FieldChange(name="when", before="", after="always") in came.fields
    assert {field.after for field in gone.fields} == {""}
    assert {field.before for field in came.fields} == {""}


def test_name_of_a_field_is_written_in_words() -> None:
    watch, *others = PROTOCOL.branches
    protocol = sound_protocol(branches=(replace(watch, stop_rule="Then."), *others))

    (change,) = compare_content(PROTOCOL, protocol)

    assert change == RowChange(
        section="branches",
        key="WATCH",
        kind=ChangeKind.CHANGED,
        fields=(FieldChange(name="stop rule", before="Never.", after="Then."),),
    )


def test_differences_stand_in_the_order_of_the_sections() -> None:
    watch, *others = PROTOCOL.branches
    lines = (replace(watch.orders[0], text="Other words"), *watch.orders[1:])
    protocol = sound_protocol(
        title="Another",
        branches=(replace(watch, orders=lines), *others),
        texts=PROTOCOL.texts[1:],
        grade_bands=(replace(PROTOCOL.grade_bands[0], label="Low"), *PROTOCOL.grade_bands[1:]),
    )

    assert [section for section, _, _ in changes_to(protocol)] == [
        "protocol",
        "grade_bands",
        "texts",
        "orders",
    ]


def test_row_that_moved_is_told_with_both_places() -> None:
    first, *rest = PROTOCOL.regimens

    (moved,) = compare_content(PROTOCOL, sound_protocol(regimens=(*rest, first)))

    assert (moved.section, moved.key, moved.kind) == ("regimens", "IVIG", ChangeKind.MOVED)
    assert moved.fields == (FieldChange(name="place", before="1", after=str(len(PROTOCOL.regimens))),)


def test_row_beside_one_that_came_has_not_moved() -> None:
    protocol = sound_protocol(texts=(text("new", PROTOCOL.texts[0].topic), *PROTOCOL.texts))

    assert changes_to(protocol) == [("texts", "new", "added")]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"a_key": 1, "b": [2, 3], "c": "", "d": False}, "a_key 1, b 2, 3, d no"),
        ([], ""),
        (["a", ["b", "c"]], "a; b, c"),
        ({}, ""),
        ("", ""),
        (0, "0"),
    ],
)
def test_tables_and_lists_read_as_words(value: object, words: str) -> None:
    assert words_of(value) == words


def test_condition_without_a_value_reads_as_a_sentence() -> None:
    known = {"fact": "sex", "comparator": "at_least", "values": []}
    either = {"fact": "clumps", "comparator": "is", "values": ["true", "false"]}

    assert words_of_when([[known, either], [known]]) == (
        "sex at least and clumps is true, false; or sex at least"
    )
    assert words_of_when([]) == "always"
