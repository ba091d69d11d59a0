"""The shipped protocol: sound, whole, and worded as orders must be."""

import re
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from itertools import product
from typing import Any

import pytest

from protocols.content_files import load_shipped
from protocols.engine.decision import branch_for
from protocols.engine.facts import LEVELS
from protocols.engine.plain import from_plain, seal, to_plain
from protocols.engine.protocol import DecisionProvenance, OrderKind, Protocol, Provenance, Role
from protocols.engine.review import failing_cases, find_problems, rows_of, uncertain_rows

GRADES = range(5)
CELLS = list(product(GRADES, LEVELS, (False, True), (False, True)))

# What order texts must not say, why, and an example of it.
FORBIDDEN = [
    (r"\d\.0\b(?![.\d])", "a trailing zero reads as ten times the dose", "give 80.0 g"),
    (r"(?<!\d)\.\d", "a naked decimal point is overlooked", "give .5 g"),
    (r"\bI?U\b", "U and IU are read as 0 and 10", "give 100 IU"),
    (r"\bQ\.?D\b|\bQOD\b", "daily and every other day look alike", "give QD"),
    (r"µg", "µg is read as mg", "give 20 µg"),
    (r"\bMSO?4?\b", "morphine or magnesium", "give MS 10 mg"),
    (r"[<>≤≥]", "less and greater are mixed up", "if count < 20"),
    (r"\b(?:HS|BT|SC|SQ|cc|AD|AS|AU|OD|OS|OU)\b", "on the do-not-use lists", "give 10 cc"),
    (r"\b\d{4,}\b", "a number from 1,000 needs its comma", "give 1000 mg"),
    (r"\b(?:MTX|AZT|HCT|PCA)\b", "an abbreviated drug name", "give MTX"),
]


@pytest.fixture(scope="module")
def protocol() -> Protocol:
    return load_shipped()


def test_shipped_protocol_has_no_problems(protocol: Protocol) -> None:
    assert [(p.section, p.key, p.message) for p in find_problems(protocol)] == []


def test_every_shipped_case_passes(protocol: Protocol) -> None:
    assert [(problem.key, problem.message) for problem in failing_cases(protocol)] == []


def test_shipped_cases_try_every_branch_and_gate_and_read_as_sentences(protocol: Protocol) -> None:
    assert len(protocol.cases) >= 60
    assert {case.branch for case in protocol.cases} >= {branch.key for branch in protocol.branches}
    assert {gate for case in protocol.cases for gate in case.gates} >= {gate.key for gate in protocol.gates}
    assert all(len(case.sentence.split()) >= 5 for case in protocol.cases)


@pytest.mark.parametrize(
    ("regimen", "changes", "words"),
    [
        ("PRED_1", {"amount": Decimal(20)}, "20 mg is implausible"),
        ("IVIG_1", {"unit": "mg"}, "no limits say"),
        ("MP_PULSE", {"amount": Decimal(10000)}, "10000 mg is implausible"),
    ],
)
@pytest.mark.hazard("H07")
def test_slipped_unit_or_decimal_point_of_a_dose_is_a_problem(
    protocol: Protocol, regimen: str, changes: dict[str, Any], words: str
) -> None:
    rows = tuple(replace(row, **changes) if row.key == regimen else row for row in protocol.regimens)

    problems = find_problems(replace(protocol, regimens=rows))

    assert any(p.key == regimen and words in p.message for p in problems)


@pytest.mark.hazard("H03")
def test_every_one_of_the_hundred_cells_leads_to_a_branch(protocol: Protocol) -> None:
    rules = [branch_for(protocol, *cell) for cell in CELLS]

    assert len(CELLS) == 100
    assert all(rule.branch for rule in rules)


def test_provenance_of_the_cells_is_counted_as_in_the_evidence(protocol: Protocol) -> None:
    counted = Counter(branch_for(protocol, *cell).decision for cell in CELLS)

    assert counted == {
        DecisionProvenance.SOURCE: 27,
        DecisionProvenance.CONTEXT: 28,
        DecisionProvenance.EXTENSION: 45,
    }


def test_there_are_twenty_two_branches_and_all_are_reached(protocol: Protocol) -> None:
    reached = {branch_for(protocol, *cell).branch for cell in CELLS}

    assert len(protocol.branches) == 22
    assert reached == {branch.key for branch in protocol.branches}


def test_there_are_thirteen_products_and_one_is_suggested(protocol: Protocol) -> None:
    assert len(protocol.products) == 13
    assert protocol.default_product in {row.key for row in protocol.products if row.offered}


def test_products_without_an_itp_label_say_so(protocol: Protocol) -> None:
    for row in protocol.products:
        assert row.labels, row.key
        assert row.iga_text, row.key
        assert row.stabiliser_text, row.key


def test_every_row_cites_and_every_house_value_is_put_to_the_reviewer(protocol: Protocol) -> None:
    for section, key, row in rows_of(protocol):
        basis = getattr(row, "basis", None)
        if basis is None:
            assert section in ("citations", "cases")
            continue
        assert basis.cites, (section, key)
        if basis.provenance is Provenance.HOUSE_VALUE:
            assert basis.note, (section, key)


def test_every_uncertain_row_tells_the_reviewer_what_to_ratify(protocol: Protocol) -> None:
    uncertain = uncertain_rows(protocol)

    assert uncertain
    assert all(note.strip() for _, _, note in uncertain)


@pytest.mark.parametrize(
    ("section", "key"),
    [
        # The points that the evidence itself calls most uncertain.
        ("bleeding_rules", "RISK_WHO_1"),
        ("bleeding_rules", "RISK_SKIN"),
        ("bleeding_rules", "RISK_FACTOR"),
        ("bleeding_rules", "SITE_RED_CELLS"),
        ("weight_policies", "house_default"),
        ("regimens", "PRED_1"),
        ("regimens", "PLT_1"),
        ("parameters", "count_max_age_hours"),
        ("parameters", "ivig_day_warning_g"),
    ],
)
def test_points_the_evidence_calls_uncertain_are_listed(protocol: Protocol, section: str, key: str) -> None:
    assert (section, key) in {(row_section, row_key) for row_section, row_key, _ in uncertain_rows(protocol)}


def test_consult_texts_and_order_lines_have_no_forbidden_words(protocol: Protocol) -> None:
    texts = {
        f"{section} {key}": f"{row.text} {getattr(row, 'instructions', '')}"
        for section, key, row in rows_of(protocol)
        if section == "orders"
    }
    for row in protocol.regimens:
        words = (row.title, row.drug, row.route, row.frequency, row.duration, row.taper, row.instructions)
        texts[f"regimen {row.key}"] = " ".join(words)

    found = [
        f"{name}: {match[0]!r}, {why}"
        for name, words in texts.items()
        for pattern, why, _ in FORBIDDEN
        for match in re.finditer(pattern, words)
    ]
    assert found == []


@pytest.mark.parametrize(("pattern", "why", "example"), FORBIDDEN)
def test_forbidden_words_are_recognised(pattern: str, why: str, example: str) -> None:
    assert re.search(pattern, example), why
    assert not re.search(pattern, "Give 80 g (0.5 g per kg) over 1,000 minutes daily.")


@pytest.mark.hazard("H11")
def test_steroids_are_written_so_that_they_are_not_mixed_up(protocol: Protocol) -> None:
    drugs = {row.drug for row in protocol.regimens if row.unit == "mg"}

    assert drugs == {"predniSONE", "methylPREDNISolone", "dexAMETHasone"}


def test_emergency_gives_all_three_arms_at_once_and_calls_now(protocol: Protocol) -> None:
    emergency = next(branch for branch in protocol.branches if branch.key == "EMERGENCY_COMBINED")
    required = {order.kind for order in emergency.orders if order.role is Role.REQUIRED}

    assert {OrderKind.IVIG, OrderKind.CORTICOSTEROID, OrderKind.PLATELETS} <= required
    assert emergency.consult == "stat"


@pytest.mark.hazard("H02")
def test_grade_borders_belong_to_the_milder_grade(protocol: Protocol) -> None:
    borders = {band.grade: band.lower_per_ul for band in protocol.grade_bands}

    assert borders == {4: 0, 3: 25_000, 2: 50_000, 1: 75_000, 0: 150_000}
    assert protocol.ctcae_version == "5.0"


def test_shipped_protocol_comes_back_from_plain_data(protocol: Protocol) -> None:
    again = from_plain(Protocol, to_plain(protocol))

    assert again == protocol
    assert seal(again) == seal(protocol)


def test_review_status_and_limits_of_use_are_told(protocol: Protocol) -> None:
    assert "review" in protocol.source_status.lower()
    assert protocol.disclaimer


def test_only_the_level_of_the_call_says_how_soon_to_call(protocol: Protocol) -> None:
    """A gate or a rule can raise the call; a text with an urgency of its own would then contradict it."""
    said = {
        "summary": [branch.summary for branch in protocol.branches if branch.consult != "stat"],
        "gates": [gate.action for gate in protocol.gates if gate.consult != "stat"],
        "rules": [rule.action for rule in protocol.safety_rules],
    }
    words = re.compile(r"same[- ]day|haematology (?:now|today|at once)", re.IGNORECASE)

    found = {kind: [text for text in texts if words.search(text)] for kind, texts in said.items()}
    assert found == {"summary": [], "gates": [], "rules": []}
