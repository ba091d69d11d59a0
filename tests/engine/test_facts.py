"""Facts: what no patient can have is refused, and unknown is neither true nor false."""

from typing import Any

import pytest

from protocols.engine.facts import CATALOGUE, FACT_BY_KEY, UNKNOWN, Facts, ImpossibleFact, Kind, known

from .factory import D


def test_unknown_cannot_be_asked_as_yes_or_no() -> None:
    with pytest.raises(TypeError, match="neither true nor false"):
        bool(UNKNOWN)
    assert repr(UNKNOWN) == "UNKNOWN"


def test_nothing_is_known_until_somebody_says_it() -> None:
    assert all(getattr(Facts(), definition.key) is UNKNOWN for definition in CATALOGUE)
    assert known(Facts()) == {}
    assert known(Facts(age_years=30)) == {"age_years": 30}


def test_every_fact_has_a_label_and_every_number_its_unit() -> None:
    for definition in CATALOGUE:
        assert definition.label
        assert (definition.kind in (Kind.WHOLE, Kind.DECIMAL)) == bool(definition.unit), definition.key
        assert (definition.kind in (Kind.CHOICE, Kind.CHOICES)) == bool(definition.choices), definition.key
        assert (definition.kind is Kind.ROW) == bool(definition.rows), definition.key
        assert len(set(definition.choice_keys)) == len(definition.choices)


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


def test_nothing_measured_may_be_zero_where_zero_is_possible() -> None:
    facts = Facts(platelets_per_ul=0, hours_since_last_ivig=D(0), bleeding_sites=())

    assert known(facts) == {"platelets_per_ul": 0, "hours_since_last_ivig": D(0), "bleeding_sites": ()}


def test_key_of_a_row_is_any_text_because_only_a_protocol_knows_its_rows() -> None:
    assert Facts(product="anything").product == "anything"
    assert FACT_BY_KEY["product"].kind is Kind.ROW
