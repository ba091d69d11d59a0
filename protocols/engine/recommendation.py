"""What `evaluate` says: a recommendation, a gate, or that the protocol does not cover this patient."""

from collections.abc import Container
from dataclasses import dataclass
from decimal import Decimal

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
    ProcedureTarget,
    RepeatRule,
    Role,
    Severity,
    Text,
    Timing,
)
from .weight import DosingWeight


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a rule said for this patient."""

    rule: str
    severity: Severity
    text: str
    action: str
    override: str
    effects: tuple[Effect, ...]
    cites: tuple[str, ...]

    def stops(self, kinds: Container[str]) -> bool:
        """Whether it stops lines of these kinds: a hard finding does, unless it only holds others."""
        held = [effect.target for effect in self.effects if effect.kind is EffectKind.HOLD_LINES]
        is_hard = self.severity in (Severity.HARD, Severity.HARD_NAMED)
        return is_hard and (not held or any(kind in kinds for kind in held))


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """How the answer was reached: rows that held, and rows that could not be judged."""

    grade_band: GradeBand | None
    bleeding: BleedingAssessment
    decision_rule: DecisionRule | None
    gates_unjudged: tuple[str, ...]
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
    findings: tuple[Finding, ...]
    gates: tuple[Gate, ...]
    repeat: RepeatRule | None
    monitoring: tuple[MonitoringItem, ...]
    texts: tuple[Text, ...]
    questions: tuple[OpenQuestion, ...]
    trace: Trace

    @property
    def holds(self) -> tuple[Finding, ...]:
        """The findings that stop signing until they are dealt with.

        One that only holds lines nobody proposed as required or alternative stops those lines alone.
        """
        proposed = {
            order.kind.value
            for order in self.orders
            if order.template is not None and order.template.role in (Role.REQUIRED, Role.ALTERNATIVE)
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
