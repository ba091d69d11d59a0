"""The platelet units of a handover: what their labels say, and what somebody has to do about one."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Final
from uuid import UUID

from ivigsite.encounters.models import Assessment
from ivigsite.monitoring.models import Observation
from ivigsite.monitoring.signals import handover_given, handover_noted
from ivigsite.orders.models import GivenProduct
from ivigsite.orders.platelet_units import receiver_by, warnings_of
from protocols.mapping import load_protocol_value

# The newest; the rest stands on the infusion page.
SHOWN: Final = 3
WARNING: Final = "warning"


def listen() -> None:
    handover_given.connect(_tell_given, dispatch_uid="orders.units_given")
    handover_noted.connect(_tell_warnings, dispatch_uid="orders.units_noted")


def _tell_given(sender: object, *, encounters: Iterable[UUID], **_: Any) -> dict[UUID, list[str]]:
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
