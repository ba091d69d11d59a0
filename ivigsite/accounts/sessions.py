"""The rules of a session: who is signed in, since when, and when that ends."""

from datetime import datetime, timedelta
from functools import cache

from django.contrib.auth import HASH_SESSION_KEY, user_logged_in
from django.db import transaction
from django.db.models import UUIDField
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from ivigsite.accounts.models import SignIn, User
from ivigsite.audit.actions import record
from protocols.prepared import Prepared, Told

IDLE_LIMIT = timedelta(minutes=10)
LONGEST = timedelta(hours=12)
WARNING_BEFORE = timedelta(seconds=60)
# Typing in a form makes several requests a second; the row is written once in this while.
ACTIVITY_STEP = timedelta(seconds=15)

SESSION_KEY = "sign_in_id"


def connect() -> None:
    """Give every login a row, whichever way it came about."""
    user_logged_in.connect(_start, dispatch_uid="accounts.sign_in")


@transaction.atomic
def _start(*, request: HttpRequest, user: User, **_kwargs: object) -> None:
    now = timezone.now()
    sign_in = SignIn.objects.create(
        user=user,
        started_at=now,
        last_active_at=now,
        address=request.META.get("REMOTE_ADDR") or None,
        device=request.META.get("HTTP_USER_AGENT", "")[:200],
    )
    request.session[SESSION_KEY] = str(sign_in.id)
    record(action="session.started", by=user, at=now, object_id=sign_in.id)


def forget_impossible_key(request: HttpRequest) -> None:
    """Go on without a session where its cookie holds NUL, which PostgreSQL cannot even look up."""
    if "\0" in (request.session.session_key or ""):
        request.session = type(request.session)()


def current_sign_in(request: HttpRequest) -> SignIn | None:
    """Return the open session of a request with its user, in one query."""
    sign_in_id = request.session.get(SESSION_KEY)
    if sign_in_id is None:
        return None
    found: list[SignIn] = _open_sign_in().rows(id=sign_in_id)
    if not found:
        return None
    (sign_in,) = found
    is_valid = sign_in.user.is_active and _password_is_the_same(request, sign_in.user)
    return sign_in if is_valid else None


def overdue(sign_in: SignIn, *, at: datetime) -> SignIn.Ending | None:
    """Say why a session must end now, if it must."""
    if at - sign_in.started_at >= LONGEST:
        return SignIn.Ending.SHIFT_OVER
    if at - sign_in.last_active_at >= IDLE_LIMIT:
        return SignIn.Ending.IDLE
    return None


def seconds_left(sign_in: SignIn, *, at: datetime) -> int:
    ends_at = min(sign_in.last_active_at + IDLE_LIMIT, sign_in.started_at + LONGEST)
    return max(0, int((ends_at - at).total_seconds()))


def touch(*, sign_in: SignIn, at: datetime) -> None:
    """Note that the person did something."""
    if at - sign_in.last_active_at < ACTIVITY_STEP:
        return
    SignIn.objects.filter(id=sign_in.id, ended_at=None).update(last_active_at=at)
    sign_in.last_active_at = at


@transaction.atomic
def end(*, sign_in: SignIn, ending: SignIn.Ending, by: User | None, at: datetime) -> None:
    """End one session."""
    ended = SignIn.objects.filter(id=sign_in.id, ended_at=None).update(ended_at=at, ending=ending)
    if ended:
        record(
            action=f"session.{ending}",
            by=by,
            at=at,
            object_id=sign_in.id,
            details={"user": sign_in.user_id},
        )


@transaction.atomic
def end_all(*, user: User, ending: SignIn.Ending, by: User | None, at: datetime) -> None:
    """End every session of a person at once."""
    count = SignIn.objects.filter(user=user, ended_at=None).update(ended_at=at, ending=ending)
    record(
        action=f"sessions.{ending}",
        by=by,
        at=at,
        object_id=user.id,
        details={"sessions": count},
    )


@cache
def _open_sign_in() -> Prepared:
    open_ones = SignIn.objects.filter(id=Told("id", UUIDField()), ended_at=None)
    return Prepared(open_ones.select_related("user").order_by())


def _password_is_the_same(request: HttpRequest, user: User) -> bool:
    """Catch a password changed by a command, which knows nothing of sessions."""
    stored = request.session.get(HASH_SESSION_KEY, "")
    known = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    return any(constant_time_compare(stored, digest) for digest in known)
