"""Each kind of edit of a protocol, seen in what it does to patients: whole spaces, each twice evaluated."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from protocols.engine.answers import Part
from protocols.engine.behaviour import behaviour_changes, situations_between
from protocols.engine.decision import evaluate
from protocols.engine.dosing import Dose
from protocols.engine.facts_json import facts_from_plain
from protocols.engine.protocol import ConsultLevel, Protocol, Severity
from protocols.engine.recommendation import Recommendation
from protocols.engine.review import find_problems
from tests.engine.factory import PROTOCOL, D, band, if_is, policy, sound_protocol


def with_first(section: str, **changes: Any) -> Protocol:
    first, *rest = getattr(PROTOCOL, section)
    return sound_protocol(**{section: (replace(first, **changes), *rest)})


def with_row(section: str, key: str, **changes: Any) -> Protocol:
    rows = tuple(replace(r, **changes) if r.key == key else r for r in getattr(PROTOCOL, section))
    return sound_protocol(**{section: rows})


def with_parameter(key: str, value: str) -> Protocol:
    return with_row("parameters", key, value=D(value))


IVIG = PROTOCOL.regimens[0]
LOWER_DOSE = with_first("regimens", amount=D("0.4"))
# Each a single edit, with a part of the outcome that it must be seen to change.
EDITS: dict[str, tuple[Protocol, Part]] = {
    "dose": (LOWER_DOSE, Part.DOSE),
    "border": (sound_protocol(grade_bands=(band(2, 0, 12), band(1, 12, 20), band(0, 20, None))), Part.BRANCH),
    "decision": (with_row("decision_rules", "R11", branch="WATCH"), Part.BRANCH),
    "consult of a rule": (
        with_row("decision_rules", "R21", consult_at_least=ConsultLevel.NONE),
        Part.CONSULT,
    ),
    "gate": (with_row("gates", "TTP", when=if_is("schistocytes", "true")), Part.GATE),
    "stop": (with_row("safety_rules", "S_EARLY", severity=Severity.WARNING), Part.STOP),
    "condition": (with_row("safety_rules", "S_KIDNEY", when=if_is("pregnant", "true")), Part.FINDING),
    "cap": (with_row("regimens", "STEROID_ADULT", cap=D(90)), Part.DOSE),
    "rounding": (
        with_first("regimens", rounding=tuple(replace(row, step=D(5)) for row in IVIG.rounding)),
        Part.DOSE,
    ),
    "concentration": (with_first("products", concentration_percent=D(5)), Part.RATE),
    "rate": (with_parameter("first_exposure_max_ml_per_kg_per_h", "2"), Part.RATE),
    "course": (with_first("regimens", frequency="twice"), Part.COURSE),
    "task": (with_row("monitoring_items", "M_IVIG", due_minutes=20), Part.TASK),
    "task gone": (
        sound_protocol(monitoring_items=tuple(i for i in PROTOCOL.monitoring_items if i.key != "M_IVIG")),
        Part.TASK,
    ),
    "target": (with_row("branches", "TREAT", targets=()), Part.TARGET),
    "repeat": (with_first("repeat_rules", earliest_hours=40), Part.REPEAT),
    "line": (with_row("branches", "WATCH", orders=PROTOCOL.branches[0].orders[:1]), Part.LINE),
    "text": (with_row("texts", "conflict", when=if_is("aetiology", "secondary_itp")), Part.TEXT),
    "weight policy": (
        sound_protocol(weight_policies=(policy("ADJUSTED"), *PROTOCOL.weight_policies[1:])),
        Part.DOSE,
    ),
    "target of a procedure": (with_first("procedure_targets", platelets_per_ul=12), Part.TARGET),
}


@pytest.mark.parametrize("name", EDITS)
def test_every_kind_of_edit_is_seen_in_what_it_does(name: str) -> None:
    after, part = EDITS[name]

    assert part in {change.part for change in behaviour_changes(PROTOCOL, after).worst_first()}


def test_protocols_of_these_tests_have_no_problems() -> None:
    for name, (protocol, _) in EDITS.items():
        assert find_problems(protocol) == (), name


def test_counts_and_examples_agree_with_brute_force() -> None:
    situations = [situation.facts for situation in situations_between(PROTOCOL, LOWER_DOSE)]
    by_hand: Counter[str] = Counter()
    changed = 0
    for facts in situations:
        doses = [_doses(protocol, facts) for protocol in (PROTOCOL, LOWER_DOSE)]
        different = {code for code in doses[0] if doses[0][code] != doses[1][code]}
        by_hand.update(different)
        changed += evaluate(PROTOCOL, facts) != evaluate(LOWER_DOSE, facts) and bool(different)

    tally = behaviour_changes(PROTOCOL, LOWER_DOSE)

    counted = {c.subject: c.count for c in tally.worst_first() if c.part is Part.DOSE}
    assert tally.tried == len(situations)
    assert counted == by_hand
    assert tally.changed >= changed > 0
    for change in tally.worst_first():
        if change.part is Part.DOSE:
            example = facts_from_plain(change.example)
            amounts = [_doses(protocol, example)[change.subject] for protocol in (PROTOCOL, LOWER_DOSE)]
            assert [f"{amount} g" for amount in amounts] == [change.before, change.after]


def _doses(protocol: Protocol, facts: Any) -> dict[str, str]:
    outcome = evaluate(protocol, facts)
    proposed = outcome if isinstance(outcome, Recommendation) else getattr(outcome, "provisional", None)
    if proposed is None:
        return {}
    return {
        order.code: f"{order.dose.rounded.normalize():f}"
        for order in proposed.orders
        if isinstance(order.dose, Dose) and order.dose.unit == "g"
    }
