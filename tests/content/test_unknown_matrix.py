"""What nobody knows, fact by fact and two at a time, against the worst it could turn out to be.

An unknown fact counts as its worst answer, or it is asked: the page lists what is open and what that would
change.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from typing import Any, Final

import pytest

from protocols.content_files import load_shipped
from protocols.engine.decision import evaluate
from protocols.engine.facts import CATALOGUE, UNKNOWN, Facts
from protocols.engine.facts_json import facts_from_plain
from protocols.engine.protocol import ConsultLevel, OrderKind, Protocol
from protocols.engine.recommendation import Outcome

from .test_safety_cohorts import CLEAN, STATED, advice, answers_of, asked_of, cap_of, free_lines

LEVELS: Final[dict[str, dict[str, Any]]] = {
    "none": {
        "bleeding_level": "none",
        "bleeding_findings": [],
        "bleeding_sites": [],
        "platelets_per_ul": 18000,
    },
    "risk_factors": {
        "bleeding_level": "risk_factors",
        "bleeding_findings": ["skin_only"],
        "bleeding_sites": [],
    },
    "active_cns_gi_gu": {
        "bleeding_level": "active_cns_gi_gu",
        "bleeding_findings": ["melaena"],
        "bleeding_sites": ["gi"],
    },
    "life_threatening": {
        "bleeding_level": "life_threatening",
        "bleeding_findings": ["retroperitoneal"],
        "bleeding_sites": ["other"],
    },
}

# What is stated or gives the level: decision 2 says how a stated one and its findings are held together.
SAY_THE_LEVEL: Final = {*STATED, "bleeding_level", "bleeding_sites"}

# Of each fact the answer that harms most if nobody has it.
WORST: Final[dict[str, Any]] = {
    "clumps": True,
    "ttp_suspected": True,
    "schistocytes": True,
    "haemolysis": True,
    "hit_suspected": True,
    "dic_suspected": True,
    "marrow_failure": True,
    "obstetric_tma": True,
    "immune_cause": "unexplained",
    "immunoglobulin_reaction": True,
    "anti_iga": True,
    "ivig_refused": True,
    "platelets_refused": True,
    "steroid_contraindicated": True,
    "recent_thrombosis": True,
    "thrombosis_risk_factors": ("previous_thrombosis",),
    "renal_risk_factors": ("volume_depletion",),
    "overload_risk_factors": ("heart_failure",),
    "consent": "refused",
    "irradiated_needed": True,
    "hyperprolinaemia": True,
    "pregnant": True,
    "venous_lines": 1,
    "first_ivig": True,
    "age_years": 9,
}


@pytest.fixture(scope="module")
def protocol() -> Protocol:
    return load_shipped()


def base_at(protocol: Protocol, level: str) -> Facts:
    return facts_from_plain({**CLEAN, **LEVELS[level]}, protocol)


def stops_of(outcome: Outcome) -> set[str]:
    """The gates that hold, and the findings that nobody passes without a name, a reason or a correction."""
    said = advice(outcome)
    hard = set() if said is None else {finding.rule for finding in said.findings if finding.is_hard}
    return hard | {gate.key for gate in outcome.gates}


def calmer_in(less: Outcome, known: Outcome) -> Iterator[str]:
    """In what the answer without the fact is less careful than the answer with it."""
    if cap_of(less) > cap_of(known) > 0:
        yield "a faster infusion"
    if free_lines(less) - free_lines(known):
        yield "lines that are free"
    if less.consult.rank < known.consult.rank:
        yield "no call to haematology"
    if stops_of(known) - stops_of(less):
        yield "a stop that is missing"


@pytest.mark.hazard("H24")
@pytest.mark.parametrize("level", LEVELS)
def test_no_unknown_fact_is_calmer_than_any_of_its_answers(protocol: Protocol, level: str) -> None:
    base = base_at(protocol, level)
    silent = []
    for definition in CATALOGUE:
        key = definition.key
        less = evaluate(protocol, replace(base, **{key: UNKNOWN}))
        if key in SAY_THE_LEVEL or key in asked_of(less):
            continue
        for answer in answers_of(definition, base):
            known = evaluate(protocol, replace(base, **{key: answer}))
            silent += [f"{key} = {answer}: {what}" for what in calmer_in(less, known)]

    assert silent == []


@pytest.mark.hazard("H09")
@pytest.mark.hazard("H24")
@pytest.mark.parametrize("level", ["active_cns_gi_gu", "life_threatening"])
def test_second_unknown_fact_hides_the_first_from_nobody(protocol: Protocol, level: str) -> None:
    """Two at a time: while one fact is unknown too, the other still counts as its worst or is asked."""
    base = base_at(protocol, level)
    silent = []
    for pair in combinations(WORST, 2):
        less = evaluate(protocol, replace(base, **dict.fromkeys(pair, UNKNOWN)))
        for key in set(pair) - asked_of(less):
            worst = dict.fromkeys(pair, UNKNOWN) | {key: WORST[key]}
            known = evaluate(protocol, replace(base, **worst))
            silent += [f"{pair}, {key}: {what}" for what in calmer_in(less, known)]

    assert silent == []


# What the gate asks of every patient whose cause is stated to be immune, each with its worst answer.
ASKED_BY_THE_GATE: Final[tuple[tuple[tuple[str, ...], str], ...]] = (
    (("ttp_suspected", "schistocytes"), "ttp_suspected"),
    (("ttp_suspected", "haemolysis"), "ttp_suspected"),
    (("hit_suspected", "heparin_last_100_days"), "hit_suspected"),
    (("clumps", "low_count_confirmed"), "clumps"),
)


@pytest.mark.hazard("H09")
@pytest.mark.hazard("H24")
@pytest.mark.parametrize(("facts", "worst"), ASKED_BY_THE_GATE)
@pytest.mark.parametrize("level", LEVELS)
def test_open_question_of_the_gate_frees_no_line_that_its_worst_answer_holds(
    protocol: Protocol, level: str, facts: tuple[str, ...], worst: str
) -> None:
    """To be asked is not enough here: the lines wait, or in critical bleeding the platelets are flagged."""
    base = replace(base_at(protocol, level), **dict.fromkeys(facts, UNKNOWN))
    answer: dict[str, Any] = {worst: True}
    less, known = evaluate(protocol, base), evaluate(protocol, replace(base, **answer))

    assert worst in asked_of(less)
    if level in ("none", "risk_factors"):
        assert free_lines(less) <= free_lines(known)
        return
    said = advice(less)
    assert said is not None
    platelets = [order for order in said.orders if order.kind is OrderKind.PLATELETS]
    assert platelets
    assert worst == "clumps" or all(order.is_held or order.effects for order in platelets)
    assert less.consult is ConsultLevel.STAT
