"""Moments and whole minutes by way of UTC, so that no clock change comes between; and moments in words."""

from datetime import UTC, datetime, timedelta
from typing import Final

from django.utils import timezone

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE: Final = timedelta(minutes=1)


def minute_of(moment: datetime) -> int:
    """Whole minutes since 1970 in UTC; seconds are cut."""
    # Subtracting two moments of one zone compares clocks, not instants; in UTC they are the same.
    return (moment.astimezone(UTC) - EPOCH) // _MINUTE


def moment_of(minute: int) -> datetime:
    return EPOCH + minute * _MINUTE


def short(moment: datetime) -> str:
    """Local day and time where the year is plain, such as `22-Nov 14:05`."""
    return f"{timezone.localtime(moment):%d-%b %H:%M}"
