from django.db import migrations

from protocols.draft_only import (
    versions_end_anew,
    versions_keep,
    versions_keep_unless,
    versions_move,
    without_version_guards,
)

MOVES = [
    ("draft", "submitted"),
    ("submitted", "under_review"),
    ("submitted", "rejected"),
    ("under_review", "approved"),
    ("under_review", "rejected"),
    ("approved", "retired"),
    ("approved", "withdrawn"),
    ("retired", "withdrawn"),
    ("withdrawn", "approved"),
]

ONCE_ENDED = ["version", "ended_by_id", "ended_at", "end_reason"]


class Migration(migrations.Migration):
    dependencies = [("protocols", "0017_arm_with_call")]

    operations = [
        without_version_guards("begins", "stays", "moves", "keeps_ending"),
        versions_move(MOVES),
        versions_keep("keeps_ending", states=["rejected"], columns=ONCE_ENDED),
        # Encounters stay on a version that was replaced; its first ending is then told by its events.
        versions_keep_unless(
            "keeps_retirement", states=["retired"], columns=ONCE_ENDED, moving_to="withdrawn"
        ),
        versions_end_anew("retired", "withdrawn"),
    ]
