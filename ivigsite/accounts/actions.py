"""What changes accounts and sessions; each writes its audit entry."""

from collections.abc import Collection, Iterable
from datetime import datetime

from django.contrib.auth import authenticate
from django.db import transaction

from ivigsite.accounts import passwords, sessions
from ivigsite.accounts.models import SignIn, User, Ward
from ivigsite.accounts.passwords import LOCKED_AT, WrongPassword
from ivigsite.accounts.roles import RoleView, Theme
from ivigsite.audit.actions import record


def check_credentials(*, username: str, password: str, at: datetime) -> User:
    """Return the person who has this name and password, or raise WrongPassword and count it."""
    waiting = passwords.wait_seconds(username, at=at)
    # Hashed even while waiting, and for names that nobody has: the answer takes as long either way.
    user = authenticate(username=username, password=password)
    if user is None or waiting:
        raise WrongPassword(waiting or record_failed_password(username=username, at=at))
    passwords.forget_failures(username)
    return user


def confirm_password(*, user: User, password: str, at: datetime) -> None:
    """Ask again who sits there, for one action; raise WrongPassword and count it.

    Call it before the transaction of that action: the count of failures outlives a rolled-back action.
    """
    check_credentials(username=user.username, password=password, at=at)


@transaction.atomic(durable=True)
def record_failed_password(*, username: str, at: datetime) -> int:
    """Count a wrong password and return how many seconds the account now waits."""
    failed = passwords.count_failure(username, at=at)
    user = User.objects.filter(username=username.lower()).first()
    record(
        action="password.locked" if failed.count >= LOCKED_AT else "password.wrong",
        by=None,
        at=at,
        object_id=user.pk if user else None,
        details={"failures": failed.count, "known_user": user is not None},
    )
    return passwords.wait_seconds(username, at=at)


@transaction.atomic
def change_password(*, user: User, new_password: str, by: User, at: datetime) -> None:
    """Set a password that has been validated, and end every session that the old one opened."""
    user.set_password(new_password)
    user.save(update_fields=["password"])
    sessions.end_all(user=user, ending=SignIn.Ending.PASSWORD_CHANGED, by=by, at=at)


@transaction.atomic
def personalise(*, user: User, role_view: RoleView, theme: Theme, at: datetime) -> None:
    user.chosen_view = role_view
    user.theme = theme
    user.save(update_fields=["chosen_view", "theme"])
    record(
        action="user.personalised",
        by=user,
        at=at,
        object_id=user.pk,
        details={"role_view": role_view, "theme": theme},
    )


@transaction.atomic
def create_user(
    *,
    username: str,
    password: str,
    full_name: str,
    role: str,
    by: User | None,
    at: datetime,
    registration_number: str = "",
    wards: Iterable[Ward] = (),
) -> User:
    """Make an account; nobody signs for it when a command makes the first one."""
    user = User.objects.create_user(
        username=username,
        password=password,
        full_name=full_name,
        role=role,
        registration_number=registration_number,
        wards=wards,
    )
    record(action="user.created", by=by, at=at, object_id=user.pk, details={"role": role})
    return user


@transaction.atomic
def save_user(*, user: User, changed: Collection[str], by: User, at: datetime) -> None:
    """Store an edited account; a new role, password or ban holds from the next click on."""
    user.save()
    if not {"role", "is_active", "new_password"}.isdisjoint(changed):
        sessions.end_all(user=user, ending=SignIn.Ending.ACCOUNT_CHANGED, by=by, at=at)
    record(
        action="user.changed",
        by=by,
        at=at,
        object_id=user.pk,
        details={
            "changed": sorted(changed),
            "role": user.role,
            "may_sign_in": user.is_active,
        },
    )
