"""What the hospital has approved: one protocol version as a value, with every clinical number there is."""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final


class Provenance(StrEnum):
    """Where a row comes from, shown with it everywhere."""

    SOURCE_DOCUMENT = "source_document"
    SOURCE_CONTEXT = "source_context"
    GUIDELINE = "guideline"
    LABEL = "label"
    STUDY = "study"
    HOUSE_VALUE = "house_value"


class DecisionProvenance(StrEnum):
    """Whether a decision is the source's algorithm, another sentence of it, or the house's extension."""

    SOURCE = "source"
    CONTEXT = "context"
    EXTENSION = "extension"


class Confidence(StrEnum):
    """How sure the authors are of what a citation says."""

    READ = "read"
    SECONDARY = "secondary"
    KNOWN = "known"
    UNCERTAIN = "uncertain"


class ConsultLevel(StrEnum):
    """How soon haematology is called; ordered from not at all to phone now."""

    NONE = "none"
    INFO = "info"
    SAME_DAY = "same_day"
    STAT = "stat"

    @property
    def rank(self) -> int:
        return _CONSULT_RANKS[self]


class Severity(StrEnum):
    """What a finding does: hard findings stop signing, the rest inform."""

    HARD = "hard"
    HARD_NAMED = "hard_named_haematologist"
    WARNING = "warning"
    INFORMATION = "information"

    @property
    def rank(self) -> int:
        return _SEVERITY_RANKS[self]


_CONSULT_RANKS: Final = {level: rank for rank, level in enumerate(ConsultLevel)}
_SEVERITY_RANKS: Final = {severity: rank for rank, severity in enumerate(Severity)}


class OrderKind(StrEnum):
    IVIG = "ivig"
    CORTICOSTEROID = "corticosteroid"
    PLATELETS = "platelets"
    CONSULT = "consult"
    OTHER = "other"


class Role(StrEnum):
    """Required lines arrive ticked; alternatives exclude each other; offered and standby arrive unticked."""

    REQUIRED = "required"
    ALTERNATIVE = "alternative"
    OFFERED = "offered"
    STANDBY = "standby"


class Timing(StrEnum):
    """The group of the order set in which a line stands."""

    BEFORE = "before"
    NOW = "now"
    CONCURRENT = "concurrent"
    STANDBY = "standby"
    MONITORING = "monitoring"
    CONSULT = "consult"


class Comparator(StrEnum):
    """The closed list of comparisons a condition can make."""

    IS = "is"
    IS_NOT = "is_not"
    BELOW = "below"
    AT_MOST = "at_most"
    ABOVE = "above"
    AT_LEAST = "at_least"
    INCLUDES_ANY = "includes_any"
    INCLUDES_NONE = "includes_none"
    KNOWN = "known"
    UNKNOWN = "unknown"


class PerUnit(StrEnum):
    """What one amount is for: each kilogram, or the patient."""

    KG = "kg"
    PATIENT = "patient"


class WeightBasis(StrEnum):
    """Which weight a per-kg dose multiplies."""

    DOSING = "dosing"
    ACTUAL = "actual"


class Ties(StrEnum):
    """Which way an amount exactly between two steps goes."""

    DOWN = "down"
    UP = "up"


class CapKind(StrEnum):
    """A soft cap is applied and may be lifted by haematology; a hard cap may not."""

    SOFT = "soft"
    HARD = "hard"


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """Why a row says what it says; `note` tells the clinical reviewer what to ratify."""

    cites: tuple[str, ...]
    provenance: Provenance
    uncertain: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """One source: its bibliographic reference and, in our words, the passage the numbers come from."""

    key: str
    provenance: Provenance
    reference: str
    passage: str
    confidence: Confidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One comparison of one fact; `values` are written as text and read by the fact's kind."""

    fact: str
    comparator: Comparator
    values: tuple[str, ...] = ()


When = tuple[tuple[Condition, ...], ...]
"""Groups of conditions: all conditions of any one group must hold. Empty means always."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InputLimit:
    """The range a fact may be entered in; outside the soft limits the value is asked again."""

    fact: str
    population: str
    minimum: Decimal
    maximum: Decimal
    soft_minimum: Decimal | None = None
    soft_maximum: Decimal | None = None
    basis: Basis


@dataclass(frozen=True, slots=True, kw_only=True)
class GradeBand:
    """The half-open range `lower <= count < upper` of one grade, in platelets per microlitre."""

    grade: int
    label: str
    lower_per_ul: int
    upper_per_ul: int | None = None
    basis: Basis


@dataclass(frozen=True, slots=True, kw_only=True)
class BleedingRule:
    """When the findings put the patient at a bleeding level; the highest level that holds is taken."""

    key: str
    level: str
    text: str
    when: When
    basis: Basis


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRule:
    """One row of the decision table; rows never overlap. One without a branch says why it is not covered."""

    key: str
    grades: tuple[int, ...]
    bleeding_levels: tuple[str, ...]
    urgent_surgery: tuple[bool, ...]
    rapid_rise: tuple[bool, ...]
    branch: str | None = None
    not_covered: str = ""
    decision: DecisionProvenance
    consult_at_least: ConsultLevel = ConsultLevel.NONE
    adds_procedure_target: bool = False
    text: str
    basis: Basis


@dataclass(frozen=True, slots=True, kw_only=True)
class CountTarget:
    """The count to reach and hold, with the conditions under which it is the one that counts."""

    platelets_per_ul: int
    text: str
    when: When = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderTemplate:
    """One line a branch proposes; `regimen` names the family of regimens that doses it."""

    key: str
    kind: OrderKind
    role: Role
    timing: Timing
    group: str = ""
    regimen: str = ""
    start_after_minutes: int = 0
    when: When = ()
    text: str
    basis: Basis


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """A named bundle of order templates with its consult level, targets and stop rule."""

    key: str
    code: str
    title: str
    summary: str
    consult: ConsultLevel
    targets: tuple[CountTarget, ...] = ()
    uses_procedure_target: bool = False
    stop_rule: str
    orders: tuple[OrderTemplate, ...]
    basis: Basis


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundingStep:
    """From this dose-computing weight upward, round to the nearest multiple of `step`."""

    from_weight_kg: Decimal
    step: Decimal
    ties: Ties


@dataclass(frozen=True, slots=True, kw_only=True)
class Regimen:
    """How one drug is dosed for one population; the first of a family whose conditions hold is used."""

    key: str
    family: str
    title: str
    drug: str
    short_name: str = ""
    route: str
    when: When = ()
    amount: Decimal
    amount_minimum: Decimal | None = None
    amount_maximum: Decimal | None = None
    unit: str
    per: PerUnit
    weight: WeightBasis | None = None
    rounding: tuple[RoundingStep, ...] = ()
    deviation_limit_percent: Decimal | None = None
    cap: Decimal | None = None
    cap_kind: CapKind | None = None
    uses_product: bool = False
    volume_ml_per_unit: Decimal | None = None
    doses: int
    interval_hours: Decimal | None = None
    duration_days: int | None = None
    infuse_over_minutes: int | None = None
    frequency: str
    duration: str
    taper: str = ""
    instructions: str
    basis: Basis


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightPolicy:
    """How a hospital decides which weight an immunoglobulin dose is computed on."""

    key: str
    title: str
    adjusts: bool
    adult_from_years: int
    bmi_threshold: Decimal | None = None
    bmi_at_threshold_counts: bool = True
    minimum_height_cm: Decimal | None = None
    minimum_weight_kg_female: Decimal | None = None
    minimum_weight_kg_male: Decimal | None = None
    adjusts_in_pregnancy: bool = True
    uses_pre_pregnancy_weight: bool = True
    adjustment_factor: Decimal | None = None
    text: str
    basis: Basis


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductLabel:
    """What the label of a product says in one jurisdiction."""

    jurisdiction: str
    itp_labelled: bool
    dose_text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RateStep:
    """One step of an infusion: the rate on the dosing weight, held for so many minutes."""

    ml_per_kg_per_h: Decimal
    minutes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """One immunoglobulin preparation with its label facts."""

    key: str
    name: str
    drug: str
    concentration_percent: Decimal
    route: str
    stabilisers: tuple[str, ...]
    stabiliser_text: str
    iga_text: str
    iga_depleted: bool
    labels: tuple[ProductLabel, ...]
    vials_g: tuple[Decimal, ...]
    rate_steps: tuple[RateStep, ...]
    maximum_ml_per_kg_per_h: Decimal
    at_risk_ml_per_kg_per_h: Decimal
    diluent: str
    flush: str = ""
    handling: str = ""
    text: str
    offered: bool
    withdrawn_after: str = ""
    basis: Basis


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductPreference:
    """What makes one allowed product better than another; earlier rows count before later ones."""

    key: str
    text: str
    when: When
    basis: Basis


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessPlan:
    """How the arms share the venous lines: each lane is one line, in which one arm follows the other.

    The first row whose conditions hold is used; one row without conditions ends the list.
    """

    key: str
    title: str
    lanes: tuple[tuple[OrderKind, ...], ...]
    when: When = ()
    text: str
    basis: Basis


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcedureTarget:
    """The count a procedure asks for."""

    key: str
    label: str
    platelets_per_ul: int
    text: str
    basis: Basis


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponsePoint:
    """Where counts typically stand so many days after the start; drawn behind a course, no prediction."""

    key: str
    day: int
    median_per_ul: int
    lower_per_ul: int
    upper_per_ul: int
    text: str
    basis: Basis


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatRule:
    """The earliest second IVIG dose after these branches, and what must hold."""

    key: str
    branches: tuple[str, ...]
    earliest_hours: int
    conditions: str
    basis: Basis


class ArmEffect(StrEnum):
    """What a gate does to one arm of the treatment; `WITH_CALL` marks its lines and holds none of them."""

    AS_BRANCH = "as_branch"
    WITH_CALL = "with_call"
    NOT_AUTOMATIC = "not_automatic"
    HAEMATOLOGY_ONLY = "haematology_only"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """A check that runs before any rule.

    A gate that stops ends the automatic orders; where bleeding threatens life only one that says so.
    """

    key: str
    code: str
    title: str
    when: When
    stops: bool
    stops_life_threatening: bool = False
    platelets: ArmEffect
    ivig: ArmEffect
    corticosteroid: ArmEffect
    consult: ConsultLevel
    text: str
    action: str
    basis: Basis


class EffectKind(StrEnum):
    """The closed list of what a safety rule can do besides being shown.

    `Effect.target` is, in this order: an order kind, the key of a line or the name of a drug, for the first
    two; nothing; a consult level; a `ProductProperty`; the key of an extra order, of a monitoring item, of a
    text.
    """

    HOLD_LINES = "hold_lines"
    REMOVE_LINES = "remove_lines"
    AT_RISK_RATE = "at_risk_rate"
    RAISE_CONSULT = "raise_consult"
    REQUIRE_PRODUCT = "require_product"
    ADD_LINE = "add_line"
    ADD_CHECK = "add_check"
    ADD_TEXT = "add_text"


class ProductProperty(StrEnum):
    """What a rule can ask of the product; the immunoglobulin line is held while it lacks it."""

    INTRAVENOUS = "intravenous"
    IGA_DEPLETED = "iga_depleted"
    WITHOUT_PROLINE = "without_proline"
    WITHOUT_SORBITOL = "without_sorbitol"
    WITHOUT_MALTOSE = "without_maltose"
    WITHOUT_SUCROSE = "without_sucrose"


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One thing a safety rule does, and to what."""

    kind: EffectKind
    target: str = ""


class OverrideKind(StrEnum):
    """What lifts a finding, from nothing but other facts or other orders to two named people."""

    NONE = "none"
    ACKNOWLEDGE = "acknowledge"
    REASON = "reason"
    NAMED = "named"
    NAMED_AND_SECOND = "named_and_second"

    @property
    def asks_an_answer(self) -> bool:
        """Whether the prescriber has to give a reason, which is an interruption."""
        return self in (OverrideKind.REASON, OverrideKind.NAMED, OverrideKind.NAMED_AND_SECOND)

    @property
    def names(self) -> int:
        """How many people have to be named."""
        return {OverrideKind.NAMED: 1, OverrideKind.NAMED_AND_SECOND: 2}.get(self, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class OverridePolicy:
    """How a finding may be passed: the coded reasons on offer, and whom to name first and second."""

    kind: OverrideKind
    reasons: tuple[str, ...] = ()
    named: str = ""
    second: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OverrideReason:
    """One coded reason for passing a finding; one that watches turns the rule's checks into tasks."""

    key: str
    text: str
    needs_comment: bool = False
    watches: bool = False
    basis: Basis


class WhenUnknown(StrEnum):
    """What a rule does that cannot be judged because facts are missing.

    Ask for them; warn as well; or let its effects hold as if it had been met, until they are known.
    """

    ASK = "ask"
    WARN = "warn"
    HOLD = "hold"


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyRule:
    """When a patient, an order and a product together need a stop, a warning or a word.

    Rows that share a `number` are one rule whose severity depends on the situation.
    """

    key: str
    number: str
    severity: Severity
    when: When
    unknown: WhenUnknown = WhenUnknown.ASK
    effects: tuple[Effect, ...] = ()
    text: str
    action: str
    override: OverridePolicy
    basis: Basis


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtraOrder:
    """A line without a dose that a safety rule adds to whatever the branch proposes."""

    key: str
    kind: OrderKind
    role: Role
    timing: Timing
    text: str
    basis: Basis


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """When a check comes again: every so many minutes from the first, up to so many after an anchor.

    Without `from_minutes` the first repeat is one interval after the item's own due time. All repeats whose
    conditions hold, or may hold, count together: the times they share are one check.
    """

    every_minutes: int
    from_minutes: int | None = None
    until_anchor: str
    until_minutes: int = 0
    when: When = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitoringItem:
    """One thing the protocol asks to watch, and when; `rule` names how its results are judged.

    A result counts from `early_minutes` before the due time; the check is overdue once the window has passed.
    A follow-up is only made when a result, a reaction or a promise asks for it.
    """

    key: str
    title: str
    measured: str
    unit: str
    anchor: str
    due_minutes: int
    window_minutes: int
    early_minutes: int = 0
    due_text: str
    is_repeated: bool = False
    repeats: tuple[Repeat, ...] = ()
    is_follow_up: bool = False
    rule: str = ""
    kinds: tuple[OrderKind, ...]
    when: When = ()
    basis: Basis


class CheckGroup(StrEnum):
    """The part of the checklist in which a check stands."""

    VITAL_SIGNS = "vital_signs"
    RENAL = "renal"
    THROMBOSIS = "thrombosis"
    MENINGITIS = "meningitis"
    HAEMOLYSIS = "haemolysis"
    LUNGS = "lungs"
    PLATELET_RESPONSE = "platelet_response"
    BLEEDING = "bleeding"
    STEROID = "steroid"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultRule:
    """How the results of one kind of check are judged, and what an abnormal one asks for.

    `asks` are the values to enter, `needs` those without which nothing is stored. Conditions are over these
    values, what follows from them and earlier ones, and the facts of the patient. A follow-up is the key of a
    monitoring item; a hold stops the next order of that kind until it is released. Checks of one `kind` stand
    for each other when several were missed; without one each item is a kind of its own.
    """

    key: str
    title: str
    group: CheckGroup
    kind: str = ""
    asks: tuple[str, ...]
    needs: tuple[str, ...]
    alert: When = ()
    critical: When = ()
    alert_action: str = ""
    critical_action: str = ""
    alert_follow_ups: tuple[str, ...] = ()
    critical_follow_ups: tuple[str, ...] = ()
    alert_holds: tuple[OrderKind, ...] = ()
    critical_holds: tuple[OrderKind, ...] = ()
    basis: Basis


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultChange:
    """One result of a screening item, and what it changes."""

    result: str
    change: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreeningItem:
    """A sample or check before treatment: whom it is for, when it is in order, and when treatment waits.

    Empty `waits_when` means that no treatment waits for it; a condition that cannot be told waits.
    """

    key: str
    title: str
    order_text: str
    due_text: str
    kinds: tuple[OrderKind, ...]
    when: When = ()
    done_when: When
    waits_when: When = ()
    changes: tuple[ResultChange, ...]
    basis: Basis


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A named number with its unit."""

    key: str
    label: str
    value: Decimal
    unit: str
    basis: Basis


class Topic(StrEnum):
    """Where a text is shown."""

    CONFLICT = "conflict"
    EXPECT = "expect"
    WATCH = "watch"
    BOTH = "both"
    CONSULT = "consult"
    LIMITS = "limits"
    PITFALL = "pitfall"
    CALL = "call"
    VITAL_SIGNS = "vital_signs"
    REACTION = "reaction"
    LEAFLET = "leaflet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A passage shown to clinicians; a conflict tells the source's words apart from other guidance."""

    key: str
    topic: Topic
    title: str
    body: str
    source_says: str = ""
    others_say: str = ""
    when: When = ()
    basis: Basis


class Quantity(StrEnum):
    """The kinds of number that a mistyped unit or decimal point can make dangerous."""

    AMOUNT_PER_KG = "amount_per_kg"
    AMOUNT_PER_PATIENT = "amount_per_patient"
    CAP = "cap"
    INTERVAL = "interval"
    DURATION = "duration"
    INFUSION_TIME = "infusion_time"
    CONCENTRATION = "concentration"
    VIAL = "vial"
    INFUSION_RATE = "infusion_rate"
    COUNT_TARGET = "count_target"
    GRADE_BORDER = "grade_border"
    EARLIEST_REPEAT = "earliest_repeat"
    PARAMETER = "parameter"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlausibleRange:
    """What one kind of number can be in this unit; an author who types anything else has slipped.

    `subject` is the drug or parameter the range is for; an empty one is for all without a range of their own.
    """

    key: str
    quantity: Quantity
    subject: str = ""
    unit: str
    minimum: Decimal
    maximum: Decimal
    basis: Basis


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedDose:
    """The rounded dose that one line of a case must show."""

    line: str
    amount: Decimal
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkedCase:
    """One patient and what the protocol must say of them: a test that belongs to the protocol.

    `facts` are in the keys and values of `facts_json`; those of the case named by `starts_from` come before.
    An expectation that is left empty is not asked for. `branch` is also that of a proposal behind a gate.
    """

    key: str
    sentence: str
    starts_from: str = ""
    facts: dict[str, Any] = field(hash=False)
    outcome: str = ""
    grade: int | None = None
    branch: str = ""
    consult: str = ""
    doses: tuple[ExpectedDose, ...] = ()
    lines: tuple[str, ...] = ()
    no_lines: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    no_findings: tuple[str, ...] = ()
    gates: tuple[str, ...] = ()
    no_gates: tuple[str, ...] = ()
    monitoring: tuple[str, ...] = ()
    maximum_ml_per_h: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """One version's content. `evaluate` takes it; the seal is made of it."""

    slug: str
    title: str
    target_population: str
    ctcae_version: str
    jurisdiction: str
    source_status: str
    disclaimer: str
    default_policy: str
    default_product: str
    citations: tuple[Citation, ...]
    input_limits: tuple[InputLimit, ...]
    grade_bands: tuple[GradeBand, ...]
    bleeding_rules: tuple[BleedingRule, ...]
    decision_rules: tuple[DecisionRule, ...]
    branches: tuple[Branch, ...]
    regimens: tuple[Regimen, ...]
    weight_policies: tuple[WeightPolicy, ...]
    products: tuple[Product, ...]
    product_preferences: tuple[ProductPreference, ...] = ()
    access_plans: tuple[AccessPlan, ...] = ()
    procedure_targets: tuple[ProcedureTarget, ...]
    response_points: tuple[ResponsePoint, ...] = ()
    repeat_rules: tuple[RepeatRule, ...]
    gates: tuple[Gate, ...]
    safety_rules: tuple[SafetyRule, ...]
    override_reasons: tuple[OverrideReason, ...]
    extra_orders: tuple[ExtraOrder, ...]
    screening_items: tuple[ScreeningItem, ...]
    monitoring_items: tuple[MonitoringItem, ...]
    result_rules: tuple[ResultRule, ...]
    parameters: tuple[Parameter, ...]
    texts: tuple[Text, ...]
    plausible_ranges: tuple[PlausibleRange, ...] = ()
    cases: tuple[WorkedCase, ...] = ()
    # Lookups made on first use by `lookup.of`; no part of the value.
    lookups: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
