"""What the floors above may listen to."""

from typing import Final

from django.dispatch import Signal

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
"""Sent with `encounters`, a query of them, when somebody asks whether their last assessments still hold;
answers by encounter, in words, what the floors above know and the assessment does not."""
