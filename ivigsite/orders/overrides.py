"""Passing a finding: which findings ask for an answer, the fields for it, and what was answered."""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django import forms

from ivigsite import fields
from protocols.engine.protocol import OverrideKind, OverrideReason, Protocol, Severity
from protocols.engine.recommendation import Finding

COMMENT_LENGTH: Final = 300
NAME_LENGTH: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """A finding that was passed: the key of the coded reason, what was added to it, and who was named."""

    rule: str
    reason: str
    comment: str
    haematologist: str
    second: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged:
    """Who answered the same finding on the same facts earlier in this encounter, and when."""

    by: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownStop:
    """A finding that asks for an answer, with its fields.

    `is_partial` when it is about some lines only; `is_waiting` when none of them arrives chosen.
    """

    rule: str
    is_partial: bool
    is_waiting: bool
    names: int
    reason: Any
    comment: Any
    by: Any
    second: Any

    @property
    def fields(self) -> tuple[Any, ...]:
        """The bound fields it has, in the order in which they are filled in."""
        bound = (self.by, self.second, self.reason, self.comment)
        return tuple(field for field in bound if field is not None)

    @property
    def errors(self) -> list[Any]:
        """What is wrong in any of its fields."""
        return [error for field in self.fields for error in field.errors]


def asked(findings: Iterable[Finding], acknowledged: Container[str]) -> tuple[Finding, ...]:
    """The findings that ask for an answer: all whose policy does, but warnings that were answered before."""
    return tuple(
        finding
        for finding in findings
        if finding.override.kind.asks_an_answer
        and not (finding.severity is Severity.WARNING and finding.rule in acknowledged)
    )


def is_about(finding: Finding, names: Container[str]) -> bool:
    """Whether a finding has to be answered for an order set of lines with these names."""
    holds_others = bool(finding.holds) and not any(name in names for name in finding.holds)
    return finding.concerns(names) and not holds_others


def override_fields(finding: Finding, protocol: Protocol) -> dict[str, forms.Field]:
    """The fields of one finding by their names."""
    policy = finding.override
    reasons = _reasons(protocol)
    made: dict[str, forms.Field] = {
        field_name(finding, "reason"): fields.StrictChoiceField(
            label="Reason",
            choices=[(key, reasons[key].text) for key in policy.reasons],
            widget=forms.Select,
            required=False,
        ),
        field_name(finding, "comment"): fields.TextField(
            label="Comment, needed for “Another reason”", max_length=COMMENT_LENGTH, required=False
        ),
    }
    for part, role in (("by", policy.named), ("second", policy.second)):
        if role:
            made[field_name(finding, part)] = fields.TextField(
                label=f"{role} who agreed", max_length=NAME_LENGTH, required=False
            )
    return made


def field_name(finding: Finding, part: str) -> str:
    return f"override_{finding.rule}_{part}"


def missing_answers(finding: Finding, given: Mapping[str, Any], protocol: Protocol) -> dict[str, str]:
    """What is still to be said before this finding may be passed, by field."""
    policy, missing = finding.override, {}
    reason = _given(given, finding, "reason")
    if not reason:
        missing[field_name(finding, "reason")] = f"{finding.rule}: Say why this is passed."
    elif _reasons(protocol)[reason].needs_comment and not _given(given, finding, "comment"):
        missing[field_name(finding, "comment")] = f"{finding.rule}: Say more in the comment."
    for part, role in (("by", policy.named), ("second", policy.second)):
        if role and not _given(given, finding, part):
            missing[field_name(finding, part)] = f"{finding.rule}: Name the {role.lower()}."
    return missing


def override_of(finding: Finding, given: Mapping[str, Any]) -> Override:
    """The answer as it was given."""
    return Override(
        rule=finding.rule,
        reason=_given(given, finding, "reason"),
        comment=_given(given, finding, "comment"),
        haematologist=_given(given, finding, "by"),
        second=_given(given, finding, "second"),
    )


def reason_words(override: Override, protocol: Protocol) -> str:
    """The reason in words, with the comment."""
    text = _reasons(protocol)[override.reason].text
    return f"{text}: {override.comment}" if override.comment else text


def watches(override: Override, protocol: Protocol) -> bool:
    """Whether the reason asks for tasks: somebody has promised to watch."""
    return _reasons(protocol)[override.reason].watches


def names_words(override: Override, finding: Finding) -> str:
    """Who agreed, each with what they are, such as `Dr A (Haematologist) and Dr B (Obstetrician)`."""
    policy = finding.override
    pairs = ((override.haematologist, policy.named), (override.second, policy.second))
    return " and ".join(f"{name} ({role})" for name, role in pairs if name)


def asks_names(finding: Finding) -> bool:
    return finding.override.kind in (OverrideKind.NAMED, OverrideKind.NAMED_AND_SECOND)


def _reasons(protocol: Protocol) -> dict[str, OverrideReason]:
    return {reason.key: reason for reason in protocol.override_reasons}


def _given(given: Mapping[str, Any], finding: Finding, part: str) -> str:
    value = given.get(field_name(finding, part), "")
    return value if isinstance(value, str) else ""
