"""What an immunoglobulin is to the patient: unknown is never the same brand, a long gap a first time."""

from dataclasses import replace
from typing import Any

import pytest

from protocols.engine.exposure import exposure, is_first_exposure
from protocols.engine.facts import UNKNOWN
from protocols.engine.protocol import Protocol

from .factory import PROTOCOL, D, patient, sound_protocol

P10 = PROTOCOL.products[0]
NO_GAP = sound_protocol(
    parameters=tuple(row for row in PROTOCOL.parameters if row.key != "first_exposure_gap_hours")
)


# The small protocol calls a gap of more than 100 hours long.
@pytest.mark.parametrize(
    ("protocol", "facts", "expected"),
    [
        (PROTOCOL, {"first_ivig": True, "hours_since_last_ivig": UNKNOWN}, True),
        (PROTOCOL, {"first_ivig": True, "hours_since_last_ivig": D(1)}, True),
        (PROTOCOL, {"first_ivig": UNKNOWN, "hours_since_last_ivig": D(1)}, UNKNOWN),
        (PROTOCOL, {"first_ivig": False, "hours_since_last_ivig": UNKNOWN}, UNKNOWN),
        (PROTOCOL, {"first_ivig": False, "hours_since_last_ivig": D(100)}, False),
        (PROTOCOL, {"first_ivig": False, "hours_since_last_ivig": D("100.1")}, True),
        (NO_GAP, {"first_ivig": True}, True),
        (NO_GAP, {"first_ivig": UNKNOWN}, UNKNOWN),
        (NO_GAP, {"first_ivig": False, "hours_since_last_ivig": UNKNOWN}, False),
        (NO_GAP, {"first_ivig": False, "hours_since_last_ivig": D(5000)}, False),
    ],
)
def test_first_exposure_is_the_first_ever_or_the_first_after_the_gap(
    protocol: Protocol, facts: dict[str, Any], expected: Any
) -> None:
    assert is_first_exposure(protocol, patient(**facts)) is expected


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"first_ivig": True, "last_product": "P10"}, "first"),
        ({"first_ivig": False, "hours_since_last_ivig": D(101), "last_product": "P10"}, "after_gap"),
        ({"first_ivig": False, "hours_since_last_ivig": D(1), "last_product": "P10"}, "same_brand"),
        ({"first_ivig": False, "hours_since_last_ivig": D(1), "last_product": "P5"}, "new_brand"),
        ({"first_ivig": False, "hours_since_last_ivig": UNKNOWN, "last_product": "P5"}, "new_brand"),
        ({"first_ivig": False, "hours_since_last_ivig": UNKNOWN, "last_product": "P10"}, UNKNOWN),
        ({"first_ivig": False, "hours_since_last_ivig": D(1), "last_product": UNKNOWN}, UNKNOWN),
        ({"first_ivig": UNKNOWN, "hours_since_last_ivig": D(1), "last_product": "P10"}, UNKNOWN),
        ({"first_ivig": UNKNOWN, "hours_since_last_ivig": D(1), "last_product": "P5"}, UNKNOWN),
    ],
)
def test_exposure_is_the_one_that_is_sure(facts: dict[str, Any], expected: Any) -> None:
    assert exposure(PROTOCOL, patient(**facts), P10) == expected


def test_exposure_to_no_product_is_only_the_first_or_unknown() -> None:
    known = {"first_ivig": False, "hours_since_last_ivig": D(1), "last_product": "P10"}

    assert exposure(PROTOCOL, patient(**known), None) is UNKNOWN
    assert exposure(PROTOCOL, patient(**known | {"first_ivig": True}), None) == "first"
    assert exposure(PROTOCOL, patient(**known), replace(P10, key="P11")) == "new_brand"
