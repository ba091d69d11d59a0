"""What has to be sampled and checked before treatment, and whether treatment waits for it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from . import lookup
from .conditions import Values
from .protocol import OrderKind, Protocol, Role, ScreeningItem, Timing
from .recommendation import Order, Screening, ScreeningState

PREFIX: Final = "SCREEN_"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """What can be said of the items, by key and state: the same of every patient."""

    screening: dict[tuple[str, ScreeningState], Screening]
    lines: dict[tuple[str, ScreeningState], Order]


def screening_of(protocol: Protocol, values: Values, orders: Iterable[Order]) -> tuple[Screening, ...]:
    """The items for the proposed kinds of treatment; one that may be for this patient is."""
    kinds = {order.kind for order in orders}
    said = _said(protocol).screening
    return tuple(
        said[row.item.key, _state(row, values)]
        for row in lookup.of(protocol).screening_items
        if not kinds.isdisjoint(row.item.kinds) and row.when(values) is not False
    )


def screening_lines(protocol: Protocol, screening: Iterable[Screening]) -> tuple[Order, ...]:
    """A line for each item that is not in order yet."""
    lines = _said(protocol).lines
    return tuple(lines[row.item.key, row.state] for row in screening if row.state is not ScreeningState.DONE)


def _said(protocol: Protocol) -> _Said:
    if "screening" not in protocol.lookups:
        protocol.lookups["screening"] = _Said(
            screening={
                (item.key, state): Screening(item=item, state=state)
                for item in protocol.screening_items
                for state in ScreeningState
            },
            lines={
                (item.key, state): _line(item, state)
                for item in protocol.screening_items
                for state in ScreeningState
            },
        )
    said: _Said = protocol.lookups["screening"]
    return said


def _line(item: ScreeningItem, state: ScreeningState) -> Order:
    return Order(
        code=f"{PREFIX}{item.key}",
        kind=OrderKind.OTHER,
        role=Role.REQUIRED,
        timing=Timing.BEFORE,
        group="",
        start_after_minutes=0,
        text=f"{item.order_text}. {state.words}",
        template=None,
        dose=None,
        waits_for=(),
        is_held=False,
        cites=item.basis.cites,
    )


def _state(row: lookup.ScreeningRow, values: Values) -> ScreeningState:
    """Done only where that is sure; treatment waits unless it is sure that it need not."""
    if row.is_done(values) is True:
        return ScreeningState.DONE
    if row.item.waits_when and row.waits(values) is not False:
        return ScreeningState.WAITS
    return ScreeningState.SEND
