"""Choosing lines of a proposal, and signing what was chosen."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, cast
from uuid import uuid4

from django import forms
from django.core.exceptions import ValidationError

from ivigsite import fields
from ivigsite.encounters.advice import TIMING_WORDS, WEIGHT_WORDS, OrderCard, number
from ivigsite.orders.models import ConsentReason, DeclineReason, ReplacedReason
from ivigsite.orders.overrides import (
    COMMENT_LENGTH,
    NAME_LENGTH,
    Override,
    ShownStop,
    asked,
    asks_names,
    field_name,
    is_about,
    missing_answers,
    override_fields,
    override_of,
)
from ivigsite.orders.presentation import rate_words, start_words
from ivigsite.orders.proposal import NONE, Proposal
from protocols.engine.facts import LEVELS, UNKNOWN
from protocols.engine.protocol import ArmEffect, EffectKind, OverrideKind, Role
from protocols.engine.recommendation import Finding
from protocols.engine.timed_plan import TimedPlan
from protocols.lifecycle import State

PASSWORD_LENGTH: Final = 128
STARTS_WITHIN: Final = timedelta(hours=24)
SHARED_LINE: Final = (
    "Of these lines two would run in one venous line at one time. Choose the single dose, leave one out, or "
    "place a second line and reassess."
)
STARTED_BEFORE: Final = timedelta(minutes=60)
SINGLE: Final = "single:"
POLICY: Final = "policy"
POLICY_BY: Final = "policy_by"
REPLACED: Final = "replaced_reason"
REPLACED_COMMENT: Final = "replaced_comment"
GATED: Final = frozenset({ArmEffect.NOT_AUTOMATIC, ArmEffect.HAEMATOLOGY_ONLY, ArmEffect.BLOCKED})
HOLDING: Final = (EffectKind.HOLD_LINES, EffectKind.REQUIRE_PRODUCT)
TIMINGS: Final = tuple(TIMING_WORDS)
GROUP_TITLES: Final = {
    "ivig": "Immunoglobulin",
    "corticosteroid": "Corticosteroid",
    "platelets": "Platelets",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Declined:
    """A recommended line that is not ordered."""

    code: str
    reason: str
    comment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What the prescriber chose: lines by code, when they start, and why others were left out."""

    codes: tuple[str, ...]
    starts_at: datetime
    product: str
    declined: tuple[Declined, ...]
    overrides: tuple[Override, ...]
    consent_reason: str = ""
    # The dosing-weight policy, and who in haematology chose it where it is not the protocol's default.
    policy: str | None = None
    policy_by: str = ""
    # Why a version is still used that another has replaced, as a code, and the comment.
    replaced_reason: str = ""
    replaced_comment: str = ""

    @property
    def replaced_words(self) -> str:
        """Why a replaced version is used, as the sheet says it; empty where the version is in force."""
        if not self.replaced_reason:
            return ""
        return _with_comment(ReplacedReason(self.replaced_reason).label, self.replaced_comment)


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
    """One line that can be chosen; without a card it is "do not order" among alternatives."""

    value: str
    element_id: str
    is_chosen: bool
    card: OrderCard | None
    rate: str
    start: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownGroup:
    """One group of lines as the page shows it: radio buttons, or one box to tick."""

    name: str
    title: str
    timing: str
    is_single: bool
    options: tuple[ShownOption, ...]
    errors: Any
    reason: Any
    comment: Any

    @property
    def element_id(self) -> str:
        return f"group-{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownSection:
    """The groups that are carried out at one time."""

    timing: str
    title: str
    groups: tuple[ShownGroup, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownPolicy:
    """One dosing-weight policy with what it gives this patient, as words with their units."""

    value: str
    element_id: str
    title: str
    dose: str
    weight: str
    is_default: bool
    is_chosen: bool


class ChooseForm(forms.Form):
    """One field a group of lines; only what the rule recommends arrives chosen."""

    idempotency_key = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(
        self, data: Any = None, *, proposal: Proposal, now: datetime, kept: Mapping[str, str] | None = None
    ) -> None:
        """`kept` is what a page carried that is not to be judged yet: it is shown again as it was."""
        initial = {
            "starts_at": _next_quarter(now),
            "idempotency_key": uuid4(),
            "product": proposal.outcome_product,
        }
        super().__init__(data, initial=initial)
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
        self._add_replaced()
        self._add_consent()
        self._add_policy()
        self.groups = tuple(self._add_group(cards) for cards in _grouped(proposal.cards))
        self._add_overrides()
        if kept:
            # A box that is not ticked is not sent.
            self.initial = {name: kept.get(name, "") for name in self.fields}

    @property
    def line_groups(self) -> tuple[ShownGroup, ...]:
        """Each group as the page shows it: its options with their cards, and the fields behind a refusal."""
        timed = self.proposal.timed_plan_of([card.code for card in self.chosen_cards])
        return tuple(self._show(group, timed) for group in self.groups)

    @property
    def sections(self) -> tuple[ShownSection, ...]:
        """The groups in the order in which they are carried out."""
        groups = self.line_groups
        return tuple(
            ShownSection(timing=timing, title=title, groups=found)
            for timing, title in TIMING_WORDS.items()
            if (found := tuple(group for group in groups if group.timing == timing))
        )

    @property
    def stops(self) -> tuple[ShownStop, ...]:
        """Each finding that asks for an answer, with its bound fields."""
        return tuple(self._shown_stop(finding) for finding in self._asked)

    @property
    def answered_before(self) -> frozenset[str]:
        """The fields of findings that no longer ask: the second click of a double click still sends them."""
        proposal = self.proposal
        return frozenset(
            name
            for finding in proposal.recommendation.findings
            if finding.rule in proposal.acknowledged
            for name in override_fields(finding, proposal.protocol)
        )

    @property
    def consent_fields(self) -> tuple[Any, ...]:
        """The reason for emergency treatment and its comment, where they are asked."""
        names = ("consent_reason", "consent_comment")
        return tuple(self[name] for name in names if name in self.fields)

    @property
    def replaced_fields(self) -> tuple[Any, ...]:
        """The reason for keeping to a replaced version and its comment, where they are asked."""
        return tuple(self[name] for name in (REPLACED, REPLACED_COMMENT) if name in self.fields)

    @property
    def policies(self) -> tuple[ShownPolicy, ...]:
        """What each dosing-weight policy gives; chosen is the one by which the doses shown were computed."""
        return tuple(
            ShownPolicy(
                value=result.policy,
                element_id=f"id_{POLICY}_{position}",
                title=result.title,
                dose=f"{number(str(result.dose_g))} g",
                weight=f"{number(str(result.weight.kg))} kg, {WEIGHT_WORDS[result.weight.basis]}",
                is_default=result.policy == self.proposal.protocol.default_policy,
                is_chosen=result.policy == self.proposal.policy,
            )
            for position, result in enumerate(self.proposal.policies)
        )

    @property
    def policies_await_height(self) -> bool:
        """Whether the policies agree, or may agree, for want of a height alone."""
        return any("height_cm" in result.weight.unknowns for result in self.proposal.policies)

    @property
    def policy_by(self) -> Any:
        """The field for the haematologist who chose the policy, or None where nothing is chosen."""
        return self[POLICY_BY] if POLICY_BY in self.fields else None

    @property
    def start(self) -> datetime | None:
        """T0 as it stands in its field, or None where that is no moment."""
        try:
            return cast(datetime, self.fields["starts_at"].clean(self["starts_at"].value()))
        except ValidationError:
            return None

    @property
    def chosen_cards(self) -> tuple[OrderCard, ...]:
        """The lines that are chosen as the form stands, first things first."""
        cards = self.proposal.cards_by_code
        return tuple(cards[code] for code in _in_order(map(self._standing, self.groups), cards))

    @property
    def missing_cards(self) -> tuple[OrderCard, ...]:
        """The recommended lines that are not chosen as the form stands."""
        return tuple(
            group.required
            for group in self.groups
            if group.required is not None and self._standing(group) != group.required.code
        )

    def clean(self) -> dict[str, Any]:
        chosen = [code for group in self.groups if (code := self._chosen(group)) != NONE]
        for group in self.groups:
            self._clean_group(group)
        for finding in self._to_answer():
            for name, words in missing_answers(finding, self.cleaned_data, self.proposal.protocol).items():
                if name not in self.errors:
                    self.add_error(name, words)
        for words in self._still_held():
            self.add_error(None, words)
        if self._has_left_default and not self.cleaned_data.get(POLICY_BY) and POLICY_BY not in self.errors:
            self.add_error(POLICY_BY, "Name the haematologist who chose this dosing weight.")
        needs_words = self.cleaned_data.get(REPLACED) == ReplacedReason.OTHER
        if (
            needs_words
            and not self.cleaned_data.get(REPLACED_COMMENT)
            and REPLACED_COMMENT not in self.errors
        ):
            self.add_error(REPLACED_COMMENT, "Say which other reason.")
        if self._would_share_a_line(chosen):
            self.add_error(None, SHARED_LINE)
        if not chosen and not self.errors:
            self.add_error(None, "Choose at least one line to order.")
        return self.cleaned_data

    def _would_share_a_line(self, chosen: list[str]) -> bool:
        """Whether these lines meet in one venous line though what is recommended would not.

        The safety rules judge what is recommended; another choice may run into the next infusion.
        """
        recommended = self.proposal.recommendation.timed_plan
        timed = self.proposal.timed_plan_of(chosen)
        return (
            timed is not None
            and timed.shares_a_line
            and not timed.waits_for
            and not (recommended is not None and recommended.shares_a_line)
        )

    def to_choices(self) -> Choices:
        given = self.cleaned_data
        return Choices(
            codes=_in_order(map(self._chosen, self.groups), self.proposal.cards_by_code),
            starts_at=given["starts_at"],
            product=given["product"],
            declined=tuple(
                Declined(code=group.required.code, reason=given[group.reason], comment=given[group.comment])
                for group in self.groups
                if group.required is not None and self._chosen(group) != group.required.code
            ),
            overrides=tuple(override_of(finding, given) for finding in self._to_answer()),
            consent_reason=self._consent_words(),
            policy=self._policy(),
            policy_by=given[POLICY_BY] if self._has_left_default else "",
            replaced_reason=given.get(REPLACED, ""),
            replaced_comment=given.get(REPLACED_COMMENT, ""),
        )

    def _policy(self) -> str | None:
        policy = self.cleaned_data.get(POLICY, UNKNOWN)
        return None if policy is UNKNOWN else str(policy)

    @property
    def _has_left_default(self) -> bool:
        return self._policy() not in (None, self.proposal.protocol.default_policy)

    def _consent_words(self) -> str:
        reason = self.cleaned_data.get("consent_reason", "")
        if not reason:
            return ""
        return _with_comment(ConsentReason(reason).label, self.cleaned_data["consent_comment"])

    def _show(self, group: LineGroup, timed: TimedPlan | None) -> ShownGroup:
        bound = self[group.choice]
        by_code = {card.code: card for card in group.cards}
        standing = self._standing(group)
        first = group.required or group.cards[0]
        return ShownGroup(
            name=group.choice,
            title=GROUP_TITLES.get(first.kind, ""),
            timing=first.timing,
            is_single=len(group.cards) == 1,
            options=tuple(
                ShownOption(
                    value=option.data["value"],
                    element_id=option.id_for_label,
                    is_chosen=option.data["value"] == standing,
                    card=by_code.get(option.data["value"]),
                    rate=rate_words(self.proposal, option.data["value"]),
                    start=start_words(self.proposal, option.data["value"], timed),
                )
                for option in bound
            ),
            errors=bound.errors,
            reason=self[group.reason] if group.required else None,
            comment=self[group.comment] if group.required else None,
        )

    def _chosen(self, group: LineGroup) -> str:
        code = self.cleaned_data.get(group.choice, UNKNOWN)
        return NONE if code is UNKNOWN else str(code)

    def _standing(self, group: LineGroup) -> str:
        """What is chosen in the group as the form stands, judged or not."""
        code = self[group.choice].value()
        return str(code) if code in {card.code for card in group.cards} else NONE

    @property
    def _asked(self) -> tuple[Finding, ...]:
        return asked(self.proposal.recommendation.findings, self.proposal.acknowledged)

    def _chosen_codes(self) -> list[str]:
        return [code for group in self.groups if (code := self._chosen(group)) != NONE]

    def _to_answer(self) -> list[Finding]:
        """The findings that stand before what is chosen; the others need no answer."""
        names = self.proposal.names_of(self._chosen_codes())
        return [finding for finding in self._asked if is_about(finding, names)]

    def _still_held(self) -> list[str]:
        """Why lines on hold cannot be ordered though everything asked is answered."""
        orders = self.proposal.orders
        held = [orders[code] for code in self._chosen_codes() if orders[code].is_held]
        findings = self.proposal.recommendation.findings
        final = [row for row in findings if row.override.kind is OverrideKind.NONE and not row.is_hard]
        is_agreed = any(asks_names(finding) for finding in self._to_answer())
        words = []
        for order in held:
            by = [row for row in final if not order.names.isdisjoint(row.holds)]
            words += [f"{order.text}: on hold. {row.text} {row.override.text}".strip() for row in by]
            waiting = [mark.by for mark in order.effects if not mark.is_certain and mark.kind in HOLDING]
            if waiting:
                words.append(f"{order.text}: on hold until what {waiting[0]} asks is known.")
            if not by and not is_agreed and any(mark.kind in GATED for mark in order.effects):
                words.append(f"{order.text}: this line is on hold. Call haematology.")
        return words

    def _shown_stop(self, finding: Finding) -> ShownStop:
        bound = {
            part: self[name] if (name := field_name(finding, part)) in self.fields else None
            for part in ("reason", "comment", "by", "second")
        }
        orders = self.proposal.orders.values()
        drugs = [order for order in orders if order.dose is not None]
        arriving = {
            name
            for order in orders
            if order.role is Role.REQUIRED and not order.is_held
            for name in order.names
        }
        return ShownStop(
            rule=finding.rule,
            is_partial=not all(is_about(finding, order.names) for order in drugs),
            is_waiting=not is_about(finding, arriving),
            names=finding.override.kind.names,
            **bound,
        )

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
            widget=forms.RadioSelect,
            required=True,
            help_text="Changes volume, vials and rates, never the grams.",
        )

    def _add_replaced(self) -> None:
        """A version that another has replaced is kept to for a reason; nobody waits in order to give it."""
        version = self.proposal.assessment.protocol_version
        if version.state != State.RETIRED:
            return
        self.fields[REPLACED] = fields.StrictChoiceField(
            label=f"Why still version {version.number} of the protocol",
            choices=ReplacedReason.choices,
            widget=forms.Select,
            initial=ReplacedReason.CANNOT_WAIT if self._is_threatening else None,
            error_messages={"required": "Say why this version is used though it is no longer in force."},
            help_text="It is no longer in force. The encounter page takes the patient to the one that is.",
        )
        self.fields[REPLACED_COMMENT] = fields.TextField(
            label="Comment on the version, needed for “Other”", max_length=COMMENT_LENGTH, required=False
        )

    @property
    def _is_threatening(self) -> bool:
        return self.proposal.recommendation.bleeding.level == LEVELS[-1]

    def _add_consent(self) -> None:
        """Emergency treatment needs its reason; in life-threatening bleeding the usual one is offered."""
        if self.proposal.facts.consent != "emergency":
            return
        self.fields["consent_reason"] = fields.StrictChoiceField(
            label="Why emergency treatment",
            choices=ConsentReason.choices,
            widget=forms.Select,
            initial=ConsentReason.CANNOT_WAIT if self._is_threatening else None,
            error_messages={"required": "Say why treatment does not wait for consent."},
            help_text="No consent to blood products is recorded.",
        )
        self.fields["consent_comment"] = fields.TextField(
            label="Comment on consent", max_length=COMMENT_LENGTH, required=False
        )

    def _add_policy(self) -> None:
        """In an emergency haematology chooses the dosing weight; the protocol's default arrives chosen."""
        if not self.proposal.has_policies_to_choose:
            return
        self.fields[POLICY] = fields.StrictChoiceField(
            label="Dosing weight",
            choices=[(result.policy, result.title) for result in self.proposal.policies],
            widget=forms.RadioSelect,
            # Not sent is the default, by which the doses were computed then.
            required=False,
            initial=self.proposal.policy,
        )
        self.fields[POLICY_BY] = fields.TextField(
            label="Haematologist who chose it",
            max_length=NAME_LENGTH,
            required=False,
            help_text="Needed for any but the default. Stands on the order set beside the weight.",
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
            # A line of its own is a box to tick, and a box that is not ticked is not sent.
            required=len(cards) > 1,
            initial=required.code if required else NONE,
        )
        if required is not None:
            self.fields[group.reason] = fields.StrictChoiceField(
                label="Why not the recommended line",
                choices=DeclineReason.choices,
                widget=forms.Select,
                required=False,
            )
            self.fields[group.comment] = fields.TextField(
                label="Comment, needed for “Other”", max_length=COMMENT_LENGTH, required=False
            )
        return group

    def _add_overrides(self) -> None:
        for finding in self._asked:
            self.fields |= override_fields(finding, self.proposal.protocol)


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

    reason = fields.TextField(
        label="Reason",
        max_length=COMMENT_LENGTH,
        help_text="Stands on every copy printed from now on.",
        error_messages={"required": "Say why the order set is voided."},
    )
    password = forms.CharField(
        label="Your password",
        max_length=PASSWORD_LENGTH,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        error_messages={"required": "Enter your password."},
    )


def _with_comment(words: str, comment: str) -> str:
    return f"{words}: {comment}" if comment else words


def _grouped(cards: Iterable[OrderCard]) -> list[tuple[OrderCard, ...]]:
    groups: dict[str, tuple[OrderCard, ...]] = {}
    for card in cards:
        key = card.group or f"{SINGLE}{card.code}"
        groups[key] = (*groups.get(key, ()), card)
    return list(groups.values())


def _in_order(codes: Iterable[str], cards: Mapping[str, OrderCard]) -> tuple[str, ...]:
    chosen = [code for code in codes if code != NONE]
    return tuple(sorted(chosen, key=lambda code: TIMINGS.index(cards[code].timing)))


def _next_quarter(now: datetime) -> datetime:
    whole = now.replace(minute=0, second=0, microsecond=0)
    quarters = (now - whole) // timedelta(minutes=15) + 1
    return whole + quarters * timedelta(minutes=15)
