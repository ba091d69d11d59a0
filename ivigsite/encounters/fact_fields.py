"""The fields that ask for facts, made once a protocol version from the catalogue and the input limits."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from django import forms

from ivigsite import fields
from ivigsite.encounters.drawings import Drawings
from ivigsite.parsing.quantities import (
    BILIRUBIN_UNITS,
    COUNT_UNIT_LABELS,
    CREATININE_UNITS,
    FIBRINOGEN_UNITS,
    IGA_UNITS,
    Unit,
)
from protocols.engine.facts import CATALOGUE, FACT_BY_KEY, FactDefinition, Kind, Section
from protocols.engine.protocol import InputLimit, Protocol

REASON_LENGTH: Final = 300
NAME_LENGTH: Final = 100
VERSIONS_KEPT: Final = 8

# Facts the clinician gives in another shape: the form asks a time or a unit and works out the fact.
COUNTS: Final = {"platelets": "platelets_per_ul", "usual_platelets": "usual_platelets_per_ul"}
MEASURED: Final[Mapping[str, tuple[Unit, ...]]] = {
    "creatinine_umol_per_l": CREATININE_UNITS,
    "iga_g_per_l": IGA_UNITS,
    "indirect_bilirubin_umol_per_l": BILIRUBIN_UNITS,
    "fibrinogen_g_per_l": FIBRINOGEN_UNITS,
}
TIMES: Final = {
    "sample_age_hours": "sampled_at",
    "weight_age_days": "weighed_on",
    "bleeding_seen_age_hours": "bleeding_seen_at",
    "creatinine_age_hours": "creatinine_taken_at",
}
ASKED_OTHERWISE: Final = frozenset({*COUNTS.values(), *TIMES})

WHO_GRADES: Final = (
    ("0", "0: none"),
    ("1", "1: petechiae, bruises, minor mucosal"),
    ("2", "2: mild blood loss, no transfusion"),
    ("3", "3: gross blood loss, red cells needed"),
    ("4", "4: debilitating or fatal"),
)
# In the order of a clinical note: what is found comes before what is concluded from it. What is not named
# here follows in the order of the catalogue, so that a new fact is never left out.
FIRST_ASKED: Final = (
    "platelets",
    "platelets_unit",
    "sampled_at",
    "usual_platelets",
    "usual_platelets_unit",
    "bleeding_findings",
    "who_bleeding_grade",
    "bleeding_sites",
    "bleeding_risk_factors",
    "bleeding_level",
    "bleeding_level_reason",
    "bleeding_level_agreed_by",
    "bleeding_seen_at",
    "bleeding_seen_by",
    "bleeding_instructed_by",
    "urgent_surgery",
    "procedure",
    "hours_to_procedure",
    "rapid_rise",
    "rapid_rise_reason",
    "age_years",
    "sex",
    "weight_kg",
    "weight_method",
    "weight_estimate_reason",
    "weighed_on",
    "height_cm",
    "pregnant",
    "pre_pregnancy_weight_kg",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FactFields:
    """What one protocol version asks; its fields are shared by every form, so nobody may change them."""

    protocol: Protocol
    limits: Mapping[tuple[str, str], InputLimit]
    adult_from_years: int
    by_name: Mapping[str, forms.Field]
    sections: Mapping[Section, tuple[str, ...]]
    # What the answers offered say, by the name of the field; see assessment_form.py.
    meanings: dict[tuple[str, str | None], Any] = field(default_factory=dict, compare=False, repr=False)
    # Fields that hold nothing personal; see form_layout.py.
    drawn: Drawings = field(default_factory=Drawings, compare=False, repr=False)


_made: dict[int, FactFields] = {}


def fact_fields(protocol: Protocol) -> FactFields:
    """The fields of a protocol, made at the first call; a sealed version stays one value."""
    made = _made.get(id(protocol))
    if made is None:
        if len(_made) >= VERSIONS_KEPT:
            _made.clear()
        made = _made[id(protocol)] = _make(protocol)
    return made


def _make(protocol: Protocol) -> FactFields:
    limits = {(limit.fact, limit.population): limit for limit in protocol.input_limits}
    asked: dict[str, tuple[Section, forms.Field]] = dict(_extra_fields())
    for definition in CATALOGUE:
        if definition.key in ASKED_OTHERWISE:
            continue
        asked[definition.key] = definition.section, _field(definition, protocol)
        if units := MEASURED.get(definition.key):
            choices = tuple((unit.key, unit.label) for unit in units)
            asked[f"{definition.key}_unit"] = definition.section, _unit(definition.label, choices)
    for _section, asked_field in asked.values():
        _dress(asked_field.widget)
    names = [*FIRST_ASKED, *(name for name in asked if name not in FIRST_ASKED)]
    return FactFields(
        protocol=protocol,
        limits=limits,
        adult_from_years=next(
            policy.adult_from_years
            for policy in protocol.weight_policies
            if policy.key == protocol.default_policy
        ),
        by_name={name: asked[name][1] for name in names},
        sections={section: tuple(name for name in names if asked[name][0] is section) for section in Section},
    )


def _extra_fields() -> Iterable[tuple[str, tuple[Section, forms.Field]]]:
    """What is asked besides the facts themselves: counts with their unit, times, and reasons."""
    counts = tuple((unit.value, label) for unit, label in COUNT_UNIT_LABELS.items())
    for name, key in COUNTS.items():
        definition = FACT_BY_KEY[key]
        text = definition.help or "Type it as it stands on the report, and choose the unit that stands there."
        count = fields.UnitTextField(label=definition.label, required=False, help_text=text)
        yield name, (definition.section, count)
        yield f"{name}_unit", (definition.section, _unit(definition.label, counts))
    yield (
        "sampled_at",
        (
            Section.BLEEDING,
            fields.DateTimeField(
                label="Sample taken",
                required=False,
                too_late="The sample must be in the past.",
                help_text="Date and time, for example 22-Nov-2026 14:05.",
            ),
        ),
    )
    yield (
        "bleeding_seen_at",
        (
            Section.BLEEDING,
            fields.DateTimeField(
                label="Bleeding seen",
                required=False,
                too_late="The bleeding must have been seen by now.",
                help_text="Date and time. Active bleeding cannot be signed for without it.",
            ),
        ),
    )
    yield (
        "creatinine_taken_at",
        (
            Section.IMMUNOGLOBULIN,
            fields.DateTimeField(
                label="Creatinine sample taken",
                required=False,
                too_late="The sample must be in the past.",
                help_text="Date and time, for example 22-Nov-2026 14:05.",
            ),
        ),
    )
    yield (
        "weighed_on",
        (
            Section.WEIGHT,
            fields.DateField(
                label="Weighed on",
                required=False,
                too_late="The weight must have been taken today or before.",
                help_text="For example 22-Nov-2026.",
            ),
        ),
    )
    for name, section, label, length in (
        ("bleeding_level_reason", Section.BLEEDING, "Reason for another level", REASON_LENGTH),
        ("bleeding_level_agreed_by", Section.BLEEDING, "Haematologist who agreed", NAME_LENGTH),
        ("rapid_rise_reason", Section.BLEEDING, "Why a rapid rise is required", REASON_LENGTH),
        ("weight_estimate_reason", Section.WEIGHT, "Why the weight is estimated", REASON_LENGTH),
    ):
        yield name, (section, fields.TextField(label=label, max_length=length, required=False))


def _field(definition: FactDefinition, protocol: Protocol) -> forms.Field:
    shared: dict[str, Any] = {"label": definition.label, "required": False, "help_text": definition.help}
    if definition.key in MEASURED:
        return fields.UnitTextField(**shared)
    if definition.key == "who_bleeding_grade":
        return fields.UnknownableChoiceField(choices=WHO_GRADES, **shared)
    if definition.kind is Kind.YES_NO:
        return fields.YesNoUnknownField(**shared)
    if definition.kind is Kind.CHOICE:
        return fields.UnknownableChoiceField(choices=definition.choices, **shared)
    if definition.kind is Kind.CHOICES:
        return fields.UnknownableChoicesField(choices=definition.choices, **shared)
    if definition.kind is Kind.ROW:
        rows = row_choices(protocol, definition.rows)
        return fields.UnknownableChoiceField(widget=forms.Select, choices=rows, **shared)
    if definition.kind is Kind.TEXT:
        return fields.NameField(max_length=NAME_LENGTH, **shared)
    return _number(definition, shared)


def _number(definition: FactDefinition, shared: dict[str, Any]) -> forms.Field:
    """A number's limits depend on the age, so the form asks for them and not the field."""
    if definition.key.endswith("weight_kg"):
        return fields.WeightKgField(**shared)
    if definition.unit == "cm":
        return fields.LengthCmField(**shared)
    if definition.kind is Kind.WHOLE:
        return fields.WholeNumberField(unit=definition.unit, **shared)
    return fields.DecimalQuantityField(unit=definition.unit, **shared)


def _unit(label: str, choices: tuple[tuple[str, str], ...]) -> forms.Field:
    # Not one that can be unknown: a value without its unit is no value.
    return fields.StrictChoiceField(
        label=f"{label}: unit", choices=choices, widget=forms.RadioSelect, required=False
    )


def _dress(widget: forms.Widget) -> None:
    if type(widget) is forms.Select:
        widget.attrs["class"] = "form-select"
    elif isinstance(widget, forms.TextInput):
        # The blank placeholder lets the style sheet tell an empty field from a filled one.
        widget.attrs |= {"class": "form-control", "placeholder": " "}


def row_choices(protocol: Protocol, section: str) -> tuple[tuple[str, str], ...]:
    """The rows of the protocol that may be chosen, with the name people know them by."""
    rows: Iterable[Any] = getattr(protocol, section)
    return tuple((row.key, row_label(row)) for row in rows if getattr(row, "offered", True))


def row_label(row: Any) -> str:
    return str(next(getattr(row, name) for name in ("label", "name", "title") if hasattr(row, name)))
