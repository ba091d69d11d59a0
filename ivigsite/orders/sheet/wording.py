"""How the hospital writes amounts, counts, dates, times and names; the one formatter for screen and paper."""

import re
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from zoneinfo import ZoneInfo

from protocols.engine.numbers import unit_beside

# Not strftime's: its month names follow the locale of whatever machine prints.
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"
LONGEST_UNBROKEN = 32
# In sentences of a protocol, which are stored with ordinary spaces.
_BEFORE_UNIT = re.compile(
    r"(?<=\d) (?=%|(?:g|kg|mg|micrograms?|mL|L|mmol|units?|h|min|minutes?|hours?|days?|weeks?|months?"
    r"|mm|cm|mmHg|micron|percent|degrees?|adult doses?)\b)"
)


def format_number(value: Decimal | int) -> str:
    """Leading zero, no trailing zero, no exponent, commas from 1,000."""
    text = format(value, ",f") if isinstance(value, Decimal) else format(value, ",d")
    return text.rstrip("0").rstrip(".") if "." in text else text


def format_amount(value: Decimal | int, unit: str) -> str:
    """Number and unit, which never part at the end of a line."""
    return format_dose(value, unit).replace(" ", NO_BREAK_SPACE)


def format_dose(value: Decimal | int, unit: str) -> str:
    """A number beside the first word of its unit; a unit of many words may go on in the next line."""
    return f"{format_number(value)}{NO_BREAK_SPACE}{unit_beside(value, unit)}"


def keep_together(phrase: str) -> str:
    """A short phrase that never parts at the end of a line; a long one must be able to."""
    return phrase.replace(" ", NO_BREAK_SPACE) if len(phrase) <= LONGEST_UNBROKEN else phrase


def keep_units_beside(text: str) -> str:
    """The text with each number beside its unit: neither is read alone at the end or start of a line."""
    return _BEFORE_UNIT.sub(NO_BREAK_SPACE, text)


def format_count(platelets_per_ul: int) -> str:
    thousands = format_number(Decimal(platelets_per_ul) / 1000)
    per_litre = keep_together(f"{thousands} x 10\N{SUPERSCRIPT NINE} per litre")
    return f"{format_amount(platelets_per_ul, 'per microlitre')} ({per_litre})"


def format_date(day: date) -> str:
    return f"{day.day:02d}-{MONTHS[day.month - 1]}-{day.year:04d}"


def format_time(at: datetime, time_zone: str) -> str:
    """24-hour time in the ward's zone, with the zone's name in the hour that happens twice."""
    local = at.astimezone(ZoneInfo(time_zone))
    is_repeated = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
    return f"{local:%H:%M} {local.tzname()}" if is_repeated else f"{local:%H:%M}"


def format_day(at: datetime, time_zone: str) -> str:
    """The date of a moment in the ward's zone."""
    return format_date(at.astimezone(ZoneInfo(time_zone)).date())


def format_moment(at: datetime, time_zone: str) -> str:
    local = at.astimezone(ZoneInfo(time_zone))
    return f"{format_date(local.date())} {format_time(at, time_zone)}".replace(" ", NO_BREAK_SPACE)


def format_moment_in_cell(at: datetime, time_zone: str) -> str:
    """A moment whose time may go on in the next line: with the name of its zone it fits few columns."""
    return format_moment(at, time_zone).replace(NO_BREAK_SPACE, " ", 1)


def format_moment_with_offset(at: datetime, time_zone: str) -> str:
    """Date, time and distance from UTC, for the moments somebody may have to prove."""
    offset = f"{at.astimezone(ZoneInfo(time_zone)):%z}"
    return f"{format_moment(at, time_zone)}{NO_BREAK_SPACE}(UTC{offset[:3]}:{offset[3:]})"


def format_moment_to_the_second(at: datetime, time_zone: str) -> str:
    """For a clock that people race: when it started."""
    return f"{format_moment(at, time_zone)}:{at:%S}"


def format_minutes(minutes: int) -> str:
    hours, rest = divmod(minutes, 60)
    parts = [format_amount(hours, "h")] if hours else []
    if rest or not hours:
        parts.append(format_amount(rest, "min"))
    return NO_BREAK_SPACE.join(parts)


def format_name(family_name: str, given_name: str, title: str) -> str:
    name = f"{family_name.upper()}, {given_name}"
    return f"{name} ({title})" if title else name


def format_birth(born_on: date, age_years: int) -> str:
    return f"Born {format_date(born_on)} ({age_years}y)".replace(" ", NO_BREAK_SPACE)


def format_record_number(number: str) -> str:
    """Ten digits as 3-3-4, the way they are read out; any other number as it was given."""
    if not re.fullmatch(r"[0-9]{10}", number):
        return number
    return NO_BREAK_SPACE.join((number[:3], number[3:6], number[6:]))


def apply_tall_man(text: str, tall_man_names: Iterable[str]) -> str:
    """The text with each listed drug in tall-man letters."""
    for name in tall_man_names:
        text = _in_any_case(name).sub(name, text)
    return text


@cache
def _in_any_case(name: str) -> re.Pattern[str]:
    return re.compile(rf"\b{re.escape(name)}\b", re.IGNORECASE)
