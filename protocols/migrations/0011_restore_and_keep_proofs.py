from django.db import migrations

from protocols.append_only import append_only, frozen_when
from protocols.draft_only import (
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
    ("withdrawn", "approved"),
]

ONCE_ENDED = ["version", "ended_by_id", "ended_at", "end_reason"]


class Migration(migrations.Migration):
    dependencies = [("protocols", "0010_proofs_and_comments")]

    operations = [
        without_version_guards("begins", "stays", "moves", "keeps_ending"),
        versions_move(MOVES),
        versions_keep("keeps_ending", states=["retired", "rejected"], columns=ONCE_ENDED),
        # Two people may put a withdrawn version into use again; its ending is then told by its events.
        versions_keep_unless(
            "keeps_withdrawal", states=["withdrawn"], columns=ONCE_ENDED, moving_to="approved"
        ),
        append_only("protocols_proofconfirmation"),
        append_only("protocols_rowcomment"),
        frozen_when("protocols_proof", "OLD.state IN ('done', 'failed')"),
    ]
