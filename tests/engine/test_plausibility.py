"""Each number that a slip could make dangerous is measured, with what it is, of what, and in which unit."""

from dataclasses import replace
from typing import Any

import pytest

from protocols.engine.plausibility import Measured, implausible_numbers, measured_numbers
from protocols.engine.protocol import CountTarget, PlausibleRange, Protocol, Quantity

from .factory import (
    PROTOCOL,
    D,
    band,
    infused,
    parameter,
    plausible,
    product,
    regimen,
    sound_protocol,
)

pytestmark = pytest.mark.hazard("H01")

NOTHING: dict[str, Any] = {
    "regimens": (),
    "products": (),
    "grade_bands": (),
    "branches": (),
    "procedure_targets": (),
    "repeat_rules": (),
    "parameters": (),
}


def only(**rows: Any) -> Protocol:
    """The small protocol with no numbers but those of these rows."""
    return sound_protocol(**NOTHING | rows)


def found(protocol: Protocol) -> list[tuple[str, str, str, Quantity, str, str, str]]:
    return [
        (row.section, row.key, row.field, row.quantity, row.subject, row.unit, str(row.value))
        for row in measured_numbers(protocol)
    ]


def test_every_number_of_a_regimen_is_measured() -> None:
    full = infused(
        "R",
        "F",
        "0.5",
        amount_minimum=D("0.4"),
        amount_maximum=D("0.6"),
        cap=D(70),
        interval_hours=D(20),
        duration_days=2,
        infuse_over_minutes=600,
    )

    per_kg = ("regimens", "R", "amount", Quantity.AMOUNT_PER_KG, "drug R", "g", "0.5")
    assert found(only(regimens=(full,))) == [
        per_kg,
        ("regimens", "R", "amount_minimum", Quantity.AMOUNT_PER_KG, "drug R", "g", "0.4"),
        ("regimens", "R", "amount_maximum", Quantity.AMOUNT_PER_KG, "drug R", "g", "0.6"),
        ("regimens", "R", "cap", Quantity.CAP, "drug R", "g", "70"),
        ("regimens", "R", "interval_hours", Quantity.INTERVAL, "drug R", "hours", "20"),
        ("regimens", "R", "duration_days", Quantity.DURATION, "drug R", "days", "2"),
        ("regimens", "R", "infuse_over_minutes", Quantity.INFUSION_TIME, "drug R", "minutes", "600"),
    ]
    assert found(only(regimens=(infused("R", "F", "0.5"),))) == [per_kg]
    assert found(only(regimens=(regimen("S", "F", "20", "mg"),))) == [
        ("regimens", "S", "amount", Quantity.AMOUNT_PER_PATIENT, "drug S", "mg", "20")
    ]


def test_every_number_of_a_product_is_measured() -> None:
    rate = Quantity.INFUSION_RATE
    unit = "mL per kg per h"

    assert found(only(products=(product("P", "10", "5", "20"),))) == [
        ("products", "P", "concentration_percent", Quantity.CONCENTRATION, "drug", "percent", "10"),
        ("products", "P", "maximum_ml_per_kg_per_h", rate, "drug", unit, "4"),
        ("products", "P", "at_risk_ml_per_kg_per_h", rate, "drug", unit, "2"),
        ("products", "P", "rate_steps", rate, "drug", unit, "1"),
        ("products", "P", "rate_steps", rate, "drug", unit, "2"),
        ("products", "P", "rate_steps", rate, "drug", unit, "4"),
        ("products", "P", "vials_g", Quantity.VIAL, "drug", "g", "5"),
        ("products", "P", "vials_g", Quantity.VIAL, "drug", "g", "20"),
    ]


def test_borders_of_grades_are_measured_where_there_are_some() -> None:
    border, unit = Quantity.GRADE_BORDER, "per microlitre"

    assert found(only(grade_bands=(band(2, 0, 10), band(1, 10, 20), band(0, 20, None)))) == [
        ("grade_bands", "2", "upper_per_ul", border, "", unit, "10"),
        ("grade_bands", "1", "lower_per_ul", border, "", unit, "10"),
        ("grade_bands", "1", "upper_per_ul", border, "", unit, "20"),
        ("grade_bands", "0", "lower_per_ul", border, "", unit, "20"),
    ]


def test_target_counts_of_branches_and_procedures_are_measured() -> None:
    branch = replace(PROTOCOL.branches[0], targets=(CountTarget(platelets_per_ul=7, text="Seven"),))
    procedures = PROTOCOL.procedure_targets[:1]

    assert found(only(branches=(branch,), procedure_targets=procedures)) == [
        ("branches", "WATCH", "targets", Quantity.COUNT_TARGET, "", "per microlitre", "7"),
        ("procedure_targets", "BIG", "platelets_per_ul", Quantity.COUNT_TARGET, "", "per microlitre", "15"),
    ]


def test_earliest_repeat_is_measured() -> None:
    assert found(only(repeat_rules=PROTOCOL.repeat_rules)) == [
        ("repeat_rules", "REPEAT", "earliest_hours", Quantity.EARLIEST_REPEAT, "", "hours", "20")
    ]


def test_parameter_is_measured_only_where_a_range_speaks_of_it() -> None:
    row = plausible(Quantity.PARAMETER, "things", subject="ONE")
    # A range of another quantity that happens to name it says nothing of the parameter.
    other = plausible(Quantity.CAP, "things", subject="TWO")
    rows = {"parameters": (parameter("ONE", "3"), parameter("TWO", "4")), "plausible_ranges": (row, other)}

    assert found(only(**rows)) == [("parameters", "ONE", "value", Quantity.PARAMETER, "ONE", "things", "3")]


def messages(cap: str, unit: str, *ranges: PlausibleRange) -> list[str]:
    """What is said of a cap, and of nothing else."""
    capped = regimen("R", "F", "5", unit, cap=D(cap))
    amounts = plausible(Quantity.AMOUNT_PER_PATIENT, unit)
    protocol = only(regimens=(capped,), plausible_ranges=(amounts, *ranges))
    return [row.message for row in implausible_numbers(protocol)]


def test_number_within_its_range_is_plausible_and_its_ends_belong_to_it() -> None:
    row = plausible(Quantity.CAP, "mg", minimum=D(5), maximum=D(50))

    assert [messages(cap, "mg", row) for cap in ("5", "20", "50")] == [[], [], []]
    assert messages("4.9", "mg", row) == ["4.9 mg is implausible as cap of drug R: it lies between 5 and 50."]
    assert messages("50.1", "mg", row) == [
        "50.1 mg is implausible as cap of drug R: it lies between 5 and 50."
    ]


def test_range_of_the_drug_itself_comes_before_the_one_of_all() -> None:
    own = plausible(Quantity.CAP, "mg", subject="drug R", maximum=D(10))
    others = plausible(Quantity.CAP, "mg", subject="drug S", maximum=D(1))
    general = plausible(Quantity.CAP, "mg", maximum=D(100))

    assert messages("20", "mg", own, general) == [
        "20 mg is implausible as cap of drug R: it lies between 0 and 10."
    ]
    assert messages("20", "mg", others, general) == []


def test_unit_that_no_range_knows_is_implausible() -> None:
    assert messages("20", "g", plausible(Quantity.CAP, "mg")) == [
        "20 g: no limits say what the cap of drug R in this unit can be."
    ]


def test_implausible_number_comes_with_what_was_measured() -> None:
    row = plausible(Quantity.EARLIEST_REPEAT, "hours", maximum=D(10))

    (faulty,) = implausible_numbers(only(repeat_rules=PROTOCOL.repeat_rules, plausible_ranges=(row,)))

    assert faulty.measured == Measured(
        section="repeat_rules",
        key="REPEAT",
        field="earliest_hours",
        quantity=Quantity.EARLIEST_REPEAT,
        subject="",
        unit="hours",
        value=D(20),
    )
    assert faulty.message == "20 hours is implausible as earliest repeat: it lies between 0 and 10."
