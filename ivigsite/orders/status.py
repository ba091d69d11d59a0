"""What has become of a printed sheet, for whoever holds it: no word of patient, drugs or people."""

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from django.utils import timezone

from ivigsite.orders.actions import IN_FORCE, state_name
from ivigsite.orders.models import OrderSet
from protocols.actions import take_effect
from protocols.lifecycle import State
from protocols.reading import review_overdue_since

CODE: Final = re.compile(r"([A-Z2-7]{4})-?([A-Z2-7]{4})-?([A-Z2-7]{4})(?:\.([0-9]{1,4})\.([0-9A-F]{16}))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetStatus:
    """Whether paper with this code may be followed, as of a moment."""

    order_set: OrderSet
    state: str
    """In the words of the sheet: signed, superseded, void or expired."""
    newer_code: str
    is_dose_changed: bool
    is_protocol_withdrawn: bool
    is_protocol_replaced: bool
    review_overdue_since: date | None
    replaced_reason: str
    """Why it was signed on a version that was not in force any more, by its code; empty where it was."""

    @property
    def may_be_followed(self) -> bool:
        return self.state == "signed" and not self.is_protocol_withdrawn


def find_status_of(text: str, *, at: datetime) -> SheetStatus | None:
    """The status of a scanned or typed code; None for one that no sheet of this site carries.

    A code typed from the foot of a page is the order's; a scanned one has version and digest behind it, and
    both must be those of the stored order set.
    """
    match = CODE.fullmatch(re.sub(r"\s", "", text).upper())
    if match is None:
        return None
    # Nobody else may have asked what is in force since a version was to replace another.
    take_effect(at=at)
    found = (
        OrderSet.objects.filter(code="-".join(match.group(1, 2, 3)))
        .select_related("protocol_version", "on_replaced", "ending__by", "ending__superseded_by")
        .first()
    )
    if found is None or (match[4] and (int(match[4]), match[5]) != _marks_of(found)):
        return None
    state = state_name(found, at=at)
    newer = found.ended.superseded_by if found.ended else None
    return SheetStatus(
        order_set=found,
        state="signed" if state in IN_FORCE else state,
        newer_code=newer.code if newer else "",
        is_dose_changed=newer is not None and _doses_of(newer) != _doses_of(found),
        is_protocol_withdrawn=found.protocol_version.state == State.WITHDRAWN,
        is_protocol_replaced=found.protocol_version.state == State.RETIRED,
        review_overdue_since=review_overdue_since(found.protocol_version, on=timezone.localdate(at)),
        replaced_reason=found.on_replaced.get_reason_display() if hasattr(found, "on_replaced") else "",
    )


def _marks_of(order_set: OrderSet) -> tuple[int, str]:
    return order_set.number, order_set.content_digest[:16].upper()


def _doses_of(order_set: OrderSet) -> set[tuple[str, str, str]]:
    return set(order_set.lines.values_list("code", "dose_amount", "dose_unit"))
