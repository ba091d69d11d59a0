"""Who is there, whether the session still holds, and whether this person may see this page."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.contrib.auth import logout
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils import timezone

from ivigsite.accounts import sessions
from ivigsite.accounts.http import SiteRequest
from ivigsite.accounts.permissions import Access, need_of
from ivigsite.audit.actions import record

GetResponse = Callable[[SiteRequest], HttpResponse]
View = Callable[..., HttpResponse]


class SessionRulesMiddleware:
    """Ends a session that has been idle or has lasted too long, counting only what the person did."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: SiteRequest) -> HttpResponse:
        now = timezone.now()
        sessions.forget_impossible_key(request)
        request.sign_in = sessions.current_sign_in(request)
        request.session_ending = sessions.overdue(request.sign_in, at=now) if request.sign_in else None
        if request.sign_in and request.session_ending:
            sessions.end(sign_in=request.sign_in, ending=request.session_ending, by=None, at=now)
            request.sign_in = None
        if request.sign_in:
            request.user = request.sign_in.user
        elif request.session.get(sessions.SESSION_KEY):
            logout(request)
        else:
            request.user = AnonymousUser()

        response = self.get_response(request)
        if request.sign_in:
            left = sessions.seconds_left(request.sign_in, at=timezone.now())
            response.headers["X-Session-Seconds-Left"] = str(left)
        return response

    def process_view(self, request: SiteRequest, view: View, args: Any, kwargs: Any) -> None:
        is_poll = request.headers.get("X-Poll") == "1" or getattr(view, "never_extends_session", False)
        if request.sign_in and not is_poll:
            sessions.touch(sign_in=request.sign_in, at=timezone.now())


class PermissionMiddleware:
    """Lets a view run only for those whom it says it is for."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: SiteRequest) -> HttpResponse:
        # Nothing here is named by NUL, and PostgreSQL can neither look it up nor keep it in the trail.
        if "%00" in request.get_full_path():
            return render(request, "400.html", status=400)
        return self.get_response(request)

    def process_view(self, request: SiteRequest, view: View, args: Any, kwargs: Any) -> HttpResponse | None:
        match = request.resolver_match
        need = need_of(view, match.app_names[0] if match and match.app_names else "")
        if need is Access.ANYONE:
            return None
        if request.sign_in is None:
            return ask_to_sign_in(request)
        if need is Access.SIGNED_IN or need in request.sign_in.user.permissions:
            return None
        record(
            action="access.denied",
            by=request.sign_in.user,
            at=timezone.now(),
            details={"path": request.path, "method": request.method, "needs": need},
        )
        raise PermissionDenied


def ask_to_sign_in(request: SiteRequest) -> HttpResponse:
    """Send the whole page to the login page; a fragment of a page must never receive one."""
    query = {"next": _page_of(request)}
    if request.session_ending:
        query["because"] = request.session_ending
    login_url = f"{resolve_url(settings.LOGIN_URL)}?{urlencode(query)}"
    if not request.headers.get("HX-Request"):
        return redirect(login_url)
    response = HttpResponse(status=401)
    response.headers["HX-Redirect"] = login_url
    return response


def _page_of(request: SiteRequest) -> str:
    """Return the page the person was looking at: for a fragment or a sent form, the one it was on."""
    if request.method in ("GET", "HEAD") and not request.headers.get("HX-Request"):
        return request.get_full_path()
    try:
        shown = urlsplit(request.headers.get("HX-Current-URL") or request.headers.get("Referer", ""))
    except ValueError:
        return "/"
    if shown.netloc != request.get_host():
        return "/"
    return f"{shown.path}?{shown.query}" if shown.query else shown.path
