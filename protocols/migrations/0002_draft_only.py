from django.db import migrations

from protocols.append_only import append_only
from protocols.draft_only import draft_content, versions_keep, versions_move

CONTENT = [
    "citation",
    "inputlimit",
    "gradeband",
    "bleedingrule",
    "decisionrule",
    "branch",
    "ordertemplate",
    "regimen",
    "weightpolicy",
    "product",
    "proceduretarget",
    "repeatrule",
    "gate",
    "safetyrule",
    "monitoringitem",
    "parameter",
    "text",
]

MOVES = [
    ("draft", "submitted"),
    ("submitted", "under_review"),
    ("submitted", "rejected"),
    ("under_review", "approved"),
    ("under_review", "rejected"),
    ("approved", "retired"),
    ("approved", "withdrawn"),
]

ONCE_SUBMITTED = [
    "id",
    "slug",
    "number",
    "seal",
    "change_note",
    "title",
    "target_population",
    "ctcae_version",
    "jurisdiction",
    "source_status",
    "disclaimer",
    "default_policy",
    "default_product",
    "created_at",
    "author_id",
    "submitted_at",
]
ONCE_APPROVED = [
    "reviewer_id",
    "review_started_at",
    "reviewed_at",
    "review_comment",
    "approver_id",
    "approved_at",
    "review_due_on",
]
ONCE_ENDED = ["version", "ended_by_id", "ended_at", "end_reason"]


class Migration(migrations.Migration):
    dependencies = [("protocols", "0001_initial")]

    operations = [
        draft_content(f"protocols_{name}" for name in CONTENT),
        versions_move(MOVES),
        versions_keep(
            "keeps_content",
            states=[
                "submitted",
                "under_review",
                "approved",
                "retired",
                "rejected",
                "withdrawn",
            ],
            columns=ONCE_SUBMITTED,
        ),
        versions_keep(
            "keeps_approval",
            states=["approved", "retired", "rejected", "withdrawn"],
            columns=ONCE_APPROVED,
        ),
        versions_keep(
            "keeps_ending",
            states=["retired", "rejected", "withdrawn"],
            columns=ONCE_ENDED,
        ),
        append_only("protocols_protocolevent"),
    ]
