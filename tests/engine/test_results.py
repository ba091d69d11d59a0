"""The values of a check: named, measured and chosen as they are entered, and which of them only follow."""

from protocols.engine.facts import FactDefinition, Kind, Section
from protocols.engine.results import ENTERED, RESULTS


def test_value_has_its_label_unit_and_choices() -> None:
    assert RESULTS["temperature_c"] == FactDefinition(
        key="temperature_c", label="Temperature", kind=Kind.DECIMAL, section=Section.PRODUCT, unit="°C"
    )
    assert RESULTS["steroid_decision"] == FactDefinition(
        key="steroid_decision",
        label="Corticosteroid from here",
        kind=Kind.CHOICE,
        section=Section.PRODUCT,
        choices=(("continue", "Continue"), ("taper", "Taper"), ("stop", "Stop")),
    )
    assert RESULTS["pf_ratio"] == FactDefinition(
        key="pf_ratio",
        label="PaO2 to FiO2 ratio",
        kind=Kind.WHOLE,
        section=Section.PRODUCT,
        unit="mmHg",
        help="Only where a blood gas was taken.",
    )
    assert RESULTS["is_done"] == FactDefinition(
        key="is_done", label="Done", kind=Kind.YES_NO, section=Section.PRODUCT
    )


def test_value_that_follows_from_others_is_not_entered() -> None:
    follows = set(RESULTS) - ENTERED

    assert {"temperature_c", "is_done", "pf_ratio"} <= ENTERED
    assert {"temperature_rise_c", "kdigo_stage", "is_trali", "bleeding_step_up"} <= follows


def test_choices_are_there_exactly_for_what_is_chosen() -> None:
    for key, definition in RESULTS.items():
        assert definition.key == key
        assert bool(definition.choices) is (definition.kind in (Kind.CHOICE, Kind.CHOICES))
        assert not definition.unit or definition.kind in (Kind.WHOLE, Kind.DECIMAL)
