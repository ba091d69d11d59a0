"""Dates and times as people write them at a bedside; nothing here reads the clock."""

import calendar
import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from protocols.engine.numbers import BadInput

_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_MONTH_BY_NAME = {
    name: number
    for number, month in enumerate(_MONTHS, start=1)
    for name in (month.casefold(), month[:3].casefold())
} | {"sept": 9}

# Every clock change we can know of lies between; the conversion to UTC overflows near the year 9999.
_FIRST_YEAR, _LAST_YEAR = 1850, 2199

_LONGEST = 40
_MONTHS_PER_YEAR = 12

_ISO_DATE = re.compile(r"(?P<year>[0-9]{4})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})")
_NAMED_DATE = re.compile(r"(?P<day>[0-9]{1,2})(?P<sep>[- ])(?P<name>[A-Za-z]{3,9})(?P=sep)(?P<year>[0-9]{4})")
_DATETIME = re.compile(
    r"(?P<date>.{8,}?)(?:(?<=[0-9])T| +)(?P<time>[0-9]{2}:[0-9]{2})(?: (?P<zone>\S{1,9}))?"
)
_CLOCK = re.compile(r"(?P<hour>[0-9]{1,2}):?(?P<minute>[0-9]{2})")
_RECENT = timedelta(hours=12)

_WRITE_DATE = "Write the day, the month name and the year, for example 14-Jul-1945."
_WRITE_DATETIME = "Write the date and the time of day in 24 hours, for example 22-Nov-2026 14:05."


def parse_date(text: str) -> date:
    """A date with its month as a word, or in ISO order; `03/04/1980` is two dates and therefore none."""
    if not text.isascii():
        raise BadInput("date_format", f"{_WRITE_DATE} For digits use 0–9.")
    if iso := _ISO_DATE.fullmatch(text):
        return _date(int(iso["year"]), int(iso["month"]), int(iso["day"]))
    named = _NAMED_DATE.fullmatch(text)
    if named is None or named["name"].casefold() not in _MONTH_BY_NAME:
        raise BadInput("date_format", _WRITE_DATE)
    return _date(int(named["year"]), _MONTH_BY_NAME[named["name"].casefold()], int(named["day"]))


def format_date(value: date) -> str:
    """The date as it stands on screens and sheets: 14-Jul-1945."""
    return f"{value.day:02}-{_MONTHS[value.month - 1][:3]}-{value.year:04}"


def months_after(day: date, months: int) -> date:
    """The same day so many months later; where that month is shorter, its last day."""
    years, month = divmod(day.month - 1 + months, _MONTHS_PER_YEAR)
    year = day.year + years
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(day.day, last))


def parse_datetime(text: str, zone: tzinfo) -> datetime:
    """A local date and time of that zone, as the moment in UTC.

    In the hour that the clock repeats, the zone's short name has to stand behind the time; elsewhere it may.
    """
    parts = _DATETIME.fullmatch(text) if len(text) <= _LONGEST else None
    if parts is None:
        raise BadInput("datetime_format", f"{_WRITE_DATETIME} It is read as local time, without an offset.")
    day = parse_date(parts["date"])
    return _moment(day, _time(parts["time"], day), zone, parts["zone"])


def parse_recent_time(text: str, *, now: datetime, zone: tzinfo) -> datetime:
    """A time of day as `14:05` or `1405`, read as the last such moment; with a date, the moment it names.

    A time of day alone is refused where it would lie more than twelve hours back, for then it is as likely
    a slip, or still to come.
    """
    clock = _CLOCK.fullmatch(text)
    if clock is None:
        return parse_datetime(text, zone)
    today = now.astimezone(zone).date()
    for day in (today, today - timedelta(days=1)):
        moment = parse_datetime(f"{format_date(day)} {int(clock['hour']):02}:{clock['minute']}", zone)
        if moment <= now:
            if now - moment <= _RECENT:
                return moment
            break
    shown = f"{int(clock['hour']):02}:{clock['minute']}"
    raise BadInput(
        "not_recent",
        f"{shown} is not within the last 12 hours. If it was earlier, write its date too, "
        f"for example {format_date(today - timedelta(days=1))} {shown}.",
    )


def format_datetime(value: datetime, zone: tzinfo) -> str:
    """The moment as local date and time, with the zone's short name where the hour comes twice."""
    local = value.astimezone(zone)
    text = f"{format_date(local.date())} {local:%H:%M}"
    first, second = local.replace(fold=0), local.replace(fold=1)
    if first.astimezone(UTC) == second.astimezone(UTC):
        return text
    return f"{text} {_zone_names(first, second)[local.fold]}"


def _date(year: int, month: int, day: int) -> date:
    if not _FIRST_YEAR <= year <= _LAST_YEAR:
        raise BadInput("year", f"Check the year: it must lie between {_FIRST_YEAR} and {_LAST_YEAR}.")
    try:
        return date(year, month, day)
    except ValueError as error:
        raise BadInput("no_such_date", f"There is no such date. {_WRITE_DATE}") from error


def _time(text: str, day: date) -> time:
    hour, minute = (int(part) for part in text.split(":"))
    if (hour, minute) == (24, 0):
        tomorrow = format_date(day + timedelta(days=1))
        raise BadInput("midnight", f"For midnight write 00:00 next day: {tomorrow} 00:00.")
    if hour > 23 or minute > 59:
        raise BadInput("no_such_time", "There is no such time: the day runs from 00:00 to 23:59.")
    return time(hour, minute)


def _moment(day: date, clock: time, zone: tzinfo, zone_name: str | None) -> datetime:
    first = datetime.combine(day, clock, zone)
    second = first.replace(fold=1)
    moments = first.astimezone(UTC), second.astimezone(UTC)
    if moments[0] == moments[1]:
        if zone_name not in (None, first.tzname()):
            raise BadInput("zone", f"At that time the clock shows {first.tzname()}: leave the zone out.")
        return moments[0]
    shown = f"{clock:%H:%M} on {format_date(day)}"
    if moments[1] < moments[0]:
        raise BadInput("skipped_hour", f"{shown} does not exist: the clock is put forward over it.")
    names = _zone_names(first, second)
    if zone_name not in names:
        example = f"{format_date(day)} {clock:%H:%M} {names[0]}"
        raise BadInput(
            "repeated_hour",
            f"{shown} comes twice: {names[0]} or {names[1]}? Write it after the time: {example}.",
        )
    return moments[names.index(zone_name)]


def _zone_names(first: datetime, second: datetime) -> tuple[str, str]:
    """What tells the two passes through a repeated hour apart: the name, or the offset where it stays."""
    if first.tzname() != second.tzname():
        return f"{first:%Z}", f"{second:%Z}"
    return f"UTC{first:%z}", f"UTC{second:%z}"
