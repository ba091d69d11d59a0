"""What an emergency adds to the check page: choices made ready, calls to make, and what is held."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.http import QueryDict
from django.utils import timezone

from ivigsite.orders.forms import POLICY, POLICY_BY, ChooseForm, ShownGroup
from ivigsite.orders.overrides import asked, asks_names, field_name
from ivigsite.orders.proposal import Proposal
from ivigsite.parsing.dates import format_datetime
from protocols.engine.facts import LEVELS
from protocols.engine.protocol import Protocol, Text, Topic

# The coded reason of the protocol for not waiting for anything.
CANNOT_WAIT: Final = "critical_bleeding"


def ready_choices(proposal: Proposal, *, now: datetime) -> QueryDict:
    """The choose page as it would be sent untouched, with T0 now: only what the rule requires is chosen.

    In life-threatening bleeding the reason why nothing waits is given as well, for it is the same every time.
    """
    form = ChooseForm(proposal=proposal, now=now)
    data = QueryDict(mutable=True)
    for name in form.fields:
        value = form[name].value()
        if value not in (None, ""):
            data[name] = str(value)
    data["starts_at"] = format_datetime(now, timezone.get_default_timezone())
    if proposal.recommendation.bleeding.level == LEVELS[-1]:
        data.update(_reasons_that_cannot_wait(proposal))
    return data


def _reasons_that_cannot_wait(proposal: Proposal) -> dict[str, str]:
    """What is passed for a reason alone is passed because of the bleeding; it stands on the page and sheet.

    Whatever needs somebody's name stays open: no name can be known beforehand.
    """
    return {
        field_name(finding, "reason"): CANNOT_WAIT
        for finding in asked(proposal.recommendation.findings, proposal.acknowledged)
        if not asks_names(finding) and CANNOT_WAIT in finding.override.reasons
    }


def emergency_parts(context: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of the page of an emergency, from what the check page shows anyway."""
    form, proposal, alerts = context["form"], context["proposal"], context["alerts"]
    # What was answered on the same facts before is told again: nobody looks it up in an emergency.
    said = [alert.finding for alert in (*alerts.stops, *alerts.to_answer, *alerts.to_read, *alerts.answered)]
    held = held_groups(form)
    typed_here = {name for group in held for name in (group.name, *_of_refusal(group))}
    typed_here |= {field.html_name for stop in form.stops for field in stop.fields}
    return {
        "calls": calls_of(proposal),
        "held": held,
        "unproven": unproven_of(proposal),
        "carried_unasked": [(name, value) for name, value in context["carried"] if name not in typed_here],
        "carried_unweighed": [
            (name, value) for name, value in context["carried"] if name not in (POLICY, POLICY_BY)
        ],
        "criticals": [finding for finding in said if finding.level == "critical"],
        "warnings": [finding for finding in said if finding.level == "warning"],
    }


def calls_of(proposal: Proposal) -> tuple[Text, ...]:
    """Whom to phone now, and what to say."""
    return tuple(text for text in proposal.recommendation.texts if text.topic is Topic.CALL)


def unproven_of(proposal: Proposal) -> tuple[str, ...]:
    """The causes that a gate would hold for and that nobody has excluded yet."""
    open_gates = set(proposal.recommendation.trace.gates_unjudged)
    return tuple(gate.title for gate in proposal.protocol.gates if gate.key in open_gates)


def all_calls(protocol: Protocol) -> tuple[Text, ...]:
    """The same where there is no recommendation to say which of them apply."""
    return tuple(text for text in protocol.texts if text.topic is Topic.CALL)


def held_groups(form: ChooseForm) -> tuple[ShownGroup, ...]:
    """The groups in which a line is held until a named haematologist agrees."""
    return tuple(
        group
        for group in form.line_groups
        if any(option.card is not None and option.card.is_held for option in group.options)
    )


def _of_refusal(group: ShownGroup) -> tuple[str, ...]:
    return tuple(field.html_name for field in (group.reason, group.comment) if field is not None)
