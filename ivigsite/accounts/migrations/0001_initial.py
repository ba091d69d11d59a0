import uuid

import django.contrib.auth.validators
import django.db.models.deletion
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="FailedPasswords",
            fields=[
                (
                    "username_digest",
                    models.CharField(max_length=64, primary_key=True, serialize=False),
                ),
                ("count", models.PositiveIntegerField(default=0)),
                ("refused_until", models.DateTimeField(null=True)),
            ],
            options={
                "verbose_name_plural": "failed passwords",
            },
        ),
        migrations.CreateModel(
            name="Ward",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("code", models.CharField(max_length=12, unique=True)),
                ("name", models.CharField(max_length=80, unique=True)),
            ],
            options={
                "ordering": ["name"],
            },
        ),
        migrations.CreateModel(
            name="User",
            fields=[
                ("password", models.CharField(max_length=128, verbose_name="password")),
                (
                    "last_login",
                    models.DateTimeField(blank=True, null=True, verbose_name="last login"),
                ),
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "username",
                    models.CharField(
                        error_messages={"unique": "This user name is taken."},
                        max_length=64,
                        unique=True,
                        validators=[django.contrib.auth.validators.ASCIIUsernameValidator()],
                        verbose_name="user name",
                    ),
                ),
                (
                    "full_name",
                    models.CharField(max_length=120, verbose_name="full name"),
                ),
                (
                    "registration_number",
                    models.CharField(
                        blank=True,
                        max_length=32,
                        verbose_name="professional registration number",
                    ),
                ),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("physician", "Physician"),
                            ("nurse", "Nurse"),
                            ("pharmacist", "Pharmacist"),
                            ("haematologist", "Haematologist"),
                            ("protocol_author", "Protocol author"),
                            ("protocol_reviewer", "Protocol reviewer"),
                            ("protocol_approver", "Protocol approver"),
                            ("admin", "Administrator"),
                        ],
                        max_length=24,
                    ),
                ),
                (
                    "chosen_view",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("physician", "Physician"),
                            ("nurse", "Nurse"),
                            ("pharmacist", "Pharmacist"),
                            ("haematologist", "Haematologist"),
                        ],
                        max_length=16,
                        verbose_name="personal view",
                    ),
                ),
                (
                    "theme",
                    models.CharField(
                        choices=[
                            ("system", "As this device"),
                            ("light", "Light"),
                            ("dark", "Dark"),
                        ],
                        default="system",
                        max_length=8,
                    ),
                ),
                (
                    "is_active",
                    models.BooleanField(default=True, verbose_name="may sign in"),
                ),
                (
                    "wards",
                    models.ManyToManyField(blank=True, related_name="users", to="accounts.ward"),
                ),
            ],
            options={
                "ordering": ["full_name", "username"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "role__in",
                                [
                                    "physician",
                                    "nurse",
                                    "pharmacist",
                                    "haematologist",
                                    "protocol_author",
                                    "protocol_reviewer",
                                    "protocol_approver",
                                    "admin",
                                ],
                            )
                        ),
                        name="user_role_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("theme__in", ["system", "light", "dark"])),
                        name="user_theme_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "chosen_view__in",
                                ["", "physician", "nurse", "pharmacist", "haematologist"],
                            )
                        ),
                        name="user_view_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("username", django.db.models.functions.text.Lower("username"))),
                        name="user_name_is_lower_case",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="SignIn",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("started_at", models.DateTimeField()),
                ("last_active_at", models.DateTimeField()),
                ("address", models.GenericIPAddressField(null=True)),
                ("device", models.CharField(blank=True, max_length=200)),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "ending",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("signed_out", "Signed out"),
                            ("idle", "No activity"),
                            ("shift_over", "Longest time reached"),
                            ("ended_by_user", "Ended from another session"),
                            ("password_changed", "Password changed"),
                            ("account_changed", "Account changed or disabled"),
                        ],
                        max_length=20,
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="sign_ins",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["-last_active_at"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("ended_at", None)),
                        fields=["user"],
                        name="sign_in_open",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("ended_at", None), ("ending", "")),
                            models.Q(
                                ("ended_at__isnull", False),
                                models.Q(("ending", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="sign_in_ends_with_a_reason",
                    )
                ],
            },
        ),
    ]
