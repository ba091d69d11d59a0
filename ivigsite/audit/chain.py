"""The arithmetic of the audit chain: each entry signs itself and the entry before it."""

import hmac
import json
from collections.abc import Iterable, Iterator
from datetime import UTC
from hashlib import sha256

from ivigsite.audit.models import AuditEntry

GENESIS = "0" * 64


def digest_of(entry: AuditEntry, *, key: bytes) -> str:
    """Return the HMAC of an entry and of its predecessor's digest."""
    return hmac.new(key, f"{entry.previous_digest}\n{canonical(entry)}".encode(), sha256).hexdigest()


def canonical(entry: AuditEntry) -> str:
    """Return an entry as the one text that both databases give back unchanged."""
    return json.dumps(
        {
            "action": entry.action,
            "actor": _text(entry.actor_id),
            "actor_role": entry.actor_role,
            "address": entry.address,
            "at": entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
            "details": entry.details,
            "id": str(entry.id),
            "object_id": _text(entry.object_id),
            "request_id": _text(entry.request_id),
            "sequence": entry.sequence,
        },
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
        allow_nan=False,
    )


def find_breaks(entries: Iterable[AuditEntry], *, key: bytes) -> Iterator[str]:
    """Yield one sentence for each place where the chain, read from its start, does not hold."""
    sequence, digest = 0, GENESIS
    for entry in entries:
        if entry.sequence != sequence + 1:
            yield f"entry {entry.sequence} follows entry {sequence}"
        if entry.previous_digest != digest:
            yield f"entry {entry.sequence} does not continue entry {sequence}"
        if not hmac.compare_digest(entry.digest, digest_of(entry, key=key)):
            yield f"entry {entry.sequence} was changed after it was written"
        sequence, digest = entry.sequence, entry.digest


def _text(value: object) -> str | None:
    return None if value is None else str(value)
