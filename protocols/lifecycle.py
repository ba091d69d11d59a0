"""The states of a protocol version and the moves between them."""

from typing import Final

from django.db.models import TextChoices


class Refused(Exception):
    """A step cannot be taken; the message says why, in words for the person who tried."""


class State(TextChoices):
    DRAFT = "draft", "Draft"
    SUBMITTED = "submitted", "Submitted"
    UNDER_REVIEW = "under_review", "Under review"
    APPROVED = "approved", "Approved"
    RETIRED = "retired", "Retired"
    REJECTED = "rejected", "Rejected"
    WITHDRAWN = "withdrawn", "Withdrawn"


# Retired and withdrawn are told apart: on a version that was replaced an order may still be signed, with a
# reason; on one that was taken out of use, never.
MOVES: Final[frozenset[tuple[State, State]]] = frozenset(
    {
        (State.DRAFT, State.SUBMITTED),
        (State.SUBMITTED, State.UNDER_REVIEW),
        (State.SUBMITTED, State.REJECTED),
        (State.UNDER_REVIEW, State.APPROVED),
        (State.UNDER_REVIEW, State.REJECTED),
        (State.APPROVED, State.RETIRED),
        (State.APPROVED, State.WITHDRAWN),
        # What was replaced is still signed on, with a reason, until its encounters have moved.
        (State.RETIRED, State.WITHDRAWN),
        (State.WITHDRAWN, State.APPROVED),
    }
)

BEFORE_APPROVAL: Final = (State.DRAFT, State.SUBMITTED, State.UNDER_REVIEW)
REVIEWED: Final = (State.APPROVED, State.RETIRED, State.WITHDRAWN)
ENDED: Final = (State.RETIRED, State.REJECTED, State.WITHDRAWN)


class EventKind(TextChoices):
    IMPORTED = "imported", "Imported"
    COPIED = "copied", "Started as a copy"
    EDITED = "edited", "Edited"
    SUBMITTED = "submitted", "Submitted"
    REVIEW_STARTED = "review_started", "Review started"
    REVIEW_RECORDED = "review_recorded", "Review recorded"
    APPROVED = "approved", "Approved"
    PLANNED = "planned", "Approved for later"
    IN_FORCE = "in_force", "Came into force"
    REJECTED = "rejected", "Rejected"
    RETIRED = "retired", "Retired"
    WITHDRAWN = "withdrawn", "Withdrawn"
    RESTORE_ASKED = "restore_asked", "Restoring asked for"
    RESTORED = "restored", "Restored"


# Whoever did one of these has a hand in what the version says, and neither reviews nor approves it.
AUTHORING: Final = (EventKind.IMPORTED, EventKind.COPIED, EventKind.EDITED, EventKind.SUBMITTED)
