"""Facts: what no patient can have is refused, and unknown is neither true nor false."""

from typing import Any

import pytest

from protocols.engine.facts import (
    CATALOGUE,
    FACT_BY_KEY,
    UNKNOWN,
    FactDefinition,
    Facts,
    ImpossibleFact,
    Kind,
    Section,
    known,
)

from .factory import D


def test_unknown_cannot_be_asked_as_yes_or_no() -> None:
    with pytest.raises(TypeError) as refused:
        bool(UNKNOWN)
    assert str(refused.value) == "unknown is neither true nor false: compare with UNKNOWN"
    assert repr(UNKNOWN) == "UNKNOWN"


def test_nothing_is_known_until_somebody_says_it() -> None:
    assert all(getattr(Facts(), definition.key) is UNKNOWN for definition in CATALOGUE)
    assert known(Facts()) == {}
    assert known(Facts(age_years=30)) == {"age_years": 30}


def test_all_choices_of_a_fact_may_be_chosen_together() -> None:
    for definition in CATALOGUE:
        if definition.kind is Kind.CHOICES:
            definition.require_possible(definition.choice_keys)


def test_every_fact_has_a_label_and_every_number_its_unit() -> None:
    for definition in CATALOGUE:
        assert definition.label
        assert (definition.kind in (Kind.WHOLE, Kind.DECIMAL)) == bool(definition.unit), definition.key
        assert (definition.kind in (Kind.CHOICE, Kind.CHOICES)) == bool(definition.choices), definition.key
        assert (definition.kind is Kind.ROW) == bool(definition.rows), definition.key
        assert len(set(definition.choice_keys)) == len(definition.choices)


@pytest.mark.parametrize(
    "definition",
    [
        FactDefinition(key="pregnant", label="Pregnant", kind=Kind.YES_NO, section=Section.WEIGHT),
        FactDefinition(
            key="weight_kg",
            label="Weight",
            kind=Kind.DECIMAL,
            section=Section.WEIGHT,
            unit="kg",
            is_above_zero=True,
        ),
        FactDefinition(
            key="bleeding_sites",
            label="Bleeding sites",
            kind=Kind.CHOICES,
            section=Section.BLEEDING,
            choices=(
                ("cns", "Brain or spine (CNS)"),
                ("gi", "Gastrointestinal"),
                ("gu", "Urinary tract or genital"),
                ("other", "Other site"),
            ),
        ),
        FactDefinition(
            key="last_product",
            label="Product of the last IVIG",
            kind=Kind.ROW,
            section=Section.PRODUCT,
            rows="products",
            help="Another brand begins at its own first rate and is watched for longer.",
        ),
    ],
    ids=lambda definition: definition.key,
)
def test_catalogue_tells_all_of_a_fact_and_no_more(definition: FactDefinition) -> None:
    assert FACT_BY_KEY[definition.key] == definition


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("age_years", True),
        ("age_years", D(30)),
        ("age_years", -1),
        ("platelets_per_ul", 10**8),
        ("weight_kg", 60),
        ("weight_kg", 60.0),
        ("weight_kg", D(0)),
        ("weight_kg", D(-1)),
        ("weight_kg", D("NaN")),
        ("weight_kg", D("Infinity")),
        ("weight_kg", D("1E+9")),
        ("weight_kg", D("1E-31")),
        ("height_cm", D(0)),
        ("creatinine_umol_per_l", D(0)),
        ("pre_pregnancy_weight_kg", D(0)),
        ("pregnant", 1),
        ("sex", "other"),
        ("bleeding_sites", ["gi"]),
        ("bleeding_sites", ("gi", "skin")),
        ("product", 10),
        ("bleeding_seen_by", 10),
        ("bleeding_seen_by", " "),
        ("bleeding_seen_by", "n" * 101),
    ],
)
def test_value_that_no_patient_can_have_is_refused(key: str, value: Any) -> None:
    with pytest.raises(ImpossibleFact) as refused:
        Facts(**{key: value})

    assert refused.value.key == key
    assert refused.value.message


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("age_years", True, "Give a whole number."),
        ("weight_kg", 60, "Give an exact decimal number."),
        ("pregnant", 1, "Give true or false."),
        ("sex", 1, "Give one key as text."),
        ("bleeding_sites", ["gi"], "Give a tuple of keys."),
        ("product", 10, "Give one key as text."),
        ("bleeding_seen_by", 10, "Give a name as text."),
        ("bleeding_seen_by", " ", "Give 1 to 100 characters."),
        ("sex", "other", "Choose from: female, male."),
        ("bleeding_sites", ("gi", "skin"), "Choose from: cns, gi, gu, other."),
        ("weight_kg", D("NaN"), "Give a number that a patient can have."),
        ("weight_kg", D("1E-31"), "Give a number that a patient can have."),
        ("platelets_per_ul", 10**8, "Give a number that a patient can have."),
        ("platelets_per_ul", -1, "This cannot be below zero."),
        ("weight_kg", D(0), "This must be above zero."),
    ],
)
def test_value_that_no_patient_can_have_is_told_with_its_fact_and_reason(
    key: str, value: Any, words: str
) -> None:
    with pytest.raises(ImpossibleFact) as refused:
        Facts(**{key: value})

    assert (refused.value.key, refused.value.message) == (key, words)
    assert str(refused.value) == f"{key}: {words}"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("weight_kg", D("1E-30")),
        ("weight_kg", D("99999999")),
        ("platelets_per_ul", 99_999_999),
        ("bleeding_seen_by", "n"),
        ("bleeding_seen_by", "n" * 100),
    ],
    ids=["decimals", "digits", "count", "one letter", "a hundred letters"],
)
def test_value_at_the_edge_of_what_is_possible_is_taken(key: str, value: Any) -> None:
    assert known(Facts(**{key: value})) == {key: value}


def test_nothing_measured_may_be_zero_where_zero_is_possible() -> None:
    facts = Facts(platelets_per_ul=0, hours_since_last_ivig=D(0), bleeding_sites=())

    assert known(facts) == {"platelets_per_ul": 0, "hours_since_last_ivig": D(0), "bleeding_sites": ()}


def test_key_of_a_row_is_any_text_because_only_a_protocol_knows_its_rows() -> None:
    assert Facts(product="anything").product == "anything"
    assert FACT_BY_KEY["product"].kind is Kind.ROW
