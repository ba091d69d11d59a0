"""Signing, voiding and printing order sets; one transaction each, with its audit entry."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from functools import partial
from threading import Event
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from ivigsite.accounts.models import User
from ivigsite.audit.actions import record
from ivigsite.encounters.actions import end_emergency
from ivigsite.encounters.models import Assessment, EmergencyEndingKind, Encounter
from ivigsite.monitoring.actions import create_tasks, end_tasks
from ivigsite.monitoring.selectors import held_by
from ivigsite.orders.content import build_content, starts_at_of, valid_until
from ivigsite.orders.forms import Choices
from ivigsite.orders.models import (
    DeclinedLine,
    EndingKind,
    OrderLine,
    OrderSet,
    OrderSetEnding,
    OverriddenRule,
    SheetFile,
    SheetHandedOut,
    SheetPrint,
    SignedOnReplaced,
)
from ivigsite.orders.overrides import is_about, reason_words, watches
from ivigsite.orders.planned_times import added_items, ordered_kinds, planned_anchors, values_of_orders
from ivigsite.orders.proposal import CannotOrder, Proposal, propose
from ivigsite.orders.reactions import refusal_for
from ivigsite.orders.sheet.checks import find_problems
from ivigsite.orders.sheet.content import SheetContent, SheetSignature, digest, to_plain
from ivigsite.orders.sheet.documents import LABELS, ROLE_SHEETS, Document
from ivigsite.orders.sheet.jobs import Job, SheetFailed
from ivigsite.orders.sheet.labels import additive_labels
from ivigsite.orders.sheet.states import (
    Copy,
    Expired,
    Paper,
    PrintEvent,
    SheetState,
    Signed,
    Superseded,
    Void,
)
from ivigsite.orders.sheet.worker import render_in_worker, start_renders
from protocols.actions import take_effect
from protocols.engine.protocol import EffectKind, OrderKind, OverrideKind
from protocols.engine.recommendation import Finding
from protocols.engine.safety import digest_of_facts
from protocols.lifecycle import State
from protocols.reading import withdrawn_since

IN_FORCE: Final = ("signed", "copy")
"""States in which what is printed may be acted on."""
TREATMENTS = frozenset({"ivig", "corticosteroid", "platelets"})
SUPERSEDED_REASON = "Superseded by a newer order set"
# Longer than a render may take, so that the one who waits hears of its failure from the render itself.
LONGEST_RENDER_S: Final = 30
# The files that this process has begun ahead of anybody who asks.
_under_way: Final[dict[UUID, Event]] = {}


class NotNewest(CannotOrder):
    """Orders were to be chosen from an assessment after which another was made."""

    def __init__(self, newest: Assessment) -> None:
        super().__init__("There is a newer assessment. Choose orders from that one.")
        self.newest = newest


class ContentChanged(Exception):
    """What would be signed now is not what the check page showed; nothing was signed."""


class NotPrintable(Exception):
    """The order set has no such sheet as it stands, and why in one sentence."""


class AlreadyEnded(Exception):
    """The order set is void or superseded already."""


def draft_content(*, proposal: Proposal, choices: Choices, key: UUID) -> SheetContent:
    """The unsigned content of these choices; raises `CannotOrder` when it may not be signed."""
    if OrderSet.objects.filter(idempotency_key=key).exists():
        raise CannotOrder("This form has signed an order set already. Open the page again to sign another.")
    names = proposal.names_of(choices.codes)
    answered = {override.rule for override in choices.overrides}
    stops = [
        finding
        for finding in proposal.recommendation.findings
        if finding.stops(names) and finding.rule not in answered
    ]
    if stops:
        raise CannotOrder(f"{stops[0].rule}: {stops[0].text} {stops[0].action}")
    if missing := [code for code in choices.codes if _has_no_dose(proposal, code)]:
        raise CannotOrder(f"{proposal.cards_by_code[missing[0]].text}: the dose is not known yet.")
    has_ivig = any(proposal.orders[code].kind is OrderKind.IVIG for code in choices.codes)
    if has_ivig and (refusal := refusal_for(proposal.assessment)):
        raise CannotOrder(refusal)
    encounter = proposal.assessment.encounter
    waiting = held_by(encounter)
    for code in choices.codes:
        if result := waiting.get(proposal.orders[code].kind.value):
            raise CannotOrder(
                f"{proposal.cards_by_code[code].text}: a result holds the next dose ({result.title}, "
                f"{result.get_level_display().lower()}). Release the hold on the checklist first."
            )
    before = encounter.order_sets.active().first()
    content = build_content(
        proposal=proposal,
        choices=choices,
        key=key,
        version=encounter.order_sets.count() + 1,
        supersedes=before.code if before else "",
    )
    if problems := find_problems(content):
        raise CannotOrder(" ".join(problems))
    return content


@transaction.atomic
def sign_order_set(
    *, assessment: Assessment, choices: Choices, shown_digest: str, key: UUID, by: User, at: datetime
) -> OrderSet:
    """Sign what the check page showed and store it; the same key signs once.

    The doses are computed again here and never read from the request. Raises `ContentChanged` when the
    content is no longer the one that was shown, `CannotOrder` when it may not be signed. Call it after the
    password of `by` has been confirmed for this one act.
    """
    encounter = Encounter.objects.select_for_update().get(pk=assessment.encounter_id)
    if take_effect(at=at):
        assessment.protocol_version.refresh_from_db()
    # Behind the lock, where the other click of a double click has stored what it signed.
    there = OrderSet.objects.filter(idempotency_key=key, signed_by=by, assessment=assessment).first()
    if there is not None and _unsigned_digest(there) == shown_digest:
        return there
    _refuse_unsignable(encounter, assessment, choices)
    proposal = propose(assessment=assessment, product=choices.product, policy=choices.policy, at=at)
    content = draft_content(proposal=proposal, choices=choices, key=key)
    if digest(content) != shown_digest:
        raise ContentChanged
    before = encounter.order_sets.active().first()
    signed = replace(content, signature=_signature(by, at, key))
    order_set = OrderSet.objects.create(
        code=content.order_id,
        encounter=encounter,
        assessment=assessment,
        number=content.version,
        protocol_version=assessment.protocol_version,
        seal=assessment.seal,
        starts_at=choices.starts_at,
        valid_until=valid_until(proposal, choices),
        content=to_plain(signed),
        content_digest=digest(signed),
        signed_at=at,
        signed_by=by,
        idempotency_key=key,
    )
    if choices.replaced_reason:
        SignedOnReplaced.objects.create(
            order_set=order_set, reason=choices.replaced_reason, comment=choices.replaced_comment
        )
    _store_lines(order_set, proposal, choices)
    _make_checks(order_set, proposal, choices, by=by, at=at)
    if before is not None:
        _end(before, kind=EndingKind.SUPERSEDED, reason=SUPERSEDED_REASON, by=by, at=at, newer=order_set)
        end_tasks(order_set_id=before.pk, reason=SUPERSEDED_REASON, by=by, at=at)
    encounter.version += 1
    encounter.save(update_fields=["version"])
    if not TREATMENTS.isdisjoint(proposal.cards_by_code[code].kind for code in choices.codes):
        # A telephone call alone is no treatment, and lets the clock run.
        end_emergency(encounter=encounter, kind=EmergencyEndingKind.TREATED, by=by, at=at)
    record(
        action="order_set.signed",
        by=by,
        at=at,
        object_id=order_set.pk,
        details={
            "code": order_set.code,
            "assessment": assessment.pk,
            "digest": order_set.content_digest,
            "supersedes": before.pk if before else None,
            "dosing_weight_policy": proposal.policy,
            "replaced_version": choices.replaced_reason,
            "ivig_counted": [dose.started_at.isoformat() for dose in proposal.untold],
            "overrides": [
                {"rule": override.rule, "reason": override.reason} for override in choices.overrides
            ],
        },
    )
    return order_set


@transaction.atomic
def void_order_set(*, order_set: OrderSet, reason: str, by: User, at: datetime) -> OrderSetEnding:
    """Withdraw a signed order set with a reason; raises `AlreadyEnded`."""
    Encounter.objects.select_for_update().get(pk=order_set.encounter_id)
    ending = _end(order_set, kind=EndingKind.VOID, reason=reason, by=by, at=at, newer=None)
    end_tasks(order_set_id=order_set.pk, reason=f"Order set void: {reason}", by=by, at=at)
    record(
        action="order_set.voided",
        by=by,
        at=at,
        object_id=order_set.pk,
        details={"code": order_set.code, "reason": reason},
    )
    return ending


@transaction.atomic
def begin_print(
    *,
    order_set: OrderSet,
    paper: Paper,
    by: User,
    at: datetime,
    document: Document = Document.ORDER_SET,
) -> SheetPrint:
    """Number the next copy of a sheet, so that every file made of this order set is told from the others.

    Raises `NotPrintable` for a cancel notice of an order set that still holds, for a label of one that does
    not, and for an additive label where nothing is infused. A label has the site's own size for paper.
    """
    OrderSet.objects.select_for_update().get(pk=order_set.pk)
    if document is Document.CANCEL_NOTICE and order_set.is_active:
        raise NotPrintable("There is nothing to cancel: this order set is neither void nor superseded.")
    state = state_name(order_set, at=at, document=document)
    if document in LABELS and state not in IN_FORCE:
        raise NotPrintable("This order set is no longer in force. A label of it must not reach a patient.")
    if document is Document.ADDITIVE_LABEL and not additive_labels(order_set.sheet_content):
        raise NotPrintable("This order set has no infusion to label.")
    last = order_set.prints.filter(document=document).order_by("-copy_number").first()
    made = SheetPrint.objects.create(
        order_set=order_set,
        document=document,
        copy_number=last.copy_number + 1 if last else 1,
        printed_at=at,
        printed_by=by,
        paper="x".join(map(str, settings.LABEL_MM[document])) if document in LABELS else paper,
        state=state,
    )
    record(
        action="order_set.printed",
        by=by,
        at=at,
        object_id=order_set.pk,
        details={
            "code": order_set.code,
            "document": document,
            "copy": made.copy_number,
            "paper": made.paper,
        },
    )
    return made


@transaction.atomic
def begin_first_prints(*, order_set: OrderSet, paper: Paper, by: User, at: datetime) -> list[SheetPrint]:
    """Number the first copy of each sheet; none when they are there already, as after a double click."""
    OrderSet.objects.select_for_update().get(pk=order_set.pk)
    if order_set.prints.exists():
        return []
    return [
        begin_print(order_set=order_set, document=document, paper=paper, by=by, at=at)
        for document in ROLE_SHEETS
    ]


@transaction.atomic
def keep_file(*, print_: SheetPrint, data: bytes, at: datetime) -> SheetFile:
    """Store the bytes of one printing; the first bytes stored are the ones that stay."""
    # The file that was begun at signing may be ready in the moment in which somebody waits for it.
    SheetPrint.objects.select_for_update().get(pk=print_.pk)
    there = SheetFile.objects.filter(print=print_).first()
    if there is not None:
        return there
    return SheetFile.objects.create(
        print=print_, data=data, sha256=hashlib.sha256(data).hexdigest(), made_at=at
    )


@transaction.atomic
def hand_out(*, print_: SheetPrint, to: User, at: datetime) -> SheetHandedOut:
    """Record who takes a printed file from the server."""
    handed = SheetHandedOut.objects.create(print=print_, to=to, at=at)
    record(
        action="sheet.handed_out",
        by=to,
        at=at,
        object_id=print_.order_set_id,
        details={"copy": print_.copy_number},
    )
    return handed


def render_print(*, print_: SheetPrint, at: datetime) -> SheetFile:
    """The file of one printing, made now if nobody has; raises `SheetFailed`, and then there is no file."""
    if (under_way := _under_way.get(print_.pk)) is not None:
        under_way.wait(LONGEST_RENDER_S)
    there = SheetFile.objects.filter(print=print_).first()
    if there is not None:
        return there
    return keep_file(print_=print_, data=render_in_worker(_job_of(print_)), at=at)


def render_ahead(*, prints: Iterable[SheetPrint], then: Callable[[], None] = lambda: None) -> None:
    """Begin the files of some printings, so that they are there before anybody asks; returns at once.

    A failure is left for `render_print`, which tries again and says so to the person who waits for it.
    """
    tasks = []
    for print_ in prints:
        _under_way[print_.pk] = Event()
        tasks.append((_job_of(print_), partial(_keep_rendered, print_, then)))
    start_renders(tasks)


def _keep_rendered(print_: SheetPrint, then: Callable[[], None], result: bytes | SheetFailed) -> None:
    try:
        if isinstance(result, bytes):
            keep_file(print_=print_, data=result, at=timezone.now())
        then()
    finally:
        _under_way.pop(print_.pk).set()
        # This runs in a thread of its own, whose connection nobody else would close.
        connection.close()


def sheet_state(order_set: OrderSet, *, at: datetime, document: Document) -> SheetState:
    """What has become of the order set at a moment, in the words of one of its sheets."""
    ending = order_set.ended
    if ending is not None and ending.at <= at:
        if ending.superseded_by is not None:
            return Superseded(by_order=ending.superseded_by.code, by=ending.by.full_name, at=ending.at)
        return Void(reason=ending.reason, by=ending.by.full_name, at=ending.at)
    if order_set.valid_until <= at:
        return Expired(at=order_set.valid_until)
    first = order_set.prints.filter(document=document).order_by("copy_number").first()
    if first is not None and first.printed_at < at:
        return Copy(first_printed_at=first.printed_at)
    return Signed()


def state_name(order_set: OrderSet, *, at: datetime, document: Document = Document.ORDER_SET) -> str:
    """The state as one word, as it is stored with a printing and shown as a chip."""
    return type(sheet_state(order_set, at=at, document=document)).__name__.lower()


def is_out_of_date(print_: SheetPrint, *, at: datetime) -> bool:
    """Whether a copy says it may be followed, while it no longer may or its protocol was withdrawn since."""
    if print_.state not in IN_FORCE:
        return False
    since = withdrawn_since(print_.order_set.protocol_version, at=at)
    return state_name(print_.order_set, at=at) not in IN_FORCE or (
        since is not None and print_.printed_at < since
    )


def _job_of(print_: SheetPrint) -> Job:
    document = Document(print_.document)
    is_label = document in LABELS
    return Job(
        document=document,
        content=print_.order_set.sheet_content,
        state=sheet_state(print_.order_set, at=print_.printed_at, document=document),
        # A label has no paper but its own, which the event carries; this one stands in and is not looked at.
        paper=Paper.A4 if is_label else Paper(print_.paper),
        event=PrintEvent(
            printed_at=print_.printed_at,
            printed_by=print_.printed_by.full_name,
            copy_number=print_.copy_number,
            status_address=settings.STATUS_ADDRESS,
            is_protocol_withdrawn=withdrawn_since(print_.order_set.protocol_version, at=print_.printed_at)
            is not None,
            label_mm=tuple(map(int, print_.paper.split("x"))) if is_label else (),
        ),
    )


def refuse_older(assessment: Assessment) -> None:
    """Raise `NotNewest` when the encounter was assessed again after this assessment."""
    newer = assessment.encounter.assessments.filter(number__gt=assessment.number)
    if newest := newer.order_by("number").last():
        raise NotNewest(newest)


def refuse_version(assessment: Assessment) -> None:
    """Raise `CannotOrder` when nothing may be ordered on the version that the assessment was made on."""
    version = assessment.protocol_version
    if version.state not in (State.APPROVED, State.RETIRED):
        raise CannotOrder(f"The protocol version is {version.get_state_display().lower()}.")
    if version.pk != assessment.encounter.protocol_version_id:
        raise CannotOrder(
            f"The encounter has moved on from version {version.number} of the protocol. "
            "Assess the patient again."
        )


def _refuse_unsignable(encounter: Encounter, assessment: Assessment, choices: Choices) -> None:
    if not encounter.is_open:
        raise CannotOrder("The encounter is closed.")
    refuse_older(assessment)
    refuse_version(assessment)
    if assessment.protocol_version.state == State.RETIRED and not choices.replaced_reason:
        raise CannotOrder(
            "This version of the protocol was replaced in the meantime. Say why it is used all the same."
        )


def _unsigned_digest(order_set: OrderSet) -> str:
    """The digest that the check page showed before this order set was signed."""
    return digest(replace(order_set.sheet_content, signature=None))


def _has_no_dose(proposal: Proposal, code: str) -> bool:
    card = proposal.cards_by_code[code]
    template = proposal.orders[code].template
    return template is not None and bool(template.regimen) and not card.dose


def _signature(by: User, at: datetime, key: UUID) -> SheetSignature:
    return SheetSignature(
        name=by.full_name,
        role=by.get_role_display(),
        registration_number=by.registration_number,
        signed_at=at,
        signature_id=str(key),
    )


def _store_lines(order_set: OrderSet, proposal: Proposal, choices: Choices) -> None:
    plain = {order["code"]: order for order in proposal.outcome["orders"]}
    for number, code in enumerate(choices.codes, start=1):
        order = plain[code]
        dose = order["dose"]
        OrderLine.objects.create(
            order_set=order_set,
            number=number,
            code=code,
            kind=order["kind"],
            drug=order["drug"] or "",
            dose_amount=dose["rounded"] if dose else "",
            dose_unit=dose["unit"] if dose else "",
            starts_at=starts_at_of(code, proposal, choices),
            proposal=order,
        )
    for declined in choices.declined:
        DeclinedLine.objects.create(
            order_set=order_set,
            code=declined.code,
            text=proposal.cards_by_code[declined.code].text,
            reason=declined.reason,
            comment=declined.comment,
        )
    for finding in proposal.recommendation.findings:
        _store_answer(order_set, proposal, choices, finding)


def _store_answer(order_set: OrderSet, proposal: Proposal, choices: Choices, finding: Finding) -> None:
    """What was answered to a finding, or that it was read; not again what was so on the same facts before."""
    answers = {override.rule: override for override in choices.overrides}
    override = answers.get(finding.rule)
    is_read = (
        finding.override.kind is OverrideKind.ACKNOWLEDGE
        and finding.rule not in proposal.acknowledged
        and is_about(finding, proposal.names_of(choices.codes))
    )
    if override is None and not is_read:
        return
    effects = [effect.target for effect in finding.effects if effect.kind is EffectKind.ADD_CHECK]
    OverriddenRule.objects.create(
        order_set=order_set,
        rule=finding.rule,
        severity=finding.severity.value,
        policy=finding.override.kind.value,
        text=finding.text,
        reason=override.reason if override else "",
        reason_text=reason_words(override, proposal.protocol) if override else "",
        comment=override.comment if override else "",
        haematologist=override.haematologist if override else "",
        second=override.second if override else "",
        facts_digest=digest_of_facts(finding),
        will_monitor=override is not None and watches(override, proposal.protocol),
        checks=effects,
    )


def _make_checks(
    order_set: OrderSet, proposal: Proposal, choices: Choices, *, by: User, at: datetime
) -> None:
    create_tasks(
        encounter=order_set.encounter,
        assessment=order_set.assessment,
        order_set_id=order_set.pk,
        values=values_of_orders(proposal, choices),
        kinds=ordered_kinds(proposal, choices),
        anchors=planned_anchors(proposal, choices),
        added=added_items(proposal),
        promised=_promised(proposal, choices),
        by=by,
        at=at,
    )


def _promised(proposal: Proposal, choices: Choices) -> list[str]:
    """What was passed because somebody will watch for it: each becomes a check of its own."""
    texts = {finding.rule: finding.text for finding in proposal.recommendation.findings}
    return [texts[override.rule] for override in choices.overrides if watches(override, proposal.protocol)]


def _end(
    order_set: OrderSet, *, kind: str, reason: str, by: User, at: datetime, newer: OrderSet | None
) -> OrderSetEnding:
    if OrderSetEnding.objects.filter(order_set=order_set).exists():
        raise AlreadyEnded
    return OrderSetEnding.objects.create(
        order_set=order_set, kind=kind, reason=reason, by=by, at=at, superseded_by=newer
    )
