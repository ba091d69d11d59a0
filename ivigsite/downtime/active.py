"""The signed orders in force on a ward, as a list that can be read without the site."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from django.conf import settings

from ivigsite.accounts.models import Ward
from ivigsite.orders.models import OrderSet
from ivigsite.orders.sheet.content import SheetContent, SheetOrder
from ivigsite.orders.sheet.pack import ActiveLine, ActiveOrder, ActiveOrders
from ivigsite.orders.sheet.wording import (
    format_birth,
    format_dose,
    format_moment,
    format_name,
    format_record_number,
)
from protocols.engine.facts import Unknown
from protocols.lifecycle import State

NOT_RECORDED: Final = "Not recorded"
NONE_KNOWN: Final = "No known allergies"


def active_orders(ward: Ward, *, at: datetime) -> ActiveOrders:
    """Every order set of the ward that nobody has ended, by bed; what may not be started any more says so."""
    found = (
        OrderSet.objects.active()
        .filter(encounter__ward=ward, encounter__closed_at=None)
        .select_related("encounter", "protocol_version")
        .order_by("encounter__bed", "code")
    )
    return ActiveOrders(
        ward=ward.name,
        time_zone=settings.TIME_ZONE,
        made_at=at,
        is_demo=settings.DEMO,
        orders=tuple(_order(order_set, at=at) for order_set in found),
    )


def _order(order_set: OrderSet, *, at: datetime) -> ActiveOrder:
    content = order_set.sheet_content
    patient = content.patient
    return ActiveOrder(
        code=order_set.code,
        number=order_set.number,
        patient=format_name(patient.family_name, patient.given_name, patient.title),
        birth=format_birth(patient.born_on, patient.age_years),
        record_number=format_record_number(patient.record_number),
        # Where the patient lies now, not where they lay when it was signed.
        bed=order_set.encounter.bed,
        allergies=_allergies(content),
        lines=tuple(_line(order, content) for order in content.orders),
        signed_by=content.signature.name if content.signature else "",
        signed_at=order_set.signed_at,
        valid_until=order_set.valid_until,
        warning=_warning(order_set, at=at),
    )


def _allergies(content: SheetContent) -> str:
    allergies = content.patient.allergies
    if isinstance(allergies, Unknown):
        return NOT_RECORDED
    return "; ".join(allergies) or NONE_KNOWN


def _line(order: SheetOrder, content: SheetContent) -> ActiveLine:
    start = format_moment(order.start_at, content.time_zone) if order.start_at is not None else ""
    return ActiveLine(text=". ".join(_parts(order)), start=start)


def _parts(order: SheetOrder) -> Iterable[str]:
    name = f"{order.name} ({order.short_name})" if order.short_name else order.name
    yield f"{name}, {order.brand}" if order.brand else name
    if order.condition:
        yield f"ONLY IF {order.condition}"
    if order.dose is not None:
        yield f"DOSE {format_dose(order.dose.amount, order.dose.unit)}"
    if order.route:
        yield order.route
    if order.rate:
        yield order.rate
    if order.duration:
        yield order.duration


def _warning(order_set: OrderSet, *, at: datetime) -> str:
    if order_set.protocol_version.state == State.WITHDRAWN:
        return "The protocol version was withdrawn: ask haematology before anything is given."
    if order_set.valid_until <= at:
        return "EXPIRED: start nothing on this order set any more."
    return ""
