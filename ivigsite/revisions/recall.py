"""Every patient with a signed order set on one protocol version, whatever became of it."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from ivigsite.orders.models import OrderSet
from ivigsite.parsing.dates import format_date
from protocols.models import ProtocolVersion


class Recalled(NamedTuple):
    """One signed order set on the version; a tuple, because a hospital has fifty thousand of them."""

    code: str
    patient: str
    record_number: str
    birth_date: str
    ward: str
    bed: str
    signed_at: datetime
    signed_by: str
    state: str
    encounter: str


def recalled(version: ProtocolVersion) -> Iterator[Recalled]:
    """All of them, over every ward, by patient; one query however many there are."""
    rows = (
        OrderSet.objects.filter(protocol_version=version)
        .order_by("encounter__patient__family_name", "encounter__patient__given_name", "-signed_at")
        .values_list(
            "code",
            "encounter__patient__family_name",
            "encounter__patient__given_name",
            "encounter__patient__record_number",
            "encounter__patient__birth_date",
            "encounter__ward__name",
            "encounter__bed",
            "signed_at",
            "signed_by__full_name",
            "ending__kind",
            "encounter__closed_at",
        )
    )
    for (
        code,
        family,
        given,
        number,
        born,
        ward,
        bed,
        signed_at,
        signed_by,
        ended,
        closed_at,
    ) in rows.iterator():
        yield Recalled(
            code=code,
            patient=f"{family.upper()}, {given}",
            record_number=number,
            birth_date=format_date(born),
            ward=ward,
            bed=bed,
            signed_at=signed_at,
            signed_by=signed_by,
            state=ended or "in force",
            encounter="closed" if closed_at else "open",
        )
