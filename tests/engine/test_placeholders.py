"""Names in braces: each is written as its fact is, one nobody knows in words, a strange one stays."""

import pytest

from protocols.engine.placeholders import PLACEHOLDERS, fill, in_brackets, strange_names, wait_of

from .factory import D


@pytest.mark.parametrize(
    ("name", "fact", "value", "written"),
    [
        ("actual_weight", "weight_kg", D("61.25"), "61.3"),
        ("actual_weight", "weight_kg", D("61.24"), "61.2"),
        ("dosing_weight", "dosing_weight_kg", D(50), "50"),
        ("count", "platelets_per_ul", 7, "7"),
        ("egfr", "egfr", D("31.2"), "32"),
        ("hours_until_repeat", "hours_until_repeat", D("14.01"), "15"),
        ("live_vaccine_months", "live_vaccine_months", 9, "9"),
        ("planned_volume", "planned_volume_6h_ml_per_kg", D("5.55"), "5.6"),
        ("product", "product_name", "Brand 10%", "Brand 10%"),
    ],
)
def test_name_is_written_as_its_fact_is(name: str, fact: str, value: object, written: str) -> None:
    assert fill(f"It is {{{name}}}.", {fact: value}) == f"It is {written}."
    assert fill(f"It is {{{name}}}.", {}) == "It is not known."


def test_every_name_of_the_list_is_tried_above() -> None:
    assert len(PLACEHOLDERS) == 8


def test_name_that_is_not_on_the_list_stays_and_is_told() -> None:
    text = "Of {count} and {nothing} in {} and {weight_kg}."

    assert fill(text, {"platelets_per_ul": 3}) == "Of 3 and {nothing} in {} and {weight_kg}."
    assert list(strange_names(text)) == ["nothing", "", "weight_kg"]
    assert list(strange_names("Of {count} and none.")) == []


def test_whoever_reads_of_no_patient_reads_the_names_as_words() -> None:
    assert (
        in_brackets("Wait {hours_until_repeat} hours, {product}.")
        == "Wait [hours until repeat] hours, [product]."
    )
    assert in_brackets("Wait.") == "Wait."


def test_text_without_names_stays_as_it_is() -> None:
    assert fill("Plain words.", {"platelets_per_ul": 3}) == "Plain words."


def test_wait_is_told_by_unit_and_to_the_full_where_the_text_names_it_and_it_is_known() -> None:
    values = {"hours_until_repeat": D("14.5"), "live_vaccine_months": 9}

    assert wait_of("Wait {hours_until_repeat} hours.", values) == {"hours": "14.5"}
    assert wait_of("Then {live_vaccine_months} months.", values) == {"months": "9"}
    assert wait_of("{hours_until_repeat} and {live_vaccine_months}.", values) == {
        "hours": "14.5",
        "months": "9",
    }
    assert wait_of("Wait {hours_until_repeat} hours.", {"hours_until_repeat": D("2E+1")}) == {"hours": "20"}
    assert wait_of("Wait {hours_until_repeat} hours.", {}) == {}
    assert wait_of("Wait.", values) == {}
