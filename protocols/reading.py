"""The version in use, and what there is to say about a version."""

from datetime import date, datetime
from functools import cache, lru_cache
from typing import Any, Final

from django.db.models import CharField, DateTimeField, Exists, Q, QuerySet, UUIDField
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.timezone import localtime

from protocols.actions import take_effect
from protocols.engine.plain import PlainError, seal
from protocols.engine.protocol import Protocol
from protocols.lifecycle import AUTHORING, EventKind, State
from protocols.mapping import load_protocol_value, read_rows
from protocols.models import NoteRead, ProtocolVersion
from protocols.prepared import Prepared, Told

DEFAULT_SLUG: Final = "ivig-platelets-itp"


class NoSuchVersion(Exception):
    """There is no version like the one asked for."""


class NoApprovedProtocol(NoSuchVersion):
    """Nothing is approved, so there is nothing to compute a dose from."""


def current_version(slug: str = DEFAULT_SLUG) -> ProtocolVersion | None:
    """Return the version in force now, with its approver; one whose time has come takes effect first."""
    now = timezone.now()
    found = _in_force_or_due(slug, now)
    if any(version.state == State.UNDER_REVIEW for version in found):
        take_effect(at=now)
        found = _in_force_or_due(slug, now)
    # A constraint allows one.
    return next((version for version in found if version.state == State.APPROVED), None)


def current_protocol(slug: str = DEFAULT_SLUG) -> tuple[ProtocolVersion, Protocol]:
    """Return the one approved version and what it says."""
    version = current_version(slug)
    if version is None:
        raise NoApprovedProtocol(f"No version of {slug} is approved.")
    return version, load_protocol_value(version)


def protocol_of(*, slug: str, number: int | None) -> Protocol:
    """Return what a version says: the one of this number, or the approved one."""
    if number is None:
        return current_protocol(slug)[1]
    version = ProtocolVersion.objects.filter(slug=slug, number=number).first()
    if version is None:
        raise NoSuchVersion(f"There is no version {number} of {slug}.")
    return load_protocol_value(version)


def protocol_by_seal(seal: str) -> Protocol:
    """Return what was pinned by its seal; every version with this seal says the same."""
    version = ProtocolVersion.objects.filter(seal=seal).exclude(state=State.DRAFT).first()
    if version is None:
        raise NoSuchVersion("No version has this seal.")
    return load_protocol_value(version)


def version_with_content(protocol: Protocol) -> ProtocolVersion | None:
    """Return a version that says exactly this, whatever its state."""
    wanted = seal(protocol)
    for version in ProtocolVersion.objects.filter(slug=protocol.slug):
        if (version.seal or _seal_of_draft(version)) == wanted:
            return version
    return None


def all_versions() -> list[ProtocolVersion]:
    return list(versions_with_people())


def status_line(version: ProtocolVersion) -> str:
    """Say in one line what stands behind a version, for the foot of every page and sheet."""
    parts = [f"{version.title}, version {version.number}: {version.get_state_display().lower()}"]
    if version.approved_at and version.review_due_on:
        parts.append(
            f"by {version.approver.get_full_name()} on {_day(localtime(version.approved_at).date())}"
        )
        is_overdue = review_overdue_since(version, on=timezone.localdate()) is not None
        due = "REVIEW OVERDUE since" if is_overdue else "review due"
        parts.append(f"{due} {_day(version.review_due_on)}")
    return f"{', '.join(parts)}. {version.source_status}"


@lru_cache(maxsize=64)
def _day(on: date) -> str:
    return date_format(on)


def review_overdue_since(version: ProtocolVersion, *, on: date) -> date | None:
    """The day on which the review of an approved version was due, where that has passed."""
    due: date | None = version.review_due_on
    return due if due is not None and due < on else None


def has_unread_note(user: Any, in_force: ProtocolVersion) -> bool:
    """Whether the version in force has a change note that this person has not read.

    A first version changes nothing for anybody, so that its note is shown to nobody.
    """
    if not in_force.change_note:
        return False
    return bool(_ended_and_unread().rows(slug=in_force.slug, version=in_force.pk, by=user.pk))


def versions_with_people() -> QuerySet[ProtocolVersion]:
    return ProtocolVersion.objects.select_related(
        "author", "reviewer", "approver", "ended_by", "planned__approver"
    )


def authors_of(version: ProtocolVersion) -> list[Any]:
    """Everybody who began, edited or submitted a version, in the order of their first act."""
    acts = version.events.filter(kind__in=AUTHORING, by__isnull=False).select_related("by")
    return list(dict.fromkeys(act.by for act in acts))


def withdrawn_since(version: ProtocolVersion, *, at: datetime) -> datetime | None:
    """Since when a version had been withdrawn by a moment; None where it stood, or had been restored."""
    kinds = (EventKind.WITHDRAWN, EventKind.RESTORED)
    last = version.events.filter(kind__in=kinds, at__lte=at).order_by("at", "pk").last()
    return last.at if last is not None and last.kind == EventKind.WITHDRAWN else None


def _in_force_or_due(slug: str, now: datetime) -> list[ProtocolVersion]:
    return _version_in_force_or_due().rows(slug=slug, now=now)


@cache
def _version_in_force_or_due() -> Prepared:
    due = Q(state=State.UNDER_REVIEW, planned__in_force_from__lte=Told("now", DateTimeField()))
    # With the only person whom the foot of every page names.
    found = ProtocolVersion.objects.select_related("approver", "planned").order_by()
    return Prepared(found.filter(Q(state=State.APPROVED) | due, slug=Told("slug", CharField())))


@cache
def _ended_and_unread() -> Prepared:
    """A version that another one followed, unless this person has read what that one changes."""
    by, version = Told("by", UUIDField()), Told("version", UUIDField())
    ended = ProtocolVersion.objects.filter(
        slug=Told("slug", CharField()), state__in=(State.RETIRED, State.WITHDRAWN)
    )
    is_read = Exists(NoteRead.objects.filter(protocol_version=version, by=by))
    return Prepared(ended.filter(~is_read).order_by().values_list("pk")[:1])


def _seal_of_draft(version: ProtocolVersion) -> str:
    try:
        return seal(read_rows(version))
    except PlainError:
        # A draft half edited says nothing yet, so it cannot say the same.
        return ""
