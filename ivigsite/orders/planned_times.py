"""The planned times that checks are counted from: starts, ends and rate increases of what is ordered."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from ivigsite.orders.content import starts_at_of
from ivigsite.orders.forms import Choices
from ivigsite.orders.proposal import Proposal
from protocols.engine.case import case_of
from protocols.engine.dosing import Dose
from protocols.engine.lines import values_of
from protocols.engine.protocol import OrderKind, Timing
from protocols.engine.safety import added_checks, applied_effects

# A line on standby has no time: its checks are made when it is given.
TIMED: Final = (Timing.NOW, Timing.CONCURRENT)
Anchors = dict[str, list[datetime]]


def planned_anchors(proposal: Proposal, choices: Choices) -> Anchors:
    """The planned times of the ordered lines by the names the engine gives them."""
    found: Anchors = {}
    for name, moment in _anchors(proposal, choices):
        found.setdefault(name, []).append(moment)
    return {name: sorted(moments) for name, moments in found.items()}


def ordered_kinds(proposal: Proposal, choices: Choices) -> frozenset[str]:
    """The kinds of treatment among the lines that are ordered for a time."""
    return frozenset(
        order.kind.value
        for code in choices.codes
        if (order := proposal.orders[code]).timing in TIMED and order.kind in _STARTS
    )


def values_of_orders(proposal: Proposal, choices: Choices) -> Mapping[str, Any]:
    """What was known at signing, with what the chosen lines come to in place of the proposed ones."""
    recommendation = proposal.recommendation
    chosen = tuple(proposal.orders[code] for code in choices.codes)
    case = case_of(proposal.protocol, recommendation.facts)
    return {**recommendation.values, **values_of(proposal.protocol, case, chosen, recommendation.repeat)}


def added_items(proposal: Proposal) -> frozenset[str]:
    """The checks that safety rules ask for besides those of the lines."""
    said = proposal.recommendation
    effects = applied_effects(said.findings, said.unjudged)
    return frozenset(item.key for item in added_checks(proposal.protocol, effects))


def _anchors(proposal: Proposal, choices: Choices) -> Iterator[tuple[str, datetime]]:
    for code in choices.codes:
        order = proposal.orders[code]
        if order.timing not in TIMED or order.kind not in _STARTS:
            continue
        plan = proposal.rate_plan_of(code)
        for start in _starts(order.dose, starts_at_of(code, proposal, choices)):
            yield _STARTS[order.kind], start
            if order.kind is OrderKind.IVIG and plan is not None:
                yield from _of_plan(plan, start)
            if order.kind is OrderKind.PLATELETS and isinstance(order.dose, Dose):
                minutes = order.dose.regimen.infuse_over_minutes
                if minutes is not None:
                    yield "PE", start + timedelta(minutes=minutes)
            if order.kind is OrderKind.CORTICOSTEROID:
                # Its checks are counted from the first dose alone.
                break


def _starts(dose: Any, first: datetime) -> Iterator[datetime]:
    yield first
    if not isinstance(dose, Dose) or dose.regimen.interval_hours is None:
        return
    for number in range(1, dose.regimen.doses):
        yield first + timedelta(hours=float(dose.regimen.interval_hours) * number)


def _of_plan(plan: Mapping[str, Any], start: datetime) -> Iterator[tuple[str, datetime]]:
    lengths = [timedelta(minutes=float(step["minutes"])) for step in plan["steps"]]
    steps = [start + sum(lengths[:number], timedelta()) for number in range(len(lengths))]
    for step in steps[1:]:
        yield "RI", step
    yield "RM", steps[-1]
    yield "TE", start + timedelta(minutes=plan["total_minutes"])


_STARTS: Final = {OrderKind.IVIG: "T0", OrderKind.PLATELETS: "P0", OrderKind.CORTICOSTEROID: "S0"}
