"""Facts that follow: what they are, and what to ask instead while they are unknown."""

from protocols.engine.derived import DERIVED, ORDER_FACTS, PLAN_FACTS, PRODUCT_FACTS, DerivedFact
from protocols.engine.facts import FACT_BY_KEY, FactDefinition, Kind, Section


def test_fact_that_follows_has_its_unit_choices_and_what_it_is_made_from() -> None:
    assert DERIVED["bmi"] == DerivedFact(
        definition=FactDefinition(
            key="bmi",
            label="Body mass index",
            kind=Kind.DECIMAL,
            section=Section.PRODUCT,
            unit="kg per m²",
        ),
        made_from=("weight_kg", "height_cm"),
    )
    assert DERIVED["weight_basis"] == DerivedFact(
        definition=FactDefinition(
            key="weight_basis",
            label="Dosing weight basis",
            kind=Kind.CHOICE,
            section=Section.PRODUCT,
            choices=(("actual", "actual"), ("adjusted", "adjusted"), ("pre_pregnancy", "pre pregnancy")),
        ),
        made_from=("weight_kg",),
    )
    assert DERIVED["plasmic"] == DerivedFact(
        definition=FactDefinition(
            key="plasmic", label="PLASMIC score", kind=Kind.WHOLE, section=Section.PRODUCT, unit="points"
        )
    )


def test_every_fact_that_follows_is_made_from_facts_that_can_be_asked() -> None:
    for key, fact in DERIVED.items():
        assert fact.definition.key == key
        assert key not in FACT_BY_KEY
        assert set(fact.made_from) <= set(FACT_BY_KEY)


def test_facts_of_lines_plan_and_product_are_facts_there_are() -> None:
    assert set(DERIVED) >= ORDER_FACTS | PLAN_FACTS
    assert PRODUCT_FACTS - {"product"} <= set(DERIVED)
    assert {"product_route", "product_stabilisers", "ivig_left_over_g"} <= PRODUCT_FACTS
    assert "dosing_weight_kg" not in PRODUCT_FACTS
