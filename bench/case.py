"""A whole case as a browser posts it, and what somebody changes in it while typing."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from django.utils import timezone

from ivigsite.parsing.dates import format_date, format_datetime
from ivigsite.parsing.quantities import CountUnit
from tests.scenario import COMPLETE

Posted = dict[str, str | list[str]]

UNITS = {"creatinine_umol_per_l": "umol_per_l", "iga_g_per_l": "g_per_l"}
# What is changed while the panel beside the form follows, one after the other.
KEYSTROKES: tuple[Mapping[str, str], ...] = (
    {},
    {"platelets": "7"},
    {"platelets": "18.000"},
    {"bleeding_level": "none"},
    {"bleeding_level": "life_threatening"},
    {"urgent_surgery": "yes"},
    {"rapid_rise": "yes", "rapid_rise_reason": "Theatre is booked"},
    {"height_cm": "160"},
    {"weight_kg": ""},
    {"iga_g_per_l": ""},
)


def posted_case(now: datetime, facts: Mapping[str, Any] = COMPLETE) -> Posted:
    """The facts as the fields of the form, in the words a browser sends."""
    posted: Posted = {
        "platelets_unit": CountUnit.PER_UL.value,
        "usual_platelets": "150000",
        "usual_platelets_unit": CountUnit.PER_UL.value,
        "sampled_at": format_datetime(now - timedelta(hours=2), timezone.get_default_timezone()),
        "weighed_on": format_date((now - timedelta(days=1)).date()),
        "bleeding_seen_at": format_datetime(now - timedelta(hours=1), timezone.get_default_timezone()),
        "creatinine_taken_at": format_datetime(now - timedelta(hours=3), timezone.get_default_timezone()),
        "bleeding_level_reason": "Oozing from three sites, seen with the ward's senior physician",
    }
    for key, value in facts.items():
        name = "platelets" if key == "platelets_per_ul" else key
        posted[name] = as_typed(value)
        if unit := UNITS.get(key):
            posted[f"{key}_unit"] = unit
    return posted


def as_typed(value: Any) -> str | list[str]:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return value or ["none"]
    return str(value)


def while_typing(case: Posted) -> Iterator[Posted]:
    """Forms without end, no two alike, so that nothing kept of one answer makes the next look quick.

    The count is another one each time; the weight, and with it the doses, in each round of keystrokes.
    """
    for number in count():
        turn, keystroke = divmod(number, len(KEYSTROKES))
        weight_kg = f"{60 + turn % 60}.{turn % 10}"
        yield {**case, "platelets": str(11_000 + number), "weight_kg": weight_kg, **KEYSTROKES[keystroke]}
