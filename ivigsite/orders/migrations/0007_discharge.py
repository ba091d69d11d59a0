import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from protocols.append_only import append_only


class Migration(migrations.Migration):
    dependencies = [
        ("encounters", "0005_moves_between_versions"),
        ("orders", "0006_signed_on_replaced"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Discharge",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("responded", "Discharged, the count has responded"),
                            ("not_responded", "Discharged without a response"),
                            ("transferred", "Moved to another hospital or team"),
                            ("self_discharged", "Left against advice"),
                            ("other_cause", "Discharged, the low count has another cause"),
                            ("died", "Died"),
                        ],
                        max_length=20,
                    ),
                ),
                ("appointment", models.CharField(blank=True, max_length=300)),
                ("appointment_on", models.DateField(blank=True, null=True)),
                ("comment", models.CharField(blank=True, max_length=500)),
                ("papers", models.JSONField()),
                ("written_at", models.DateTimeField()),
                ("idempotency_key", models.UUIDField(unique=True)),
                (
                    "encounter",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="discharge",
                        to="encounters.encounter",
                    ),
                ),
                (
                    "written_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "outcome__in",
                                [
                                    "responded",
                                    "not_responded",
                                    "transferred",
                                    "self_discharged",
                                    "other_cause",
                                    "died",
                                ],
                            )
                        ),
                        name="discharge_has_a_known_outcome",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("appointment", ""), ("appointment_on", None)),
                            models.Q(
                                models.Q(("appointment", ""), _negated=True),
                                ("appointment_on__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="discharge_appointment_has_a_day",
                    ),
                ],
            },
        ),
        append_only("orders_discharge"),
    ]
