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


def test_all_errors_are_told_at_once() -> None:
    assert set(errors_of({"sex": "m", "weight_kg": "x", "colour": "red", "age_years": 30})) == {
        "sex",
        "weight_kg",
        "colour",
    }


@pytest.mark.parametrize("key", ["product", "policy", "procedure"])
def test_row_must_be_one_of_the_protocol(key: str) -> None:
    assert "GONE" not in errors_of({key: "GONE"}, checked=True)[key]
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


def test_schema_tells_whole_numbers_from_others() -> None:
    properties = facts_schema()["properties"]

    for definition in CATALOGUE:
        if definition.kind in (Kind.WHOLE, Kind.DECIMAL):
            number = properties[definition.key]["anyOf"][0]["type"]
            assert number == ("integer" if definition.kind is Kind.WHOLE else "number")


def test_every_known_fact_of_a_patient_is_in_json() -> None:
    assert set(facts_to_plain(patient())) == set(KNOWN)
