"""Writing to the audit trail, and proving that nobody else did."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings
from django.db import transaction

from ivigsite.audit.chain import GENESIS, digest_of, find_breaks
from ivigsite.audit.context import request_origin
from ivigsite.audit.models import AuditEntry, AuditHead

if TYPE_CHECKING:
    from ivigsite.accounts.models import User


@transaction.atomic
def record(
    *,
    action: str,
    by: "User | None",
    at: datetime,
    object_id: UUID | None = None,
    details: Mapping[str, object] | None = None,
) -> AuditEntry:
    """Append one entry; call it last in the writer's transaction, for it holds the chain until the end."""
    head, _ = AuditHead.objects.select_for_update().get_or_create(
        id=AuditHead.THE_ONE, defaults={"digest": GENESIS}
    )
    origin = request_origin.get()
    entry = AuditEntry(
        sequence=head.sequence + 1,
        at=at,
        action=action,
        actor=by,
        actor_role=by.role if by else "",
        object_id=object_id,
        details=_plain(details or {}),
        request_id=origin.request_id if origin else None,
        address=origin.address if origin else None,
        previous_digest=head.digest,
    )
    entry.digest = digest_of(entry, key=audit_key())
    entry.save(force_insert=True)

    head.sequence, head.digest = entry.sequence, entry.digest
    head.save(update_fields=["sequence", "digest"])
    return entry


def find_problems(exported_heads: Iterable[tuple[int, str]] = ()) -> list[str]:
    """Return what is wrong with the trail; heads kept elsewhere betray a cut tail."""
    problems = list(find_breaks(AuditEntry.objects.iterator(), key=audit_key()))
    head = AuditHead.objects.first() or AuditHead(digest=GENESIS)
    for sequence, digest in [*exported_heads, (head.sequence, head.digest)]:
        if sequence and not AuditEntry.objects.filter(sequence=sequence, digest=digest).exists():
            problems.append(f"entry {sequence} is missing or is not the one that was written")
    if AuditEntry.objects.filter(sequence__gt=head.sequence).exists():
        problems.append(f"there are entries after the head, {head.sequence}")
    return problems


def audit_key() -> bytes:
    return str(settings.AUDIT_KEY).encode()


def _plain(value: object) -> object:
    """Refuse what the two databases would give back differently from how it was signed, floats above all."""
    if isinstance(value, Mapping):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        raise TypeError("audit details take exact values: give a Decimal or text instead of a float")
    return str(value)
