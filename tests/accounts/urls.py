"""One page for each way to ask who somebody is, so that these tests need no other app."""

from functools import partial

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from ivigsite.accounts.permissions import (
    Permission,
    allow,
    allow_anyone,
    allow_signed_in,
    never_extends_session,
)


def page(request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"for {request.user}")


def broken(request: HttpRequest) -> HttpResponse:
    raise ZeroDivisionError


def echo(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.POST.get("text", ""))


urlpatterns = [
    path("", include("ivigsite.accounts.urls")),
    path("admin/", admin.site.urls),
    path("open/", allow_anyone(page)),
    path("page/", allow_signed_in(partial(page))),
    path("poll/", never_extends_session(allow_signed_in(partial(page)))),
    path("broken/", allow_anyone(broken)),
    path("echo/", allow_anyone(echo)),
    *[path(f"needs/{permission}/", allow(permission)(partial(page))) for permission in Permission],
]
