"""What pages of the floors below show of checks, without those floors knowing of them."""

from typing import Any

from django import template
from django.utils import timezone

from ivigsite.encounters.models import Encounter
from ivigsite.monitoring.reassessment import changed_facts
from ivigsite.monitoring.selectors import Checklist, checklist_of

register = template.Library()


@register.simple_tag
def checklist(encounter: Encounter) -> Checklist:
    """The checks of an encounter at this moment."""
    return checklist_of(encounter, at=timezone.now())


@register.inclusion_tag("monitoring/_facts_changed.html", takes_context=True)
def facts_changed(context: Any, encounter: Encounter) -> dict[str, Any]:
    """The notice that results since the last assessment would change what it said."""
    changes = changed_facts(encounter) if encounter.is_open else ()
    return {"changes": changes, "encounter": encounter, "may": context.get("may")}
