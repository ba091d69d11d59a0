"""What `evaluate` says: a recommendation, a gate, or that the protocol does not cover this patient."""

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from .dosing import Dose
from .facts import Facts, Unknown
from .grading import BleedingAssessment
from .infusion import RatePlan
from .protocol import (
    Branch,
    ConsultLevel,
    CountTarget,
    DecisionRule,
    Effect,
    EffectKind,
    Gate,
    GradeBand,
    MonitoringItem,
    OrderKind,
    OrderTemplate,
    OverridePolicy,
    ProcedureTarget,
    RepeatRule,
    Role,
    ScreeningItem,
    Severity,
    Text,
    Timing,
    WhenUnknown,
)
from .scores import Score
from .timed_plan import TimedPlan
from .weight import DosingWeight


@dataclass(frozen=True, slots=True, kw_only=True)
class LineEffect:
    """What one rule or gate does to a line; not certain while the rule waits for facts."""

    by: str
    kind: str
    is_certain: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One proposed line for this patient.

    `dose` is None for a line without one, and unknown while it cannot be computed. `waits_for` names the
    facts that must be known before the line is sure. A held line never arrives ticked.
    """

    code: str
    kind: OrderKind
    role: Role
    timing: Timing
    group: str
    start_after_minutes: int
    text: str
    template: OrderTemplate | None
    dose: Dose | Unknown | None
    waits_for: tuple[str, ...]
    is_held: bool
    cites: tuple[str, ...]
    effects: tuple[LineEffect, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """What a rule may call this line: its code, its kind and its drug."""
        drug = {self.dose.regimen.drug} if isinstance(self.dose, Dose) else set()
        return frozenset({self.code, self.kind.value, *drug})


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a rule said for this patient.

    `lines` says which lines it is about: in each group, one of every set; no group means all of them.
    `reads` are the facts about patient and product that its conditions looked at, with what they were.
    `wait` is how long its text says to wait, by unit, counted from the moment of the facts.
    """

    rule: str
    number: str
    severity: Severity
    text: str
    action: str
    override: OverridePolicy
    effects: tuple[Effect, ...]
    cites: tuple[str, ...]
    lines: tuple[tuple[tuple[str, ...], ...], ...] = ()
    reads: tuple[tuple[str, Any], ...] = ()
    wait: tuple[tuple[str, str], ...] = ()

    @property
    def is_hard(self) -> bool:
        return self.severity in (Severity.HARD, Severity.HARD_NAMED)

    @property
    def holds(self) -> tuple[str, ...]:
        """The kinds, codes or drugs of the lines it holds."""
        return tuple(
            OrderKind.IVIG.value if effect.kind is EffectKind.REQUIRE_PRODUCT else effect.target
            for effect in self.effects
            if effect.kind in (EffectKind.HOLD_LINES, EffectKind.REQUIRE_PRODUCT)
        )

    def concerns(self, names: Container[str]) -> bool:
        """Whether it is about an order set of lines with these names."""
        return not self.lines or any(
            all(any(name in names for name in wanted) for wanted in group) for group in self.lines
        )

    def stops(self, names: Container[str]) -> bool:
        """Whether it stops lines with these names: a hard finding about them does that holds no others."""
        is_of_others = bool(self.holds) and not any(name in names for name in self.holds)
        return self.is_hard and self.concerns(names) and not is_of_others


@dataclass(frozen=True, slots=True, kw_only=True)
class Unjudged:
    """A rule that cannot be judged: the facts to ask, and what it does until they are known."""

    rule: str
    number: str
    severity: Severity
    text: str
    asks: tuple[str, ...]
    until_known: WhenUnknown
    effects: tuple[Effect, ...]
    cites: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenQuestion:
    """A fact nobody has told us, with the rules whose answer depends on it."""

    fact: str
    changes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PossibleBranch:
    """What the decision table gives for one set of answers to the axes that are still open."""

    answers: tuple[tuple[str, str | bool], ...]
    rule: DecisionRule


class ScreeningState(StrEnum):
    """Where a screening item stands: in order, treatment waits for it, or to be sent without waiting."""

    DONE = "done"
    WAITS = "waits"
    SEND = "send"

    @property
    def words(self) -> str:
        return _STATE_WORDS[self]


_STATE_WORDS: Final = {
    ScreeningState.DONE: "In order.",
    ScreeningState.WAITS: "Before the treatment starts.",
    ScreeningState.SEND: "Take it now and do not wait for the result.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Screening:
    """One screening item for this patient, and where it stands."""

    item: ScreeningItem
    state: ScreeningState


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """How the answer was reached: rows that held, rows that could not be judged, and scores on the way."""

    grade_band: GradeBand | None
    bleeding: BleedingAssessment
    decision_rule: DecisionRule | None
    gates_unjudged: tuple[str, ...]
    scores: tuple[Score, ...]
    rules_fired: tuple[str, ...]
    rules_unjudged: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """The protocol's proposal for this patient."""

    facts: Facts
    grade: GradeBand
    bleeding: BleedingAssessment
    rule: DecisionRule
    branch: Branch
    consult: ConsultLevel
    dosing_weight: DosingWeight | Unknown
    orders: tuple[Order, ...]
    targets: tuple[CountTarget, ...]
    procedure_target: ProcedureTarget | None
    rate_plan: RatePlan | None
    timed_plan: TimedPlan | None
    findings: tuple[Finding, ...]
    unjudged: tuple[Unjudged, ...]
    is_at_risk: bool
    gates: tuple[Gate, ...]
    repeat: RepeatRule | None
    screening: tuple[Screening, ...]
    monitoring: tuple[MonitoringItem, ...]
    texts: tuple[Text, ...]
    questions: tuple[OpenQuestion, ...]
    trace: Trace
    # All that was known and followed when the rows were asked, for what is asked later of the same case.
    values: Mapping[str, Any] = field(repr=False, compare=False)

    @property
    def holds(self) -> tuple[Finding, ...]:
        """The findings that stop signing until they are dealt with.

        One that only holds lines nobody proposed as required or alternative stops those lines alone.
        """
        proposed = {
            name
            for order in self.orders
            if order.template is not None and order.template.role in (Role.REQUIRED, Role.ALTERNATIVE)
            for name in order.names
        }
        return tuple(finding for finding in self.findings if finding.stops(proposed))


@dataclass(frozen=True, slots=True, kw_only=True)
class Gated:
    """No automatic orders: a gate stopped them, or the axes of the decision are still open.

    `provisional` is what would be proposed once the gates are cleared, where the axes already decide it.
    """

    facts: Facts
    grade: GradeBand | None
    bleeding: BleedingAssessment
    gates: tuple[Gate, ...]
    consult: ConsultLevel
    possible: tuple[PossibleBranch, ...]
    provisional: Recommendation | None
    questions: tuple[OpenQuestion, ...]
    trace: Trace


@dataclass(frozen=True, slots=True, kw_only=True)
class NotCovered:
    """The protocol says nothing for this patient, and why; always loud, never an empty panel."""

    facts: Facts
    grade: GradeBand
    bleeding: BleedingAssessment
    reason: str
    gates: tuple[Gate, ...]
    consult: ConsultLevel
    questions: tuple[OpenQuestion, ...]
    trace: Trace


Outcome = Recommendation | Gated | NotCovered


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyResult:
    """What one dosing-weight policy would give for this patient."""

    policy: str
    title: str
    weight: DosingWeight
    dose_g: Decimal
    difference_g: Decimal
