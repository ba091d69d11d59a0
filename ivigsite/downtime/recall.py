"""What downtime forms say of a lot or a unit that is recalled."""

from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from ivigsite.downtime.models import PaperOrder
from ivigsite.orders.lot_recall import Named, OnceNamed, Recipient, recipient_in
from ivigsite.orders.signals import named_on_paper


def listen() -> None:
    named_on_paper.connect(_tell, dispatch_uid="downtime.named_on_paper")


def _tell(sender: object, *, number: str, product: str, **_: Any) -> Named:
    entries = PaperOrder.objects.filter(label_numbers__contains=number, drug__icontains=product)
    found = [
        (each, _recipient(each, each.given_at))
        for each in _with_people(entries)
        if number in each.numbers and each.given_at is not None
    ]
    return Named(
        recipients=tuple(recipient for entry, recipient in found if not entry.is_corrected),
        once=tuple(
            _once_named(entry.correction, recipient)
            for entry, recipient in found
            if entry.is_corrected and number not in entry.correction.numbers
        ),
    )


def _with_people(entries: QuerySet[PaperOrder]) -> QuerySet[PaperOrder]:
    return entries.select_related(
        "encounter__patient", "encounter__ward", "entered_by", "correction__entered_by"
    )


def _recipient(entry: PaperOrder, given_at: datetime) -> Recipient:
    return recipient_in(
        entry.encounter,
        entry.label,
        product=entry.drug,
        lot_number=entry.label_numbers,
        unit_number="",
        expires_on="",
        vials="",
        grams="",
        amount=entry.dose,
        given_at=given_at,
        entered_at=entry.entered_at,
        entered_by=entry.entered_by.full_name,
        order_set=f"paper form {entry.form_number}",
        discrepancies=(),
    )


def _once_named(now: PaperOrder, recipient: Recipient) -> OnceNamed:
    return OnceNamed(
        recipient=recipient,
        because=now.reason,
        now=f"{now.drug} {now.label_numbers}".strip(),
        corrected_at=now.entered_at,
        corrected_by=now.entered_by.full_name,
    )
