"""What the floors above may listen to; a listener runs in the transaction of the act, and can stop it."""

from typing import Final

from django.dispatch import Signal

assessment_made: Final = Signal()
"""Sent with `assessment`, `by` and `at`, before the audit entry."""

facts_noted: Final = Signal()
"""Sent with `encounter` and `at` when a form of facts is begun; answers what is on record, as a
`encounters.selectors.OnRecord` each."""

encounter_closed: Final = Signal()
"""Sent with `encounter`, `reason`, `by` and `at`, before the audit entry."""
