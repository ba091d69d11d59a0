"""The version in use, and what there is to say about a version."""

from typing import Final

from django.db.models import QuerySet
from django.utils.formats import date_format
from django.utils.timezone import localtime

from protocols.engine.plain import PlainError, seal
from protocols.engine.protocol import Protocol
from protocols.lifecycle import State
from protocols.mapping import load_protocol_value, read_rows
from protocols.models import ProtocolVersion

DEFAULT_SLUG: Final = "ivig-platelets-itp"


class NoSuchVersion(Exception):
    """There is no version like the one asked for."""


class NoApprovedProtocol(NoSuchVersion):
    """Nothing is approved, so there is nothing to compute a dose from."""


def current_version(slug: str = DEFAULT_SLUG) -> ProtocolVersion | None:
    """Return the one approved version, with its people."""
    # A constraint allows one; `get` asks for no order, which takes longer to write than the query to run.
    try:
        return versions_with_people().get(slug=slug, state=State.APPROVED)
    except ProtocolVersion.DoesNotExist:
        return None


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
            f"by {version.approver.get_full_name()} on {date_format(localtime(version.approved_at))}"
        )
        parts.append(f"review due {date_format(version.review_due_on)}")
    return f"{', '.join(parts)}. {version.source_status}"


def versions_with_people() -> QuerySet[ProtocolVersion]:
    return ProtocolVersion.objects.select_related("author", "reviewer", "approver", "ended_by")


def _seal_of_draft(version: ProtocolVersion) -> str:
    try:
        return seal(read_rows(version))
    except PlainError:
        # A draft half edited says nothing yet, so it cannot say the same.
        return ""
