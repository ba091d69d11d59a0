"""What entries from paper add to the count of what a patient was given."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from django.utils import timezone

from ivigsite.downtime.models import PaperOrder
from ivigsite.encounters.models import Encounter
from ivigsite.monitoring.signals import platelets_noted
from ivigsite.monitoring.times import minute_of
from ivigsite.orders.given import FromPaper, PaperDose
from ivigsite.orders.signals import given_on_paper
from ivigsite.parsing.dates import format_datetime
from protocols.engine.facts import UNKNOWN, Unknown
from protocols.engine.monitoring import Run
from protocols.engine.protocol import OrderKind, Protocol
from protocols.mapping import load_protocol_value

GRAMS: Final = "g"
COUNTED: Final = (OrderKind.IVIG, OrderKind.PLATELETS)


def listen() -> None:
    given_on_paper.connect(_tell, dispatch_uid="downtime.given_on_paper")
    platelets_noted.connect(_tell_platelets, dispatch_uid="downtime.platelets_noted")


def given_by_paper(encounter: Encounter) -> FromPaper:
    """What current entries say was given at a time, and what is in no sum for lack of one.

    Immunoglobulin in another unit than grams is a dose of unknown amount. Platelets are in no sum, but lift
    the counts after them. A drug is known by the version the
    entry was made with; corticosteroids are in no sum, on paper or not.
    """
    doses: list[PaperDose] = []
    not_counted: list[str] = []
    entries = PaperOrder.objects.filter(encounter=encounter, correction=None)
    for entry in entries.select_related("protocol_version").order_by("ordered_at", "entered_at"):
        protocol = load_protocol_value(entry.protocol_version)
        kinds = kinds_of(protocol, entry.drug)
        kind = next((each for each in COUNTED if each in kinds), None)
        if kind is not None and entry.given_at is not None:
            doses.append(
                PaperDose(
                    kind=kind.value,
                    product=entry.drug,
                    grams=_grams(entry),
                    given_at=entry.given_at,
                    entered_at=entry.entered_at,
                    form_number=entry.form_number,
                    label=entry.label_words,
                    over_by=_over_by(protocol, entry.drug, entry.given_at),
                )
            )
        else:
            not_counted += _why_not(entry, kinds)
    return FromPaper(doses=tuple(doses), not_counted=tuple(not_counted))


def _tell(sender: object, *, encounter: Encounter, **_: Any) -> FromPaper:
    return given_by_paper(encounter)


def _tell_platelets(sender: object, *, encounter: Encounter, **_: Any) -> list[Run]:
    """The platelets on paper, for whoever judges a count after them."""
    return [
        Run(
            start_minute=minute_of(dose.given_at),
            end_minute=None if dose.over_by is None else minute_of(dose.over_by),
        )
        for dose in given_by_paper(encounter).doses
        if not dose.is_ivig
    ]


def kinds_of(protocol: Protocol, drug: str) -> frozenset[OrderKind]:
    """As what the version orders a drug; nothing for one that it does not know."""
    families = {row.family for row in protocol.regimens if row.drug == drug}
    orders = (order for branch in protocol.branches for order in branch.orders)
    kinds = {order.kind for order in orders if order.regimen in families}
    if any(row.uses_product for row in protocol.regimens if row.drug == drug):
        kinds.add(OrderKind.IVIG)
    return frozenset(kinds)


def _over_by(protocol: Protocol, drug: str, given_at: datetime) -> datetime | None:
    """After the longest that the version lets this drug run; None where it tells of none."""
    minutes = [row.infuse_over_minutes for row in protocol.regimens if row.drug == drug]
    told = [each for each in minutes if each is not None]
    return given_at + timedelta(minutes=max(told)) if told else None


def _grams(entry: PaperOrder) -> Decimal | Unknown:
    return Decimal(entry.dose_amount) if entry.dose_unit == GRAMS else UNKNOWN


def _why_not(entry: PaperOrder, kinds: frozenset[OrderKind]) -> Iterator[str]:
    if kinds == {OrderKind.CORTICOSTEROID}:
        return
    words = f"{entry.drug} {entry.dose_amount} {entry.dose_unit}, from paper, form {entry.form_number}"
    if kinds.intersection(COUNTED):
        yield f"Not counted: {words}. It is not noted whether it was given."
    elif kinds:
        yield f"Not counted: {words}. {_given(entry)} It is neither immunoglobulin nor platelets."
    else:
        yield f"Not counted: {words}. {_given(entry)} The protocol does not know this drug."


def _given(entry: PaperOrder) -> str:
    if entry.given_at is None:
        return "It is not noted whether it was given."
    return f"Given {format_datetime(entry.given_at, timezone.get_default_timezone())}."
