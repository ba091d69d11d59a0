"""Every step in the life of a protocol version: one transaction each, with its event."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import DataError, IntegrityError, transaction
from django.db.models import Max
from django.utils.formats import date_format
from django.utils.timezone import localtime

from protocols.engine.plain import PlainError, seal
from protocols.engine.protocol import Protocol
from protocols.engine.review import Problem, rows_of, stops_of
from protocols.lifecycle import AUTHORING, BEFORE_APPROVAL, EventKind, Refused, State
from protocols.mapping import (
    SCALARS,
    SealBroken,
    check_seal,
    load_protocol_value,
    read_rows,
    write_rows,
)
from protocols.models import (
    ContentRow,
    NoteRead,
    PlannedApproval,
    ProtocolEvent,
    ProtocolVersion,
    RowComment,
)
from protocols.proving import require_proofs

# Whoever AUTH_USER_MODEL names; this app does not know the people of a site.
User = Any


class WrongState(Refused):
    pass


class WrongPerson(Refused):
    pass


class VersionChanged(Refused):
    """Somebody else changed the version since it was read."""


class ReasonMissing(Refused):
    pass


class SealDiffers(Refused):
    """The version is not the one the approver has seen."""


class ContentRefused(Refused):
    """The rows of a draft are no protocol, or cannot be stored exactly as they are."""


class ProblemsFound(Refused):
    """What the review of the content found; a version with problems goes nowhere."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(f"The content has {len(problems)} problem(s); the first: {problems[0].message}")
        self.problems = tuple(problems)


@transaction.atomic
def import_draft(
    *,
    protocol: Protocol,
    change_note: str,
    by: User | None,
    at: datetime,
    kind: EventKind = EventKind.IMPORTED,
) -> ProtocolVersion:
    """Store a protocol as the next draft of its slug."""
    last = ProtocolVersion.objects.filter(slug=protocol.slug).aggregate(last=Max("number"))["last"]
    try:
        version = ProtocolVersion.objects.create(
            number=(last or 0) + 1,
            author=by,
            created_at=at,
            change_note=change_note,
            **{name: getattr(protocol, name) for name in SCALARS},
        )
        write_rows(version, protocol)
    except IntegrityError as error:
        raise ContentRefused(f"Two rows of one kind share their key: {error}") from error
    except (DataError, ArithmeticError) as error:
        # A text longer than its column, a number that no column holds.
        raise ContentRefused(f"A value is too long or too large to be stored: {error}") from error
    # A column may hold less than the value, a decimal place for example: then nothing is stored.
    if read_rows(version) != protocol:
        raise ContentRefused("The content cannot be stored exactly.")
    _record(version, kind=kind, by=by, at=at, before="", comment=change_note)
    return version


def start_draft(*, version: ProtocolVersion, change_note: str, by: User, at: datetime) -> ProtocolVersion:
    """Start the next draft as a copy of any version; raises `SealBroken`, whatever was kept of it before."""
    return import_draft(
        protocol=read_rows(version) if version.is_draft else check_seal(version),
        change_note=change_note,
        by=by,
        at=at,
        kind=EventKind.COPIED,
    )


@transaction.atomic
def save_draft(*, version: ProtocolVersion, by: User, at: datetime) -> ProtocolVersion:
    """Store what a draft says of itself, as edited on the version given."""
    stored = _locked(version, State.DRAFT)
    _take_up(stored, by)
    for name in ("change_note", *SCALARS):
        if name != "slug":
            setattr(stored, name, getattr(version, name))
    return _move(
        stored,
        to=State.DRAFT,
        kind=EventKind.EDITED,
        by=by,
        at=at,
        comment="title and texts",
    )


@transaction.atomic
def save_row(*, row: ContentRow, seen: int, by: User, at: datetime) -> None:
    """Add or change one content row of a draft that is still as it was when its editor read it."""
    _edit(row, seen=seen, by=by, at=at, verb="saved")
    row.save()


@transaction.atomic
def remove_row(*, row: ContentRow, seen: int, by: User, at: datetime) -> None:
    """Remove one content row of a draft that is still as it was when its editor read it."""
    _edit(row, seen=seen, by=by, at=at, verb="removed")
    row.delete()


@transaction.atomic
def exchange_rows(*, row: ContentRow, other: ContentRow, seen: int, by: User, at: datetime) -> None:
    """Let two content rows of a draft change places, if it is still as it was when its editor read it."""
    _edit(row, seen=seen, by=by, at=at, verb="moved")
    row.position, other.position = other.position, row.position
    row.save()
    other.save()


@transaction.atomic
def submit(*, version: ProtocolVersion, by: User, at: datetime) -> ProtocolVersion:
    """Seal a draft without problems and hand it over for review."""
    version = _locked(version, State.DRAFT)
    _take_up(version, by)
    try:
        protocol = read_rows(version)
    except PlainError as error:
        raise ContentRefused(str(error)) from error
    _require_no_problems(protocol)
    version.seal = seal(protocol)
    version.submitted_at = at
    # Nothing is sealed that could not be loaded again.
    check_seal(version)
    return _move(version, to=State.SUBMITTED, kind=EventKind.SUBMITTED, by=by, at=at)


@transaction.atomic
def start_review(*, version: ProtocolVersion, by: User, at: datetime) -> ProtocolVersion:
    version = _locked(version, State.SUBMITTED)
    _require_no_author(version, by, "Whoever has written or edited a version cannot review it.")
    version.reviewer = by
    version.review_started_at = at
    return _move(version, to=State.UNDER_REVIEW, kind=EventKind.REVIEW_STARTED, by=by, at=at)


@transaction.atomic
def record_review(*, version: ProtocolVersion, comment: str, by: User, at: datetime) -> ProtocolVersion:
    """Write down that the reviewer has read the version and recommends it."""
    version = _locked(version, State.UNDER_REVIEW)
    if version.reviewer != by:
        raise WrongPerson("Only the person who started the review can record it.")
    if version.reviewed_at is not None:
        raise WrongState("The review of this version is recorded already.")
    version.reviewed_at = at
    version.review_comment = _reason(comment, "Say what was checked.")
    return _move(
        version,
        to=State.UNDER_REVIEW,
        kind=EventKind.REVIEW_RECORDED,
        by=by,
        at=at,
        comment=version.review_comment,
    )


@transaction.atomic
def approve(
    *,
    version: ProtocolVersion,
    seal: str,
    review_due_on: date,
    in_force_from: datetime | None = None,
    by: User,
    at: datetime,
) -> ProtocolVersion:
    """Put a reviewed version into use and retire the one before it; `seal` is what the approver has seen.

    With a later moment the approval waits: `take_effect` puts the version into force then. While one waits,
    no other version of the protocol is approved.
    """
    version = _locked(version, State.UNDER_REVIEW)
    if waiting := waiting_for_its_date(version.slug):
        raise WrongState(
            f"Version {waiting.number} is approved and waits for its date. "
            "Nothing else is approved until then."
        )
    if version.reviewed_at is None:
        raise WrongState("The review of this version is not recorded yet.")
    _require_no_author(version, by, "Whoever has written or edited a version cannot approve it.")
    if by == version.reviewer:
        raise WrongPerson("The reviewer cannot approve the version they reviewed.")
    if seal != version.seal:
        raise SealDiffers("This is not the content you were shown. Read it again before you approve it.")
    starts_at = in_force_from or at
    if starts_at < at:
        raise ReasonMissing("A version cannot come into force in the past.")
    if review_due_on <= starts_at.date():
        raise ReasonMissing("The next review must be due after the version has come into force.")
    _require_no_problems(check_seal(version))
    require_proofs(version=version, by=by, at=at)
    if starts_at > at:
        return _plan(version, starts_at, review_due_on, by=by, at=at)
    _retire_current(version, by=by, at=at)
    version.approver = by
    version.approved_at = at
    version.review_due_on = review_due_on
    return _move(version, to=State.APPROVED, kind=EventKind.APPROVED, by=by, at=at)


@transaction.atomic
def take_effect(*, at: datetime) -> list[ProtocolVersion]:
    """Put what was approved for a moment that has come into force, and retire what it replaces.

    Called by whoever needs to know what is in force, and by the worker, so that no clock has to run for it.
    One whose seal is broken stays out of force.
    """
    due = PlannedApproval.objects.filter(
        protocol_version__state=State.UNDER_REVIEW, in_force_from__lte=at
    ).values_list("protocol_version_id", flat=True)
    return [moved for pk in list(due) if (moved := _put_in_force(pk, at=at)) is not None]


@transaction.atomic
def reject(*, version: ProtocolVersion, reason: str, by: User, at: datetime) -> ProtocolVersion:
    version = _locked(version, State.SUBMITTED, State.UNDER_REVIEW)
    _require_no_author(version, by, "Whoever has written or edited a version cannot reject it.")
    return _end(version, to=State.REJECTED, kind=EventKind.REJECTED, reason=reason, by=by, at=at)


@transaction.atomic
def retire(*, version: ProtocolVersion, reason: str, by: User, at: datetime) -> ProtocolVersion:
    """End the use of an approved version in good order; what was begun on it may be finished."""
    version = _locked(version, State.APPROVED)
    return _end(version, to=State.RETIRED, kind=EventKind.RETIRED, reason=reason, by=by, at=at)


@transaction.atomic
def withdraw(*, version: ProtocolVersion, reason: str, by: User, at: datetime) -> ProtocolVersion:
    """Take a version that is in force, or was, out of use at once, because it is wrong."""
    version = _locked(version, State.APPROVED, State.RETIRED)
    return _end(
        version,
        to=State.WITHDRAWN,
        kind=EventKind.WITHDRAWN,
        reason=reason,
        by=by,
        at=at,
    )


@transaction.atomic
def ask_to_restore(*, version: ProtocolVersion, reason: str, by: User, at: datetime) -> ProtocolVersion:
    """Say that a withdrawn version is right after all; somebody else has to agree to it."""
    version = _locked(version, State.WITHDRAWN)
    comment = _reason(reason, "Say why it may be used again.")
    _record(version, kind=EventKind.RESTORE_ASKED, by=by, at=at, before=version.state, comment=comment)
    return version


@transaction.atomic
def restore(*, version: ProtocolVersion, by: User, at: datetime) -> ProtocolVersion:
    """Put a withdrawn version into use again: the second of two people."""
    version = _locked(version, State.WITHDRAWN)
    asked = version.events.filter(kind=EventKind.RESTORE_ASKED, at__gte=version.ended_at)
    if not asked.exists():
        raise WrongState("Nobody has asked to restore this version.")
    by_another = asked.exclude(by=by).last()
    if by_another is None:
        raise WrongPerson("Restoring takes two people: somebody else has to agree.")
    if ProtocolVersion.objects.filter(slug=version.slug, state=State.APPROVED).exists():
        raise WrongState("Another version is in force. Start a copy of this one instead.")
    check_seal(version)
    version.end_reason, version.ended_by, version.ended_at = "", None, None
    return _move(
        version, to=State.APPROVED, kind=EventKind.RESTORED, by=by, at=at, comment=by_another.comment
    )


@transaction.atomic
def comment_row(
    *,
    version: ProtocolVersion,
    section: str,
    key: str,
    text: str,
    answers: UUID | None = None,
    idempotency_key: UUID,
    by: User,
    at: datetime,
) -> RowComment:
    """Say something of one row before the version is approved, or answer what was said of it.

    The same key says it once. Raises `WrongState`, `ContentRefused` and `ReasonMissing`.
    """
    stored = ProtocolVersion.objects.select_for_update().get(pk=version.pk)
    there = RowComment.objects.filter(idempotency_key=idempotency_key, by=by).first()
    if there is not None:
        return there
    if stored.state not in BEFORE_APPROVAL:
        raise WrongState("A version is commented on before it is approved.")
    rows = {(place, name) for place, name, _ in rows_of(load_protocol_value(stored))}
    if (section, key) not in rows:
        raise ContentRefused(f"There is no row {key} among the {section}.")
    answered = None
    if answers is not None:
        # An answer to an answer belongs to the same comment.
        said = stored.comments.filter(pk=answers, section=section, key=key).first()
        if said is None:
            raise ContentRefused("There is no such comment on this row.")
        answered = said.answers or said
    return RowComment.objects.create(
        protocol_version=stored,
        section=section,
        key=key,
        text=_reason(text, "Say something."),
        answers=answered,
        idempotency_key=idempotency_key,
        by=by,
        at=at,
    )


@transaction.atomic
def read_change_note(*, version: ProtocolVersion, by: User, at: datetime) -> NoteRead:
    """Keep that this person has read what the version changes; once is enough."""
    read, _ = NoteRead.objects.get_or_create(protocol_version=version, by=by, defaults={"at": at})
    return read


def waiting_for_its_date(slug: str) -> ProtocolVersion | None:
    """The version of a protocol that is approved and not yet in force."""
    return ProtocolVersion.objects.filter(slug=slug, state=State.UNDER_REVIEW, planned__isnull=False).first()


def _plan(
    version: ProtocolVersion, in_force_from: datetime, review_due_on: date, *, by: User, at: datetime
) -> ProtocolVersion:
    version.planned = PlannedApproval.objects.create(
        protocol_version=version,
        seal=version.seal,
        approver=by,
        approved_at=at,
        in_force_from=in_force_from,
        review_due_on=review_due_on,
    )
    comment = f"In force from {date_format(localtime(in_force_from), 'j M Y, H:i')}."
    return _move(version, to=State.UNDER_REVIEW, kind=EventKind.PLANNED, by=by, at=at, comment=comment)


def _put_in_force(pk: Any, *, at: datetime) -> ProtocolVersion | None:
    version = ProtocolVersion.objects.select_for_update().get(pk=pk)
    if version.state != State.UNDER_REVIEW:
        # Somebody else has noticed first.
        return None
    try:
        check_seal(version)
    except SealBroken:
        return None
    plan = version.planned
    _retire_current(version, by=plan.approver, at=at)
    version.approver = plan.approver
    version.approved_at = plan.approved_at
    version.review_due_on = plan.review_due_on
    return _move(version, to=State.APPROVED, kind=EventKind.IN_FORCE, by=plan.approver, at=at)


def _locked(version: ProtocolVersion, *states: State) -> ProtocolVersion:
    """Read the version again, locked; refuse unless it is as it was seen, in a state that allows the step."""
    stored = ProtocolVersion.objects.select_for_update().get(pk=version.pk)
    if stored.state not in states:
        allowed = " or ".join(state.label.lower() for state in states)
        raise WrongState(
            f"The version is {stored.get_state_display().lower()}; it must be {allowed} for this step."
        )
    if stored.version != version.version:
        raise VersionChanged("Somebody else has changed this version since you opened it.")
    return stored


def _move(
    version: ProtocolVersion,
    *,
    to: State,
    kind: EventKind,
    by: User,
    at: datetime,
    comment: str = "",
) -> ProtocolVersion:
    before = version.state
    version.state = to
    version.version += 1
    version.save()
    _record(version, kind=kind, by=by, at=at, before=before, comment=comment)
    return version


def _end(
    version: ProtocolVersion,
    *,
    to: State,
    kind: EventKind,
    reason: str,
    by: User,
    at: datetime,
) -> ProtocolVersion:
    version.end_reason = _reason(reason, "Give the reason.")
    version.ended_by = by
    version.ended_at = at
    return _move(version, to=to, kind=kind, by=by, at=at, comment=version.end_reason)


def _retire_current(successor: ProtocolVersion, *, by: User, at: datetime) -> None:
    current = (
        ProtocolVersion.objects.select_for_update().filter(slug=successor.slug, state=State.APPROVED).first()
    )
    if current is None:
        return
    reason = f"Replaced by version {successor.number}."
    _end(current, to=State.RETIRED, kind=EventKind.RETIRED, reason=reason, by=by, at=at)


def _edit(row: ContentRow, *, seen: int, by: User, at: datetime, verb: str) -> None:
    stored = _locked(ProtocolVersion(pk=row.protocol_version_id, version=seen), State.DRAFT)
    _take_up(stored, by)
    comment = f"{row._meta.verbose_name} {row}: {verb}"
    _move(stored, to=State.DRAFT, kind=EventKind.EDITED, by=by, at=at, comment=comment)


def _record(
    version: ProtocolVersion,
    *,
    kind: EventKind,
    by: User | None,
    at: datetime,
    before: str,
    comment: str,
) -> None:
    ProtocolEvent.objects.create(
        protocol_version=version,
        kind=kind,
        by=by,
        at=at,
        from_state=before,
        to_state=version.state,
        seal=version.seal,
        comment=comment,
    )


def _take_up(version: ProtocolVersion, by: User) -> None:
    """Name one author, for the database to hold apart; whoever else edits is told by the events."""
    if version.author is None:
        version.author = by


def _require_no_author(version: ProtocolVersion, by: User, message: str) -> None:
    if by == version.author or version.events.filter(kind__in=AUTHORING, by=by).exists():
        raise WrongPerson(message)


def _require_no_problems(protocol: Protocol) -> None:
    if problems := stops_of(protocol):
        raise ProblemsFound(problems)


def _reason(text: str, message: str) -> str:
    if not text.strip():
        raise ReasonMissing(message)
    return text.strip()
