"""What was given although it should not have been: another product than the ordered one, or an expired one.

It is refused until somebody says that it is in the patient all the same, and how it came about: a recall has
to find it. Nothing here makes it right; every page says loudly that it is not.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from django.utils import timezone

from ivigsite.monitoring.signals import handover_noted
from ivigsite.orders.models import Discrepancy, DiscrepancyKind, GivenProduct
from ivigsite.parsing.dates import format_date

# The key of a product that the protocol does not know; its name is typed.
UNLISTED: Final = "unlisted"


@dataclass(frozen=True, slots=True, kw_only=True)
class AllTheSame:
    """What somebody has confirmed as given all the same, by token, and how it came about."""

    tokens: frozenset[str] = frozenset()
    reason: str = ""


NOTHING_SAID: Final = AllTheSame()


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One discrepancy of what is about to be entered.

    The token names what was read, so that a yes to one label is never taken for another.
    """

    kind: DiscrepancyKind
    token: str
    field: str
    words: str
    ordered: str = ""


def of_product(*, key: str, name: str, ordered_key: str, ordered_name: str) -> Iterator[Found]:
    """Whether immunoglobulin is another than the ordered one."""
    if key == ordered_key:
        return
    yield Found(
        kind=DiscrepancyKind.OTHER_PRODUCT,
        token=f"{DiscrepancyKind.OTHER_PRODUCT}:{name[:80]}",
        field="product",
        words=f"{ordered_name} is ordered, not {name}. Do not give it; it needs a new order set. If it is in "
        f"the patient: stop, call the physician. The rates of this plan are those of {ordered_name}.",
        ordered=ordered_name,
    )


def of_expiry(expires_on: date, given_at: datetime) -> Iterator[Found]:
    """Whether it had expired when it was given; a day on a label holds to its end on the ward."""
    if expires_on >= timezone.localdate(given_at):
        return
    yield Found(
        kind=DiscrepancyKind.EXPIRED,
        token=f"{DiscrepancyKind.EXPIRED}:{expires_on.isoformat()}",
        field="expires_on",
        words=f"It has expired: {format_date(expires_on)}. Do not give it; send it back. If it is in the "
        "patient: stop, call the physician, and tell whoever issued it.",
    )


def unconfirmed(found: Iterable[Found], said: AllTheSame) -> list[Found]:
    """Those that nobody has confirmed with a reason."""
    return [each for each in found if each.token not in said.tokens or not said.reason]


def keep(given: GivenProduct, found: Iterable[Found], said: AllTheSame) -> None:
    """Write the confirmed discrepancies of a new row down."""
    Discrepancy.objects.bulk_create(
        Discrepancy(given=given, kind=each.kind, ordered=each.ordered, reason=said.reason) for each in found
    )


def discrepancies_in(encounters: Iterable[UUID]) -> list[Discrepancy]:
    """What stands in these encounters, the newest first, in one query."""
    rows = Discrepancy.objects.filter(given__line__order_set__encounter__in=encounters)
    return list(rows.select_related("given__line__order_set").order_by("-given__given_at", "kind"))


def listen() -> None:
    handover_noted.connect(_tell, dispatch_uid="orders.handover_noted")


def _tell(sender: object, *, encounters: Iterable[UUID], **_: Any) -> dict[UUID, list[str]]:
    told: dict[UUID, list[str]] = {}
    for each in discrepancies_in(encounters):
        told.setdefault(each.given.line.order_set.encounter_id, []).append(each.sentence)
    return told
