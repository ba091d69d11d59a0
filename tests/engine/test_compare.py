"""Two versions side by side: every field of every row, what it is asked, and in which order."""

from dataclasses import replace

import pytest

from protocols.engine.compare import ChangeKind, compare_content, words_of
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
