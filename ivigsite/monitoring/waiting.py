"""Checks whose treatment should have begun, while nobody has noted that it did.

Signs "15 minutes after the start" are not overdue because the planned start has passed: what is missing is
the start. They wait until it is noted, but no longer than an order set may still be begun; then they are
asked for all the same, for it may have been given.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Self

from ivigsite.monitoring.models import Anchor, MonitoringPlan, MonitoringTask
from protocols.engine import lookup
from protocols.engine.monitoring import DueCheck
from protocols.engine.protocol import Protocol

# A parameter that a protocol may leave out; without it nothing waits.
VALID_HOURS: Final = "order_set_valid_hours"
STARTS: Final = ("T0", "P0")
OF_IMMUNOGLOBULIN: Final = ("T0", "RI", "RM", "TE")
OF_A_UNIT: Final = ("P0", "PE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """Which checks of a plan wait for which start, by its times as they stand."""

    anchors: Mapping[tuple[str, int], Anchor]
    longest: timedelta | None

    @classmethod
    def of(cls, plan: MonitoringPlan, protocol: Protocol) -> Self:
        hours = lookup.of(protocol).parameters.get(VALID_HOURS)
        return cls(
            anchors={(each.name, each.number): each for each in plan.anchors.order_by("name", "number")},
            longest=None if hours is None else timedelta(hours=float(hours)),
        )

    def put_on(self, task: MonitoringTask, check: DueCheck) -> MonitoringTask:
        """The task with how long it waits; what is to be done before the start is not overdue till then."""
        until = self._until(check)
        if until is not None and task.overdue_at is not None and check.item.due_minutes < 0:
            task.overdue_at = max(task.overdue_at, until)
            until = None
        task.waits_until = until
        return task

    def _until(self, check: DueCheck) -> datetime | None:
        start = self._start_of(check)
        if start is None or start.true_at is not None or self.longest is None:
            return None
        return start.planned_at + self.longest

    def _start_of(self, check: DueCheck) -> Anchor | None:
        """The start that a check hangs on; none for what is counted from no product's start."""
        name, number = check.item.anchor, check.anchor_number
        if name in OF_A_UNIT:
            return self.anchors.get(("P0", number))
        if name in OF_IMMUNOGLOBULIN:
            return self._last_start_before(self.anchors.get((name, number)))
        starts = [each for each in self.anchors.values() if each.name in STARTS]
        if name == "LE" and not any(each.true_at for each in starts):
            return max(starts, key=lambda each: each.planned_at, default=None)
        # Counts and bleeding are watched whether or not a start is noted; only what comes before it waits.
        return self.anchors.get((name, number)) if name == "D0" and check.item.due_minutes < 0 else None

    def _last_start_before(self, anchor: Anchor | None) -> Anchor | None:
        starts = [each for each in self.anchors.values() if each.name == "T0"]
        if anchor is None or not starts:
            return None
        begun = [each for each in starts if each.at <= anchor.at]
        return max(begun, key=lambda each: each.at) if begun else starts[0]
