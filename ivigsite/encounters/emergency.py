"""The clock of an emergency as pages show it; starting and stopping it stand in actions.py."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ivigsite.encounters.models import EmergencyEndingKind, EmergencyStart, Encounter

ENDED_WORDS: Final = {
    EmergencyEndingKind.TREATED.value: "first treatment signed",
    EmergencyEndingKind.STOOD_DOWN.value: "stood down",
    EmergencyEndingKind.CLOSED.value: "encounter closed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class EmergencyClock:
    """The last emergency of an encounter at one moment: how long it has run, or how long it ran."""

    started_at: datetime
    started_by: str
    ended_at: datetime | None
    ended_word: str
    reason: str
    elapsed: str
    elapsed_seconds: int

    @property
    def is_running(self) -> bool:
        return self.ended_at is None


def clock_of(encounter: Encounter, *, at: datetime) -> EmergencyClock | None:
    """The clock of the encounter's last emergency; None where there never was one."""
    last = encounter.emergencies.select_related("started_by", "ending").first()
    return None if last is None else _clock(last, at)


def running_clock(encounter: Encounter, *, at: datetime) -> EmergencyClock | None:
    """The clock that runs now, or None."""
    clock = clock_of(encounter, at=at)
    return clock if clock is not None and clock.is_running else None


def emergency_at(encounter: Encounter, moment: datetime) -> EmergencyStart | None:
    """The emergency that ran at a moment: what was assessed and signed then belongs to it."""
    for start in encounter.emergencies.select_related("ending"):
        ending = getattr(start, "ending", None)
        if start.started_at <= moment and (ending is None or moment <= ending.ended_at):
            return start
    return None


def elapsed_words(span: timedelta) -> str:
    """A span in its two largest units, to the second in the first hour, such as `3 min 12 s`."""
    seconds = max(0, span // timedelta(seconds=1))
    minutes, seconds = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h"


def _clock(start: EmergencyStart, at: datetime) -> EmergencyClock:
    ending = getattr(start, "ending", None)
    ended_at = ending.ended_at if ending else None
    return EmergencyClock(
        started_at=start.started_at,
        started_by=start.started_by.full_name,
        ended_at=ended_at,
        ended_word=ENDED_WORDS[ending.kind] if ending else "",
        reason=ending.comment or ending.get_reason_display() if ending else "",
        elapsed=elapsed_words((ended_at or at) - start.started_at),
        elapsed_seconds=((ended_at or at) - start.started_at) // timedelta(seconds=1),
    )
