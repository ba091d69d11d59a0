"""What an assessment starts with once immunoglobulin was begun here: when, how much, and that it is no first.

A new assessment would else carry on that this is the first ever, and no rule would count the last dose.
"""

from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any, Final

from django.utils import timezone

from ivigsite.encounters.models import Encounter
from ivigsite.encounters.selectors import OnRecord
from ivigsite.encounters.signals import facts_noted
from ivigsite.orders.facts_now import facts_now
from ivigsite.orders.given import given_in, ivig_of
from ivigsite.parsing.dates import format_datetime
from protocols.engine.facts import Unknown

# As many decimals as the fields of an assessment take.
_PLACES: Final = Decimal("0.01")


def listen() -> None:
    facts_noted.connect(_note_doses, dispatch_uid="orders.doses_noted")


def _note_doses(sender: object, *, encounter: Encounter, at: datetime, **_: Any) -> list[OnRecord]:
    """The last assessment's answers brought up to date; what they leave unknown is asked again."""
    last = encounter.assessments.first()
    doses = ivig_of(given_in(encounter).doses)
    if last is None or not doses:
        return []
    facts = facts_now(last, doses, at=at)
    answers = {"first_ivig": "no"}
    # A dose is never told as longer ago or smaller than it was.
    if not isinstance(facts.hours_since_last_ivig, Unknown):
        answers["hours_since_last_ivig"] = _typed(facts.hours_since_last_ivig, ROUND_FLOOR)
    if not isinstance(facts.ivig_last_7_days_g_per_kg, Unknown):
        answers["ivig_last_7_days_g_per_kg"] = _typed(facts.ivig_last_7_days_g_per_kg, ROUND_CEILING)
    begun = format_datetime(doses[-1].started_at, timezone.get_default_timezone())
    return [
        OnRecord(
            answers=answers,
            level="warning",
            source=f"Immunoglobulin was begun here, the last on {begun}.",
            action="That, the time since and the sum of 7 days are filled in below. Check them.",
            noted_at=max(dose.noted_at for dose in doses),
        )
    ]


def _typed(value: Decimal, rounding: str) -> str:
    text = f"{value.quantize(_PLACES, rounding=rounding):f}"
    return text.rstrip("0").rstrip(".")
