"""What every answer carries, and what no request may bring."""

import logging
from collections.abc import Callable
from typing import TypeVar
from uuid import uuid4

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import render
from django.urls import Resolver404, resolve
from django.utils.cache import patch_vary_headers

from ivigsite.audit.context import RequestOrigin, request_origin
from protocols.engine.plain import PlainError
from protocols.mapping import SealBroken

logger = logging.getLogger(__name__)

GetResponse = Callable[[HttpRequest], HttpResponse]
View = TypeVar("View", bound=Callable[..., HttpResponse])

# Features of the browser that this site has no use for, all of them switched off.
NO_FEATURES = ", ".join(
    f"{feature}=()"
    for feature in (
        "accelerometer",
        "autoplay",
        "browsing-topics",
        "camera",
        "clipboard-read",
        "display-capture",
        "encrypted-media",
        "fullscreen",
        "geolocation",
        "gyroscope",
        "hid",
        "identity-credentials-get",
        "idle-detection",
        "local-fonts",
        "magnetometer",
        "microphone",
        "midi",
        "payment",
        "picture-in-picture",
        "publickey-credentials-get",
        "screen-wake-lock",
        "serial",
        "storage-access",
        "usb",
        "xr-spatial-tracking",
    )
)


class SecurityHeadersMiddleware:
    """Marks every answer, errors too, as private and not to be kept."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers["Permissions-Policy"] = NO_FEATURES
        response.headers.setdefault("Referrer-Policy", "same-origin")
        response.headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        # Static files bear a digest in their name, hold no patient, and are what makes the pages quick.
        if not request.path.startswith(settings.STATIC_URL):
            response.headers["Cache-Control"] = "no-store, private"
            patch_vary_headers(response, ["HX-Request", "Cookie"])
        return response


class RequestOriginMiddleware:
    """Gives each request a number of its own, for the audit trail and for whoever reports a fault."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        origin = RequestOrigin(request_id=uuid4(), address=request.META.get("REMOTE_ADDR") or None)
        token = request_origin.set(origin)
        try:
            response = self.get_response(request)
        finally:
            request_origin.reset(token)
        response.headers["X-Request-ID"] = str(origin.request_id)
        return response


def takes_long_bodies(view: View) -> View:
    """Let a view take a body as long as a content file; every other takes what a form can have."""
    view.takes_long_bodies = True  # type: ignore[attr-defined]
    return view


class BodyLimitMiddleware:
    """Refuses a body that no form of this site can have, before anything reads it, and the TRACE method."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method == "TRACE":
            return HttpResponseNotAllowed(["GET", "HEAD", "POST", "OPTIONS"])
        length = request.META.get("CONTENT_LENGTH") or "0"
        if not (length.isascii() and length.isdigit()):
            return render(request, "400.html", status=400)
        if int(length) > settings.BODY_LIMIT_BYTES and int(length) > (longest := _longest_body(request)):
            return render(request, "413.html", {"longest_kilobytes": longest // 1024}, status=413)
        return self.get_response(request)


def _longest_body(request: HttpRequest) -> int:
    try:
        view = resolve(request.path_info).func
    except Resolver404:
        return int(settings.BODY_LIMIT_BYTES)
    is_long = getattr(view, "takes_long_bodies", False)
    return int(settings.DATA_UPLOAD_MAX_MEMORY_SIZE if is_long else settings.BODY_LIMIT_BYTES)


class ProtocolOutOfUseMiddleware:
    """Says in words that a page needs a protocol whose stored content is not what was approved.

    Nothing is computed from such a version: whoever asked for it gets this page, and whoever runs the site
    a line in the log.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, SealBroken | PlainError):
            return None
        logger.critical("A protocol version cannot be used: %s", exception)
        return render(request, "protocol_out_of_use.html", {"reason": str(exception)}, status=503)
