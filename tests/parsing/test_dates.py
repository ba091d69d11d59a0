"""Dates and times as they are typed, the two hours a year that are odd, and the way back to text."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivigsite.parsing.dates import (
    format_date,
    format_datetime,
    months_after,
    parse_date,
    parse_datetime,
    parse_recent_time,
)
from protocols.engine.numbers import BadInput

LONDON = ZoneInfo("Europe/London")
NEW_YORK = ZoneInfo("America/New_York")
SAO_PAULO = ZoneInfo("America/Sao_Paulo")
PYONGYANG = ZoneInfo("Asia/Pyongyang")
KATHMANDU = ZoneInfo("Asia/Kathmandu")


@pytest.mark.parametrize(
    "text",
    [
        "14-Jul-1945",
        "14 Jul 1945",
        "14 July 1945",
        "14-July-1945",
        "14-jul-1945",
        "14 JULY 1945",
        "1945-07-14",
    ],
)
def test_date_with_a_named_month_or_in_iso_order_is_read(text: str) -> None:
    assert parse_date(text) == date(1945, 7, 14)


@pytest.mark.parametrize("text", ["4 Sep 2026", "04-Sept-2026", "4 September 2026"])
def test_date_takes_one_digit_days_and_the_common_short_months(text: str) -> None:
    assert parse_date(text) == date(2026, 9, 4)


@pytest.mark.parametrize(
    "text",
    [
        "03/04/1980",
        "3/4/80",
        "03.04.1980",
        "03-04-1980",
        "1980/04/03",
        "1980-4-3",
        "19800403",
        "14-Jul-45",
        "14-Jul 1945",
        "14  Jul  1945",
        "14-Juli-1945",
        "14 Ju 1945",
        "Jul 14 1945",
        "July 14, 1945",
        "14th July 1945",
        "14-Jul-1945x",
        "14-Jul-1945\n",
        "yesterday",
        "14",
        "<script>",
        "14-Jul-1945\x00",
        "1945-07-14T00:00",
        "",
    ],
)
def test_date_that_could_be_another_date_asks_for_day_month_name_and_year(text: str) -> None:
    with pytest.raises(BadInput, match="day, the month name and the year") as refusal:
        parse_date(text)

    assert refusal.value.code == "date_format"


@pytest.mark.parametrize("text", ["١٤-Jul-1945", "１４ Jul 1945", "1945‑07‑14"])
def test_date_in_other_digits_or_hyphens_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="use 0–9"):
        parse_date(text)


@pytest.mark.parametrize(
    "text", ["31-Jun-2026", "29 Feb 2025", "2025-02-29", "2026-13-01", "0 Jan 2026", "32 Jan 2026"]
)
def test_date_that_is_in_no_calendar_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="no such date"):
        parse_date(text)


@pytest.mark.parametrize("text", ["0000-01-01", "0194-05-07", "14 Jul 0945", "9999-12-31", "1-Jan-2200"])
def test_date_with_an_absurd_year_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="Check the year"):
        parse_date(text)


def test_leap_day_is_a_date() -> None:
    assert parse_date("29-Feb-2024") == date(2024, 2, 29)


def test_date_is_written_with_its_month_as_a_word() -> None:
    assert format_date(date(1945, 7, 4)) == "04-Jul-1945"


@given(st.dates(date(1850, 1, 1), date(2199, 12, 31)))
def test_written_date_is_read_back(value: date) -> None:
    assert parse_date(format_date(value)) == parse_date(value.isoformat()) == value


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-22 14:05",
        "22-Nov-2026 14:05",
        "22 November 2026  14:05",
        "2026-11-22T14:05",
        "2026-11-22 14:05 GMT",
    ],
)
def test_time_in_winter_is_read_as_local_time(text: str) -> None:
    assert parse_datetime(text, LONDON) == datetime(2026, 11, 22, 14, 5, tzinfo=UTC)


def test_time_in_summer_is_stored_in_utc() -> None:
    moment = parse_datetime("22-Jul-2026 14:05", LONDON)

    assert moment == datetime(2026, 7, 22, 13, 5, tzinfo=UTC)
    assert moment.tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-22",
        "14:05",
        "2026-11-22 14",
        "2026-11-22 1405",
        "2026-11-22 9:05",
        "2026-11-22 2:05 pm",
        "2026-11-22 14:05:30",
        "2026-11-22 14.05",
        "2026-11-22t14:05",
        "2026-11-22T14:05Z",
        "2026-11-22T14:05+00:00",
        "9999-12-31T23:59:00-05:00",
        "2026-11-22 14:05  GMT",
        "now",
        "2026-11-22 14:05\x00",
        "2026-11-22 １４:05",
        "22-Nov-2026" + " " * 100_000 + "14:05",
        "",
    ],
)
def test_time_in_another_shape_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(BadInput, match="for example 22-Nov-2026 14:05") as refusal:
        parse_datetime(text, LONDON)

    assert refusal.value.code == "datetime_format"


@pytest.mark.parametrize("text", ["03/04/1980 10:00", "22 Nov 2026, 14:05", "22-Nov-26 14:05"])
def test_time_on_a_date_in_another_shape_asks_for_the_month_name(text: str) -> None:
    with pytest.raises(BadInput, match="month name"):
        parse_datetime(text, LONDON)


@pytest.mark.parametrize("text", ["9999-12-31T23:59", "0001-01-01 00:00"])
@pytest.mark.parametrize("zone", [LONDON, NEW_YORK, KATHMANDU])
def test_time_at_the_edge_of_the_calendar_is_refused_not_an_overflow(text: str, zone: ZoneInfo) -> None:
    with pytest.raises(BadInput, match="Check the year"):
        parse_datetime(text, zone)


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [
        ("2026-11-22 24:00", "00:00 next day: 23-Nov-2026 00:00"),
        ("31-Dec-2026 24:00", "00:00 next day: 01-Jan-2027 00:00"),
        ("2199-12-31 24:00", "00:00 next day: 01-Jan-2200 00:00"),
    ],
)
def test_midnight_as_24_00_suggests_the_next_day(text: str, suggestion: str) -> None:
    with pytest.raises(BadInput, match=suggestion):
        parse_datetime(text, LONDON)


@pytest.mark.parametrize("clock", ["24:01", "25:00", "23:60", "99:99"])
def test_time_that_is_on_no_clock_is_refused(clock: str) -> None:
    with pytest.raises(BadInput, match="no such time"):
        parse_datetime(f"2026-11-22 {clock}", LONDON)


def test_time_in_the_repeated_hour_asks_which_one() -> None:
    with pytest.raises(BadInput, match=r"BST or GMT\? .*25-Oct-2026 01:30 BST") as refusal:
        parse_datetime("2026-10-25 01:30", LONDON)

    assert refusal.value.code == "repeated_hour"


@pytest.mark.parametrize(("zone", "hour"), [("BST", 0), ("GMT", 1)])
def test_time_in_the_repeated_hour_is_read_with_its_zone(zone: str, hour: int) -> None:
    moment = parse_datetime(f"2026-10-25 01:30 {zone}", LONDON)

    assert moment == datetime(2026, 10, 25, hour, 30, tzinfo=UTC)


@pytest.mark.parametrize("zone", ["CET", "bst", "UTC", "+01:00"])
def test_time_in_the_repeated_hour_takes_only_its_two_zones(zone: str) -> None:
    with pytest.raises(BadInput, match=r"BST or GMT\?"):
        parse_datetime(f"2026-10-25 01:30 {zone}", LONDON)


@pytest.mark.parametrize("clock", ["00:59", "02:00"])
def test_time_beside_the_repeated_hour_needs_no_zone(clock: str) -> None:
    assert format_datetime(parse_datetime(f"2026-10-25 {clock}", LONDON), LONDON) == f"25-Oct-2026 {clock}"


def test_time_in_the_skipped_hour_is_refused() -> None:
    with pytest.raises(BadInput, match="01:30 on 29-Mar-2026 does not exist"):
        parse_datetime("2026-03-29 01:30", LONDON)


def test_zone_that_the_clock_does_not_show_is_refused() -> None:
    with pytest.raises(BadInput, match="the clock shows BST"):
        parse_datetime("2026-07-22 14:05 GMT", LONDON)


@pytest.mark.parametrize(
    ("zone", "text", "names"),
    [
        (NEW_YORK, "2026-11-01 01:30", ("EDT", "EST")),
        (SAO_PAULO, "2018-02-17 23:30", ("-02", "-03")),
        (PYONGYANG, "2015-08-14 23:45", ("UTC+0900", "UTC+0830")),
    ],
)
def test_repeated_hour_of_any_zone_has_a_way_on(zone: ZoneInfo, text: str, names: tuple[str, str]) -> None:
    with pytest.raises(BadInput, match="comes twice") as refusal:
        parse_datetime(text, zone)
    first, second = (parse_datetime(f"{text} {name}", zone) for name in names)

    assert all(name in refusal.value.message for name in names)
    assert first < second
    assert format_datetime(first, zone).endswith(names[0])
    assert format_datetime(second, zone).endswith(names[1])


@given(
    st.integers(0, 120_000_000),
    st.sampled_from([LONDON, NEW_YORK, SAO_PAULO, PYONGYANG, KATHMANDU]),
)
def test_written_moment_is_read_back(minutes: int, zone: ZoneInfo) -> None:
    moment = datetime(1971, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)

    assert parse_datetime(format_datetime(moment, zone), zone) == moment


@given(st.integers(0, 24 * 60 - 1))
def test_every_minute_of_the_long_day_is_written_differently(minute: int) -> None:
    start = datetime(2026, 10, 24, 23, 0, tzinfo=UTC)
    written = format_datetime(start + timedelta(minutes=minute), LONDON)

    assert written != format_datetime(start + timedelta(minutes=minute + 60), LONDON)


@given(
    st.one_of(
        st.text(max_size=45),
        st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}( [A-Z]{3})?", fullmatch=True),
    )
)
def test_any_text_is_a_moment_or_bad_input(text: str) -> None:
    for zone in (LONDON, NEW_YORK):
        try:
            moment = parse_datetime(text, zone)
        except BadInput:
            continue
        assert moment.tzinfo is UTC


RECENT = datetime(2026, 11, 22, 0, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("0005", datetime(2026, 11, 22, 0, 5, tzinfo=UTC)),
        ("00:10", datetime(2026, 11, 22, 0, 10, tzinfo=UTC)),
        ("2350", datetime(2026, 11, 21, 23, 50, tzinfo=UTC)),
        ("12:10", datetime(2026, 11, 21, 12, 10, tzinfo=UTC)),
        ("21-Nov-2026 09:00", datetime(2026, 11, 21, 9, 0, tzinfo=UTC)),
    ],
)
def test_time_of_day_alone_is_the_last_such_moment(text: str, moment: datetime) -> None:
    assert parse_recent_time(text, now=RECENT, zone=LONDON) == moment


@pytest.mark.parametrize("text", ["0011", "12:09", "noon", "2460", "٠٠٠٥", "1", "12:5", "24:00"])
def test_time_that_is_no_recent_moment_is_refused(text: str):
    with pytest.raises(BadInput):
        parse_recent_time(text, now=RECENT, zone=LONDON)


def test_time_in_the_repeated_hour_has_to_say_which():
    now = datetime(2026, 10, 25, 3, 0, tzinfo=UTC)

    with pytest.raises(BadInput) as refusal:
        parse_recent_time("0130", now=now, zone=LONDON)

    assert refusal.value.code == "repeated_hour"


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2023, 12, 31), 2, date(2024, 2, 29)),
        (date(2026, 11, 27), 11, date(2027, 10, 27)),
        (date(2026, 12, 1), 12, date(2027, 12, 1)),
    ],
)
def test_months_later_is_the_same_day_or_the_last_of_the_month(day: date, months: int, expected: date):
    assert months_after(day, months) == expected
