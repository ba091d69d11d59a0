"""How much immunoglobulin the patient has had, and what follows for days and months after it.

Times are whole minutes on the caller's scale. An amount that is not known counts as the most.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from .arithmetic import exactly
from .facts import UNKNOWN, Unknown

MINUTES_PER_DAY: Final = 1440

NEEDED_PARAMETERS: Final = (
    "haemolysis_watch_g_per_kg",
    "haemolysis_watch_from_days",
    "haemolysis_watch_to_days",
    "serology_caution_months",
    "live_vaccine_low_g_per_kg",
    "live_vaccine_low_months",
    "live_vaccine_middle_g_per_kg",
    "live_vaccine_middle_months",
    "live_vaccine_high_months",
    "live_vaccine_platelets_months",
)


# The days of the shorter and the longer sum.
WINDOWS: Final = ("exposure_recent_days", "exposure_course_days")


class Watch(StrEnum):
    """How closely haemolysis is looked for."""

    NONE = "none"
    INFORMATION = "information"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseGiven:
    """One dose of immunoglobulin that was begun; `g_per_kg` on the dosing weight it was ordered on."""

    minute: int
    g_per_kg: Decimal | Unknown


def numbers_of(parameters: Mapping[str, Decimal]) -> Mapping[str, Decimal] | None:
    """The numbers of this module, or None where a version of the protocol lacks one of them."""
    if any(key not in parameters for key in NEEDED_PARAMETERS):
        return None
    return {key: parameters[key] for key in NEEDED_PARAMETERS}


def windows_of(parameters: Mapping[str, Decimal]) -> tuple[int, int] | None:
    """The days of the shorter and the longer sum, or None where a version of the protocol lacks one."""
    if any(key not in parameters for key in WINDOWS):
        return None
    recent, course = (int(parameters[key]) for key in WINDOWS)
    return recent, course


@exactly
def sum_in_days(doses: Iterable[DoseGiven], *, days: int, now_minute: int) -> Decimal | Unknown:
    """What was begun in the last days, in g per kg; unknown as soon as one amount is."""
    total = Decimal(0)
    for dose in doses:
        if now_minute - days * MINUTES_PER_DAY < dose.minute <= now_minute:
            if isinstance(dose.g_per_kg, Unknown):
                return UNKNOWN
            total += dose.g_per_kg
    return total


def haemolysis_watch(
    *, blood_group: str | Unknown, g_per_kg: Decimal | Unknown, numbers: Mapping[str, Decimal]
) -> Watch:
    """By group and amount: none in group O, a warning from the amount of the protocol, else a word.

    A group that is not known is watched as A; an amount that is not known as the most.
    """
    if blood_group == "o":
        return Watch.NONE
    if isinstance(g_per_kg, Unknown) or g_per_kg >= numbers["haemolysis_watch_g_per_kg"]:
        return Watch.WARNING
    return Watch.INFORMATION if g_per_kg > 0 else Watch.NONE


def vaccine_months(g_per_kg: Decimal | Unknown, numbers: Mapping[str, Decimal]) -> int:
    """Months after immunoglobulin before a live vaccine against measles or varicella."""
    if not isinstance(g_per_kg, Unknown):
        for step in ("low", "middle"):
            if g_per_kg <= numbers[f"live_vaccine_{step}_g_per_kg"]:
                return int(numbers[f"live_vaccine_{step}_months"])
    return int(numbers["live_vaccine_high_months"])
