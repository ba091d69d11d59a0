from collections.abc import Iterable
from typing import Any, ClassVar
from uuid import uuid4

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.validators import ASCIIUsernameValidator
from django.db import models
from django.db.models import CheckConstraint, Q
from django.db.models.functions import Lower

from ivigsite.accounts.permissions import ROLE_PERMISSIONS, Permission
from ivigsite.accounts.roles import ROLE_VIEW_OF, Role, RoleView, Theme


class Ward(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    code = models.CharField(max_length=12, unique=True)
    name = models.CharField(max_length=80, unique=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class UserManager(BaseUserManager["User"]):
    def create_user(
        self,
        *,
        username: str,
        password: str,
        role: str,
        full_name: str,
        wards: Iterable[Ward] = (),
        **fields: Any,
    ) -> "User":
        user = self.model(username=username.lower(), role=role, full_name=full_name, **fields)
        user.set_password(password)
        user.save(using=self._db)
        user.wards.set(wards)
        return user

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(username=(username or "").lower())


class User(AbstractBaseUser):
    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    username = models.CharField(
        "user name",
        max_length=64,
        unique=True,
        validators=[ASCIIUsernameValidator()],
        error_messages={"unique": "This user name is taken."},
    )
    full_name = models.CharField("full name", max_length=120)
    registration_number = models.CharField("professional registration number", max_length=32, blank=True)
    role = models.CharField(max_length=24, choices=Role.choices)
    wards = models.ManyToManyField(Ward, blank=True, related_name="users")
    chosen_view = models.CharField("personal view", max_length=16, choices=RoleView.choices, blank=True)
    theme = models.CharField(max_length=8, choices=Theme.choices, default=Theme.SYSTEM)
    is_active = models.BooleanField("may sign in", default=True)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS = ["full_name", "role"]

    class Meta:
        ordering = ["full_name", "username"]
        constraints = [
            CheckConstraint(condition=Q(role__in=Role.values), name="user_role_is_known"),
            CheckConstraint(condition=Q(theme__in=Theme.values), name="user_theme_is_known"),
            CheckConstraint(
                condition=Q(chosen_view__in=["", *RoleView.values]),
                name="user_view_is_known",
            ),
            # Two accounts that differ in case only would be taken for one person on paper.
            CheckConstraint(condition=Q(username=Lower("username")), name="user_name_is_lower_case"),
        ]

    def __str__(self) -> str:
        return f"{self.full_name} ({self.get_role_display()})"

    def get_full_name(self) -> str:
        return self.full_name

    def get_short_name(self) -> str:
        return self.full_name

    @property
    def role_view(self) -> RoleView:
        """The view this person picked, else the one of their role."""
        return RoleView(self.chosen_view) if self.chosen_view else ROLE_VIEW_OF[Role(self.role)]

    @property
    def permissions(self) -> frozenset[Permission]:
        return ROLE_PERMISSIONS[Role(self.role)] if self.is_active else frozenset()

    def may(self, permission: Permission) -> bool:
        return permission in self.permissions

    @property
    def home(self) -> str:
        """The page where this person's work is."""
        if self.may(Permission.VIEW_PATIENTS):
            return "/"
        if self.may(Permission.MANAGE_USERS):
            return "/admin/"
        return "/protocols/versions/" if self.may(Permission.READ_PROTOCOL) else "/me/"

    @property
    def is_staff(self) -> bool:
        """What the Django admin asks before it lets anybody in."""
        return self.may(Permission.USE_ADMIN_SITE)

    def has_module_perms(self, app_label: str) -> bool:
        return self.has_perm(f"{app_label}.view")

    def has_perm(self, perm: str, obj: object = None) -> bool:
        """Answer the Django admin from the same table as everything else."""
        app_label, _, codename = perm.partition(".")
        if app_label == "accounts":
            return self.may(Permission.MANAGE_USERS) and not codename.startswith("delete")
        if app_label == "audit":
            return self.may(Permission.VIEW_AUDIT) and codename.startswith("view")
        if app_label == "protocols" and codename.startswith("view"):
            return self.may(Permission.USE_ADMIN_SITE)
        return app_label == "protocols" and self.may(Permission.AUTHOR_PROTOCOL)


class SignIn(models.Model):
    """One person at one browser, from signing in until it ends; the server asks it at every request."""

    class Ending(models.TextChoices):
        SIGNED_OUT = "signed_out", "Signed out"
        IDLE = "idle", "No activity"
        SHIFT_OVER = "shift_over", "Longest time reached"
        ENDED_BY_USER = "ended_by_user", "Ended from another session"
        PASSWORD_CHANGED = "password_changed", "Password changed"
        ACCOUNT_CHANGED = "account_changed", "Account changed or disabled"

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="sign_ins")
    started_at = models.DateTimeField()
    last_active_at = models.DateTimeField()
    address = models.GenericIPAddressField(null=True)
    device = models.CharField(max_length=200, blank=True)
    ended_at = models.DateTimeField(null=True)
    ending = models.CharField(max_length=20, choices=Ending.choices, blank=True)

    class Meta:
        ordering = ["-last_active_at"]
        indexes = [models.Index(fields=["user"], condition=Q(ended_at=None), name="sign_in_open")]
        constraints = [
            CheckConstraint(
                condition=Q(ended_at=None, ending="") | (Q(ended_at__isnull=False) & ~Q(ending="")),
                name="sign_in_ends_with_a_reason",
            )
        ]

    def __str__(self) -> str:
        return f"{self.user.username} from {self.started_at:%Y-%m-%d %H:%M}"


class FailedPasswords(models.Model):
    """Wrong passwords in a row for one user name, whether or not anybody has it."""

    # A digest, because people type their password where the user name belongs.
    username_digest = models.CharField(max_length=64, primary_key=True)
    count = models.PositiveIntegerField(default=0)
    refused_until = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "failed passwords"

    def __str__(self) -> str:
        return f"{self.count} wrong passwords"
