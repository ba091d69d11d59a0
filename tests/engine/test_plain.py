"""Values to plain data and back, and the seal made of it."""

import json
from dataclasses import replace
from typing import Any

import pytest

from protocols.engine.plain import (
    PlainError,
    canonical_json,
    decimal_text,
    from_plain,
    seal,
    to_plain,
)
from protocols.engine.protocol import (
    Basis,
    Citation,
    Confidence,
    GradeBand,
    InputLimit,
    Protocol,
    Regimen,
    Role,
    Ties,
    When,
    WorkedCase,
)

from .factory import PROTOCOL, D, band, sound_protocol

SOURCES = "source_document, source_context, guideline, label, study, house_value"
TOO_LARGE = "the number is out of all proportion"
NO_FACT = "expected a text, a whole number, true, false or a list of texts"


def test_protocol_comes_back_from_its_json_as_it_was() -> None:
    again = from_plain(Protocol, json.loads(canonical_json(PROTOCOL)))

    assert again == PROTOCOL
    assert seal(again) == seal(PROTOCOL)


def test_seal_is_64_hexadecimal_digits_and_stays_the_same() -> None:
    assert seal(PROTOCOL) == seal(sound_protocol())
    assert len(bytes.fromhex(seal(PROTOCOL))) == 32


def test_seal_differs_when_one_word_differs() -> None:
    assert seal(sound_protocol(title="A small Protocol")) != seal(PROTOCOL)


def test_seal_does_not_change_with_the_spelling_of_a_number() -> None:
    regimens = tuple(replace(row, amount=row.amount + D("0.00")) for row in PROTOCOL.regimens)

    assert seal(sound_protocol(regimens=regimens)) == seal(PROTOCOL)


def test_lookups_made_on_use_are_no_part_of_the_value() -> None:
    used = sound_protocol()
    used.lookups["something"] = 1

    assert used == PROTOCOL
    assert seal(used) == seal(PROTOCOL)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0", "0"),
        ("-0.0", "0"),
        ("10", "10"),
        ("1E+1", "10"),
        ("0.50", "0.5"),
        ("-1.20", "-1.2"),
        ("100", "100"),
    ],
)
def test_decimal_has_one_spelling(value: str, text: str) -> None:
    assert decimal_text(D(value)) == text


def test_plain_data_holds_only_what_json_holds() -> None:
    plain = to_plain(PROTOCOL.regimens[0])

    assert plain["amount"] == "0.5"
    assert plain["per"] == "kg"
    assert plain["rounding"][0] == {"from_weight_kg": "30", "step": "10", "ties": "down"}
    assert plain["cap"] is None
    assert json.loads(json.dumps(plain)) == plain


@pytest.mark.parametrize(
    ("cls", "data", "path", "words"),
    [
        (Protocol, [], "", "expected a table"),
        (GradeBand, {}, "", "missing key 'basis'"),
        (GradeBand, {"grade": 1, "colour": "red", "zone": 1}, "", "unknown key 'colour'"),
        (Basis, {"cites": "C10", "provenance": "study"}, "cites", "expected a list"),
        (Basis, {"cites": [10], "provenance": "study"}, "cites[0]", "expected str, got int"),
        (Basis, {"cites": ["C10", None], "provenance": "study"}, "cites[1]", "expected str, got NoneType"),
        (Basis, {"cites": [], "provenance": "hearsay"}, "provenance", f"'hearsay' is not one of {SOURCES}"),
        (Basis, {"cites": [], "provenance": 1}, "provenance", f"1 is not one of {SOURCES}"),
        (Basis, {"cites": [], "provenance": "study", "uncertain": 1}, "uncertain", "expected bool, got int"),
        (Ties, "required please", "", "'required please' is not one of down, up"),
        (Ties, ["up"], "", "['up'] is not one of down, up"),
        (D, 1.5, "", 'expected a number written as text, for example "0.4"'),
        (D, "1e3", "", "'1e3' is not a number"),
        (D, "1_000", "", "'1_000' is not a number"),
        (D, " 1", "", "' 1' is not a number"),
        (D, "NaN", "", "'NaN' is not a number"),
        (D, "1.", "", "'1.' is not a number"),
        (D, "١", "", "'١' is not a number"),
        (dict[str, Any], ["age_years"], "", "expected a table"),
        (dict[str, Any], {"weight_kg": 60.5}, "weight_kg", NO_FACT),
        (dict[str, Any], {"weight_kg": None}, "weight_kg", NO_FACT),
        (dict[str, Any], {"weight_kg": {}}, "weight_kg", NO_FACT),
        (dict[str, Any], {"bleeding_sites": ["gi", 1]}, "bleeding_sites", NO_FACT),
        (dict[str, Any], {"bleeding_sites": [True]}, "bleeding_sites", NO_FACT),
        (dict[str, Any], {1: "gi"}, "1", NO_FACT),
        (dict[str, Any], {"age_years": 10**8 + 1}, "age_years", TOO_LARGE),
        (Citation, {1: "a", "z": "b"}, "", "unknown key 1"),
        (int, -(10**8) - 1, "", TOO_LARGE),
    ],
)
def test_plain_data_of_another_shape_is_refused_with_its_place(
    cls: type, data: Any, path: str, words: str
) -> None:
    with pytest.raises(PlainError) as refused:
        from_plain(cls, data)

    assert refused.value.path == path
    assert refused.value.message == words
    assert str(refused.value) == f"{path or 'content'}: {words}"


def test_answers_of_a_worked_case_are_read_as_they_stand() -> None:
    answers = {"age_years": 30, "pregnant": False, "weight_kg": "60.50", "bleeding_sites": ["gi"]}

    read = from_plain(dict[str, Any], answers)

    assert read == answers
    assert read is not answers


def test_fault_in_the_answers_of_a_worked_case_is_placed_under_the_case() -> None:
    with pytest.raises(PlainError) as refused:
        from_plain(WorkedCase, {"key": "ONE", "sentence": "One.", "facts": {"weight_kg": 60.5}})

    assert str(refused.value) == f"facts.weight_kg: {NO_FACT}"


def test_largest_whole_number_is_read_as_it_stands() -> None:
    assert from_plain(dict[str, Any], {"age_years": 10**8}) == {"age_years": 10**8}


def test_fault_in_a_list_of_lists_is_placed_by_both_numbers() -> None:
    condition = {"fact": "sex", "comparator": "is", "values": ["female"]}

    with pytest.raises(PlainError) as refused:
        from_plain(When, [[condition], [condition, {**condition, "values": [1]}]])

    assert refused.value.path == "[1][1].values[0]"


def test_place_of_a_fault_deep_inside_is_named() -> None:
    plain = to_plain(PROTOCOL)
    plain["branches"][1]["orders"][0]["basis"]["provenance"] = "hearsay"

    with pytest.raises(PlainError) as refused:
        from_plain(Protocol, plain)

    assert refused.value.path == "branches[1].orders[0].basis.provenance"


def test_true_is_no_whole_number() -> None:
    plain = to_plain(band(1, 10, 20)) | {"lower_per_ul": True}

    with pytest.raises(PlainError, match="expected int, got bool"):
        from_plain(GradeBand, plain)


def test_missing_optional_values_take_their_default() -> None:
    plain = to_plain(PROTOCOL.regimens[0])
    del plain["cap"]

    assert from_plain(Regimen, plain) == PROTOCOL.regimens[0]


def test_number_read_is_spelt_the_one_way() -> None:
    assert str(from_plain(D, "010.50")) == "10.5"
    assert str(from_plain(D, "-0")) == "0"


def test_canonical_json_has_sorted_keys_and_no_spaces() -> None:
    assert canonical_json({"b": (D("1.50"), None), "a": {"d": Role.REQUIRED, "c": True}}) == (
        '{"a":{"c":true,"d":"required"},"b":["1.5",null]}'
    )


@pytest.mark.parametrize(("data", "value"), [(None, None), ("30", D(30))])
def test_optional_value_is_read_where_there_is_one(data: Any, value: Any) -> None:
    table = to_plain(PROTOCOL.input_limits[0]) | {"soft_minimum": data}

    assert from_plain(InputLimit, table).soft_minimum == value


def test_fault_in_an_optional_value_is_named_with_its_place() -> None:
    table = to_plain(PROTOCOL.input_limits[0]) | {"soft_minimum": "two"}

    with pytest.raises(PlainError) as refused:
        from_plain(InputLimit, table)

    assert str(refused.value) == "soft_minimum: 'two' is not a number"


def test_text_outside_ascii_is_kept() -> None:
    citation = Citation(
        key="C",
        provenance=PROTOCOL.citations[0].provenance,
        reference="µ",
        passage="„×“",
        confidence=Confidence.READ,
    )

    assert "µ" in canonical_json(citation)
    assert from_plain(Citation, json.loads(canonical_json(citation))) == citation
