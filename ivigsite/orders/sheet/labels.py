"""What is stuck to a bag or a bottle: one label for each, from the content that was signed."""

from dataclasses import dataclass
from typing import Final

from .chart import PLATELETS, stickers
from .content import SheetContent, SheetOrder, SheetRatePlan

INTRAVENOUS: Final = "intraven"


@dataclass(frozen=True, slots=True, kw_only=True)
class AdditiveLabel:
    """One bottle or bag of an infusion."""

    order: SheetOrder
    bottle: str
    """Which of how many, such as `Vial 1 of 3, 40 g`; empty where the dose is in one."""
    plan: SheetRatePlan | None


def additive_labels(content: SheetContent) -> tuple[AdditiveLabel, ...]:
    """A label for each vial or bag that runs into a vein; a blood unit has the blood bank's own."""
    return tuple(
        AdditiveLabel(order=order, bottle=bottle, plan=_plan_of(order, content))
        for order in content.orders
        if order.dose is not None and order.kind != PLATELETS and order.route.startswith(INTRAVENOUS)
        for bottle in stickers(order) or ("",)
    )


def _plan_of(order: SheetOrder, content: SheetContent) -> SheetRatePlan | None:
    plan = content.rate_plan
    return plan if plan is not None and plan.order_number == order.number else None
