"""What a handover tells of what was given: where each dose stands, its units, and what is wrong with one."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from ivigsite.encounters.models import Assessment
from ivigsite.monitoring.models import Observation
from ivigsite.monitoring.signals import handover_given, handover_noted
from ivigsite.monitoring.times import short
from ivigsite.orders.course_words import KIND_WORDS
from ivigsite.orders.models import AdministrationEvent, GivenProduct
from ivigsite.orders.platelet_units import receiver_by, warnings_of
from ivigsite.orders.running import as_pump_event, ended_at
from ivigsite.orders.sheet.wording import format_dose
from protocols.engine.course import State, replay
from protocols.mapping import load_protocol_value

# The newest; the rest stands on the infusion page.
SHOWN: Final = 3
WARNING: Final = "warning"


def listen() -> None:
    handover_given.connect(_tell_doses, dispatch_uid="orders.doses_given")
    handover_given.connect(_tell_units, dispatch_uid="orders.units_given")
    handover_noted.connect(_tell_warnings, dispatch_uid="orders.units_noted")


def _tell_doses(sender: object, *, encounters: Iterable[UUID], **_: Any) -> dict[UUID, list[str]]:
    """Every dose that was begun, the newest first, in one query."""
    doses: dict[tuple[UUID, UUID, int], list[AdministrationEvent]] = defaultdict(list)
    rows = AdministrationEvent.objects.filter(line__order_set__encounter__in=encounters)
    for event in rows.select_related("line__order_set"):
        doses[event.line.order_set.encounter_id, event.line_id, event.dose_number].append(event)
    found: dict[UUID, list[tuple[datetime, str]]] = defaultdict(list)
    for (encounter, _line, _number), events in doses.items():
        found[encounter].append((events[0].happened_at, _dose_words(events)))
    told = {}
    for encounter, begun in found.items():
        sentences = [words for _, words in sorted(begun, reverse=True)]
        rest = [f"{len(begun) - SHOWN} more doses"] if len(begun) > SHOWN else []
        told[encounter] = sentences[:SHOWN] + rest
    return told


def _dose_words(events: Sequence[AdministrationEvent]) -> str:
    """One dose: how much was ordered, since when, and where it stands."""
    line = events[0].line
    course = replay(as_pump_event(event) for event in events)
    amount = format_dose(Decimal(line.dose_amount), line.dose_unit)
    words = f"{KIND_WORDS[line.kind]} {amount}: begun {short(events[0].happened_at)}"
    if course.state is State.RUNNING:
        rate = "" if course.ml_per_h is None else f" at {course.ml_per_h} mL per h"
        return f"{words}, running{rate}"
    # A reaction may come after the end.
    since = ended_at(events) or events[-1].happened_at
    told = [event.volume_ml for event in events if event.volume_ml]
    return f"{words}, {course.state} {short(since)}{f' after {told[-1]} mL' if told else ''}"


def _tell_units(sender: object, *, encounters: Iterable[UUID], **_: Any) -> dict[UUID, list[str]]:
    told = {}
    for key, units in _units_in(encounters).items():
        words = "; ".join(f"unit {each.unit_number}, {each.group_words}" for each in units[:SHOWN])
        rest = f"; {len(units) - SHOWN} more" if len(units) > SHOWN else ""
        told[key] = [f"Platelets given: {words}{rest}"]
    return told


def _tell_warnings(sender: object, *, encounters: Iterable[UUID], **_: Any) -> dict[UUID, list[str]]:
    """What is wrong with a unit, in a fixed number of queries; what is only not known is left to its page."""
    units = _units_in(encounters)
    if not units:
        return {}
    assessments: dict[UUID, list[Assessment]] = defaultdict(list)
    for made in Assessment.objects.filter(encounter__in=units).order_by("-number"):
        assessments[made.encounter_id].append(made)
    results: dict[UUID, list[Observation]] = defaultdict(list)
    groups = Observation.objects.standing().filter(encounter__in=units, values__has_key="blood_group")
    for each in groups.order_by("-taken_at", "-entered_at"):
        results[each.encounter_id].append(each)
    told = {}
    for key, given in units.items():
        protocol = load_protocol_value(given[0].line.order_set.encounter.protocol_version)
        warnings = warnings_of(given, receiver_by(results[key], assessments[key]), protocol)
        told[key] = [f"{each.text} {each.action}" for each in warnings if each.level == WARNING]
    return told


def _units_in(encounters: Iterable[UUID]) -> dict[UUID, list[GivenProduct]]:
    """The platelet units of these encounters, the newest first, in one query."""
    found: dict[UUID, list[GivenProduct]] = {}
    rows = GivenProduct.objects.filter(line__order_set__encounter__in=encounters).exclude(unit_number="")
    for row in rows.select_related("line__order_set__encounter__protocol_version").order_by("-given_at"):
        found.setdefault(row.line.order_set.encounter_id, []).append(row)
    return found
