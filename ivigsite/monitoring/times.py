"""Moments and the engine's whole minutes: always by way of UTC, so that no clock change comes between."""

from datetime import UTC, datetime, timedelta
from typing import Final

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE: Final = timedelta(minutes=1)


def minute_of(moment: datetime) -> int:
    """Whole minutes since 1970 in UTC; seconds are cut."""
    # Subtracting two moments of one zone compares clocks, not instants; in UTC they are the same.
    return (moment.astimezone(UTC) - EPOCH) // _MINUTE


def moment_of(minute: int) -> datetime:
    return EPOCH + minute * _MINUTE
