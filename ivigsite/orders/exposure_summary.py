"""How much immunoglobulin and which platelets were given in an encounter, and what follows for later."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.utils import timezone

from ivigsite.encounters.models import Assessment, Encounter
from ivigsite.monitoring.times import minute_of
from ivigsite.orders.given import Given, GivenDose, given_in, ivig_of, platelets_of
from ivigsite.orders.platelet_units import GROUP_WORDS, blood_group_of
from ivigsite.parsing.dates import months_after
from protocols.engine import lookup
from protocols.engine.arithmetic import exactly
from protocols.engine.cumulative import (
    Watch,
    haemolysis_watch,
    numbers_of,
    sum_in_days,
    vaccine_months,
    windows_of,
)
from protocols.engine.facts import UNKNOWN, Unknown
from protocols.mapping import load_protocol_value


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """Sums in g per kg on the dosing weight of each dose, over the protocol's days, and dates in local time.

    `not_counted` says what a downtime form names and no sum holds.
    `windows` are the days of the recent sum and of that of the course; without them both are unknown, which
    counts as the most. `before` is what was told of the 7 days before this encounter's first assessment; it
    counts for the haemolysis watch. `has_numbers` is false for a version of the protocol without the numbers
    for the rest.
    """

    doses: tuple[GivenDose, ...]
    not_counted: tuple[str, ...]
    windows: tuple[int, int] | None
    recent_g_per_kg: Decimal | Unknown
    course_g_per_kg: Decimal | Unknown
    before: Decimal | Unknown
    has_numbers: bool
    blood_group: str | Unknown
    watch: Watch
    watch_from: date | None
    watch_until: date | None
    serology_until: date | None
    live_vaccine_from: date | None

    @property
    def has_ivig(self) -> bool:
        return any(dose.is_ivig for dose in self.doses)

    @property
    def group_words(self) -> str:
        return "not known" if isinstance(self.blood_group, Unknown) else GROUP_WORDS[self.blood_group]


def exposure_of(encounter: Encounter, *, at: datetime) -> Exposure | None:
    """What was given up to a moment; None while nothing was begun and no paper says that it may have been."""
    return summarise(encounter, given_in(encounter), at=at)


def summarise(encounter: Encounter, found: Given, *, at: datetime) -> Exposure | None:
    """The same for what is read already."""
    doses = found.doses
    if not doses and not found.not_counted:
        return None
    parameters = lookup.of(load_protocol_value(encounter.protocol_version)).parameters
    numbers, windows = numbers_of(parameters), windows_of(parameters)
    ivig, platelets = ivig_of(doses), platelets_of(doses)
    given = [dose.as_dose() for dose in ivig]
    recent, course = (
        (UNKNOWN, UNKNOWN)
        if windows is None
        else (sum_in_days(given, days=days, now_minute=minute_of(at)) for days in windows)
    )
    assessments = list(encounter.assessments.only("facts", "number", "encounter_id"))
    before = _before(assessments)
    group = blood_group_of(encounter.observations.standing().only("values", "taken_at"), assessments)
    watch, watch_from, watch_until, serology, vaccine = Watch.NONE, None, None, None, None
    if numbers is not None:
        total = _together(course, before)
        if ivig:
            watch = haemolysis_watch(blood_group=group, g_per_kg=total, numbers=numbers)
            last = _day(ivig[-1].started_at)
            watch_from = last + timedelta(days=int(numbers["haemolysis_watch_from_days"]))
            watch_until = last + timedelta(days=int(numbers["haemolysis_watch_to_days"]))
            serology = months_after(last, int(numbers["serology_caution_months"]))
        after = [months_after(_day(dose.started_at), vaccine_months(total, numbers)) for dose in ivig]
        after += [
            months_after(_day(dose.started_at), int(numbers["live_vaccine_platelets_months"]))
            for dose in platelets
        ]
        vaccine = max(after, default=None)
    return Exposure(
        doses=doses,
        not_counted=found.not_counted,
        windows=windows,
        recent_g_per_kg=recent,
        course_g_per_kg=course,
        before=before,
        has_numbers=numbers is not None,
        blood_group=group,
        watch=watch,
        watch_from=watch_from,
        watch_until=watch_until,
        serology_until=serology,
        live_vaccine_from=vaccine,
    )


def _day(moment: datetime) -> date:
    return timezone.localdate(moment)


def _before(assessments: list[Assessment]) -> Decimal | Unknown:
    """What the first assessment was told, before anything was given here; a first infusion has none."""
    if not assessments:
        return UNKNOWN
    facts = assessments[-1].as_facts()
    return Decimal(0) if facts.first_ivig is True else facts.ivig_last_7_days_g_per_kg


@exactly
def _together(one: Decimal | Unknown, other: Decimal | Unknown) -> Decimal | Unknown:
    if isinstance(one, Unknown) or isinstance(other, Unknown):
        return UNKNOWN
    return one + other
