"""The three arms as one plan: what starts when after T0, in which line, and when the next count is due.

All times are whole minutes after T0, so that moving T0 moves everything; the clock is for the site.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from .facts import UNKNOWN, Unknown
from .protocol import AccessPlan, OrderKind


class EventKind(StrEnum):
    """A dose to give, a count to take, a call to make."""

    GIVE = "give"
    COUNT = "count"
    CALL = "call"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanEvent:
    """One thing to do, in minutes after T0.

    `until_minutes` is the end of an infusion or of the time in which a count is taken; None where it takes
    no time. `lane` numbers the venous line; None needs none. A conditional event waits for something besides
    its time, as a dose that is given only while bleeding goes on.
    """

    kind: EventKind
    arm: OrderKind
    code: str
    text: str
    after_minutes: int
    until_minutes: int | None
    lane: int | None
    dose_number: int
    doses: int
    volume_ml: Decimal | None
    is_conditional: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedPlan:
    """Everything that is timed, first things first, and what it brings into the circulation.

    `planned_volume_ml` is what all lines that are sure to run bring within the first `window_minutes` after
    T0; the fluid in which a corticosteroid is given is not in it. `waits_for` names facts that could change
    the order of the arms. `shares_a_line` says that two infusions would run in one line at one time.
    """

    access: AccessPlan
    events: tuple[PlanEvent, ...]
    planned_volume_ml: Decimal
    planned_volume_ml_per_kg: Decimal | Unknown
    limit_ml_per_kg: Decimal
    window_minutes: int
    waits_for: tuple[str, ...]
    shares_a_line: bool

    @property
    def is_over_limit(self) -> bool | Unknown:
        """Whether the planned volume is above the overload limit; unknown without a weight."""
        if self.planned_volume_ml_per_kg is UNKNOWN:
            return UNKNOWN
        return self.planned_volume_ml_per_kg > self.limit_ml_per_kg

    def start_of(self, code: str) -> int | None:
        """Minutes after T0 at which this order starts, or None where the plan has no time for it."""
        return next((event.after_minutes for event in self.events if event.code == code), None)
