"""What entries from paper add to the count of what a patient was given."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from django.utils import timezone

from ivigsite.downtime.models import PaperOrder
from ivigsite.encounters.models import Encounter
from ivigsite.orders.given import FromPaper, PaperDose
from ivigsite.orders.signals import given_on_paper
from ivigsite.parsing.dates import format_datetime
from protocols.engine.facts import UNKNOWN, Unknown
from protocols.engine.protocol import OrderKind, Protocol
from protocols.mapping import load_protocol_value

GRAMS: Final = "g"


def listen() -> None:
    given_on_paper.connect(_tell, dispatch_uid="downtime.given_on_paper")


def given_by_paper(encounter: Encounter) -> FromPaper:
    """The immunoglobulin of current entries that has a time of giving, and what is in no sum for lack of it.

    Immunoglobulin in another unit than grams is a dose of unknown amount. A drug is known by the version the
    entry was made with; corticosteroids are in no sum, on paper or not.
    """
    doses: list[PaperDose] = []
    not_counted: list[str] = []
    entries = PaperOrder.objects.filter(encounter=encounter, correction=None)
    for entry in entries.select_related("protocol_version").order_by("ordered_at", "entered_at"):
        protocol = load_protocol_value(entry.protocol_version)
        kinds = _kinds_of(protocol, entry.drug)
        if OrderKind.IVIG in kinds and entry.given_at is not None:
            doses.append(
                PaperDose(
                    product=entry.drug,
                    grams=_grams(entry),
                    given_at=entry.given_at,
                    form_number=entry.form_number,
                )
            )
        else:
            not_counted += _why_not(entry, kinds)
    return FromPaper(doses=tuple(doses), not_counted=tuple(not_counted))


def _tell(sender: object, *, encounter: Encounter, **_: Any) -> FromPaper:
    return given_by_paper(encounter)


def _kinds_of(protocol: Protocol, drug: str) -> frozenset[OrderKind]:
    """As what the version orders a drug; nothing for one that it does not know."""
    families = {row.family for row in protocol.regimens if row.drug == drug}
    orders = (order for branch in protocol.branches for order in branch.orders)
    kinds = {order.kind for order in orders if order.regimen in families}
    if any(row.uses_product for row in protocol.regimens if row.drug == drug):
        kinds.add(OrderKind.IVIG)
    return frozenset(kinds)


def _grams(entry: PaperOrder) -> Decimal | Unknown:
    return Decimal(entry.dose_amount) if entry.dose_unit == GRAMS else UNKNOWN


def _why_not(entry: PaperOrder, kinds: frozenset[OrderKind]) -> Iterator[str]:
    if kinds == {OrderKind.CORTICOSTEROID}:
        return
    words = f"{entry.drug} {entry.dose_amount} {entry.dose_unit}, from paper, form {entry.form_number}"
    if OrderKind.IVIG in kinds:
        yield f"Not counted: {words}. It is not noted whether it was given."
    elif kinds:
        yield f"Not counted: {words}. {_given(entry)} Only immunoglobulin is counted from paper."
    else:
        yield f"Not counted: {words}. {_given(entry)} The protocol does not know this drug."


def _given(entry: PaperOrder) -> str:
    if entry.given_at is None:
        return "It is not noted whether it was given."
    return f"Given {format_datetime(entry.given_at, timezone.get_default_timezone())}."
