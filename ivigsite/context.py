"""What every page shows, whoever made it."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from ivigsite.accounts import sessions
from ivigsite.accounts.models import User
from ivigsite.audit.context import request_origin
from protocols.reading import current_version, status_line


def site(request: HttpRequest) -> dict[str, object]:
    user = getattr(request, "user", None)
    sign_in = getattr(request, "sign_in", None)
    origin = request_origin.get()
    signed_in = user if isinstance(user, User) else None
    # Lazy, because a partial has no foot and asks nothing; one for foot and note, which are on one page.
    in_force = SimpleLazyObject(current_version) if signed_in else None
    return {
        "site_name": "IVIG site",
        "demo": settings.DEMO,
        "request_id": origin.request_id if origin else None,
        "home": signed_in.home if signed_in else "/",
        "may": {permission.value: True for permission in signed_in.permissions} if signed_in else {},
        "protocol_in_force": in_force,
        "protocol_status": SimpleLazyObject(lambda: _status(in_force)) if signed_in else "",
        "theme": signed_in.theme if signed_in else "system",
        "session_seconds_left": sessions.seconds_left(sign_in, at=timezone.now()) if sign_in else 0,
        "idle_warning_seconds": int(sessions.WARNING_BEFORE.total_seconds()),
    }


def _status(in_force: Any) -> str:
    return status_line(in_force) if in_force else "No protocol version is approved: nothing can be computed."
