"""Everything an order sheet shows, as one value: stored and hashed at signing, all a sheet is made of."""

import dataclasses
import hashlib
import json
import types
import typing
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Any

from protocols.engine.facts import UNKNOWN, Unknown


class ContentBroken(Exception):
    """Stored sheet content that does not have the shape of a sheet."""


class OrderGroup(StrEnum):
    """When a line is carried out; the sheet prints the groups in this order."""

    BEFORE = "before"
    NOW = "now"
    CONCURRENT = "concurrent"
    STANDBY = "standby"
    MONITORING = "monitoring"
    CONSULT = "consult"


class Severity(StrEnum):
    """How loudly a finding speaks."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFORMATION = "information"


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetPatient:
    family_name: str
    given_name: str
    title: str = ""
    born_on: date
    age_years: int
    gender: str
    record_number_label: str
    record_number: str
    ward: str
    bed: str
    allergies: tuple[str, ...] | Unknown
    """Empty means somebody asked and there are none; UNKNOWN means nobody has recorded it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetWeight:
    weight_kg: Decimal
    is_estimated: bool
    estimate_reason: str = ""
    weighed_on: date | Unknown
    dosing_weight_kg: Decimal
    dosing_weight_basis: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetBasis:
    """What the orders rest on: the facts, and the rule they met."""

    platelets_per_ul: int | Unknown
    sampled_at: datetime | Unknown
    grade: int | Unknown
    ctcae_version: str
    bleeding_level: str | Unknown
    bleeding_sites: tuple[str, ...] = ()
    bleeding_evidence: str = ""
    ivig_since: str = ""
    """Immunoglobulin that came on record after the assessment, and that it was counted; empty where none."""
    risks: tuple[str, ...] = ()
    not_known: tuple[str, ...] = ()
    rule_id: str
    rule_text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetEmergency:
    """The running clock of life-threatening bleeding under which the orders were made."""

    started_at: datetime
    started_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetProtocol:
    """The approved version the orders come from, and what it says of itself."""

    name: str
    version: str
    seal: str
    approved_by: str
    approved_on: date
    review_status: str
    limits_of_use: str
    references: tuple[str, ...]
    review_overdue_since: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Vial:
    size: Decimal
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetDose:
    """One amount to give, with where it came from."""

    amount: Decimal
    unit: str
    basis: str
    rounded_from: Decimal | None = None
    deviation_percent: Decimal | None = None
    capped_at: Decimal | None = None
    volume_ml: Decimal | None = None
    vials: tuple[Vial, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetOrder:
    """One numbered statement the prescriber signs; a consultation or a test has no dose."""

    number: int
    group: OrderGroup
    kind: str = ""
    """As in the protocol, such as "platelets"; empty in contents stored before it was told."""
    name: str
    short_name: str = ""
    brand: str = ""
    strength: str = ""
    condition: str = ""
    dose: SheetDose | None = None
    route: str = ""
    rate: str = ""
    duration: str = ""
    start_at: datetime | None = None
    start_text: str = ""
    maximum: str = ""
    instructions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RateStep:
    ml_per_h: Decimal
    ml_per_kg_per_h: Decimal
    minutes: int | None
    """None: the step runs until the dose is in."""
    starts_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartRow:
    """One row of the infusion chart: what to do then, the pump's rate from then on, what is in by then."""

    at: datetime
    until: datetime | None = None
    """The end of the time in which it may be done; None: just then."""
    text: str
    ml_per_h: Decimal | None = None
    """Set from this moment on; None where the rate stays as it is."""
    running_volume_ml: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetRatePlan:
    order_number: int
    product: str
    steps: tuple[RateStep, ...]
    volume_ml: Decimal
    total_minutes: int
    maximum_ml_per_h: Decimal
    notes: tuple[str, ...] = ()
    chart: tuple[ChartRow, ...] = ()
    """The steps and every look at the patient, in order; times hold for the planned start."""
    ends_at: datetime | None = None
    diluent: str = ""
    flush: str = ""
    handling: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedRow:
    """One thing that is timed: a dose, a count, a call."""

    at: datetime
    until: datetime | None = None
    kind: str
    """One of: give, count, call."""
    arm: str
    """The kind of the order it belongs to, such as platelets."""
    text: str
    order_number: int | None = None
    line: int | None = None
    """The venous line it runs in."""
    is_conditional: bool = False
    """Waits for more than its time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetTimedPlan:
    """All arms in time from one T0, and what they bring into the circulation in the first hours."""

    starts_at: datetime
    title: str
    text: str
    rows: tuple[TimedRow, ...]
    planned_volume_ml: Decimal
    planned_volume_ml_per_kg: Decimal | None
    limit_ml_per_kg: Decimal
    window_minutes: int
    is_over_limit: bool
    notes: tuple[str, ...] = ()

    @property
    def arms_on_a_line(self) -> frozenset[str]:
        """The arms that run into a vein; what is swallowed has no line."""
        return frozenset(row.arm for row in self.rows if row.line is not None)

    @property
    def has_shared_lines(self) -> bool:
        """Whether there is anything to say about which arm runs where."""
        return len(self.arms_on_a_line) > 1


@dataclass(frozen=True, slots=True, kw_only=True)
class NotOrdered:
    """An option the protocol proposed and the prescriber declined."""

    item: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetOverride:
    rule_id: str
    text: str
    reason: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetFinding:
    severity: Severity
    text: str
    citation: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitoringRow:
    item: str
    due_at: datetime | None = None
    due_text: str = ""
    tolerance: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetFact:
    """One thing that pharmacy or blood bank must know before anything is issued."""

    label: str
    answer: str | Unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetAction:
    """What is seen at the bedside, and what to do then."""

    sign: str
    action: str
    citation: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetCount:
    """One platelet count of the encounter."""

    at: datetime
    platelets_per_ul: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendBand:
    """A grade's range of counts, behind the dots of the trend; None: without end."""

    label: str
    lower_per_ul: int
    upper_per_ul: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetSignature:
    name: str
    role: str
    registration_number: str
    signed_at: datetime
    signature_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetContent:
    order_id: str
    version: int
    title: str
    population: str
    time_zone: str
    """The ward's zone, such as Europe/London; every time on the sheet is printed in it."""
    is_demo: bool
    supersedes: str = ""
    valid_until: datetime | None = None
    emergency: SheetEmergency | None = None
    emergency_consent: str = ""
    """Why treatment is given without recorded consent; empty where it is not."""
    replaced_reason: str = ""
    """Why it is signed on a version that is no longer in force; empty where it was in force."""
    patient: SheetPatient
    weight: SheetWeight | Unknown
    basis: SheetBasis
    protocol: SheetProtocol
    orders: tuple[SheetOrder, ...]
    timed_plan: SheetTimedPlan | None = None
    rate_plan: SheetRatePlan | None = None
    not_ordered: tuple[NotOrdered, ...] = ()
    overrides: tuple[SheetOverride, ...] = ()
    findings: tuple[SheetFinding, ...] = ()
    monitoring: tuple[MonitoringRow, ...] = ()
    monitoring_later: tuple[str, ...] = ()
    """What falls due too far ahead for a row of its own."""
    issue_facts: tuple[SheetFact, ...] = ()
    vital_signs: tuple[SheetAction, ...] = ()
    """When the rate may rise, when it is held, when the infusion stops."""
    reactions: tuple[SheetAction, ...] = ()
    """The grades of a reaction, mildest first."""
    chart_references: tuple[str, ...] = ()
    trend: tuple[SheetCount, ...] = ()
    """The last counts, oldest first; empty where there is one alone, which stands with the basis."""
    trend_bands: tuple[TrendBand, ...] = ()
    """Lowest first."""
    countersignatures: tuple[str, ...]
    """The boxes signed by hand, such as "Nurse 1"."""
    tall_man_names: tuple[str, ...]
    signature: SheetSignature | None = None


def to_plain(value: Any) -> Any:
    """A value of this module as JSON types; equal values give equal plain forms.

    A field that has its default is left out, so that what was stored before the field was thought of keeps
    its digest.
    """
    match value:
        case StrEnum():
            return value.value
        case None | bool() | int() | str():
            return value
        case Unknown():
            return {"unknown": True}
        case Decimal():
            return _plain_decimal(value)
        case datetime():
            if value.tzinfo is None:
                raise ValueError("a time on a sheet needs its zone")
            return value.astimezone(UTC).isoformat()
        case date():
            return value.isoformat()
        case tuple():
            return [to_plain(item) for item in value]
        case _:
            return {
                field.name: to_plain(part)
                for field in dataclasses.fields(value)
                if (part := getattr(value, field.name)) != field.default
            }


def from_plain(plain: Any) -> SheetContent:
    """The content that `to_plain` was given; anything else is ContentBroken."""
    try:
        return typing.cast(SheetContent, read_as(SheetContent, plain))
    except (TypeError, ValueError, ArithmeticError) as error:
        raise ContentBroken(str(error)) from error


def read_as(hint: Any, plain: Any) -> Any:
    """One plain value read as the type a field declares."""
    if isinstance(hint, types.UnionType):
        return _read_union(typing.get_args(hint), plain)
    if typing.get_origin(hint) is tuple:
        return tuple(read_as(typing.get_args(hint)[0], item) for item in _expect(list, plain))
    if dataclasses.is_dataclass(hint):
        return _read_dataclass(hint, _expect(dict, plain))
    if hint is Decimal:
        return Decimal(_expect(str, plain))
    if hint in (date, datetime):
        return hint.fromisoformat(_expect(str, plain))
    if issubclass(hint, StrEnum):
        return hint(plain)
    return _expect(hint, plain)


def canonical_json(content: SheetContent) -> bytes:
    """The one byte string that stands for this content: sorted keys, no floats, UTF-8."""
    return json.dumps(to_plain(content), sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def digest(content: SheetContent) -> str:
    return hashlib.sha256(canonical_json(content)).hexdigest()


def _plain_decimal(value: Decimal) -> str:
    """Not `normalize`, which would round to the precision of the thread's context."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _read_union(arms: tuple[Any, ...], plain: Any) -> Any:
    if plain is None and types.NoneType in arms:
        return None
    if plain == {"unknown": True} and Unknown in arms:
        return UNKNOWN
    (arm,) = (arm for arm in arms if arm not in (types.NoneType, Unknown))
    return read_as(arm, plain)


def _read_dataclass(kind: Any, plain: dict[str, Any]) -> Any:
    hints = _hints_of(kind)
    needed = {field.name for field in dataclasses.fields(kind) if field.default is dataclasses.MISSING}
    if wrong := (plain.keys() - hints.keys()) | (needed - plain.keys()):
        raise ValueError(f"{kind.__name__}: unexpected or missing {sorted(wrong)}")
    return kind(**{name: read_as(hints[name], part) for name, part in plain.items()})


@cache
def _hints_of(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _expect(kind: type, plain: Any) -> Any:
    if type(plain) is not kind:
        raise ValueError(f"expected {kind.__name__}, got {type(plain).__name__}")
    return plain
