"""What the floors above may listen to."""

from collections import defaultdict
from typing import Any, Final
from uuid import UUID

from django.dispatch import Signal

from ivigsite.encounters.models import Encounter

handover_noted: Final = Signal()
"""Sent with `encounters`, their keys, when the handover is read; answers sentences by encounter that need
somebody, from what the floors above know."""

handover_given: Final = Signal()
"""Sent with `encounters`, their keys, when the handover is read; answers sentences by encounter on what was
given, for whoever goes on."""

platelets_noted: Final = Signal()
"""Sent with `encounter` when a result is judged; answers the platelet doses, as `Run`, that the floors above
know of and no check is counted from."""

facts_overtaken: Final = Signal()
"""Sent with `encounter` when somebody asks whether its last assessment still holds; answers sentences on what
the floors above know and the assessment does not."""

encounters_overtaken: Final = Signal()
"""Sent with `user` when somebody asks the same of all open encounters of their wards; answers the keys of
those of which `facts_overtaken` has something to say."""


def told_of(signal: Signal, encounters: Any) -> dict[UUID, list[str]]:
    """What the floors above have to tell of these encounters, in sentences by encounter."""
    found: dict[UUID, list[str]] = defaultdict(list)
    answers: list[tuple[Any, Any]] = signal.send(sender=Encounter, encounters=encounters)
    for _, told in answers:
        for key, sentences in told.items():
            found[key] += sentences
    return found
