"""Values of a protocol in words, for people to read."""

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final, NamedTuple

from django import template
from django.template import Context
from django.utils import timezone
from django.utils.formats import date_format

from protocols.engine.conditions import RESULT_VALUES
from protocols.engine.facts import Kind
from protocols.engine.numbers import format_decimal, unit_beside
from protocols.engine.placeholders import in_brackets
from protocols.engine.protocol import (
    Comparator,
    Condition,
    Effect,
    EffectKind,
    OverrideKind,
    OverridePolicy,
    PerUnit,
    Protocol,
    Regimen,
    SafetyRule,
    WeightBasis,
    When,
    WhenUnknown,
)
from protocols.models import ProtocolVersion
from protocols.reading import has_unread_note, review_overdue_since

register = template.Library()
register.filter(in_brackets)

COMPARISON_WORDS: Final = {
    Comparator.IS: "is",
    Comparator.IS_NOT: "is not",
    Comparator.BELOW: "below",
    Comparator.AT_MOST: "at most",
    Comparator.ABOVE: "above",
    Comparator.AT_LEAST: "at least",
    Comparator.INCLUDES_ANY: "includes",
    Comparator.INCLUDES_NONE: "includes none of",
    Comparator.KNOWN: "is known",
    Comparator.UNKNOWN: "is not known",
}
# The names of the looks in includes/provenance.html.
_PROVENANCE: Final = {"source_document": "source", "source_context": "context", "house_value": "house"}
PROVENANCE_WORDS: Final = {
    "source": "Source document",
    "context": "Source, context",
    "guideline": "Guideline",
    "label": "Product label",
    "study": "Study",
    "house": "House value",
    "extension": "House extension",
}
EFFECT_WORDS: Final = {
    EffectKind.HOLD_LINES: "Holds",
    EffectKind.REMOVE_LINES: "Removes",
    EffectKind.AT_RISK_RATE: "Caps the infusion at the at-risk rate",
    EffectKind.RAISE_CONSULT: "Calls haematology at least",
    EffectKind.REQUIRE_PRODUCT: "Holds immunoglobulin until the product is",
    EffectKind.ADD_LINE: "Adds the line:",
    EffectKind.ADD_CHECK: "Adds the check:",
    EffectKind.ADD_TEXT: "Shows the text:",
}
_UNKNOWN: Final = {
    WhenUnknown.ASK: "Not known: asks.",
    WhenUnknown.WARN: "Not known: asks, and says so before signing.",
    WhenUnknown.HOLD: "Not known: asks, and counts as met for the lines until then.",
}
OVERRIDE_WORDS: Final = {
    OverrideKind.NONE: "nothing but other facts or other orders",
    OverrideKind.ACKNOWLEDGE: "reading it; signing acknowledges it",
    OverrideKind.REASON: "a reason",
    OverrideKind.NAMED: "a reason and a name",
    OverrideKind.NAMED_AND_SECOND: "a reason and two names",
}
_TRUTH: Final = {"true": "yes", "false": "no"}


@register.filter
def alternatives(when: When) -> list[str]:
    """One sentence for each group of conditions; any of them is enough.

    Groups that differ only in whether one fact is so or is not known are one sentence.
    """
    groups = [tuple(_Clause(condition) for condition in _needed(group)) for group in when]
    while (pair := _first_pair(groups)) is not None:
        one, other, joined = pair
        groups[one] = joined
        del groups[other]
    return [" and ".join(clause.words for clause in group) for group in groups]


@register.filter
def effect_sentences(rule: SafetyRule, protocol: Protocol) -> list[str]:
    """What a rule does, one sentence an effect."""
    return [effect_words(effect, protocol) for effect in rule.effects]


@register.filter
def unknown_sentence(rule: SafetyRule) -> str:
    """What a rule does while it cannot be judged."""
    return _UNKNOWN[rule.unknown]


@register.filter
def override_sentence(policy: OverridePolicy, protocol: Protocol) -> str:
    """What lifts a rule: whom to name, and the reasons on offer."""
    reasons = {reason.key: reason.text for reason in protocol.override_reasons}
    names = ", ".join(name for name in (policy.named, policy.second) if name)
    words = f"{OVERRIDE_WORDS[policy.kind]}{f' ({names})' if names else ''}."
    offered = "; ".join(reasons.get(key, key) for key in policy.reasons)
    return " ".join(part for part in (words, policy.text, offered and f"Reasons: {offered}.") if part)


@register.filter
def provenance_look(provenance: str) -> str:
    return _PROVENANCE.get(provenance, provenance)


@register.filter
def overdue_since(version: ProtocolVersion) -> date | None:
    """The day on which the review of a version was due, where that has passed today."""
    return review_overdue_since(version, on=timezone.localdate())


@register.filter
def state_words(version: ProtocolVersion) -> str:
    """The state, such as `Approved, in force from 1 Dec 2026, 08:00` where it waits for its date."""
    if version.plan is None:
        return str(version.get_state_display())
    return (
        f"Approved, in force from {date_format(timezone.localtime(version.plan.in_force_from), 'j M Y, H:i')}"
    )


@register.inclusion_tag("protocols/_change_note.html", takes_context=True)
def change_note(context: Context, back: str) -> dict[str, Any]:
    """What the version in force changes, until this person has read it; `back` is the page they are on."""
    user, in_force = context["user"], context["protocol_in_force"]
    return {
        "version": in_force if in_force and has_unread_note(user, in_force) else None,
        "back": back,
        "csrf_token": context.get("csrf_token"),
    }


@register.filter
def thousands(count: int) -> str:
    return format_decimal(count)


@register.filter
def exactly(value: Decimal | None) -> str:
    return "" if value is None else format_decimal(value)


@register.filter
def spaced(key: str) -> str:
    return key.replace("_", " ")


@register.filter
def amount(regimen: Regimen) -> str:
    """What one dose is made of, such as `1 g per kg dosing weight, at most 80 mg`."""
    words = f"{format_decimal(regimen.amount)} {unit_beside(regimen.amount, regimen.unit)}"
    if regimen.amount_minimum is not None and regimen.amount_maximum is not None:
        low, high = format_decimal(regimen.amount_minimum), format_decimal(regimen.amount_maximum)
        words = f"{low} to {high} {regimen.unit}, {format_decimal(regimen.amount)} unless changed,"
    if regimen.per is PerUnit.KG:
        weight = "dosing weight" if regimen.weight is WeightBasis.DOSING else "actual weight"
        words = f"{words} per kg {weight}"
    if regimen.cap is not None:
        words = f"{words}, at most {format_decimal(regimen.cap)} {regimen.unit}"
    return words


def effect_words(effect: Effect, protocol: Protocol) -> str:
    """What one effect does, in words."""
    named = {
        EffectKind.ADD_LINE: {row.key: row.text for row in protocol.extra_orders},
        EffectKind.ADD_CHECK: {row.key: row.title for row in protocol.monitoring_items},
        EffectKind.ADD_TEXT: {row.key: row.title for row in protocol.texts},
    }.get(effect.kind, {})
    return f"{EFFECT_WORDS[effect.kind]} {named.get(effect.target, spaced(effect.target))}".strip()


class _Clause(NamedTuple):
    """One condition of a sentence; `is_open` where the fact not being known is as good."""

    condition: Condition
    is_open: bool = False

    @property
    def words(self) -> str:
        return f"{_condition(self.condition)}{' (or not known)' if self.is_open else ''}"


def _needed(group: Iterable[Condition]) -> list[Condition]:
    """The conditions of a group without that a fact is known, where another one asks for its value."""
    asked = {row.fact for row in group if row.comparator is not Comparator.KNOWN}
    return [row for row in group if row.comparator is not Comparator.KNOWN or row.fact not in asked]


def _first_pair(groups: Sequence[tuple[_Clause, ...]]) -> tuple[int, int, tuple[_Clause, ...]] | None:
    """The first two groups that can be one, with that one."""
    pairs = ((one, other) for one in range(len(groups)) for other in range(one + 1, len(groups)))
    joined = ((one, other, _joined(groups[one], groups[other])) for one, other in pairs)
    return next(((one, other, group) for one, other, group in joined if group is not None), None)


def _joined(one: tuple[_Clause, ...], other: tuple[_Clause, ...]) -> tuple[_Clause, ...] | None:
    """Both groups as one, if they differ in one clause alone, and there in whether its fact is known."""
    if len(one) != len(other):
        return None
    differing = [place for place, clause in enumerate(one) if clause != other[place]]
    if len(differing) != 1:
        return None
    (place,) = differing
    clauses = (one[place], other[place])
    unknown = [clause for clause in clauses if clause.condition.comparator is Comparator.UNKNOWN]
    known = [clause for clause in clauses if clause not in unknown]
    if len(unknown) != 1 or unknown[0].condition.fact != known[0].condition.fact:
        return None
    return (*one[:place], _Clause(known[0].condition, is_open=True), *one[place + 1 :])


def _condition(condition: Condition) -> str:
    definition = RESULT_VALUES.get(condition.fact)
    if definition is None:
        return f"{condition.fact} {COMPARISON_WORDS[condition.comparator]} {', '.join(condition.values)}"
    named = dict(definition.choices)
    values = [_value(value, definition.kind, named) for value in condition.values]
    unit = definition.unit if definition.kind in (Kind.WHOLE, Kind.DECIMAL) and values else ""
    words = [definition.label, COMPARISON_WORDS[condition.comparator], " or ".join(values), unit]
    return " ".join(word for word in words if word)


def _value(value: str, kind: Kind, named: dict[str, str]) -> str:
    if kind is Kind.YES_NO:
        return _TRUTH.get(value, value)
    if kind in (Kind.WHOLE, Kind.DECIMAL):
        return format_decimal(Decimal(value))
    return named.get(value, value)
