"""Facts from JSON and back: exact, strict, and with every error by field."""

import json
from dataclasses import replace
from typing import Any

import pytest

from protocols.engine.facts import CATALOGUE, UNKNOWN, Facts, Kind
from protocols.engine.facts_json import FactErrors, facts_from_plain, facts_schema, facts_to_plain

from .factory import KNOWN, PROTOCOL, D, patient, sound_protocol


def errors_of(data: dict[str, Any], *, checked: bool = False) -> dict[str, str]:
    with pytest.raises(FactErrors) as refused:
        facts_from_plain(data, PROTOCOL if checked else None)
    return refused.value.errors


def test_facts_come_back_from_json_as_they_were() -> None:
    assert facts_from_plain(json.loads(json.dumps(facts_to_plain(patient())))) == patient()


def test_only_what_is_known_is_written() -> None:
    assert facts_to_plain(Facts()) == {}
    assert facts_to_plain(Facts(weight_kg=D("60.50"), bleeding_sites=("gi",), pregnant=False)) == {
        "weight_kg": "60.5",
        "bleeding_sites": ["gi"],
        "pregnant": False,
    }


@pytest.mark.parametrize("absent", [{}, {"weight_kg": None}, {"weight_kg": "unknown"}])
def test_absent_null_and_unknown_mean_unknown(absent: dict[str, Any]) -> None:
    assert facts_from_plain(absent) == Facts()


@pytest.mark.parametrize(
    ("key", "item", "value"),
    [
        ("weight_kg", "60.5", D("60.5")),
        ("weight_kg", 60, D(60)),
        ("weight_kg", D("60.5"), D("60.5")),
        ("weight_kg", D("6E+1"), D(60)),
        ("platelets_per_ul", "5000", 5000),
        ("platelets_per_ul", 5000, 5000),
        ("platelets_per_ul", D(5000), 5000),
        ("pregnant", True, True),
        ("sex", "male", "male"),
        ("procedure", "BIG", "BIG"),
        ("bleeding_sites", [], ()),
        ("bleeding_seen_by", "Test Night-Nurse", "Test Night-Nurse"),
    ],
)
def test_value_is_read_exactly(key: str, item: Any, value: Any) -> None:
    assert getattr(facts_from_plain({key: item}), key) == value


def test_order_of_choices_and_repeats_make_no_difference() -> None:
    one = facts_from_plain({"bleeding_sites": ["gi", "cns"]})
    other = facts_from_plain({"bleeding_sites": ["cns", "gi", "gi"]})

    assert one == other
    assert one.bleeding_sites == ("cns", "gi")


@pytest.mark.parametrize(
    ("key", "item"),
    [
        ("weight_kg", 60.5),
        ("weight_kg", True),
        ("weight_kg", [60]),
        ("weight_kg", "60,5"),
        ("weight_kg", "6e1"),
        ("weight_kg", "-60"),
        ("weight_kg", "0"),
        ("weight_kg", "60.12345"),
        ("weight_kg", D("NaN")),
        ("weight_kg", D("1E+999999999")),
        ("weight_kg", D("1E-999999999")),
        pytest.param("weight_kg", 10**5000, id="five thousand digits"),
        ("platelets_per_ul", "5.5"),
        ("platelets_per_ul", D("5.5")),
        ("platelets_per_ul", "999999999"),
        ("platelets_per_ul", ""),
        ("pregnant", "yes"),
        ("pregnant", 1),
        ("sex", "m"),
        ("sex", 1),
        ("procedure", 1),
        ("bleeding_seen_by", 1),
        ("bleeding_seen_by", ""),
        ("bleeding_sites", "gi"),
        ("bleeding_sites", ["skin"]),
        ("bleeding_sites", [1]),
        ("no_such_fact", 1),
        ("no_such_fact", None),
    ],
)
def test_bad_value_is_an_error_of_its_field(key: str, item: Any) -> None:
    errors = errors_of({key: item, "age_years": 30})

    assert list(errors) == [key]
    assert errors[key].endswith(".")


@pytest.mark.parametrize(
    ("key", "item", "words"),
    [
        ("no_such_fact", 1, "There is no fact of this name."),
        ("pregnant", "yes", "Answer true, false or null."),
        ("sex", "m", "Choose one of: female, male."),
        ("sex", 1, "Choose one of: female, male."),
        ("procedure", 1, "Give the key as text."),
        ("bleeding_seen_by", 1, "Give a name as text."),
        ("bleeding_seen_by", "", "Give 1 to 100 characters."),
        ("bleeding_sites", "gi", "Give a list of texts; an empty list means none of them."),
        ("bleeding_sites", [1], "Give a list of texts; an empty list means none of them."),
        ("bleeding_sites", ["gi", "skin"], "'skin' is not one of: cns, gi, gu, other."),
        ("weight_kg", 60.5, "Give a number, as text or as a JSON number."),
        ("weight_kg", True, "Give a number, as text or as a JSON number."),
        ("weight_kg", "60.12345", "Enter at most 4 digits after the decimal point."),
        ("weight_kg", D("NaN"), "This is no number that a patient can have."),
        ("weight_kg", D("1E-21"), "This is no number that a patient can have."),
        ("weight_kg", D("1E+21"), "This is no number that a patient can have."),
        pytest.param("weight_kg", 10**21, "This is no number that a patient can have.", id="22 digits"),
        # Short enough to be written out, so what reads typed numbers says what is wrong with them.
        ("weight_kg", D("1E-20"), "This is too long for a number: enter at most 20 characters."),
        ("weight_kg", D("1E+20"), "This is too long for a number: enter at most 20 characters."),
        ("weight_kg", 10**20, "This is too long for a number: enter at most 20 characters."),
        ("weight_kg", "0", "This must be above zero."),
        ("platelets_per_ul", "5.5", "Enter a whole number without a decimal point, for example 12."),
        ("platelets_per_ul", "999999999", "Give a number that a patient can have."),
    ],
)
def test_bad_value_is_told_in_words_of_its_kind(key: str, item: Any, words: str) -> None:
    assert errors_of({key: item}) == {key: words}


def test_facts_after_an_unknown_one_are_still_read() -> None:
    assert facts_from_plain({"weight_kg": None, "sex": "unknown", "age_years": 30}) == Facts(age_years=30)


def test_errors_read_as_one_line_with_each_field_before_its_reason() -> None:
    with pytest.raises(FactErrors) as refused:
        facts_from_plain({"colour": "red", "sex": "m"})

    assert str(refused.value) == ("colour: There is no fact of this name.; sex: Choose one of: female, male.")


def test_all_errors_are_told_at_once() -> None:
    assert set(errors_of({"sex": "m", "weight_kg": "x", "colour": "red", "age_years": 30})) == {
        "sex",
        "weight_kg",
        "colour",
    }


@pytest.mark.parametrize("key", ["product", "policy", "procedure"])
def test_row_must_be_one_of_the_protocol(key: str) -> None:
    keys = {"product": "P10, P5", "policy": "ADJUSTED, STRICT, EVERYBODY, ACTUAL", "procedure": "BIG, SMALL"}

    assert errors_of({key: "GONE"}, checked=True) == {key: f"Choose one of: {keys[key]}."}
    assert (
        facts_from_plain({"product": "P5", "policy": "STRICT", "procedure": "BIG"}, PROTOCOL).product == "P5"
    )


@pytest.mark.parametrize(
    ("age", "weight", "is_accepted"),
    [
        (UNKNOWN, "1", True),
        (UNKNOWN, "0.9", False),
        (UNKNOWN, "300", True),
        (UNKNOWN, "301", False),
        (20, "19.9", False),
        (20, "20", True),
        (20, "150", True),
        (19, "19.9", True),
        (19, "100.1", False),
    ],
)
def test_limits_are_those_for_anybody_and_those_for_the_age(age: Any, weight: str, is_accepted: bool) -> None:
    data = {"weight_kg": weight} | ({} if age is UNKNOWN else {"age_years": age})
    if is_accepted:
        assert facts_from_plain(data, PROTOCOL).weight_kg == D(weight)
    else:
        assert errors_of(data, checked=True)["weight_kg"].startswith(f"{weight} is outside ")


def test_number_outside_its_limits_is_told_with_both_ends_and_the_unit() -> None:
    assert errors_of({"weight_kg": "0.90"}, checked=True) == {"weight_kg": "0.9 is outside 1 to 300 kg."}
    assert errors_of({"weight_kg": 101, "age_years": 19}, checked=True) == {
        "weight_kg": "101 is outside 1 to 100 kg."
    }


def test_what_cannot_be_read_is_told_together_with_what_is_outside_its_limits() -> None:
    assert errors_of({"colour": "red", "weight_kg": "301"}, checked=True) == {
        "colour": "There is no fact of this name.",
        "weight_kg": "301 is outside 1 to 300 kg.",
    }


def test_age_of_an_adult_is_that_of_the_default_policy() -> None:
    older = replace(PROTOCOL.weight_policies[0], adult_from_years=40)
    protocol = sound_protocol(weight_policies=(older,))

    assert facts_from_plain({"weight_kg": "10", "age_years": 39}, protocol).weight_kg == D(10)


def test_schema_has_every_fact_and_no_other() -> None:
    schema = facts_schema()

    assert set(schema["properties"]) == {definition.key for definition in CATALOGUE}
    assert schema["additionalProperties"] is False


def test_schema_names_unit_choices_and_rows() -> None:
    properties = facts_schema(PROTOCOL)["properties"]

    assert properties["weight_kg"]["description"] == "Unit: kg."
    assert properties["sex"]["enum"] == ["female", "male", "unknown", None]
    assert properties["product"]["enum"] == ["P10", "P5", "unknown", None]
    assert properties["bleeding_sites"]["anyOf"][0]["items"]["enum"] == ["cns", "gi", "gu", "other"]
    assert properties["pregnant"]["type"] == ["boolean", "null"]
    assert "description" not in properties["pregnant"]
    assert facts_schema()["properties"]["product"]["type"] == ["string", "null"]


def test_schema_says_what_it_is_a_schema_of() -> None:
    schema = facts_schema()
    del schema["properties"]

    assert schema == {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Facts",
        "description": "What is known of one patient now. A key that is absent or null is unknown.",
        "type": "object",
        "additionalProperties": False,
    }


@pytest.mark.parametrize(
    ("key", "entry"),
    [
        ("pregnant", {"title": "Pregnant", "type": ["boolean", "null"]}),
        (
            "sex",
            {
                "title": "Sex",
                "description": "Recorded for the ideal body weight and kidney equations.",
                "enum": ["female", "male", "unknown", None],
            },
        ),
        (
            "bleeding_sites",
            {
                "title": "Bleeding sites",
                "anyOf": [
                    {"type": "array", "items": {"type": "string", "enum": ["cns", "gi", "gu", "other"]}},
                    {"const": "unknown"},
                    {"type": "null"},
                ],
            },
        ),
        ("procedure", {"title": "Procedure", "type": ["string", "null"]}),
        (
            "bleeding_seen_by",
            {
                "title": "Bleeding seen by",
                "description": "Name of the person who saw it.",
                "type": ["string", "null"],
            },
        ),
        (
            "usual_platelets_per_ul",
            {
                "title": "Usual platelet count",
                "description": (
                    "Unit: per microlitre. Where this patient lives when nothing new happens, if known."
                ),
                "anyOf": [
                    {"type": "integer", "minimum": 0},
                    {"type": "string", "pattern": "^[0-9]+$"},
                    {"const": "unknown"},
                    {"type": "null"},
                ],
            },
        ),
        (
            "weight_kg",
            {
                "title": "Weight",
                "description": "Unit: kg.",
                "anyOf": [
                    {"type": "number", "minimum": 0},
                    {"type": "string", "pattern": "^[0-9]+(\\.[0-9]+)?$"},
                    {"const": "unknown"},
                    {"type": "null"},
                ],
            },
        ),
    ],
)
def test_schema_of_each_kind_of_fact_is_exactly_this(key: str, entry: dict[str, Any]) -> None:
    assert facts_schema()["properties"][key] == entry


def test_schema_tells_whole_numbers_from_others() -> None:
    properties = facts_schema()["properties"]

    for definition in CATALOGUE:
        if definition.kind in (Kind.WHOLE, Kind.DECIMAL):
            number = properties[definition.key]["anyOf"][0]["type"]
            assert number == ("integer" if definition.kind is Kind.WHOLE else "number")


def test_every_known_fact_of_a_patient_is_in_json() -> None:
    assert set(facts_to_plain(patient())) == set(KNOWN)
