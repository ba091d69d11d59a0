"""What a field of a row can name: other rows of the same version, facts, and the engine's closed lists."""

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, Final

from protocols.engine.conditions import CONDITION_FACTS, RESULT_VALUES
from protocols.engine.coverage import row_keys
from protocols.engine.derived import DERIVED
from protocols.engine.facts import BLEEDING_LEVELS, CATALOGUE, FactDefinition, Kind, Section
from protocols.engine.monitoring import ANCHORS
from protocols.engine.protocol import ConsultLevel, EffectKind, Protocol
from protocols.engine.results import ENTERED, RESULTS
from protocols.engine.review import NOT_YET_KNOWN, effect_targets
from protocols.engine.screening import PREFIX

Choices = list[tuple[str, str]]
Offer = Callable[[Protocol], Choices]
OUTCOMES: Final = (
    ("recommendation", "A recommendation"),
    ("gated", "A gate stops"),
    ("not_covered", "Not covered"),
)
POPULATIONS: Final = (("any", "Anybody"), ("adult", "Adults"), ("child", "Children"))
_NUMBERS: Final = (Kind.WHOLE, Kind.DECIMAL)


def _rows(section: str, words: str) -> Offer:
    def offer(protocol: Protocol) -> Choices:
        return [(row.key, f"{row.key}: {getattr(row, words)}") for row in getattr(protocol, section)]

    return offer


def _families(protocol: Protocol) -> Choices:
    return [(family, family) for family in dict.fromkeys(row.family for row in protocol.regimens)]


def _template_lines(protocol: Protocol) -> Choices:
    templates = (template for branch in protocol.branches for template in branch.orders)
    return list({template.key: f"{template.key}: {template.text}" for template in templates}.items())


def _lines(protocol: Protocol) -> Choices:
    """What stands in an order set: lines of branches, rules and screening, and calls, which are texts."""
    return [
        *_template_lines(protocol),
        *_rows("extra_orders", "text")(protocol),
        *((f"{PREFIX}{item.key}", f"{item.key}: {item.order_text}") for item in protocol.screening_items),
        *_rows("texts", "title")(protocol),
    ]


def _entered_numbers(protocol: Protocol) -> Choices:
    numbers = {item.key: item for item in (*RESULTS.values(), *CATALOGUE) if item.kind in _NUMBERS}
    return [(key, f"{item.label} ({key})") for key, item in numbers.items()]


def _always(choices: Iterable[tuple[str, str]]) -> Offer:
    fixed = list(choices)
    return lambda protocol: fixed


_ENTERED: Final = [(key, RESULTS[key].label) for key in RESULTS if key in ENTERED]
_BRANCHES: Final = _rows("branches", "title")
_ITEMS: Final = _rows("monitoring_items", "title")
_STABILISERS: Final = DERIVED["product_stabilisers"].definition.choices

# By the engine's class and field. What is not here is free text, or a closed list by its type.
NAMED: Final[Mapping[tuple[str, str], Offer]] = {
    ("Basis", "cites"): _rows("citations", "reference"),
    ("DecisionRule", "grades"): lambda protocol: [
        (str(band.grade), band.label) for band in protocol.grade_bands
    ],
    ("DecisionRule", "bleeding_levels"): _always(BLEEDING_LEVELS),
    ("DecisionRule", "urgent_surgery"): _always([("false", "No"), ("true", "Yes")]),
    ("DecisionRule", "rapid_rise"): _always([("false", "No"), ("true", "Yes")]),
    ("DecisionRule", "branch"): _BRANCHES,
    ("BleedingRule", "level"): _always(BLEEDING_LEVELS),
    ("OrderTemplate", "branch"): _BRANCHES,
    ("OrderTemplate", "regimen"): _families,
    ("RepeatRule", "branches"): _BRANCHES,
    ("MonitoringItem", "rule"): _rows("result_rules", "title"),
    ("MonitoringItem", "anchor"): _always(ANCHORS.items()),
    ("Repeat", "until_anchor"): _always(ANCHORS.items()),
    ("ResultRule", "asks"): _always(_ENTERED),
    ("ResultRule", "needs"): _always(_ENTERED),
    ("ResultRule", "alert_follow_ups"): _ITEMS,
    ("ResultRule", "critical_follow_ups"): _ITEMS,
    ("Product", "stabilisers"): _always(_STABILISERS),
    ("OverridePolicy", "reasons"): _rows("override_reasons", "text"),
    ("InputLimit", "fact"): _entered_numbers,
    ("InputLimit", "population"): _always(POPULATIONS),
    ("WorkedCase", "starts_from"): lambda protocol: [
        (case.key, f"{case.key}: {case.sentence}") for case in protocol.cases if not case.starts_from
    ],
    ("WorkedCase", "outcome"): _always(OUTCOMES),
    ("WorkedCase", "branch"): _BRANCHES,
    ("WorkedCase", "consult"): _always(
        (level.value, level.value.replace("_", " ")) for level in ConsultLevel
    ),
    ("WorkedCase", "lines"): _lines,
    ("WorkedCase", "no_lines"): _lines,
    ("WorkedCase", "held"): _lines,
    ("WorkedCase", "findings"): _rows("safety_rules", "text"),
    ("WorkedCase", "no_findings"): _rows("safety_rules", "text"),
    ("WorkedCase", "gates"): _rows("gates", "title"),
    ("WorkedCase", "no_gates"): _rows("gates", "title"),
    ("WorkedCase", "monitoring"): _ITEMS,
    ("ExpectedDose", "line"): _template_lines,
    ("ProtocolVersion", "default_policy"): _rows("weight_policies", "title"),
    ("ProtocolVersion", "default_product"): _rows("products", "name"),
}


@cache
def facts_for(section: str, field: str) -> Mapping[str, FactDefinition]:
    """The facts that the conditions of a section can ask, by key: a result's own values for result rules."""
    if section == "result_rules" and field in ("alert", "critical"):
        return dict(RESULT_VALUES)
    late = NOT_YET_KNOWN.get(section, frozenset())
    return {key: definition for key, definition in CONDITION_FACTS.items() if key not in late}


@cache
def grouped_for(section: str, field: str) -> list[tuple[str, Choices]]:
    """Facts for a drop-down, by the part of the note that asks them; what nobody is asked stands last."""
    return grouped(facts_for(section, field))


def grouped(facts: Mapping[str, FactDefinition]) -> list[tuple[str, Choices]]:
    """As `grouped_for`, of these facts."""
    asked = {definition.key for definition in CATALOGUE}
    groups: dict[str, Choices] = {str(section): [] for section in Section}
    follows = "Follows from the facts"
    groups |= {"Results of checks": [], follows: []}
    for key, definition in facts.items():
        if key in RESULTS and definition is RESULTS[key]:
            group = "Results of checks"
        else:
            group = str(definition.section) if key in asked else follows
        groups[group].append((key, definition.label))
    return [(group, choices) for group, choices in groups.items() if choices]


def values_of(protocol: Protocol, definition: FactDefinition) -> Choices:
    """The answers that a fact of a closed list can have."""
    if definition.kind is Kind.ROW:
        labels = {row.key: row for row in getattr(protocol, definition.rows or "branches")}
        return [(key, _called(labels[key])) for key in row_keys(protocol, definition)]
    if definition.key == "order_drugs":
        return [(drug, drug) for drug in dict.fromkeys(regimen.drug for regimen in protocol.regimens)]
    return list(definition.choices)


def targets_of(protocol: Protocol, kind: EffectKind) -> Choices:
    """What an effect of this kind can name; nothing for one that names nothing."""
    words = {
        EffectKind.HOLD_LINES: dict(_template_lines(protocol)),
        EffectKind.REMOVE_LINES: dict(_template_lines(protocol)),
        EffectKind.ADD_LINE: dict(_rows("extra_orders", "text")(protocol)),
        EffectKind.ADD_CHECK: dict(_ITEMS(protocol)),
        EffectKind.ADD_TEXT: dict(_rows("texts", "title")(protocol)),
    }.get(kind, {})
    keys = sorted(str(target) for target in effect_targets(protocol)[kind] if target)
    return [(key, words.get(key, key.replace("_", " "))) for key in keys]


def _called(row: Any) -> str:
    name = next(getattr(row, name) for name in ("label", "name", "title") if hasattr(row, name))
    return f"{row.key}: {name}"
