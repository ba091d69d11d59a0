"""The second calculation agrees with the first, and with nothing else."""

from dataclasses import replace

import pytest

from protocols.engine.dosing import Dose, compute_dose
from protocols.engine.ledger import Ledger, LedgerStep, Operation, Quantity
from protocols.engine.ledger_check import LedgerDisagreement, verify
from protocols.engine.protocol import CapKind
from protocols.engine.weight import dosing_weight

from .factory import PROTOCOL, D, adjusting, infused, patient


def a_step(operation: Operation, result: str, *inputs: str) -> LedgerStep:
    return LedgerStep(
        name="Step",
        operation=operation,
        formula="in words",
        inputs=tuple(Quantity(name=f"input {value}", value=D(value), unit="things") for value in inputs),
        result=D(result),
        unit="things",
        cites=("C10",),
    )


def long_ledger(sex: str = "male") -> Ledger:
    """A ledger with every operation of an immunoglobulin dose."""
    facts = patient(weight_kg=D("99.9"), height_cm=D("161.3"), sex=sex)
    dose = compute_dose(
        regimen=replace(infused("IVIG", "F", "0.5"), cap=D(200), cap_kind=CapKind.HARD),
        facts=facts,
        dosing=dosing_weight(adjusting("A"), facts),
        product=PROTOCOL.products[0],
    )
    assert isinstance(dose, Dose)
    return dose.ledger


@pytest.mark.parametrize(
    ("operation", "inputs", "result"),
    [
        (Operation.BMI, ("80", "200"), "20"),
        (Operation.IDEAL_WEIGHT_FEMALE, ("152.4",), "45.5"),
        (Operation.IDEAL_WEIGHT_MALE, ("154.94",), "52.3"),
        (Operation.ADJUSTED_WEIGHT, ("100", "50", "0.4"), "70"),
        (Operation.LESSER, ("20", "10"), "10"),
        (Operation.PRODUCT, ("20", "0.5"), "10"),
        (Operation.NEAREST_TIES_DOWN, ("15", "10"), "10"),
        (Operation.NEAREST_TIES_DOWN, ("15.1", "10"), "20"),
        (Operation.NEAREST_TIES_UP, ("15", "10"), "20"),
        (Operation.NEAREST_TIES_UP, ("14.9", "10"), "10"),
        (Operation.VOLUME, ("20", "5"), "400"),
        (Operation.VIALS, ("30", "20", "1", "10", "1"), "30"),
        (Operation.VIALS, ("70", "20", "3", "5", "2"), "70"),
    ],
)
def test_each_operation_is_calculated_again(
    operation: Operation, inputs: tuple[str, ...], result: str
) -> None:
    verify((a_step(operation, result, *inputs),))

    with pytest.raises(LedgerDisagreement, match="Step"):
        verify((a_step(operation, f"{D(result) + D('0.001')}", *inputs),))


def test_every_operation_is_known_to_the_checker() -> None:
    seen = {step.operation for sex in ("female", "male") for step in long_ledger(sex)}

    assert seen | {Operation.NEAREST_TIES_UP} == set(Operation)


@pytest.mark.parametrize("sex", ["female", "male"])
def test_ledger_of_the_engine_is_accepted(sex: str) -> None:
    verify(long_ledger(sex))


@pytest.mark.parametrize("position", range(9))
def test_changed_result_is_refused(position: int) -> None:
    ledger = list(long_ledger())
    ledger[position] = replace(ledger[position], result=ledger[position].result + D("1E-6"))

    with pytest.raises(LedgerDisagreement):
        verify(tuple(ledger))


def test_changed_number_that_was_carried_over_is_refused() -> None:
    ledger = list(long_ledger())
    for position, step in enumerate(ledger):
        for place, quantity in enumerate(step.inputs):
            if quantity.from_step is None:
                continue
            changed = (
                *step.inputs[:place],
                replace(quantity, value=quantity.value + 1),
                *step.inputs[place + 1 :],
            )
            forged = [*ledger[:position], replace(step, inputs=changed), *ledger[position + 1 :]]

            with pytest.raises(LedgerDisagreement, match="is not what its step gave"):
                verify(tuple(forged))


def test_changed_rate_is_refused() -> None:
    ledger = list(long_ledger())
    position = next(n for n, step in enumerate(ledger) if step.operation is Operation.PRODUCT)
    per_kg, weight = ledger[position].inputs
    forged = replace(ledger[position], inputs=(replace(per_kg, value=D("0.6")), weight))

    with pytest.raises(LedgerDisagreement, match="Calculated amount"):
        verify((*ledger[:position], forged, *ledger[position + 1 :]))


def test_number_from_a_later_step_is_refused() -> None:
    step = a_step(Operation.LESSER, "10", "10", "20")
    ahead = replace(step, inputs=(replace(step.inputs[0], from_step=0), step.inputs[1]))

    with pytest.raises(LedgerDisagreement, match="comes from a later step"):
        verify((ahead,))


def test_division_by_zero_is_a_disagreement() -> None:
    with pytest.raises(LedgerDisagreement, match="cannot be zero"):
        verify((a_step(Operation.VOLUME, "10", "10", "0"),))


def test_vials_must_hold_the_dose() -> None:
    with pytest.raises(LedgerDisagreement, match="10 is not 30"):
        verify((a_step(Operation.VIALS, "10", "30", "10", "1"),))


def test_digits_beyond_the_twentieth_are_forgiven_only_in_results_without_end() -> None:
    third = D(1) / D(3) * 10

    verify((a_step(Operation.VOLUME, f"{third}", "1", "30"),))
    with pytest.raises(LedgerDisagreement, match="is not 10/3"):
        verify((a_step(Operation.VOLUME, "3.3333333333333333", "1", "30"),))
    with pytest.raises(LedgerDisagreement, match="is not 10"):
        verify((a_step(Operation.NEAREST_TIES_DOWN, "10.000000000000000000000000001", "10", "10"),))
