import uuid

import django.db.models.deletion
from django.db import migrations, models

from protocols.draft_only import draft_content


class Migration(migrations.Migration):
    dependencies = [
        ("protocols", "0013_planned_approvals_and_notes_read"),
    ]

    operations = [
        migrations.CreateModel(
            name="ResponsePoint",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("position", models.PositiveIntegerField()),
                ("key", models.CharField(max_length=100)),
                ("cites", models.JSONField(blank=True, default=list)),
                (
                    "provenance",
                    models.CharField(
                        choices=[
                            ("source_document", "source document"),
                            ("source_context", "source context"),
                            ("guideline", "guideline"),
                            ("label", "label"),
                            ("study", "study"),
                            ("house_value", "house value"),
                        ],
                        max_length=40,
                    ),
                ),
                ("uncertain", models.BooleanField(default=False)),
                ("note", models.TextField(blank=True)),
                ("day", models.PositiveIntegerField()),
                ("median_per_ul", models.PositiveIntegerField()),
                ("lower_per_ul", models.PositiveIntegerField()),
                ("upper_per_ul", models.PositiveIntegerField()),
                ("text", models.TextField(blank=True)),
                (
                    "protocol_version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="protocols.protocolversion",
                    ),
                ),
            ],
            options={
                "ordering": ["position"],
                "abstract": False,
                "constraints": [
                    models.UniqueConstraint(
                        fields=("protocol_version", "key"), name="responsepoint_key_is_unique"
                    )
                ],
            },
        ),
        draft_content(["protocols_responsepoint"]),
    ]
