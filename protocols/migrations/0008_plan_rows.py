import uuid

import django.db.models.deletion
from django.db import migrations, models

from protocols.draft_only import draft_content, draft_content_lifted


class Migration(migrations.Migration):
    dependencies = [
        ("protocols", "0007_checklist_results"),
    ]

    operations = [
        draft_content_lifted(["protocols_product"]),
        migrations.AddField(
            model_name="product",
            name="flush",
            field=models.TextField(blank=True),
        ),
        migrations.AddField(
            model_name="product",
            name="handling",
            field=models.TextField(blank=True),
        ),
        draft_content(["protocols_product"]),
        migrations.CreateModel(
            name="AccessPlan",
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
                ("title", models.TextField()),
                ("lanes", models.JSONField(blank=True, default=list)),
                ("when", models.JSONField(blank=True, default=list)),
                ("text", models.TextField()),
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
                        fields=("protocol_version", "key"), name="accessplan_key_is_unique"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ProductPreference",
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
                ("text", models.TextField()),
                ("when", models.JSONField(blank=True, default=list)),
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
                        fields=("protocol_version", "key"), name="productpreference_key_is_unique"
                    )
                ],
            },
        ),
        draft_content(["protocols_accessplan", "protocols_productpreference"]),
    ]
