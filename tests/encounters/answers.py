"""What people type into the forms, for tests."""

from typing import Any
from uuid import uuid4

from ivigsite.encounters.models import Encounter

BLEED: dict[str, Any] = {
    "platelets": "18",
    "platelets_unit": "e9_per_l",
    "bleeding_findings": ["melaena"],
    "who_bleeding_grade": "2",
    "urgent_surgery": "no",
    "rapid_rise": "no",
    "weight_kg": "72",
    "weight_method": "measured",
}

PATIENT: dict[str, str] = {
    "record_number": "943 476 5919",
    "family_name": "Examplesson",
    "given_name": "Maja",
    "title": "",
    "birth_date": "14-Jul-1945",
    "sex": "female",
    "allergies_known": "none_known",
    "allergies": "",
}


def saving(encounter: Encounter, /, **changes: Any) -> dict[str, Any]:
    """A filled assessment form whose button "Save assessment" was pressed."""
    return {
        **BLEED,
        "encounter": str(encounter.pk),
        "version": str(Encounter.objects.get(pk=encounter.pk).version),
        "idempotency_key": str(uuid4()),
        "save": "1",
        **changes,
    }
