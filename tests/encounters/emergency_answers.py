"""What people type on the emergency screen, for tests."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from django.utils import timezone

from ivigsite.encounters.models import Encounter


def emergency_answers(encounter: Encounter, /, **changes: Any) -> dict[str, Any]:
    """The filled screen, its button pressed; None leaves an answer out."""
    answers = {
        "bleeding_sites": ["cns"],
        "platelets": "6",
        "platelets_unit": "e9_per_l",
        "sampled_at": clock_time(timezone.now() - timedelta(minutes=40)),
        "weight_kg": "85",
        "weight_source": "by_eye",
        "ttp_suspected": "no",
        "hit_suspected": "unknown",
        "immunoglobulin_reaction": "no",
        "encounter": str(encounter.pk),
        "version": str(Encounter.objects.get(pk=encounter.pk).version),
        "idempotency_key": str(uuid4()),
        **changes,
    }
    return {name: value for name, value in answers.items() if value is not None}


def clock_time(moment: datetime) -> str:
    """Hours and minutes on the ward's clock, as somebody in a hurry types them."""
    return timezone.localtime(moment).strftime("%H%M")
