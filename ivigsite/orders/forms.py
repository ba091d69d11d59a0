"""Choosing lines of a proposal, and signing what was chosen."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from django import forms

from ivigsite import fields
from ivigsite.encounters.advice import OrderCard
from ivigsite.orders.models import DeclineReason
from ivigsite.orders.proposal import NONE, Proposal
from protocols.engine.facts import UNKNOWN
from protocols.engine.protocol import Role, Severity

COMMENT_LENGTH: Final = 300
NAME_LENGTH: Final = 100
PASSWORD_LENGTH: Final = 128
STARTS_WITHIN: Final = timedelta(hours=24)
STARTED_BEFORE: Final = timedelta(minutes=60)
SINGLE: Final = "single:"
TIMINGS: Final = ("concurrent", "now", "standby", "monitoring", "consult")
GROUP_TITLES: Final = {
    "ivig": "Immunoglobulin",
    "corticosteroid": "Corticosteroid",
    "platelets": "Platelet transfusion",
    "consult": "Haematology",
    "other": "Also",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Declined:
    """A recommended line that is not ordered."""

    code: str
    reason: str
    comment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """A stop that a named haematologist agreed to pass."""

    rule: str
    reason: str
    haematologist: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What the prescriber chose: lines by code, when they start, and why others were left out."""

    codes: tuple[str, ...]
    starts_at: datetime
    product: str
    declined: tuple[Declined, ...]
    overrides: tuple[Override, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LineGroup:
    """Lines that exclude each other, or one line alone; `required` is the line that arrives chosen."""

    name: str
    cards: tuple[OrderCard, ...]
    required: OrderCard | None
    choice: str
    reason: str
    comment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownOption:
    """One radio button; without a card it is "do not order"."""

    value: str
    element_id: str
    is_chosen: bool
    card: OrderCard | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownGroup:
    """One group of lines as the page shows it."""

    name: str
    title: str
    options: tuple[ShownOption, ...]
    errors: Any
    reason: Any
    comment: Any
    needs_reason: bool


class ChooseForm(forms.Form):
    """One field a group of lines; only what the rule recommends arrives chosen."""

    idempotency_key = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, data: Any = None, *, proposal: Proposal, now: datetime, **options: Any) -> None:
        initial = {
            "starts_at": _next_quarter(now),
            "idempotency_key": uuid4(),
            "product": proposal.outcome_product,
        }
        super().__init__(data, initial=initial, **options)
        self.proposal = proposal
        self.fields["starts_at"] = fields.DateTimeField(
            label="Start time (T0)",
            required=True,
            earliest=now - STARTED_BEFORE,
            latest=now + STARTS_WITHIN,
            too_early="The start must not lie more than an hour back.",
            too_late="The start must lie within the next 24 hours.",
            help_text="All lines are timed from it. For example 22-Nov-2026 14:05.",
        )
        self._add_product()
        self.groups = tuple(self._add_group(cards) for cards in _grouped(proposal.cards))
        self._add_overrides()

    @property
    def line_groups(self) -> tuple["ShownGroup", ...]:
        """Each group as the page shows it: its options with their cards, and the fields behind a refusal."""
        return tuple(self._show(group) for group in self.groups)

    @property
    def stops(self) -> tuple[tuple[Any, Any, Any], ...]:
        """Each stop that a named haematologist may pass, with its two bound fields."""
        return tuple(
            (finding, self[f"override_{number}_reason"], self[f"override_{number}_by"])
            for number, finding in self._named_stops()
        )

    def clean(self) -> dict[str, Any]:
        chosen = [code for group in self.groups if (code := self._chosen(group)) != NONE]
        for group in self.groups:
            self._clean_group(group)
        for number, finding in self._named_stops():
            for part, words in (
                ("reason", "Say why this stop is passed."),
                ("by", "Name the haematologist."),
            ):
                name = f"override_{number}_{part}"
                if not self.cleaned_data.get(name) and name not in self.errors:
                    self.add_error(name, f"{finding.rule}: {words}")
        if not chosen and not self.errors:
            self.add_error(None, "Choose at least one line to order.")
        return self.cleaned_data

    def to_choices(self) -> Choices:
        given = self.cleaned_data
        codes = [code for group in self.groups if (code := self._chosen(group)) != NONE]
        timing_of = {code: card.timing for code, card in self.proposal.cards_by_code.items()}
        return Choices(
            codes=tuple(sorted(codes, key=lambda code: TIMINGS.index(timing_of[code]))),
            starts_at=given["starts_at"],
            product=given["product"],
            declined=tuple(
                Declined(code=group.required.code, reason=given[group.reason], comment=given[group.comment])
                for group in self.groups
                if group.required is not None and self._chosen(group) != group.required.code
            ),
            overrides=tuple(
                Override(
                    rule=finding.rule,
                    reason=given[f"override_{number}_reason"],
                    haematologist=given[f"override_{number}_by"],
                )
                for number, finding in self._named_stops()
            ),
        )

    def _show(self, group: LineGroup) -> "ShownGroup":
        bound = self[group.choice]
        by_code = {card.code: card for card in group.cards}
        chosen = str(bound.value() or NONE)
        options = tuple(
            ShownOption(
                value=option.data["value"],
                element_id=option.id_for_label,
                is_chosen=option.data["value"] == chosen,
                card=by_code.get(option.data["value"]),
            )
            for option in bound
        )
        needs_reason = group.required is not None and chosen != group.required.code
        return ShownGroup(
            name=group.choice,
            title=GROUP_TITLES.get(group.cards[0].kind, "Other"),
            options=options,
            errors=bound.errors,
            reason=self[group.reason] if group.required else None,
            comment=self[group.comment] if group.required else None,
            needs_reason=needs_reason,
        )

    def _chosen(self, group: LineGroup) -> str:
        return str(self.cleaned_data.get(group.choice) or NONE)

    def _named_stops(self) -> list[tuple[int, Any]]:
        holds = [f for f in self.proposal.recommendation.findings if f.severity is Severity.HARD_NAMED]
        return list(enumerate(holds, start=1))

    def _clean_group(self, group: LineGroup) -> None:
        if group.required is None or self._chosen(group) == group.required.code:
            return
        reason = self.cleaned_data.get(group.reason, UNKNOWN)
        if reason is UNKNOWN and group.reason not in self.errors:
            self.add_error(group.reason, f"Say why “{group.required.text}” is not ordered.")
        if reason == DeclineReason.OTHER and not self.cleaned_data.get(group.comment):
            self.add_error(group.comment, "Say which other reason.")
        if reason is UNKNOWN:
            self.cleaned_data[group.reason] = ""

    def _add_product(self) -> None:
        products = [(row.key, row.name) for row in self.proposal.protocol.products if row.offered]
        self.fields["product"] = fields.StrictChoiceField(
            label="Immunoglobulin product",
            choices=products,
            required=True,
            help_text="Changes volume, vials and rates, never the grams.",
        )

    def _add_group(self, cards: tuple[OrderCard, ...]) -> LineGroup:
        required = next((card for card in cards if card.role == Role.REQUIRED), None)
        name = cards[0].group or f"{SINGLE}{cards[0].code}"
        stem = f"line_{cards[0].group or cards[0].code}"
        group = LineGroup(
            name=name,
            cards=cards,
            required=required,
            choice=stem,
            reason=f"{stem}_reason",
            comment=f"{stem}_comment",
        )
        choices = [*((card.code, card.text) for card in cards), (NONE, "Do not order")]
        self.fields[group.choice] = fields.StrictChoiceField(
            label=cards[0].text,
            choices=choices,
            widget=forms.RadioSelect,
            required=True,
            initial=required.code if required else NONE,
        )
        if required is not None:
            self.fields[group.reason] = fields.StrictChoiceField(
                label="Why the recommended line is not ordered",
                choices=DeclineReason.choices,
                widget=forms.Select,
                required=False,
            )
            self.fields[group.comment] = fields.TextField(
                label="Comment", max_length=COMMENT_LENGTH, required=False
            )
        return group

    def _add_overrides(self) -> None:
        for number, _ in self._named_stops():
            self.fields[f"override_{number}_reason"] = fields.TextField(
                label="Reason", max_length=COMMENT_LENGTH, required=False
            )
            self.fields[f"override_{number}_by"] = fields.TextField(
                label="Haematologist who agreed", max_length=NAME_LENGTH, required=False
            )


class SignForm(forms.Form):
    """The password again, and the digest of exactly what the check page showed."""

    password = forms.CharField(
        label="Your password",
        max_length=PASSWORD_LENGTH,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        error_messages={"required": "Enter your password to sign."},
    )
    digest = forms.CharField(widget=forms.HiddenInput, max_length=64)


class VoidForm(forms.Form):
    """Why an order set is withdrawn."""

    reason = fields.TextField(label="Reason", max_length=COMMENT_LENGTH)
    password = forms.CharField(
        label="Your password",
        max_length=PASSWORD_LENGTH,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        error_messages={"required": "Enter your password."},
    )


def _grouped(cards: Iterable[OrderCard]) -> list[tuple[OrderCard, ...]]:
    groups: dict[str, tuple[OrderCard, ...]] = {}
    for card in cards:
        key = card.group or f"{SINGLE}{card.code}"
        groups[key] = (*groups.get(key, ()), card)
    return list(groups.values())


def _next_quarter(now: datetime) -> datetime:
    whole = now.replace(minute=0, second=0, microsecond=0)
    quarters = (now - whole) // timedelta(minutes=15) + 1
    return whole + quarters * timedelta(minutes=15)
