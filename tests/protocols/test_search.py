"""Questions put to the shipped protocol: what must be among the first answers, and what is never made up."""

from dataclasses import replace

import pytest

from protocols.content_files import load_shipped
from protocols.engine.protocol import Protocol
from protocols.search import ANSWERS, QUESTION_LENGTH, ask, concepts_of, passages_of
from tests.protocols.factory import small_protocol


@pytest.fixture(scope="module")
def shipped() -> Protocol:
    return load_shipped()


# What people ask, the anchor of a passage that answers it, and within how many answers it must stand.
GOLD = [
    ("can I give platelets with IVIG?", "text-both_answer", 2),
    ("Can a patient receive IVIG and platelet infusion?", "text-both_answer", 3),
    ("why give both together", "text-both_why", 3),
    ("how fast can I run Privigen", "product-privigen", 1),
    ("how fast", "products-title", 1),
    ("how fast can immunoglobulin run", "products-title", 1),
    ("how fast can I run Octagam", "product-octagam", 1),
    ("IgA", "screening-", 1),
    ("do I need IgA before the first dose", "screening-", 3),
    ("IgA before the first dose", "text-conflict_13", 3),
    ("how much IVIG", "family-", 1),
    ("prednisone", "family-", 6),
    ("TTP", "gate-", 1),
    ("heparin", "gate-", 2),
    ("what if there are clumps", "gate-", 1),
    ("pregnancy", "text-conflict_16", 4),
    ("platelet target for lumbar puncture", "procedure-", 1),
    ("when can I repeat IVIG", "repeat-", 1),
    ("how long does it last", "text-expect_how_long", 1),
    ("headache", "text-watch_headache", 1),
    ("obese patient weight", "policy-", 1),
    ("anaphylaxis", "text-reaction_4", 1),
    ("who do I call", "text-call_haematology", 1),
    ("can platelets and ivig run in the same line", "access-", 1),
    ("kidney failure", "text-watch_kidney", 1),
    ("creatinine at 48 hours", "monitoring-", 1),
    ("hémolyse haemolysis", "text-watch_haemolysis", 6),
    ("steroid contraindicated", "text-conflict_20", 1),
    ("children", "text-conflict_15", 2),
]


@pytest.mark.parametrize(("question", "anchor", "within"), GOLD, ids=[question for question, _, _ in GOLD])
def test_question_is_answered_by_the_passage_that_says_it(
    shipped: Protocol, question: str, anchor: str, within: int
) -> None:
    first = [answer.passage.anchor for answer in ask(shipped, question)[:within]]

    assert any(found.startswith(anchor) for found in first), first


def test_every_answer_has_its_citation_and_its_branches(shipped: Protocol) -> None:
    answers = ask(shipped, "can I give platelets with IVIG?") + ask(shipped, "methylprednisolone high dose")

    assert all(answer.passage.citations for answer in answers)
    line = next(
        answer.passage
        for answer in answers
        if answer.passage.kind == "Order" and "high dose" in answer.passage.title
    )
    having = {
        branch.key for branch in shipped.branches if any(order.text == line.title for order in branch.orders)
    }
    assert {branch.key for branch in line.branches} == having != set()


def test_passages_are_every_row_that_speaks_to_a_reader(shipped: Protocol) -> None:
    anchors = {passage.anchor for passage in passages_of(shipped)}

    for section, prefix in {
        "texts": "text",
        "branches": "branch",
        "decision_rules": "decision",
        "weight_policies": "policy",
        "products": "product",
        "access_plans": "access",
        "procedure_targets": "procedure",
        "repeat_rules": "repeat",
        "gates": "gate",
        "safety_rules": "safety",
        "screening_items": "screening",
        "monitoring_items": "monitoring",
        "parameters": "number",
    }.items():
        assert {f"{prefix}-{row.key}" for row in getattr(shipped, section)} <= anchors
    assert {f"family-{row.family}" for row in shipped.regimens} <= anchors


def test_passage_says_what_its_row_says_and_no_number_of_its_own(shipped: Protocol) -> None:
    changed = replace(
        shipped,
        products=tuple(replace(row, iga_text="ONLYHERE little of it") for row in shipped.products[:1]),
    )

    (answer,) = ask(changed, "onlyhere")

    assert answer.passage.anchor == f"product-{shipped.products[0].key}"
    assert ask(shipped, "onlyhere") == ()


def test_rates_of_all_products_stand_together_as_their_rows_have_them(shipped: Protocol) -> None:
    (passage,) = (each for each in passages_of(shipped) if each.kind == "Rates")

    for product in shipped.products:
        first, fastest, at_risk = (
            format(rate.normalize(), "f")
            for rate in (
                product.rate_steps[0].ml_per_kg_per_h,
                product.maximum_ml_per_kg_per_h,
                product.at_risk_ml_per_kg_per_h,
            )
        )
        assert f" %: {first} to {fastest} mL per kg per h, at risk at most {at_risk}" in passage.body
        assert f"{product.name} " in passage.body
        assert set(product.basis.cites) <= {citation.key for citation in passage.citations}
    assert passage.is_uncertain


@pytest.mark.parametrize(
    "question", ["", "   ", "?", "xyzzy", "the of and", "\U0001f489", "<script>", "'; DROP"]
)
def test_question_without_a_word_of_the_protocol_has_no_answer(shipped: Protocol, question: str) -> None:
    assert ask(shipped, question) == ()


def test_long_question_is_read_to_its_limit_only(shipped: Protocol) -> None:
    padded = "x" * QUESTION_LENGTH + " IgA"

    assert ask(shipped, padded) == ()
    assert len(ask(shipped, "immunoglobulin " * 5000)) <= ANSWERS


@pytest.mark.parametrize(
    ("text", "concepts"),
    [
        ("Can I give platelets?", ["platelet"]),
        ("platelet transfusions", ["platelet"]),
        ("Thrombocytes", ["platelet"]),
        ("immune globulin", ["ivig"]),
        ("HOW FAST", ["rate"]),
        ("haemorrhages", ["haemorrhage"]),
        ("active bleeding", ["active", "haemorrhage"]),
        ("épidural", ["neuraxial"]),
        ("", []),
    ],
)
def test_words_are_put_into_those_of_the_protocol(text: str, concepts: list[str]) -> None:
    assert concepts_of(text) == concepts


def test_any_protocol_can_be_asked_one_without_rows_too() -> None:
    small = small_protocol()
    empty = replace(
        small, texts=(), gates=(), safety_rules=(), parameters=(), monitoring_items=(), products=()
    )

    assert ask(small, "body of")
    assert ask(empty, "low")
