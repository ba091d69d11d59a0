"""What was noted of a line as a page tells it: what stands, and beneath it what stood there before."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from django.db.models import Prefetch

from ivigsite.monitoring.times import minute_of
from ivigsite.orders.models import (
    AdministrationEvent,
    Discrepancy,
    EventCorrection,
    GivenProduct,
    OrderLine,
    ProductCorrection,
)

Row = AdministrationEvent | GivenProduct


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """One row as it was entered; `corrected` says why it does not stand any more, None while it does."""

    row: Row
    corrected: EventCorrection | ProductCorrection | None

    @property
    def is_act(self) -> bool:
        return isinstance(self.row, AdministrationEvent)

    @property
    def is_taken_back(self) -> bool:
        return self.corrected is not None and self.corrected.entry_id is None


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseLog:
    """Everything entered of one dose, in the order in which it happened."""

    number: int
    entries: tuple[LogEntry, ...]


def log_of(line: OrderLine) -> tuple[DoseLog, ...]:
    """The doses of a line of which anything was noted, in three queries."""
    about = ("entered_by", "replaced_by__by", "correction")
    acts = list(AdministrationEvent.as_entered.filter(line=line).select_related(*about))
    # Of what was corrected too: why it was entered belongs to it.
    discrepancies = Prefetch("discrepancies", Discrepancy.as_entered.all())
    products = list(
        GivenProduct.as_entered.filter(line=line).select_related(*about).prefetch_related(discrepancies)
    )
    found = sorted([*_heads(acts), *_heads(products)], key=_in_order)
    rows: dict[Any, Row] = {row.pk: row for row in acts} | {row.pk: row for row in products}
    return tuple(
        DoseLog(number=number, entries=tuple(entry for head in heads for entry in _with_before(head, rows)))
        for number, heads in groupby(found, key=lambda row: row.dose_number)
    )


def _heads(rows: Sequence[Any]) -> Iterator[Any]:
    """What stands, and what was taken back: every row but those that another took the place of."""
    for row in rows:
        corrected = _corrected(row)
        if corrected is None or corrected.entry_id is None:
            yield row


def _with_before(head: Row, rows: dict[Any, Row]) -> Iterator[LogEntry]:
    row: Row | None = head
    while row is not None:
        yield LogEntry(row=row, corrected=_corrected(row))
        made = _made_by(row)
        row = None if made is None else rows[made.replaces_id]


def _in_order(row: Row) -> tuple[int, int, bool, int, datetime]:
    if isinstance(row, GivenProduct):
        return row.dose_number, minute_of(row.given_at), True, 0, row.entered_at
    made = _made_by(row)
    place = row.sequence if made is None else made.place
    return row.dose_number, minute_of(row.happened_at), False, place, row.entered_at


def _corrected(row: Row) -> Any:
    return getattr(row, "replaced_by", None)


def _made_by(row: Row) -> Any:
    return getattr(row, "correction", None)
