"""Faults an author could make, each made on the shipped content in the form: none can be submitted."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from ivigsite.revisions.row_form import RowForm
from protocols.engine.plain import from_plain, to_plain
from protocols.engine.protocol import Protocol
from protocols.engine.review import find_problems, stops_of
from tests.revisions.test_row_form import query, stored
from tests.scenario import shipped

pytestmark = [pytest.mark.hazard("H02"), pytest.mark.hazard("H07"), pytest.mark.hazard("H20")]


def edited(section: str, key: str, changes: Mapping[str, Any]) -> Protocol:
    """The shipped protocol with one row as the form says it once these fields are typed."""
    about = stored(section, key)
    data = query(RowForm(subject=about).posted())
    for name, value in changes.items():
        data.setlist(name, value if isinstance(value, list) else [value])
    form = RowForm(data, subject=about)
    assert form.is_valid(), form.errors
    rows = getattr(shipped(), section)
    position = next(n for n, row in enumerate(rows) if to_plain(row).items() >= about.stored.items())
    plain = {**to_plain(rows[position]), **form.to_plain()}
    changed = from_plain(type(rows[position]), plain)
    kept: Any = {section: (*rows[:position], changed, *rows[position + 1 :])}
    return replace(shipped(), **kept)


FAULTS: Mapping[str, tuple[str, str, Mapping[str, Any], str]] = {
    "a gap between two bands": ("grade_bands", "4", {"upper_per_ul": "24000"}, "is in no grade"),
    "two bands that overlap": ("grade_bands", "4", {"upper_per_ul": "26000"}, "is in grades"),
    "no band for high counts": ("grade_bands", "0", {"upper_per_ul": "400000"}, "is in no grade"),
    "a band that is empty": ("grade_bands", "3", {"upper_per_ul": "25000"}, "The band is empty"),
    "a hole in the decision table": ("decision_rules", "D05", {"bleeding_levels": ["none"]}, "No rule for"),
    "two rules for one cell": (
        "decision_rules",
        "D05",
        {"rapid_rise": ["false", "true"]},
        "More than one rule for",
    ),
    "a rule that leads nowhere": ("decision_rules", "D05", {"branch": ""}, "leads to a branch or says why"),
    "a tenfold dose": ("regimens", "IVIG_1", {"amount": "10"}, "implausible"),
    "a dose above its day's limit": ("regimens", "IVIG_1", {"amount": "1.5"}, "limit for one day"),
    "a dose in another unit": ("regimens", "IVIG_1", {"unit": "mg"}, "in g per kg dosing weight"),
    "no rounding from 0 kg": ("regimens", "IVIG_1", {"rounding-items": ["0"]}, "no rounding from 0 kg"),
    "no weight to multiply by": ("regimens", "IVIG_1", {"weight": ""}, "which weight it multiplies"),
    "no cap": ("regimens", "PRED_1", {"cap": "", "cap_kind": ""}, "There is no cap"),
    "no word on stopping": ("regimens", "PRED_1", {"taper": ""}, "tapering or stopping"),
    "several doses without interval": ("regimens", "IVIG_1", {"doses": "2"}, "need an interval"),
    "a tenfold rate": ("products", "privigen", {"maximum_ml_per_kg_per_h": "24"}, "implausible"),
    "rates that fall": ("products", "privigen", {"rate_steps-0-ml_per_kg_per_h": "2"}, "do not rise"),
    "a row that cites nothing": ("regimens", "IVIG_1", {"basis-cites": []}, "cites nothing"),
    "an uncertain row without a note": ("regimens", "IVIG_1", {"basis-note": ""}, "needs a note"),
    "an action without conditions": ("result_rules", "COUNT", {"alert_action": "Stop."}, "or neither"),
    "a check that nobody judges": ("result_rules", "COUNT", {"key": "COUNTED"}, "how its results are judged"),
    "no watch for a relapse": ("result_rules", "COUNT_LATE", {"key": "COUNT_SOON"}, "no relapse would be"),
    "a condition that contradicts itself": (
        "gates",
        "INVALID_DATA",
        {
            "when-0-items": ["0", "1"],
            "when-1-items": [],
            "when-items": ["0"],
            "when-0-1-fact": "platelets_per_ul",
            "when-0-1-comparator": "known",
        },
        "contradict each other",
    ),
    "a product that is gone": ("products", "privigen", {"key": "gone"}, "no such product on offer"),
}
SOUND: Mapping[str, tuple[str, str, Mapping[str, Any]]] = {
    "another text": ("texts", "consult_stat", {"title": "Phone haematology at once"}),
    "another window of a check": ("monitoring_items", "VIT-02", {"window_minutes": "10"}),
    "a slower product": ("products", "privigen", {"diluent": "None"}),
    "another summary": ("branches", "G1_OBSERVE", {"summary": "Observe, and look for the cause."}),
    "another note": ("grade_bands", "1", {"basis-note": "Set by our laboratory: ratify."}),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_seeded_fault_is_found_and_named(fault: str):
    section, key, changes, words = FAULTS[fault]

    problems = find_problems(edited(section, key, changes))

    assert any(words in problem.message for problem in problems), [p.message for p in problems]


@pytest.mark.parametrize("variant", SOUND)
def test_sound_variant_is_accepted(variant: str):
    assert stops_of(edited(*SOUND[variant])) == ()
