"""What has to be sampled and checked before treatment, and whether treatment waits for it."""

from collections.abc import Iterable
from typing import Final

from . import lookup
from .conditions import Values
from .protocol import OrderKind, Protocol, Role, Timing
from .recommendation import Order, Screening, ScreeningState

PREFIX: Final = "SCREEN_"


def screening_of(protocol: Protocol, values: Values, orders: Iterable[Order]) -> tuple[Screening, ...]:
    """The items for the proposed kinds of treatment; one that may be for this patient is."""
    kinds = {order.kind for order in orders}
    return tuple(
        Screening(item=row.item, state=_state(row, values))
        for row in lookup.of(protocol).screening_items
        if not kinds.isdisjoint(row.item.kinds) and row.when(values) is not False
    )


def screening_lines(screening: Iterable[Screening]) -> tuple[Order, ...]:
    """A line for each item that is not in order yet."""
    return tuple(
        Order(
            code=f"{PREFIX}{row.item.key}",
            kind=OrderKind.OTHER,
            role=Role.REQUIRED,
            timing=Timing.BEFORE,
            group="",
            start_after_minutes=0,
            text=f"{row.item.order_text}. {row.state.words}",
            template=None,
            dose=None,
            waits_for=(),
            is_held=False,
            cites=row.item.basis.cites,
        )
        for row in screening
        if row.state is not ScreeningState.DONE
    )


def _state(row: lookup.ScreeningRow, values: Values) -> ScreeningState:
    """Done only where that is sure; treatment waits unless it is sure that it need not."""
    if row.is_done(values) is True:
        return ScreeningState.DONE
    if row.item.waits_when and row.waits(values) is not False:
        return ScreeningState.WAITS
    return ScreeningState.SEND
