"""What the label of a platelet unit means for the patient: warnings, and whether a poor rise counts."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Final

from django.utils import timezone

from ivigsite.encounters.models import Assessment, Encounter
from ivigsite.monitoring.models import Observation
from ivigsite.monitoring.times import minute_of
from ivigsite.orders.given import GivenDose
from ivigsite.orders.models import AboGroup, GivenProduct, RhD
from protocols.engine.facts import UNKNOWN, Unknown
from protocols.engine.platelet_units import all_of, is_abo_compatible, is_fresh, is_plasma_compatible
from protocols.engine.protocol import Protocol
from protocols.engine.response import UnitGiven

GROUP_WORDS: Final = {"o": "O", "a": "A", "b": "B", "ab": "AB"}
# The protocol's own words on anti-D, with its hours.
RHD_RULE: Final = "W-19"
# Later than the first versions of the protocol; without it no age is judged.
FRESH_HOURS: Final = "platelets_fresh_hours"
TELL: Final = "Tell the physician and the blood bank."


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitWarning:
    """What is wrong, or not known, of a unit that is noted, and what to do."""

    level: str
    text: str
    action: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """What is on record of the patient that a unit is held against."""

    group: str | Unknown
    rhd_negative_childbearing: bool | Unknown


def receiver_of(encounter: Encounter) -> Receiver:
    """The patient as known now, in two queries."""
    assessments = list(encounter.assessments.only("facts", "number", "encounter_id"))
    return receiver_by(encounter.observations.standing().only("values", "taken_at"), assessments)


def receiver_by(observations: Iterable[Observation], assessments: list[Assessment]) -> Receiver:
    """The patient by what is read already; both are told newest first."""
    return Receiver(
        group=blood_group_of(observations, assessments),
        rhd_negative_childbearing=next(
            (answer for answer in map(_childbearing, assessments) if answer is not UNKNOWN), UNKNOWN
        ),
    )


def blood_group_of(observations: Iterable[Observation], assessments: list[Assessment]) -> str | Unknown:
    """The newest group on record, from a result or an assessment; both are told newest first."""
    for each in observations:
        if "blood_group" in each.values:
            return str(each.values["blood_group"])
    return assessments[0].as_facts().blood_group if assessments else UNKNOWN


def group_of(unit: GivenProduct) -> str | Unknown:
    """The ABO group on a label; not known where it was not asked."""
    return UNKNOWN if unit.abo_group in ("", AboGroup.UNKNOWN) else unit.abo_group


def unit_of(dose: GivenDose, *, patient: str | Unknown, fresh_hours: Decimal | Unknown) -> UnitGiven:
    """A platelet dose as its increment is judged by, held against the group of the patient."""
    compatible = tuple(is_abo_compatible(patient=patient, unit=group_of(each)) for each in dose.units)
    fresh = tuple(_is_fresh(each, fresh_hours) for each in dose.units)
    return replace(dose.as_unit(), is_abo_compatible=all_of(compatible), is_fresh=all_of(fresh))


def _is_fresh(unit: GivenProduct, fresh_hours: Decimal | Unknown) -> bool | Unknown:
    day = unit.collected_on
    return is_fresh(
        collected_from=UNKNOWN if day is None else _midnight(day),
        collected_until=UNKNOWN if day is None else _midnight(day + timedelta(days=1)),
        given_minute=minute_of(unit.given_at),
        fresh_hours=fresh_hours,
    )


def _midnight(day: date) -> int:
    """When a day begins on the wards, as a minute."""
    return minute_of(datetime.combine(day, time.min, tzinfo=timezone.get_default_timezone()))


def warnings_of(
    units: Iterable[GivenProduct], receiver: Receiver, protocol: Protocol
) -> tuple[UnitWarning, ...]:
    """What has to be said of the units noted for a patient, unit by unit."""
    return tuple(warning for unit in units for warning in _warnings(unit, receiver, protocol))


def _warnings(unit: GivenProduct, receiver: Receiver, protocol: Protocol) -> Iterator[UnitWarning]:
    yield from _of_group(unit, group_of(unit), receiver.group)
    if unit.rhd != RhD.POSITIVE:
        return
    if receiver.rhd_negative_childbearing is True:
        yield UnitWarning(
            level="warning",
            text=f"Unit {unit.unit_number} is RhD-positive, the patient RhD-negative and of childbearing "
            "potential.",
            action=" ".join((_anti_d(protocol), TELL)).strip(),
        )
    elif receiver.rhd_negative_childbearing is UNKNOWN:
        yield UnitWarning(
            level="information",
            text=f"Unit {unit.unit_number} is RhD-positive. Whether the patient is RhD-negative and of "
            "childbearing potential is not known.",
            action="Ask, and have it entered in an assessment.",
        )


def _of_group(unit: GivenProduct, group: str | Unknown, patient: str | Unknown) -> Iterator[UnitWarning]:
    """What its ABO group means: of its platelets, and of the plasma they come in."""
    if isinstance(group, Unknown):
        return
    label = f"Unit {unit.unit_number} is of group {GROUP_WORDS[group]}"
    if isinstance(patient, Unknown):
        yield UnitWarning(
            level="information",
            text=f"{label}. The patient's group is not known: nobody can tell here whether it suits.",
            action="Have the patient's group entered.",
        )
        return
    both = f"{label}, the patient of group {GROUP_WORDS[patient]}"
    if is_abo_compatible(patient=patient, unit=group) is False:
        yield UnitWarning(
            level="warning",
            text=f"{both}: not ABO-compatible.",
            action=f"Read the label and the patient's group again. {TELL} The count may rise less.",
        )
    if is_plasma_compatible(patient=patient, unit=group) is False:
        yield UnitWarning(
            level="warning",
            text=f"{both}: its plasma may hold antibodies against the patient's red cells.",
            action="They add to those of immunoglobulin: watch for haemolysis, haemoglobin and dark urine. "
            "Ask the blood bank whether the titre was tested; next time for a unit of the patient's group.",
        )


def _anti_d(protocol: Protocol) -> str:
    """What the protocol says of anti-D; nothing in a version without that rule."""
    return " ".join(f"{rule.text} {rule.action}" for rule in protocol.safety_rules if rule.key == RHD_RULE)


def _childbearing(made: Assessment) -> bool | Unknown:
    return made.as_facts().rhd_negative_childbearing
