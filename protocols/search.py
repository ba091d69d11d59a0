"""Questions put to one version of the protocol: the passages that answer them, best first.

Each row that says something is a passage with its citations and the branches it belongs to. Passages are
ranked by the words they share with the question (Okapi BM25, Robertson and Zaragoza 2009), after both have
been put into the same words by `search_words.toml`. Nothing is made up: an answer is a row as it stands.
"""

import re
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from math import log
from pathlib import Path
from typing import Any, Final

from protocols.engine.numbers import format_decimal
from protocols.engine.placeholders import in_brackets
from protocols.engine.protocol import (
    Basis,
    Branch,
    Citation,
    OrderKind,
    OrderTemplate,
    Product,
    Protocol,
    Regimen,
    Text,
    Topic,
    When,
)

WORDS_FILE: Final = Path(__file__).parent / "search_words.toml"
QUESTION_LENGTH: Final = 200
ANSWERS: Final = 15
# Of BM25: how soon a repeated word stops counting, and how much long passages are held back.
SATURATION: Final = 1.2
LENGTH_SHARE: Final = 0.5
# A heading says what a passage is about.
HEADING_COUNTS: Final = 3
SPEAKS_OF_IT: Final = 1.6
# A passage that holds fewer of the question's words than this share of the best one is none.
LEAST_SHARE: Final = 0.25

# What is filled in for a patient has no value here.
_WORD: Final = re.compile(r"[a-z0-9]+")
_TOPICS: Final[Mapping[Topic, str]] = {
    Topic.CONFLICT: "Conflict",
    Topic.EXPECT: "What to expect",
    Topic.WATCH: "What to watch for",
    Topic.BOTH: "How they go together",
    Topic.CONSULT: "Haematology",
    Topic.LIMITS: "Limits of use",
    Topic.PITFALL: "Pitfall",
    Topic.CALL: "Call",
    Topic.VITAL_SIGNS: "Vital signs",
    Topic.REACTION: "Reaction",
    Topic.LEAFLET: "Patient leaflet",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """One row of a version in words, where it stands, what it cites, and the branches it belongs to."""

    kind: str
    title: str
    body: str
    anchor: str
    citations: tuple[Citation, ...]
    provenance: str
    is_uncertain: bool
    branches: tuple[Branch, ...]
    """None: it holds whatever the branch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A passage that answers a question, and how well."""

    passage: Passage
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Words:
    stop: frozenset[str]
    phrases: Mapping[str, tuple[tuple[tuple[str, ...], str], ...]]
    """By their first word; the longest first, so that "platelet transfusion" is not taken for two things."""
    speaks_of: Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Index:
    """The passages of one version with the count of each concept in them."""

    passages: tuple[Passage, ...]
    counts: tuple[Counter[str], ...]
    rarity: Mapping[str, float]
    average: float


def ask(protocol: Protocol, question: str) -> tuple[Answer, ...]:
    """The passages that answer a question, best first; none where no word of it stands in the protocol."""
    index = _index_of(protocol)
    wanted = dict.fromkeys(concepts_of(question[:QUESTION_LENGTH]))
    scored = [
        Answer(passage=passage, score=score)
        for passage, counts in zip(index.passages, index.counts, strict=True)
        if (score := _score(index, passage, counts, wanted)) > 0
    ]
    if not scored:
        return ()
    best = sorted(scored, key=lambda answer: -answer.score)[:ANSWERS]
    return tuple(answer for answer in best if answer.score >= best[0].score * LEAST_SHARE)


def concepts_of(text: str) -> list[str]:
    """The words of a text that carry meaning, each as the word that stands for it."""
    words, known = [_singular(word) for word in _words(text)], _search_words()
    concepts = []
    place = 0
    while place < len(words):
        for phrase, concept in known.phrases.get(words[place], ()):
            if tuple(words[place : place + len(phrase)]) == phrase:
                concepts.append(concept)
                place += len(phrase)
                break
        else:
            if words[place] not in known.stop:
                concepts.append(words[place])
            place += 1
    return concepts


def passages_of(protocol: Protocol) -> Iterator[Passage]:
    """Every row that says something to a reader, in the order of the document."""
    return _Passages(protocol).all()


class _Passages:
    """Turns the rows of one version into passages; knows which branches order what."""

    def __init__(self, protocol: Protocol) -> None:
        self._protocol = protocol
        self._citations = {citation.key: citation for citation in protocol.citations}
        self._branches = {branch.key: branch for branch in protocol.branches}

    def all(self) -> Iterator[Passage]:
        for text in self._protocol.texts:
            yield self._text(text)
        yield from self._treatment()
        yield from self._safety()

    def _treatment(self) -> Iterator[Passage]:
        protocol = self._protocol
        for branch in protocol.branches:
            yield self._branch(branch)
        yield from self._orders()
        for rule in protocol.decision_rules:
            led_to = self._branches.get(rule.branch or "")
            branches: tuple[Branch, ...] = () if led_to is None else (led_to,)
            words = rule.text if rule.branch else f"{rule.text} Not covered: {rule.not_covered}"
            yield self._passage("Decision", rule.key, words, f"decision-{rule.key}", rule.basis, branches)
        for regimen in protocol.regimens:
            branches = self._ordering(lambda order, family=regimen.family: order.regimen == family)
            title = f"{regimen.drug}: {regimen.title}"
            yield self._passage(
                "Dose", title, _dose(regimen), f"family-{regimen.family}", regimen.basis, branches
            )
        for policy in protocol.weight_policies:
            yield self._passage(
                "Dosing weight", policy.title, policy.text, f"policy-{policy.key}", policy.basis
            )
        for product in protocol.products:
            branches = self._giving((OrderKind.IVIG,))
            title = f"{product.name} {format_decimal(product.concentration_percent)} %"
            yield self._passage(
                "Product", title, _product(product), f"product-{product.key}", product.basis, branches
            )
        if protocol.products:
            yield self._rates()
        for access in protocol.access_plans:
            yield self._passage(
                "Sharing lines", access.title, access.text, f"access-{access.key}", access.basis
            )
        for target in protocol.procedure_targets:
            words = f"Platelet target {format_decimal(target.platelets_per_ul)} per microlitre. {target.text}"
            yield self._passage("Procedure", target.label, words, f"procedure-{target.key}", target.basis)
        for repeat in protocol.repeat_rules:
            branches = tuple(self._branches[key] for key in repeat.branches if key in self._branches)
            words = f"From {repeat.earliest_hours} hours after the first. {repeat.conditions}"
            yield self._passage(
                "Repeat", "A second IVIG dose", words, f"repeat-{repeat.key}", repeat.basis, branches
            )

    def _rates(self) -> Passage:
        """What every product may run at, in one passage: the answer to whoever has not said which."""
        products = self._protocol.products
        words = "; ".join(
            f"{product.name} {format_decimal(product.concentration_percent)} %:"
            f" {format_decimal(product.rate_steps[0].ml_per_kg_per_h)}"
            f" to {format_decimal(product.maximum_ml_per_kg_per_h)} mL per kg per h,"
            f" at risk at most {format_decimal(product.at_risk_ml_per_kg_per_h)}"
            for product in products
        )
        cites = dict.fromkeys(key for product in products for key in product.basis.cites)
        is_uncertain = any(product.basis.uncertain for product in products)
        basis = replace(products[0].basis, cites=tuple(cites), uncertain=is_uncertain)
        title = "Infusion rates of immunoglobulin, how fast each product runs"
        body = f"First to fastest rate. {words}."
        branches = self._giving((OrderKind.IVIG,))
        return self._passage("Rates", title, body, "products-title", basis, branches)

    def _safety(self) -> Iterator[Passage]:
        protocol = self._protocol
        for gate in protocol.gates:
            words = f"{gate.text} {gate.action}"
            yield self._passage("Gate", gate.title, words, f"gate-{gate.key}", gate.basis)
        for safety in protocol.safety_rules:
            branches = self._named(safety.when)
            words = safety.action
            yield self._passage(
                "Safety rule", safety.text, words, f"safety-{safety.key}", safety.basis, branches
            )
        for item in protocol.screening_items:
            changes = " ".join(f"{change.result}: {change.change}" for change in item.changes)
            branches = self._giving(item.kinds)
            yield self._passage(
                "Before treatment",
                item.title,
                f"{item.order_text}. {item.due_text} {changes}",
                f"screening-{item.key}",
                item.basis,
                branches,
            )
        results = {rule.key: rule for rule in protocol.result_rules}
        for check in protocol.monitoring_items:
            judged = results.get(check.rule)
            words = " ".join(
                (check.due_text, *((judged.alert_action, judged.critical_action) if judged else ()))
            )
            branches = self._giving(check.kinds)
            yield self._passage("Check", check.title, words, f"monitoring-{check.key}", check.basis, branches)
        for parameter in protocol.parameters:
            words = f"{format_decimal(parameter.value)} {parameter.unit}"
            yield self._passage("Number", parameter.label, words, f"number-{parameter.key}", parameter.basis)

    def _text(self, text: Text) -> Passage:
        parts = [text.body]
        if text.source_says:
            parts.append(f"The source says: {text.source_says}")
        if text.others_say:
            parts.append(f"Other guidance says: {text.others_say}")
        anchor, branches = f"text-{text.key}", self._named(text.when)
        return self._passage(_TOPICS[text.topic], text.title, " ".join(parts), anchor, text.basis, branches)

    def _branch(self, branch: Branch) -> Passage:
        words = " ".join((branch.summary, *(target.text for target in branch.targets), branch.stop_rule))
        title, anchor = f"{branch.code} {branch.title}", f"branch-{branch.key}"
        return self._passage("Branch", title, words, anchor, branch.basis, (branch,))

    def _orders(self) -> Iterator[Passage]:
        """Each line once, with all the branches that have it in the same words."""
        lines: dict[str, list[tuple[Branch, OrderTemplate]]] = {}
        for branch in self._protocol.branches:
            for order in branch.orders:
                lines.setdefault(order.text, []).append((branch, order))
        for text, found in lines.items():
            words = "; ".join(f"{order.role.value} in {branch.code}" for branch, order in found)
            branches = tuple(branch for branch, _ in found)
            anchor = f"branch-{branches[0].key}"
            yield self._passage("Order", text, words, anchor, found[0][1].basis, branches)

    def _passage(
        self,
        kind: str,
        title: str,
        body: str,
        anchor: str,
        basis: Basis,
        branches: tuple[Branch, ...] = (),
    ) -> Passage:
        return Passage(
            kind=kind,
            title=in_brackets(title),
            body=in_brackets(" ".join(body.split())),
            anchor=anchor,
            citations=tuple(self._citations[key] for key in basis.cites if key in self._citations),
            provenance=basis.provenance.value,
            is_uncertain=basis.uncertain,
            branches=branches,
        )

    def _ordering(self, holds: Any) -> tuple[Branch, ...]:
        return tuple(
            branch for branch in self._protocol.branches if any(holds(order) for order in branch.orders)
        )

    def _giving(self, kinds: Iterable[OrderKind]) -> tuple[Branch, ...]:
        """The branches that order one of these kinds; without any kind, or in all of them: none is named."""
        wanted = frozenset(kinds)
        if not wanted:
            return ()

        def gives(order: OrderTemplate) -> bool:
            return order.kind in wanted

        found = self._ordering(gives)
        return () if len(found) == len(self._protocol.branches) else found

    def _named(self, when: When) -> tuple[Branch, ...]:
        keys = {
            value
            for group in when
            for condition in group
            if condition.fact == "branch"
            for value in condition.values
        }
        return tuple(branch for key, branch in self._branches.items() if key in keys)


def _dose(regimen: Regimen) -> str:
    per = " per kg" if regimen.per.value == "kg" else ""
    words = f"{format_decimal(regimen.amount)} {regimen.unit}{per}, {regimen.route}"
    if regimen.cap is not None:
        words = f"{words}, at most {format_decimal(regimen.cap)} {regimen.unit}"
    parts = (words, regimen.frequency, regimen.duration, regimen.taper, regimen.instructions)
    return ". ".join(part.rstrip(".") for part in parts if part) + "."


def _product(product: Product) -> str:
    steps = "; ".join(
        f"{format_decimal(step.ml_per_kg_per_h)} mL per kg per h for {step.minutes} minutes"
        for step in product.rate_steps
    )
    fastest = format_decimal(product.maximum_ml_per_kg_per_h)
    at_risk = format_decimal(product.at_risk_ml_per_kg_per_h)
    rate = f"Infusion rate steps: {steps}. Fastest rate {fastest} mL per kg per h, at risk {at_risk}"
    iga = f"IgA: {product.iga_text}"
    parts = (rate, product.stabiliser_text, iga, product.diluent, product.flush, product.handling)
    return ". ".join(part.rstrip(".") for part in (*parts, product.text) if part) + "."


def _index_of(protocol: Protocol) -> _Index:
    """Made at the first question and kept with the protocol."""
    if "search" not in protocol.lookups:
        passages = tuple(passages_of(protocol))
        counts = tuple(_counted(passage) for passage in passages)
        holding = Counter(concept for count in counts for concept in count)
        total = len(passages)
        protocol.lookups["search"] = _Index(
            passages=passages,
            counts=counts,
            rarity={
                concept: log(1 + (total - held + 0.5) / (held + 0.5)) for concept, held in holding.items()
            },
            average=sum(count.total() for count in counts) / max(1, total),
        )
    index: _Index = protocol.lookups["search"]
    return index


def _counted(passage: Passage) -> Counter[str]:
    cited = " ".join(citation.key for citation in passage.citations)
    counts = Counter(concepts_of(f"{passage.body} {cited}"))
    for concept in concepts_of(f"{passage.kind} {passage.title}"):
        counts[concept] += HEADING_COUNTS
    return counts


def _score(index: _Index, passage: Passage, counts: Counter[str], wanted: Iterable[str]) -> float:
    asked = [concept for concept in wanted if concept in index.rarity]
    met = [concept for concept in asked if concept in counts]
    if not met:
        return 0.0
    held_back = SATURATION * (1 - LENGTH_SHARE + LENGTH_SHARE * counts.total() / index.average)
    score = sum(
        index.rarity[concept] * counts[concept] * (SATURATION + 1) / (counts[concept] + held_back)
        for concept in met
    )
    speaks_of = _search_words().speaks_of
    if any(passage.kind in speaks_of.get(concept, ()) for concept in met):
        score *= SPEAKS_OF_IT
    return score * (len(met) / len(asked)) ** 2


def _words(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", text.casefold())
    return _WORD.findall("".join(char for char in plain if not unicodedata.combining(char)))


def _singular(word: str) -> str:
    is_plural = len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is"))
    return word[:-1] if is_plural else word


@cache
def _search_words() -> _Words:
    data = tomllib.loads(WORDS_FILE.read_text())
    phrases = {
        tuple(_singular(word) for word in _words(synonym)): line[0]
        for line in data["synonyms"]
        for synonym in line
    }
    longest_first = sorted(phrases.items(), key=lambda item: -len(item[0]))
    return _Words(
        stop=frozenset(map(_singular, data["stop_words"])),
        phrases={
            first: tuple(item for item in longest_first if item[0][0] == first)
            for first in {phrase[0] for phrase in phrases}
        },
        speaks_of={concept: frozenset(kinds) for concept, kinds in data["speaks_of"].items()},
    )
