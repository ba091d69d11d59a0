"""An outcome in the words of the screen: every number formatted once, every key as people say it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Any, Final

from django.utils import timezone

from ivigsite.encounters.timeline import Timeline, timeline_of
from ivigsite.parsing.dates import format_date, format_datetime, months_after
from protocols.engine.decision import compare_policies
from protocols.engine.facts import FACT_BY_KEY, LEVELS, Facts
from protocols.engine.lookup import of
from protocols.engine.numbers import echo_count, format_decimal, unit_beside
from protocols.engine.protocol import (
    ArmEffect,
    Citation,
    Confidence,
    DecisionRule,
    Gate,
    OrderTemplate,
    Protocol,
    SafetyRule,
    Text,
    Topic,
)
from protocols.engine.screening import PREFIX

LEVEL_OF_SEVERITY: Final = {
    "hard": "critical",
    "hard_named_haematologist": "critical",
    "warning": "warning",
    "information": "information",
}
PROVENANCE_CLASS: Final = {
    "source_document": "source",
    "source_context": "context",
    "guideline": "guideline",
    "label": "label",
    "study": "study",
    "house_value": "house",
}
DECISION_WORDS: Final = {
    "source": ("source", "The source document's algorithm"),
    "context": ("context", "From the context of the source document"),
    "extension": ("house", "The house's extension: the source document does not say this"),
}
GRADE_WORDS: Final = {0: "Not graded", 1: "Mild", 2: "Moderate", 3: "Severe", 4: "Life-threatening range"}
CONSULT_WORDS: Final = {
    "none": "No haematology call required",
    "info": "Inform haematology",
    "same_day": "Call haematology today",
    "stat": "Phone haematology now",
}
DOUBTFUL: Final = {
    Confidence.SECONDARY: "read in a secondary source",
    Confidence.KNOWN: "from general knowledge, not read",
    Confidence.UNCERTAIN: "uncertain",
}
TIMING_WORDS: Final = {
    "before": "Samples and checks before treatment",
    "now": "Now",
    "concurrent": "At the same time",
    "standby": "Standby",
    "monitoring": "Monitor and find the cause",
    "consult": "Call",
}
UNTIL_KNOWN_WORDS: Final = {"warn": "Ask before signing.", "hold": "Counts as met until it is known."}
ROLE_WORDS: Final = {
    "required": "Recommended",
    "alternative": "Alternative",
    "offered": "Consider",
    "standby": "Standby",
}
# The most first; a line that is only an alternative stands for another that is named.
STANDING_WORDS: Final = {
    "required": "recommended",
    "offered": "to be considered",
    "standby": "on standby",
    "held": "held until more is known",
    "": "not part of it",
}
WEIGHT_WORDS: Final = {
    "actual": "actual weight",
    "adjusted": "adjusted weight",
    "pre_pregnancy": "weight before pregnancy",
}
AXIS_WORDS: Final = {
    "bleeding_level": "Bleeding",
    "urgent_surgery": "Urgent surgery",
    "rapid_rise": "Rapid rise",
}
ARM_WORDS: Final = {
    "as_branch": "as the branch says",
    "with_call": "with haematology on the phone",
    "not_automatic": "not automatic",
    "haematology_only": "on haematology advice only",
    "blocked": "stopped",
}
# Facts that the form asks in another shape, by the field that asks them.
FIELD_OF: Final = {
    "platelets_per_ul": "platelets",
    "usual_platelets_per_ul": "usual_platelets",
    "sample_age_hours": "sampled_at",
    "weight_age_days": "weighed_on",
    "bleeding_seen_age_hours": "bleeding_seen_at",
    "creatinine_age_hours": "creatinine_taken_at",
}
STATE_WORDS: Final = {"done": "In order", "waits": "Treatment waits", "send": "Take now, do not wait"}
QUESTIONS_SHOWN: Final = 5
# More in one column are not read; the rest stands folded behind its number.
WARNINGS_SHOWN: Final = 3
# What takes a line away while it lasts; another product or a phone call does not.
WITHHOLDING: Final = frozenset({"blocked", "haematology_only", "not_automatic", "hold_lines", "remove_lines"})
LINE_EFFECT_WORDS: Final = {
    **ARM_WORDS,
    "add_line": "added",
    "hold_lines": "held",
    "remove_lines": "left out",
    "at_risk_rate": "at the slower, at-risk rate",
    "require_product": "held for another product",
}
_SHOWN_DECIMALS: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerLine:
    """One step of a calculation in words; `source` names its citations by their keys."""

    name: str
    formula: str
    inputs: str
    result: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceCard:
    """One citation, with what kind of source it is and how sure the authors are of it."""

    key: str
    reference: str
    passage: str
    provenance: str
    doubt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LineChange:
    """What rules and gates did to a line, and why: each by its name, with its words.

    `kind` is the effect as the engine calls it, and so a key of `LINE_EFFECT_WORDS`.
    """

    kind: str
    is_certain: bool
    causes: tuple[tuple[str, str], ...]

    @property
    def what(self) -> str:
        """The change in words."""
        return _sentence(f"{LINE_EFFECT_WORDS[self.kind]}{'' if self.is_certain else ' until it is known'}")

    @property
    def call(self) -> str:
        """Why haematology is phoned while the line goes on, in a sentence; empty for any other change."""
        if self.kind != ArmEffect.WITH_CALL or not self.is_certain:
            return ""
        return f"{self.what}: {'; '.join(why for _, why in self.causes)}."


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderCard:
    """One proposed line, ready to read."""

    code: str
    kind: str
    role: str
    role_word: str
    timing: str
    group: str
    drug: str
    dose: str
    basis: str
    range_text: str
    rounding: str
    cap: str
    volume: str
    vials: str
    route: str
    frequency: str
    duration: str
    text: str
    is_held: bool
    waits_for: tuple[str, ...]
    ledger: tuple[LedgerLine, ...]
    citations: tuple[Citation, ...]
    provenance: str = ""
    sources: tuple[SourceCard, ...] = ()
    changes: tuple[LineChange, ...] = ()

    @property
    def withheld(self) -> str:
        """Why a treatment of the branch is not given as it stands, in words; empty where it may be."""
        # A line that is taken away is no longer required, only offered.
        if self.role not in {"required", "offered"} or not self.drug:
            return ""
        why = (
            f"{change.what.lower()} by {' and '.join(dict.fromkeys(name for name, _ in change.causes))}"
            for change in self.changes
            if change.is_certain and change.kind in WITHHOLDING
        )
        words = ", ".join(why)
        return f"{self.drug} ({words})" if words else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderBlock:
    """One line to read first, with what may be given instead of it."""

    order: OrderCard
    alternatives: tuple[OrderCard, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderGroup:
    timing: str
    title: str
    orders: tuple[OrderCard, ...]

    @property
    def is_checks_only(self) -> bool:
        """Whether these are only the samples and checks before treatment, which stand behind the doses."""
        return self.timing == "before" and not any(order.drug for order in self.orders)

    @property
    def sources(self) -> tuple[SourceCard, ...]:
        """What stands behind any line of the group, each once."""
        return tuple(dict.fromkeys(card for order in self.orders for card in order.sources))

    @property
    def blocks(self) -> tuple[OrderBlock, ...]:
        """Alternatives stand behind the line they would replace, so that each treatment is read once."""
        leads = [order for order in self.orders if order.role != "alternative"]
        groups = {order.group for order in leads if order.group}
        leads += [order for order in self.orders if order.role == "alternative" and order.group not in groups]
        return tuple(OrderBlock(order=order, alternatives=self._instead_of(order)) for order in leads)

    def _instead_of(self, lead: OrderCard) -> tuple[OrderCard, ...]:
        if lead.role == "alternative" or not lead.group:
            return ()
        first = next(o for o in self.orders if o.group == lead.group and o.role != "alternative")
        same = (o for o in self.orders if o.group == lead.group and o.role == "alternative")
        return tuple(same) if lead is first else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingCard:
    rule: str
    level: str
    text: str
    action: str
    override: str
    source: str
    provenance: str = ""

    @property
    def anchor(self) -> str:
        return f"finding-{self.rule}"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnjudgedCard:
    """A rule that cannot be judged: what it would say, what to ask, and what it does until then."""

    rule: str
    text: str
    asks: tuple[str, ...]
    until_known: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GateCard:
    code: str
    key: str
    is_stop: bool
    title: str
    text: str
    action: str
    effects: tuple[tuple[str, str], ...]
    source: str
    provenance: str

    @property
    def has_limits(self) -> bool:
        """Whether any arm is other than the branch says; a gate that limits nothing need not list them."""
        return any(effect != ARM_WORDS["as_branch"] for _, effect in self.effects)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreeningLine:
    """One sample or check before treatment, where it stands, and what each result changes."""

    title: str
    state: str
    state_word: str
    due: str
    changes: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreRow:
    """One item of a score; the points it can still get while it is open."""

    label: str
    points: str
    open_fields: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreCard:
    """A score that says something of this patient."""

    key: str
    title: str
    total: str
    group: str
    rows: tuple[ScoreRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionCard:
    """A fact nobody has told us, and what its answer would change."""

    fact: str
    label: str
    field: str
    changes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RateRow:
    ml_per_h: str
    ml_per_kg_per_h: str
    minutes: str
    running_volume_ml: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RateTable:
    product: str
    rows: tuple[RateRow, ...]
    total: str
    maximum: str
    is_at_risk: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TextCard:
    key: str
    title: str
    body: str
    source_says: str
    others_say: str
    provenance: str
    source: str
    cites: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRow:
    title: str
    weight: str
    dose: str
    difference: str
    is_in_use: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """Everything the recommendation panel shows, top to bottom."""

    kind: str
    headline: str
    summary: str
    grade: int | None
    grade_word: str
    ctcae: str
    count: str
    branch_code: str
    branch_title: str
    decision_class: str
    decision_word: str
    decision_text: str
    bleeding: str
    bleeding_rules: tuple[str, ...]
    consult: str
    consult_word: str
    is_provisional: bool
    gates: tuple[GateCard, ...]
    scores: tuple[ScoreCard, ...]
    possible: tuple[tuple[str, str], ...]
    groups: tuple[OrderGroup, ...]
    timeline: Timeline | None
    rate_table: RateTable | None
    targets: tuple[str, ...]
    stop_rule: str
    repeat: str
    findings: tuple[FindingCard, ...]
    stops: int
    questions: tuple[QuestionCard, ...]
    dosing_weight: str
    weight_ledger: tuple[LedgerLine, ...]
    policies: tuple[PolicyRow, ...]
    conflicts: tuple[TextCard, ...]
    expect: tuple[TextCard, ...]
    watch: tuple[TextCard, ...]
    both: tuple[TextCard, ...]
    pitfalls: tuple[TextCard, ...]
    limits: tuple[TextCard, ...]
    screening: tuple[ScreeningLine, ...]
    monitoring: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    disclaimer: str
    sources: tuple[SourceCard, ...]

    @property
    def stop_gates(self) -> tuple[GateCard, ...]:
        """The gates that end the orders here, without those that only say something."""
        return tuple(gate for gate in self.gates if gate.is_stop)

    @property
    def withheld(self) -> tuple[str, ...]:
        """The treatments of the branch that a gate or a rule takes away, though no gate stops the orders."""
        return self._withheld_of(lambda order: True)

    @property
    def both_here(self) -> str:
        """What this recommendation makes of immunoglobulin and platelets, in a sentence."""
        ivig, platelets = (self._standing_of(kind) for kind in ("ivig", "platelets"))
        if ivig == platelets == "required":
            return "Yes: both are recommended here."
        if not self.groups:
            return "Not known here: ask haematology." if self.kind == "not_covered" else "Not known yet."
        if not ivig and not platelets:
            return "Not here: neither is part of this recommendation."
        return f"Here immunoglobulin is {STANDING_WORDS[ivig]} and platelets are {STANDING_WORDS[platelets]}."

    def _standing_of(self, kind: str) -> str:
        """The most that the lines of a kind are, or that those are held; empty without any."""
        lines = [order for group in self.groups for order in group.orders if order.kind == kind]
        most = next((role for role in STANDING_WORDS if role in {order.role for order in lines}), "")
        is_held = most and all(order.is_held for order in lines if order.role == most)
        return "held" if is_held else most

    @property
    def withheld_from_both(self) -> tuple[str, ...]:
        """Those of them that are immunoglobulin or platelets."""
        return self._withheld_of(lambda order: order.kind in {"ivig", "platelets"})

    def _withheld_of(self, wanted: Callable[[OrderCard], bool]) -> tuple[str, ...]:
        orders = (order for group in self.groups for order in group.orders)
        return tuple(dict.fromkeys(order.withheld for order in orders if order.withheld and wanted(order)))

    @property
    def first_questions(self) -> tuple[QuestionCard, ...]:
        return self.questions[:QUESTIONS_SHOWN]

    @property
    def other_questions(self) -> tuple[QuestionCard, ...]:
        return self.questions[QUESTIONS_SHOWN:]

    @property
    def criticals(self) -> tuple[FindingCard, ...]:
        return tuple(finding for finding in self.findings if finding.level == "critical")

    @property
    def warnings(self) -> tuple[FindingCard, ...]:
        return tuple(finding for finding in self.findings if finding.level == "warning")

    @property
    def first_warnings(self) -> tuple[FindingCard, ...]:
        return self.warnings[:WARNINGS_SHOWN]

    @property
    def other_warnings(self) -> tuple[FindingCard, ...]:
        return self.warnings[WARNINGS_SHOWN:]

    @property
    def informations(self) -> tuple[FindingCard, ...]:
        return tuple(finding for finding in self.findings if finding.level == "information")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rows:
    """What a panel looks up in a protocol by key; of orders, rules and gates where they come from."""

    citations: Mapping[str, Citation]
    decisions: Mapping[str, DecisionRule]
    orders: Mapping[str, str]
    rules: Mapping[str, str]
    gates: Mapping[str, str]
    cards: Mapping[str, SourceCard]
    # References joined, for each list of citations that a row of the protocol has.
    sources: dict[tuple[str, ...], str] = field(default_factory=dict)


def _rows_of(protocol: Protocol) -> _Rows:
    """The rows by their keys, made at the first call and kept with the protocol."""
    if "advice" not in protocol.lookups:
        orders: tuple[OrderTemplate | Text, ...] = tuple(o for b in protocol.branches for o in b.orders)
        screening = {
            f"{PREFIX}{item.key}": PROVENANCE_CLASS[item.basis.provenance]
            for item in protocol.screening_items
        }
        protocol.lookups["advice"] = _Rows(
            citations={citation.key: citation for citation in protocol.citations},
            decisions={rule.key: rule for rule in protocol.decision_rules},
            # The consultation is ordered in the words of a text.
            orders=_provenance((*orders, *protocol.texts)) | screening,
            rules=_provenance(protocol.safety_rules),
            gates=_provenance(protocol.gates),
            cards={card.key: card for card in source_cards(protocol.citations)},
        )
    rows: _Rows = protocol.lookups["advice"]
    return rows


def _provenance(rows: Iterable[OrderTemplate | Text | SafetyRule | Gate]) -> dict[str, str]:
    return {row.key: PROVENANCE_CLASS[row.basis.provenance] for row in rows}


def present(protocol: Protocol, outcome: Mapping[str, Any], facts: Facts, *, at: datetime) -> Advice:
    """The advice panel for a stored or a live outcome; both take this one way to the screen.

    `at` is the moment the facts were told, from which a finding's waiting time counts.
    """
    branch = of(protocol).branches.get(outcome["branch"] or "")
    rule = _rule(protocol, outcome)
    decision_class, decision_word = DECISION_WORDS.get(outcome["provenance"] or "", ("", ""))
    bleeding = outcome["trace"]["bleeding"]
    has_ivig = any(order["kind"] == "ivig" and order["role"] == "required" for order in outcome["orders"])
    groups = _groups(protocol, outcome)
    return Advice(
        kind=outcome["outcome"],
        headline=_headline(outcome, branch.title if branch else ""),
        summary=branch.summary if branch else (outcome["reason"] or ""),
        grade=outcome["grade"],
        grade_word="Not known" if outcome["grade"] is None else GRADE_WORDS.get(outcome["grade"], ""),
        ctcae=f"CTCAE v{outcome['ctcae_version']}",
        count=echo_count(facts.platelets_per_ul) if isinstance(facts.platelets_per_ul, int) else "",
        branch_code=branch.code if branch else "",
        branch_title=branch.title if branch else "",
        decision_class=decision_class,
        decision_word=decision_word,
        decision_text=rule.text if rule else "",
        bleeding=_choice("bleeding_level", bleeding["level"]),
        bleeding_rules=_bleeding_words(protocol, bleeding["rules"]),
        consult=outcome["consult"],
        consult_word=CONSULT_WORDS[outcome["consult"]],
        is_provisional=outcome["outcome"] == "gated" and branch is not None,
        gates=tuple(_gate(protocol, gate) for gate in outcome["gates"]),
        scores=tuple(_score(score) for score in outcome.get("scores", ()) if score["applies"]),
        possible=_possible(protocol, outcome["possible"]),
        groups=groups,
        timeline=timeline_of(outcome["timed_plan"], _cards_of(groups), starts_at=None),
        rate_table=rate_table(protocol, outcome["rate_plan"]),
        targets=tuple(_target(target) for target in outcome["targets"]),
        stop_rule=outcome["stop_rule"] or "",
        repeat=_repeat(outcome["repeat"]) if has_ivig else "",
        findings=finding_cards(protocol, outcome["findings"], at=at),
        stops=sum(LEVEL_OF_SEVERITY[f["severity"]] == "critical" for f in outcome["findings"])
        + sum(gate.get("stops", True) for gate in outcome["gates"]),
        questions=tuple(
            _question(question) for question in outcome["questions"] if question["fact"] in FACT_BY_KEY
        ),
        dosing_weight=_weight(outcome["dosing_weight"]),
        weight_ledger=ledger_lines(protocol, (outcome["dosing_weight"] or {}).get("ledger", ())),
        policies=_policies(protocol, facts) if has_ivig else (),
        conflicts=_texts(protocol, outcome, Topic.CONFLICT),
        expect=_texts(protocol, outcome, Topic.EXPECT) if has_ivig else (),
        watch=_texts(protocol, outcome, Topic.WATCH) if has_ivig else (),
        both=_texts(protocol, outcome, Topic.BOTH),
        pitfalls=_texts(protocol, outcome, Topic.PITFALL),
        limits=_texts(protocol, outcome, Topic.LIMITS),
        screening=tuple(
            ScreeningLine(
                title=item["title"],
                state=item["state"],
                state_word=STATE_WORDS[item["state"]],
                due=item["due"],
                changes=tuple((change["result"], change["change"]) for change in item["changes"]),
            )
            for item in outcome.get("screening", ())
        ),
        monitoring=tuple((item["title"], item["due"]) for item in outcome["monitoring"]),
        notes=tuple(outcome["trace"]["notes"]),
        disclaimer=protocol.disclaimer,
        sources=_cards(protocol, _cited(outcome)),
    )


def _cards_of(groups: Iterable[OrderGroup]) -> dict[str, OrderCard]:
    return {card.code: card for group in groups for card in group.orders}


def order_cards(protocol: Protocol, orders: Iterable[Mapping[str, Any]]) -> tuple[OrderCard, ...]:
    """Every proposed line as a card, in the protocol's order."""
    return tuple(_order(protocol, order, changes=()) for order in orders)


def changed_cards(protocol: Protocol, outcome: Mapping[str, Any]) -> tuple[OrderCard, ...]:
    """Every line of an outcome as a card, with what rules and gates did to it and why."""
    reasons = _reasons(outcome)
    return tuple(_order(protocol, order, changes=_changes(order, reasons)) for order in outcome["orders"])


def finding_cards(
    protocol: Protocol, findings: Iterable[Mapping[str, Any]], *, at: datetime
) -> tuple[FindingCard, ...]:
    """Every finding as a card, worst first as the engine gives them; `at` as for `present`."""
    return tuple(_finding(protocol, finding, at) for finding in findings)


def rate_table(protocol: Protocol, plan: Mapping[str, Any] | None) -> RateTable | None:
    """The rate plan as rows, or nothing where there is no infusion."""
    if plan is None:
        return None
    hours, minutes = divmod(plan["total_minutes"], 60)
    return RateTable(
        product=of(protocol).products[plan["product"]].name,
        rows=tuple(
            RateRow(
                ml_per_h=number(step["ml_per_h"]),
                ml_per_kg_per_h=number(step["ml_per_kg_per_h"]),
                minutes=number(step["minutes"], places=Decimal(1)),
                running_volume_ml=number(step["running_volume_ml"], places=Decimal(1)),
            )
            for step in plan["steps"]
        ),
        total=f"{hours} h {minutes} min" if hours else f"{minutes} min",
        maximum=f"{number(plan['maximum_ml_per_h'])} mL per h",
        is_at_risk=plan["at_risk"],
    )


def unjudged_cards(rules: Iterable[Mapping[str, Any]]) -> tuple[UnjudgedCard, ...]:
    """The rules worth naming that cannot be judged; those that only ask stand with the open questions."""
    return tuple(
        UnjudgedCard(
            rule=rule["rule"],
            text=rule["text"],
            asks=tuple(FACT_BY_KEY[fact].label for fact in rule["asks"]),
            until_known=UNTIL_KNOWN_WORDS[rule["until_known"]],
        )
        for rule in rules
        if rule["until_known"] in UNTIL_KNOWN_WORDS
    )


def ledger_lines(protocol: Protocol, steps: Iterable[Mapping[str, Any]]) -> tuple[LedgerLine, ...]:
    """The steps of a ledger, numbers shown to two decimals; the stored ledger keeps them exact."""
    return tuple(
        LedgerLine(
            name=step["name"],
            formula=step["formula"],
            inputs=", ".join(
                f"{quantity['name']} {number(quantity['value'])} {quantity['unit']}".rstrip()
                for quantity in step["inputs"]
            ),
            result=f"{number(step['result'])} {step['unit']}".rstrip(),
            source=", ".join(step["citations"]),
        )
        for step in steps
    )


@lru_cache(maxsize=4096)
def number(text: str, *, places: Decimal = _SHOWN_DECIMALS) -> str:
    """An exact number as the screen shows it: at most two decimals, no trailing zero, commas from 1,000."""
    value = Decimal(text)
    shown = value if value == value.quantize(places) else value.quantize(places)
    return format_decimal(shown)


def dose_words(dose: Mapping[str, Any]) -> str:
    """The dose to give, such as `70 g`."""
    return _amount_words(dose["rounded"], dose["unit"])


def vial_words(dose: Mapping[str, Any]) -> str:
    """The vials that hold the dose, such as `1 of 40 g, 1 of 20 g`."""
    return ", ".join(f"{vial['count']} of {number(vial['size_g'])} g" for vial in dose["vials"])


def citations_of(protocol: Protocol, keys: Iterable[str]) -> tuple[Citation, ...]:
    """The cited rows, each once, in the order given."""
    by_key = _rows_of(protocol).citations
    return tuple(by_key[key] for key in dict.fromkeys(keys) if key in by_key)


def source_cards(citations: Iterable[Citation]) -> tuple[SourceCard, ...]:
    """Citations with the kind of source each is, and any doubt about it."""
    return tuple(
        SourceCard(
            key=citation.key,
            reference=citation.reference,
            passage=citation.passage,
            provenance=PROVENANCE_CLASS[citation.provenance],
            doubt=DOUBTFUL.get(citation.confidence, ""),
        )
        for citation in citations
    )


def _question(question: Mapping[str, Any]) -> QuestionCard:
    definition = FACT_BY_KEY[question["fact"]]
    return QuestionCard(
        fact=definition.key,
        label=definition.label,
        field=FIELD_OF.get(definition.key, definition.key),
        changes=tuple(question["changes"]),
    )


def _headline(outcome: Mapping[str, Any], branch_title: str) -> str:
    if outcome["outcome"] == "not_covered":
        return "This protocol does not cover this patient"
    if outcome["outcome"] == "recommendation":
        return branch_title
    if stops := [gate for gate in outcome["gates"] if gate.get("stops", True)]:
        return f"Stop: {stops[0]['title']}"
    return "The answer depends on what is not known yet"


def _rule(protocol: Protocol, outcome: Mapping[str, Any]) -> DecisionRule | None:
    return _rows_of(protocol).decisions.get(outcome["trace"]["decision_rule"])


def _choice(fact: str, key: str | None) -> str:
    return "Not known" if key is None else dict(FACT_BY_KEY[fact].choices).get(key, key)


def _bleeding_words(protocol: Protocol, keys: Iterable[str]) -> tuple[str, ...]:
    wanted = set(keys)
    return tuple(rule.text for rule in protocol.bleeding_rules if rule.key in wanted)


def _gate(protocol: Protocol, gate: Mapping[str, Any]) -> GateCard:
    arms = (("Platelets", "platelets"), ("IVIG", "ivig"), ("Corticosteroid", "corticosteroid"))
    # A gate of an assessment from before it said so was stored as a stop.
    is_stop = gate.get("stops", True)
    return GateCard(
        code=gate["code"],
        key=gate["key"],
        is_stop=is_stop,
        title=gate["title"],
        text=gate["text"],
        action=gate["action"],
        # One that stops nothing frees nothing either: another may stand beside it that does stop.
        effects=tuple(
            (label, ARM_WORDS[gate[key]]) for label, key in arms if is_stop or gate[key] != "as_branch"
        ),
        source=_sources(protocol, gate["citations"]),
        provenance=_rows_of(protocol).gates.get(gate["key"], ""),
    )


def _score(score: Mapping[str, Any]) -> ScoreCard:
    return ScoreCard(
        key=score["key"],
        title=score["title"],
        total=_span(score["least"], score["most"]),
        group=score["group"],
        rows=tuple(
            ScoreRow(
                label=item["label"],
                points=_span(item["possible"][0], item["possible"][-1]),
                open_fields=tuple(
                    (FIELD_OF.get(fact, fact), FACT_BY_KEY[fact].label) for fact in item["asks"]
                ),
            )
            for item in score["items"]
        ),
    )


def _span(least: int, most: int) -> str:
    return str(least) if least == most else f"{least} to {most}"


def _possible(protocol: Protocol, options: Iterable[Mapping[str, Any]]) -> tuple[tuple[str, str], ...]:
    """Which answers lead where, one row a branch; answers that make no difference are left out."""
    branches = of(protocol).branches
    rows: dict[str, list[Mapping[str, Any]]] = {}
    for option in options:
        rows.setdefault(option["branch"] or "", []).append(option["answers"])
    return tuple(
        (_answers_words(answers), branches[key].title if key else "Not covered: call haematology")
        for key, answers in rows.items()
    )


def _answers_words(answers: list[Mapping[str, Any]]) -> str:
    words = []
    for axis in answers[0]:
        values = list(dict.fromkeys(answer[axis] for answer in answers))
        whole = LEVELS if axis == "bleeding_level" else (False, True)
        if len(values) == len(whole):
            continue
        names = [_choice(axis, v) if isinstance(v, str) else ("yes" if v else "no") for v in values]
        words.append(f"{AXIS_WORDS[axis]}: {' or '.join(names)}")
    return "; ".join(words) or "Any other answer"


def _groups(protocol: Protocol, outcome: Mapping[str, Any]) -> tuple[OrderGroup, ...]:
    cards = changed_cards(protocol, outcome)
    return tuple(
        OrderGroup(timing=timing, title=title, orders=chosen)
        for timing, title in TIMING_WORDS.items()
        if (chosen := tuple(card for card in cards if card.timing == timing))
    )


def _reasons(outcome: Mapping[str, Any]) -> dict[str, str]:
    """What each rule and gate that said something said, by the name a line's effect has for it."""
    titles: dict[str, list[str]] = {}
    for gate in outcome["gates"]:
        titles.setdefault(gate["code"], []).append(gate["title"])
    said = {code: "; ".join(dict.fromkeys(of_code)) for code, of_code in titles.items()}
    rules = (*outcome.get("unjudged", ()), *outcome["findings"])
    return said | {rule["rule"]: rule["text"] for rule in rules}


def _changes(order: Mapping[str, Any], reasons: Mapping[str, str]) -> tuple[LineChange, ...]:
    causes: dict[tuple[str, bool], list[tuple[str, str]]] = {}
    # An assessment from before it said so has no effects, or not the rules that could not be judged.
    for effect in order.get("effects", ()):
        because = (effect["by"], reasons.get(effect["by"], ""))
        causes.setdefault((effect["effect"], effect["is_certain"]), []).append(because)
    return tuple(
        # Gates of one code are named once.
        LineChange(kind=kind, is_certain=is_certain, causes=tuple(dict.fromkeys(found)))
        for (kind, is_certain), found in causes.items()
    )


def _sentence(words: str) -> str:
    return words[0].upper() + words[1:]


def _order(protocol: Protocol, order: Mapping[str, Any], *, changes: tuple[LineChange, ...]) -> OrderCard:
    dose = order["dose"]
    citations = citations_of(protocol, order["citations"])
    return OrderCard(
        code=order["code"],
        kind=order["kind"],
        role=order["role"],
        role_word=ROLE_WORDS[order["role"]],
        timing=order["timing"],
        group=order["group"],
        drug=order["drug"] or "",
        dose=dose_words(dose) if dose else "",
        basis=_basis(dose) if dose else "",
        range_text=_range(dose) if dose else "",
        rounding=_rounding(dose) if dose else "",
        cap=f"capped at {dose_words(dose)}" if dose and dose["capped"] else "",
        volume=f"{number(dose['volume_ml'])} mL" if dose and dose["volume_ml"] else "",
        vials=vial_words(dose) if dose else "",
        route=order["route"] or "",
        frequency=order["frequency"] or "",
        duration=order["duration"] or "",
        text=order["text"],
        is_held=order["held"],
        waits_for=tuple(FACT_BY_KEY[key].label for key in order["waits_for"] if key in FACT_BY_KEY),
        ledger=ledger_lines(protocol, dose["ledger"]) if dose else (),
        citations=citations,
        provenance=_rows_of(protocol).orders.get(order["code"], ""),
        sources=_cards(protocol, order["citations"]),
        changes=changes,
    )


def _basis(dose: Mapping[str, Any]) -> str:
    if dose["per_kg"] is None:
        return "fixed dose"
    words = WEIGHT_WORDS[dose["weight_basis"]]
    return f"{number(dose['per_kg'])} {dose['unit']} per kg for {number(dose['weight_kg'])} kg ({words})"


def _range(dose: Mapping[str, Any]) -> str:
    # With both ends at the cap there is nothing to choose.
    if dose["range"] is None or dose["range"]["low"] == dose["range"]["high"]:
        return ""
    return f"range {number(dose['range']['low'])} to {_amount_words(dose['range']['high'], dose['unit'])}"


def _rounding(dose: Mapping[str, Any]) -> str:
    if dose["part_vial"]:
        return "exact dose from a part-used vial: the nearest step would be too far off"
    if dose["deviation_percent"] == "0":
        return ""
    sign = "" if dose["deviation_percent"].startswith("-") else "+"
    return (
        f"rounded from {number(dose['exact'])} to {dose_words(dose)} "
        f"({sign}{number(dose['deviation_percent'])} percent)"
        if not dose["capped"]
        else ""
    )


def _amount_words(amount: str, unit: str) -> str:
    return f"{number(amount)} {unit_beside(Decimal(amount), unit)}"


def _repeat(repeat: Mapping[str, Any] | None) -> str:
    if repeat is None:
        return ""
    return (
        f"A second dose not before {repeat['earliest_hours']} hours after the start. {repeat['conditions']}"
    )


def _finding(protocol: Protocol, finding: Mapping[str, Any], at: datetime) -> FindingCard:
    return FindingCard(
        rule=finding["rule"],
        level=LEVEL_OF_SEVERITY[finding["severity"]],
        text=f"{finding['text']} {_not_before(finding, at)}".strip(),
        action=finding["action"],
        override=finding["override"],
        source=_sources(protocol, finding["citation"].split(", ")),
        provenance=_rows_of(protocol).rules.get(finding["rule"], ""),
    )


def _not_before(finding: Mapping[str, Any], at: datetime) -> str:
    """From when what a finding is about may be done, where it says to wait; a time, or a date for months."""
    # An assessment from before it said so has no waiting time.
    wait = finding.get("wait", {})
    if "hours" in wait:
        # The hours count from the whole minute of the facts: asked a minute later they tell the same time.
        minutes = (Decimal(wait["hours"]) * 60).to_integral_value(rounding=ROUND_HALF_UP)
        due = at.replace(second=0, microsecond=0) + timedelta(minutes=int(minutes))
        return f"Not before {format_datetime(due, timezone.get_current_timezone())}."
    if "months" in wait:
        return f"Not before {format_date(months_after(timezone.localdate(at), int(wait['months'])))}."
    return ""


def _target(target: Mapping[str, Any]) -> str:
    count = format_decimal(target["platelets_per_ul"])
    # A text that tells the count need not be told it again.
    return target["text"] if count in target["text"] else f"{target['text']}: {count} per microlitre or more"


def _weight(weight: Mapping[str, Any] | None) -> str:
    if weight is None:
        return "Not known"
    return f"{number(weight['kg'])} kg, {WEIGHT_WORDS[weight['basis']]}"


def _policies(protocol: Protocol, facts: Facts) -> tuple[PolicyRow, ...]:
    results = compare_policies(protocol, facts)
    in_use = protocol.default_policy if not isinstance(facts.policy, str) else facts.policy
    return tuple(
        PolicyRow(
            title=result.title,
            weight=f"{number(str(result.weight.kg))} kg",
            dose=f"{number(str(result.dose_g))} g",
            difference=_signed(result.difference_g),
            is_in_use=result.policy == in_use,
        )
        for result in results
    )


def _signed(grams: Decimal) -> str:
    if grams == 0:
        return "the same"
    return f"{'+' if grams > 0 else '−'}{format_decimal(abs(grams))} g"


def _texts(protocol: Protocol, outcome: Mapping[str, Any], topic: Topic) -> tuple[TextCard, ...]:
    return tuple(
        TextCard(
            key=text["key"],
            title=text["title"],
            body=text["body"],
            source_says=text["source_says"],
            others_say=text["others_say"],
            provenance=PROVENANCE_CLASS[text["provenance"]],
            source=_sources(protocol, text["citations"]),
            cites=", ".join(text["citations"]),
        )
        for text in outcome["texts"]
        if text["topic"] == topic
    )


def _sources(protocol: Protocol, keys: Iterable[str]) -> str:
    known, wanted = _rows_of(protocol).sources, tuple(keys)
    if wanted not in known:
        known[wanted] = "; ".join(citation.reference for citation in citations_of(protocol, wanted))
    return known[wanted]


def _cards(protocol: Protocol, keys: Iterable[str]) -> tuple[SourceCard, ...]:
    known = _rows_of(protocol).cards
    return tuple(known[key] for key in dict.fromkeys(keys) if key in known)


def _cited(outcome: Mapping[str, Any]) -> list[str]:
    keys: list[str] = []
    for row in (*outcome["orders"], *outcome["gates"], *outcome["texts"]):
        keys += row["citations"]
    for finding in outcome["findings"]:
        keys += finding["citation"].split(", ")
    return keys
